#!/usr/bin/env python3
"""Passes and time from a file to a model: plain EM, SQUAREM, stepwise EM with polish, and coarse to fine.

Data sets of 200,000 to 10,000,000 samples: pixels of the two photographs that scikit-learn carries (jittered within
their steps of 1), flights where they are given, and synthetic ones whose components overlap. Every method begins with
k-means from each of some seeds, and ends at the tolerance. Of each fit: full passes, in which an epoch on a part of the
samples counts as that part; seconds of the whole process, reading and start included; and the mean log-likelihood of
the model. A fit is compared with plain EM of the same seed, which runs right before it.

    cargo build --release
    pip install scikit-learn==1.9.1 pillow matplotlib
    benches/passes_to_solution.py [--flights PATH] [--seeds N] [--markdown FILE] [--json FILE] [--plot FILE]
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import mean, median

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
BINARY = ROOT / "target" / "release" / "mixtura"
TOL = 1e-5
# Log-likelihoods that differ by less are equal: nats per sample.
EQUAL = 1e-3
# Plain EM that needs more passes is slow.
SLOW = 60
PLAIN, COARSE = "EM", "coarse to fine"
# What is told of a fit as it ends.
TOLD = ["passes", "seconds", "mean_log_likelihood", "levels"]
METHODS = {
    PLAIN: ["--start", "direct"],
    COARSE: ["--start", "coarse-to-fine"],
    "SQUAREM": ["--start", "direct", "--accelerate", "squarem"],
    "stepwise + polish": ["--start", "direct", "--update", "stepwise", "--polish"],
}


def overlapping(n, d, k, distance, seed, stretch=1.0):
    """K Gaussians whose means lie `distance` apart, each on a random direction, of scales up to `stretch`."""
    random = np.random.default_rng(seed)
    directions = random.normal(size=(k, d))
    means = distance * directions / np.linalg.norm(directions, axis=1, keepdims=True)
    scales = stretch ** random.uniform(-1, 1, size=(k, d))
    labels = random.choice(k, size=n, p=random.dirichlet(np.full(k, 5.0)))
    return means[labels] + scales[labels] * random.normal(size=(n, d))


def pixels(name):
    """The pixels of a photograph, row by row, each moved by up to 1 within its step."""
    from sklearn.datasets import load_sample_image

    image = load_sample_image(name).reshape(-1, 3)
    return image + np.random.default_rng(0).uniform(size=image.shape)


def suite(flights):
    """Name -> (maker of samples, or a file and its flags; K, family)."""
    sets = {
        "china.jpg": (lambda: pixels("china.jpg"), 16, "full"),
        "flower.jpg": (lambda: pixels("flower.jpg"), 16, "diag"),
        "200k x 2, two": (lambda: overlapping(200_000, 2, 2, 1.0, 1), 2, "full"),
        "300k x 1, four": (lambda: overlapping(300_000, 1, 4, 2.0, 2, 1.5), 4, "spherical"),
        "500k x 16, tied": (lambda: overlapping(500_000, 16, 8, 3.0, 3), 8, "tied"),
        "1M x 8, sixteen": (lambda: overlapping(1_000_000, 8, 16, 4.0, 4, 2.0), 16, "full"),
        "1M x 4, diag": (lambda: overlapping(1_000_000, 4, 12, 2.5, 5, 1.5), 12, "diag"),
        "2M x 3, spherical": (lambda: overlapping(2_000_000, 3, 8, 2.0, 6, 1.5), 8, "spherical"),
        "10M x 2, four": (lambda: overlapping(10_000_000, 2, 4, 2.0, 7, 1.5), 4, "full"),
    }
    if flights:
        file = (flights, ["--columns", "delay,distance"])
        sets["flights, K = 8"] = (file, 8, "full")
        sets["flights, K = 32"] = (file, 32, "full")
    return sets


def fit(source, k, family, seed, method, binary):
    path, columns = source
    command = [binary, "fit", path, *columns, "-k", k, "--covariance", family, "--seed", seed, "--tol", TOL]
    command += ["--max-iter", 10_000, "--device", "cpu", "--json", "--quiet", *METHODS[method]]
    started = time.perf_counter()
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, check=True)
    seconds = time.perf_counter() - started
    told = json.loads(done.stdout)
    levels = [(level["share"], len(level["lower_bounds"])) for level in told.get("levels", [])]
    return {
        "passes": told["n_iter"] + sum(epochs / share for share, epochs in levels),
        "epochs": told["n_iter"],
        "levels": levels,
        "seconds": seconds,
        "mean_log_likelihood": told["mean_log_likelihood"],
        "converged": told["converged"],
    }


def scikit_learn(samples, k, family, seed, cap):
    """The same by scikit-learn, in as many epochs as take `cap` seconds, judged by the first ten."""
    from sklearn.mixture import GaussianMixture

    def run(epochs):
        model = GaussianMixture(k, covariance_type=family, tol=TOL, max_iter=epochs, random_state=seed)
        started = time.perf_counter()
        model.fit(samples)
        return model, time.perf_counter() - started

    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        _, start = run(1)
        _, ten = run(10)
        epochs = max(10, int((cap - start) / max((ten - start) / 9, 1e-9)))
        model, seconds = run(epochs)
    return {
        "passes": model.n_iter_,
        "seconds": seconds,
        "mean_log_likelihood": float(model.score(samples)),
        "converged": bool(model.converged_),
    }


def ratios(rows, method, key):
    return [row[method][key] / row[PLAIN][key] for row in rows if method in row]


def gains(rows, method):
    return [row[method]["mean_log_likelihood"] - row[PLAIN]["mean_log_likelihood"] for row in rows if method in row]


def table(rows, methods):
    """A line for each data set, and what holds over all of them."""
    lines = [
        "| data | N, D, K, family | EM: passes, seconds | "
        + " | ".join(f"{m}: passes, time; gain" for m in methods)
        + " |"
    ]
    lines.append("|---|---|---:|" + "---:|" * len(methods))
    for name in dict.fromkeys(row["data"] for row in rows):
        some = [row for row in rows if row["data"] == name]
        n, d, k, family = (some[0][key] for key in ["n", "d", "k", "family"])
        plain = [median(row[PLAIN][key] for row in some) for key in ["passes", "seconds"]]
        cells = [name, f"{n:,}, {d}, {k}, {family}", f"{plain[0]:.0f}, {plain[1]:.1f}"]
        for method in methods:
            of = [median(ratios(some, method, key) or [float("nan")]) for key in ["passes", "seconds"]]
            gain = mean(gains(some, method) or [float("nan")])
            cells.append(f"{of[0]:.2f}, {of[1]:.2f}; {gain:+.1e}")
        lines.append("| " + " | ".join(cells) + " |")
    for method in methods:
        lines += ["", f"{method}, beside plain EM of the same seed:", ""]
        for title, some in [
            ("all fits", rows),
            (f"fits in which EM needs more than {SLOW} passes", [r for r in rows if r[PLAIN]["passes"] > SLOW]),
        ]:
            some = [row for row in some if method in row]
            if some:
                passes, seconds, gained = (
                    ratios(some, method, "passes"),
                    ratios(some, method, "seconds"),
                    gains(some, method),
                )
                better, worse = sum(g > EQUAL for g in gained), sum(g < -EQUAL for g in gained)
                lines.append(
                    f"- {title} ({len(some)}): passes {median(passes):.2f} on the median (at most {max(passes):.2f}),"
                    f" time {median(seconds):.2f} (at most {max(seconds):.2f}), gain {mean(gained):+.1e} on average;"
                    f" better by more than {EQUAL:g} nats in {better}, worse in {worse}"
                )
    return "\n".join(lines) + "\n"


def plot(rows, methods, path):
    """Passes and seconds of each fit beside those of plain EM."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, panels = pyplot.subplots(1, 2, figsize=(11, 5))
    for panel, (key, label) in zip(
        panels, [("passes", "full passes"), ("seconds", "seconds, whole process")], strict=True
    ):
        ends = [row[m][key] for row in rows for m in [PLAIN, *methods] if m in row]
        low, high = 0.8 * min(ends), 1.2 * max(ends)
        for share, style in [(1, "-"), (1 / 2, "--"), (1 / 4, ":")]:
            panel.plot([low, high], [share * low, share * high], "k" + style, linewidth=0.8)
        for method in methods:
            some = [row for row in rows if method in row]
            panel.scatter([r[PLAIN][key] for r in some], [r[method][key] for r in some], s=14, label=method)
        panel.set(
            xscale="log",
            yscale="log",
            xlabel=f"plain EM: {label}",
            ylabel=label,
            xlim=(low, high),
            ylim=(low / 8, high),
        )
        panel.legend()
    figure.tight_layout()
    figure.savefig(path)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--flights", type=Path, help="a table with the columns delay and distance")
    parser.add_argument("--seeds", type=int, default=5, help="starts of each data set")
    parser.add_argument("--only", nargs="*", help="data sets whose names contain one of these")
    parser.add_argument("--methods", nargs="*", default=list(METHODS)[1:], help="methods to compare with plain EM")
    parser.add_argument("--binary", type=Path, default=BINARY)
    parser.add_argument(
        "--scikit-learn", type=float, metavar="SECONDS", help="have it fit, too, for about so long each"
    )
    parser.add_argument("--json", type=Path, help="write every figure here")
    parser.add_argument("--markdown", type=Path, help="write the table here")
    parser.add_argument("--plot", type=Path, help="draw it here: .svg or .png")
    arguments = parser.parse_args()
    if not arguments.flights:
        print("without --flights the sets of flights are left out", file=sys.stderr)
    rows, methods = [], list(arguments.methods)
    with tempfile.TemporaryDirectory() as folder:
        for name, (source, k, family) in suite(arguments.flights).items():
            if arguments.only and not any(part in name for part in arguments.only):
                continue
            samples = None
            if callable(source):
                samples = source()
                source = (Path(folder) / "samples.npy", [])
                np.save(source[0], np.ascontiguousarray(samples))
                n, d = samples.shape
            else:
                from pyarrow import parquet

                n, d = parquet.read_metadata(source[0]).num_rows, 2
            for seed in range(arguments.seeds):
                row = {"data": name, "n": n, "d": d, "k": k, "family": family, "seed": seed}
                for method in [PLAIN, *methods]:
                    row[method] = fit(source, k, family, seed, method, arguments.binary)
                if arguments.scikit_learn and samples is not None:
                    row["scikit-learn"] = scikit_learn(samples, k, family, seed, arguments.scikit_learn)
                rows.append(row)
                told = {method: {key: row[method][key] for key in TOLD} for method in row if method in METHODS}
                print(name, seed, told, file=sys.stderr, flush=True)
                if arguments.json:
                    arguments.json.write_text(json.dumps(rows, indent=1) + "\n")
    if arguments.scikit_learn:
        methods.append("scikit-learn")
    text = table(rows, methods)
    print(text)
    if arguments.markdown:
        arguments.markdown.write_text(text)
    if arguments.plot:
        plot(rows, methods, arguments.plot)


if __name__ == "__main__":
    main()
