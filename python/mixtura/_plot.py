"""Pictures of a model, and of samples under it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from mixtura import _native, _samples
from mixtura._plane import frame, plane

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from mixtura._gaussian_mixture import GaussianMixture
    from mixtura._selection import MixtureSelection
    from mixtura._types import Doubles

# Paul Tol's scheme "muted", which was made for colour-blind readers; after nine components the colours come again.
_COLOURS = ("#cc6677", "#332288", "#44aa99", "#ddcc77", "#882255", "#88ccee", "#117733", "#aa4499", "#999933")
_INK, _GREY = "#222222", "#999999"

# Most samples that are drawn, and most of their values.
_SAMPLES = 4000
_VALUES = 1 << 22

# Components whose means have a number, while they are few.
_NUMBERED = 30


def plot(model: GaussianMixture | MixtureSelection, X: Any = None, ax: Axes | None = None) -> Axes:
    """Draw the components of a model, and samples under them.

    Two features are drawn as they are, with ellipses at 1 and 2 standard deviations of the components; one as a
    histogram under densities; more of them along the two principal axes of the standardised features. Some thousands of
    the samples are drawn, evenly chosen, in the colour of their most probable component. Values that are missing are
    drawn at their means, hollow. It needs matplotlib.

    Parameters
    ----------
    model : GaussianMixture or MixtureSelection
        Fitted; of a choice the best model is drawn.
    X : array-like of shape (n_samples, n_features), default=None
        Samples. If None the components are drawn alone.
    ax : matplotlib Axes, default=None
        Where to draw; in a new figure if None.

    Returns
    -------
    ax : matplotlib Axes
        What was drawn on.

    Examples
    --------
    >>> import numpy as np
    >>> import mixtura
    >>> X = np.random.default_rng(0).normal(size=(300, 2)) + [[0.0, 0.0], [5.0, 1.0], [1.0, 6.0]] * 100
    >>> model = mixtura.GaussianMixture(3, random_state=0).fit(X)
    >>> ax = mixtura.plot(model, X)
    >>> ax.get_xlabel()
    'feature 0'
    """
    check_is_fitted(model)
    drawn: Any = getattr(model, "best_estimator_", model)
    samples, is_filled = _samples_of(drawn, X)
    if ax is None:
        from matplotlib import pyplot

        _, ax = pyplot.subplots(layout="constrained")
    names = [str(name) for name in getattr(drawn, "feature_names_in_", ())]
    names = names or [f"feature {i}" for i in range(np.shape(drawn.means_)[1])]
    if len(names) == 1:
        # A sample without its only value lies nowhere.
        _draw_densities(drawn, None if samples is None else samples[~is_filled, 0], ax)
        ax.set(xlabel=names[0], ylabel="density")
    else:
        _draw_plane(drawn, samples, is_filled, names, ax)
    return ax


def _samples_of(model: GaussianMixture, X: Any) -> tuple[Doubles | None, Any]:
    """Give the samples to draw, filled in where values are missing, and whether some are of each."""
    if X is None:
        return None, None
    samples, _ = _samples.take(model, X, reset=False)
    if isinstance(samples, _native.Dataset):
        raise TypeError("X is in files, and plot takes arrays and frames: read some of the rows, and give those.")
    most = int(np.clip(_VALUES // samples.shape[1], 100, _SAMPLES))
    if len(samples) > most:
        samples = samples[np.linspace(0, len(samples) - 1, most).astype(np.intp)]
    is_filled = np.isnan(samples).any(axis=1)
    filled = model._filled(samples, None) if is_filled.any() else samples
    return filled.astype(np.float64, copy=False), is_filled


def _draw_densities(model: GaussianMixture, samples: Doubles | None, ax: Axes) -> None:
    """Draw a histogram of samples, under the densities of the components and of the mixture."""
    weights, means = np.asarray(model.weights_, np.float64), np.asarray(model.means_, np.float64)[:, 0]
    deviations = np.broadcast_to(np.sqrt(np.asarray(model.covariances_, np.float64)).ravel(), means.shape)
    shown = np.zeros(0) if samples is None else samples
    low, high = frame(shown, means - 2.0 * deviations, means + 2.0 * deviations)
    near = (means[:, None] + deviations[:, None] * np.linspace(-4.0, 4.0, 33)).ravel()
    x = np.sort(np.concatenate([np.linspace(low, high, 400), near[(low <= near) & (near <= high)]]))
    z = (x - means[:, None]) / deviations[:, None]
    parts = weights[:, None] * np.exp(-0.5 * z * z) / (deviations[:, None] * np.sqrt(2.0 * np.pi))
    top = parts.sum(axis=0).max()
    if len(shown) > 0:
        # An odd number, so that a single value is in the middle of its bar.
        bins = int(np.clip(np.sqrt(len(shown)), 8, 60)) | 1
        counts, edges = np.histogram(shown, bins, (low, high))
        bars = counts / (len(shown) * (edges[1] - edges[0]))
        ax.stairs(bars, edges, fill=True, color=_GREY, alpha=0.35)
        # A narrow component is cut off, and does not flatten the others.
        top = max(bars.max(), min(top, 1.6 * bars.max()))
    for k, part in enumerate(parts if len(parts) > 1 else ()):
        ax.plot(x, part, color=_colour(k), linewidth=1.3)
        if len(parts) <= _NUMBERED:
            ax.fill_between(x, part, color=_colour(k), alpha=0.25, linewidth=0.0)
    ax.plot(x, parts.sum(axis=0), color=_INK, linewidth=1.6)
    ax.set(xlim=(low, high), ylim=(0.0, 1.05 * top))


def _draw_plane(model: GaussianMixture, samples: Doubles | None, is_filled: Any, names: list[str], ax: Axes) -> None:
    """Draw samples in a plane, under the ellipses of the components."""
    from matplotlib.patches import Ellipse

    shown_in = plane(model, samples, names)
    means, covariances = shown_in.place(model.means_), shown_in.covariances(model)
    places = np.zeros((0, 2))
    if samples is not None:
        places = shown_in.place(samples)
        labels = model._labels(samples)
        colours = np.array([_colour(k) for k in range(len(means))])[labels]
        size = np.clip(18.0 - 2.0 * np.log(len(places)), 3.0, 12.0)
        dots = {"s": size, "alpha": 0.55, "linewidths": 0.8}
        ax.scatter(*places[~is_filled].T, color=colours[~is_filled], **dots)
        if is_filled.any():
            ax.scatter(*places[is_filled].T, facecolors="none", edgecolors=colours[is_filled], **dots)
    is_numbered = len(means) <= _NUMBERED
    for k, (mean, covariance) in enumerate(zip(means, covariances, strict=True)):
        variances, vectors = np.linalg.eigh(covariance)
        small, large = np.sqrt(np.maximum(variances, 0.0))
        angle = float(np.degrees(np.arctan2(vectors[1, 1], vectors[0, 1])))
        for deviations, width in ((1.0, 1.6), (2.0, 1.1)):
            radii = {"width": 2.0 * deviations * large, "height": 2.0 * deviations * small}
            colour = _colour(k, darker=True)
            ax.add_patch(
                Ellipse((mean[0], mean[1]), **radii, angle=angle, fill=False, edgecolor=colour, linewidth=width)
            )
        if is_numbered and len(means) > 1:
            box = {"boxstyle": "circle,pad=0.1", "facecolor": "white", "edgecolor": "none", "alpha": 0.7}
            ax.annotate(str(k), mean, ha="center", va="center", color=_INK, fontsize=9, bbox=box, clip_on=True)
    reach = 2.0 * np.sqrt(np.maximum(np.diagonal(covariances, axis1=1, axis2=2), 0.0))
    across, up = (frame(*along) for along in zip(places.T, (means - reach).T, (means + reach).T, strict=True))
    ax.set(xlim=across, ylim=up, xlabel=shown_in.titles[0], ylabel=shown_in.titles[1])


def _colour(k: int, *, darker: bool = False) -> str:
    """Give the colour of a component."""
    colour = _COLOURS[k % len(_COLOURS)]
    if not darker:
        return colour
    parts = (int(0.62 * int(colour[at : at + 2], 16)) for at in (1, 3, 5))
    return "#" + "".join(f"{part:02x}" for part in parts)
