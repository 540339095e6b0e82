"""What travels in an epoch: bytes that the first of two ranks sends, and receives, by the shape of the model.

Needs mpirun, and a binary with MPI (`cargo build --release --features mpi`):

    python benches/clusters/traffic.py [--mixtura target/release/mixtura]

Each rank holds one block of samples (4,194,304 values), whose sums are one run: a rank that holds more of them sends as
many runs as its range of blocks has powers of two at multiples of themselves.
"""

import argparse
import json
import os
import subprocess
import tempfile
from pathlib import Path


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mixtura", default="target/release/mixtura")
    mixtura = Path(parser.parse_args().mixtura).resolve()
    print("| K | D | family | the model, sent | sums, received | of which sums of numbers |")
    print("| --- | --- | --- | --- | --- | --- |")
    with tempfile.TemporaryDirectory() as folder:
        for d in [16, 64]:
            samples = Path(folder) / f"{d}.f32"
            values = bytearray(os.urandom(2 * 4_194_304 * 4))
            # Every value between 1 and 2: no exponent is left to chance.
            values[3::4] = b"\x3f" * len(values[3::4])
            values[2::4] = bytes(byte | 0x80 for byte in values[2::4])
            samples.write_bytes(values)
            for k in [16, 64]:
                for family in ["diag", "full"]:
                    once, twice = (traffic(mixtura, samples, d, k, family, epochs) for epochs in [1, 2])
                    sent, received = (later - earlier for earlier, later in zip(once, twice, strict=True))
                    second = d if family == "diag" else d * (d + 1) // 2
                    sums = 8 * k * (1 + d + second)
                    print(f"| {k} | {d} | {family} | {sent:,} | {received:,} | {sums:,} |")


def traffic(mixtura, samples, d, k, family, epochs):
    """Bytes sent and received in a fit."""
    command = ["mpirun", "-n", "2", "--oversubscribe", *(["--allow-run-as-root"] if os.geteuid() == 0 else [])]
    command += [mixtura, "fit", samples, "--dims", d, "-k", k, "--covariance", family, "--device", "cpu"]
    command += ["--init", "random-from-data", "--max-iter", epochs, "--tol", 0, "--json", "--quiet"]
    run = subprocess.run([str(word) for word in command], check=True, capture_output=True, text=True)
    ranks = json.loads(run.stdout)["ranks"]
    return ranks["bytes_sent"], ranks["bytes_received"]


if __name__ == "__main__":
    main()
