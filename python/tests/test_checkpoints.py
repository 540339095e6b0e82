"""Fits that keep how far they have come, and go on from there."""

import json
import os
import signal
import threading
import time
import warnings

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning

import mixtura
from mixtura import GaussianMixture, Part, Search

PARAMETERS = ["weights_", "means_", "covariances_", "precisions_", "precisions_cholesky_"]


@pytest.fixture
def overlapping():
    """Clusters that EM needs long for."""
    rng = np.random.default_rng(1)
    return rng.standard_normal((4000, 2)) + rng.integers(3, size=(4000, 1)) * np.array([1.2, 0.4])


def same(one, other):
    """Whether two fitted models are the same, to the last bit."""
    return all(np.array_equal(getattr(one, name), getattr(other, name)) for name in PARAMETERS)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"covariance_type": "tied", "floor": 1e-4, "on_collapse": "repair", "init_params": "random_from_data"},
        {"update": "squarem", "precision": "f32"},
        {"update": "gradient", "learning_rate": 0.01, "momentum": 0.5},
        {"update": "stepwise", "batch_size": 500, "decay": 0.6, "polish": True},
        {"posterior": "truncated", "prune": "off", "n_components": 5},
        {"start": "coarse-to-fine", "covariance_type": "spherical", "tol": 1e-4},
        {"n_init": 3, "tol": 1e-3},
    ],
)
def test_a_fit_that_goes_on_ends_with_the_bits_of_one_that_never_stopped(overlapping, tmp_path, options):
    path = tmp_path / "fit.ckpt"
    options = {"n_components": 3, "tol": 1e-6, "max_iter": 40, "random_state": 0, "device": "cpu", **options}
    device = {name: options[name] for name in ["device", "precision"] if name in options}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        whole = GaussianMixture(**options, checkpoint=path, checkpoint_every=7).fit(overlapping)
        kept = json.loads(path.read_text())
        again = mixtura.resume(path, overlapping, **device)
    assert same(again, whole)
    assert again.lower_bounds_ == whole.lower_bounds_
    assert len(again.trace_["epoch"]) < len(whole.trace_["epoch"]), "it did not begin anew"
    assert kept["format"] == "mixtura-checkpoint", "it is the command line's file"
    # What the checkpoint says of the fit, the model has for parameters.
    unkept = {"random_state", "checkpoint", "checkpoint_every"}
    expected = {name: value for name, value in whole.get_params().items() if name not in unkept}
    if "update" not in options or options["update"] == "squarem":
        assert {name: value for name, value in again.get_params().items() if name not in unkept} == expected
    assert (again.update, again.floor, again.start) == (whole.update, whole.floor, whole.start)
    assert clone(again).get_params() == again.get_params()


def test_a_fit_goes_on_with_more_epochs_than_it_had(overlapping, tmp_path):
    path = tmp_path / "fit.ckpt"
    options = {"tol": 1e-9, "random_state": 0, "device": "cpu"}
    with pytest.warns(ConvergenceWarning):
        GaussianMixture(3, max_iter=10, checkpoint=path, **options).fit(overlapping)
        longer = mixtura.resume(path, overlapping, max_iter=25, device="cpu", checkpoint=path, checkpoint_every=5)
        whole = GaussianMixture(3, max_iter=25, **options).fit(overlapping)
    assert same(longer, whole)
    assert (longer.n_iter_, longer.max_iter) == (25, 25)
    assert json.loads(path.read_text())["options"]["max_iter"] == 25, "its own checkpoints have taken the place"
    with pytest.warns(ConvergenceWarning):
        GaussianMixture(3, n_init=2, max_iter=10, checkpoint=path, **options).fit(overlapping)
    with pytest.raises(ValueError, match="leave max_iter out"):
        mixtura.resume(path, overlapping, max_iter=25)


def test_ctrl_c_keeps_how_far_a_fit_has_come(overlapping, tmp_path):
    path = tmp_path / "fit.ckpt"
    X = np.tile(overlapping, (10, 1))
    model = GaussianMixture(8, max_iter=10**6, tol=0.0, random_state=0, device="cpu", checkpoint=path)
    model.set_params(checkpoint_every="3600s")
    threading.Timer(1.0, os.kill, (os.getpid(), signal.SIGINT)).start()
    begun = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        model.fit(X)
    assert time.monotonic() - begun < 10.0
    done = len(json.loads(path.read_text())["climb"]["lower_bounds"])
    assert done > 0
    with pytest.warns(ConvergenceWarning):
        again = mixtura.resume(path, X, max_iter=done + 2, device="cpu")
    assert again.n_iter_ == done + 2
    assert again.trace_["epoch"].tolist() == [done + 1, done + 2]


def test_weights_files_and_warm_starts_go_on_too(overlapping, tmp_path):
    path, table = tmp_path / "fit.ckpt", tmp_path / "samples.npy"
    np.save(table, overlapping)
    weights = np.random.default_rng(0).uniform(size=len(overlapping))
    model = GaussianMixture(2, random_state=0, device="cpu", checkpoint=path, checkpoint_every=1, warm_start=True)
    model.fit(overlapping, sample_weight=weights)
    assert same(mixtura.resume(path, overlapping, sample_weight=weights, device="cpu"), model)
    with pytest.raises(ValueError, match="belongs to other data: a total weight"):
        mixtura.resume(path, overlapping)
    model.set_params(tol=1e-5).fit(table)
    assert same(mixtura.resume(path, str(table), device="cpu"), model)
    assert json.loads(path.read_text())["options"]["init"] == "model"


def test_what_no_checkpoint_can_be_of_is_told_in_pythons_terms(overlapping, tmp_path):
    path = tmp_path / "fit.ckpt"
    GaussianMixture(2, random_state=0, device="cpu", checkpoint=path, checkpoint_every=1).fit(overlapping)
    with pytest.raises(ValueError, match=r"belongs to other data(.|\n)*begin anew without `mixtura.resume`"):
        mixtura.resume(path, overlapping[:-1])
    path.write_text("{}")
    with pytest.raises(ValueError, match=r"`GaussianMixture\(checkpoint=...\)`"):
        mixtura.resume(path, overlapping)
    with pytest.raises(FileNotFoundError):
        mixtura.resume(tmp_path / "none.ckpt", overlapping)
    for every in ["fast", "10", "-1s", 0]:
        with pytest.raises(ValueError, match="checkpoint_every"):
            GaussianMixture(checkpoint=path, checkpoint_every=every).fit(overlapping)
    with pytest.raises(FileNotFoundError):
        GaussianMixture(checkpoint=tmp_path / "nowhere" / "fit.ckpt").fit(overlapping)
    with pytest.raises(ValueError, match="Checkpoints do not keep means_init"):
        GaussianMixture(2, n_init=2, means_init=overlapping[:2], checkpoint=path).fit(overlapping)
    with pytest.raises(ValueError, match="keeps no checkpoint"):
        Search(GaussianMixture(checkpoint=path), [Part(overlapping).summary])


def test_a_fit_that_goes_on_elsewhere_says_that_its_bits_are_others(overlapping, tmp_path):
    path = tmp_path / "fit.ckpt"
    GaussianMixture(2, random_state=0, device="cpu", checkpoint=path, checkpoint_every=1).fit(overlapping)
    kept = json.loads(path.read_text())
    kept["device"]["name"] = "AVX-9 on 1 thread"
    path.write_text(json.dumps(kept))
    with pytest.warns(UserWarning, match=r"The fit began on AVX-9 .* not with the same bits") as caught:
        mixtura.resume(path, overlapping, device="cpu")
    assert caught[0].filename == __file__
