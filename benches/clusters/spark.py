"""Fits of a data frame of Spark's by Mixtura, and by Spark's own GaussianMixture, in local[2]."""

import argparse
import os
import sys
import time
import warnings
from types import SimpleNamespace

import numpy as np
import pyarrow
from pyspark.ml.clustering import GaussianMixture as Theirs
from pyspark.ml.functions import array_to_vector
from pyspark.mllib.clustering import GaussianMixture as Older
from pyspark.mllib.linalg import DenseMatrix, Vectors
from pyspark.mllib.stat.distribution import MultivariateGaussian
from pyspark.sql import SparkSession
from pyspark.sql.functions import col
from sklearn.exceptions import ConvergenceWarning

import mixtura
import mixtura.spark

PARTITIONS = 8


def samples(number, rows, centres):
    """Draw samples of clusters that overlap."""
    rng = np.random.default_rng(number)
    return rng.standard_normal((rows, centres.shape[1])) + centres[rng.integers(len(centres), size=rows)]


def frame(spark, rows, centres):
    """Give the samples as a cached frame: a column of arrays, and one of vectors."""
    counts = [rows // PARTITIONS + (number < rows % PARTITIONS) for number in range(PARTITIONS)]

    def make(batches):
        for batch in batches:
            for number in batch.column("id").to_pylist():
                values = samples(number, counts[number], centres)
                rows = pyarrow.FixedSizeListArray.from_arrays(values.ravel(), values.shape[1])
                rows = rows.cast(pyarrow.list_(pyarrow.float64()))
                yield pyarrow.RecordBatch.from_arrays([rows], ["x"])

    made = spark.range(0, PARTITIONS, 1, PARTITIONS).mapInArrow(make, "x array<double>")
    cached = made.select("x", array_to_vector(col("x")).alias("features")).persist()
    cached.count()
    return cached, np.concatenate([samples(number, n, centres) for number, n in enumerate(counts)])


def seconds(fit):
    """Time a fit."""
    begun = time.perf_counter()
    model = fit()
    return time.perf_counter() - begun, model


def score(X, weights, means, covariances):
    """Mean log-likelihood under a model of Spark's."""
    model = mixtura.GaussianMixture(len(weights), device="cpu")
    model.weights_, model.means_ = np.array(weights), np.array(means)
    model.covariances_ = np.array(covariances)
    # Rounding leaves something below the diagonal.
    model.precisions_cholesky_ = np.triu(np.linalg.inv(np.linalg.cholesky(model.covariances_)).transpose(0, 2, 1))
    model.n_features_in_, model.converged_ = X.shape[1], True
    return model.score(X)


def main():
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--features", type=int, default=16)
    parser.add_argument("--components", type=int, default=8)
    parser.add_argument("--iterations", type=int, default=10)
    parser.add_argument("--without-older", action="store_true", help="leave out pyspark.mllib, which takes longest")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore", ConvergenceWarning)
    d, k, iterations = arguments.features, arguments.components, arguments.iterations

    os.environ["PYSPARK_PYTHON"] = sys.executable
    builder = SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false")
    builder = (
        builder.config("spark.driver.memory", "8g")
        .config("spark.log.level", "OFF")
        .config("spark.ui.showConsoleProgress", "false")
    )
    spark = builder.config("spark.driver.host", "127.0.0.1").getOrCreate()
    centres = np.random.default_rng(0).uniform(-3.0, 3.0, (k, d))
    df, X = frame(spark, arguments.rows, centres)
    means = centres + 0.5
    start = {"means_init": means, "weights_init": np.full(k, 1.0 / k), "precisions_init": np.tile(np.eye(d), (k, 1, 1))}

    # The same number of iterations, whatever they gain.
    def ours():
        return mixtura.spark.fit(df, k=k, featuresCol="x", maxIter=iterations, tol=0.0, device="cpu", **start)

    def from_the_same_start():
        rows = df.select("x").rdd.map(lambda row: Vectors.dense(row.x)).cache()
        rows.count()
        gaussians = [MultivariateGaussian(Vectors.dense(mean), DenseMatrix(d, d, np.eye(d).ravel())) for mean in means]
        # All that is asked of a first model.
        first = SimpleNamespace(k=k, weights=np.full(k, 1.0 / k), gaussians=gaussians)
        begun = time.perf_counter()
        model = Older.train(rows, k, convergenceTol=0.0, maxIterations=iterations, initialModel=first)
        return time.perf_counter() - begun, model

    def theirs():
        return Theirs(k=k, maxIter=iterations, tol=0.0, seed=0).fit(df.select("features"))

    print(f"{arguments.rows} x {d}, K = {k}, {iterations} iterations of full covariances in local[2]")
    print(f"{'':34}{'seconds':>9}{'mean log-likelihood':>22}")

    def tell(name, taken, log_likelihood):
        print(f"{name:34}{taken:9.2f}{log_likelihood:22.6f}", flush=True)

    # The first jobs start the workers of Python and compile the plans.
    mixtura.spark.fit(df, k=k, featuresCol="x", maxIter=1, tol=0.0, device="cpu", **start)
    taken, model = seconds(ours)
    tell("mixtura.spark", taken, model.score(X))
    if not arguments.without_older:
        taken, model = from_the_same_start()
        gaussians = model.gaussians
        found = ([g.mu.toArray() for g in gaussians], [g.sigma.toArray() for g in gaussians])
        tell("pyspark.mllib, same start", taken, score(X, model.weights, *found))
    taken, model = seconds(theirs)
    gaussians = model.gaussiansDF.collect()
    found = ([g.mean.toArray() for g in gaussians], [g.cov.toArray() for g in gaussians])
    tell("pyspark.ml, its own random start", taken, score(X, model.weights, *found))
    spark.stop()


if __name__ == "__main__":
    main()
