"""A plugin of pytest: in a client's tests, scikit-learn's GaussianMixture is Mixtura's."""

import sklearn.mixture
import sklearn.mixture._gaussian_mixture

import mixtura

sklearn.mixture.GaussianMixture = mixtura.GaussianMixture
sklearn.mixture._gaussian_mixture.GaussianMixture = mixtura.GaussianMixture
