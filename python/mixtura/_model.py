"""A fitted mixture: its arrays, and what the native half takes of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import sklearn.mixture

    from mixtura._gaussian_mixture import GaussianMixture
    from mixtura._types import Model

# Arrays of a mixture, as the native half names them; the estimator's attributes have an underscore more.
ARRAYS = ("weights", "means", "covariances", "precisions", "precisions_cholesky")


def parameters(model: GaussianMixture | sklearn.mixture.GaussianMixture) -> Model:
    """Give a fitted model as the native half takes it."""
    return (
        model.covariance_type,
        np.asarray(model.weights_, dtype=np.float64),
        np.asarray(model.means_, dtype=np.float64),
        np.asarray(model.precisions_cholesky_, dtype=np.float64),
    )


def shape_of_covariances(covariance_type: str, n_components: int, n_features: int) -> tuple[int, ...]:
    """Shape of the covariances of a family, and of precisions and their factors."""
    return {
        "full": (n_components, n_features, n_features),
        "tied": (n_features, n_features),
        "diag": (n_components, n_features),
        "spherical": (n_components,),
    }[covariance_type]


def n_parameters(covariance_type: str, n_components: int, n_features: int) -> int:
    """Count the free parameters of a mixture."""
    triangle = n_features * (n_features + 1) // 2
    covariances = {
        "full": n_components * triangle,
        "tied": triangle,
        "diag": n_components * n_features,
        "spherical": n_components,
    }[covariance_type]
    return covariances + n_components * n_features + n_components - 1
