"""What the peers in Python share: the case, the clock, and a score that is the same for all."""

import json
import sys
import time
from dataclasses import dataclass

import numpy as np
from scipy.linalg import solve_triangular
from scipy.special import logsumexp


@dataclass
class Case:
    """Samples and start, in the precision that the peer asks for."""

    family: str
    samples: np.ndarray
    weights: np.ndarray
    means: np.ndarray
    covariances: np.ndarray
    device: str


def measure(dtype, prepare):
    """Times a peer and prints one line of JSON. Arguments: FOLDER FAMILY EPOCHS DEVICE.

    `prepare(case, epochs)` does what is not timed and returns the fit as a function; that returns weights, means and
    covariances.
    """
    folder, family, epochs, device = sys.argv[1:5]
    epochs = int(epochs)
    arrays = {name: np.load(f"{folder}/{name}.npy") for name in ("samples", "weights", "means", "covariances")}
    case = Case(family=family, device=device, **{name: array.astype(dtype) for name, array in arrays.items()})
    short, long = prepare(case, 1), prepare(case, 1 + epochs)
    short()  # threads start and pages are touched
    # The shortest of a few: it is taken off the longer fit, and a hiccup in it would flatter the peer.
    few = min(timed(short)[0] for _ in range(3))
    many, mixture = timed(long)
    assert many > few, f"{1 + epochs} epochs took {many} s, and one took {few}: too few epochs to time"
    print(json.dumps({
        "ms_per_epoch": (many - few) / epochs * 1e3,
        "mean_log_likelihood": mean_log_likelihood(family, arrays["samples"], *mixture),
        "seconds": [few, many],
    }))


def timed(fit):
    started = time.perf_counter()
    mixture = fit()
    return time.perf_counter() - started, mixture


def mean_log_likelihood(family, samples, weights, means, covariances):
    """In f64, whatever the peer computes in: it is the model that is judged, not the peer's own score."""
    weights, means, covariances = (np.asarray(array, dtype=np.float64) for array in (weights, means, covariances))
    k, d = means.shape
    match family:
        case "tied":
            covariances = np.broadcast_to(covariances, (k, d, d))
        case "diag":
            covariances = covariances[:, :, None] * np.eye(d)
        case "spherical":
            covariances = covariances[:, None, None] * np.eye(d)
    log_densities = np.empty((len(samples), k))
    for component in range(k):
        factor = np.linalg.cholesky(covariances[component])
        white = solve_triangular(factor, (samples - means[component]).T, lower=True)
        constant = np.log(weights[component]) - np.log(np.diag(factor)).sum() - 0.5 * d * np.log(2 * np.pi)
        log_densities[:, component] = constant - 0.5 * (white**2).sum(axis=0)
    return float(logsumexp(log_densities, axis=1).mean())
