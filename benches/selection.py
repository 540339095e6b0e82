#!/usr/bin/env python3
"""What `mixtura select` chooses beside what it chooses when every candidate is fitted in full, and the time of both.

Samples of Gaussians of each of the four families, some near each other and some apart, of several sizes. The choice counts
as the same where number of components and family are; a BIC may be worse by max(2, 2e-4 N).

    cargo build --release
    pip install numpy scikit-learn
    benches/selection.py [--mixtura PATH] [--cases NUMBER ...]

`--time` measures the job of 240 fits to 1,000,000 samples of 8 features, K = 1 to 20, beside the single fit of K = 20 and
beside scikit-learn's loop, of which some fits to a part of the samples are measured and the others follow from these.
`--bytes FILE.npy` counts what is read of a file, beside the longest single fit.
"""

import argparse
import json
import subprocess
import tempfile
import time
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
FAMILIES = ["full", "tied", "diag", "spherical"]

# Samples, features, components that they have, and the most that are tried.
SHAPES = [(2_000, 2, 3, 10), (5_000, 3, 6, 12), (20_000, 4, 10, 20), (10_000, 8, 20, 30), (200_000, 3, 8, 15)]


def draw(n, d, k, family, seed):
    """Samples of a mixture whose components have weights and distances of all kinds."""
    random = np.random.default_rng(seed)
    means = random.normal(size=(k, d)) * 2.2 * k ** (1 / d)
    roots = np.eye(d) + 0.5 * random.normal(size=(k, d, d)) / np.sqrt(d)
    scales = random.uniform(0.5, 1.5, size=(k, d))
    if family == "tied":
        roots[:] = roots[0]
    elif family == "diag":
        roots = np.eye(d) * scales[:, None, :]
    elif family == "spherical":
        roots = np.eye(d) * scales[:, :1, None]
    label = random.choice(k, size=n, p=random.dirichlet(np.full(k, 4.0)))
    return means[label] + np.einsum("nij,nj->ni", roots[label], random.normal(size=(n, d)))


def choose(mixtura, data, most, *flags):
    """The best candidate, and seconds."""
    begun = time.monotonic()
    select = [mixtura, "select", data, "-k", f"1..{most}", "--n-init", "3", "--tol", "1e-5", "--max-iter", "500"]
    done = subprocess.run([*select, "--device", "cpu", "--json", "--quiet", *flags], capture_output=True, check=True)
    best = next(candidate for candidate in json.loads(done.stdout)["candidates"] if candidate["best"])
    return best, time.monotonic() - begun


def seconds(*command):
    """Of a command."""
    begun = time.monotonic()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.monotonic() - begun


def measure_time(mixtura, most=20, n_init=3, part=50_000):
    """The job beside the single fit, alternately, and scikit-learn's loop."""
    from sklearn.mixture import GaussianMixture

    samples = draw(1_000_000, 8, most, "full", 0)
    with tempfile.TemporaryDirectory(prefix="mixtura-selection-") as folder:
        data = Path(folder, "samples.npy")
        np.save(data, samples)
        flags = ["--device", "cpu", "--quiet"]
        job = [mixtura, "select", data, "-k", f"1..{most}", "--n-init", str(n_init), *flags]
        single = [mixtura, "fit", data, "-k", str(most), "--start", "direct", *flags]
        pairs = [(seconds(*job), seconds(*single)) for _ in range(3)]
    for selected, fitted in pairs:
        print(f"select {selected:.2f} s, the single fit {fitted:.2f} s: {selected / fitted:.1f} times", flush=True)
    # Times are straight lines in K, near enough.
    tried = [2, most // 3 + 2, 2 * most // 3 + 1, most]
    total = 0.0
    for family in FAMILIES:
        times = []
        for k in tried:
            begun = time.monotonic()
            GaussianMixture(k, covariance_type=family, random_state=0).fit(samples[:part])
            times.append(time.monotonic() - begun)
        total += np.interp(np.arange(1, most + 1), tried, times).sum()
    loop = total * n_init * len(samples) / part
    selected = np.median([selected for selected, _ in pairs])
    print(f"scikit-learn, by {part:,} samples and {len(tried)} of {most} K: {loop:.0f} s, {loop / selected:.0f} times")


def bytes_read(command):
    """What a command reads, of files and everything else."""
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as running:
        read = 0
        while running.poll() is None:
            try:
                facts = Path(f"/proc/{running.pid}/io").read_text()
                read = int(facts.split("rchar: ")[1].split()[0])
            except (OSError, IndexError):
                pass
            time.sleep(0.02)
    return read


def measure_bytes(mixtura, data):
    """Times that a file is read, by a single fit and by a search in full."""
    how = ["--tol", "0", "--max-iter", "6", "--memory", "256MiB", "--device", "cpu", "--quiet"]
    size = data.stat().st_size
    single = bytes_read([mixtura, "fit", data, "-k", "6", "--start", "direct", *how]) / size
    few = ["-k", "2..6", "--covariance", "full,diag"]
    full = bytes_read([mixtura, "select", data, *few, "--exhaustive", *how]) / size
    print(f"{size / 1e9:.2f} GB, read {single:.2f} times by a fit, {full:.2f} times by a search: {full / single:.2f}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mixtura", type=Path, default=ROOT / "target" / "release" / "mixtura")
    cases = [(shape, family) for shape in SHAPES for family in FAMILIES]
    parser.add_argument("--cases", type=int, nargs="*", default=range(len(cases)), help="some of 0 to 19")
    parser.add_argument("--time", action="store_true", help="the job of 240 fits alone")
    parser.add_argument("--bytes", type=Path, metavar="FILE.npy", help="what is read of a file alone")
    options = parser.parse_args()
    if options.time:
        return measure_time(options.mixtura)
    if options.bytes:
        return measure_bytes(options.mixtura, options.bytes)
    print("| samples | in full | chosen | BIC, more than in full | seconds, in full / chosen |")
    print("| --- | --- | --- | ---: | ---: |", flush=True)
    same, near = 0, 0
    for number in options.cases:
        (n, d, k, most), family = cases[number]
        with tempfile.TemporaryDirectory(prefix="mixtura-selection-") as folder:
            data = Path(folder, "samples.npy")
            np.save(data, draw(n, d, k, family, number))
            full, slow = choose(options.mixtura, data, most, "--exhaustive")
            found, fast = choose(options.mixtura, data, most)
        kind = [f"{best['n_components']} {best['covariance_type']}" for best in (full, found)]
        more = found["bic"] - full["bic"]
        same += kind[0] == kind[1]
        near += more <= max(2, 2e-4 * n)
        what = f"{n:,} x {d}, {k} {family}"
        print(f"| {what} | {kind[0]} | {kind[1]} | {more:+.2f} | {slow:.1f} / {fast:.1f} |", flush=True)
    print(f"\nThe same in {same} of {len(options.cases)}, as good in {near}.")


main()
