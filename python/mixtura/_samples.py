"""Samples as users have them, made into what the native half takes."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils.validation import _check_sample_weight, validate_data

from mixtura import _native
from mixtura._dataset import is_path, open_for

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mixtura._types import Samples, Weights

_REMEDY = "missing='marginalize', which integrates out what is missing: right where values are missing at random"


def take(
    estimator: BaseEstimator,
    X: Any,
    sample_weight: Any = None,
    *,
    reset: bool,
    min_samples: int = 1,
    is_part: bool = False,
    missing: str | None = None,
) -> tuple[Samples, Weights]:
    """Check samples, and their features against those of the estimator or, with `reset`, make them the estimator's.

    Arrays of float32 or float64 in C order are taken as they are; others are copied once. The values and weights of a
    part are left to the native half, which tells where those are that are wrong, and takes weights that are all zero.
    What is done about missing values is the estimator's parameter unless it is given.
    """
    missing = getattr(estimator, "missing", "error") if missing is None else missing
    if isinstance(X, _native.Dataset) or is_path(X):
        return _files(estimator, X, sample_weight, reset=reset, min_samples=min_samples, missing=missing), None
    if sample_weight is None and not is_part and _is_plain(X, min_samples) and _has_features_of(estimator, X, reset):
        return X, None
    ensure_all_finite: bool | str = not is_part
    if missing == "marginalize" and not is_part:
        ensure_all_finite = "allow-nan"
    try:
        X = validate_data(
            estimator,
            X,
            reset=reset,
            dtype=[np.float64, np.float32],
            order="C",
            ensure_min_samples=min_samples,
            ensure_all_finite=ensure_all_finite,
        )
    except ValueError as error:
        if not str(error).startswith("Input X contains NaN"):
            raise
        raise ValueError(f"{error}\nMixtura takes them with {_REMEDY}.") from None
    X = np.require(X, requirements=["C", "A"])
    if sample_weight is None:
        return X, None
    if is_part:
        return X, np.require(np.asarray(sample_weight, dtype=np.float64), requirements=["C", "A"])
    weights = _check_sample_weight(sample_weight, X, dtype=np.float64, ensure_non_negative=True)
    return X, np.require(weights, requirements=["C", "A"])


def _is_plain(X: Any, min_samples: int) -> bool:
    """Whether these are samples that scikit-learn would find right, and leave as they are: it takes 0.1 ms to tell."""
    if type(X) is not np.ndarray or X.dtype not in (np.float64, np.float32) or not X.dtype.isnative:
        return False
    if X.ndim != 2 or len(X) < max(1, min_samples) or X.shape[1] < 1 or not (X.flags.c_contiguous and X.flags.aligned):
        return False
    with np.errstate(all="ignore"):
        return bool(np.isfinite(X.sum()))


def _has_features_of(estimator: BaseEstimator, X: NDArray[Any], reset: bool) -> bool:
    """Whether an array has the features of an estimator, whose they become with `reset`."""
    if reset:
        set_features(estimator, X.shape[1], None)
        return True
    return X.shape[1] == getattr(estimator, "n_features_in_", None) and not hasattr(estimator, "feature_names_in_")


def count(samples: Samples) -> int:
    """N."""
    return samples.n_samples if isinstance(samples, _native.Dataset) else len(samples)


def precision(samples: Samples) -> Any:
    """Give the type of the numbers that a model of these samples has."""
    return np.float64 if isinstance(samples, _native.Dataset) else samples.dtype


def _files(
    estimator: BaseEstimator, X: Any, sample_weight: Any, *, reset: bool, min_samples: int, missing: str
) -> _native.Dataset:
    """Check samples in files, likewise."""
    names = None if reset else getattr(estimator, "feature_names_in_", None)
    if isinstance(X, _native.Dataset):
        if sample_weight is not None:
            raise ValueError("The samples are in files: give their weights as Dataset(paths, weights=...).")
        dataset = X
    else:
        if sample_weight is not None and not isinstance(sample_weight, str):
            raise ValueError("The samples are in files: sample_weight must be the name of a column, or of a file.")
        of_model = [] if names is None else list(names)
        dataset = open_for(None if reset else of_model, X, sample_weight, missing)
    if missing == "error" and dataset.n_missing > 0:
        raise ValueError(
            f"{dataset.n_missing} values of the Dataset are missing. The estimator takes them with {_REMEDY}."
        )
    if dataset.n_samples < min_samples:
        raise ValueError(f"Found {dataset.n_samples} sample(s) while a minimum of {min_samples} is required.")
    if reset:
        set_features(estimator, dataset.n_features, dataset.feature_names)
    else:
        dataset.check_features(estimator.n_features_in_, None if names is None else list(names))
        _compare_names(type(estimator).__name__, names, dataset.feature_names)
    return dataset


def set_features(estimator: BaseEstimator, n_features: int, names: list[str] | None) -> None:
    """Make features those of the estimator."""
    estimator.n_features_in_ = n_features
    if names is not None:
        estimator.feature_names_in_ = np.array(names, dtype=object)
    elif hasattr(estimator, "feature_names_in_"):
        del estimator.feature_names_in_


def _compare_names(kind: str, fitted: Any, found: Any) -> None:
    """Compare names of features with those of a fit as scikit-learn does for frames, and in its words."""
    if fitted is None and found is None:
        return
    if fitted is None:
        warnings.warn(f"X has feature names, but {kind} was fitted without feature names", stacklevel=2)
    elif found is None:
        warnings.warn(f"X does not have valid feature names, but {kind} was fitted with feature names", stacklevel=2)
    elif list(fitted) != list(found):
        missing = [name for name in fitted if name not in found]
        raise ValueError(
            "The feature names should match those that were passed during fit.\n"
            f"Feature names seen at fit time, yet now missing: {', '.join(missing)}"
        )
