"""gmmx on JAX, in f32: it accepts nothing else."""

import jax
from gmmx import EMFitter, GaussianMixtureModelJax

from peer import measure


def prepare(case, epochs):
    samples = jax.device_put(case.samples)
    start = GaussianMixtureModelJax.from_squeezed(case.means, case.covariances, case.weights, case.family)
    # It goes on while the change is at least the tolerance.
    fitter = EMFitter(max_iter=epochs, tol=0)
    compiled = EMFitter.fit.lower(fitter, samples, start).compile()

    def fit():
        result = jax.block_until_ready(compiled(fitter, samples, start))
        assert result.n_iter == epochs, f"{result.n_iter} epochs instead of {epochs}"
        return result.gmm.weights_numpy, result.gmm.means_numpy, result.gmm.covariances.values_numpy

    return fit


measure("float32", prepare)
