"""Parameters of an estimator that is a Gaussian mixture, and the attributes that it has once it is fitted."""

from __future__ import annotations

import os
import threading
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from sklearn.base import BaseEstimator, DensityMixin
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval, validate_parameter_constraints

from mixtura import _devices, _words
from mixtura._words import one_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mixtura._types import Choice, Floats, Path

# Parameters that were checked before, for whoever makes thousands of small fits: name, type and value.
_CHECKED: set[tuple[str, type, Any]] = set()
_MOST_CHECKED = 10_000

# Types whose values are equal only if they are the same.
_PLAIN = (int, float, str, bool, type(None))

# The names of the parameters of a class: scikit-learn looks at its signature every time.
_NAMES: dict[type, list[str]] = {}

# Seeded anew for every seed, which takes a fortieth of the time of a new one.
_RANDOM = threading.local()


class Parameters(DensityMixin, BaseEstimator):  # type: ignore[misc]
    """Parameters and attributes of `GaussianMixture`, which says what they mean."""

    weights_: Floats
    means_: Floats
    covariances_: Floats
    precisions_: Floats
    precisions_cholesky_: Floats
    converged_: bool
    n_iter_: int
    lower_bound_: float
    lower_bounds_: list[float]
    trace_: dict[str, NDArray[Any]]
    device_: str
    n_features_in_: int

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "n_components": [Interval(Integral, 1, None, closed="left")],
        "covariance_type": [one_of(_words.CovarianceType)],
        "tol": [Interval(Real, 0.0, None, closed="left")],
        "reg_covar": [Interval(Real, 0.0, None, closed="left")],
        "max_iter": [Interval(Integral, 0, None, closed="left")],
        "n_init": [Interval(Integral, 1, None, closed="left")],
        "init_params": [one_of(_words.InitParams)],
        "weights_init": ["array-like", None],
        "means_init": ["array-like", None],
        "precisions_init": ["array-like", None],
        "random_state": ["random_state"],
        "warm_start": ["boolean"],
        "verbose": ["verbose"],
        "verbose_interval": [Interval(Integral, 1, None, closed="left")],
        "start": [one_of(_words.Start)],
        "update": [one_of(_words.Update)],
        "learning_rate": [Interval(Real, 0.0, None, closed="neither"), None],
        "momentum": [Interval(Real, 0.0, 1.0, closed="left"), None],
        "batch_size": [Interval(Integral, 1, 2**63 - 1, closed="both"), None],
        "decay": [Interval(Real, 0.5, 1.0, closed="right"), None],
        "polish": ["boolean"],
        "floor": [Interval(Real, 0.0, None, closed="left"), None],
        "on_collapse": [one_of(_words.OnCollapse)],
        "prune": [one_of(_words.Prune)],
        "posterior": [one_of(_words.Posterior)],
        "missing": [one_of(_words.Missing)],
        "checkpoint": [str, os.PathLike, None],
        "checkpoint_every": [Interval(Integral, 1, None, closed="left"), str],
        "device": [str, Interval(Integral, 0, None, closed="left")],
        "precision": [one_of(_words.Precision)],
    }

    def __init__(
        self,
        n_components: int = 1,
        *,
        covariance_type: _words.CovarianceType = "full",
        tol: float = 1e-3,
        reg_covar: float = 1e-6,
        max_iter: int = 100,
        n_init: int = 1,
        init_params: _words.InitParams = "kmeans",
        weights_init: Any = None,
        means_init: Any = None,
        precisions_init: Any = None,
        random_state: int | np.random.RandomState | None = None,
        warm_start: bool = False,
        verbose: int = 0,
        verbose_interval: int = 10,
        start: _words.Start = "direct",
        update: _words.Update = "em",
        learning_rate: float | None = None,
        momentum: float | None = None,
        batch_size: int | None = None,
        decay: float | None = None,
        polish: bool = False,
        floor: float | None = None,
        on_collapse: _words.OnCollapse = "error",
        prune: _words.Prune = "auto",
        posterior: _words.Posterior = "exact",
        missing: _words.Missing = "error",
        checkpoint: Path | None = None,
        checkpoint_every: int | str = 10,
        device: str | int = "auto",
        precision: _words.Precision = "auto",
    ) -> None:
        self.n_components = n_components
        self.covariance_type = covariance_type
        self.tol = tol
        self.reg_covar = reg_covar
        self.max_iter = max_iter
        self.n_init = n_init
        self.init_params = init_params
        self.weights_init = weights_init
        self.means_init = means_init
        self.precisions_init = precisions_init
        self.random_state = random_state
        self.warm_start = warm_start
        self.verbose = verbose
        self.verbose_interval = verbose_interval
        self.start = start
        self.update = update
        self.learning_rate = learning_rate
        self.momentum = momentum
        self.batch_size = batch_size
        self.decay = decay
        self.polish = polish
        self.floor = floor
        self.on_collapse = on_collapse
        self.prune = prune
        self.posterior = posterior
        self.missing = missing
        self.checkpoint = checkpoint
        self.checkpoint_every = checkpoint_every
        self.device = device
        self.precision = precision

    @classmethod
    def _get_param_names(cls) -> list[str]:
        if cls not in _NAMES:
            _NAMES[cls] = super()._get_param_names()
        return _NAMES[cls]

    def _validate_params(self) -> None:
        """Check the parameters with scikit-learn's messages: those that were not found right before."""
        if self._parameter_constraints is not Parameters._parameter_constraints:
            super()._validate_params()
            return
        unknown: dict[str, Any] = {}
        for name in self._get_param_names():
            value = getattr(self, name)
            kind = type(value)
            # Every fit has a seed of its own.
            is_seed = kind is int and name == "random_state" and 0 <= value < 2**32
            if not is_seed and (kind not in _PLAIN or (name, kind, value) not in _CHECKED):
                unknown[name] = value
        if not unknown:
            return
        validate_parameter_constraints(self._parameter_constraints, unknown, caller_name=type(self).__name__)
        if len(_CHECKED) < _MOST_CHECKED:
            plain = {name: value for name, value in unknown.items() if type(value) in _PLAIN}
            _CHECKED.update((name, type(value), value) for name, value in plain.items())

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = self.missing == "marginalize"
        return tags

    def _choice(self) -> Choice:
        return _devices.choice(self.device, self.precision)

    def _seed(self) -> int:
        """Draw a seed for the native half."""
        most = np.iinfo(np.int32).max
        if type(self.random_state) is not int:
            return int(check_random_state(self.random_state).randint(most))
        if not hasattr(_RANDOM, "state"):
            _RANDOM.state = np.random.RandomState()
        _RANDOM.state.seed(self.random_state)
        return int(_RANDOM.state.randint(most))
