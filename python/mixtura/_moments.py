"""Sufficient statistics of parts of the data, which add up: what a fit on a cluster needs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from mixtura import _devices, _native, _samples
from mixtura._gaussian_mixture import GaussianMixture
from mixtura._model import parameters

if TYPE_CHECKING:
    import sklearn.mixture

    from mixtura._words import Missing, Precision


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
    device, precision, feature_names, missing
        Of the model; the next one takes them over.
    """

    # Of the model, for the next one.
    __slots__ = ("device", "feature_names", "missing", "precision")

    device: str | int
    precision: Precision
    feature_names: list[str] | None
    missing: Missing

    def __new__(
        cls,
        *parts: Any,
        device: str | int = "auto",
        precision: Precision = "auto",
        feature_names: list[str] | None = None,
        missing: Missing = "error",
        **named_parts: Any,
    ) -> Moments:
        """Make them of their parts, and of what the next model takes over from the last."""
        self = super().__new__(cls, *parts, **named_parts)
        self.device, self.precision, self.feature_names = device, precision, feature_names
        self.missing = missing
        return self

    def __add__(self, other: object) -> Moments:
        """Moments of both parts together.

        Raises
        ------
        ValueError
            If they were made with different models.
        """
        if not isinstance(other, _native.Moments):
            return NotImplemented
        names = getattr(other, "feature_names", None)
        if names != self.feature_names:
            raise ValueError(f"The moments to combine have the features {self.feature_names} and {names}.")
        return type(self)(
            *self.combined(other),
            device=self.device,
            precision=self.precision,
            feature_names=self.feature_names,
            missing=self.missing,
        )

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
            The next model of the fit, whose `lower_bound_` is that of these moments. It has the device, the precision,
            `missing` and the names of the features of the model that gave them; other parameters are the default.

        Raises
        ------
        ValueError
            If a component collapsed.
        """
        model = GaussianMixture._from_arrays(
            self.maximized(reg_covar),
            reg_covar=reg_covar,
            lower_bound=self.lower_bound,
            device=self.device,
            precision=self.precision,
            missing=self.missing,
        )
        if self.feature_names is not None:
            model.feature_names_in_ = np.array(self.feature_names, dtype=object)
        return model


def moments(
    X: Any,
    model: GaussianMixture | sklearn.mixture.GaussianMixture,
    sample_weight: Any = None,
    *,
    device: str | int | None = None,
    precision: Precision | None = None,
    missing: Missing | None = None,
) -> Moments:
    """E step: the sufficient statistics of samples under a model.

    Missing values count by what is expected of them, given the others of their sample.

    Parameters
    ----------
    X : array-like of shape (n_samples, n_features), path, list of paths, or Dataset
        Samples: all of them, or any part.
    model : fitted GaussianMixture
        Mixtura's, or scikit-learn's.
    sample_weight : array-like of shape (n_samples,), default=None
        A weight of w counts a sample w times.
    device : str or int, default=None
        Device to compute on; the model's own if None.
    precision : {"auto", "f32", "f64"}, default=None
        Precision to compute in; the model's own if None.
    missing : {"error", "marginalize"}, default=None
        What is done about missing values; the model's own if None, "error" for scikit-learn's.

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
    way: Missing = getattr(model, "missing", "error")
    if missing is not None:
        way = missing
    samples, weights = _samples.take(model, X, sample_weight, reset=False, missing=way)
    own: dict[str, Any] = {"device": getattr(model, "device", "auto"), "precision": getattr(model, "precision", "auto")}
    choice = _devices.choice(
        own["device"] if device is None else device, own["precision"] if precision is None else precision
    )
    names = getattr(model, "feature_names_in_", None)
    parts = _native.moments(samples, weights, way, parameters(model), choice)
    return Moments(*parts, **own, missing=way, feature_names=None if names is None else list(names))
