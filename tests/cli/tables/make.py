"""Writes the tables here with other programs than ours: python make.py, with numpy and pyarrow installed."""

from datetime import datetime
from decimal import Decimal

import numpy as np
import pandas
import pyarrow as pa
import pyarrow.feather as feather
import pyarrow.parquet as parquet

# The rows of formats.rs, in columns of several types, among columns that are no numbers.
table = pa.table({
    "kind": ["x", "y", None, "x"],
    "b": pa.array([1, 0, 1, 11], pa.int16()),
    "when": [datetime(2001, 1, day) for day in (1, 2, 3, 4)],
    "a": pa.array([0.0, 1.0, 1.0, 9.0], pa.float64()),
    "exact": pa.array([Decimal("0.50"), Decimal("1.25"), Decimal("2.00"), Decimal("3.75")], pa.decimal128(9, 2)),
    "level": pa.array([3, 1, 3, 2], pa.uint8()).dictionary_encode(),
    "truth": [True, False, True, True],
})
parquet.write_table(table, "table.parquet", row_group_size=3, compression="snappy")
parquet.write_table(table, "plain.parquet", row_group_size=3, compression="zstd", use_dictionary=False)
feather.write_feather(table, "table.feather", compression="lz4")
with pa.ipc.new_stream("stream.arrow", table.schema) as stream:
    for batch in table.to_batches(max_chunksize=3):
        stream.write_batch(batch)

single = pa.table({"a": pa.array([0, 1, 1, 9], pa.float32()), "b": pa.array([1, 0, 1, 11], pa.float32())})
parquet.write_table(single, "single.parquet", compression="gzip")
parts = parquet.ParquetWriter("gap.parquet", single.schema)
for start, end in ((0, 2), (2, 2), (2, 4)):
    parts.write_table(single.slice(start, end - start))
parts.close()
parquet.write_table(single.slice(0, 0), "none.parquet")

missing = pa.table({"a": [0.0, 1.0, 1.0, 9.0, 2.0], "b": [1.0, None, 1.0, 11.0, None]})
parquet.write_table(missing, "missing.parquet", row_group_size=3)
feather.write_feather(missing, "missing.feather", chunksize=3)

rows = np.array([[0, 1], [1, 0], [1, 1], [9, 11]], np.float32)
np.savez("one.npz", x=rows)
np.savez_compressed("two.npz", x=rows, y=rows[:2])

# The same rows as lists in one column, and with a column of row numbers as pandas writes it.
lists = rows.tolist()
embedding = pa.table({
    "id": ["u", "v", "w", "x"],
    "fixed": pa.FixedSizeListArray.from_arrays(pa.array(rows.ravel()), 2),
    "loose": pa.array(lists, pa.list_(pa.float64())),
    "large": pa.array(lists, pa.large_list(pa.int32())),
    "ragged": pa.array([[1], [1], [1, 2], [1]], pa.list_(pa.float64())),
    "gap": pa.array([[0, 1], None, [1, 1], [9, 11]], pa.list_(pa.float64(), 2)),
})
parquet.write_table(embedding, "embedding.parquet", row_group_size=3)
feather.write_feather(embedding, "embedding.feather", chunksize=3)
with pa.ipc.new_stream("embedding.arrow", embedding.schema) as stream:
    for batch in embedding.to_batches(max_chunksize=3):
        stream.write_batch(batch)

frame = pandas.DataFrame(rows, columns=["a", "b"], index=[3, 5, 6, 9])
frame.to_parquet("index.parquet")
frame.rename_axis("row").to_parquet("named_index.parquet")
parquet.write_table(pa.Table.from_arrays([pa.array(rows[:, i]) for i in (0, 1, 0)], ["v", "v", "w"]), "twice.parquet")
feather.write_feather(frame.reset_index(drop=True), "first.feather", version=1)

stamps = 1_757_000_000_000_000_000 + np.array([0, 1, 3, 250])
parquet.write_table(pa.table({"t": stamps, "x": stamps // 1_000_000}), "stamps.parquet")
