"""Epochs of a fit on two Dask workers of one thread each, against those of one process with two threads."""

import argparse
import os
import statistics
import time
import warnings

import dask
import dask.array as da
import mixtura
import mixtura.dask
import numpy as np
from distributed import Client, LocalCluster
from sklearn.exceptions import ConvergenceWarning

BLOCK_VALUES = 1 << 22


def part(seed, rows, centres, dtype):
    """Draw samples of clusters that overlap."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((rows, centres.shape[1]), dtype=dtype)
    X += centres[rng.integers(len(centres), size=rows)]
    return X


def pin(core):
    """Keep this process on a core."""
    os.sched_setaffinity(0, {core})


def seconds(fit):
    """Time a fit."""
    begun = time.perf_counter()
    model = fit()
    return time.perf_counter() - begun, model


def epoch(fit, epochs):
    """Seconds of an epoch: those of a long fit without those of a short one. Gives the long one's model, too."""
    short, _ = seconds(lambda: fit(1))
    long, model = seconds(lambda: fit(1 + epochs))
    return (long - short) / epochs, model


def main():
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=8_000_000)
    parser.add_argument("--features", type=int, default=16)
    parser.add_argument("--components", type=int, default=16)
    parser.add_argument("--dtype", choices=["float32", "float64"], default="float32")
    parser.add_argument("--families", nargs="+", default=["diag", "full"])
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--blocks", type=int, default=4, help="blocks of a partition")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore", ConvergenceWarning)

    d, k, dtype = arguments.features, arguments.components, np.dtype(arguments.dtype)
    rng = np.random.default_rng(0)
    centres = rng.uniform(-2.0, 2.0, (k, d)).astype(dtype)
    size = arguments.blocks * max(1, BLOCK_VALUES // d // 4096) * 4096
    counts = [min(size, arguments.rows - first) for first in range(0, arguments.rows, size)]
    cores = sorted(os.sched_getaffinity(0))[:2]

    cluster = LocalCluster(n_workers=2, threads_per_worker=1, memory_limit=0, dashboard_address=":0")
    # Dask tells the process that starts workers, too, to use one thread.
    for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ.pop(variable, None)
    with cluster, Client(cluster) as client:
        workers = sorted(client.nthreads())
        for worker, core in zip(workers, cores, strict=True):
            client.run(pin, core, workers=[worker])
        # The first half of the parts is one worker's.
        parts = []
        for seed, n in enumerate(counts):
            block = da.from_delayed(dask.delayed(part)(seed, n, centres, dtype), (n, d), dtype)
            parts.append(client.persist(block, workers=[workers[2 * seed // len(counts)]]))
        spread = da.concatenate(parts)
        X = np.concatenate([part(seed, n, centres, dtype) for seed, n in enumerate(counts)])
        client.gather(client.compute(spread.sum()))

        print(f"{arguments.rows} x {d} {dtype}, K = {k}, {len(counts)} partitions; {arguments.epochs} epochs, ", end="")
        print(f"median of {arguments.repeats} pairs")
        print(f"{'':6}{'one process, s':>16}{'two workers, s':>16}{'ratio':>8}{'least':>8}{'most':>8}")
        for family in arguments.families:
            precisions = {"diag": np.ones((k, d)), "full": np.tile(np.eye(d), (k, 1, 1))}.get(family)
            start = {"means_init": centres + 0.5, "weights_init": np.full(k, 1.0 / k), "precisions_init": precisions}
            options = {**start, "covariance_type": family, "tol": 0.0, "device": "cpu"}

            def alone(max_iter, options=options):
                return mixtura.GaussianMixture(k, max_iter=max_iter, **options).fit(X)

            def together(max_iter, options=options):
                return mixtura.dask.GaussianMixture(k, max_iter=max_iter, client=client, **options).fit(spread)

            pairs = []
            for _ in range(arguments.repeats):
                one, expected = epoch(alone, arguments.epochs)
                two, found = epoch(together, arguments.epochs)
                pairs.append((one, two))
                if found.lower_bounds_ != expected.lower_bounds_:
                    raise SystemExit("the cluster found another model")
            one, two = (statistics.median(times) for times in zip(*pairs, strict=True))
            ratios = sorted(one / two for one, two in pairs)
            print(f"{family:6}{one:16.3f}{two:16.3f}{statistics.median(ratios):8.3f}{ratios[0]:8.3f}{ratios[-1]:8.3f}")


if __name__ == "__main__":
    main()
