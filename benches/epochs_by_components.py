#!/usr/bin/env python3
"""Seconds of an epoch by the number of components, dense and pruned, at several numbers of features.

Samples of as many overlapping Gaussians as are fitted. Both ways begin at one model, three epochs after the start, and
take turns. Slopes are those of log seconds over log K between the last two numbers of components.

    cargo build --release
    pip install numpy matplotlib
    benches/epochs_by_components.py [--features D ...] [--components K ...] [--markdown FILE] [--plot FILE]
"""

import argparse
import json
import subprocess
import tempfile
from math import log
from pathlib import Path
from statistics import median

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
WAYS = {"dense": "off", "auto": "auto"}


def draw(n, d, k):
    random = np.random.default_rng(k + d)
    means = random.normal(size=(k, d)) * k ** (1 / d)
    widths = random.uniform(0.2, 1.0, size=(k, d))
    label = random.integers(k, size=n)
    return means[label] + widths[label] * random.normal(size=(n, d))


def epochs(samples, k, options):
    """Median seconds of an epoch, each way."""
    with tempfile.TemporaryDirectory(prefix="mixtura-components-") as folder:
        data, start, trace = (Path(folder, name) for name in ("data.npy", "start.json", "trace.json"))
        np.save(data, samples)
        fit = [options.mixtura, "fit", data, "--device", options.device, "--tol", 0, "--quiet"]
        begin = ["-k", k, "--covariance", options.covariance, "--start", "direct", "--max-iter", 3, "--out", start]
        run([*fit, *begin])
        seconds = {way: [] for way in WAYS}
        for _ in range(options.rounds):
            for way, prune in WAYS.items():
                further = ["--init-model", start, "--max-iter", 3, "--prune", prune, "--trace", trace]
                run([*fit, *further])
                seconds[way] += [row["seconds"] for row in json.loads(trace.read_text())]
    return {way: median(of) for way, of in seconds.items()}


def run(command):
    subprocess.run(list(map(str, command)), check=True, stdout=subprocess.DEVNULL)


def plot(found, path):
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(7, 5))
    for i, (d, by_k) in enumerate(found.items()):
        for way, style in zip(WAYS, ("--", "-"), strict=True):
            label = f"{d} features, {way}"
            axes.plot(list(by_k), [of[way] for of in by_k.values()], style, color=f"C{i}", marker=".", label=label)
    axes.set(xscale="log", yscale="log", xlabel="components", ylabel="seconds of an epoch")
    axes.legend(fontsize="small")
    figure.tight_layout()
    figure.savefig(path)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mixtura", type=Path, default=ROOT / "target" / "release" / "mixtura")
    parser.add_argument("--samples", type=int, default=200_000)
    parser.add_argument("--features", type=int, nargs="*", default=[2, 3, 8, 16])
    parser.add_argument("--components", type=int, nargs="*", default=[16, 64, 256, 1024, 4096])
    parser.add_argument("--covariance", default="diag")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--markdown", type=Path)
    parser.add_argument("--plot", type=Path)
    options = parser.parse_args()
    titles = " | ".join(f"K = {k:,}" for k in options.components)
    lines = [
        f"| features | ms an epoch, dense / auto: {titles} | slope, auto |",
        "| --- |" + " ---: |" * (len(options.components) + 1),
    ]
    print("\n".join(lines), flush=True)
    found = {}
    for d in options.features:
        found[d] = {k: epochs(draw(options.samples, d, k), k, options) for k in options.components}
        cells = [f"{of['dense'] * 1e3:.3g} / {of['auto'] * 1e3:.3g}" for of in found[d].values()]
        (k1, of1), (k2, of2) = list(found[d].items())[-2:]
        slope = log(of2["auto"] / of1["auto"]) / log(k2 / k1)
        lines.append(f"| {d} | " + " | ".join(cells) + f" | {slope:.2f} |")
        print(lines[-1], flush=True)
    if options.markdown:
        options.markdown.write_text("\n".join(lines) + "\n")
    if options.plot:
        plot(found, options.plot)


main()
