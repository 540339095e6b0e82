"""Pictures of a model, and of samples under it."""

import subprocess
import sys

import matplotlib
import numpy as np
import pandas as pd
import pytest
from incomplete import with_holes
from sklearn.exceptions import NotFittedError
from sklearn.mixture import GaussianMixture as Theirs

import mixtura
from mixtura import GaussianMixture, MixtureSelection

matplotlib.use("agg")

from matplotlib import pyplot
from matplotlib.patches import Ellipse

FAMILIES = ["full", "tied", "diag", "spherical"]


@pytest.fixture(autouse=True)
def closed():
    yield
    pyplot.close("all")


def ellipses(ax):
    return [patch for patch in ax.patches if isinstance(patch, Ellipse)]


@pytest.mark.parametrize("family", FAMILIES)
def test_ellipses_have_the_standard_deviations_of_the_components(blobs, family):
    model = GaussianMixture(3, covariance_type=family, random_state=0).fit(blobs[:, :2])
    _, ax = pyplot.subplots()
    assert mixtura.plot(model, blobs[:, :2], ax) is ax
    covariances = {
        "full": lambda: model.covariances_,
        "tied": lambda: [model.covariances_] * 3,
        "diag": lambda: [np.diag(variances) for variances in model.covariances_],
        "spherical": lambda: [variance * np.eye(2) for variance in model.covariances_],
    }[family]()
    assert len(ellipses(ax)) == 6
    for number, ellipse in enumerate(ellipses(ax)):
        k, deviations = number // 2, 1 + number % 2
        np.testing.assert_allclose(ellipse.center, model.means_[k])
        # Its points are so many standard deviations from the mean.
        points = ellipse.get_patch_transform().transform(ellipse.get_path().vertices[::3]) - model.means_[k]
        distances = np.einsum("ni,ij,nj->n", points, np.linalg.inv(covariances[k]), points)
        np.testing.assert_allclose(np.sqrt(distances), deviations, rtol=1e-6)
    ax.figure.canvas.draw()


def test_samples_have_the_colours_of_their_components(blobs):
    model = GaussianMixture(3, random_state=0).fit(blobs[:, :2])
    ax = mixtura.plot(model, blobs[:, :2])
    (dots,) = ax.collections
    np.testing.assert_allclose(dots.get_offsets(), blobs[:, :2])
    labels = model.predict(blobs[:, :2])
    for k in range(3):
        assert len(np.unique(dots.get_facecolors()[labels == k], axis=0)) == 1
    assert len(np.unique(dots.get_facecolors(), axis=0)) == 3
    assert [text.get_text() for text in ax.texts] == ["0", "1", "2"]
    # Of many samples some are drawn.
    (dots,) = mixtura.plot(model, np.tile(blobs[:, :2], (3, 1))).collections
    assert len(dots.get_offsets()) == 4000


@pytest.mark.parametrize("family", FAMILIES)
def test_more_features_are_drawn_along_principal_axes_with_or_without_samples(blobs, family):
    frame = pd.DataFrame(blobs, columns=["a", "b", "c"])
    model = GaussianMixture(3, covariance_type=family, random_state=0, tol=1e-9, max_iter=500).fit(frame)
    with_samples, alone = mixtura.plot(model, frame), mixtura.plot(model)
    assert with_samples.get_xlabel().startswith("principal axis 1 of standardised features (")
    # The mixture has the mean of the samples, and nearly their covariance.
    for one, other in zip(ellipses(with_samples), ellipses(alone), strict=True):
        np.testing.assert_allclose(one.center, other.center, atol=0.2)
    scores = with_samples.collections[0].get_offsets()
    assert abs(np.corrcoef(scores.T)[0, 1]) < 1e-9
    assert scores[:, 0].var() >= scores[:, 1].var()


def test_one_feature_is_a_histogram_under_densities(blobs):
    model = GaussianMixture(2, random_state=0).fit(blobs[:, :1])
    ax = mixtura.plot(model, blobs[:, :1])
    bars = ax.patches[0].get_data()
    assert np.sum(bars.values * np.diff(bars.edges)) == pytest.approx(1.0, abs=0.01)
    x, density = ax.lines[-1].get_data()
    np.testing.assert_allclose(density, np.exp(model.score_samples(np.reshape(x, (-1, 1)))), rtol=1e-9)
    assert len(ax.lines) == 3
    assert len(mixtura.plot(model).lines) == 3


def test_far_samples_do_not_make_the_others_one_dot(blobs):
    X = np.concatenate([blobs[:, :2], [[1e6, 0.0]]])
    low, high = mixtura.plot(GaussianMixture(3, random_state=0).fit(blobs[:, :2]), X).get_xlim()
    assert high - low < 100.0


def test_missing_values_are_drawn_hollow_at_their_means(blobs):
    X = with_holes(blobs[:, :2], 0.2)
    model = GaussianMixture(3, missing="marginalize", random_state=0).fit(X)
    ax = mixtura.plot(model, X)
    whole, filled = ax.collections
    assert len(whole.get_offsets()) == np.isfinite(X).all(axis=1).sum()
    np.testing.assert_allclose(filled.get_offsets(), model.impute(X)[np.isnan(X).any(axis=1)])
    assert len(filled.get_facecolors()) == 0


def test_a_choice_and_scikit_learns_model_are_drawn_and_files_are_not(blobs, tmp_path):
    X = blobs[:, :2]
    selection = MixtureSelection([3], covariance_type="full", random_state=0).fit(X)
    assert len(ellipses(mixtura.plot(selection, X))) == 6
    assert len(ellipses(mixtura.plot(GaussianMixture.from_sklearn(Theirs(3, random_state=0).fit(X)), X))) == 6
    np.save(tmp_path / "samples.npy", X)
    with pytest.raises(TypeError, match="X is in files"):
        mixtura.plot(selection, str(tmp_path / "samples.npy"))
    with pytest.raises(NotFittedError):
        mixtura.plot(GaussianMixture())


def test_matplotlib_is_loaded_only_to_draw():
    program = "import sys, mixtura; sys.exit('matplotlib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
