"""Strong and weak scaling of epochs over MPI: processes of one thread, each on a core of its own.

Needs mpirun, and a binary with MPI (`cargo build --release --features mpi`):

    python benches/clusters/scaling_mpi.py [--mixtura target/release/mixtura] [--rounds 5] [--processes 2]

Strong: P processes of one thread against one process of P threads, at the same samples. Weak: P processes against one
of one thread, with a P-th of the samples. Rounds go in turns; the ratios are of the medians of all epochs' medians.
"""

import argparse
import json
import os
import statistics
import subprocess


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mixtura", default="target/release/mixtura")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--samples", type=int, default=8_000_000)
    parser.add_argument("--features", type=int, default=16)
    parser.add_argument("--components", type=int, default=16)
    parser.add_argument("--epochs", type=int, default=10)
    arguments = parser.parse_args()
    cores = sorted(os.sched_getaffinity(0))[: arguments.processes]
    p = len(cores)
    print(f"{arguments.samples} samples, D = {arguments.features}, K = {arguments.components}; {p} cores\n")
    print("| family | arithmetic | 1 process, 1 core | 1 process | " f"{p} processes | strong | weak |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for family in ["diag", "full"]:
        kinds = {
            "one core": (["taskset", "-c", str(cores[0])], arguments.samples // p),
            "threads": (["taskset", "-c", ",".join(map(str, cores))], arguments.samples),
            "processes": (mpirun(p), arguments.samples),
        }
        times = {kind: {} for kind in kinds}
        for _ in range(arguments.rounds):
            for kind, (launcher, samples) in kinds.items():
                for device, milliseconds in epochs(launcher, arguments, family, samples).items():
                    times[kind].setdefault(device, []).append(milliseconds)
        for device in ["cpu", "cpu-f32"]:
            one, threads, processes = (statistics.median(times[kind][device]) for kind in kinds)
            cells = [f"{one:.0f} ms", f"{threads:.0f} ms", f"{processes:.0f} ms"]
            cells += [f"{threads / processes:.2f}", f"{one / processes:.2f}"]
            print(f"| {family} | {'f64' if device == 'cpu' else 'f32'} | {' | '.join(cells)} |")


def mpirun(processes):
    """Each process on a core, of which rayon then takes one thread."""
    command = ["mpirun", "-n", str(processes), "--bind-to", "core"]
    return command + (["--allow-run-as-root"] if os.geteuid() == 0 else [])


def epochs(launcher, arguments, family, samples):
    """Median milliseconds of an epoch on each device."""
    command = [*launcher, arguments.mixtura, "bench", "-n", samples, "-d", arguments.features]
    command += ["-k", arguments.components, "--covariance", family, "--epochs", arguments.epochs]
    command += ["--devices", "cpu-f32", "--json", "--quiet"]
    run = subprocess.run([str(word) for word in command], check=True, capture_output=True, text=True)
    return {entry["device"]: entry["epoch_ms"]["median"] for entry in json.loads(run.stdout)["devices"]}


if __name__ == "__main__":
    main()
