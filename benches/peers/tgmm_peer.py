"""tgmm's GaussianMixture on torch, in f32, which is its default."""

import torch
from tgmm import GaussianMixture

from peer import measure


def prepare(case, epochs):
    samples = torch.from_numpy(case.samples).to(case.device)
    model = GaussianMixture(
        len(case.weights),
        covariance_type=case.family,
        init_weights=torch.from_numpy(case.weights),
        init_means=torch.from_numpy(case.means),
        init_covariances=torch.from_numpy(case.covariances),
        max_iter=epochs,
        # It stops when the relative change is below the tolerance, which must not be zero; nothing is below NaN.
        tol=float("nan"),
        n_init=1,
        device=case.device,
    )

    def fit():
        model.fit(samples)
        assert model.n_iter_ == epochs - 1, f"{model.n_iter_ + 1} epochs instead of {epochs}"
        return [array.cpu() for array in (model.weights_, model.means_, model.covariances_)]

    return fit


measure("float32", prepare)
