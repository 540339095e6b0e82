"""The estimator."""

from __future__ import annotations

import json
import math
import sys
import warnings
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from sklearn.base import BaseEstimator, DensityMixin, _fit_context
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted

from mixtura import _devices, _native, _samples, _start
from mixtura._verbose import Verbose

if TYPE_CHECKING:
    from collections.abc import Callable

    import sklearn.mixture
    from numpy.typing import NDArray
    from typing_extensions import Self

    from mixtura._types import Choice, Doubles, Floats, Model, Path, Samples

# What a fit leaves beside its parameters, here and in scikit-learn.
_OUTCOME = ("converged_", "n_iter_", "lower_bound_", "lower_bounds_", "n_features_in_", "feature_names_in_")

# What a fit leaves that is no attribute of scikit-learn's, for files.
_KNOWN_TO_THE_FIT = ("device", "n_samples", "total_weight", "seed")

# Arrays of a mixture, as the native half names them.
_ARRAYS = ("weights", "means", "covariances", "precisions", "precisions_cholesky")


class GaussianMixture(DensityMixin, BaseEstimator):  # type: ignore[misc]
    """Gaussian mixture, fitted by expectation-maximisation on a GPU or on the CPU.

    It can be put in place of :class:`sklearn.mixture.GaussianMixture`, whose parameters, attributes and methods it has.

    Parameters
    ----------
    n_components : int, default=1
        Number of components.
    covariance_type : {"full", "tied", "diag", "spherical"}, default="full"
        Which covariances the components have: a matrix each, one matrix for all of them, a diagonal matrix each, or a
        variance each.
    tol : float, default=1e-3
        The fit has converged when the lower bound, the mean log-likelihood, changes by less in an epoch.
    reg_covar : float, default=1e-6
        Added to the diagonal of every covariance.
    max_iter : int, default=100
        Most epochs; 0 leaves the initialisation.
    n_init : int, default=1
        Restarts from different initialisations; the best lower bound wins.
    init_params : {"kmeans", "k-means++", "random", "random_from_data"}, default="kmeans"
        Where the first model comes from: k-means on features over their scales, seeds of k-means++, random
        responsibilities, or random samples.
    weights_init : array-like of shape (n_components,), default=None
        First weights, in place of the initialisation's.
    means_init : array-like of shape (n_components, n_features), default=None
        First means, in place of the initialisation's.
    precisions_init : array-like, default=None
        First precisions (inverse covariances), in place of the initialisation's; in the shape of `precisions_`.
    random_state : int, RandomState instance or None, default=None
        Seed of the initialisation, and of `sample`. The random numbers are not scikit-learn's.
    warm_start : bool, default=False
        Whether a fit goes on from the one before.
    verbose : int, default=0
        1 prints restarts and epochs, 2 times and changes, too.
    verbose_interval : int, default=10
        Epochs between two that are printed.
    device : str or int, default="auto"
        What to compute on: "auto" (a GPU, otherwise the CPU), "cpu", "gpu", "software" (a software adapter), or the
        number or part of the name of one that :func:`mixtura.devices` lists.
    precision : {"auto", "f32", "f64"}, default="auto"
        What passes over the samples compute in; "auto" is f64 on the CPU and f32 on adapters, which have no other. Sums
        are finished, and the parameters found, in f64 in any case.

    Attributes
    ----------
    weights_ : ndarray of shape (n_components,)
        Weights of the components.
    means_ : ndarray of shape (n_components, n_features)
        Means.
    covariances_ : ndarray
        Covariances: of shape (n_components, n_features, n_features) for "full", (n_features, n_features) for "tied",
        (n_components, n_features) for "diag" and (n_components,) for "spherical".
    precisions_ : ndarray
        Their inverses.
    precisions_cholesky_ : ndarray
        Upper triangular factors P of the precisions, which are P P^T; 1 / standard deviation for "diag" and
        "spherical".
    converged_ : bool
        Whether the last change of the lower bound was below `tol`.
    n_iter_ : int
        Epochs of the best restart.
    lower_bound_ : float
        Its last lower bound: the mean log-likelihood of the samples under the model before the last M step.
    lower_bounds_ : list of float
        Its lower bound in every epoch.
    n_features_in_ : int
        Number of features.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Their names, where the samples had any.

    See Also
    --------
    Dataset : Samples in files, for fits on more than fits into memory.
    moments : Sufficient statistics of a part of the samples, for fits on a cluster.

    Examples
    --------
    >>> import numpy as np
    >>> from mixtura import GaussianMixture
    >>> X = np.array([[1, 2], [1, 4], [1, 0], [10, 2], [10, 4], [10, 0]])
    >>> gm = GaussianMixture(n_components=2, random_state=0).fit(X)
    >>> gm.means_[np.argsort(gm.means_[:, 0])]
    array([[ 1.,  2.],
           [10.,  2.]])
    >>> np.array_equal(gm.predict([[0, 0], [12, 3]]), gm.predict([[1, 2], [10, 2]]))
    True
    """

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
        self.device = device
        self.precision = precision

    def fit(self, X: Any, y: Any = None, *, sample_weight: Any = None) -> Self:
        """Fit the mixture.

        A fit that fails or is interrupted leaves the attributes as they were.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features), path, list of paths, or Dataset
            Samples. A path stands for ``Dataset(path)``.
        y : Ignored
            Present by convention.
        sample_weight : array-like of shape (n_samples,) or str, default=None
            A weight of w counts a sample w times. For samples in files, the name of a column or of a file of weights.

        Returns
        -------
        self : GaussianMixture
            The fitted estimator.

        Raises
        ------
        ValueError
            If samples, weights or parameters are not what they should be, or a component collapsed.
        """
        self._fit(X, sample_weight)
        return self

    def fit_predict(self, X: Any, y: Any = None, *, sample_weight: Any = None) -> NDArray[np.int64]:
        """Fit the mixture, and give the most probable component of every sample.

        Parameters
        ----------
        X, y, sample_weight
            As for `fit`.

        Returns
        -------
        labels : ndarray of shape (n_samples,)
            The same as ``fit(X).predict(X)``.
        """
        labels: NDArray[np.int64] = self._fit(X, sample_weight, then=self._labels)
        return labels

    @_fit_context(prefer_skip_nested_validation=True)  # type: ignore[untyped-decorator]
    def _fit(self, X: Any, sample_weight: Any, then: Callable[[Samples], Any] | None = None) -> Any:
        """Fit, and give what `then` makes of the samples. Either all of it succeeds or no attribute changes."""
        before = self.__dict__.copy()
        try:
            samples = self._fit_or_break(X, sample_weight)
            return None if then is None else then(samples)
        except BaseException:
            self.__dict__.clear()
            self.__dict__.update(before)
            raise

    def _fit_or_break(self, X: Any, sample_weight: Any) -> Samples:
        start: tuple[Model, float] | None = None
        if self.warm_start and hasattr(self, "converged_"):
            start = (parameters(self), self.lower_bound_)
        samples, weights = _samples.take(self, X, sample_weight, reset=True, min_samples=2)
        n_samples = _samples.count(samples)
        if n_samples < self.n_components:
            raise ValueError(
                "Expected n_samples >= n_components "
                f"but got n_components = {self.n_components}, n_samples = {n_samples}"
            )
        inits = self._inits()
        options = {
            # A warm start goes on with the components that there are, as scikit-learn's does.
            "n_components": self.n_components if start is None else len(self.means_),
            "covariance_type": self.covariance_type,
            "tol": float(self.tol),
            "reg_covar": float(self.reg_covar),
            "max_iter": min(self.max_iter, sys.maxsize),
            "n_init": min(self.n_init, sys.maxsize),
            "init": self.init_params,
            "seed": _seed(self.random_state),
            **(inits if start is None else dict.fromkeys(inits)),
        }
        observer = Verbose(self.verbose, self.verbose_interval) if self.verbose else None
        fitted = _native.fit(samples, weights, options, start, self._choice(), observer)

        if not fitted["converged"] and self.max_iter > 0:
            limited = (
                "The fit did not converge: at the limit of single precision its lower bound falls and rises by more "
                "than tol, and its best model is kept. Increase tol, or compute in double precision with device='cpu'."
            )
            warnings.warn(
                limited
                if fitted["at_precision_limit"]
                else "Best performing initialization did not converge. Try different init parameters, or increase "
                "max_iter, tol, or check for degenerate data.",
                ConvergenceWarning,
                # The line that called `fit`: between it and this are `_fit`, and scikit-learn's wrapper of that.
                stacklevel=5,
            )
        self._set_arrays(fitted["mixture"], np.float64 if isinstance(samples, _native.Dataset) else samples.dtype)
        self.converged_ = fitted["converged"]
        self.n_iter_ = fitted["n_iter"]
        self.lower_bound_: float = fitted["lower_bound"]
        self.lower_bounds_ = fitted["lower_bounds"]
        self._record = json.loads(fitted["record"])
        return samples

    def _inits(self) -> dict[str, Doubles | None]:
        """Parameters to start from, checked."""
        k, d = self.n_components, self.n_features_in_
        weights, means, precisions = self.weights_init, self.means_init, self.precisions_init
        return {
            "weights_init": None if weights is None else _start.check_weights(weights, k),
            "means_init": None if means is None else _start.check_means(means, k, d),
            "precisions_init": None
            if precisions is None
            else _start.check_precisions(precisions, self.covariance_type, k, d),
        }

    def predict(self, X: Any) -> NDArray[np.int64]:
        """Most probable component of every sample.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features), path, list of paths, or Dataset
            Samples.

        Returns
        -------
        labels : ndarray of shape (n_samples,)
            Components, from 0; the first of those that are equally probable.
        """
        return self._labels(self._fitted(X))

    def predict_proba(self, X: Any) -> Floats:
        """Posterior probability of every component for every sample.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features), path, list of paths, or Dataset
            Samples.

        Returns
        -------
        resp : ndarray of shape (n_samples, n_components)
            Each row sums to 1.
        """
        samples, model = self._fitted(X), parameters(self)
        resp = self._answers(samples, len(self.means_))
        _native.predict_proba(samples, model, self._choice(), resp)
        return resp

    def score_samples(self, X: Any) -> Floats:
        """Log-density of the mixture at every sample.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features), path, list of paths, or Dataset
            Samples.

        Returns
        -------
        log_prob : ndarray of shape (n_samples,)
            Natural logarithms.
        """
        samples, model = self._fitted(X), parameters(self)
        log_prob = self._answers(samples)
        _native.score_samples(samples, model, self._choice(), log_prob)
        return log_prob

    def score(self, X: Any, y: Any = None, *, sample_weight: Any = None) -> float:
        """Mean log-likelihood per sample, or per unit of sample weight.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features), path, list of paths, or Dataset
            Samples.
        y : Ignored
            Present by convention.
        sample_weight : array-like of shape (n_samples,) or str, default=None
            As for `fit`.

        Returns
        -------
        log_likelihood : float
            In nats.
        """
        log_likelihood, total_weight = self._log_likelihood(X, sample_weight)
        return log_likelihood / total_weight

    def bic(self, X: Any, *, sample_weight: Any = None) -> float:
        """Bayesian information criterion: p ln N - 2 log L.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features), path, list of paths, or Dataset
            Samples.
        sample_weight : array-like of shape (n_samples,) or str, default=None
            As for `fit`; N is the sum of the weights.

        Returns
        -------
        bic : float
            Lower is better.
        """
        log_likelihood, total_weight = self._log_likelihood(X, sample_weight)
        return self._n_parameters() * math.log(total_weight) - 2.0 * log_likelihood

    def aic(self, X: Any, *, sample_weight: Any = None) -> float:
        """Akaike information criterion: 2 p - 2 log L.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features), path, list of paths, or Dataset
            Samples.
        sample_weight : array-like of shape (n_samples,) or str, default=None
            As for `fit`.

        Returns
        -------
        aic : float
            Lower is better.
        """
        log_likelihood, _ = self._log_likelihood(X, sample_weight)
        return 2.0 * self._n_parameters() - 2.0 * log_likelihood

    def sample(self, n_samples: int = 1) -> tuple[Doubles, NDArray[np.int64]]:
        """Draw samples from the mixture.

        Parameters
        ----------
        n_samples : int, default=1
            How many.

        Returns
        -------
        X : ndarray of shape (n_samples, n_features)
            Samples, grouped by component.
        y : ndarray of shape (n_samples,)
            Their components.
        """
        check_is_fitted(self)
        if n_samples < 1:
            raise ValueError(f"Invalid value for 'n_samples': {n_samples} . The sampling requires at least one sample.")
        # Of a number that is not whole the fraction is dropped, as NumPy's draws drop it for scikit-learn.
        model, n = parameters(self), np.int64(n_samples)
        samples, components = np.empty((n, self.n_features_in_)), np.empty(n, dtype=np.int64)
        _native.sample(model, samples, components, _seed(self.random_state))
        return samples, components

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
            "init": self.init_params.replace("random_from_data", "random-from-data"),
            "tol": float(self.tol),
            "reg_covar": float(self.reg_covar),
            "max_iter": int(min(self.max_iter, sys.maxsize)),
            "n_init": int(min(self.n_init, sys.maxsize)),
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
    def load(cls, path: Path, *, device: str | int = "auto", precision: str = "auto") -> Self:
        """Read a model from a file that `save` or the command line wrote.

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
        settings = {name: fit[name] for name in ("tol", "reg_covar", "max_iter", "n_init") if name in fit}
        init = fit.get("init", "kmeans").replace("random-from-data", "random_from_data")
        if init in ("kmeans", "k-means++", "random", "random_from_data"):
            settings["init_params"] = init
        model = cls._from_arrays(
            arrays,
            lower_bound=fit.get("lower_bound", -math.inf),
            device=device,
            precision=precision,
            **settings,
        )
        model.converged_ = fit.get("converged", False)
        model.n_iter_ = fit.get("n_iter", 0)
        model.lower_bounds_ = fit.get("lower_bounds", [])
        if names is not None:
            model.feature_names_in_ = np.array(names, dtype=object)
        model._record = {name: fit[name] for name in _KNOWN_TO_THE_FIT if name in fit}
        return model

    def to_sklearn(self) -> sklearn.mixture.GaussianMixture:
        """Make it scikit-learn's.

        Returns
        -------
        sklearn.mixture.GaussianMixture
            With the same parameters and, if this is fitted, the same model.
        """
        from sklearn.mixture import GaussianMixture as Theirs

        theirs = Theirs()
        _copy(self, theirs)
        return theirs

    @classmethod
    def from_sklearn(
        cls, estimator: sklearn.mixture.GaussianMixture, *, device: str | int = "auto", precision: str = "auto"
    ) -> Self:
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

    def _set_arrays(self, arrays: dict[str, Any], dtype: Any) -> None:
        with np.errstate(over="ignore"):
            rounded = {f"{name}_": arrays[name].astype(dtype, copy=False) for name in _ARRAYS}
        for name, array in rounded.items():
            if array.dtype != np.float64 and not np.isfinite(array).all():
                raise ValueError(
                    f"{name} has values too large for {array.dtype}. Scale the input data, or pass it as float64."
                )
        self.__dict__.update(rounded)

    def _n_parameters(self) -> int:
        return _native.n_parameters(parameters(self))

    def _log_likelihood(self, X: Any, sample_weight: Any) -> tuple[float, float]:
        """Total log-likelihood, and total weight."""
        check_is_fitted(self)
        samples, weights = _samples.take(self, X, sample_weight, reset=False)
        return _native.log_likelihood(samples, weights, parameters(self), self._choice())

    def _fitted(self, X: Any) -> Samples:
        """Check samples for a fitted model."""
        check_is_fitted(self)
        return _samples.take(self, X, reset=False)[0]

    def _labels(self, samples: Samples) -> NDArray[np.int64]:
        labels = np.zeros(_samples.count(samples), dtype=np.int64)
        _native.predict(samples, parameters(self), self._choice(), labels)
        return labels

    def _choice(self) -> Choice:
        return _devices.choice(self.device, self.precision)

    def _answers(self, samples: Samples, *of_each: int) -> Floats:
        """Make an array for answers, in single precision where both samples and model are."""
        shape = (_samples.count(samples), *of_each)
        single = getattr(samples, "dtype", None) == np.float32 and self.means_.dtype == np.float32
        return np.zeros(shape, dtype=np.float32) if single else np.zeros(shape)


def parameters(model: GaussianMixture | sklearn.mixture.GaussianMixture) -> Model:
    """Give a fitted model as the native half takes it."""
    return (
        model.covariance_type,
        np.asarray(model.weights_, dtype=np.float64),
        np.asarray(model.means_, dtype=np.float64),
        np.asarray(model.precisions_cholesky_, dtype=np.float64),
    )


def _seed(random_state: int | np.random.RandomState | None) -> int:
    return int(check_random_state(random_state).randint(np.iinfo(np.int32).max))


def _copy(source: Any, target: Any) -> None:
    """Give one estimator the parameters of the other and, where it is fitted, its model."""
    known = target.get_params(deep=False)
    target.set_params(**{name: value for name, value in source.get_params(deep=False).items() if name in known})
    for name in (*(f"{array}_" for array in _ARRAYS), *_OUTCOME):
        if hasattr(source, name):
            value = getattr(source, name)
            setattr(target, name, value.copy() if isinstance(value, np.ndarray | list) else value)
