"""Fits on Dask clusters: samples stay with the workers that have them, and only sums travel."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.base import clone
from sklearn.utils.validation import check_is_fitted

from mixtura import _native
from mixtura._cluster import fit as fit_on
from mixtura._dataset import is_path
from mixtura._gaussian_mixture import GaussianMixture as Local

try:
    import dask
    import dask.array as da
    import distributed

    from mixtura._dask_actors import Actors
except ImportError as error:
    raise ImportError('mixtura.dask needs Dask and distributed: pip install "mixtura[dask]"') from error

if TYPE_CHECKING:
    from collections.abc import Sequence

    from typing_extensions import Self


class GaussianMixture(Local):
    """Gaussian mixture, fitted to what the workers of a Dask cluster hold.

    Partitions stay on the workers that have them, loaded on their devices, and answer what the fit asks; answers are
    combined, worker to worker where there are many. Partitions of whole blocks (of 4,194,304 values, in multiples of
    4,096 rows) give the bits of the fit in one piece on the CPU, any others the same model but for rounding. What a
    worker had that is lost is given to others, and the fit goes on.

    Parameters
    ----------
    n_components : int, default=1
        Number of components.
    client : distributed.Client, default=None
        Client of the cluster; the current one if None. It is no parameter of the model: `get_params` leaves it out, and
        pickles do.
    **parameters
        All others of :class:`mixtura.GaussianMixture`; `device` and `precision` are those of every worker.

    Attributes
    ----------
    weights_, means_, covariances_, precisions_, precisions_cholesky_ : ndarray
        As of :class:`mixtura.GaussianMixture`, in double precision.
    converged_, n_iter_, lower_bound_, lower_bounds_, n_features_in_, feature_names_in_
        As well.

    See Also
    --------
    mixtura.GaussianMixture : The same on one machine, which `to_local` makes of this.

    Examples
    --------
    >>> import dask.array as da
    >>> from distributed import Client
    >>> from mixtura.dask import GaussianMixture
    >>> client = Client(processes=False, dashboard_address=":0")
    >>> X = da.concatenate([da.zeros((100, 1)) + i for i in (0, 1, 8, 9)])
    >>> model = GaussianMixture(2, random_state=0).fit(X)
    >>> sorted(model.means_.ravel().round(3).tolist())
    [0.5, 8.5]
    >>> model.predict(X).compute().shape
    (400,)
    >>> client.close()
    """

    def __init__(self, n_components: int = 1, *, client: distributed.Client | None = None, **parameters: Any) -> None:
        super().__init__(n_components, **parameters)
        self.client = client

    @classmethod
    def _get_param_names(cls) -> list[str]:
        names: list[str] = Local._get_param_names()
        return names

    def __sklearn_clone__(self) -> Self:
        parameters = {name: clone(value, safe=False) for name, value in self.get_params(deep=False).items()}
        return type(self)(client=self.client, **parameters)

    def __getstate__(self) -> dict[str, Any]:
        # Whoever unpickles it may be in another cluster, or in none.
        return {**super().__getstate__(), "client": None}

    def fit(self, X: Any, y: Any = None, *, sample_weight: Any = None) -> Self:
        """Fit the mixture.

        A fit that fails or is interrupted leaves the attributes as they were.

        Parameters
        ----------
        X : dask array of shape (n_samples, n_features), dask data frame, path, or list of paths
            Samples. Arrays may be chunked in any way; the sizes of chunks need not be known. Paths are those of files,
            patterns and directories that all workers see; each file is opened by one of them.
        y : Ignored
            Present by convention.
        sample_weight : dask array or series, or str, default=None
            A weight of w counts a sample w times: partitions as those of `X`. For samples in files, the name of a
            column.

        Returns
        -------
        self : GaussianMixture
            The fitted estimator.

        Raises
        ------
        ValueError
            If a partition, the weights or the parameters are not what they should be, or a component collapsed.
        TypeError
            If `X` is nothing of Dask's, and no path.
        """
        super().fit(X, sample_weight=sample_weight)
        return self

    def fit_predict(self, X: Any, y: Any = None, *, sample_weight: Any = None) -> Any:
        """Fit the mixture, and give the most probable component of every sample.

        Parameters
        ----------
        X, y, sample_weight
            As for `fit`.

        Returns
        -------
        labels : dask array of shape (n_samples,)
            The same as ``fit(X).predict(X)``, which is lazy.
        """
        return self.fit(X, sample_weight=sample_weight).predict(X)

    def predict(self, X: Any) -> Any:
        """Most probable component of every sample.

        Parameters
        ----------
        X : dask array or data frame, or what `mixtura.GaussianMixture` takes
            Samples.

        Returns
        -------
        labels : array of shape (n_samples,)
            Components, from 0; of Dask where `X` is, and then lazy.
        """
        return self._lazily("predict", X, np.int64)

    def predict_proba(self, X: Any) -> Any:
        """Posterior probability of every component for every sample.

        Parameters
        ----------
        X : dask array or data frame, or what `mixtura.GaussianMixture` takes
            Samples.

        Returns
        -------
        resp : array of shape (n_samples, n_components)
            Each row sums to 1; of Dask where `X` is, and then lazy.
        """
        check_is_fitted(self)
        return self._lazily("predict_proba", X, np.float64, n_columns=len(self.means_))

    def score_samples(self, X: Any) -> Any:
        """Log-density of the mixture at every sample.

        Parameters
        ----------
        X : dask array or data frame, or what `mixtura.GaussianMixture` takes
            Samples.

        Returns
        -------
        log_prob : array of shape (n_samples,)
            Natural logarithms; of Dask where `X` is, and then lazy.
        """
        return self._lazily("score_samples", X, np.float64)

    def impute(self, X: Any, n_draws: int | None = None) -> Any:
        """Fill in missing values by what the others of their sample say, under the mixture.

        Parameters
        ----------
        X : dask array or data frame, or what `mixtura.GaussianMixture` takes
            Samples, whose NaN are filled in.
        n_draws : int, default=None
            How many draws; the means of the missing values if None, and where `X` is of Dask.

        Returns
        -------
        filled : array of shape (n_samples, n_features) or (n_draws, n_samples, n_features)
            Of Dask where `X` is, and then lazy.
        """
        if not dask.is_dask_collection(X):
            return super().impute(X, n_draws)
        if n_draws is not None:
            raise TypeError(
                "draws depend on the place of a sample among all, which partitions do not know\n"
                "draw from one array after the other (X.compute()), each with a random_state of its own"
            )
        check_is_fitted(self)
        return self._lazily("impute", X, np.float64, n_columns=np.shape(self.means_)[1])

    def to_local(self) -> Local:
        """Make it an estimator of one machine.

        Returns
        -------
        mixtura.GaussianMixture
            With the same parameters and, if this is fitted, the same model.
        """
        local = Local(**self.get_params(deep=False))
        fitted = {name: value for name, value in vars(self).items() if name not in {*vars(local), "client"}}
        local.__dict__.update(fitted)
        return local

    def _fit_or_break(self, X: Any, sample_weight: Any) -> Any:
        client = self.client or distributed.get_client()
        names = list(X.columns) if is_frame(X) else None
        if is_path(X):
            paths = [X] if not isinstance(X, list | tuple) else list(X)
            # The files are the workers': nobody else may see them.
            partitions = [(path, sample_weight) for path in client.submit(_files, paths, pure=False).result()]
        else:
            partitions = client.compute([dask.delayed(_loaded)(*pair) for pair in paired(X, sample_weight)])
        with client.as_current(), Actors(client, partitions, self.device, self.precision, self.missing) as actors:
            fit_on(self, actors, names)
        return X

    def _lazily(self, method: str, X: Any, dtype: Any, n_columns: int | None = None) -> Any:
        """Call a method of the local model, partition by partition where there are any."""
        if not dask.is_dask_collection(X):
            return getattr(super(), method)(X)
        check_is_fitted(self)
        local = self.to_local()
        meta = np.empty((0,) if n_columns is None else (0, n_columns), dtype=dtype)
        if is_frame(X):
            return X.map_partitions(_answers, local, method, meta, meta=meta, enforce_metadata=False)
        X = _in_rows(X)
        chunks = (X.chunks[0],) if n_columns is None else (X.chunks[0], (n_columns,))
        drop = [1] if n_columns is None else []
        return X.map_blocks(_answers, local, method, meta, dtype=dtype, chunks=chunks, drop_axis=drop, meta=meta)

    def _log_likelihood(self, X: Any, sample_weight: Any, caller: str) -> tuple[float, float]:
        if not dask.is_dask_collection(X):
            return super()._log_likelihood(X, sample_weight, caller)
        local = self.to_local()
        client = self.client or distributed.get_client()
        totals = [dask.delayed(_total)(local, caller, *pair) for pair in paired(X, sample_weight)]
        log_likelihoods, weights = zip(*client.gather(client.compute(totals)), strict=True)
        return float(sum(log_likelihoods)), float(sum(weights))


# Parameters are those of the local estimator, for whoever looks at the signature.
_ours = inspect.signature(Local.__init__)
GaussianMixture.__init__.__signature__ = _ours.replace(  # type: ignore[attr-defined]
    parameters=[
        *_ours.parameters.values(),
        inspect.Parameter("client", inspect.Parameter.KEYWORD_ONLY, default=None),
    ]
)


def is_frame(X: Any) -> bool:
    """Whether this is a data frame of Dask's."""
    return dask.is_dask_collection(X) and hasattr(X, "columns")


def paired(X: Any, sample_weight: Any) -> list[tuple[Any, Any]]:
    """Give the partitions of samples, each with its weights, as delayed objects."""
    if isinstance(X, da.Array):
        X = _in_rows(X)
    elif not is_frame(X):
        kind = f"{type(X).__module__}.{type(X).__qualname__}"
        raise TypeError(
            f"X is of type {kind}, neither a dask array or data frame nor paths\n"
            "make it one (dask.array.from_array), or fit it with mixtura.GaussianMixture"
        )
    blocks = _delayed(X)
    if sample_weight is None:
        return [(block, None) for block in blocks]
    if not dask.is_dask_collection(sample_weight):
        raise TypeError(
            f"sample_weight is of type {type(sample_weight).__qualname__}, and X is in partitions\n"
            "give a dask array or series with the partitions of X"
        )
    known = [isinstance(x, da.Array) and not np.isnan(x.chunks[0]).any() for x in (X, sample_weight)]
    if all(known) and sum(X.chunks[0]) == sum(sample_weight.chunks[0]):
        sample_weight = sample_weight.rechunk((X.chunks[0],))
    weights = _delayed(sample_weight)
    if len(weights) != len(blocks):
        raise ValueError(
            f"sample_weight has {len(weights)} partitions, X has {len(blocks)}\n"
            "make both of the same collection, or repartition one like the other"
        )
    return list(zip(blocks, weights, strict=True))


def _in_rows(X: Any) -> Any:
    """Give an array whose chunks are of whole rows."""
    if X.ndim != 2:
        raise ValueError(f"X has {X.ndim} dimensions\ngive an array of samples and features (X.reshape)")
    return X if X.numblocks[1] == 1 else X.rechunk({1: -1})


def _delayed(collection: Any) -> Sequence[Any]:
    return list(np.ravel(collection.to_delayed()))


def _files(paths: list[str]) -> list[str]:
    return [str(path) for path in _native.files(paths)]


def _loaded(samples: Any, weights: Any) -> tuple[Any, Any]:
    """Give a partition as it is loaded: no frames, whose columns would be copied later."""
    return np.asarray(samples), None if weights is None else np.asarray(weights)


def _answers(block: Any, model: Local, method: str, nothing: Any) -> Any:
    """Call a method of a model with a block, which may be empty."""
    return getattr(model, method)(block) if len(block) > 0 else nothing


def _total(model: Local, caller: str, samples: Any, weights: Any) -> tuple[float, float]:
    """Log-likelihood and weight of a partition, which may have neither."""
    if len(samples) == 0 or (weights is not None and not np.any(weights)):
        return 0.0, 0.0
    return model._log_likelihood(samples, weights, caller)
