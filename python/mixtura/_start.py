"""The parameters that a fit is to start from, checked as scikit-learn checks them and with its messages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.utils import check_array

from mixtura._model import shape_of_covariances

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mixtura._types import Doubles


NAMES = ("weights_init", "means_init", "precisions_init")


def check(estimator: Any, n_features: int) -> dict[str, Doubles | None]:
    """Parameters that an estimator is to start from."""
    k, family = estimator.n_components, estimator.covariance_type
    weights, means, precisions = estimator.weights_init, estimator.means_init, estimator.precisions_init
    return {
        "weights_init": None if weights is None else check_weights(weights, k),
        "means_init": None if means is None else check_means(means, k, n_features),
        "precisions_init": None if precisions is None else check_precisions(precisions, family, k, n_features),
    }


def check_weights(weights: Any, n_components: int) -> Doubles:
    """Weights of the components: `[K]`."""
    weights = check_array(weights, dtype=[np.float64, np.float32], ensure_2d=False)
    _check_shape("weights", weights, (n_components,))
    low, high = weights.min(), weights.max()
    if low < 0.0 or high > 1.0:
        # The two values are in scikit-learn's order.
        raise ValueError(
            f"The parameter 'weights' should be in the range [0, 1], but got max value {low:.5f}, min value {high:.5f}"
        )
    total = weights.sum()
    if not np.isclose(total, 1.0, rtol=0.0, atol=1e-6 if weights.dtype == np.float32 else 1e-8):
        raise ValueError(f"The parameter 'weights' should be normalized, but got sum(weights) = {total:.5f}")
    return _as_double(weights)


def check_means(means: Any, n_components: int, n_features: int) -> Doubles:
    """Means: `[K, D]`."""
    means = check_array(means, dtype=[np.float64, np.float32], ensure_2d=False)
    _check_shape("means", means, (n_components, n_features))
    return _as_double(means)


def check_precisions(precisions: Any, covariance_type: str, n_components: int, n_features: int) -> Doubles:
    """Precisions (inverse covariances), in the shape of the family."""
    precisions = check_array(
        precisions, dtype=[np.float64, np.float32], ensure_2d=False, allow_nd=covariance_type == "full"
    )
    expected = shape_of_covariances(covariance_type, n_components, n_features)
    _check_shape(f"{covariance_type} precision", precisions, expected)
    if covariance_type in ("diag", "spherical"):
        if (precisions <= 0.0).any():
            raise ValueError(f"'{covariance_type} precision' should be positive")
        return _as_double(precisions)
    transposed = np.swapaxes(precisions, -1, -2)
    if not (np.isclose(precisions, transposed).all() and (np.linalg.eigvalsh(precisions) > 0.0).all()):
        raise ValueError(f"'{covariance_type} precision' should be symmetric, positive-definite")
    return _as_double(0.5 * (precisions + transposed))


def _check_shape(name: str, array: NDArray[Any], shape: tuple[int, ...]) -> None:
    if array.shape != shape:
        raise ValueError(f"The parameter '{name}' should have the shape of {shape}, but got {array.shape}")


def _as_double(array: NDArray[Any]) -> Doubles:
    return np.ascontiguousarray(array, dtype=np.float64)
