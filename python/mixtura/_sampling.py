"""Samples drawn from covariances, which a model put together by hand may have alone."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

from mixtura import _native
from mixtura._model import parameters, shape_of_covariances

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mixtura._types import Doubles, Floats

# Families whose covariances are matrices.
_MATRICES = ("full", "tied")


def draw(model: Any, n_samples: int | np.int64, seed: int) -> tuple[Doubles, NDArray[np.int64]]:
    """Draw samples, grouped by component, and their components.

    They are drawn from `covariances_`, as scikit-learn's are, where these are there and say something else than the
    factors of the precisions: of the two the factors lose less where features nearly follow from each other.
    """
    means = np.asarray(model.means_, dtype=np.float64)
    n_components, n_features = means.shape
    samples, components = np.empty((n_samples, n_features)), np.empty(n_samples, dtype=np.int64)
    covariances = getattr(model, "covariances_", None)
    factors = getattr(model, "precisions_cholesky_", None)
    family = model.covariance_type
    if covariances is None or (factors is not None and _agree(family, _floats(covariances), _floats(factors))):
        _native.sample(parameters(model), samples, components, seed)
        return samples, components

    covariances = np.asarray(covariances, dtype=np.float64)
    expected = shape_of_covariances(family, n_components, n_features)
    if covariances.shape != expected:
        raise ValueError(f"covariances_ has shape {covariances.shape}, and {expected} is expected")
    weights = np.asarray(model.weights_, dtype=np.float64)
    _native.sample(("spherical", weights, np.zeros_like(means), np.ones(n_components)), samples, components, seed)
    ends = np.searchsorted(components, np.arange(n_components + 1))
    shared = _root(covariances) if family == "tied" else None
    for k, mean in enumerate(means):
        deviations = samples[ends[k] : ends[k + 1]]
        if family in _MATRICES:
            deviations[...] = deviations @ (_root(covariances[k]) if shared is None else shared).T
        else:
            deviations *= np.sqrt(covariances[k])
        deviations += mean
    return samples, components


def _floats(values: Any) -> Floats:
    array: NDArray[Any] = np.asarray(values)
    return array if array.dtype.kind == "f" else array.astype(np.float64)


def _agree(family: str, covariances: Floats, factors: Floats) -> bool:
    """Whether covariances are those of the factors of the precisions, but for rounding."""
    if covariances.shape != factors.shape:
        return False
    tolerance = np.sqrt(max(np.finfo(array.dtype).eps for array in (covariances, factors)))
    if family not in _MATRICES:
        return np.allclose(covariances * factors**2, 1.0, rtol=0.0, atol=tolerance)
    try:
        inverse = np.linalg.inv(factors.astype(np.float64))
    except np.linalg.LinAlgError:
        return False
    expected = np.swapaxes(inverse, -1, -2) @ inverse
    deviations = np.sqrt(np.diagonal(expected, axis1=-2, axis2=-1))
    scales = deviations[..., :, np.newaxis] * deviations[..., np.newaxis, :]
    return bool((np.abs(covariances - expected) <= tolerance * scales).all())


def _root(covariance: Doubles) -> Doubles:
    """Give A of a covariance A A^T: its Cholesky factor or, where it has no full rank, one of its eigenvectors."""
    try:
        root: Doubles = np.linalg.cholesky(covariance).astype(np.float64, copy=False)
        return root
    except np.linalg.LinAlgError:
        variances, directions = np.linalg.eigh(covariance)
    if variances[0] < -1e-8 * max(variances[-1], 1.0):
        warnings.warn("covariance is not symmetric positive-semidefinite.", RuntimeWarning, stacklevel=4)
    root = directions * np.sqrt(variances.clip(0.0))
    return root
