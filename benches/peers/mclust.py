#!/usr/bin/env python3
"""The tables of BIC of `mixtura select` beside those of R's mclust, cell by cell.

Six data sets, the four families that both have (VVV is full, EEE tied, VVI diag, VII spherical), K from 1 to 9, of
wreath to 20. mclust begins at its hierarchical clustering, and its tolerance is 1e-10, so that optima can be compared;
beside it is its default. A BIC is the same within 0.1. Where mclust's is better other starts are tried, and mclust's
model too. ~ marks, and `held` counts, models that have collapsed onto the floor, which are not chosen.

    cargo build --release
    apt-get install r-cran-mclust
    pip install numpy
    benches/peers/mclust.py [--mixtura PATH] [--sets NAME ...]
"""

import argparse
import csv
import json
import subprocess
import tempfile
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent
SETS = ["faithful", "iris", "diabetes", "banknote", "thyroid", "wreath"]
FAMILIES = {"VVV": "full", "EEE": "tied", "VVI": "diag", "VII": "spherical"}
FLAGS = ["--tol", "1e-9", "--max-iter", "5000", "--device", "cpu", "--quiet"]
WAYS = {
    "exhaustive": ["--exhaustive", "--n-init", "20"],
    "exhaustive, no floor": ["--exhaustive", "--n-init", "20", "--floor", "0"],
    "path": [],
    "path, 20 restarts": ["--n-init", "20"],
}
STARTS = {
    "100 restarts": [],
    "100, no floor": ["--floor", "0"],
    "100 of k-means++": ["--init", "k-means++"],
    "100 of random": ["--init", "random"],
    "100 of random-from-data": ["--init", "random-from-data"],
}
KINDS = ["same", "better", "better, held", "worse", "mclust none", "of these held"]


def bic_of(samples, model):
    """BIC by NumPy alone, of a model as its file has it."""
    (n, d), k = samples.shape, model["n_components"]
    sigmas, triangle = np.array(model["covariances"]), d * (d + 1) // 2
    match model["covariance_type"]:
        case "full":
            free = k * triangle
        case "tied":
            sigmas, free = np.broadcast_to(sigmas, (k, d, d)), triangle
        case "diag":
            sigmas, free = sigmas[..., None] * np.eye(d), k * d
        case "spherical":
            sigmas, free = sigmas[:, None, None] * np.eye(d), k
    logs = np.empty((n, k))
    for j, (weight, mean, sigma) in enumerate(zip(model["weights"], model["means"], sigmas, strict=True)):
        off = np.linalg.solve(np.linalg.cholesky(sigma), (samples - mean).T)
        logs[:, j] = np.log(weight) - (d * np.log(2 * np.pi) + np.linalg.slogdet(sigma)[1] + (off**2).sum(axis=0)) / 2
    free += k - 1 + k * d
    return free * np.log(n) - 2 * np.logaddexp.reduce(logs, axis=1).sum()


def select(mixtura, data, *flags):
    """The candidates of a selection."""
    command = [mixtura, "select", data, *FLAGS, *flags, "--json"]
    return json.loads(subprocess.run(command, capture_output=True, check=True).stdout)["candidates"]


def fit_from(mixtura, data, model, out):
    """The model at which EM from another one ends."""
    subprocess.run([mixtura, "fit", data, *FLAGS, "--init-model", model, "--out", out], check=True)
    return json.loads(out.read_text())


def kind(cell, way, how="tight"):
    """Which of KINDS a cell is."""
    mine, bic = cell[way], cell[f"bic_{how}"]
    if np.isnan(bic):
        return "mclust none"
    if abs(mine["bic"] - bic) <= 0.1:
        return "same"
    if mine["bic"] > bic:
        return "worse"
    return "better, held" if mine["held_by_floor"] else "better"


def count(cells, way, how="tight"):
    """How many cells are of each of KINDS, as the end of a row."""
    kinds = [kind(cell, way, how) for cell in cells]
    held = sum(cell[way]["held_by_floor"] for cell in cells if np.isnan(cell[f"bic_{how}"]))
    return " | ".join(str(kinds.count(name)) for name in KINDS[:-1]) + f" | {held}"


def heading(*names, words=1):
    """The first two lines of a table, the columns after the first words of numbers."""
    print("\n| " + " | ".join(names) + " |")
    print("| --- " * words + "| ---: " * (len(names) - words) + "|")


def read(mixtura, name, folder):
    """The cells of a data set: mclust's numbers with mixtura's sign, and mixtura's candidate by each of WAYS."""
    with (folder / f"{name}-bic.csv").open() as file:
        rows = list(csv.DictReader(file))
    cells = [{key: -float(row[key].replace("NA", "nan")) for key in row if "_" in key} for row in rows]
    for cell, row in zip(cells, rows, strict=True):
        cell.update(data=name, family=FAMILIES[row["model"]], k=int(row["K"]))
    most = max(cell["k"] for cell in cells)
    for way, flags in WAYS.items():
        candidates = select(mixtura, folder / f"{name}.csv", "-k", f"1..{most}", *flags)
        found = {(each["covariance_type"], each["n_components"]): each for each in candidates}
        for cell in cells:
            cell[way] = found[cell["family"], cell["k"]]
    return cells


def choose(cells, way, criterion):
    """The best cell by mixtura."""
    return min((cell for cell in cells if not cell[way]["held_by_floor"]), key=lambda cell: cell[way][criterion])


def print_choices(data, cells):
    """What both choose among the cells of a data set."""
    for criterion, ours in (("bic", "bic"), ("icl", "icl_labels")):
        first = min((cell for cell in cells if cell["bic_tight"] > 0), key=lambda cell: cell[f"{criterion}_tight"])
        best = choose(cells, "exhaustive", ours)
        peer = f"{first['k']} {first['family']} | {first['bic_tight']:.2f}, {first['icl_tight']:.2f}"
        mine = "{bic:.2f}, {icl_labels:.2f}".format(**best["exhaustive"])
        same = "yes" if choose(cells, "path", ours) is best else "no"
        print(f"| {data} | {criterion} | {peer} | {best['k']} {best['family']} | {mine} | {same} |")


def print_worse(mixtura, cell, folder, again):
    """A row for a cell whose BIC is worse than mclust's, with other starts."""
    found = [cell[way] for way in WAYS]
    for flags in STARTS.values():
        sizes = ["-k", str(cell["k"]), "--covariance", cell["family"], "--exhaustive", "--n-init", "100"]
        found += select(mixtura, folder / f"{cell['data']}.csv", *sizes, *flags)
    bics = [f"{each['bic']:.2f}" + "~" * each["held_by_floor"] for each in found]
    name = f"{cell['data']}, {cell['k']} {cell['family']}"
    print(f"| {name} | {cell['bic_tight']:.2f} | {' | '.join(bics)} | {again:.2f} |", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mixtura", type=Path, default=HERE.parent.parent / "target" / "release" / "mixtura")
    parser.add_argument("--sets", nargs="*", choices=SETS, default=SETS)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="mixtura-mclust-") as folder:
        compare(options.mixtura, options.sets, Path(folder))


def compare(mixtura, sets, folder):
    """All tables."""
    subprocess.run(["Rscript", HERE / "mclust.R", folder], check=True)
    cells = {name: read(mixtura, name, folder) for name in sets}
    every = [cell for name in sets for cell in cells[name]]

    heading("data", *KINDS)
    for name in sets:
        print(f"| {name} | {count(cells[name], 'exhaustive')} |")

    heading("`mixtura select`", "mclust's tolerance", *KINDS, words=2)
    for way in WAYS:
        for how in ["tight", "default"] if way == "exhaustive" else ["tight"]:
            print(f"| {way} | {how} | {count(every, way, how)} |")

    heading("data", "by", "mclust", "its BIC, ICL", "mixtura", "its BIC, ICL", "path chooses it too", words=7)
    for name in sets:
        print_choices(name, cells[name])

    heading("worse", "mclust", *WAYS, *STARTS, "from mclust's model")
    apart, moved = [], []
    for cell in (cell for cell in every if cell["bic_tight"] > 0):
        data, start = folder / f"{cell['data']}.csv", folder / f"{cell['data']}-{cell['family']}-{cell['k']}.json"
        samples = np.loadtxt(data, delimiter=",", skiprows=1)
        again = bic_of(samples, fit_from(mixtura, data, start, folder / "fit.json"))
        apart.append(abs(bic_of(samples, json.loads(start.read_text())) - cell["bic_tight"]))
        moved.append(again - cell["bic_tight"])
        if "worse" in (kind(cell, way) for way in WAYS if way.startswith("exhaustive")):
            print_worse(mixtura, cell, folder, again)

    free = [cell for cell in every if not cell["exhaustive"]["held_by_floor"]]
    floors = [abs(cell["exhaustive"]["bic"] - cell["exhaustive, no floor"]["bic"]) for cell in free]
    same = [cell for cell in every if kind(cell, "exhaustive") == "same"]
    icls = [abs(cell["exhaustive"]["icl_labels"] - cell["icl_tight"]) for cell in same]
    print(f"\nBIC of mclust's {len(apart)} models by NumPy, and by mclust: at most {max(apart):.1e} apart.")
    print(f"BIC after EM from mclust's models, less mclust's: from {min(moved):+.1e} to {max(moved):+.1e}.")
    print(f"BIC with the floor and without, where it holds no component: at most {max(floors):.1e} apart.")
    print(f"ICL where BIC is the same: {np.median(icls):.1e} apart in the middle, at most {max(icls):.1e}.")


main()
