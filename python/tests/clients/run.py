"""Runs the tests of packages that use scikit-learn's GaussianMixture, unchanged and with Mixtura's in its place.

    python python/tests/clients/run.py [--checkouts FOLDER] [--mixtura WHEEL] [CLIENT ...]

Every client gets an environment of its own under target/clients, with its release from the package index. Its tests
come from its source distribution or, where that has none, from FOLDER/NAME: a checkout of its public repository. Which
tests differ is printed, and a table for README.md. It takes half an hour, and is no part of the other tests.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tarfile
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).resolve().parent
WORK = HERE.parents[2] / "target" / "clients"


@dataclass
class Client:
    """A package and those of its tests that use a GaussianMixture."""

    release: str
    """As the package index knows it."""
    tests: list[str]
    """Files, relative to the source distribution or checkout."""
    folder: str = "tests"
    """Folder that all of its tests need."""
    checkout: bool = True
    """Whether the tests are in the checkout only."""
    needs: list[str] = field(default_factory=list)
    """Requirements of the tests beside the package."""
    sklearn: str = "1.9.1"
    options: list[str] = field(default_factory=list)
    """Options of pytest."""


ESTIMATORS = "tests/test_estimators"
CLIENTS = {
    "scikit-lego": Client(
        "scikit-lego==0.9.10",
        [
            f"{ESTIMATORS}/test_gmm_naive_bayes.py",
            f"{ESTIMATORS}/test_mixture_classifier.py",
            f"{ESTIMATORS}/test_mixture_detector.py",
            "tests/test_meta/test_outlier_classifier.py",
            "tests/test_preprocessing/test_outlier_remover.py",
        ],
        needs=["pytest-xdist", "pytest-mock", "polars", "pyarrow"],
    ),
    "pyod": Client("pyod==3.6.7", ["pyod/test/test_gmm.py"], folder="pyod/test"),
    "graspologic": Client(
        "graspologic==3.4.4",
        ["tests/cluster/test_autogmm.py", "tests/cluster/test_gclust.py", "tests/cluster/test_divisive_cluster.py"],
    ),
    "cgmm": Client("cgmm==0.5.1", ["tests"], needs=["pandas", "matplotlib"]),
    "skl2onnx": Client(
        "skl2onnx==1.20.0",
        [
            "tests/test_sklearn_gaussian_mixture_converter.py",
            "tests/test_op10.py",
            "tests/test_sklearn_double_tensor_type_tr.py",
            "tests/test_sklearn_array_feature_extractor.py",
        ],
        checkout=False,
        needs=["onnxruntime", "pandas", "packaging", "pytest-subtests"],
    ),
    "stepmix": Client(
        "stepmix==3.0.0",
        ["test"],
        folder="test",
        checkout=False,
        options=["-k", "gauss or continuous or emission or benchmark"],
    ),
    "gmm-mi": Client("gmm-mi==0.8.2", ["gmm_mi/tests"], folder="gmm_mi/tests", sklearn="1.6.1"),
}


def environment(name: str, client: Client, mixtura: str) -> Path:
    """Make the environment of a client, and give its interpreter."""
    folder = WORK / name / "environment"
    python = folder / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        wanted = [client.release, f"scikit-learn=={client.sklearn}", "pytest", *client.needs]
        subprocess.run([python, "-m", "pip", "install", "--quiet", *wanted], check=True)
    subprocess.run([python, "-m", "pip", "install", "--quiet", "--force-reinstall", "--no-deps", mixtura], check=True)
    return python


def tests(name: str, client: Client, python: Path, checkouts: Path) -> Path:
    """Lay the tests out, without the package beside them, which is to be the installed one."""
    folder = WORK / name / "tests"
    shutil.rmtree(folder, ignore_errors=True)
    source = checkouts / name
    if not client.checkout:
        archives = WORK / name / "archive"
        if not archives.exists():
            no_wheel = ["--no-deps", "--no-binary", ":all:", "--dest", archives]
            subprocess.run([python, "-m", "pip", "download", "--quiet", *no_wheel, client.release], check=True)
        with tarfile.open(next(archives.glob("*.tar.gz"))) as archive:
            archive.extractall(WORK / name, filter="data")
            source = WORK / name / archive.getnames()[0].partition("/")[0]
    shutil.copytree(source / client.folder, folder / client.folder)
    return folder


def outcomes(python: Path, client: Client, folder: Path, swapped: bool) -> tuple[dict[str, str], str]:
    """Run the tests: what became of each, and how many passed and failed, as pytest counts them."""
    report = folder / f"{'swapped' if swapped else 'unchanged'}.xml"
    plugin = ["-p", "swap"] if swapped else []
    # Options of the client's own projects are for its own developers.
    command = [python, "-m", "pytest", "-q", "-c", os.devnull, "--rootdir", folder, *plugin, f"--junitxml={report}"]
    paths = os.pathsep.join(filter(None, [str(HERE), os.environ.get("PYTHONPATH")]))
    run = subprocess.run(
        [*command, *client.options, *client.tests],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": paths},
        capture_output=True,
        text=True,
        check=False,
    )
    (folder / f"{report.stem}.log").write_text(run.stdout + run.stderr)
    found: dict[str, str] = {}
    for case in ElementTree.parse(report).iter("testcase"):
        kinds = {child.tag for child in case} & {"failure", "error", "skipped"}
        kind = kinds.pop() if kinds else "passed"
        key = f"{case.get('classname')}::{case.get('name')}"
        if found.get(key) not in {"failure", "error"}:
            found[key] = kind
    counts = run.stdout.strip().rpartition("\n")[2].strip("= ").partition(" in ")[0].split(", ")
    return found, ", ".join(count for count in counts if not count.endswith(("warning", "warnings", "deselected")))


def main() -> None:
    """Run what the command line names."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clients", nargs="*", choices=[[], *CLIENTS], default=[], metavar="CLIENT")
    parser.add_argument("--checkouts", type=Path, default=WORK / "checkouts", metavar="FOLDER")
    parser.add_argument("--mixtura", default=str(HERE.parents[1]), metavar="WHEEL", help="by default the sources")
    arguments = parser.parse_args()
    table = ["| package | scikit-learn | unchanged | swapped | broken |", "| --- | --- | --- | --- | --- |"]
    for name in arguments.clients or CLIENTS:
        client = CLIENTS[name]
        python = environment(name, client, arguments.mixtura)
        folder = tests(name, client, python, arguments.checkouts)
        unchanged, counts = outcomes(python, client, folder, swapped=False)
        swapped, swapped_counts = outcomes(python, client, folder, swapped=True)
        broken = [case for case, kind in unchanged.items() if kind == "passed" and swapped.get(case) != "passed"]
        print(name, *broken, sep="\n  ", flush=True)
        release = client.release.replace("==", " ")
        table.append(f"| {release} | {client.sklearn} | {counts} | {swapped_counts} | {len(broken)} |")
    print("", *table, sep="\n")


if __name__ == "__main__":
    main()
