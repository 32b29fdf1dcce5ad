"""bench/kernels.py HONE LIBHONE: single regions, each alone, beside ONNX Runtime.

The regions are those that `hone bench --kernels` times (src/tune/cases). Each is written as ONNX by
`hone convert` and run as bench/peers.py runs models: by both in one process, in turns, outputs
compared. Times are medians of rounds, what a call costs is in them.
"""
import argparse
import importlib
import math
import os
import pathlib
import re
import statistics
import subprocess
import sys
import tempfile
import time

import numpy as np
import onnx

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "bench")]
import ops  # noqa: E402
import peers  # noqa: E402

HEAD = ["| region | Hone | ONNX Runtime | Hone / ONNX Runtime |", "|---|---:|---:|---|"]
BAR_EACH, BAR_MEAN = 1.5, 1.0  # times as long as ONNX Runtime, at most
# What indices are below, by the op that reads them; within that, no two of a row are equal.
LIMITS = {"GatherElements": 1000, "ScatterElements": 1000, "GatherND": 64, "ScatterND": 10000,
          "Gather": 1024, "RoiAlign": 1, "ReverseSequence": 128, "MaxUnpool": 64 * 112 * 112}


def cases():
    """Name and text of each region, in the order of the table's files."""
    for file in ("convolutions", "products", "rows", "elements", "moves", "pictures"):
        text = (ROOT / f"src/tune/cases/{file}.cases").read_text()
        for part in re.split(r"^# ", text, flags=re.M)[1:]:
            yield part.split("\n", 1)


def feeds_of(model, random):
    op = model.graph.node[-1].op_type
    feeds = {}
    for value in model.graph.input:
        dims = [dim.dim_value for dim in value.type.tensor_type.shape.dim]
        kind = value.type.tensor_type.elem_type
        if kind == onnx.TensorProto.INT64:
            indices = np.arange(math.prod(dims)) * 7 % LIMITS[op]
            feeds[value.name] = indices.reshape(dims).astype(np.int64)
        elif kind == onnx.TensorProto.BOOL:
            feeds[value.name] = random.random(dims) < 0.5
        elif kind in (onnx.TensorProto.INT32, onnx.TensorProto.UINT32, onnx.TensorProto.UINT64):
            dtype = onnx.helper.tensor_dtype_to_np_dtype(kind)
            feeds[value.name] = random.integers(0, 100, dims).astype(dtype)
        elif kind == onnx.TensorProto.FLOAT16:
            feeds[value.name] = random.standard_normal(dims).astype(np.float16)
        elif kind == onnx.TensorProto.DOUBLE:
            feeds[value.name] = random.standard_normal(dims)
        elif op == "RoiAlign" and dims[-1] == 4:
            corners = random.uniform(0, 25, dims)
            corners[:, 2:] += corners[:, :2]
            feeds[value.name] = corners.astype(np.float32)
        elif op == "LSTM" and dims[0] == 1:  # a weight: such as keep states from running wild
            feeds[value.name] = random.uniform(-0.06, 0.06, dims).astype(np.float32)
        else:
            feeds[value.name] = random.standard_normal(dims).astype(np.float32)
    return feeds


def regions(hone, only):
    """Family, name, model and inputs of each region whose name matches; why others are left out."""
    with tempfile.TemporaryDirectory() as folder:
        graph, file = pathlib.Path(folder) / "region.graph", pathlib.Path(folder) / "region.onnx"
        for name, text in cases():
            if not re.search(only, name):
                continue
            graph.write_text(text)
            made = subprocess.run([hone, "convert", graph, "-o", file, "--external", "never"],
                                  capture_output=True, text=True)
            if made.returncode:
                print(f"{name}: {made.stderr.strip()}", file=sys.stderr)
                continue
            model = onnx.load(file)
            yield "", name, model, feeds_of(model, np.random.default_rng(1))


def timed(chosen, found):
    """Times of both for each, and notes: by name [family, Hone's, ONNX Runtime's, ratios]."""
    times, notes = {}, []
    with tempfile.TemporaryDirectory() as folder:
        file = pathlib.Path(folder) / "region.onnx"
        for family, name, model, feeds in found:
            onnx.save(model, file)
            runners, absent = peers.opened(chosen.library, file, feeds, chosen.threads,
                                           ["onnxruntime"])
            notes += [f"{name}: {why[:120]}" for why in absent]
            if len(runners) == 2:
                each = peers.rounds_of(runners, chosen.rounds, chosen.seconds)
                own, other = each["Hone"], each["ONNX Runtime"]
                times[name] = (family, statistics.median(own), statistics.median(other),
                               peers.interval([a / b for a, b in zip(own, other)]))
                print(row(name, times[name]), flush=True)
            for runner in runners:
                runner.close()
    return times, notes


def row(name, measured):
    _, own, other, (ratio, low, high) = measured
    return (f"| {name} | {1000 * own:.3f} | {1000 * other:.3f} | {ratio:.2f} ({low:.2f} to "
            f"{high:.2f}) |")


def mean_of(ratios):
    return math.exp(statistics.fmean(map(math.log, ratios)))


def by_family(times):
    """A line for each family, and the slowest operators."""
    ratios = {}
    for name, (family, _, _, (ratio, _, _)) in times.items():
        ratios.setdefault(family, []).append((ratio, name))
    lines = ["| family | operators | Hone / ONNX Runtime, geometric mean | the slowest |",
             "|---|---:|---:|---|"]
    for family, each in ratios.items():
        slowest = ", ".join(f"{name} {ratio:.2f}" for ratio, name in sorted(each)[:-4:-1])
        lines.append(f"| {family} | {len(each)} | {mean_of([r for r, _ in each]):.2f} | "
                     f"{slowest} |")
    return lines


def closing(times, notes):
    ratios = {name: measured[3][0] for name, measured in times.items()}
    slow = [f"{name} ({ratio:.2f})" for name, ratio in
            sorted(ratios.items(), key=lambda item: -item[1]) if ratio > BAR_EACH]
    lines = ["", f"Geometric mean of {len(ratios)}: {mean_of(ratios.values()):.2f} (bar: "
             f"{BAR_MEAN}). Slower than {BAR_EACH} times ONNX Runtime: "
             f"{', '.join(slow) if slow else 'none'}."]
    if notes:
        lines += ["", "Left out: " + "; ".join(notes) + "."]
    return lines


def main():
    words = argparse.ArgumentParser(description=__doc__,
                                    formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("hone", type=pathlib.Path, help="the command line tool")
    words.add_argument("library", type=pathlib.Path, help="libhone.so")
    words.add_argument("--ops", action="store_true",
                       help="operators of bench/ops, by family, and not the regions")
    words.add_argument("--only", default="", metavar="REGEX", help="regions or operators by name")
    words.add_argument("--threads", type=int, default=1)
    words.add_argument("--rounds", type=int, default=5)
    words.add_argument("--seconds", type=float, default=0.05, help="of a turn")
    words.add_argument("--write", action="store_true", help="into docs/performance.md")
    chosen = words.parse_args()
    runtime = importlib.import_module("onnxruntime").__version__
    lines = [f"{peers.processor()}, HONE_ISA {os.environ.get('HONE_ISA', 'not set')}, "
             f"{chosen.threads} thread{'s' * (chosen.threads > 1)} each; "
             f"{time.strftime('%Y-%m-%d')}; ONNX Runtime {runtime}. Milliseconds of one run, the "
             f"median of {chosen.rounds} rounds.", ""]
    print("\n".join(lines + HEAD), flush=True)
    found = ops.cases(chosen.only) if chosen.ops else regions(chosen.hone, chosen.only)
    times, notes = timed(chosen, found)
    if not times:
        print("kernels: nothing was timed" + "".join(f"\n{note}" for note in notes))
        return 0 if chosen.only and not notes else 1
    if chosen.ops:
        lines[0] = lines[0].replace("Milliseconds of one run, the m", "M")
        lines += by_family(times)
    else:
        lines += HEAD + [row(name, measured) for name, measured in times.items()]
    end = closing(times, notes)
    print("\n".join((by_family(times) if chosen.ops else []) + end))
    if chosen.write:
        peers.write("operators" if chosen.ops else "kernels", lines + end)
    return 0


if __name__ == "__main__":
    sys.exit(main())
