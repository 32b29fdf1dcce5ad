#!/usr/bin/env python3
"""Draws random graphs, checks each (hone_random_graphs), and runs those that ONNX can tell in ONNX
Runtime, which must agree with reference evaluation.

against_onnxruntime.py HONE_RANDOM_GRAPHS [--count N] [--seed N] [--learn]

Graphs have nodes of the kinds in onnxruntime_kinds.txt only: those that ONNX Runtime has kernels
for. --learn writes that file anew, from graphs of one node.
"""
import argparse
import collections
import concurrent.futures
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
import onnxruntime

BATCH = 1000  # graphs on disk at a time
HEADER = ["# Ops with the dtypes for which ONNX Runtime has kernels that agree: who is right where",
          "# they do not is decided op by op in tests/differential. Made by",
          "# against_onnxruntime.py --learn."]
CONTROL = ["If", "Loop", "Scan"]
KINDS = pathlib.Path(__file__).with_name("onnxruntime_kinds.txt")


def session_of(path):
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 4
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def difference(got, wanted, share):
    """The first thing that differs, in words; None: nothing."""
    if got.dtype != wanted.dtype or got.shape != wanted.shape:
        return f"is {got.dtype}{list(got.shape)}, wanted {wanted.dtype}{list(wanted.shape)}"
    if got.size == 0 or np.array_equal(got, wanted, equal_nan=got.dtype.kind in "fc"):
        return None
    if got.dtype.kind not in "fc":
        return f"differs in {int((got != wanted).sum())} of {got.size} elements"
    a, b = got.astype(np.float64), wanted.astype(np.float64)
    finite = np.isfinite(b)
    largest = max(1.0, np.abs(b[finite]).max(initial=0.0))
    with np.errstate(invalid="ignore"):
        near = (a == b) | (np.isnan(a) & np.isnan(b)) | (np.abs(a - b) <= share * largest)
    if near.all():
        return None
    at = int(np.argmin(near.reshape(-1)))
    return f"element {at} is {a.reshape(-1)[at]!r}, wanted {b.reshape(-1)[at]!r}"


def run_case(model, arrays):
    """(outcome, words): agrees, differs, refused (ONNX Runtime has no kernel or says no)."""
    data = np.load(arrays)
    inputs = [data[f"in_{i}"] for i in range(sum(name.startswith("in_") for name in data.files))]
    wanted = [data[f"out_{i}"] for i in range(sum(name.startswith("out_") for name in data.files))]
    try:
        session = session_of(model)
        got = session.run(None, {each.name: value
                                 for each, value in zip(session.get_inputs(), inputs)})
    except Exception as error:  # its bindings throw many kinds
        return "refused", str(error)
    half = any(value.dtype == np.float16 for value in inputs + wanted)
    for i, (a, b) in enumerate(zip(got, wanted)):
        what = difference(np.asarray(a), b, 8e-3 if half else 1e-4)
        if what:
            return "differs", f"output {i} {what}"
    return "agrees", ""


class Runner:
    """Runs cases in a process of its own: ONNX Runtime may end the one it is in."""

    def __init__(self):
        self.pool = concurrent.futures.ProcessPoolExecutor(1)

    def __call__(self, model):
        try:
            return self.pool.submit(run_case, model, model.with_suffix(".npz")).result()
        except concurrent.futures.process.BrokenProcessPool:
            self.pool.shutdown()
            self.pool = concurrent.futures.ProcessPoolExecutor(1)
            return "refused", "it crashed"


class Campaign:
    """Draws graphs batch by batch and counts what becomes of each."""

    def __init__(self, program, seed):
        self.program, self.seed, self.run = program, seed, Runner()
        self.failed = 0  # batches that hone_random_graphs itself found fault with
        self.totals = collections.Counter()
        self.kinds = collections.defaultdict(collections.Counter)  # of the graph's nodes
        self.refusals = collections.Counter()

    def draw(self, count, options):
        for first in range(0, count, BATCH):
            self.batch(first, min(BATCH, count - first), options)

    def batch(self, first, count, options):
        with tempfile.TemporaryDirectory() as folder:
            ran = subprocess.run([self.program, "--count", str(count), "--first", str(first),
                                  "--seed", str(self.seed), "--write", folder, *options],
                                 capture_output=True, text=True)
            if ran.returncode != 0:
                self.failed += 1
                print(ran.stdout, ran.stderr, sep="")
            for model in sorted(pathlib.Path(folder).glob("*.onnx"), key=lambda p: int(p.stem)):
                if model.with_suffix(".kinds").exists():
                    self.judge(model)

    def judge(self, model):
        outcome, words = self.run(model)
        self.totals[outcome] += 1
        kinds = sorted(set(model.with_suffix(".kinds").read_text().splitlines()))
        for kind in kinds:
            self.kinds[kind][outcome] += 1
        if outcome == "refused":
            self.refusals[words.splitlines()[0][:150]] += 1
        if outcome == "differs":
            of = f" ({kinds[0]})" if len(kinds) == 1 else ""
            print(f"graph {model.stem} of seed {self.seed}{of}: ONNX Runtime: {words}", flush=True)


def learn(program, seed, count):
    campaign = Campaign(program, seed)
    campaign.draw(count, ["--nodes", "1", "--kinds", "all"])
    kinds = []
    for kind, counts in sorted(campaign.kinds.items()):
        agreed = not counts["differs"] and counts["agrees"] >= 10 * counts["refused"]
        if agreed or kind in CONTROL:  # what bodies hold has kinds of its own
            kinds.append(kind)
    KINDS.write_text("".join(f"{line}\n" for line in HEADER + kinds))
    print(f"{len(kinds)} of {len(campaign.kinds)} kinds are run by ONNX Runtime")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("program")
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--learn", action="store_true")
    options = parser.parse_args()
    if options.learn:
        return learn(options.program, options.seed, options.count)
    campaign = Campaign(options.program, options.seed)
    campaign.draw(options.count, ["--kinds", str(KINDS)])
    for words, count in campaign.refusals.most_common(5):
        print(f"refused {count} times: {words}")
    totals = campaign.totals
    print(f"random graphs: seed {options.seed}, {options.count} drawn, {campaign.failed} batches "
          f"failed; ONNX Runtime agrees on {totals['agrees']}, differs on {totals['differs']}, "
          f"does not run {totals['refused']}")
    return 1 if campaign.failed or totals["differs"] else 0


if __name__ == "__main__":
    sys.exit(main())
