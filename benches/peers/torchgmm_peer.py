"""TorchGMM's GaussianMixture on PyTorch Lightning, in f32, which is its default.

Its `fit` takes means but no covariances to start from. What follows is the part of `fit` that comes after its
initialisation, on a model that holds the start.
"""

import torch
from torchgmm.base.data import DataLoader, collate_tensor, dataset_from_tensors
from torchgmm.bayes import GaussianMixture
from torchgmm.bayes.core import cholesky_precision
from torchgmm.bayes.gmm.lightning_module import GaussianMixtureLightningModule
from torchgmm.bayes.gmm.model import GaussianMixtureModel, GaussianMixtureModelConfig

from peer import measure


def prepare(case, epochs):
    accelerator = {"cpu": "cpu", "cuda": "gpu"}[case.device]
    estimator = GaussianMixture(
        len(case.weights),
        covariance_type=case.family,
        convergence_tolerance=0,
        trainer_params={"accelerator": accelerator, "devices": 1, "enable_progress_bar": False},
    )
    samples = torch.from_numpy(case.samples).to(case.device)
    loader = DataLoader(dataset_from_tensors(samples), batch_size=len(samples), collate_fn=collate_tensor)
    # So its `fit` decides: all samples in one batch count as batch training, where an epoch of EM is two of
    # Lightning's, one for weights and means and one for covariances.
    is_batch_training = estimator._num_batches_per_epoch(loader) == 1
    passes = 2 if is_batch_training else 1

    def fit():
        k, d = case.means.shape
        model = GaussianMixtureModel(GaussianMixtureModelConfig(k, d, case.family))
        model.component_probs.copy_(torch.from_numpy(case.weights))
        model.means.copy_(torch.from_numpy(case.means))
        model.precisions_cholesky.copy_(cholesky_precision(torch.from_numpy(case.covariances), case.family))
        module = GaussianMixtureLightningModule(
            model,
            convergence_tolerance=0,
            covariance_regularization=estimator.covariance_regularization,
            is_batch_training=is_batch_training,
        )
        trainer = estimator.trainer(max_epochs=epochs * passes)
        trainer.fit(module, loader)
        assert trainer.current_epoch == epochs * passes, f"{trainer.current_epoch} passes instead of {epochs * passes}"
        return [array.cpu() for array in (model.component_probs, model.means, model.covariances)]

    return fit


measure("float32", prepare)
