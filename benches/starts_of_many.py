#!/usr/bin/env python3
"""Starts of many components: what they cost, in epochs in which every component meets every sample, and where fits end.

Samples of mixtures of as many components as are fitted, some overlapping. With `--before` another program fits them too: an
earlier version of this one, say.

    cargo build --release
    benches/starts_of_many.py [--samples N] [--seeds N] [--cases TEXT ...] [--before PROGRAM] [--markdown FILE]
"""

import argparse
import json
import subprocess
import tempfile
from pathlib import Path
from statistics import mean, median

import numpy as np

ROOT = Path(__file__).resolve().parent.parent

# Features, components, family.
CASES = [
    (d, k, family)
    for d in (3, 8)
    for k in (8, 64, 256, 1024, 4096)
    for family in (["full", "diag"] if k <= 1024 else ["diag"])
]


def draw(n, d, k, seed):
    random = np.random.default_rng(seed)
    means = random.normal(size=(k, d)) * k ** (1 / d)
    widths = random.uniform(0.2, 1.0, size=(k, d))
    label = random.integers(k, size=n)
    return means[label] + widths[label] * random.normal(size=(n, d))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mixtura", type=Path, default=ROOT / "target" / "release" / "mixtura")
    parser.add_argument("--before", type=Path)
    parser.add_argument("--samples", type=int, default=200_000)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--cases", nargs="*", default=[""], help="parts of the names [default: all]")
    parser.add_argument("--markdown", type=Path)
    options = parser.parse_args()
    lines = [
        "| N, D, K, family | start, dense epochs | before | mean log-likelihood after the fit | before | difference, mean (s.e.) | worst |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    print("\n".join(lines), flush=True)
    for d, k, family in CASES:
        name = f"{options.samples:,}, {d}, {k:,}, {family}"
        if any(part in name for part in options.cases):
            lines.append(compare(name, d, k, family, options))
            print(lines[-1], flush=True)
    if options.markdown:
        options.markdown.write_text("\n".join(lines) + "\n")


def compare(name, d, k, family, options):
    costs, before, ours, theirs = [], [], [], []
    with tempfile.TemporaryDirectory(prefix="mixtura-starts-") as folder:
        data = Path(folder, "data.npy")
        for seed in range(options.seeds):
            np.save(data, draw(options.samples, d, k, seed))
            arguments = ["fit", data, "-k", k, "--covariance", family, "--device", "cpu", "--quiet", "--json", "--seed", seed]
            dense = ["--start", "direct", "--init", "random-from-data", "--prune", "off", "--tol", 0, "--max-iter", 5]
            epoch = run([options.mixtura, *arguments, *dense])["epoch_ms_median"]
            more = ["--tol", 1e-5, "--max-iter", options.epochs]
            result = run([options.mixtura, *arguments, "--start", "direct", *more])
            costs.append(result["seconds"]["init"] * 1e3 / epoch)
            ours.append(result["mean_log_likelihood"])
            if options.before:
                result = run([options.before, *arguments, *more])
                before.append(result["seconds"]["init"] * 1e3 / epoch)
                theirs.append(result["mean_log_likelihood"])
    if not theirs:
        return f"| {name} | {median(costs):.1f} | | {mean(ours):.5f} | | | |"
    differences = np.array(ours) - theirs
    error = differences.std(ddof=1) / len(differences) ** 0.5 if len(differences) > 1 else float("nan")
    return (
        f"| {name} | {median(costs):.1f} | {median(before):.1f} | {mean(ours):.5f} | {mean(theirs):.5f} "
        f"| {mean(differences):+.5f} ({error:.5f}) | {min(differences):+.5f} |"
    )


def run(command):
    return json.loads(subprocess.run(list(map(str, command)), check=True, stdout=subprocess.PIPE, text=True).stdout)


main()
