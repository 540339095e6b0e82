#!/usr/bin/env python3
"""Passes over the data that EM, SQUAREM and stepwise EM with polish need, from the same starts.

Twelve data sets: eight real ones that scikit-learn carries or this project does, and four synthetic ones with heavy
overlap; five starts each: means at K random samples, the covariance of all samples, equal weights. A method's passes
are those until its lower bound is within 1e-6 nats per sample of where EM ends from that start (tolerance 1e-12). A
method that ends in another optimum is listed apart: its passes are those to its own end.

    cargo build --release
    pip install scikit-learn==1.9.1
    benches/convergence.py [--markdown FILE] [--json FILE]
"""

import argparse
import concurrent.futures
import json
import subprocess
import tempfile
from pathlib import Path
from statistics import median

import numpy as np
from sklearn import datasets

ROOT = Path(__file__).resolve().parent.parent
BINARY = ROOT / "target" / "release" / "mixtura"
STARTS = 5
WITHIN = 1e-6
METHODS = {
    "EM": [],
    "SQUAREM": ["--accelerate", "squarem"],
    "stepwise + polish": ["--update", "stepwise", "--polish", "--batch-size", "{tenth}"],
}


def overlapping(n, d, k, distance, seed):
    """K Gaussians of unit covariance whose means lie `distance` apart, each on a random direction."""
    random = np.random.default_rng(seed)
    directions = random.normal(size=(k, d))
    means = distance * directions / np.linalg.norm(directions, axis=1, keepdims=True)
    return means[random.integers(k, size=n)] + random.normal(size=(n, d))


def suite():
    """Name -> (samples, K, family)."""
    iris, wine = datasets.load_iris().data, datasets.load_wine().data
    cancer, digits = datasets.load_breast_cancer().data, datasets.load_digits().data
    diabetes, linnerud = datasets.load_diabetes().data, datasets.load_linnerud().data
    faithful = np.genfromtxt(ROOT / "data" / "faithful.csv", delimiter=",", skip_header=1)
    leading = np.linalg.svd(digits - digits.mean(axis=0), full_matrices=False)[0][:, :8]
    return {
        "Old Faithful": (faithful[:, -2:], 2, "full"),
        "iris": (iris, 3, "full"),
        "iris, tied": (iris, 3, "tied"),
        "wine": (wine, 3, "diag"),
        "breast cancer": (cancer[:, :10], 2, "full"),
        "digits, 8 axes": (leading, 10, "full"),
        "diabetes": (diabetes[:, 4:], 3, "diag"),
        "Linnerud": (linnerud, 2, "spherical"),
        "two, 1.5 apart": (overlapping(2000, 2, 2, 1.5, 1), 2, "full"),
        "four, 2 apart": (overlapping(4000, 3, 4, 2.0, 2), 4, "full"),
        "five, 2 apart, tied": (overlapping(3000, 4, 5, 2.0, 3), 5, "tied"),
        "three, 2 apart, diag": (overlapping(3000, 2, 3, 2.0, 4), 3, "diag"),
    }


def start(samples, k, family, seed):
    """A model file's contents."""
    n, d = samples.shape
    means = samples[np.random.default_rng(seed).choice(n, k, replace=False)]
    covariance = np.cov(samples.T) + 1e-6 * np.diag(samples.var(axis=0))
    covariances = {
        "full": np.broadcast_to(covariance, (k, d, d)),
        "tied": covariance,
        "diag": np.broadcast_to(np.diag(covariance), (k, d)),
        "spherical": np.full(k, np.trace(covariance) / d),
    }[family]
    return {
        "format": "mixtura-model",
        "version": 1,
        "covariance_type": family,
        "n_components": k,
        "n_features": d,
        "feature_names": None,
        "weights": [1 / k] * k,
        "means": means.tolist(),
        "covariances": covariances.tolist(),
    }


def bounds(samples_path, start_path, flags):
    """The lower bound of every pass, and of the end."""
    command = [BINARY, "fit", samples_path, "--init-model", start_path, "--device", "cpu", "--json", "--quiet"]
    command += ["--tol", "1e-12", "--max-iter", "100000", "--on-collapse", "error", *flags]
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, check=True)
    fit = json.loads(done.stdout)
    return fit["lower_bounds"], fit["mean_log_likelihood"]


def passes(trace, end, target):
    """The number of the first pass whose model is within reach of the target, or else of its own end."""
    reached = end >= target - WITHIN
    goal = (target if reached else end) - WITHIN
    return next((i for i, bound in enumerate(trace, 1) if bound >= goal), len(trace)), end - target


def run(name, samples, k, family, folder):
    rows = []
    samples_path = folder / f"{name}.npy"
    np.save(samples_path, np.ascontiguousarray(samples))
    for seed in range(STARTS):
        start_path = folder / f"{name}-{seed}.json"
        start_path.write_text(json.dumps(start(samples, k, family, seed)))
        row = {"data": name, "n": len(samples), "d": samples.shape[1], "k": k, "family": family, "seed": seed}
        target = None
        for method, flags in METHODS.items():
            flags = [flag.format(tenth=max(len(samples) // 10, 1)) for flag in flags]
            trace, end = bounds(samples_path, start_path, flags)
            target = end if target is None else target
            row[method] = passes(trace, end, target)
        rows.append(row)
    return rows


def table(results):
    """One line for each data set: median passes, and the range of their ratio to EM's."""
    lines = ["| data | N, D, K, family | " + " | ".join(METHODS) + " | SQUAREM / EM | stepwise / EM |"]
    lines.append("|---|---|" + "---:|" * (len(METHODS) + 2))
    for name in dict.fromkeys(row["data"] for row in results):
        rows = [row for row in results if row["data"] == name]
        first = rows[0]
        cells = [name, f"{first['n']}, {first['d']}, {first['k']}, {first['family']}"]
        cells += [f"{median(row[method][0] for row in rows):.0f}" for method in METHODS]
        for method in list(METHODS)[1:]:
            ratios = [row[method][0] / row["EM"][0] for row in rows if abs(row[method][1]) <= WITHIN]
            others = [row[method][1] for row in rows if abs(row[method][1]) > WITHIN]
            text = f"{min(ratios):.2f} to {max(ratios):.2f}" if ratios else "-"
            better = sum(gain > 0 for gain in others)
            text += f"; {better} better, {len(others) - better} worse optima" if others else ""
            cells.append(text)
        lines.append("| " + " | ".join(cells) + " |")
    for method in list(METHODS)[1:]:
        ratios = [row[method][0] / row["EM"][0] for row in results if abs(row[method][1]) <= WITHIN]
        others = [row[method][1] for row in results if abs(row[method][1]) > WITHIN]
        lines.append("")
        lines.append(
            f"{method}: median {median(ratios):.2f} of EM's passes, largest {max(ratios):.2f}, in {len(ratios)} fits"
            f" that end where EM does; {sum(gain > 0 for gain in others)} end in a better optimum,"
            f" {sum(gain < 0 for gain in others)} in a worse one."
        )
    return "\n".join(lines) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path, help="write every figure here")
    parser.add_argument("--markdown", type=Path, help="write the table here")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, concurrent.futures.ThreadPoolExecutor(2) as pool:
        tasks = [pool.submit(run, name, *task, Path(folder)) for name, task in suite().items()]
        results = [row for task in tasks for row in task.result()]
    text = table(results)
    print(text)
    if arguments.json:
        arguments.json.write_text(json.dumps(results, indent=1) + "\n")
    if arguments.markdown:
        arguments.markdown.write_text(text)


if __name__ == "__main__":
    main()
