"""Quantized TFLite files of ../shared beside TensorFlow's three sets of kernels: those that an
interpreter takes by default (XNNPACK), its built-in ones and its reference ones. Hone must be
within a quantum of one of them, and with --reference-rounding of the reference ones; how far they
are from one another is told. Needs tensorflow (tests/tensorflow_requirements.txt); skips, saying
so, without it."""
import os
import re
import sys

import numpy as np

import hone_cli

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
SETS = {"default": "AUTO", "built in": "BUILTIN_WITHOUT_DEFAULT_DELEGATES",
        "reference": "BUILTIN_REF"}


def drawn(details):
    """Integers; of pictures, spots of 16 pixels, as pixels beside one another are alike."""
    rng = np.random.default_rng(3)
    feeds = {}
    for port in details:
        info = np.iinfo(port["dtype"])
        x = rng.integers(info.min, info.max + 1, port["shape"]).astype(port["dtype"])
        if x.ndim == 4:
            x = x[:, ::16, ::16].repeat(16, 1).repeat(16, 2)[:, :x.shape[1], :x.shape[2]].copy()
        feeds[port["name"]] = x
    return feeds


def outputs_of(tensorflow, path, resolver, feeds):
    kinds = tensorflow.lite.experimental.OpResolverType
    interpreter = tensorflow.lite.Interpreter(
        str(path), experimental_op_resolver_type=getattr(kinds, resolver), num_threads=1)
    interpreter.allocate_tensors()
    for port in interpreter.get_input_details():
        interpreter.set_tensor(port["index"], feeds[port["name"]])
    interpreter.invoke()
    return [interpreter.get_tensor(o["index"]) for o in interpreter.get_output_details()]


def apart(some, others):
    """The largest difference in quanta; of classes (i64) the share that differs."""
    far = 0
    for a, b in zip(some, others):
        if a.dtype == np.int64:
            far = max(far, float((a != b).mean()))
        else:
            far = max(far, float(np.abs(a.astype(np.float64) - b).max()))
    return far


def main():
    parser = hone_cli.parser(__doc__)
    parser.add_argument("--only", default="", help="a regular expression of paths")
    options = parser.parse_args()
    folder = hone_cli.DATA / "models/tflite"
    hone_cli.skip_without(folder)
    try:
        import tensorflow
    except ImportError:
        print("skipped: there is no tensorflow")
        return 77
    good = bad = 0
    for path in sorted(folder.rglob("*.tflite")):
        if "tflm_seanet" in str(path) or not re.search(options.only, str(path)):
            continue
        try:
            details = tensorflow.lite.Interpreter(str(path)).get_input_details()
        except (ValueError, RuntimeError) as refusal:
            print(f"left out {path.name}: {str(refusal).splitlines()[0]}", flush=True)
            continue
        if any(port["dtype"] not in (np.uint8, np.int8) for port in details):
            continue
        feeds = drawn(details)
        sets = {name: outputs_of(tensorflow, path, resolver, feeds)
                for name, resolver in SETS.items()}
        got = list(hone_cli.run(options.hone, path, feeds).values())
        off = {name: apart(got, wanted) for name, wanted in sets.items()}
        between = apart(sets["default"], sets["reference"])
        rounded = list(hone_cli.run(options.hone, path, feeds, "--reference-rounding").values())
        exact = apart(rounded, sets["reference"])
        fits = min(off.values()) <= 1 and exact <= 1
        good, bad = good + fits, bad + (not fits)
        words = ", ".join(f"{name} {far:.2g}" for name, far in off.items())
        print(f"{'ok    ' if fits else 'FAILED'} {path.name}: {words}; default from reference "
              f"{between:.2g}; rounded as the reference ones {exact:.2g}", flush=True)
    print(f"kernels of TFLite: {good} passed, {bad} failed")
    return 1 if bad or not good else 0


if __name__ == "__main__":
    sys.exit(main())
