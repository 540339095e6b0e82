"""Fits on Ray: actors hold the blocks of a data set, and only sums travel."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mixtura._cluster import Held, Holders, joined, told
from mixtura._cluster import fit as fit_on
from mixtura._gaussian_mixture import GaussianMixture
from mixtura._threads import threads

try:
    import ray
    import ray.data
    import ray.exceptions
except ImportError as error:
    raise ImportError('mixtura.ray needs Ray: pip install "mixtura[ray]"') from error

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mixtura import _native

# How often the actors of some blocks may be lost in one pass.
ALLOWED_LOSSES = 3


def fit(
    dataset: ray.data.Dataset,
    n_components: int,
    *,
    columns: Sequence[str] | None = None,
    weights: str | None = None,
    n_actors: int | None = None,
    actor_options: Mapping[str, Any] | None = None,
    **parameters: Any,
) -> GaussianMixture:
    """Fit a Gaussian mixture to a data set of Ray's.

    Actors hold the blocks of the data set, loaded on their devices, a run of blocks each. One that is lost begins anew.

    Parameters
    ----------
    dataset : ray.data.Dataset
        Samples.
    n_components : int
        Number of components.
    columns : list of str, default=None
        The features: columns of numbers, or of arrays of one shape; all but that of weights if None.
    weights : str, default=None
        Column of sample weights: a weight of w counts a sample w times.
    n_actors : int, default=None
        Number of actors: one for each node if None.
    actor_options : dict, default=None
        What each of them needs, as of ``ray.remote``: a ``num_cpus`` of n lets it compute with n threads. Without it
        an actor has all processors of a node, or its share of them.
    **parameters
        All others of :class:`mixtura.GaussianMixture`.

    Returns
    -------
    model : mixtura.GaussianMixture
        The fitted model, of this process.

    Examples
    --------
    >>> import ray  # doctest: +SKIP
    >>> model = mixtura.ray.fit(ray.data.read_parquet("samples"), 8, weights="w")  # doctest: +SKIP
    """
    model = GaussianMixture(n_components, **parameters)
    model._validate_params()
    named, refs = _blocks(dataset)
    names = [name for name in (named if columns is None else columns) if name != weights]
    missing = [name for name in (*names, *([] if weights is None else [weights])) if name not in named]
    if missing or not names:
        raise ValueError(
            f"the data set has no columns {missing}\nit has {named}"
            if missing
            else "no columns are features\nname some"
        )
    n_actors = min(len(refs), n_actors or sum(node["Alive"] for node in ray.nodes()))
    options = {"num_cpus": max(1, int(ray.cluster_resources().get("CPU", 1)) // n_actors), **(actor_options or {})}
    actors = _Actors(refs, n_actors, options, (names, weights, model.device, model.precision, model.missing))
    # Features in one column of arrays have no names.
    fit_on(model, actors, names if len(names) > 1 else None)
    return model


def _blocks(dataset: ray.data.Dataset) -> tuple[list[str], list[ray.ObjectRef[Any]]]:
    """Give the names of the columns, and the blocks in their order: a seed chooses samples by their places."""
    options = dataset.context.execution_options
    before, options.preserve_order = options.preserve_order, True
    try:
        dataset = dataset.materialize()
        schema = dataset.schema()
        if schema is None:
            raise ValueError("the data have no samples\ngive at least one block that is not empty")
        return list(schema.names), dataset.to_numpy_refs()
    finally:
        options.preserve_order = before


class _Holder(Held):
    """The blocks of one actor."""

    def __init__(
        self,
        numbers: Sequence[int],
        n_threads: int,
        names: Sequence[str],
        weights: str | None,
        device: str | int,
        precision: str,
        missing: str,
        *blocks: Mapping[str, Any],
    ) -> None:
        partitions = [_loaded(block, names, weights) for block in blocks]
        super().__init__(zip(numbers, partitions, strict=True), device, precision, missing)
        self._n_threads = n_threads

    def ask(self, method: str, arguments: tuple[Any, ...]) -> Any:
        """Do what is asked, with the threads that the actor may have."""
        with threads(self._n_threads):
            return getattr(self, method)(*arguments)


def _loaded(block: Mapping[str, Any], names: Sequence[str], weights: str | None) -> tuple[Any, Any]:
    """Give the samples and weights of a block, as arrays; an empty one may lack its columns."""
    if not block or all(len(values) == 0 for values in block.values()):
        return np.empty((0, 0)), None
    columns = [np.asarray(block[name]) for name in names]
    samples = columns[0] if len(columns) == 1 and columns[0].ndim > 1 else np.column_stack(columns)
    return samples, None if weights is None else np.asarray(block[weights])


class _Actors(Holders):
    """The actors of a fit; one that is lost begins anew with its blocks, and is told what the others know."""

    def __init__(
        self, refs: Sequence[ray.ObjectRef[Any]], n_actors: int, options: Mapping[str, Any], settings: tuple[Any, ...]
    ) -> None:
        self._refs = refs
        self._options, self._settings = options, settings
        runs = np.array_split(np.arange(len(refs)), n_actors)
        self._actors = {tuple(run.tolist()): self._begin(run.tolist()) for run in runs}
        # What actors were told so far: methods and arguments.
        self._told: dict[str, tuple[Any, ...]] = {}

    def _begin(self, numbers: Sequence[int]) -> Any:
        n_threads = max(1, int(self._options["num_cpus"]))
        actor = ray.remote(_Holder).options(scheduling_strategy="SPREAD", **self._options)
        return actor.remote(numbers, n_threads, *self._settings, *(self._refs[number] for number in numbers))

    def answer(self, tasks: _native.Tasks) -> _native.Answers:
        """Answer tasks, in one pass over all partitions."""
        answers: _native.Answers = self._ask("answer", (tasks,))
        return answers

    def _tell(self, method: str, *arguments: Any) -> Any:
        outcome = self._ask(method, arguments)
        self._told[method] = arguments
        return outcome

    def _ask(self, method: str, arguments: tuple[Any, ...]) -> Any:
        shared = ray.put(arguments)
        calls = {numbers: actor.ask.remote(method, shared) for numbers, actor in self._actors.items()}
        return told(joined([self._outcome(numbers, call, method, shared) for numbers, call in calls.items()]))

    def _outcome(self, numbers: tuple[int, ...], call: Any, method: str, arguments: Any) -> Any:
        losses = 0
        while True:
            try:
                return ray.get(call)
            except ray.exceptions.RayActorError as error:
                losses += 1
                if losses > ALLOWED_LOSSES:
                    raise RuntimeError(
                        f"partition {numbers[0]}: {losses} actors were lost that held it\n"
                        "give actors more memory (actor_options), or make more of them (n_actors)"
                    ) from error
                actor = self._actors[numbers] = self._begin(numbers)
                for earlier, given in self._told.items():
                    actor.ask.remote(earlier, given)
                call = actor.ask.remote(method, arguments)
