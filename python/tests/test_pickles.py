"""Pickles and files of other versions, and what scikit-learn's own pickles become."""

import copy
import io
import pickle
import warnings
from pathlib import Path

import joblib
import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import InconsistentVersionWarning
from sklearn.mixture import GaussianMixture as Theirs

import mixtura
from mixtura import GaussianMixture

# Models that version 0.1.0 wrote, before pickles said which version did.
MODELS = Path(__file__).parent / "models"


def state(model):
    """Give what a pickle holds."""
    return model.__reduce_ex__(4)[2]


def made_of(state, kind=GaussianMixture):
    """Make the model that a pickle of such a state is read as."""
    model = kind.__new__(kind)
    model.__setstate__(state)
    return model


@pytest.mark.parametrize("family", ["full", "tied", "diag", "spherical"])
def test_pickles_of_version_0_1_0_are_read(family):
    kept = pickle.loads((MODELS / "0.1.0.pickle").read_bytes())
    model, X = kept["models"][family], kept["samples"]
    np.testing.assert_allclose(model.score_samples(X), kept["log_densities"][family], rtol=1e-12)
    assert repr(model) == repr(clone(model))
    model.fit(np.r_[X, X + 1.0])


def test_files_of_version_0_1_0_are_read():
    kept = pickle.loads((MODELS / "0.1.0.pickle").read_bytes())
    model = GaussianMixture.load(MODELS / "0.1.0.json")
    np.testing.assert_allclose(model.score_samples(kept["samples"]), kept["log_densities"]["full"], rtol=1e-12)
    assert (model.n_iter_, model.converged_) == (2, True)


def test_a_pickle_says_which_version_wrote_it_and_the_model_does_not(blobs):
    model = GaussianMixture(3, random_state=0).fit(blobs)
    assert state(model)["_mixtura_version"] == mixtura.__version__
    for again in [pickle.loads(pickle.dumps(model)), copy.deepcopy(model)]:
        assert vars(again).keys() == vars(model).keys()


def test_a_pickle_of_another_version_is_read_with_a_warning(blobs):
    model = GaussianMixture(3, random_state=0).fit(blobs)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        made_of(state(model))
    with pytest.warns(InconsistentVersionWarning, match="mixtura.GaussianMixture from version 99.0") as caught:
        again = made_of({**state(model), "_mixtura_version": "99.0"})
    assert caught[0].message.current_sklearn_version == mixtura.__version__
    assert np.array_equal(again.predict(blobs), model.predict(blobs))


def test_parameters_that_a_pickle_lacks_have_their_defaults(blobs):
    model = GaussianMixture(3, random_state=0).fit(blobs)
    lacking = {name: value for name, value in state(model).items() if name not in {"device", "precision", "tol"}}
    again = made_of(lacking)
    assert (again.device, again.precision, again.tol) == ("auto", "auto", 1e-3)
    assert repr(again) == repr(model)
    assert np.array_equal(again.predict(blobs), model.predict(blobs))
    again.fit(blobs)


def test_a_pickle_of_a_subclass_that_lacks_parameters_is_read():
    class Sub(GaussianMixture):
        def __init__(self, n_components=1, *, own=1):
            super().__init__(n_components)
            self.own = own

    again = made_of({"n_components": 2, "own": 5}, Sub)
    assert (again.n_components, again.own, again.device) == (2, 5, "auto")


def test_a_pickle_of_scikit_learns_opened_where_mixturas_has_its_name_works(blobs):
    theirs = Theirs(3, random_state=0).fit(blobs)

    class Unpickler(pickle.Unpickler):
        def find_class(self, module, name):
            return GaussianMixture if name == "GaussianMixture" else super().find_class(module, name)

    ours = Unpickler(io.BytesIO(pickle.dumps(theirs))).load()
    assert type(ours) is GaussianMixture
    assert repr(ours) == repr(theirs)
    assert np.array_equal(ours.predict(blobs), theirs.predict(blobs))
    assert "_sklearn_version" not in vars(ours)
    assert clone(ours).fit(blobs).converged_


def test_models_go_to_other_processes_and_back(blobs):
    jobs = (joblib.delayed(GaussianMixture(3, random_state=seed).fit)(blobs) for seed in range(2))
    for seed, model in enumerate(joblib.Parallel(n_jobs=2)(jobs)):
        assert np.array_equal(model.means_, GaussianMixture(3, random_state=seed).fit(blobs).means_)
