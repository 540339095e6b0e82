"""Fits on clusters: the loop that drives them, and the partitions that a worker holds, whatever the engine."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeVar

from mixtura._samples import set_features
from mixtura._search import Part, Search
from mixtura._verbose import Verbose

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from mixtura import _native
    from mixtura._gaussian_mixture import GaussianMixture

T = TypeVar("T")


class Shape(NamedTuple):
    """How large a partition is."""

    n_samples: int
    n_features: int


class Failure(NamedTuple):
    """What is wrong with a partition, told in place of an answer: engines wrap what is raised in words of their own."""

    partition: int
    error: Exception


class Workers(Protocol):
    """What the loop asks of an engine. Partitions are numbered in the order of the data."""

    def shapes(self) -> Mapping[int, Shape]:
        """Count the samples of every partition."""

    def summaries(self, firsts: Mapping[int, int]) -> Mapping[int, _native.Summary]:
        """Summarise the partitions that have samples, given the number of the first of each."""

    def join(self, summary: _native.Summary) -> None:
        """Let all partitions know the summary of all."""

    def answer(self, tasks: _native.Tasks) -> _native.Answers:
        """Answer tasks, in one pass over all partitions."""


def fit(model: GaussianMixture, workers: Workers, names: Sequence[str] | None = None) -> None:
    """Fit a model to what workers hold; `names` are those of the features, where partitions do not know them."""
    firsts = _firsts(workers.shapes())
    summaries = workers.summaries(firsts)
    # Whoever has no samples has no summary.
    search = Search(model, [summaries[number] for number in sorted(firsts)])
    if names is not None:
        set_features(model, search.summary.n_features, list(names))
    workers.join(search.summary)
    observer = Verbose(model.verbose, model.verbose_interval) if model.verbose else None
    while tasks := search.wants():
        for _, epoch, _, change in search.takes([workers.answer(tasks)]):
            if observer is not None:
                observer.epoch(epoch, change)
    search.finish()


def _firsts(shapes: Mapping[int, Shape]) -> dict[int, int]:
    """Give the number of the first sample of every partition that has samples."""
    filled = {number: shape for number, shape in sorted(shapes.items()) if shape.n_samples > 0}
    if not filled:
        raise ValueError("the data have no samples\ngive at least one partition that is not empty")
    (one, expected), *others = filled.items()
    for number, found in others:
        if found.n_features != expected.n_features:
            raise ValueError(
                f"partition {number} has {found.n_features} features, partition {one} has {expected.n_features}\n"
                "give all partitions the same columns"
            )
    counts = [shape.n_samples for shape in filled.values()]
    return dict(zip(filled, itertools.accumulate(counts[:-1], initial=0), strict=True))


class Held:
    """The partitions that a worker holds, loaded on its device.

    Parameters
    ----------
    partitions : iterable of (int, (samples, weights))
        With their numbers.
    device, precision, missing
        As for `Part`.
    """

    def __init__(
        self, partitions: Iterable[tuple[int, tuple[Any, Any]]], device: str | int, precision: str, missing: str
    ) -> None:
        self._waiting = dict(partitions)
        self._shapes: dict[int, Shape] = {}
        self._parts: dict[int, Part] = {}
        self._options: dict[str, Any] = {"device": device, "precision": precision, "missing": missing}

    def shapes(self) -> dict[int, Shape] | Failure:
        """Count the samples of every partition."""
        failure = of_each(self._waiting, self._open)
        if isinstance(failure, Failure):
            return failure
        self._waiting.clear()
        return self._shapes

    def _open(self, number: int) -> None:
        samples, weights = self._waiting[number]
        # Files are opened to see whether there are samples in them.
        if hasattr(samples, "shape") and samples.shape[0] == 0:
            self._shapes[number] = Shape(0, 0)
        else:
            part = Part(samples, weights, **self._options)
            self._parts[number] = part
            self._shapes[number] = Shape(part.n_samples, part.n_features)

    def summaries(self, firsts: Mapping[int, int]) -> dict[int, _native.Summary] | Failure:
        """Summarise the partitions that have samples, given the number of the first of each."""

        def summary(number: int) -> _native.Summary:
            self._parts[number].first = firsts[number]
            return self._parts[number].summary

        return of_each(self._parts, summary)

    def join(self, summary: _native.Summary) -> dict[int, None] | Failure:
        """Let all partitions know the summary of all."""
        return of_each(self._parts, lambda number: self._parts[number].join(summary))

    def answer(self, tasks: _native.Tasks) -> _native.Answers | Failure | None:
        """Answer tasks, in one pass over all partitions; without samples there is no answer."""
        answers = of_each(self._parts, lambda number: self._parts[number].answer(tasks))
        return answers if isinstance(answers, Failure) else combined(answers.values())


class Holders:
    """Workers that each have a `Held`, all of which `_tell(method, *arguments)` has do something."""

    _tell: Callable[..., Any]

    def shapes(self) -> Mapping[int, Shape]:
        """Count the samples of every partition."""
        shapes: Mapping[int, Shape] = self._tell("shapes")
        return shapes

    def summaries(self, firsts: Mapping[int, int]) -> Mapping[int, _native.Summary]:
        """Summarise the partitions that have samples, given the number of the first of each."""
        summaries: Mapping[int, _native.Summary] = self._tell("summaries", firsts)
        return summaries

    def join(self, summary: _native.Summary) -> None:
        """Let all partitions know the summary of all."""
        self._tell("join", summary)


def of_each(numbers: Iterable[int], work: Callable[[int], T]) -> dict[int, T] | Failure:
    """Do something for each of some partitions, until one fails."""
    results = {}
    for number in sorted(numbers):
        try:
            results[number] = work(number)
        except Exception as error:
            return Failure(number, error)
    return results


def combined(answers: Iterable[_native.Answers | None]) -> _native.Answers | None:
    """Combine the answers of partitions that had any."""
    total = None
    for one in answers:
        if one is not None:
            total = one if total is None else total.combined(one)
    return total


def joined(outcomes: Sequence[Any]) -> Any:
    """Make one outcome of several: what partitions tell, by their numbers, or answers combined."""
    failures = [outcome for outcome in outcomes if isinstance(outcome, Failure)]
    if failures:
        return min(failures, key=lambda failure: failure.partition)
    if any(isinstance(outcome, dict) for outcome in outcomes):
        return {number: facts for outcome in outcomes for number, facts in outcome.items()}
    return combined(outcomes)


def told(outcome: T | Failure) -> T:
    """Give the outcome of a worker; a failure is raised here, and names the partition."""
    if not isinstance(outcome, Failure):
        return outcome
    number, error = outcome
    text = f"partition {number}: {error}"
    for kind in (ValueError, TypeError, MemoryError):
        if isinstance(error, kind):
            raise kind(text) from error
    if isinstance(error, OSError):
        raise OSError(text) from error
    raise RuntimeError(text) from error
