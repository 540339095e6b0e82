"""A plugin of pytest: in scikit-learn's own tests, the name GaussianMixture means Mixtura's."""

import os

import sklearn.mixture

import mixtura

mixtura.GaussianMixture.__init__.__kwdefaults__["device"] = os.environ["MIXTURA_TEST_DEVICE"]
sklearn.mixture.GaussianMixture = mixtura.GaussianMixture
