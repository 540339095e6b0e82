"""A model on its way out and in: pickles, files, scikit-learn's estimator."""

from __future__ import annotations

import functools
import inspect
import json
import math
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.exceptions import InconsistentVersionWarning
from sklearn.mixture import GaussianMixture as Theirs
from sklearn.utils.validation import check_is_fitted

from mixtura import _native, _options
from mixtura._model import ARRAYS, parameters
from mixtura._parameters import Parameters

if TYPE_CHECKING:
    from typing_extensions import Self

    from mixtura._types import Path
    from mixtura._words import Precision

# Attributes that a fit sets beside the parameters of the mixture, here and in scikit-learn.
_OUTCOME = ("converged_", "n_iter_", "lower_bound_", "lower_bounds_", "n_features_in_", "feature_names_in_")

# Facts of a fit that are no attributes of scikit-learn's, for files.
_KNOWN_TO_THE_FIT = ("device", "n_samples", "total_weight", "seed")

# The versions that a pickle was written by.
_VERSION = "_mixtura_version"
_THEIR_VERSION = "_sklearn_version"


class Exchange(Parameters):
    """Files, pickles and scikit-learn's estimators: the forms that a mixture is written as, and read from."""

    def __getstate__(self) -> dict[str, Any]:
        state: dict[str, Any] = super().__getstate__()
        return {**state, _VERSION: _native.__version__}

    def __setstate__(self, state: dict[str, Any]) -> None:
        # A pickle of an earlier version, or of scikit-learn's class, lacks what was added since.
        state = {**_defaults(), **state}
        state.pop(_THEIR_VERSION, None)
        version = state.pop(_VERSION, _native.__version__)
        if version != _native.__version__:
            warnings.warn(
                InconsistentVersionWarning(
                    estimator_name=f"mixtura.{type(self).__name__}",
                    current_sklearn_version=_native.__version__,
                    original_sklearn_version=version,
                ),
                stacklevel=2,
            )
        super().__setstate__(state)

    def save(self, path: Path) -> None:
        """Write the model to a file, in the format of the command line.

        Parameters
        ----------
        path : path
            The file, which is written as a whole or not at all.
        """
        check_is_fitted(self)
        names = getattr(self, "feature_names_in_", None)
        covariances = getattr(self, "covariances_", None)
        if covariances is not None and np.asarray(covariances).dtype != np.float64:
            # Rounded: those that the factors give are closer to the model.
            covariances = None
        lower_bound = getattr(self, "lower_bound_", -math.inf)
        record = {
            **getattr(self, "_record", {}),
            **_options.to_file(self),
            "converged": bool(getattr(self, "converged_", False)),
            "n_iter": int(getattr(self, "n_iter_", 0)),
            "lower_bound": float(lower_bound) if math.isfinite(lower_bound) else None,
            "lower_bounds": [float(bound) for bound in getattr(self, "lower_bounds_", [])],
        }
        _native.save(
            path,
            parameters(self),
            covariances,
            None if names is None else list(names),
            json.dumps(record, allow_nan=False),
        )

    @classmethod
    def load(cls, path: Path, *, device: str | int = "auto", precision: Precision = "auto") -> Self:
        """Read a model from a file that `save` or the command line wrote.

        A file does not say what was done about missing values: ``set_params(missing="marginalize")`` has the model take
        samples that lack some.

        Parameters
        ----------
        path : path
            The file.
        device, precision
            As for the constructor.

        Returns
        -------
        GaussianMixture
            With the parameters of the model, and those of its fit where the file has them.
        """
        arrays, names, record = _native.load(path)
        fit = {} if record is None else {name: value for name, value in json.loads(record).items() if value is not None}
        model = cls._from_arrays(
            arrays,
            lower_bound=fit.get("lower_bound", -math.inf),
            device=device,
            precision=precision,
            **_options.of_file(fit),
        )
        model.converged_ = fit.get("converged", False)
        model.n_iter_ = fit.get("n_iter", 0)
        model.lower_bounds_ = fit.get("lower_bounds", [])
        if names is not None:
            model.feature_names_in_ = np.array(names, dtype=object)
        model._set_record({name: fit[name] for name in _KNOWN_TO_THE_FIT if name in fit})
        return model

    def to_sklearn(self) -> Theirs:
        """Make it scikit-learn's, which takes no samples of which values are missing.

        Returns
        -------
        sklearn.mixture.GaussianMixture
            With the same parameters and, if this is fitted, the same model.
        """
        theirs = Theirs()
        _copy(self, theirs)
        return theirs

    @classmethod
    def from_sklearn(cls, estimator: Theirs, *, device: str | int = "auto", precision: Precision = "auto") -> Self:
        """Make it from scikit-learn's.

        Parameters
        ----------
        estimator : sklearn.mixture.GaussianMixture
            Fitted or not.
        device, precision
            As for the constructor.

        Returns
        -------
        GaussianMixture
            With the same parameters and, if that is fitted, the same model.
        """
        model = cls(device=device, precision=precision)
        _copy(estimator, model)
        return model

    @classmethod
    def _from_arrays(cls, arrays: dict[str, Any], *, lower_bound: float, **settings: Any) -> Self:
        """Make a model of arrays in double precision."""
        k, d = arrays["means"].shape
        model = cls(k, covariance_type=arrays["covariance_type"], **settings)
        model._set_arrays(arrays, np.float64)
        model.n_features_in_ = d
        model.converged_ = False
        model.n_iter_ = 0
        model.lower_bound_ = lower_bound
        model.lower_bounds_ = []
        return model

    def _set_record(self, record: dict[str, Any]) -> None:
        """Keep what only the fit knows, for files, and say what computed it, if that is known."""
        self._record = record
        self.__dict__.pop("device_", None)
        if "device" in record:
            self.device_ = "{name} ({backend})".format_map(record["device"])

    def _set_arrays(self, arrays: dict[str, Any], dtype: Any) -> None:
        with np.errstate(over="ignore"):
            rounded = {f"{name}_": arrays[name].astype(dtype, copy=False) for name in ARRAYS}
        for name, array in rounded.items():
            if array.dtype != np.float64 and not np.isfinite(array).all():
                raise ValueError(
                    f"{name} has values too large for {array.dtype}. Scale the input data, or pass it as float64."
                )
        self.__dict__.update(rounded)


@functools.cache
def _defaults() -> dict[str, Any]:
    """Give the defaults of Mixtura's parameters."""
    signature = inspect.signature(Parameters.__init__)
    return {name: given.default for name, given in signature.parameters.items() if name != "self"}


def _copy(source: Any, target: Any) -> None:
    """Give one estimator the parameters of the other and, where it is fitted, its model."""
    known = target.get_params(deep=False)
    target.set_params(**{name: value for name, value in source.get_params(deep=False).items() if name in known})
    for name in (*(f"{array}_" for array in ARRAYS), *_OUTCOME):
        if hasattr(source, name):
            value = getattr(source, name)
            setattr(target, name, value.copy() if isinstance(value, np.ndarray | list) else value)
