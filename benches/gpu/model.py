#!/usr/bin/env python3
"""Milliseconds per epoch on an H100 SXM, predicted: a model of time, no measurement.

usage: model.py PLANS COUNTS

PLANS is `plans.csv` as `MIXTURA_KERNELS=FOLDER cargo test --release --lib kernels_are_written` writes it to FOLDER/nvidia: how ten
million samples are cut up. COUNTS is `counts-sm_90.csv` beside this file: the instructions of a trip of each hot loop and the
registers of a lane, as NVIDIA's assembler (ptxas 13.0, sm_90) makes them of the kernels' Metal.

Assumptions, none measured here. Trust ratios more than numbers (+-40 %).

- 132 multiprocessors of four schedulers at 1.755 GHz sustained; 65,536 registers and 227 KiB of workgroup memory each.
- A lone warp issues 0.6 instructions a cycle, 0.7 in the M step; a scheduler one.
- A dependent load from L2 takes about 300 cycles, which only other warps hide (`stall`).
- L2 gives 5.5 TB/s (literature), HBM 3.0 TB/s.
- 2.5 us from the end of a dispatch to the start of the next; wgpu encodes a dispatch in 3 us, and nothing runs before the first
  submission is encoded.
- No cache is simulated: of what the M step rereads, all comes from L2 at K = 16, 70 % at K = 256.

Floors: for full covariance D (D + 3) + 1 multiply-adds a sample and component at 33.5e12 a second, the card's peak; for diagonal
ones four to five operations a feature.
"""

import csv
import math
import sys

SAMPLES = 10_000_000
GROUP = 256
MULTIPROCESSORS = 132
GHZ = 1.755
REGISTERS = 65_536
WORKGROUP_MEMORY = 227 * 1024
ISSUE = 0.6
ISSUE_MOMENTS = 0.7
L2_BYTES_PER_US = 5.5e6
HBM_BYTES_PER_US = 3.0e6
GAP_US = 2.5
ENCODING_US = 3.0
SUBMISSION = 96  # dispatches
START_CYCLES = 1500  # launch and first loads
STAGED_LANES = 128
STAGED_BYTES = 12 * 1024

# Statistics, D, K, floor in milliseconds, components at once in the diagonal E step, features of a part in the M step.
SHAPES = [
    ("triangles", 16, 16, 1.46),
    ("triangles", 32, 64, 21.4),
    ("triangles", 64, 16, 20.5),
    ("diagonals", 64, 16, 1.5),
    ("triangles", 16, 256, 23.4),
    ("diagonals", 16, 1024, 20.4),
]


def resident(registers, memory, lanes):
    """Workgroups that a multiprocessor holds."""
    by_registers = REGISTERS // ((registers + 7) // 8 * 8 * lanes)
    by_memory = WORKGROUP_MEMORY // (memory + 1024) if memory else 99
    return min(by_registers, 32, by_memory)


def dispatch(workgroups, instructions, registers, memory=0, issue=ISSUE, l2=0, hbm=0, stall=0, lanes=64):
    """Microseconds of a dispatch. Each warp has a number of instructions and of cycles of latency; `l2` and `hbm` are bytes."""
    todo, most, warps_each = math.ceil(workgroups / MULTIPROCESSORS), resident(registers, memory, lanes), lanes // 32
    alone = instructions / (instructions / issue + stall)
    load, running, cycles = [0] * 4, [], 0.0  # warps of a scheduler; [what is left of each warp, their schedulers]
    while todo or running:
        while todo and len(running) < most:
            schedulers = sorted(range(4), key=lambda i: load[i])[:warps_each]
            for i in schedulers:
                load[i] += 1
            running.append(([instructions] * warps_each, schedulers))
            todo -= 1
        rates = [min(alone, 1 / warps) if warps else 0 for warps in load]
        step = min(left / rates[i] for one in running for left, i in zip(*one) if left > 1e-9)
        cycles += step
        for left, schedulers in running:
            for j, i in enumerate(schedulers):
                if left[j] > 1e-9:
                    left[j] -= step * rates[i]
                    if left[j] <= 1e-6:
                        left[j] = 0
                        load[i] -= 1
        running = [one for one in running if one[0][0] > 0 or one[0][-1] > 0]
    return max((cycles + START_CYCLES) / GHZ / 1e3, l2 / L2_BYTES_PER_US, hbm / HBM_BYTES_PER_US)


def stages(plan, counts, statistics, d, k):
    """Microseconds of the four stages over a tile of average size."""
    tiles = int(plan["tiles"])
    own = math.ceil(SAMPLES / GROUP / tiles)  # groups of a tile
    scale = own / int(plan["tile_groups"])
    samples, slices, slice_ = own * GROUP, int(plan["slices"]), int(plan["slice"])
    ranges = max(1, round(int(plan["ranges"]) * scale))
    range_groups, numbers = int(plan["range_groups"]), int(plan["numbers"])
    m_workgroups = math.ceil(int(plan["m_workgroups"]) * scale)
    e_step, m_step = counts[statistics, d, k, "e"], counts[statistics, d, k, "m"]
    hot, registers = e_step["instructions"], e_step["registers"]
    at_once = e_step["components"]
    if e_step["stage"] == "log_density_blocks":
        # Eight rows a trip, the blocks of eight columns, and the sum of exponentials.
        hot = sum(min(8 * (block + 1), d) / 8 * hot + 79 for block in range(d // 8)) + 36 + 32
    if statistics == "diagonals":
        # Four features a trip of the hot loop, then densities and exponentials.
        hot = hot * d / 4 + at_once * 46
    e = dispatch(own * slices, slice_ / at_once * hot + 200, registers, hbm=samples * (d + k) * 4, l2=samples * (d * slices + k) * 4)
    merge = dispatch(own, slices * 73 + 80, 40, stall=slices * 100 + 600, hbm=samples * 8 * slices)
    if m_step["stage"] == "moments_staged":
        # A lane goes over all 64 vectors of a group and shares in staging them, sixteen or fewer at a time.
        per_range = m_workgroups / ranges
        staging = 64 * (d + m_step["components"]) / STAGED_LANES * 14 + 64 / m_step["vectors"] * 40
        m = dispatch(
            m_workgroups, range_groups * (64 * m_step["instructions"] + staging) + 500, m_step["registers"], STAGED_BYTES,
            ISSUE_MOMENTS, l2=samples * (d + m_step["components"] + 8) * 4 * per_range, hbm=samples * (d + k) * 4,
            stall=range_groups * 300, lanes=STAGED_LANES,
        )
    else:
        batches = m_workgroups / ranges
        reread = 0.7 if k >= 256 else 1.0
        read = samples * batches * (m_step["features"] + m_step["components"] + 2) * 4 * reread
        m = dispatch(
            m_workgroups, range_groups * m_step["instructions"] + 1821, m_step["registers"], 16_384, ISSUE_MOMENTS, l2=read,
            hbm=samples * (d + k) * 4, stall=range_groups * 300,
        )
    reduce = dispatch(math.ceil(numbers / 64) + 1, math.ceil(ranges / 4) * 47 + 60, 32, stall=math.ceil(ranges / 4) * 450)
    return tiles, {"E": e, "merge": merge, "M": m, "reduce": reduce}


def main():
    plans_path, counts_path = sys.argv[1:]
    with open(plans_path) as file:
        plans = {(row["statistics"], int(row["d"]), int(row["k"])): row for row in csv.DictReader(file)}
    with open(counts_path) as file:
        rows = [row for row in csv.DictReader(line for line in file if not line.startswith("#"))]
    names = ["registers", "instructions", "components", "vectors", "features"]
    counts = {
        (row["statistics"], int(row["d"]), int(row["k"]), row["step"]): {"stage": row["stage"]} | {name: int(row[name]) for name in names}
        for row in rows
    }
    print("| statistics, D, K | ms per epoch | floor, ms | share of the floor | E | merge | M | reduce | gaps | encoding | dispatches |")
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |")
    for statistics, d, k, floor in SHAPES:
        tiles, parts = stages(plans[statistics, d, k], counts, statistics, d, k)
        parts = {stage: us * tiles / 1e3 for stage, us in parts.items()}
        parts["gaps"] = 4 * tiles * GAP_US / 1e3
        parts["encoding"] = min(4 * tiles, SUBMISSION) * ENCODING_US / 1e3
        total = sum(parts.values())
        listed = " | ".join(f"{ms:.2f}" for ms in parts.values())
        print(f"| {statistics}, {d}, {k} | {total:.1f} | {floor} | {100 * floor / total:.0f} % | {listed} | {4 * tiles} |")


if __name__ == "__main__":
    main()
