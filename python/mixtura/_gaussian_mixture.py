"""The estimator, and its fit."""

from __future__ import annotations

import json
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from mixtura import _native, _options, _samples, _start
from mixtura._answers import Answers
from mixtura._caller import caller
from mixtura._exchange import Exchange
from mixtura._fits import Fits
from mixtura._hooks import Hooks, refuse_overrides
from mixtura._verbose import Verbose

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from typing_extensions import Self

    from mixtura._types import Checkpoints, Model, Path, Samples, Weights


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
    update : {"em", "squarem", "damped", "gradient", "stepwise"}, default="em"
        How the model moves in an epoch: by expectation-maximisation; with squared extrapolation of it, which needs
        fewer epochs where components overlap; a part of the way to EM's next model; along the gradient of the mean
        log-likelihood; or by a step of EM after every batch of samples.
    learning_rate : float, default=None
        Length of a step: of "damped", the part of the way, at most 1 (0.5 if None); of "gradient", with features
        measured in their robust scales (0.001 if None).
    momentum : float, default=None
        Part of the last step that "gradient" adds to the next one, from 0 to below 1 (0 if None).
    batch_size : int, default=None
        Samples between two steps of "stepwise" (65,536 if None).
    decay : float, default=None
        How fast the steps of "stepwise" shrink, above 0.5 and at most 1 (0.7 if None).
    polish : bool, default=False
        Whether "stepwise" goes on with EM on all samples, to the tolerance.
    floor : float, default=None
        Share of the square of every feature's robust scale that is added to its variance in every component, in place
        of `reg_covar`: metres and millimetres give the same labels.
    on_collapse : {"error", "repair", "drop"}, default="error"
        What becomes of a component that has too few samples for its covariance, or none: an error where its covariance
        is not positive definite, as in scikit-learn; or, with a warning that says so, it begins anew where the model
        explains the samples worst, or is dropped, so that the model has fewer than `n_components`.
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
    checkpoint : path, default=None
        File in which fits keep, again and again, how far they have come, also when Ctrl-C ends them: :func:`resume`
        goes on from it, and so does the command line. Fits side by side need a file each.
    checkpoint_every : int or str, default=10
        How often: after so many epochs, or after seconds, as in ``"60s"``.
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
    trace_ : dict of ndarrays of shape (n_epochs,)
        Every epoch of every restart: its `restart`, number of `samples`, `epoch`, kind of `step`, `lower_bound` and the
        `change` of it, `repairs` in words, the share of all log-densities that was `evaluated`, and its `seconds`;
        ``pandas.DataFrame(trace_)`` is a table. A fit that goes on has the epochs since then; a model that was chosen,
        loaded, or fitted by workers has no trace.
    device_ : str
        What computed the fit: the instructions and threads of a CPU, or the name of an adapter, and the interface to
        it. Of a fit by workers it is not known.
    n_features_in_ : int
        Number of features.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Their names, where the samples had any.

    See Also
    --------
    MixtureSelection : The number of components and the covariance type, chosen by a criterion.
    Dataset : Samples in files, for fits on more than fits into memory.
    resume : A fit that goes on from a checkpoint.
    plot : A picture of a model, and of samples under it.
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
        options, start = _options.of_fit(self)
        self._fit_by(samples, weights, options, start)
        return samples

    def _fit_by(
        self,
        samples: Samples,
        weights: Weights,
        options: dict[str, Any],
        start: tuple[Model, float] | None,
        resume: Path | None = None,
    ) -> None:
        """Fit by options, from a model or from a checkpoint where one is given."""
        observer = Verbose(self.verbose, self.verbose_interval) if self.verbose else None
        checkpoint = self._checkpoint()
        fitted = _native.fit(samples, weights, options, start, self._choice(), observer, checkpoint, resume)
        self._take_fit(fitted, _samples.precision(samples))

    def _checkpoint(self) -> Checkpoints | None:
        """Give where checkpoints go, and how often."""
        if self.checkpoint is None:
            return None
        inits = [name for name in _start.NAMES if getattr(self, name) is not None]
        if inits and self.n_init > 1:
            raise ValueError(
                f"Checkpoints do not keep {', '.join(inits)}, which later restarts begin at: leave checkpoint out, or "
                "use n_init=1."
            )
        return self.checkpoint, self.checkpoint_every

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
        if fitted["began_on"] is not None:
            warnings.warn(
                f"The fit began on {fitted['began_on']}; here it goes on, but not with the same bits.",
                UserWarning,
                stacklevel=caller(),
            )
        for repair in fitted["repairs"]:
            warnings.warn(f"A component collapsed. In {repair}.", UserWarning, stacklevel=caller())
        self._set_arrays(fitted["mixture"], dtype)
        self.converged_ = fitted["converged"]
        self.n_iter_ = fitted["n_iter"]
        self.lower_bound_: float = fitted["lower_bound"]
        self.lower_bounds_ = fitted["lower_bounds"]
        self._set_trace(fitted["trace"])
        self._set_record(json.loads(fitted["record"]))

    def _set_trace(self, trace: dict[str, Any] | None) -> None:
        self.__dict__.pop("trace_", None)
        if trace is not None:
            # Words come in lists.
            words = {name: np.array(column, dtype=str) for name, column in trace.items() if isinstance(column, list)}
            self.trace_ = {**trace, **words}
