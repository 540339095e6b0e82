#!/usr/bin/env python3
"""Pruned passes against dense ones: seconds of an epoch, and what they lead to.

The pixels of the two photographs that scikit-learn ships (546,560 x 3, a uniform number below 1 added to each), flights (delay
and distance) where a file has them, and clusters of 16 features, which are not pruned. Both ways begin with the same
model, eight epochs after the start, and take turns.

    cargo build --release
    pip install scikit-learn==1.9.1 pillow pyarrow
    benches/pruning.py [--flights FILE.parquet] [--cases TEXT,...] [--device cpu] [--markdown FILE]
"""

import argparse
import json
import subprocess
import tempfile
from pathlib import Path
from statistics import median

import numpy as np

ROOT = Path(__file__).resolve().parent.parent


def pixels():
    from sklearn.datasets import load_sample_images

    values = np.concatenate([image.reshape(-1, 3) for image in load_sample_images().images]).astype(float)
    return values + np.random.default_rng(0).uniform(0, 1, values.shape)


def flights(path):
    from pyarrow import parquet

    table = parquet.read_table(path, columns=["delay", "distance"])
    return np.column_stack([table[name].to_numpy().astype(float) for name in table.column_names])


def blobs():
    random = np.random.default_rng(1)
    means = 4.0 * random.normal(size=(256, 16))
    return means[random.integers(256, size=200_000)] + random.normal(size=(200_000, 16))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mixtura", type=Path, default=ROOT / "target" / "release" / "mixtura")
    parser.add_argument("--flights", type=Path, help="a Parquet file with columns delay and distance")
    parser.add_argument("--cases", default="", help="parts of the names, with commas between [default: all]")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--markdown", type=Path)
    options = parser.parse_args()
    cases = [(f"pixels, K = {k}", pixels, k) for k in (16, 64, 256, 1024, 4096)]
    cases += [("flights, K = 256", lambda: flights(options.flights), 256)] if options.flights else []
    cases += [("clusters of 16 features, K = 256", blobs, 256)]
    lines = [
        "| data | dense, ms an epoch | auto | dense / auto | evaluated | log-likelihoods differ by | labels that differ |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    print("\n".join(lines), flush=True)
    for name, draw, k in cases:
        if any(part in name for part in options.cases.split(",")):
            lines.append(compare(name, draw(), k, options))
            print(lines[-1], flush=True)
    if options.markdown:
        options.markdown.write_text("\n".join(lines) + "\n")


def compare(name, samples, k, options):
    with tempfile.TemporaryDirectory(prefix="mixtura-pruning-") as folder:
        data, start, trace = (Path(folder, file) for file in ("data.npy", "start.json", "trace.json"))
        np.save(data, samples)
        fit = [options.mixtura, "fit", data, "--device", options.device, "--tol", 0, "--quiet", "--json"]
        run([*fit, "-k", k, "--max-iter", 8, "--out", start])
        seconds, results, labels = {}, {}, {}
        for _ in range(options.rounds):
            for mode in ("off", "auto"):
                model, found = Path(folder, f"{mode}.json"), Path(folder, f"{mode}.npy")
                out = ["--max-iter", options.epochs, "--trace", trace, "--out", model]
                results[mode] = json.loads(run([*fit, "--init-model", start, "--prune", mode, *out]))
                seconds.setdefault(mode, []).extend(row["seconds"] for row in json.loads(trace.read_text()))
                if mode not in labels:
                    predict = [options.mixtura, "predict", model, data, "--device", "cpu", "--quiet", "--out", found]
                    run(predict)
                    labels[mode] = np.load(found)
    dense, auto = (median(seconds[mode]) * 1e3 for mode in ("off", "auto"))
    off, on = results["off"], results["auto"]
    difference = abs(on["log_likelihood"] / off["log_likelihood"] - 1)
    differing = int((labels["off"] != labels["auto"]).sum())
    share = on.get("pruning", {}).get("share", 1.0)
    return (
        f"| {name} | {dense:.0f} | {auto:.0f} | {dense / auto:.2f} | {share:.1%} | {difference:.1e} of it | {differing} |"
    )


def run(command):
    return subprocess.run(list(map(str, command)), check=True, stdout=subprocess.PIPE, text=True).stdout


main()
