"""Fits that go on from a checkpoint."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from mixtura import _native, _options, _samples
from mixtura._gaussian_mixture import GaussianMixture

if TYPE_CHECKING:
    from mixtura._types import Path
    from mixtura._words import Missing, Precision


def resume(
    path: Path,
    X: Any,
    *,
    sample_weight: Any = None,
    max_iter: int | None = None,
    checkpoint: Path | None = None,
    checkpoint_every: int | str = 10,
    missing: Missing = "error",
    verbose: int = 0,
    device: str | int = "auto",
    precision: Precision = "auto",
) -> GaussianMixture:
    """Go on with a fit from a checkpoint, which a fit here or at the command line has kept.

    On the same device the model has the bits of a fit that never stopped.

    Parameters
    ----------
    path : path
        The checkpoint.
    X : array-like of shape (n_samples, n_features), path, list of paths, or Dataset
        The samples that the fit began with; others are an error. Those of files whose columns have names are to be
        files here, too.
    sample_weight : array-like of shape (n_samples,) or str, default=None
        Their weights.
    max_iter : int, default=None
        Most epochs, those before the checkpoint included; of a single restart they may be more than they were. Those of
        the checkpoint if None.
    checkpoint : path, default=None
        File for further checkpoints, which may be the same.
    checkpoint_every : int or str, default=10
        As for `GaussianMixture`.
    missing : {"error", "marginalize"}, default="error"
        What is done about missing values, which a checkpoint does not say.
    verbose, device, precision
        As for `GaussianMixture`.

    Returns
    -------
    model : GaussianMixture
        The fitted model, with the other parameters of the fit.

    Warns
    -----
    UserWarning
        If the device is another, which does not give the same bits.

    Examples
    --------
    >>> import os, tempfile
    >>> import numpy as np
    >>> import mixtura
    >>> X = np.random.default_rng(0).normal(size=(500, 2))
    >>> path = os.path.join(tempfile.mkdtemp(), "fit.ckpt")
    >>> model = mixtura.GaussianMixture(2, tol=0.5, checkpoint=path, checkpoint_every=1, device="cpu").fit(X)
    >>> again = mixtura.resume(path, X, device="cpu")
    >>> np.array_equal(again.means_, model.means_)
    True
    """
    record = json.loads(_native.options_of_checkpoint(path))
    settings = _options.of_file(record)
    if max_iter is not None:
        if record["n_init"] > 1 and max_iter != record["max_iter"]:
            raise ValueError(
                f"The checkpoint is of {record['n_init']} restarts of at most {record['max_iter']} epochs, which were "
                "to be compared: leave max_iter out."
            )
        settings["max_iter"] = max_iter
    model = GaussianMixture(
        record["n_components"],
        covariance_type=record["covariance_type"],
        checkpoint=checkpoint,
        checkpoint_every=checkpoint_every,
        missing=missing,
        verbose=verbose,
        device=device,
        precision=precision,
        **settings,
    )
    model._validate_params()
    samples, weights = _samples.take(model, X, sample_weight, reset=True, min_samples=2)
    options, _ = _options.of_fit(model)
    model._fit_by(samples, weights, options, None, path)
    return model
