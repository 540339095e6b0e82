"""Samples in files."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Iterable, Sequence
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any

from sklearn.utils._param_validation import Interval, validate_parameter_constraints

from mixtura import _native
from mixtura._caller import caller
from mixtura._words import Missing, one_of

if TYPE_CHECKING:
    from mixtura._types import Path


_CONSTRAINTS = {
    "columns": [list, tuple, "array-like", None],
    "weights": [str, os.PathLike, Interval(Integral, 0, None, closed="left"), None],
    "header": ["boolean", None],
    "delimiter": [str, None],
    "member": [str, None],
    "dims": [Interval(Integral, 1, 2**20, closed="both"), None],
    "head": [Interval(Integral, 1, None, closed="left"), None],
    "sample": [Interval(Real, 0.0, 1.0, closed="right"), None],
    "seed": [Interval(Integral, 0, 2**64 - 1, closed="both")],
    "memory": [Interval(Integral, 0, None, closed="left"), None],
    "missing": [one_of(Missing)],
}


class Dataset(_native.Dataset):
    """Samples in files, which pass by without going through Python.

    All values are checked when the files are opened. Samples that take no more than `memory` stay there; more stay on
    disk, and every pass over them reads the files anew, which must not change meanwhile. A pickle of a data set holds
    its arguments: where it is unpickled, the files are opened anew.

    Parameters
    ----------
    paths : path or list of paths
        Files of type .npy, .npz, .parquet, .arrow, .feather, .csv, .tsv or other text, .f32 or .f64 (raw), plain or
        with .gz or .zst. A directory stands for the tables in it and below it, a pattern such as ``"part-*.parquet"``
        for what matches; names that begin with a point or an underscore are passed over. All of them are one data set.
    columns : list of str or int, default=None
        The features, by name or by index from 0; a column of lists of numbers is several. All columns if None, but for
        weights and the row numbers that pandas writes.
    weights : str or int, default=None
        The column of sample weights, by name or by index; or a file of one weight for each row.
    header : bool, default=None
        Whether the first row of text is the names of the columns. It is judged by its cells, and the rows below it, if
        None.
    delimiter : str, default=None
        Delimiter of the cells of text: one character, ``"tab"`` or ``"blanks"``. The first rows tell it if None.
    member : str, default=None
        The array of an .npz archive, if it has several.
    dims : int, default=None
        Number of columns of .f32 and .f64 files, at most 1,048,576.
    head : int, default=None
        Number of rows to read, from the first one on. All if None.
    sample : float, default=None
        Only a share of the rows, between 0 and 1, each chosen at random.
    seed : int, default=0
        Seed of that choice.
    memory : int, default=None
        Most bytes of memory that the samples may take. Three quarters of what is available if None.
    missing : {"error", "marginalize"}, default="error"
        What is done about missing values of features: NaN, nulls of Parquet and Arrow files, and cells of text that are
        empty or say so. They are an error; or they may be there, for estimators whose own `missing` is "marginalize".
        Weights are never missing.

    Attributes
    ----------
    n_samples : int
        Number of rows.
    n_features : int
        Number of features.
    feature_names : list of str or None
        Names of the features, where the files have names.
    total_weight : float
        Sum of the sample weights; the number of rows where there are none.
    n_missing : int
        Number of missing values.
    place : {"memory", "disk"}
        Where the samples are.
    notes : list of str
        Choices that were made about the files, which may be others than were meant.

    Raises
    ------
    ValueError
        If an argument is not what it should be; if the files hold what is no number or not finite, with the file, the
        row or line and the column.
    OSError
        If a file cannot be read.

    Warns
    -----
    UserWarning
        For each of the notes.

    Examples
    --------
    >>> import os, tempfile
    >>> import numpy as np
    >>> import mixtura
    >>> path = os.path.join(tempfile.mkdtemp(), "samples.npy")
    >>> np.save(path, np.arange(12.0).reshape(6, 2))
    >>> dataset = mixtura.Dataset(path)
    >>> dataset
    Dataset(6 samples of 2 features, in memory)
    >>> mixtura.GaussianMixture().fit(dataset).means_
    array([[5., 6.]])
    """

    __slots__ = ("_arguments",)

    _arguments: tuple[list[str], dict[str, Any]]

    def __new__(
        cls,
        paths: Path | Iterable[Path],
        *,
        columns: Sequence[str | int] | None = None,
        weights: str | int | None = None,
        header: bool | None = None,
        delimiter: str | None = None,
        member: str | None = None,
        dims: int | None = None,
        head: int | None = None,
        sample: float | None = None,
        seed: int = 0,
        memory: int | None = None,
        missing: Missing = "error",
    ) -> Dataset:
        """Open and check the files."""
        files = _files(paths)
        arguments: dict[str, Any] = {
            "columns": columns,
            "weights": weights,
            "header": header,
            "delimiter": delimiter,
            "member": member,
            "dims": dims,
            "head": head,
            "sample": sample,
            "seed": seed,
            "memory": memory,
            "missing": missing,
        }
        validate_parameter_constraints(_CONSTRAINTS, arguments, caller_name=cls.__name__)
        if isinstance(columns, str):
            raise ValueError(f"The columns must be a list of names or indices. Got {columns!r} instead.")
        self = super().__new__(
            cls,
            files,
            None if columns is None else [str(column) for column in columns],
            None,
            None if weights is None else str(weights),
            None if header is None else bool(header),
            delimiter,
            member,
            dims,
            _fitting(head),
            sample,
            seed,
            _fitting(memory),
            missing,
        )
        self._arguments = (files, arguments)
        _tell(self)
        return self

    def __getnewargs_ex__(self) -> tuple[tuple[list[str]], dict[str, Any]]:
        files, arguments = self._arguments
        return (files,), arguments

    def __len__(self) -> int:
        return self.n_samples

    def __repr__(self) -> str:
        place = "in memory" if self.place == "memory" else "on disk"
        return f"{type(self).__name__}({self.n_samples} samples of {self.n_features} features, {place})"


def is_path(value: object) -> bool:
    """Whether this is a path, or are paths."""
    if isinstance(value, list | tuple):
        return len(value) > 0 and all(isinstance(item, str | os.PathLike) for item in value)
    return isinstance(value, str | os.PathLike)


def open_for(
    names: Sequence[str] | None, paths: Path | Sequence[Path], weights: str | None, missing: str
) -> _native.Dataset:
    """Open files: for a fit if `names` is None, and otherwise for a model whose features have these names, or none."""
    dataset = _native.Dataset(
        _files(paths),
        None,
        None if names is None else list(names),
        weights,
        None,
        None,
        None,
        None,
        None,
        None,
        0,
        None,
        missing,
    )
    _tell(dataset)
    return dataset


def _tell(dataset: _native.Dataset) -> None:
    """Warn of choices that were made about files, at the line outside this package that opened them."""
    for note in dataset.notes:
        warnings.warn(note, stacklevel=caller())


def _files(paths: Path | Iterable[Path]) -> list[str]:
    return [os.fspath(path) for path in ([paths] if isinstance(paths, str | os.PathLike) else paths)]


def _fitting(number: int | None) -> int | None:
    """Give a number, or where it is larger than any that the native half takes, the largest one."""
    return None if number is None else min(int(number), sys.maxsize)
