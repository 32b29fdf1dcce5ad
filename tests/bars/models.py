"""Trained networks against ONNX Runtime's outputs: floats within rtol 1e-3 / atol 1e-4; integer
networks the same top-1 and at most one quantum of the output apart."""
import re
import sys
import time

import numpy as np
import onnx
from onnx import numpy_helper

import hone_cli

RTOL, ATOL = 1e-3, 1e-4

# Networks whose golden is itself farther than the tolerance from the exact result, so that only
# rounding in the same order could meet it. YOLOX-nano evaluated in f64: ONNX Runtime's f32 golden
# is outside at 2 of 301,665 elements, ours at 1. Judged at this many times the tolerance, said so.
NOISY_GOLDENS = {"yolox_nano": 2.5}


def golden_of(model):
    """The golden file of models/onnx/<folder>/<file>."""
    folder = "qdq" if model.parent.name == "quantized" else model.parent.name
    return hone_cli.DATA / "goldens/onnxruntime" / f"{folder}_{model.stem}.npz"


def quantum(model):
    """Scale of the DequantizeLinear that gives the output; None: a float network."""
    graph = onnx.load(model).graph
    for node in graph.node:
        if node.op_type == "DequantizeLinear" and node.output[0] == graph.output[0].name:
            scale = next(t for t in graph.initializer if t.name == node.input[1])
            return float(numpy_helper.to_array(scale))
    return None


def compare(want, got, step, allowed):
    """(is it good, how far off in words)"""
    if want.shape != got.shape or want.dtype != got.dtype:
        return False, f"{got.dtype}{list(got.shape)}, wanted {want.dtype}{list(want.shape)}"
    apart = np.abs(want.astype(np.float64) - got)
    if step is not None:
        quanta = float(apart.max() / step)
        same = want.argmax() == got.argmax()
        words = f"{quanta:.2f} quanta, {'the same' if same else 'ANOTHER'} top-1"
        return bool(quanta < 1.001 and same), words
    shares = apart / (ATOL + RTOL * np.abs(want))
    share = float(shares.max())
    words = f"{100 * share:.2f} % of the tolerance"
    if allowed > 1:
        outside = f"{(shares > 1).sum()} of {shares.size} outside"
        words += f" ({outside}; the golden is noisy, judged at {allowed} times the tolerance)"
    return bool(share <= allowed), words


def verdict(arrays, got, step, allowed):
    """Whether every output of the golden is there and good; the worst, or the first, in words."""
    good, worst = True, ""
    for name, want in ((n[4:], a) for n, a in arrays.items() if n.startswith("out_")):
        fits, words = compare(want, got[name], step, allowed) if name in got else (False, "absent")
        if not fits or not worst:
            worst = f"{name}: {words}"
        good = good and fits
    return (good, worst) if worst else (False, "the golden holds no output")


def judge(tool, model):
    with np.load(golden_of(model)) as golden:
        arrays = {name: golden[name] for name in golden.files}
    inputs = {n[3:]: a for n, a in arrays.items() if n.startswith("in_")}
    start = time.monotonic()
    got = hone_cli.run(tool, model, inputs)
    seconds = time.monotonic() - start
    good, words = verdict(arrays, got, quantum(model), NOISY_GOLDENS.get(model.stem, 1.0))
    return good, f"{seconds:5.2f} s  {words}"


def main():
    parser = hone_cli.parser(__doc__)
    parser.add_argument("--only", default="", help="a regular expression of paths")
    options = parser.parse_args()
    folder = hone_cli.DATA / "models/onnx"
    hone_cli.skip_without(folder)
    good = bad = 0
    for model in sorted(folder.glob("**/*.onnx")):
        if not re.search(options.only, str(model)):
            continue
        try:
            fits, words = judge(options.hone, model)
        except hone_cli.Failed as failure:
            fits, words = False, str(failure)
        good, bad = good + fits, bad + (not fits)
        print(f"{'ok    ' if fits else 'FAILED'} {model.relative_to(folder)}  {words}", flush=True)
    print(f"models: {good} passed, {bad} failed")
    return 1 if bad or not good else 0


if __name__ == "__main__":
    sys.exit(main())
