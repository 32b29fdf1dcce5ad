"""Regions that stream, beside a copy: how much of the memory's bandwidth they have.

  regions.py HONE [--rounds N] [--write]

A copy by as many threads and the regions take turns, all of tensors that no cache holds. Each
region runs as its plan has it, in one step or several; bytes are those of its operands and results,
read or written once. --write puts the table into docs/performance.md.
"""
import argparse
import concurrent.futures
import ctypes
import json
import os
import pathlib
import re
import statistics
import sys
import tempfile
import time

import numpy as np

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests/bars"))
import hone_cli  # noqa: E402
import page  # noqa: E402

ROWS, COLUMNS = 8192, 1024
BAR = 0.8  # of the copy's bandwidth
X = f"%x: f32[{ROWS},{COLUMNS}]"
R, S, B = f"%r: f32[{ROWS},{COLUMNS}]", f"%s: f32[{COLUMNS}]", f"%b: f32[{COLUMNS}]"
REGIONS = {
    "add": (f"{X}, {R}", ["%y = Add(%x, %r)"]),
    "add, multiply by a row, clip": (f"{X}, {R}, {S}", [
        "%1 = Add(%x, %r)", "%2 = Mul(%1, %s)", "%y = Clip(%2, f32[]{-1}, f32[]{1})"]),
    "multiply by a column, sigmoid": (f"{X}, %c: f32[{ROWS},1]", [
        "%1 = Mul(%x, %c)", "%y = Sigmoid(%1)"]),
    "mean of squares": (X, ["%1 = Mul(%x, %x)", "%y = ReduceMean(%1) axes=[1]"]),
    "L2 norm": (X, ["%1 = ReduceL2(%x) axes=[1] keepdims=true", "%y = Div(%x, %1)"]),
    "scale, mask, softmax": (f"{X}, %m: f32[1,{COLUMNS}]", [
        "%1 = Mul(%x, f32[]{0.125})", "%2 = Add(%1, %m)", "%y = Softmax(%2)"]),
    "softmax": (X, ["%y = Softmax(%x)"]),
    "add, layer norm": (f"{X}, {R}, {S}, {B}", [
        "%1 = Add(%x, %r)", "%y = LayerNormalization(%1, %s, %b)"]),
    "add, RMS norm": (f"{X}, {R}, {S}", ["%1 = Add(%x, %r)", "%y = RMSNormalization(%1, %s)"]),
    "layer norm": (f"{X}, {S}, {B}", ["%y = LayerNormalization(%x, %s, %b)"]),
}


def text(inputs, nodes):
    """A matrix product reads the result, so that it lies in the arena and not in memory that the
    system clears anew for every run."""
    nodes = nodes + ([] if "Mean" in nodes[-1] else ["%z = MatMul(%y, %w)"])
    inputs += "" if "Mean" in nodes[-1] else f", %w: f32[{COLUMNS},1]"
    return (f"graph region({inputs}) -> ({nodes[-1].split()[0]})\n" +
            "".join(f"  {node}\n" for node in nodes))


def bytes_of(inputs, result_columns):
    count = ROWS * result_columns
    for shape in re.findall(r"f32\[([\d,]+)\]", inputs):
        count += int(np.prod([int(size) for size in shape.split(",")]))
    return 4 * count


class Copy:
    def __init__(self, threads):
        self.source, self.target = np.ones((2, ROWS * COLUMNS), np.float32)
        self.pool, self.threads = concurrent.futures.ThreadPoolExecutor(threads), threads

    def piece(self, i):
        size = self.source.nbytes // self.threads
        ctypes.memmove(self.target.ctypes.data + i * size, self.source.ctypes.data + i * size, size)

    def rate(self):
        times = []
        for _ in range(5):
            begin = time.perf_counter()
            list(self.pool.map(self.piece, range(self.threads)))
            times.append(time.perf_counter() - begin)
        return 2 * self.source.nbytes / statistics.median(times)


def measured(tool, file, inputs):
    report = json.loads(hone_cli.hone(tool, "profile", file, "--iterations", 7, "-o", "json"))
    steps = [step for step in report["steps"]
             if step["kernel"] and not step["kernel"].startswith("cpu.matmul")]
    columns = COLUMNS if len(steps) < len(report["steps"]) else 1
    return (bytes_of(inputs, columns) / sum(step["seconds"] for step in steps),
            [step["kernel"] for step in steps])


def main():
    words = argparse.ArgumentParser(description=__doc__,
                                    formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("tool")
    words.add_argument("--rounds", type=int, default=5)
    words.add_argument("--write", action="store_true")
    chosen = words.parse_args()
    threads = len(os.sched_getaffinity(0))
    copy, rates, kernels = Copy(threads), {name: [] for name in REGIONS}, {}
    with tempfile.TemporaryDirectory() as folder:
        for i, (inputs, nodes) in enumerate(REGIONS.values()):
            pathlib.Path(folder, f"{i}.graph").write_text(text(inputs, nodes))
        for _ in range(chosen.rounds):
            for i, (name, (inputs, _)) in enumerate(REGIONS.items()):
                rate, kernels[name] = measured(chosen.tool, f"{folder}/{i}.graph", inputs)
                rates[name].append((rate, copy.rate()))
    lines = [f"{threads} threads, tensors of {ROWS} x {COLUMNS} f32, the median of "
             f"{chosen.rounds} rounds; {time.strftime('%Y-%m-%d')}.", "",
             "| region | kernels | GB/s | of a copy |", "|---|---|---:|---:|"]
    missed = []
    for name, pairs in rates.items():
        share = statistics.median(rate / best for rate, best in pairs)
        rate = statistics.median(rate for rate, _ in pairs)
        missed += [name] if share < BAR else []
        lines.append(f"| {name} | {', '.join(kernels[name])} | {rate / 1e9:.1f} | {share:.0%} |")
    print("\n".join(lines))
    if chosen.write:
        page.write_table("regions", lines)
    if missed:
        print(f"below {BAR:.0%}: {', '.join(missed)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
