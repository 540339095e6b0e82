"""What the tests of missing values share: samples with holes, and EM that integrates them out in NumPy."""

import numpy as np
from scipy.stats import multivariate_normal

FAMILIES = ["full", "tied", "diag", "spherical"]
PARAMETERS = ["weights_", "means_", "covariances_", "precisions_", "precisions_cholesky_"]
OPTIONS = {"missing": "marginalize", "random_state": 0, "device": "cpu"}
ANSWERS = ["predict", "predict_proba", "score_samples", "score", "bic", "aic"]
HINT = "missing='marginalize', which integrates out what is missing"


def with_holes(X, share, seed=0):
    """Take a share of the values out, completely at random."""
    return np.where(np.random.default_rng(seed).uniform(size=X.shape) < share, np.nan, X)


def same(one, other):
    """Whether two fitted models are the same, to the last bit."""
    return all(np.array_equal(getattr(one, name), getattr(other, name)) for name in PARAMETERS)


class Oracle:
    """A mixture in NumPy, sample by sample, for covariances that are matrices: those of every component."""

    def __init__(self, weights, means, covariances):
        self.weights, self.means, self.covariances = weights, means, covariances

    @classmethod
    def of(cls, model):
        """Make it of a fitted model."""
        k, d = model.means_.shape
        matrices = {
            "full": lambda values: values,
            "tied": lambda values: np.broadcast_to(values, (k, d, d)),
            "diag": lambda values: np.array([np.diag(row) for row in values]),
            "spherical": lambda values: values[:, np.newaxis, np.newaxis] * np.eye(d),
        }
        return cls(model.weights_, model.means_, matrices[model.covariance_type](model.covariances_))

    def log_joint(self, x):
        """Log of weight times marginal density, of every component."""
        there = ~np.isnan(x)
        if not there.any():
            return np.log(self.weights)
        densities = [
            multivariate_normal.logpdf(x[there], mean[there], covariance[np.ix_(there, there)], allow_singular=True)
            for mean, covariance in zip(self.means, self.covariances, strict=True)
        ]
        return np.log(self.weights) + densities

    def posterior(self, x):
        """Log-density, and responsibilities."""
        joint = self.log_joint(x)
        log_density = np.logaddexp.reduce(joint)
        return log_density, np.exp(joint - log_density)

    def expected(self, x, k):
        """Give what a sample is expected to be in a component, and the covariance of that."""
        there, d = ~np.isnan(x), len(x)
        filled, spread = x.copy(), np.zeros((d, d))
        mean, covariance = self.means[k], self.covariances[k]
        slopes = covariance[np.ix_(~there, there)] @ np.linalg.inv(covariance[np.ix_(there, there)])
        filled[~there] = mean[~there] + slopes @ (x[there] - mean[there])
        residual = covariance[np.ix_(~there, ~there)] - slopes @ covariance[np.ix_(there, ~there)]
        spread[np.ix_(~there, ~there)] = residual
        return filled, spread

    def epoch(self, X, sample_weight, reg_covar, family):
        """Move by an epoch of EM; give the mean log-likelihood before it.

        Where features are independent what is missing need not be expected: samples count for the features they have.
        """
        k, d = self.means.shape
        log_densities, resp = zip(*[self.posterior(x) for x in X], strict=True)
        resp = np.array(resp) * sample_weight[:, np.newaxis]
        counts = resp.sum(axis=0)
        self.weights = counts / counts.sum()
        means, covariances = np.empty((k, d)), np.empty((k, d, d))
        if family == "diag":
            there, values = ~np.isnan(X), np.nan_to_num(X)
            of_features = resp.T @ there
            self.means = resp.T @ values / of_features
            for j in range(k):
                squares = resp[:, j] @ (there * (values - self.means[j]) ** 2)
                covariances[j] = np.diag(squares / of_features[j] + reg_covar)
            self.covariances = covariances
            return sample_weight @ log_densities / sample_weight.sum()
        expected = [[self.expected(x, j) for x in X] for j in range(k)]
        for j in range(k):
            filled = np.array([one for one, _ in expected[j]])
            spread = np.array([one for _, one in expected[j]])
            means[j] = resp[:, j] @ filled / counts[j]
            deviations = filled - means[j]
            covariances[j] = (resp[:, j, np.newaxis] * deviations).T @ deviations
            covariances[j] = (covariances[j] + np.tensordot(resp[:, j], spread, 1)) / counts[j] + reg_covar * np.eye(d)
        self.means, self.covariances = means, covariances
        return sample_weight @ log_densities / sample_weight.sum()

    def impute(self, x):
        """Fill in the conditional mean of a sample."""
        _, resp = self.posterior(x)
        return resp @ np.array([self.expected(x, k)[0] for k in range(len(resp))])
