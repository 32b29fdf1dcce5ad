"""bench/quantized.py LIBHONE [PAIR ...]: quantized networks beside the same networks in f32.

A pair is made of a topology of bench_graphs (its weights filled in), quantized by
onnxruntime.quantization in several ways, or it is a trained network that is there in both. Hone
runs all of a network's forms in one process, on the same input and as many threads, taking turns as
in peers.py. What is reported is how many times as long the f32 network takes: the median of the
ratios round by round, with the interval of bootstrap. --peers adds ONNX Runtime on the same files.
"""
import argparse
import os
import pathlib
import re
import tempfile
import time

import numpy as np
import onnx

import peers
from peers import bench_graphs

FORMS = ("qdq s8s8 per channel", "qdq u8s8 per channel", "qlinear u8s8")
NETWORKS = ("resnet50", "mobilenet_v2", "vit_b_16")
TRAINED = {"resnet20": ("resnet20_fp32", {"qdq s8s8 per channel": "resnet20_qdq_s8s8_perchannel",
                                          "qdq u8s8": "resnet20_qdq_u8s8",
                                          "qlinear u8s8": "resnet20_qop_u8s8"})}


def quantize(model, feeds, folder, names):
    """The model's quantized forms as files in `folder`."""
    from onnxruntime import quantization as q
    from onnxruntime.quantization.shape_inference import quant_pre_process
    whole, ready = folder / "whole.onnx", folder / "ready.onnx"
    if not ready.exists():
        onnx.save(onnx.load(model), whole)  # weights beside a model get lost on the way
        quant_pre_process(str(whole), str(ready), skip_symbolic_shape=True)
        whole.unlink()

    class Reader(q.CalibrationDataReader):
        left = 2

        def get_next(self):
            self.left -= 1
            return feeds if self.left >= 0 else None

    made = {}
    for name in names:
        path = folder / f"{name.replace(' ', '_')}.onnx"
        if not path.exists():
            q.quantize_static(
                str(ready), str(path), Reader(), per_channel="per channel" in name,
                quant_format=q.QuantFormat.QDQ if "qdq" in name else q.QuantFormat.QOperator,
                activation_type=q.QuantType.QInt8 if "s8s8" in name else q.QuantType.QUInt8,
                weight_type=q.QuantType.QInt8,
                # Without this ONNX Runtime's u8s8 kernels would want 7 bits on older processors.
                reduce_range=False)
        made[name] = path
    return made


def files_of(network, data, folder, forms):
    """The f32 file, the quantized files by form, and inputs for all."""
    if network in TRAINED:
        plain, quantized = TRAINED[network]
        place = data / "models/onnx/quantized"
        filled = place / f"{plain}.onnx"
        return filled, {form: place / f"{name}.onnx" for form, name in quantized.items()}, \
            bench_graphs.example_inputs_of(filled)
    filled = folder / f"{network}.onnx"
    if not filled.exists():
        bench_graphs.fill(data / "bench_graphs" / f"{network}.onnx", folder)
    feeds = bench_graphs.example_inputs_of(filled)
    return filled, quantize(filled, feeds, folder, forms), feeds


def measured(library, network, files, feeds, words):
    """A row for each form: milliseconds, and f32 / quantized with its interval."""
    threads = words.threads or len(os.sched_getaffinity(0))
    makers = {"Hone": lambda path: peers.Hone(library, path, feeds, threads)}
    if words.peers:
        makers["ONNX Runtime"] = lambda path: peers.OnnxRuntime(str(path), feeds, threads)
    runners = []
    for maker, make in makers.items():
        for form, path in files.items():
            runner = make(path)
            runner.name = (maker, form)
            runner.outputs()
            runners.append(runner)
    times = peers.rounds_of(runners, words.rounds, words.seconds)
    for runner in runners:
        runner.close()
    for form in list(files)[1:]:
        row = [network, form]
        for maker in makers:
            plain, integers = times[maker, "f32"], times[maker, form]
            ratio, low, high = peers.interval([a / b for a, b in zip(plain, integers)])
            row += [f"{1000 * np.median(plain):.2f}", f"{1000 * np.median(integers):.2f}",
                    f"{ratio:.2f} ({low:.2f} to {high:.2f})"]
        yield row


def main():
    options = argparse.ArgumentParser(description=__doc__,
                                      formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("library", type=pathlib.Path, help="libhone.so")
    options.add_argument("networks", nargs="*", help="of " + ", ".join([*NETWORKS, *TRAINED]))
    options.add_argument("--forms", default=".", metavar="REGEX")
    options.add_argument("--peers", action="store_true", help="ONNX Runtime too")
    options.add_argument("--threads", type=int, default=0)
    options.add_argument("--rounds", type=int, default=9)
    options.add_argument("--seconds", type=float, default=0.3, help="of a turn")
    options.add_argument("--keep", type=pathlib.Path, help="folder where made files stay")
    options.add_argument("--write", metavar="SECTION", help="as for peers.py")
    words = options.parse_args()
    data = pathlib.Path(os.environ.get("HONE_TEST_DATA", peers.ROOT.parent / "shared"))
    threads = words.threads or len(os.sched_getaffinity(0))
    lines = [f"{peers.processor()}, HONE_ISA {os.environ.get('HONE_ISA', 'not set')}, "
             f"{threads} thread{'s' * (threads > 1)}; {time.strftime('%Y-%m-%d')}. Milliseconds "
             f"of one inference, the median of {words.rounds} rounds.", "",
             "| network | form | f32 | integers | f32 / integers |" +
             (" ONNX Runtime f32 | its integers | ratio |" if words.peers else ""),
             "|---|---|---:|---:|---|" + ("---:|---:|---|" if words.peers else "")]
    print("\n".join(lines), flush=True)
    for network in words.networks or [*TRAINED, *NETWORKS]:
        with tempfile.TemporaryDirectory() as temporary:
            folder = words.keep / network if words.keep else pathlib.Path(temporary)
            folder.mkdir(parents=True, exist_ok=True)
            plain, quantized, feeds = files_of(network, data, folder, FORMS)
            files = {"f32": plain} | {form: path for form, path in quantized.items()
                                      if re.search(words.forms, form)}
            for row in measured(words.library, network, files, feeds, words):
                lines.append("| " + " | ".join(row) + " |")
                print(lines[-1], flush=True)
    if words.write:
        peers.write(words.write, lines)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
