"""Answers of a fitted mixture for samples."""

from __future__ import annotations

import math
import operator
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from mixtura import _native, _samples, _sampling
from mixtura._hooks import refuse_overrides
from mixtura._model import n_parameters, parameters
from mixtura._parameters import Parameters

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mixtura._types import Doubles, Floats, Samples


class Answers(Parameters):
    """Labels, densities, criteria, and samples drawn."""

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
        return self._labels(self._fitted(X, "predict"))

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
        samples, model = self._fitted(X, "predict_proba"), parameters(self)
        resp = self._answers(samples, len(self.means_))
        _native.predict_proba(samples, self.missing, model, self._choice(), resp)
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
        samples, model = self._fitted(X, "score_samples"), parameters(self)
        log_prob = self._answers(samples)
        _native.score_samples(samples, self.missing, model, self._choice(), log_prob)
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
        log_likelihood, total_weight = self._log_likelihood(X, sample_weight, "score")
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
        log_likelihood, total_weight = self._log_likelihood(X, sample_weight, "bic")
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
        log_likelihood, _ = self._log_likelihood(X, sample_weight, "aic")
        return 2.0 * self._n_parameters() - 2.0 * log_likelihood

    def sample(self, n_samples: int = 1) -> tuple[Doubles, NDArray[np.int64]]:
        """Draw samples from the mixture.

        They follow `weights_`, `means_` and `covariances_` as these are, whoever set them; where there are no
        `covariances_`, the factors of the precisions.

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
        return _sampling.draw(self, np.int64(n_samples), self._seed())

    def impute(self, X: Any, n_draws: int | None = None) -> Floats:
        """Fill in missing values by what the others of their sample say, under the mixture.

        That is right where values are missing at random: whether one is missing may depend on values that are there,
        not on itself (Rubin 1976). Means are the best single guess, and have less spread than data; for estimates from
        filled-in data, and their errors, several draws are analysed one by one and their results combined (multiple
        imputation, Rubin 1987). The CPU computes them, in double precision, whatever `missing` and `device` are.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features), path, list of paths, or Dataset
            Samples, whose NaN are filled in.
        n_draws : int, default=None
            How many draws, from the distribution of the missing values given those that are there. Their seed is that
            of `random_state`, as for `sample`. If None, the missing values become their means under that distribution.

        Returns
        -------
        filled : ndarray of shape (n_samples, n_features) or (n_draws, n_samples, n_features)
            The samples, in the precision of arrays `X`, or in double precision.

        Examples
        --------
        >>> import numpy as np
        >>> from mixtura import GaussianMixture
        >>> X = np.array([[0.0, 0.0], [1.0, 2.0], [2.0, 4.0], [3.0, np.nan]])
        >>> model = GaussianMixture(missing="marginalize", max_iter=1000, tol=1e-8).fit(X)
        >>> model.impute(X).round(2)[3]
        array([3., 6.])
        >>> model.impute(X, n_draws=5).shape
        (5, 4, 2)
        """
        check_is_fitted(self)
        if n_draws is not None and n_draws < 1:
            raise ValueError(f"Invalid value for 'n_draws': {n_draws}. At least one draw is required.")
        samples, _ = _samples.take(self, X, reset=False, missing="marginalize")
        return self._filled(samples, n_draws)

    def _n_parameters(self) -> int:
        """Count the free parameters of the model, as scikit-learn's method does for other packages."""
        return n_parameters(self.covariance_type, *np.shape(self.means_))

    def _log_likelihood(self, X: Any, sample_weight: Any, caller: str) -> tuple[float, float]:
        """Total log-likelihood, and total weight."""
        refuse_overrides(self, caller)
        check_is_fitted(self)
        samples, weights = _samples.take(self, X, sample_weight, reset=False)
        return _native.log_likelihood(samples, weights, self.missing, parameters(self), self._choice())

    def _fitted(self, X: Any, caller: str) -> Samples:
        """Check samples for a fitted model."""
        refuse_overrides(self, caller)
        check_is_fitted(self)
        return _samples.take(self, X, reset=False)[0]

    def _labels(self, samples: Samples) -> NDArray[np.int64]:
        labels = np.zeros(_samples.count(samples), dtype=np.int64)
        _native.predict(samples, self.missing, parameters(self), self._choice(), labels)
        return labels

    def _filled(self, samples: Samples, n_draws: int | None) -> Floats:
        draws = () if n_draws is None else (operator.index(n_draws),)
        shape = (*draws, _samples.count(samples), np.shape(self.means_)[1])
        filled: Floats = np.zeros(shape, dtype=_samples.precision(samples))
        if n_draws is None:
            _native.impute(samples, parameters(self), None, filled)
        else:
            seed = self._seed()
            for number, draw in enumerate(filled):
                _native.impute(samples, parameters(self), (seed, number), draw)
        return filled

    def _answers(self, samples: Samples, *of_each: int) -> Floats:
        """Make an array for answers, in single precision where both samples and model are."""
        shape = (_samples.count(samples), *of_each)
        single = getattr(samples, "dtype", None) == np.float32 and self.means_.dtype == np.float32
        return np.zeros(shape, dtype=np.float32) if single else np.zeros(shape)
