"""Model of the time of an epoch on a cluster, from measured parts.

    python benches/clusters/model.py --diag 9.8e6 --full 2.9e6 [--ranks 64] [--gigabits 10] [--latency 30e-6]

`--diag` and `--full` are what one rank does: samples a second of 16 features under 16 components (`mixtura bench`, or
scaling_mpi.py). Work grows with K D for diagonals, and with K D^2 otherwise. A rank that holds B blocks of 4,194,304 values
sends the sums of at most 2 log2(B) runs of them; the model takes log2(B) + 1, and with them means and origins. Tasks go
down a tree of ranks, sums come up it: log2(ranks) messages one after another, each of which takes the latency and its
bytes over the bandwidth. A rank adds the sums that it receives at `--adding` bytes a second. Nothing overlaps.
"""

import argparse
import math


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--diag", type=float, required=True)
    parser.add_argument("--full", type=float, required=True)
    parser.add_argument("--ranks", type=int, default=64)
    parser.add_argument("--gigabits", type=float, default=10.0)
    parser.add_argument("--latency", type=float, default=30e-6)
    parser.add_argument("--adding", type=float, default=1e9)
    parser.add_argument("--samples", type=float, default=1e9)
    arguments = parser.parse_args()
    print(f"{arguments.samples:.0e} samples on {arguments.ranks} ranks, {arguments.gigabits:g} Gb/s\n")
    print("| K | D | family | model, down | sums of a run | runs of a rank | computing | travelling | efficiency | of ranks 100 times as fast |")
    print("| --- " * 10 + "|")
    for k, d in [(16, 16), (64, 16), (64, 64), (256, 64)]:
        for family in ["diag", "full"]:
            second = d if family == "diag" else d * (d + 1) // 2
            run = 8 * k * (1 + d + second)
            # Constants, means and factors.
            model = 8 * k * (1 + d + (d if family == "diag" else d * d))
            blocks = max(1.0, arguments.samples / arguments.ranks * d / 2**22)
            runs = math.floor(math.log2(blocks)) + 1
            rate, power = (arguments.diag, 1) if family == "diag" else (arguments.full, 2)
            slower = (k / 16) * (d / 16) ** power
            computing = arguments.samples / arguments.ranks / rate * slower
            answer = runs * run + 16 * k * d
            levels = math.ceil(math.log2(arguments.ranks))
            wire = 2 * levels * arguments.latency + levels * (model + answer) * 8 / (arguments.gigabits * 1e9)
            travelling = wire + levels * answer / arguments.adding
            efficiency, of_fast = (own / (own + travelling) for own in (computing, computing / 100))
            cells = [k, d, family, size(model), size(run), runs, time(computing), time(travelling)]
            cells += [f"{efficiency:.3f}", f"{of_fast:.2f}"]
            print("| " + " | ".join(map(str, cells)) + " |")


def size(count):
    return f"{count / 1e6:.1f} MB" if count >= 1e6 else f"{count / 1e3:.0f} kB"


def time(seconds):
    return f"{seconds:.2f} s" if seconds >= 1 else f"{seconds * 1e3:.1f} ms"


if __name__ == "__main__":
    main()
