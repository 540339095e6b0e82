"""A whole fit on a Dask cluster: every worker passes over its own files, and only sums travel.

Each epoch sends the model to the workers, a few kilobytes, and takes back the moments of every file, as many. The
samples stay where they are. Ray and Spark do it the same way: `moments` is the map, ``+`` the reduce.

    python dask_cluster.py 'parts/*.npy' 8
"""

import glob
import sys

from distributed import Client

from mixtura import Dataset, GaussianMixture, moments


def fit(client, paths, start, *, tol=1e-3, reg_covar=1e-6, max_iter=100):
    """Fit a mixture to the samples in some files, which all workers can read.

    Parameters
    ----------
    client : distributed.Client
        The cluster.
    paths : list of str
        The files.
    start : GaussianMixture
        The first model.
    tol, reg_covar, max_iter
        As for `GaussianMixture`.

    Returns
    -------
    GaussianMixture
        The fitted model.
    """
    # Every model takes over the device, the precision and the names of the features from the one before: files may have
    # their columns in any order.
    model, bounds, converged = start, [], False
    while len(bounds) < max_iter and not converged:
        # Futures of all parts at once; their sum is formed in the order of the files, so that it has the same bits.
        parts = client.map(moments, paths, model=model, pure=False)
        total = sum(client.gather(parts))
        bounds.append(total.lower_bound)
        converged = len(bounds) > 1 and abs(bounds[-1] - bounds[-2]) < tol
        model = total.maximize(reg_covar)
    model.converged_, model.n_iter_, model.lower_bounds_ = converged, len(bounds), bounds
    return model


if __name__ == "__main__":
    paths, n_components = sorted(glob.glob(sys.argv[1])), int(sys.argv[2])
    # A first model from a share of the samples, by k-means.
    first = GaussianMixture(n_components, max_iter=0, random_state=0).fit(Dataset(paths, sample=0.1))
    with Client() as client:
        fitted = fit(client, paths, first)
    print(f"{fitted.n_iter_} epochs, lower bound {fitted.lower_bound_:.6f}")
    fitted.save("model.json")
