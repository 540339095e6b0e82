"""Fits on Spark: executors pass over the partitions of a data frame, and only sums travel."""

from __future__ import annotations

import functools
import pickle
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from mixtura import _devices, _native
from mixtura._cluster import Failure, Shape, joined, told
from mixtura._cluster import fit as fit_on
from mixtura._gaussian_mixture import GaussianMixture
from mixtura._search import Part

try:
    from pyspark import StorageLevel, TaskContext
    from pyspark.ml.functions import vector_to_array
    from pyspark.sql import functions
    from pyspark.sql.types import ArrayType, DoubleType, FloatType
except ImportError as error:
    raise ImportError('mixtura.spark needs PySpark: pip install "mixtura[spark]"') from error

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    import pyarrow
    from pyspark.sql import DataFrame

# Partitions whose answers go to the driver without a tree.
BRANCHES = 8

_RAGGED = "rows have different numbers of features\ngive all of them the same features"

# What tasks give: whatever they have to tell, pickled.
_SCHEMA = "partition long, outcome binary"


def fit(
    df: DataFrame,
    *,
    k: int = 2,
    featuresCol: str | Sequence[str] = "features",
    weightCol: str | None = None,
    maxIter: int = 100,
    tol: float = 0.01,
    seed: int | None = None,
    aggregationDepth: int = 2,
    **parameters: Any,
) -> GaussianMixture:
    """Fit a Gaussian mixture to a data frame of Spark's.

    Parameters that ``pyspark.ml.clustering.GaussianMixture`` has, too, have its names and defaults. The features are
    cached, a batch of rows as one row of bytes, and every epoch is one pass over them; each task loads a partition, of
    less than 2 GiB, in the Python process beside it, and computes with as many threads as ``spark.task.cpus`` says.

    Parameters
    ----------
    df : DataFrame
        Samples, in a classic session: Spark Connect has no trees of sums.
    k : int, default=2
        Number of components.
    featuresCol : str or list of str, default="features"
        A column of vectors or of arrays of numbers, or several columns of numbers.
    weightCol : str, default=None
        Column of sample weights: a weight of w counts a sample w times.
    maxIter : int, default=100
        Most epochs.
    tol : float, default=0.01
        The fit has converged when the mean log-likelihood changes by less in an epoch. Spark's own compares that of all
        samples together.
    seed : int, default=None
        Seed of the initialisation.
    aggregationDepth : int, default=2
        Depth of the tree of sums.
    **parameters
        All others of :class:`mixtura.GaussianMixture`: `covariance_type`, `means_init`, `device` and so on.

    Returns
    -------
    model : mixtura.GaussianMixture
        The fitted model, of this process.

    Examples
    --------
    >>> from pyspark.sql import SparkSession  # doctest: +SKIP
    >>> df = SparkSession.builder.getOrCreate().read.parquet("samples.parquet")  # doctest: +SKIP
    >>> model = mixtura.spark.fit(df, k=8, featuresCol=["x", "y"])  # doctest: +SKIP
    """
    model = GaussianMixture(k, max_iter=maxIter, tol=tol, random_state=seed, **parameters)
    model._validate_params()
    names = None if isinstance(featuresCol, str) else list(featuresCol)
    columns = [_features(df, featuresCol).alias("features")]
    if weightCol is not None:
        columns.append(functions.col(weightCol).cast("double").alias("weight"))
    packed = functools.partial(_packed, may_lack=model.missing == "marginalize")
    samples = df.select(*columns).mapInArrow(packed, "rows binary").persist(StorageLevel.MEMORY_AND_DISK)
    try:
        fit_on(model, _Tasks(samples, _Place(model.device, model.precision, model.missing), aggregationDepth), names)
    finally:
        samples.unpersist()
    return model


def _features(df: DataFrame, columns: str | Sequence[str]) -> Any:
    """Give the features as an array of numbers in double precision, or in single where they are."""
    if not isinstance(columns, str):
        return functions.array(*(functions.col(name).cast("double") for name in columns))
    kind = df.schema[columns].dataType
    if isinstance(kind, ArrayType):
        array = functions.col(columns)
        return array if isinstance(kind.elementType, FloatType) else array.cast(ArrayType(DoubleType()))
    if kind.typeName() in ("vector", "vectorudt"):
        return vector_to_array(columns)
    raise ValueError(
        f"column {columns} is of type {kind.simpleString()}\n"
        "give a column of vectors or arrays of numbers, or a list of columns of numbers"
    )


class _Place(NamedTuple):
    """What a task has to know of the fit: the first sample of every partition; numbers of all, and all summarised."""

    device: str | int
    precision: str
    missing: str
    firsts: Mapping[int, int] = {}
    own: Mapping[int, _native.Summary] = {}
    whole: Any = None


class _Tasks:
    """The partitions of a cached frame, and the tasks that pass over them."""

    def __init__(self, samples: DataFrame, place: _Place, depth: int) -> None:
        _devices.choice(place.device, place.precision)
        self._samples, self._depth = samples, depth
        try:
            self._context = samples.sparkSession.sparkContext
        except AttributeError as error:
            raise TypeError(
                "the data frame is of Spark Connect, which has no trees of sums\n"
                "use a classic session (SparkSession.builder.master), or write files and fit those"
            ) from error
        self._place = place
        self._n_partitions = 0

    def shapes(self) -> Mapping[int, Shape]:
        """Count the samples of every partition."""
        shapes = self._of_each(_shape)
        self._n_partitions = len(shapes)
        return shapes

    def summaries(self, firsts: Mapping[int, int]) -> Mapping[int, _native.Summary]:
        """Summarise the partitions that have samples, given the number of the first of each."""
        self._place = self._place._replace(firsts=firsts)
        summaries = self._of_each(_summary)
        own = {number: summaries[number].without_features() for number in firsts}
        self._place = self._place._replace(own=own)
        return {number: summaries[number] for number in firsts}

    def join(self, summary: _native.Summary) -> None:
        """Let all partitions know the summary of all."""
        self._place = self._place._replace(whole=summary)

    def answer(self, tasks: _native.Tasks) -> _native.Answers:
        """Answer tasks, in one pass over all partitions."""
        outcomes = self._outcomes(_answer, tasks)
        if self._n_partitions <= BRANCHES or self._depth < 2:
            # Every level of a tree is a stage, which takes longer than few answers do.
            outcome = joined([_unpickled(row) for row in outcomes.collect()])
        else:
            outcome = outcomes.rdd.map(_unpickled).treeReduce(_merged, self._depth)
        answers: _native.Answers = told(outcome)
        return answers

    def _of_each(self, work: Callable[..., Any]) -> dict[int, Any]:
        rows = self._outcomes(work, None).collect()
        return {row.partition: told(_unpickled(row)) for row in sorted(rows, key=lambda row: row.partition)}

    def _outcomes(self, work: Callable[..., Any], tasks: _native.Tasks | None) -> DataFrame:
        shared = self._context.broadcast((self._place, tasks))

        def run(batches: Iterator[pyarrow.RecordBatch]) -> Iterator[pyarrow.RecordBatch]:
            return _run(work, batches, *shared.value)

        return self._samples.mapInArrow(run, _SCHEMA)


def _run(
    work: Callable[..., Any], batches: Iterable[pyarrow.RecordBatch], place: _Place, tasks: _native.Tasks | None
) -> Iterator[pyarrow.RecordBatch]:
    """Do the work of a task: Spark wraps what it raises in a page of text, so that failures are told."""
    import pyarrow

    number = TaskContext.get().partitionId()
    try:
        samples, weights = _unpacked(batches)
        outcome = work(place, tasks, number, samples, weights)
    except Exception as error:
        outcome = Failure(number, error)
    yield pyarrow.RecordBatch.from_pydict({"partition": [number], "outcome": [pickle.dumps(outcome)]})


def _packed(batches: Iterable[pyarrow.RecordBatch], may_lack: bool) -> Iterator[pyarrow.RecordBatch]:
    """Make one row of bytes of every batch: Spark hands them out many times as fast as rows of numbers.

    What is wrong with a batch stands in its place, and is told by the first pass.
    """
    import pyarrow

    for batch in batches:
        try:
            rows: Any = _rows(may_lack, *batch.columns) if batch.num_rows > 0 else None
        except Exception as error:
            rows = error
        if rows is not None:
            yield pyarrow.RecordBatch.from_pydict({"rows": [pickle.dumps(rows, protocol=5)]})


def _rows(may_lack: bool, rows: Any, *rest: Any) -> tuple[Any, Any]:
    """Give the samples and weights of a batch, as arrays."""
    values = rows.flatten()
    missing = rows.null_count + sum(column.null_count for column in rest)
    if missing > 0:
        raise ValueError(f"{missing} rows or weights are null\nfill them, or drop their rows (DataFrame.na)")
    if values.null_count > 0 and not may_lack:
        raise ValueError(
            f"{values.null_count} values are null\n"
            "fill them, drop their rows (DataFrame.na), or integrate them out (missing='marginalize')"
        )
    if len(np.unique(rows.value_lengths().to_numpy())) > 1:
        raise ValueError(_RAGGED)
    weights = [column.to_numpy(zero_copy_only=False) for column in rest]
    return values.to_numpy(zero_copy_only=False).reshape(len(rows), -1), weights[0] if weights else None


def _unpacked(batches: Iterable[pyarrow.RecordBatch]) -> tuple[Any, Any]:
    """Give the samples and weights of a partition, as arrays."""
    packed = [pickle.loads(row) for batch in batches for row in batch.column(0).to_pylist()]
    for rows in packed:
        if isinstance(rows, Exception):
            raise rows
    if not packed:
        return np.empty((0, 0)), None
    samples, weights = zip(*packed, strict=True)
    if len({rows.shape[1] for rows in samples}) > 1:
        raise ValueError(_RAGGED)
    return np.concatenate(samples), None if weights[0] is None else np.concatenate(weights)


def _shape(place: _Place, _: None, number: int, samples: Any, weights: Any) -> Shape:
    return Shape(*samples.shape)


def _part(place: _Place, samples: Any, weights: Any, number: int) -> Part:
    options: dict[str, Any] = {"device": place.device, "precision": place.precision, "missing": place.missing}
    return Part(samples, weights, first=place.firsts[number], **options)


def _summary(place: _Place, _: None, number: int, samples: Any, weights: Any) -> _native.Summary | None:
    return _part(place, samples, weights, number).summary if number in place.firsts else None


def _answer(place: _Place, tasks: _native.Tasks, number: int, samples: Any, weights: Any) -> _native.Answers | None:
    if number not in place.firsts:
        return None
    part = _part(place, samples, weights, number)
    part.join(place.whole, own=place.own[number])
    return part.answer(tasks)


def _unpickled(row: Any) -> Any:
    return pickle.loads(row.outcome)


def _merged(one: Any, other: Any) -> Any:
    """Combine outcomes of partitions; of failures the first is told."""
    return joined((one, other))
