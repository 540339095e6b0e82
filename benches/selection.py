#!/usr/bin/env python3
"""What `mixtura select` chooses beside what it chooses when every candidate is fitted in full, and the time of both.

Samples of Gaussians of each of the four families, some near each other and some apart, of several sizes. The choice counts
as the same where number of components and family are; a BIC may be worse by max(2, 2e-4 N).

    cargo build --release
    pip install numpy
    benches/selection.py [--mixtura PATH] [--cases NUMBER ...]
"""

import argparse
import json
import subprocess
import tempfile
import time
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
FAMILIES = ["full", "tied", "diag", "spherical"]

# Samples, features, components that they have, and the most that are tried.
SHAPES = [(2_000, 2, 3, 10), (5_000, 3, 6, 12), (20_000, 4, 10, 20), (10_000, 8, 20, 30), (200_000, 3, 8, 15)]


def draw(n, d, k, family, seed):
    """Samples of a mixture whose components have weights and distances of all kinds."""
    random = np.random.default_rng(seed)
    means = random.normal(size=(k, d)) * 2.2 * k ** (1 / d)
    roots = np.eye(d) + 0.5 * random.normal(size=(k, d, d)) / np.sqrt(d)
    scales = random.uniform(0.5, 1.5, size=(k, d))
    if family == "tied":
        roots[:] = roots[0]
    elif family == "diag":
        roots = np.eye(d) * scales[:, None, :]
    elif family == "spherical":
        roots = np.eye(d) * scales[:, :1, None]
    label = random.choice(k, size=n, p=random.dirichlet(np.full(k, 4.0)))
    return means[label] + np.einsum("nij,nj->ni", roots[label], random.normal(size=(n, d)))


def choose(mixtura, data, most, *flags):
    """The best candidate, and seconds."""
    begun = time.monotonic()
    select = [mixtura, "select", data, "-k", f"1..{most}", "--n-init", "3", "--tol", "1e-5", "--max-iter", "500"]
    done = subprocess.run([*select, "--device", "cpu", "--json", "--quiet", *flags], capture_output=True, check=True)
    best = next(candidate for candidate in json.loads(done.stdout)["candidates"] if candidate["best"])
    return best, time.monotonic() - begun


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mixtura", type=Path, default=ROOT / "target" / "release" / "mixtura")
    cases = [(shape, family) for shape in SHAPES for family in FAMILIES]
    parser.add_argument("--cases", type=int, nargs="*", default=range(len(cases)), help="some of 0 to 19")
    options = parser.parse_args()
    print("| samples | in full | chosen | BIC, more than in full | seconds, in full / chosen |")
    print("| --- | --- | --- | ---: | ---: |", flush=True)
    same, near = 0, 0
    for number in options.cases:
        (n, d, k, most), family = cases[number]
        with tempfile.TemporaryDirectory(prefix="mixtura-selection-") as folder:
            data = Path(folder, "samples.npy")
            np.save(data, draw(n, d, k, family, number))
            full, slow = choose(options.mixtura, data, most, "--exhaustive")
            found, fast = choose(options.mixtura, data, most)
        kind = [f"{best['n_components']} {best['covariance_type']}" for best in (full, found)]
        more = found["bic"] - full["bic"]
        same += kind[0] == kind[1]
        near += more <= max(2, 2e-4 * n)
        what = f"{n:,} x {d}, {k} {family}"
        print(f"| {what} | {kind[0]} | {kind[1]} | {more:+.2f} | {slow:.1f} / {fast:.1f} |", flush=True)
    print(f"\nThe same in {same} of {len(options.cases)}, as good in {near}.")


main()
