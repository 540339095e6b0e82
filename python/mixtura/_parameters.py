"""Parameters of an estimator that is a Gaussian mixture, and the attributes that it has once it is fitted."""

from __future__ import annotations

from numbers import Integral, Real
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from sklearn.base import BaseEstimator, DensityMixin
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval, StrOptions

from mixtura import _devices

if TYPE_CHECKING:
    from mixtura._types import Choice, Floats


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
    n_features_in_: int

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "n_components": [Interval(Integral, 1, None, closed="left")],
        "covariance_type": [StrOptions({"full", "tied", "diag", "spherical"})],
        "tol": [Interval(Real, 0.0, None, closed="left")],
        "reg_covar": [Interval(Real, 0.0, None, closed="left")],
        "max_iter": [Interval(Integral, 0, None, closed="left")],
        "n_init": [Interval(Integral, 1, None, closed="left")],
        "init_params": [StrOptions({"kmeans", "random", "random_from_data", "k-means++"})],
        "weights_init": ["array-like", None],
        "means_init": ["array-like", None],
        "precisions_init": ["array-like", None],
        "random_state": ["random_state"],
        "warm_start": ["boolean"],
        "verbose": ["verbose"],
        "verbose_interval": [Interval(Integral, 1, None, closed="left")],
        "start": [StrOptions({"direct", "coarse-to-fine", "auto"})],
        "update": [StrOptions({"em", "squarem"})],
        "on_collapse": [StrOptions({"error", "repair"})],
        "prune": [StrOptions({"auto", "exact", "off"})],
        "posterior": [StrOptions({"exact", "truncated"})],
        "missing": [StrOptions({"error", "marginalize"})],
        "device": [str, Interval(Integral, 0, None, closed="left")],
        "precision": [StrOptions({"auto", "f32", "f64"})],
    }

    def __init__(
        self,
        n_components: int = 1,
        *,
        covariance_type: str = "full",
        tol: float = 1e-3,
        reg_covar: float = 1e-6,
        max_iter: int = 100,
        n_init: int = 1,
        init_params: str = "kmeans",
        weights_init: Any = None,
        means_init: Any = None,
        precisions_init: Any = None,
        random_state: int | np.random.RandomState | None = None,
        warm_start: bool = False,
        verbose: int = 0,
        verbose_interval: int = 10,
        start: str = "direct",
        update: str = "em",
        on_collapse: str = "error",
        prune: str = "auto",
        posterior: str = "exact",
        missing: str = "error",
        device: str | int = "auto",
        precision: str = "auto",
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
        self.on_collapse = on_collapse
        self.prune = prune
        self.posterior = posterior
        self.missing = missing
        self.device = device
        self.precision = precision

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = self.missing == "marginalize"
        return tags

    def _choice(self) -> Choice:
        return _devices.choice(self.device, self.precision)

    def _seed(self) -> int:
        """Draw a seed for the native half."""
        return int(check_random_state(self.random_state).randint(np.iinfo(np.int32).max))
