"""What computed a fit, and every epoch of it."""

import pickle

import numpy as np
import pandas as pd
import pytest

import mixtura
from mixtura import GaussianMixture, MixtureSelection, Part, Search

COLUMNS = ["restart", "samples", "epoch", "step", "lower_bound", "change", "repairs", "evaluated", "seconds"]


def test_a_model_says_what_computed_it(blobs, device, tmp_path):
    model = GaussianMixture(2, random_state=0, device=device).fit(blobs)
    own = [info for info in mixtura.devices() if (info.backend == "cpu") == (device == "cpu")]
    assert model.device_ in {f"{info.name} ({info.backend})" for info in own}
    model.save(tmp_path / "model.json")
    assert GaussianMixture.load(tmp_path / "model.json").device_ == model.device_
    assert pickle.loads(pickle.dumps(model)).device_ == model.device_
    assert not hasattr(model.to_sklearn(), "device_")


@pytest.mark.parametrize("device", ["auto", "cpu"])
def test_as_many_threads_compute_as_is_said(blobs, device):
    if not mixtura.devices()[-1].auto:
        pytest.skip("there is a GPU")
    model = GaussianMixture(2, random_state=0, device=device)
    whole = model.fit(blobs).lower_bounds_
    with mixtura.threads(1):
        assert model.fit(blobs).device_.endswith(" on 1 thread (cpu)")
        with mixtura.threads(2):
            assert model.fit(blobs).device_.split(" on ")[1] in {"2 threads (cpu)", "1 thread (cpu)"}
        assert model.fit(blobs).device_.endswith(" on 1 thread (cpu)")
    assert model.lower_bounds_ == whole
    with pytest.raises(ValueError, match="give 1 or more"), mixtura.threads(0):
        pass


def test_a_trace_has_every_epoch_of_every_restart(blobs):
    model = GaussianMixture(3, n_init=3, random_state=0, init_params="random_from_data", device="cpu").fit(blobs)
    table = pd.DataFrame(model.trace_)
    assert list(table) == COLUMNS
    assert table.restart.unique().tolist() == [0, 1, 2]
    best = [group for _, group in table.groupby("restart") if group.lower_bound.tolist() == model.lower_bounds_]
    assert best and best[0].epoch.tolist() == list(range(1, model.n_iter_ + 1))
    np.testing.assert_allclose(best[0].change[1:], np.diff(model.lower_bounds_), rtol=1e-9, atol=1e-12)
    assert (table.seconds > 0.0).all()
    assert (table.samples == len(blobs)).all()
    assert set(table.step) == {"em"}
    assert set(table.repairs) == {""}


def test_a_fit_without_epochs_has_a_trace_without_rows(blobs):
    trace = GaussianMixture(2, max_iter=0).fit(blobs).trace_
    assert list(trace) == COLUMNS
    assert {len(column) for column in trace.values()} == {0}


def test_fits_without_a_trace_of_their_own_leave_none_of_before(blobs):
    model = GaussianMixture(2, random_state=0, device="cpu").fit(blobs)
    part = Part(blobs, device="cpu")
    search = Search(model, [part.summary])
    part.join(search.summary)
    while tasks := search.wants():
        search.takes([part.answer(tasks)])
    search.finish()
    assert not {"trace_", "device_"} & vars(model).keys()
    chosen = MixtureSelection([2], covariance_type="diag", random_state=0, device="cpu").fit(blobs)
    assert not hasattr(chosen.best_estimator_, "trace_")
    assert chosen.best_estimator_.device_.endswith("(cpu)")
