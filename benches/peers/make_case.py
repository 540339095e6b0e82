"""Draws the samples of a case and writes them with its start: FOLDER N D K FAMILY."""

import sys

import numpy as np


def main():
    folder, n, d, k, family = sys.argv[1], *map(int, sys.argv[2:5]), sys.argv[5]
    rng = np.random.default_rng(0)
    # As in benches/epochs.rs: components on a coarse grid, close enough to overlap.
    component, feature = np.ogrid[:k, :d]
    means = (component * 7 + feature * 5 + component * feature) % 11 * 0.4
    distance = abs(np.arange(d) - np.arange(d)[:, None])
    covariance = np.where(distance == 0, 1.0, 0.3 / (1 + distance))
    samples = rng.standard_normal((n, d)) @ np.linalg.cholesky(covariance).T + means[rng.integers(k, size=n)]
    # Rounded once, so that peers in f32 see the very numbers that peers in f64 see.
    np.save(f"{folder}/samples.npy", samples.astype(np.float32).astype(np.float64))
    # The start is off the truth: from the truth itself, an epoch that did nothing would go unnoticed.
    np.save(f"{folder}/weights.npy", np.full(k, 1 / k))
    np.save(f"{folder}/means.npy", means + 0.3 * rng.standard_normal((k, d)))
    start = {
        "full": np.broadcast_to(1.5 * covariance, (k, d, d)),
        "tied": 1.5 * covariance,
        "diag": np.full((k, d), 1.5),
        "spherical": np.full(k, 1.5),
    }
    np.save(f"{folder}/covariances.npy", np.ascontiguousarray(start[family]))


main()
