"""What checkers of types know of the package."""

import re

import mypy.api
import pytest

PROGRAM = """
import numpy as np
from mixtura import Dataset, GaussianMixture, MixtureSelection, Part, resume

model = GaussianMixture(2, covariance_type="tied", update="squarem").fit(np.zeros((3, 2)))
reveal_type(model.means_)
reveal_type(model.lower_bounds_)
reveal_type(model.trace_)
reveal_type(model.device_)
reveal_type(model.score_samples(np.zeros((3, 2))))
reveal_type(resume("fit.ckpt", "samples.npy").converged_)
"""

WRONG = [
    'GaussianMixture(covariance_type="diagonal")',
    'GaussianMixture(init_params="k-means")',
    'GaussianMixture(update="sgd")',
    'GaussianMixture(start="fine")',
    'GaussianMixture(on_collapse="ignore")',
    'GaussianMixture(prune="on")',
    'GaussianMixture(posterior="hard")',
    'GaussianMixture(missing="drop")',
    'GaussianMixture(precision="f16")',
    'MixtureSelection(covariance_type="diagonal")',
    'MixtureSelection(covariance_type=["full", "diagonal"])',
    'MixtureSelection(criterion="dic")',
    'Dataset("samples.npy", missing="drop")',
    'Part("samples.npy", precision="f16")',
]


@pytest.fixture(scope="module")
def found():
    """Give what mypy says of the program, line by line."""
    program = PROGRAM + "\n".join(WRONG)
    said, trouble, _ = mypy.api.run(["--ignore-missing-imports", "--no-incremental", "-c", program])
    assert not trouble
    lines = {}
    for number, message in re.findall(r"^<string>:(\d+): (.*)$", said, re.MULTILINE):
        lines.setdefault(program.splitlines()[int(number) - 1], message)
    return lines


@pytest.mark.parametrize("wrong", WRONG)
def test_words_that_no_parameter_may_be_are_found(found, wrong):
    assert re.match(r"error: (Argument|List item) .* has incompatible type", found[wrong])


def test_attributes_and_answers_have_types(found):
    right = {line: message for line, message in found.items() if line not in WRONG}
    assert {message.split('"')[1] for line, message in right.items() if "means_" in line or "score" in line} == {
        "numpy.ndarray[tuple[Any, ...], numpy.dtype[numpy.floating[Any]]]"
    }
    types = [right[line].split('"')[1] for line in right if re.search("lower_bounds_|device_|converged_", line)]
    assert types == ["list[float]", "str", "bool"]
    assert "dict[str, numpy.ndarray[" in right["reveal_type(model.trace_)"].replace("builtins.", "")
    assert len(right) == 6, "all else is right"
