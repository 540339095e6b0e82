"""Registers, spills, shared memory and the hot loop of kernels that naga wrote as Metal, for some NVIDIA architectures.

usage: report.py ARCHITECTURES KEEP FILE.metal...      (called by run; KEEP: a folder for cubin and SASS, or empty)
"""

import os
import re
import subprocess
import sys
import sysconfig
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from loops import describe, hot, instructions
from msl2cu import translate

HERE = Path(__file__).resolve().parent
CUDA = next(Path(sysconfig.get_path("purelib")).glob("nvidia/cu*"))
ENVIRONMENT = {**os.environ, "PATH": f"{CUDA / 'bin'}:{os.environ['PATH']}"}


def run(*command):
    done = subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True)
    return done.returncode, done.stdout + done.stderr


def compile(job):
    kernel, architecture, source, folder = job
    cubin = folder / f"{kernel}.{architecture}.cubin"
    flags = ["-O3", "--use_fast_math", "-w", "-cubin", f"-arch={architecture}", "-Xptxas", "-v"]
    failed, log = run("nvcc", *flags, f"-I{HERE}", f"-I{CUDA / 'include'}", source, "-o", cubin)
    if failed:
        errors = [line for line in log.splitlines() if "error" in line] or [log]
        return f"{kernel} {architecture}: failed: {errors[0]}", False
    number = lambda pattern: int((re.search(pattern, log) or [0, 0])[1])
    registers, stack = number(r"Used (\d+) registers"), number(r"(\d+) bytes stack frame")
    stores, loads, shared = (number(rf"(\d+) bytes {what}") for what in ("spill stores", "spill loads", "smem"))
    _, sass = run("cuobjdump", "-sass", cubin)
    (folder / f"{kernel}.{architecture}.sass").write_text(sass)
    code = instructions(sass)
    loop = hot(code)
    line = f"{kernel:32} {architecture}  registers {registers:3}  spilled {stores} B, filled {loads} B, stack {stack} B"
    line += f"  shared {shared} B  instructions {len(code)}"
    return line + (f"\n{'':35}hot loop {describe(loop[2])}" if loop else ""), True


def main():
    architectures, keep, *files = sys.argv[1:]
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(keep or scratch)
        folder.mkdir(parents=True, exist_ok=True)
        jobs = []
        for file in map(Path, files):
            source = folder / f"{file.stem}.cu"
            source.write_text(translate(file.read_text()))
            jobs += [(file.stem, architecture, source, folder) for architecture in architectures.split(",")]
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            good = True
            for line, well in pool.map(compile, jobs):
                print(line, flush=True)
                good &= well
    sys.exit(not good)


main()
