"""A fit whose samples are held by several workers: it asks, they answer, whatever carries the messages."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.base import BaseEstimator

from mixtura import _devices, _native, _options, _samples

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mixtura._gaussian_mixture import GaussianMixture
    from mixtura._words import Missing, Precision


class Part:
    """A part of the samples, which answers what a fit asks.

    The samples stay loaded on their device from one pass to the next, for as long as the part lives.

    Parameters
    ----------
    X : array-like of shape (n_samples, n_features), path, list of paths, or Dataset
        Samples of the part.
    sample_weight : array-like of shape (n_samples,) or str, default=None
        A weight of w counts a sample w times. All weights of a part may be zero.
    first : int, default=0
        Number of the part's first sample among those of all parts. It can be set later, before the summary is asked
        for: samples are counted before their place among all is known.
    device : str or int, default="auto"
        Device to compute on.
    precision : {"auto", "f32", "f64"}, default="auto"
        Precision of passes over the samples.
    missing : {"error", "marginalize"}, default="error"
        What is done about missing values, as for `GaussianMixture`. Where values of one part are missing, all parts
        pass over their samples on the CPU.

    Attributes
    ----------
    n_samples : int
        Number of samples.
    n_features : int
        Number of features.
    summary : Summary
        What is known of the samples: it can be pickled, and goes to the `Search`. It is made in a pass over the
        samples, which checks their values, when it is first asked for.
    """

    def __init__(
        self,
        X: Any,
        sample_weight: Any = None,
        *,
        first: int = 0,
        device: str | int = "auto",
        precision: Precision = "auto",
        missing: Missing = "error",
    ) -> None:
        estimator = BaseEstimator()
        self._samples, self._weights = _samples.take(
            estimator, X, sample_weight, reset=True, is_part=True, missing=missing
        )
        self._missing = missing
        self._choice = _devices.choice(device, precision)
        self.n_samples: int = _samples.count(self._samples)
        self.n_features: int = estimator.n_features_in_
        self._place(first)

    @property
    def first(self) -> int:
        """Number of the part's first sample among those of all parts."""
        return self._first

    @first.setter
    def first(self, first: int) -> None:
        if first != self._first:
            self._place(first)

    def _place(self, first: int) -> None:
        """Take a place among all samples, which summaries depend on."""
        self._first = first
        self._summary: _native.Summary | None = None
        self._loaded: _native.Part | None = None

    @property
    def summary(self) -> _native.Summary:
        """What is known of the samples."""
        if self._summary is None:
            self._summary = _native.summarize(self._samples, self._weights, self._missing, self.first)
        return self._summary

    def join(self, summary: _native.Summary, *, own: _native.Summary | None = None) -> None:
        """Take the summary of all parts, by which all of them place and scale the features.

        Parameters
        ----------
        summary : Summary
            That of the `Search`.
        own : Summary, default=None
            That of this part, where it was made before, by whoever had the same samples then;
            ``Summary.without_features()`` is as good and smaller.
        """
        own = self.summary if own is None else own
        self._loaded = _native.Part(self._samples, self._weights, self._missing, own.within(summary), self._choice)

    def answer(self, tasks: _native.Tasks) -> _native.Answers:
        """Answer tasks, in one pass over the samples.

        Parameters
        ----------
        tasks : Tasks
            What `Search.wants` gave.

        Returns
        -------
        answers : Answers
            They can be pickled, combine with those of other parts (`Answers.combined`), and go to `Search.takes`.
        """
        if self._loaded is None:
            raise ValueError("This part does not know the others yet: call `join` with `Search.summary` first.")
        return self._loaded.answer(tasks)


def answer(tasks: _native.Tasks, part: Part) -> _native.Answers:
    """Answer the tasks of a `Search` from a part of the samples.

    Parameters
    ----------
    tasks : Tasks
        What `Search.wants` gave.
    part : Part
        The samples; it must have joined the others.

    Returns
    -------
    answers : Answers
        They can be pickled, and go to `Search.takes`.
    """
    return part.answer(tasks)


class Search:
    """A fit without samples: what it asks of them is answered by parts, wherever these are.

    Restarts share their passes. On the CPU, parts of whole blocks (of 4,194,304 values, in multiples of 4,096 rows)
    give the bits of the fit in one piece.

    Parameters
    ----------
    model : GaussianMixture
        What is to be fitted; its device and precision are those of the parts, as what is done about missing values is.
    summaries : iterable of Summary
        Those of all parts, in the order of their samples.

    Attributes
    ----------
    summary : Summary
        That of all samples, which the parts have to `join`.

    Examples
    --------
    >>> import numpy as np
    >>> from mixtura import GaussianMixture, Part, Search, answer
    >>> X = np.array([[0.0], [0.2], [0.4], [5.0], [5.2], [5.4]])
    >>> parts = [Part(X[:3]), Part(X[3:], first=3)]
    >>> search = Search(GaussianMixture(2, random_state=0), [part.summary for part in parts])
    >>> for part in parts:
    ...     part.join(search.summary)
    >>> while tasks := search.wants():
    ...     epochs = search.takes([answer(tasks, part) for part in parts])
    >>> model = search.finish()
    >>> np.allclose(np.sort(model.means_.ravel()), [0.2, 5.2])
    True
    """

    def __init__(self, model: GaussianMixture, summaries: Iterable[_native.Summary]) -> None:
        self.summary = functools.reduce(lambda all_, more: all_.combined(more), summaries)
        self._model = model
        if model.update == "stepwise":
            raise ValueError("update='stepwise' goes through all samples in order, which parts share: choose another.")
        if model.checkpoint is not None:
            raise ValueError("The samples are elsewhere, and so such a fit keeps no checkpoint: leave checkpoint out.")
        _samples.set_features(model, self.summary.n_features, self.summary.feature_names)
        options, start = _options.of_fit(model)
        self._search = _native.Search(self.summary, options, start)

    def wants(self) -> _native.Tasks:
        """Give the tasks whose answers are needed next, all from one pass.

        Returns
        -------
        tasks : Tasks
            They can be pickled; none when the fit is done.
        """
        return self._search.wants()

    def takes(self, answers: Iterable[_native.Answers]) -> list[tuple[int, int, float, float]]:
        """Take the answers of all parts, in the order of their samples.

        Answers that cannot be right are an error that changes nothing: the same tasks can be asked again.

        Parameters
        ----------
        answers : iterable of Answers
            One for each part, or those of several combined.

        Returns
        -------
        epochs : list of (restart, epoch, lower bound, change)
            The epochs that these answers end.
        """
        return self._search.takes(list(answers))

    def finish(self) -> GaussianMixture:
        """Give the model, fitted: the best restart so far.

        Returns
        -------
        model : GaussianMixture
            The model that was given.
        """
        self._model._take_fit(self._search.fitted(), np.float64)
        return self._model
