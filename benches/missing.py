#!/usr/bin/env python3
"""Fits of samples of which values are missing, beside complete samples of the same shape, and beside tgmm on the CPU.

    cargo build --release
    pip install numpy                       # and torch==2.15.0 tgmm==0.4.3 for --tgmm
    benches/missing.py [--mixtura PATH] [--samples N] [--tgmm]

Epochs are measured by `mixtura fit --json` from the same model, complete and incomplete alternately; the least of three
counts. tgmm (missing="em", f64) does as many epochs of its own from that model.
"""

import argparse
import json
import subprocess
import tempfile
import time
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
K = 16

# Features, family, and what is missing: a share of all values, or of the features in one of so many patterns.
CASES = [("diag", 16, 0.1, None), ("spherical", 16, 0.1, None), ("full", 8, 0.1, None), ("full", 16, 0.2, 20)]


def draw(n, d, random):
    """Samples around K means, and the model that a fit begins with."""
    means = 4 * random.normal(size=(K, d))
    return means[random.integers(K, size=n)] + random.normal(size=(n, d)), means + 0.3 * random.normal(size=(K, d))


def holes(n, d, share, patterns, random):
    """Which values are missing."""
    if patterns is None:
        return random.random((n, d)) < share
    kinds = random.random((patterns, d)) < share
    kinds[0] = False
    return kinds[random.integers(patterns, size=n)]


def start(path, family, means):
    """Write the model that a fit begins with."""
    d = means.shape[1]
    one = {"full": np.eye(d), "tied": np.eye(d), "diag": np.ones(d), "spherical": 1.0}[family]
    covariances = one if family == "tied" else np.stack([one] * K)
    model = {"format": "mixtura-model", "version": 1, "covariance_type": family, "n_components": K, "n_features": d}
    model |= {"weights": [1 / K] * K, "means": means.tolist(), "covariances": np.asarray(covariances).tolist()}
    path.write_text(json.dumps(model))


def fit(mixtura, data, model, epochs, device):
    """Seconds of an epoch, and the last lower bound."""
    how = ["--start", "direct", "--prune", "off", "--tol", "0", "--max-iter", str(epochs), "--device", device]
    command = [mixtura, "fit", data, "--init-model", model, "--missing", "marginalize", "--json", "--quiet", *how]
    done = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
    return done["seconds"]["epochs"] / epochs, done["lower_bounds"][-1]


def tgmm(samples, family, means, epochs):
    """The same of tgmm."""
    import torch
    from tgmm import GaussianMixture

    d = means.shape[1]
    covariances = {"full": torch.eye(d), "diag": torch.ones(d), "spherical": torch.ones(())}[family].double()
    model = GaussianMixture(
        K,
        n_features=d,
        covariance_type=family,
        init_weights=torch.full((K,), 1 / K, dtype=torch.float64),
        init_means=torch.from_numpy(means),
        init_covariances=torch.stack([covariances] * K),
        max_iter=epochs,
        tol=1e-300,
        missing="em",
        device="cpu",
    )
    begun = time.monotonic()
    model.fit(torch.from_numpy(samples))
    return (time.monotonic() - begun) / epochs, float(model.lower_bound_)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mixtura", type=Path, default=ROOT / "target" / "release" / "mixtura")
    parser.add_argument("--samples", type=int, default=1_000_000)
    parser.add_argument("--epochs", type=int, default=6)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--tgmm", action="store_true")
    options = parser.parse_args()
    random = np.random.default_rng(0)
    more = (" tgmm, ms | times | lower bounds |", " ---: | ---: | --- |") if options.tgmm else ("", "")
    print(f"| covariances | missing | ms an epoch | of complete |{more[0]}")
    print(f"| --- | --- | ---: | ---: |{more[1]}", flush=True)
    for family, d, share, patterns in CASES:
        samples, means = draw(options.samples, d, random)
        missing = holes(options.samples, d, share, patterns, random)
        with tempfile.TemporaryDirectory(prefix="mixtura-missing-") as folder:
            whole, lacking, model = (Path(folder, name) for name in ["whole.npy", "lacking.npy", "model.json"])
            np.save(whole, samples)
            samples[missing] = np.nan
            np.save(lacking, samples)
            start(model, family, means)
            how = (model, options.epochs, options.device)
            pairs = [[fit(options.mixtura, data, *how) for data in (whole, lacking)] for _ in range(3)]
        complete, incomplete = (min(pair[i][0] for pair in pairs) for i in range(2))
        bound = pairs[0][1][1]
        what = f"{share:.0%} of the values" if patterns is None else f"{patterns} patterns"
        row = f"| {family} {d} | {what} | {1e3 * incomplete:.0f} | {incomplete / complete:.2f} |"
        if options.tgmm:
            seconds, its = tgmm(samples, family, means, options.epochs)
            row += f" {1e3 * seconds:.0f} | {seconds / incomplete:.0f} | {bound:.6f}, {its:.6f} |"
        print(row, flush=True)


main()
