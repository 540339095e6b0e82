"""The estimator, and its fit."""

from __future__ import annotations

import json
import sys
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from mixtura import _native, _samples, _start
from mixtura._answers import Answers
from mixtura._caller import caller
from mixtura._exchange import Exchange
from mixtura._fits import Fits
from mixtura._hooks import Hooks, refuse_overrides
from mixtura._model import parameters
from mixtura._verbose import Verbose

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from typing_extensions import Self

    from mixtura._types import Model, Samples


class GaussianMixture(Hooks, Fits, Answers, Exchange):
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
        Restarts from different initialisations; the best lower bound wins. One that has collapsed onto `reg_covar`,
        which its likelihood follows, wins only where all have.
    init_params : {"kmeans", "k-means++", "random", "random_from_data"}, default="kmeans"
        Where the first model comes from: k-means on features over their scales, seeds of k-means++, random
        responsibilities, or random samples.
    weights_init : array-like of shape (n_components,), default=None
        First weights, in place of the initialisation's.
    means_init : array-like of shape (n_components, n_features), default=None
        First means, in place of the initialisation's. With `init_params="kmeans"` the weights and precisions that are
        not given are those of the samples that are nearest to each; restarts after the first take those of k-means.
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
    start : {"direct", "coarse-to-fine", "auto"}, default="direct"
        Samples that a fit begins on: all of them; or one of 64, then one of 16 and one of 4, where these are enough for
        the components, and all of them in the end, which takes far fewer epochs on all of them; or coarse to fine where
        that is likely to take less time: where there are 100,000 samples or more, and enough for two such parts.
    update : {"em", "squarem"}, default="em"
        How the model moves in an epoch: by expectation-maximisation, or with squared extrapolation of it, which needs
        fewer epochs where components overlap.
    on_collapse : {"error", "repair"}, default="error"
        What becomes of a component that has too few samples for its covariance, or none: an error where its covariance
        is not positive definite, as in scikit-learn; or it begins anew where the model explains the samples worst, with
        a warning that says so.
    prune : {"auto", "exact", "off"}, default="auto"
        Whether passes leave out components that cannot matter to samples that lie close together: where that
        is faster, with many components of few features; always; or never. What is left out has a share of at most 1e-12
        of any sample in f64, of 1e-9 in f32.
    posterior : {"exact", "truncated"}, default="exact"
        Whether an epoch knows the posterior of a sample over all components, or over the three that explain it best of
        those that it looked at: for thousands of components, with `device="cpu"`, `update="em"` and samples in memory.
        The lower bound is the free energy then, at most the mean log-likelihood; 12 bytes are kept for each sample.
    missing : {"error", "marginalize"}, default="error"
        What is done about missing values: NaN in arrays and frames, nulls and empty cells of files. They are an error;
        or they are integrated out, in fits and in answers, so that a sample counts by the values that it has
        (Ghahramani and Jordan 1994). That is right where values are missing at random: whether one is missing may
        depend on values that are there, not on itself (Rubin 1976). The CPU passes over such samples: it takes the
        place of a device that was chosen automatically, and any other device refuses them. Infinities are an error in
        any case.
    device : str or int, default="auto"
        Device to compute on: "auto" (a GPU, otherwise the CPU), "cpu", "gpu", "software" (a software adapter), or the
        number or part of the name of one that :func:`mixtura.devices` lists. "gpu:all", or a list such as "0,1,cpu",
        has several devices share the samples.
    precision : {"auto", "f32", "f64"}, default="auto"
        Precision of passes over the samples; "auto" is f64 on the CPU and f32 on adapters, which have no other. Sums
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
        Epochs of the best restart, on all samples.
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
    MixtureSelection : The number of components and the covariance type, chosen by a criterion.
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

    Missing values:

    >>> X = np.array([[1, 2], [1, np.nan], [1, 0], [10, 2], [np.nan, 4], [10, 0]])
    >>> gm = GaussianMixture(n_components=2, missing="marginalize", random_state=0).fit(X)
    >>> gm.impute([[np.nan, 2], [10, np.nan]]).shape
    (2, 2)
    >>> gm.predict([[10, np.nan]]) == gm.predict([[10, 2]])
    array([ True])
    """

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
        TypeError
            If a subclass overrides a method that scikit-learn's `fit` calls, and this one does not.
        """
        refuse_overrides(self, "fit")
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
        refuse_overrides(self, "fit_predict")
        labels: NDArray[np.int64] = self._fit(X, sample_weight, then=self._labels)
        return labels

    def _fit_or_break(self, X: Any, sample_weight: Any) -> Samples:
        samples, weights = _samples.take(self, X, sample_weight, reset=True, min_samples=2)
        n_samples = _samples.count(samples)
        if n_samples < self.n_components:
            raise ValueError(
                "Expected n_samples >= n_components "
                f"but got n_components = {self.n_components}, n_samples = {n_samples}"
            )
        options, start = self._options()
        observer = Verbose(self.verbose, self.verbose_interval) if self.verbose else None
        fitted = _native.fit(samples, weights, options, start, self._choice(), observer)
        self._take_fit(fitted, _samples.precision(samples))
        return samples

    def _options(self) -> tuple[dict[str, Any], tuple[Model, float] | None]:
        """Give the options of a fit of samples with `n_features_in_` features, and what it goes on from."""
        start: tuple[Model, float] | None = None
        if self.warm_start and hasattr(self, "converged_"):
            start = (parameters(self), self.lower_bound_)
        inits = _start.check(self, self.n_features_in_)
        options = {
            # A warm start goes on with the components that there are, as scikit-learn's does.
            "n_components": self.n_components if start is None else len(self.means_),
            "covariance_type": self.covariance_type,
            **(inits if start is None else dict.fromkeys(inits)),
            **self._manner(),
        }
        return options, start

    def _manner(self) -> dict[str, Any]:
        """Give the options of a fit of any model. They hold a seed, which is drawn anew every time."""
        return {
            "tol": float(self.tol),
            "reg_covar": float(self.reg_covar),
            "max_iter": min(self.max_iter, sys.maxsize),
            "n_init": min(self.n_init, sys.maxsize),
            "init": self.init_params,
            "start": self.start,
            "update": self.update,
            "on_collapse": self.on_collapse,
            "prune": self.prune,
            "posterior": self.posterior,
            "missing": self.missing,
            "seed": self._seed(),
        }

    def _take_fit(self, fitted: dict[str, Any], dtype: Any) -> None:
        """Take what a fit found."""
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
                stacklevel=caller(),
            )
        for repair in fitted["repairs"]:
            warnings.warn(f"A component collapsed. In {repair}.", UserWarning, stacklevel=caller())
        self._set_arrays(fitted["mixture"], dtype)
        self.converged_ = fitted["converged"]
        self.n_iter_ = fitted["n_iter"]
        self.lower_bound_: float = fitted["lower_bound"]
        self.lower_bounds_ = fitted["lower_bounds"]
        self._record = json.loads(fitted["record"])
