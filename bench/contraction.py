"""bench/contraction.py LIBHONE [OTHER_LIBHONE]: matrix products and convolutions, each alone.

Models of one node with a constant weight, run by Hone (by another build of it, too, where one is
given), ONNX Runtime and, for products, numpy (OpenBLAS): in one process, threads as asked, taking
turns. Times are medians of rounds; a percentage is of the peak of fused multiply-adds that
hone_contraction_times measures in the same rounds.
"""
import argparse
import math
import pathlib
import re
import statistics
import subprocess
import sys
import tempfile
import time

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "bench")]
from peers import Hone, OnnxRuntime  # noqa: E402

PRODUCTS = [(2048, 2048, 2048), (128, 768, 768), (128, 3072, 768), (128, 768, 3072),
            (384, 768, 768), (1, 768, 768), (1, 1000, 2048), (8, 3072, 768), (49, 512, 2048)]
# channels, filters, size, kernel, stride, group
CONVOLUTIONS = [
    (64, 64, 56, 1, 1, 1), (64, 256, 56, 1, 1, 1), (256, 64, 56, 1, 1, 1), (256, 128, 56, 1, 1, 1),
    (128, 512, 28, 1, 1, 1), (512, 128, 28, 1, 1, 1), (256, 1024, 14, 1, 1, 1),
    (1024, 256, 14, 1, 1, 1), (512, 2048, 7, 1, 1, 1), (2048, 512, 7, 1, 1, 1),
    (256, 512, 56, 1, 2, 1), (64, 64, 56, 3, 1, 1), (128, 128, 28, 3, 1, 1),
    (256, 256, 14, 3, 1, 1),
    (512, 512, 7, 3, 1, 1), (128, 128, 56, 3, 2, 1),
    (3, 64, 224, 7, 2, 1), (3, 32, 224, 3, 2, 1),
    (32, 32, 112, 3, 1, 32), (96, 96, 112, 3, 2, 96), (144, 144, 56, 3, 1, 144),
    (384, 384, 14, 3, 1, 384), (960, 960, 7, 3, 1, 960), (672, 672, 14, 5, 1, 672),
    (128, 128, 28, 3, 1, 32)]


def product_model(m, n, k):
    weight = np.random.default_rng(1).standard_normal((k, n), dtype=np.float32)
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["x", "w"], ["y"])], "product",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [m, k])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [m, n])],
        [numpy_helper.from_array(weight, "w")])
    return graph, np.random.default_rng(2).standard_normal((m, k), dtype=np.float32), 2 * m * n * k


def convolution_model(channels, filters, size, kernel, stride, group):
    shape = (filters, channels // group, kernel, kernel)
    random = np.random.default_rng(1)
    weight, bias = (random.standard_normal(s, dtype=np.float32) for s in (shape, (filters,)))
    pad, out = kernel // 2, (size - 1) // stride + 1
    graph = helper.make_graph(
        [helper.make_node("Conv", ["x", "w", "b"], ["y"], pads=[pad] * 4, strides=[stride] * 2,
                          group=group)], "convolution",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, channels, size, size])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, filters, out, out])],
        [numpy_helper.from_array(weight, "w"), numpy_helper.from_array(bias, "b")])
    return (graph, random.standard_normal((1, channels, size, size), dtype=np.float32),
            2 * out * out * filters * math.prod(shape[1:]))


class Numpy:
    name = "numpy"

    def __init__(self, graph, x):
        self.x, self.w = x, numpy_helper.to_array(graph.initializer[0])
        self.y = np.empty((x.shape[0], self.w.shape[1]), np.float32)

    def run(self):
        np.matmul(self.x, self.w, out=self.y)


def peak(program, threads):
    if not program:
        return None
    return float(subprocess.run([program, "--peak", str(threads)], check=True, capture_output=True,
                                text=True).stdout)


def measure(runners, rounds, seconds, clock):
    times = {runner: [] for runner in runners}
    for runner in runners:
        runner.run()
    for turn in range(rounds):
        order = runners[turn % len(runners):] + runners[:turn % len(runners)]
        for runner in order:
            least, end = math.inf, time.perf_counter() + seconds
            while time.perf_counter() < end:
                start = clock()
                runner.run()
                least = min(least, clock() - start)
            times[runner].append(least)
    return {runner: statistics.median(each) for runner, each in times.items()}


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("libraries", nargs="+")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=0.06)
    parser.add_argument("--only", default="")
    parser.add_argument("--peak", help="hone_contraction_times")
    parser.add_argument("--peers", default="onnxruntime,numpy")
    args = parser.parse_args()
    # One thread's own time is that of the work, however many others share the machine.
    clock = time.thread_time if args.threads == 1 else time.perf_counter
    cases = [("x".join(map(str, c)), product_model, c) for c in PRODUCTS]
    cases += [("conv " + ",".join(map(str, c)), convolution_model, c) for c in CONVOLUTIONS]
    header = None
    for name, make, sizes in cases:
        if not re.search(args.only, name):
            continue
        graph, x, flops = make(*sizes)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
        with tempfile.TemporaryDirectory() as folder:
            path = f"{folder}/one.onnx"
            onnx.save(model, path)
            runners = [Hone(library, path, {"x": x}, args.threads) for library in args.libraries]
            if "onnxruntime" in args.peers:
                runners.append(OnnxRuntime(path, {"x": x}, args.threads))
            if "numpy" in args.peers and make is product_model:
                runners.append(Numpy(graph, x))
        best = peak(args.peak, args.threads)
        times = measure(runners, args.rounds, args.seconds, clock)
        if header is None:
            header = ["case"] + [f"{r.name} us" for r in runners] + ["GFLOP/s", "of peak"]
            print("| " + " | ".join(header) + " |")
            print("|" + "---|" * len(header))
        own = times[runners[0]]
        cells = [name] + [f"{1e6 * times[r]:.0f}" for r in runners]
        cells += [""] * (len(header) - 2 - len(cells)) + [f"{flops / own / 1e9:.0f}"]
        cells.append(f"{100 * flops / own / 1e9 / best:.0f} %" if best else "")
        print("| " + " | ".join(cells) + " |", flush=True)
        for runner in runners:
            if hasattr(runner, "close"):
                runner.close()


if __name__ == "__main__":
    main()
