#!/usr/bin/env python3
"""Truncated posteriors beside exact ones: the time of an epoch, and what both reach in the same time from one start.

200,000 samples of 16 features, 2,048 components: patches of 4 x 4 pixels of the two photographs that scikit-learn
carries (jittered by less than one grey value), or samples of as many overlapping Gaussians. The start has its means at
random samples, and the covariance of all samples, shrunk to the share of the space that a component has. Epochs are
timed in turn, without repairs; the fits that are compared repair components that collapse.

    cargo build --release
    pip install scikit-learn==1.9.1 numpy
    benches/truncated.py [--data patches|gaussians] [--covariance diag full] [--samples N] [--components K]
"""

import argparse
import json
import os
import subprocess
import tempfile
from pathlib import Path
from statistics import median

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
BINARY = ROOT / "target" / "release" / "mixtura"
D = 16
ROUNDS = 3


def patches(n, _):
    """Patches of 4 x 4 grey pixels."""
    from sklearn.datasets import load_sample_images

    random = np.random.default_rng(1)
    found = []
    for image in load_sample_images().images:
        grey = image.astype(float).mean(axis=2)
        windows = np.lib.stride_tricks.sliding_window_view(grey, (4, 4)).reshape(-1, D)
        found.append(windows[random.choice(len(windows), n // 2, replace=False)])
    all_patches = np.concatenate(found)
    random.shuffle(all_patches)
    return all_patches + random.random(all_patches.shape)


def gaussians(n, k):
    """Samples of K Gaussians with axes of their own, whose nearest means are a few deviations apart."""
    random = np.random.default_rng(2)
    means = random.normal(size=(k, D))
    axes = 0.3 * random.normal(size=(k, D, D)) * random.uniform(0.5, 1.5, size=(k, 1, D)) / 2
    samples = np.empty((n, D))
    labels = random.integers(k, size=n)
    for first in range(0, n, 10_000):
        own = labels[first : first + 10_000]
        noise = random.normal(size=(len(own), D))
        samples[first : first + 10_000] = means[own] + np.einsum("nij,nj->ni", axes[own], noise) + 0.2 * noise
    return samples


def start(samples, k, family):
    """A model file's contents."""
    n, d = samples.shape
    means = samples[np.random.default_rng(3).choice(n, k, replace=False)]
    covariance = (np.cov(samples.T) + 1e-6 * np.diag(samples.var(axis=0))) * k ** (-2 / d)
    covariances = {"full": np.tile(covariance, (k, 1, 1)), "diag": np.tile(np.diag(covariance), (k, 1))}[family]
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


class Case:
    """Samples and a start, on disk."""

    def __init__(self, folder, samples, k, family):
        self.folder, self.samples, self.start = folder, folder / "samples.npy", folder / f"start-{family}.json"
        np.save(self.samples, samples)
        self.start.write_text(json.dumps(start(samples, k, family)))

    def fit(self, kind, epochs, tol=0.0, on_collapse="repair"):
        """The report of a fit, and the seconds of its epochs."""
        trace = self.folder / "trace.json"
        command = [BINARY, "fit", self.samples, "--init-model", self.start, "--device", "cpu", "--json", "--quiet"]
        command += ["--tol", tol, "--max-iter", epochs, "--posterior", kind, "--trace", trace]
        command += ["--on-collapse", on_collapse]
        done = subprocess.run([str(part) for part in command], capture_output=True, text=True, check=True)
        report = json.loads(done.stdout)
        return report, [row["seconds"] for row in json.loads(trace.read_text())]


def paired(case):
    """Seconds of an epoch: the median over rounds of both kinds in turn, without the first epochs."""
    seconds = {"exact": [], "truncated": []}
    first = []
    for _ in range(ROUNDS):
        seconds["exact"] += case.fit("exact", 3, on_collapse="error")[1][1:]
        _, of_truncated = case.fit("truncated", 12, on_collapse="error")
        first.append(of_truncated[0])
        seconds["truncated"] += of_truncated[4:]
    return {kind: median(all_of_it) for kind, all_of_it in seconds.items()}, median(first)


def compare(case, tol):
    """Both kinds for the same time: as long as the truncated fit takes to its tolerance."""
    truncated, seconds = case.fit("truncated", 200, tol)
    falls = [a - b for a, b in zip(truncated["lower_bounds"], truncated["lower_bounds"][1:], strict=False)]
    given = sum(seconds)
    # As many epochs as there is time for, with their repairs.
    epochs = 1
    while True:
        exact, of_exact = case.fit("exact", epochs)
        more = round(epochs * given / sum(of_exact))
        if more <= 1.1 * epochs:
            break
        epochs = more
    return {
        "truncated": (len(seconds), given, truncated["mean_log_likelihood"]),
        "exact": (len(of_exact), sum(of_exact), exact["mean_log_likelihood"]),
        "free energy": truncated["lower_bounds"][-1],
        "greatest fall": max(falls, default=0.0),
        "repairs": (len(truncated["repairs"]), len(exact["repairs"])),
        "components": (truncated["n_components"], exact["n_components"]),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", nargs="+", default=["patches", "gaussians"], choices=["patches", "gaussians"])
    parser.add_argument("--covariance", nargs="+", default=["diag", "full"], choices=["diag", "full"])
    parser.add_argument("--samples", type=int, default=200_000)
    parser.add_argument("--components", type=int, default=2048)
    parser.add_argument("--tol", type=float, default=1e-3)
    arguments = parser.parse_args()
    print(f"{os.cpu_count()} threads; N = {arguments.samples}, D = {D}, K = {arguments.components}, C' = 3, G = 15")
    for name in arguments.data:
        samples = {"patches": patches, "gaussians": gaussians}[name](arguments.samples, arguments.components)
        for family in arguments.covariance:
            with tempfile.TemporaryDirectory() as folder:
                case = Case(Path(folder), samples, arguments.components, family)
                seconds, first = paired(case)
                ratio = seconds["exact"] / seconds["truncated"]
                print(
                    f"{name}, {family}: an epoch takes {seconds['exact']:.3f} s exact, {seconds['truncated']:.4f} s "
                    f"truncated ({ratio:.1f} times as fast; the first one {first:.3f} s)",
                    flush=True,
                )
                for what, found in compare(case, arguments.tol).items():
                    print(f"    {what}: {found}", flush=True)


if __name__ == "__main__":
    main()
