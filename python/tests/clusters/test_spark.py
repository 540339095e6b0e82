"""Fits on Spark."""

import os
import sys

import numpy as np
import pandas as pd
import pyarrow.parquet
import pytest
from conftest import BLOCK, assert_same
from pyspark.ml.feature import VectorAssembler
from pyspark.sql import SparkSession
from pyspark.sql.functions import array, col, spark_partition_id, when

import mixtura
import mixtura.spark

pytestmark = [
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
    # Of PySpark, about pandas and about itself.
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:.*arrow.*:UserWarning"),
]

OPTIONS = {"covariance_type": "diag", "seed": 0, "device": "cpu"}

# What the estimator of one machine calls them.
NAMES = {"k": "n_components", "seed": "random_state", "maxIter": "max_iter"}


@pytest.fixture(scope="module")
def spark():
    os.environ["PYSPARK_PYTHON"] = sys.executable
    builder = SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false")
    builder = builder.config("spark.driver.memory", "2g").config("spark.log.level", "OFF")
    session = builder.config("spark.driver.host", "127.0.0.1").getOrCreate()
    yield session
    session.stop()


@pytest.fixture(scope="module")
def frame(spark, blobs):
    pandas = pd.DataFrame(blobs.X, columns=["a", "b", "c"]).assign(weight=blobs.weights)
    frame = spark.createDataFrame(pandas).repartition(4, "a").persist()
    # In the order that they have there: seeds are drawn by place.
    rows = np.array(frame.collect())
    yield frame, rows[:, :3], rows[:, 3]
    frame.unpersist()


def local(**options):
    return mixtura.GaussianMixture(**{NAMES.get(name, name): value for name, value in options.items()})


@pytest.mark.parametrize("weighted", [False, True])
def test_partitions_of_whole_blocks_give_the_bits_of_one_piece(spark, blocks, tmp_path, weighted):
    for number in range(4):
        rows = slice(number * BLOCK, (number + 1) * BLOCK)
        table = pd.DataFrame({"features": list(blocks.X[rows]), "w": blocks.weights[rows]})
        table.to_parquet(tmp_path / f"{number}.parquet")

    def read(batches):
        for batch in batches:
            for number in batch.column("id").to_pylist():
                yield from pyarrow.parquet.read_table(tmp_path / f"{number}.parquet").to_batches(1000)

    df = spark.range(0, 4, 1, 4).mapInArrow(read, "features array<float>, w double")
    options = {**OPTIONS, "tol": 0.0, "maxIter": 3, "update": "squarem", "n_init": 2}
    expected = local(k=3, **options).fit(blocks.X, sample_weight=blocks.weights if weighted else None)
    model = mixtura.spark.fit(df, k=3, weightCol="w" if weighted else None, **options)
    assert_same(model, expected)


def test_features_come_as_vectors_as_arrays_or_as_columns(spark, frame):
    df, X, _ = frame
    expected = local(k=3, tol=0.01, **OPTIONS).fit(X)
    vectors = VectorAssembler(inputCols=["a", "b", "c"], outputCol="features").transform(df)
    arrays = df.select(array("a", "b", "c").alias("x"))
    models = [
        mixtura.spark.fit(vectors, k=3, **OPTIONS),
        mixtura.spark.fit(arrays, k=3, featuresCol="x", **OPTIONS),
        mixtura.spark.fit(df, k=3, featuresCol=["a", "b", "c"], **OPTIONS),
    ]
    for model in models:
        assert abs(model.lower_bound_ - expected.lower_bound_) < 1e-9
    assert models[2].feature_names_in_.tolist() == ["a", "b", "c"]


@pytest.mark.parametrize("branches", [1, 8])
def test_weights_and_a_start_are_taken(frame, monkeypatch, branches):
    # With a tree, and without.
    monkeypatch.setattr(mixtura.spark, "BRANCHES", branches)
    df, X, weights = frame
    start = {"weights_init": [0.2, 0.3, 0.5], "means_init": X[:3], "precisions_init": np.ones((3, 3))}
    options = {**OPTIONS, **start, "tol": 0.0, "maxIter": 4}
    expected = local(k=3, **options).fit(X, sample_weight=weights)
    model = mixtura.spark.fit(df, k=3, featuresCol=["a", "b", "c"], weightCol="weight", **options)
    assert model.lower_bounds_ == pytest.approx(expected.lower_bounds_, abs=1e-9)


def test_empty_partitions_and_those_without_weight_do_not_count(frame):
    df, _, _ = frame
    some = df.where(spark_partition_id() != 1)
    nothing = some.withColumn("weight", when(spark_partition_id() == 2, 0.0).otherwise(1.0))
    options = {"k": 3, "featuresCol": ["a", "b", "c"], **OPTIONS}
    model = mixtura.spark.fit(nothing, weightCol="weight", **options)
    rows = np.array(nothing.where("weight > 0").select("a", "b", "c").collect())
    expected = local(k=3, tol=0.01, **OPTIONS).fit(rows)
    assert abs(model.lower_bound_ - expected.lower_bound_) < 1e-9


def test_missing_values_are_integrated_out(frame):
    df, rows, _ = frame
    # Null in some rows, and not a number in others.
    holed = df.withColumn("b", when(col("a") > 5, None).when(col("a") < -1, float("nan")).otherwise(col("b")))
    X = rows.copy()
    X[(X[:, 0] > 5) | (X[:, 0] < -1), 1] = np.nan
    options = {"k": 3, "tol": 0.01, "missing": "marginalize", **OPTIONS}
    model = mixtura.spark.fit(holed, featuresCol=["a", "b", "c"], **options)
    np.testing.assert_allclose(model.means_, local(**options).fit(X).means_, rtol=1e-9, atol=1e-9)


def test_errors_name_the_partition_and_the_remedy(spark, frame):
    df, _, _ = frame
    options = {"k": 3, "featuresCol": ["a", "b", "c"], **OPTIONS}
    bad = df.withColumn("b", when(spark_partition_id() == 2, float("nan")).otherwise(col("b")))
    with pytest.raises(ValueError, match=r"^partition 2: row 0, column 1 is NaN.*\nremove or fill"):
        mixtura.spark.fit(bad, **options)
    missing = df.withColumn("b", when(spark_partition_id() == 1, None).otherwise(col("b")))
    with pytest.raises(ValueError, match=r"^partition 1: \d+ values are null\nfill them"):
        mixtura.spark.fit(missing, **options)
    ragged = df.select(when(col("a") > 0, array("a")).otherwise(array("a", "b")).alias("features"))
    with pytest.raises(ValueError, match="different numbers of features\ngive all"):
        mixtura.spark.fit(ragged, k=3, **OPTIONS)
    with pytest.raises(ValueError, match="column a is of type double\ngive a column"):
        mixtura.spark.fit(df, featuresCol="a")
    with pytest.raises(ValueError, match="no samples\n"):
        mixtura.spark.fit(df.where("a > 1000"), **options)
    with pytest.raises(ValueError, match="covariance_type"):
        mixtura.spark.fit(df, featuresCol=["a"], covariance_type="round")
