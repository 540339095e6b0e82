"""The plane that samples and components are shown in: two features, or the two leading principal axes of more."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from mixtura._types import Doubles

# The bulk of the samples reaches this many times its width beyond it, components this share of the rest.
_REACH = 1.5
_ROOM = 0.25
_MARGIN = 0.04


class Plane(NamedTuple):
    """x -> axes (x - centre)."""

    centre: Doubles
    axes: Doubles
    titles: tuple[str, str]

    def place(self, X: Any) -> Doubles:
        """Give where samples are shown: [N, 2]."""
        places: Doubles = (np.asarray(X, dtype=np.float64) - self.centre) @ self.axes.T
        return places

    def covariances(self, model: Any) -> Doubles:
        """Give the covariances of the components, as they are shown: [K, 2, 2]."""
        axes, k, covariances = self.axes, len(model.means_), np.asarray(model.covariances_, dtype=np.float64)
        shown: Doubles
        if model.covariance_type in ("full", "tied"):
            shown = axes @ covariances @ axes.T
        else:
            variances = covariances.reshape(k, -1)
            shown = (axes * variances[:, None, :]) @ axes.T
        return np.broadcast_to(shown, (k, 2, 2))


def plane(model: Any, X: Doubles | None, names: list[str]) -> Plane:
    """Give the plane of two features, or that of the principal axes of samples; without any, of the mixture."""
    d = len(names)
    if d == 2:
        return Plane(np.zeros(2), np.eye(2), (names[0], names[1]))
    if X is None:
        centre, scale, axes, shares = _of_mixture(model)
    else:
        centre = X.mean(axis=0)
        scale = _scale(X.var(axis=0))
        _, sizes, axes = np.linalg.svd((X - centre) / scale, full_matrices=False)
        shares = sizes**2
        axes = np.concatenate([axes, np.zeros((2, d))])[:2]
    total = shares.sum()
    shares = np.concatenate([shares / total if total > 0.0 else 0.0 * shares, np.zeros(2)])
    # The same direction whichever way it was found: its largest entry is positive.
    axes = axes * np.sign(axes[[0, 1], np.abs(axes).argmax(axis=1)])[:, None]
    first, second = (
        f"principal axis {number + 1} of standardised features ({100 * shares[number]:.0f} % of variance)"
        for number in range(2)
    )
    return Plane(centre, axes / scale, (first, second))


def _of_mixture(model: Any) -> tuple[Doubles, Doubles, Doubles, Doubles]:
    """Give mean, scale and principal axes of the samples that a mixture expects, and their variances."""
    weights, means = np.asarray(model.weights_, dtype=np.float64), np.asarray(model.means_, dtype=np.float64)
    covariances, d = np.asarray(model.covariances_, dtype=np.float64), means.shape[1]
    if model.covariance_type == "full":
        within = np.einsum("k,kij->ij", weights, covariances)
    elif model.covariance_type == "tied":
        within = covariances
    else:
        within = np.diag(np.broadcast_to(weights @ covariances, d))
    centre = weights @ means
    between = (means - centre).T * weights @ (means - centre)
    covariance = within + between
    scale = _scale(np.diag(covariance))
    variances, vectors = np.linalg.eigh(covariance / np.outer(scale, scale))
    return centre, scale, vectors.T[::-1][:2], variances[::-1]


def _scale(variance: Doubles) -> Doubles:
    """Give standard deviations, and 1 of what does not vary."""
    scale: Doubles = np.where(variance > 0.0, np.sqrt(variance), 1.0)
    return scale


def frame(samples: Doubles, lows: Doubles, highs: Doubles) -> tuple[float, float]:
    """Give the range that shows samples, and around them what components reach.

    Neither a few samples far from all others nor a component far wider than the samples makes it useless: they are cut
    off.
    """
    reach = float(lows.min()), float(highs.max())
    low, high = reach
    if len(samples) > 0:
        lower, upper = np.quantile(samples, [0.01, 0.99])
        beyond = _REACH * (upper - lower) if upper > lower else np.inf
        low, high = max(samples.min(), lower - beyond), min(samples.max(), upper + beyond)
        room = _ROOM * (high - low) if high > low else np.inf
        low, high = min(low, max(reach[0], low - room)), max(high, min(reach[1], high + room))
    margin = _MARGIN * (high - low)
    return float(low - margin), float(high + margin)
