"""Sufficient statistics of parts of the data, which add up: what a fit on a cluster needs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sklearn.utils.validation import check_is_fitted

from mixtura import _native, _samples
from mixtura._gaussian_mixture import GaussianMixture, parameters

if TYPE_CHECKING:
    import sklearn.mixture


class Moments(_native.Moments):
    """Weighted sums over some samples with their responsibilities under a model.

    The sums are taken about an origin for each component, the model's means, so that nothing large is ever squared.
    Moments of disjoint parts of the data under the same model add up with ``+`` (and `sum`) to those of the whole,
    wherever they were made: they can be pickled. `moments` makes them.

    Attributes
    ----------
    covariance_type : {"full", "tied", "diag", "spherical"}
        The family of the model.
    total_weight : float
        Sum of the sample weights.
    log_likelihood : float
        Sum over the samples of weight times log-density under the model.
    lower_bound : float
        `log_likelihood` over `total_weight`.
    counts : ndarray of shape (n_components,)
        Sums of the responsibilities.
    origins : ndarray of shape (n_components, n_features)
        The origins.
    first : ndarray of shape (n_components, n_features)
        Sums of responsibility times deviation from the origin.
    second : ndarray
        Sums of responsibility times the outer product of the deviation: (n_components, n_features, n_features) for
        "full", summed over the components for "tied", its diagonal (n_components, n_features) for "diag" and its
        trace (n_components,) for "spherical".
    single_precision : bool
        Whether some of the sums were formed in single precision.
    """

    __slots__ = ()

    def __add__(self, other: object) -> Moments:
        """Moments of both parts together.

        Raises
        ------
        ValueError
            If they were made with different models.
        """
        if not isinstance(other, _native.Moments):
            return NotImplemented
        return type(self)(*self.combined(other))

    def __radd__(self, other: object) -> Moments:
        # The start of a sum.
        return self if isinstance(other, int) and other == 0 else NotImplemented

    def __repr__(self) -> str:
        k, d = self.first.shape
        return (
            f"{type(self).__name__}({k} {self.covariance_type} components, {d} features, "
            f"total weight {self.total_weight:g})"
        )

    def maximize(self, reg_covar: float = 1e-6) -> GaussianMixture:
        """M step: the model of greatest expected log-likelihood.

        Parameters
        ----------
        reg_covar : float, default=1e-6
            Added to the diagonal of every covariance.

        Returns
        -------
        GaussianMixture
            The next model of the fit, whose `lower_bound_` is that of these moments.

        Raises
        ------
        ValueError
            If a component collapsed.
        """
        return GaussianMixture._from_arrays(
            self.maximized(reg_covar), reg_covar=reg_covar, lower_bound=self.lower_bound
        )


def moments(
    X: Any,
    model: GaussianMixture | sklearn.mixture.GaussianMixture,
    sample_weight: Any = None,
    *,
    device: str | int | None = None,
    precision: str | None = None,
) -> Moments:
    """E step: the sufficient statistics of samples under a model.

    Parameters
    ----------
    X : array-like of shape (n_samples, n_features), path, list of paths, or Dataset
        Samples: all of them, or any part.
    model : fitted GaussianMixture
        Mixtura's, or scikit-learn's.
    sample_weight : array-like of shape (n_samples,), default=None
        A weight of w counts a sample w times.
    device : str or int, default=None
        What to compute on; the model's own device if None.
    precision : {"auto", "f32", "f64"}, default=None
        What to compute in; the model's own precision if None.

    Returns
    -------
    Moments
        They add up over parts of the data.

    Examples
    --------
    A fit over two halves of the data, an epoch:

    >>> import numpy as np
    >>> from mixtura import GaussianMixture, moments
    >>> X = np.array([[0.0], [0.2], [0.4], [5.0], [5.2], [5.4]])
    >>> start = GaussianMixture(2, max_iter=0, random_state=0).fit(X)
    >>> both = moments(X[:3], start) + moments(X[3:], start)
    >>> model = both.maximize()
    >>> np.allclose(np.sort(model.means_.ravel()), [0.2, 5.2])
    True
    """
    check_is_fitted(model)
    samples, weights = _samples.take(model, X, sample_weight, reset=False)
    choice = (
        str(getattr(model, "device", "auto") if device is None else device),
        getattr(model, "precision", "auto") if precision is None else precision,
    )
    return Moments(*_native.moments(samples, weights, parameters(model), choice))
