"""The workers of a Dask cluster at work on a fit: an actor on each holds its partitions."""

from __future__ import annotations

import time
from collections import Counter
from concurrent.futures import CancelledError
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import dask
import distributed
from distributed import Future

from mixtura._cluster import Held, Holders, joined, told
from mixtura._threads import threads

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from typing_extensions import Self

    from mixtura import _native

# Actors that one process hears of, the client or a leader: the tree of answers has so many branches.
BRANCHES = 8

# Seconds between two looks at whether the workers that are waited for are still there.
PATIENCE = 1.0

# Seconds after which a worker that cannot be reached, and is said to be there, is an error.
TRUST = 60.0


class LostError(Exception):
    """A worker is not there any more."""


class Holder(Held):
    """The partitions of one worker of Dask's."""

    def __init__(
        self, numbers: Sequence[int], partitions: Sequence[tuple[Any, Any]], device: str | int, *options: str
    ) -> None:
        super().__init__(zip(numbers, partitions, strict=True), device, *options)

    def ask(self, method: str, arguments: tuple[Any, ...], followers: Sequence[Any] = ()) -> Any:
        """Do what is asked with as many threads as the worker has.

        A leader has its followers do it, too, and combines their outcomes with its own.
        """
        try:
            calls = asked([(Future(actor.key), actor) for actor in followers], method, arguments)
            with threads(distributed.get_worker().state.nthreads):
                own = getattr(self, method)(*arguments)
            return joined([own, *heard(calls)])
        except LostError as lost:
            return lost


def asked(actors: Sequence[tuple[Future, Any]], method: str, arguments: tuple[Any, ...]) -> list[tuple[Future, Any]]:
    """Ask actors, each with its future; of many some, which ask the others: (future, call) of those that were asked."""
    groups = [actors[i::BRANCHES] for i in range(min(BRANCHES, len(actors)))]
    try:
        return [
            (future, leader.ask(method, arguments, [actor for _, actor in followers]))
            for (future, leader), *followers in groups
        ]
    except RuntimeError as error:
        # Dask's word for an actor that is known to be lost.
        raise LostError from error


def heard(calls: Iterable[tuple[Future, Any]]) -> list[Any]:
    """Wait for the outcomes of what was asked of actors."""
    return [_outcome(future, call) for future, call in calls]


def _outcome(future: Future, call: Any) -> Any:
    while not call.done():
        # A call whose worker is lost may never end.
        if is_gone(future):
            raise LostError
        with suppress(distributed.TimeoutError, OSError, RuntimeError):
            call.result(timeout=PATIENCE)
    try:
        outcome = call.result()
    except (OSError, RuntimeError) as error:
        # What partitions have to say is no exception here: see `Failure`.
        raise LostError from error
    if isinstance(outcome, LostError):
        raise outcome
    return outcome


def is_gone(future: Future) -> bool:
    """Whether an actor is known to be lost."""
    return future.status not in ("pending", "finished")


class Actors(Holders):
    """All actors of a fit, and the partitions that they hold: futures of (samples, weights), or of files those pairs.

    What a lost worker held is given to others, which are told what the others know; then all are asked again.
    """

    def __init__(self, client: distributed.Client, partitions: Sequence[Any], device: str | int, *options: str) -> None:
        self._client = client
        self._partitions = partitions
        self._options = (device, *options)
        # The future of each, the actor, and the partitions that it holds.
        self._actors: dict[Future, tuple[Any, list[int]]] = {}
        # Those that were told nothing yet.
        self._new: list[Future] = []
        self._moves: Counter[int] = Counter()
        # What actors were told so far: methods and arguments.
        self._told: dict[str, tuple[Any, ...]] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        # The last to know of actors and partitions lets go of them.
        self._actors.clear()
        self._new.clear()
        self._partitions = []

    def answer(self, tasks: _native.Tasks) -> _native.Answers:
        """Answer tasks, in one pass over all partitions."""
        answers: _native.Answers = told(self._persist(lambda: self._ask(self._actors, "answer", tasks)))
        return answers

    def _tell(self, method: str, *arguments: Any) -> Any:
        outcome = told(self._persist(lambda: self._ask(self._actors, method, *arguments)))
        self._told[method] = arguments
        return outcome

    def _ask(self, futures: Iterable[Future], method: str, *arguments: Any) -> Any:
        return joined(heard(asked([(future, self._actors[future][0]) for future in futures], method, arguments)))

    def _persist(self, work: Callable[[], Any]) -> Any:
        """Do something with all actors, again if workers were lost meanwhile."""
        while True:
            try:
                self._settle()
                return work()
            except LostError as lost:
                self._forget_lost(lost)

    def _forget_lost(self, lost: LostError) -> None:
        """Forget the actors that are lost, as soon as the scheduler knows which."""
        deadline = time.monotonic() + TRUST
        while not (gone := [future for future in self._actors if is_gone(future)]):
            if time.monotonic() > deadline:
                raise RuntimeError(
                    "a worker cannot be reached, though the scheduler has not lost it\n"
                    "see what the worker's log says, and close it so that others take its partitions"
                ) from lost.__cause__
            time.sleep(PATIENCE / 10)
        most = dask.config.get("distributed.scheduler.allowed-failures")
        self._new = [future for future in self._new if future not in gone]
        for future in gone:
            for number in self._actors.pop(future)[1]:
                self._moves[number] += 1
                if self._moves[number] > most:
                    raise RuntimeError(
                        f"partition {number}: {self._moves[number]} workers were lost that held it\n"
                        "give workers more memory, or make partitions smaller"
                    )

    def _settle(self) -> None:
        """Give every partition to an actor where it is; new actors are told what the others know."""
        while homeless := self._homeless():
            places = [(address, numbers, self._begin(address, numbers)) for address, numbers in self._places(homeless)]
            for place in places:
                self._await(*place)
        if self._new:
            for method, arguments in self._told.items():
                told(self._ask(self._new, method, *arguments))
            self._new.clear()

    def _homeless(self) -> list[int]:
        held = {number for _, numbers in self._actors.values() for number in numbers}
        return [number for number in range(len(self._partitions)) if number not in held]

    def _begin(self, address: str, numbers: Sequence[int]) -> Future:
        partitions = [self._partitions[number] for number in numbers]
        return self._client.submit(
            Holder, numbers, partitions, *self._options, actor=True, pure=False, workers=[address]
        )

    def _await(self, address: str, numbers: list[int], future: Future) -> None:
        """Wait for an actor; one whose worker is lost before it begins would wait for it, and for ever."""
        while future.status == "pending" and address in self._client.nthreads():
            with suppress(distributed.TimeoutError):
                distributed.wait(future, timeout=PATIENCE)
        if future.status == "finished" or (is_gone(future) and address in self._client.nthreads()):
            # The error of a worker that is there is the actor's own.
            self._actors[future] = (future.result(), numbers)
            self._new.append(future)

    def _places(self, numbers: Sequence[int]) -> Iterable[tuple[str, list[int]]]:
        """Choose a worker for each partition: one that has it; runs of files are spread over all workers."""
        places: dict[str, list[int]] = {}
        self._client.wait_for_workers(1)
        if not isinstance(self._partitions[0], Future):
            slots = [address for address, n in sorted(self._client.nthreads().items()) for _ in range(n)]
            for i, number in enumerate(numbers):
                places.setdefault(slots[i * len(slots) // len(numbers)], []).append(number)
            return places.items()
        futures = [self._partitions[number] for number in numbers]
        with suppress(CancelledError):
            distributed.wait(futures)
        for number, future in zip(numbers, futures, strict=True):
            if future.status in ("cancelled", "lost"):
                raise RuntimeError(
                    f"partition {number}: it was lost with its worker, and no task makes it again\n"
                    "make partitions by tasks (dask.array.from_array, from_delayed), or keep copies (Client.replicate)"
                )
            if future.status == "error":
                future.result()
        holders = self._client.who_has(futures)
        for number, future in zip(numbers, futures, strict=True):
            # Of several the one that has least; what is on its way again is placed next time.
            having = sorted(holders.get(future.key, ()), key=lambda address: len(places.get(address, ())))
            if having:
                places.setdefault(having[0], []).append(number)
        return places.items()
