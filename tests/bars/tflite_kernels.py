"""TFLite files of ../shared beside TensorFlow's three sets of kernels: those that an interpreter
takes by default (XNNPACK), its built-in ones and its reference ones. Hone must be within a quantum
of one of them, and quantized networks with --reference-rounding of the reference ones; how far they
are from one another is told. Needs tensorflow (tests/tensorflow_requirements.txt); skips, saying
so, without it."""
import re
import sys

import numpy as np

import hone_cli
import tensorflow_runs

RTOL = 1e-3     # of the largest of an output of floats
SWAPPED = 0.02  # of the classes that a network of bytes gives, a largest of scores that lie close


def apart(some, others):
    """How far outputs are apart, where 1 is just allowed, and in words."""
    worst, words = 0.0, "0"
    for a, b in zip(some, others):
        if a.shape != b.shape or a.dtype != b.dtype:
            return np.inf, "another type"
        if a.dtype == np.int64:
            share = float((a != b).mean())
            far, said = share / SWAPPED, f"{100 * share:.1f} % of classes"
        elif a.dtype.kind in "iu":
            far = float(np.abs(a.astype(np.int64) - b).max())
            said = f"{far:.0f}"
        else:
            share = float(np.abs(a.astype(np.float64) - b).max() / max(np.abs(b).max(), 1e-30))
            far, said = share / RTOL, f"{share:.0e}"
        if not far < worst:  # neither does what is no number
            worst, words = (far if far == far else np.inf), said
    return worst, words


def judge(tensorflow, tool, path):
    """Whether Hone is close enough, and words; None where TensorFlow does not take the file."""
    try:
        details = tensorflow_runs.interpreter_of(tensorflow, path).get_input_details()
    except (ValueError, RuntimeError) as refusal:
        return None, str(refusal).strip().splitlines()[0]
    feeds = tensorflow_runs.drawn(details)
    sets = {name: tensorflow_runs.lite_outputs(tensorflow, path, kernels, feeds)
            for name, kernels in tensorflow_runs.SETS.items()}
    got = list(hone_cli.run(tool, path, feeds).values())
    off = [apart(got, wanted) for wanted in sets.values()]
    fits = min(far for far, _ in off) <= 1
    words = " / ".join(words for _, words in off)
    if any(port["dtype"] in (np.uint8, np.int8) for port in details):
        rounded = list(hone_cli.run(tool, path, feeds, "--reference-rounding").values())
        far, exact = apart(rounded, sets["reference"])
        fits = fits and far <= 1
        words += f", rounded as the last {exact}"
    return fits, f"{words}, among themselves {apart(sets['default'], sets['reference'])[1]}"


def main():
    parser = hone_cli.parser(__doc__)
    parser.add_argument("--only", default="", help="a regular expression of paths")
    options = parser.parse_args()
    folder = hone_cli.DATA / "models/tflite"
    hone_cli.skip_without(folder)
    tensorflow = tensorflow_runs.found()
    if tensorflow is None:
        print("skipped: there is no tensorflow")
        return 77
    good = bad = 0
    for path in sorted(folder.rglob("*.tflite")):
        if "tflm_seanet" in str(path) or not re.search(options.only, str(path)):
            continue
        fits, words = judge(tensorflow, options.hone, path)
        good, bad = good + (fits is True), bad + (fits is False)
        verdict = {True: "ok    ", False: "FAILED", None: "left out"}[fits]
        print(f"{verdict} {path.name}: {words}", flush=True)
    print(f"kernels of TFLite: {good} passed, {bad} failed")
    return 1 if bad or not good else 0


if __name__ == "__main__":
    sys.exit(main())
