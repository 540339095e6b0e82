"""The choice of a model: how many components, and which covariances."""

from __future__ import annotations

import functools
import math
import sys
from numbers import Integral
from typing import TYPE_CHECKING, Any, ClassVar, ParamSpec, TypeVar

import numpy as np
from sklearn.base import BaseEstimator, DensityMixin
from sklearn.utils._param_validation import Interval, validate_parameter_constraints
from sklearn.utils.validation import check_is_fitted

from mixtura import _native, _options, _samples
from mixtura._answers import Answers
from mixtura._fits import Fits
from mixtura._gaussian_mixture import GaussianMixture
from mixtura._verbose import VerboseSelection
from mixtura._words import Criterion, one_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Concatenate

    from numpy.typing import NDArray
    from typing_extensions import Self

    from mixtura._types import Samples
    from mixtura._words import CovarianceType, InitParams, Missing, OnCollapse, Precision

_Arguments = ParamSpec("_Arguments")
_Answer = TypeVar("_Answer")

# Parameters of `GaussianMixture` that all candidates share.
_SHARED = (
    "tol",
    "reg_covar",
    "max_iter",
    "n_init",
    "init_params",
    "random_state",
    "verbose",
    "floor",
    "on_collapse",
    "missing",
    "device",
    "precision",
)

# Criteria that ask for folds, and how many there are unless that is said.
_OF_FOLDS = ("held-out", "stability")
_FOLDS = 5

# Columns of `results_`, and what stands there for a candidate that has no model.
_COLUMNS: dict[str, str | float | bool] = {
    "covariance_type": "",
    "n_components": -1,
    "bic": math.nan,
    "aic": math.nan,
    "icl": math.nan,
    "icl_labels": math.nan,
    "held_out": math.nan,
    "stability": math.nan,
    "log_likelihood": math.nan,
    "n_parameters": -1,
    "entropy": math.nan,
    "label_entropy": math.nan,
    "converged": False,
    "n_iter": -1,
    "smallest_component": math.nan,
    "held_by_floor": False,
    "floor_share": math.nan,
    "n_repairs": -1,
    "merged": False,
    "share": -1,
    "seconds": math.nan,
    "reason": "",
}


def _of_best(
    method: Callable[Concatenate[Answers, _Arguments], _Answer],
) -> Callable[Concatenate[MixtureSelection, _Arguments], _Answer]:
    """Make a method that asks the best model."""

    @functools.wraps(method)
    def ask(self: MixtureSelection, /, *arguments: _Arguments.args, **options: _Arguments.kwargs) -> _Answer:
        check_is_fitted(self)
        return method(self.best_estimator_, *arguments, **options)

    return ask


class MixtureSelection(Fits, DensityMixin, BaseEstimator):  # type: ignore[misc]
    """Gaussian mixture whose number of components and covariance type are chosen by a criterion.

    Every number of components with every covariance type is a candidate. All of them are fitted in one job, and the
    best is `best_estimator_`, which answers for this estimator: `predict` is ``best_estimator_.predict``.

    Parameters
    ----------
    n_components : int or array-like of int, default=(1, 2, ..., 10)
        Numbers of components to try.
    covariance_type : {"full", "tied", "diag", "spherical"} or array-like of these, default=all of them
        Covariance types to try.
    criterion : {"bic", "aic", "icl", "icl-labels", "held-out", "stability"}, default="bic"
        What decides; of all lower is better. The Bayesian information criterion; Akaike's, which tends to more
        components; the integrated completed likelihood, which is BIC and twice the entropy of the posterior, and asks
        for components that do not overlap; that with the most probable component of each sample in place of the
        posterior; - 2 times the log-likelihood of samples that were held out, as folds tell; or 1 minus the agreement
        of labels between models of different folds, with one component more or less.
    exhaustive : bool, default=False
        Whether every candidate is fitted to all samples, from initialisations of its own: that is
        ``GaussianMixture(n_components, covariance_type=...).fit(X)``, to the bit. Else only the most components of each
        type begin at one, and fewer at the model of more, of which two are merged; of 200,000 samples or more a part
        comes first; and the best candidates are fitted both ways, to all samples, in the end.
    folds : int, default=None
        Folds: every candidate is fitted, in the same way, to all samples but those of each of so many, too. None is 5
        where the criterion asks for folds, and otherwise none.
    tol : float, default=1e-3
        A fit has converged when the lower bound, the mean log-likelihood, changes by less in an epoch. A change of 1e-3
        over a million samples changes BIC by 2,000.
    reg_covar : float, default=1e-6
        Added to the diagonal of every covariance.
    max_iter : int, default=100
        Most epochs of a fit.
    n_init : int, default=1
        Restarts from different initialisations, where a fit begins at one; the best lower bound wins.
    init_params : {"kmeans", "k-means++", "random", "random_from_data"}, default="kmeans"
        Where the first model comes from.
    random_state : int, RandomState instance or None, default=None
        Seed of the initialisations, and of `sample`.
    verbose : int, default=0
        1 prints candidates as they are over, 2 their times, too.
    floor : float, default=None
        Share of the square of every feature's robust scale that is added to its variance, in place of `reg_covar`.
    on_collapse : {"error", "repair", "drop"}, default="error"
        What becomes of a component that has too few samples for its covariance, or none: an error, so that the
        candidate has no model; it begins anew where the model explains the samples worst; or it is dropped.
    missing : {"error", "marginalize"}, default="error"
        What is done about missing values, as for `GaussianMixture`: they are an error, or integrated out.
    device : str or int, default="auto"
        Device to compute on, as for `GaussianMixture`.
    precision : {"auto", "f32", "f64"}, default="auto"
        Precision of passes over the samples, as for `GaussianMixture`.

    Attributes
    ----------
    results_ : dict of ndarrays of shape (n_candidates,)
        The candidates, by covariance type and then by number of components; ``pandas.DataFrame(results_)`` is a table.
        Where a candidate has no model, its `reason` says why, and its numbers are NaN, -1 or False.

        - covariance_type, n_components : the candidate.
        - bic, aic, icl, icl_labels : the criteria.
        - held_out : total log-likelihood of the samples, each under the model of the folds that it is in none of; NaN
          without folds.
        - stability : how much labels agree with those of one component more and of one less, from models of different
          folds: the mean index of Fowlkes and Mallows, at most 1; NaN without folds.
        - log_likelihood : total log-likelihood of the samples.
        - n_parameters : number of free parameters.
        - entropy, label_entropy : entropy of the posterior, - sum of r ln r over samples and components; and - sum of
          ln r of the most probable component of each sample.
        - converged, n_iter : how its fit ended, and after how many epochs.
        - smallest_component : samples, by their weights, of the component that has fewest.
        - held_by_floor : whether a component has collapsed onto `reg_covar`, which its likelihood depends on. Such a
          candidate is the best only where all are.
        - floor_share : the largest share that `reg_covar` has of a variance that the other features leave.
        - n_repairs : number of components that began anew.
        - merged : whether its fit began at the model of more components.
        - share : one of so many samples was fitted to. Where that is not 1 the numbers are estimates for all samples.
        - seconds : its time, and its share of passes that served several.
        - reason : why it has no model; empty where it has one.
        - rank : 1 for the best; -1 where there is no model.
    best_index_ : int
        The best candidate's place in `results_`.
    best_params_ : dict
        Its covariance_type and n_components.
    best_score_ : float
        Its criterion.
    best_estimator_ : GaussianMixture
        Its model, fitted, with the other parameters of this estimator.
    n_iter_ : int
        Epochs of its fit.
    n_features_in_ : int
        Number of features.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Their names, where the samples had any.

    See Also
    --------
    GaussianMixture : A single candidate.

    Examples
    --------
    >>> import numpy as np
    >>> from mixtura import MixtureSelection
    >>> rng = np.random.default_rng(0)
    >>> X = np.concatenate([rng.normal(center, [1.0, 0.5], size=(100, 2)) for center in (0.0, 5.0, 10.0)])
    >>> selection = MixtureSelection(range(1, 6), random_state=0).fit(X)
    >>> selection.best_params_
    {'covariance_type': 'tied', 'n_components': 3}
    >>> selection.best_estimator_.means_.shape
    (3, 2)
    >>> selection.results_["bic"].shape
    (20,)
    """

    results_: dict[str, NDArray[Any]]
    best_index_: int
    best_params_: dict[str, Any]
    best_score_: float
    best_estimator_: GaussianMixture
    n_iter_: int
    n_features_in_: int

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "n_components": [*GaussianMixture._parameter_constraints["n_components"], "array-like"],
        "covariance_type": [*GaussianMixture._parameter_constraints["covariance_type"], "array-like"],
        "criterion": [one_of(Criterion)],
        "exhaustive": ["boolean"],
        "folds": [Interval(Integral, 2, None, closed="left"), None],
        **{name: GaussianMixture._parameter_constraints[name] for name in _SHARED},
    }

    def __init__(
        self,
        n_components: int | Iterable[int] = tuple(range(1, 11)),
        *,
        covariance_type: CovarianceType | Iterable[CovarianceType] = ("full", "tied", "diag", "spherical"),
        criterion: Criterion = "bic",
        exhaustive: bool = False,
        folds: int | None = None,
        tol: float = 1e-3,
        reg_covar: float = 1e-6,
        max_iter: int = 100,
        n_init: int = 1,
        init_params: InitParams = "kmeans",
        random_state: int | np.random.RandomState | None = None,
        verbose: int = 0,
        floor: float | None = None,
        on_collapse: OnCollapse = "error",
        missing: Missing = "error",
        device: str | int = "auto",
        precision: Precision = "auto",
    ) -> None:
        self.n_components = n_components
        self.covariance_type = covariance_type
        self.criterion = criterion
        self.exhaustive = exhaustive
        self.folds = folds
        self.tol = tol
        self.reg_covar = reg_covar
        self.max_iter = max_iter
        self.n_init = n_init
        self.init_params = init_params
        self.random_state = random_state
        self.verbose = verbose
        self.floor = floor
        self.on_collapse = on_collapse
        self.missing = missing
        self.device = device
        self.precision = precision

    def fit(self, X: Any, y: Any = None, *, sample_weight: Any = None) -> Self:
        """Fit all candidates, and choose the best.

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
        self : MixtureSelection
            The fitted estimator.

        Raises
        ------
        ValueError
            If samples, weights or parameters are not what they should be. Where no candidate has a model, the exception
            is that of the first of them.
        """
        self._fit(X, sample_weight)
        return self

    def fit_predict(self, X: Any, y: Any = None, *, sample_weight: Any = None) -> NDArray[np.int64]:
        """Choose a model, and give its most probable component of every sample.

        Parameters
        ----------
        X, y, sample_weight
            As for `fit`.

        Returns
        -------
        labels : ndarray of shape (n_samples,)
            The same as ``fit(X).predict(X)``.
        """
        labels: NDArray[np.int64] = self._fit(X, sample_weight, then=lambda X: self.best_estimator_._labels(X))
        return labels

    predict = _of_best(Answers.predict)
    predict_proba = _of_best(Answers.predict_proba)
    score_samples = _of_best(Answers.score_samples)
    score = _of_best(Answers.score)
    bic = _of_best(Answers.bic)
    aic = _of_best(Answers.aic)
    sample = _of_best(Answers.sample)
    impute = _of_best(Answers.impute)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = self.missing == "marginalize"
        return tags

    def _fit_or_break(self, X: Any, sample_weight: Any) -> Samples:
        candidates = {
            "n_components": [min(int(k), sys.maxsize) for k in self._each("n_components", Integral)],
            "covariance_types": [str(family) for family in self._each("covariance_type", str)],
            "criterion": self.criterion,
            "exhaustive": bool(self.exhaustive),
            "folds": _FOLDS if self.folds is None and self.criterion in _OF_FOLDS else self.folds,
        }
        samples, weights = _samples.take(self, X, sample_weight, reset=True, min_samples=2)
        best = GaussianMixture(**{name: getattr(self, name) for name in _SHARED})
        observer = VerboseSelection(self.verbose, self.criterion) if self.verbose else None
        selected = _native.select(samples, weights, candidates, _options.manner(best), best._choice(), observer)

        rows, ranking = selected["candidates"], selected["ranking"]
        self.results_ = _table(rows, ranking)
        self.best_index_ = ranking[0]
        self.best_params_ = {name: rows[self.best_index_][name] for name in ("covariance_type", "n_components")}
        self.best_score_ = rows[self.best_index_]["score"]
        self.best_estimator_ = best.set_params(**self.best_params_)
        _samples.set_features(best, self.n_features_in_, getattr(self, "feature_names_in_", None))
        best._take_fit(selected["fitted"], _samples.precision(samples))
        self.n_iter_ = best.n_iter_
        return samples

    def _each(self, name: str, single: type) -> list[Any]:
        """Give the values of a parameter that is one or several, each of them checked."""
        values = getattr(self, name)
        values = [values] if isinstance(values, single) else list(values)
        if not values:
            raise ValueError(f"The {name!r} parameter of {type(self).__name__} must not be empty.")
        for value in values:
            constraints = GaussianMixture._parameter_constraints
            validate_parameter_constraints(constraints, {name: value}, caller_name=type(self).__name__)
        return values


def _table(rows: list[dict[str, Any]], ranking: list[int]) -> dict[str, NDArray[Any]]:
    """Make columns of rows, whose missing numbers are None."""
    table: dict[str, NDArray[Any]] = {
        name: np.array([missing if row[name] is None else row[name] for row in rows])
        for name, missing in _COLUMNS.items()
    }
    rank = np.full(len(rows), -1)
    rank[ranking] = np.arange(1, len(ranking) + 1)
    return {**table, "rank": rank}
