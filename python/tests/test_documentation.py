"""The programs of the documentation run, and the docstrings are complete."""

import doctest
import inspect
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpydoc.validate
import pytest

import mixtura

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "python" / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
PROGRAM = re.compile(r"^```python\n(.*?)^```", re.DOTALL | re.MULTILINE)
PROGRAMS = [
    pytest.param(program, id=f"{page.relative_to(ROOT)}-{number}")
    for page in PAGES
    for number, program in enumerate(PROGRAM.findall(page.read_text(encoding="utf-8")))
]
PUBLIC = [getattr(mixtura, name) for name in mixtura.__all__ if name != "__version__"]
MODULES = sorted({sys.modules[thing.__module__] for thing in PUBLIC}, key=lambda module: module.__name__)


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.__name__)
def test_examples_of_docstrings_run(module):
    failed, tried = doctest.testmod(module, optionflags=doctest.NORMALIZE_WHITESPACE)
    assert tried > 0
    assert failed == 0


# tests/documentation runs the commands of these pages, cargo their programs in Rust.
@pytest.mark.parametrize("program", PROGRAMS)
def test_the_programs_of_the_pages_run(program, tmp_path):
    (tmp_path / "data").mkdir()
    shutil.copy(ROOT / "data" / "faithful.csv", tmp_path / "data")
    run = subprocess.run([sys.executable, "-W", "error", "-c", program], cwd=tmp_path, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr


def test_the_programs_of_the_pages_are_found():
    assert len(PROGRAMS) >= 5


def members():
    for thing in PUBLIC:
        yield f"mixtura.{thing.__name__}"
        if inspect.isclass(thing) and thing is not mixtura.DeviceInfo:
            # Classes of the package: neither its native half nor scikit-learn's.
            ours = [kind for kind in thing.__mro__ if re.match(r"mixtura\._(?!native)", kind.__module__)]
            for name in {name for kind in ours for name in vars(kind)}:
                # scikit-learn makes requests for metadata out of signatures.
                if not name.startswith("_") and not name.endswith("_request") and callable(getattr(thing, name)):
                    yield f"mixtura.{thing.__name__}.{name}"


@pytest.mark.parametrize("name", sorted(members()))
def test_docstrings_are_complete(name):
    # Sections that would say nothing more are not asked for, nor types where several parameters share a line; what is
    # returned has a name, as in scikit-learn's docstrings; fields of tuples have no text.
    ignored = {
        "EX01",
        "ES01",
        "SA01",
        "SA04",
        "GL01",
        "GL08",
        "RT03",
        "PR01",
        "PR02",
        "PR09",
        "RT02",
        "PR04",
        "SS05",
        "YD01",
    }
    errors = [error for error in numpydoc.validate.validate(name)["errors"] if error[0] not in ignored]
    assert not errors


# Entries of the list of devices, and moments, are not made by users.
@pytest.mark.parametrize("name", sorted({*members()} - {"mixtura.DeviceInfo", "mixtura.Moments"}))
def test_every_parameter_is_described(name):
    errors = [error for error in numpydoc.validate.validate(name)["errors"] if error[0] in {"PR01", "PR02"}]
    assert not errors
