"""Trained networks in other formats than ONNX: every file imports and runs, and gives what is known
of it: the outputs of its ONNX twin, logits of an evaluator written apart from Hone."""
import gzip
import re
import sys
import time

import numpy as np

import hone_cli

DATA = hone_cli.DATA
RTOL = 1e-3  # of the largest of a row


def drawn(tool, model):
    """Random numbers for each input, as the model states it."""
    shown = hone_cli.hone(tool, "inspect", model)
    ports = re.search(r"^inputs +(.*?)^outputs", shown, re.M | re.S).group(1)
    rng = np.random.default_rng(7)
    feeds = {}
    for name, dtype, dims in re.findall(r"^ *(\S.*): (\w+)\[([^\]]*)\]", ports, re.M):
        shape = [int(d) if d.isdigit() else 1 for d in dims.split(",") if d]
        if dtype == "f32":
            feeds[name] = rng.normal(size=shape).astype(np.float32)
        else:
            kind = {"i8": np.int8, "u8": np.uint8, "i16": np.int16, "i32": np.int32}[dtype]
            least = 0 if dtype == "u8" else -100
            feeds[name] = rng.integers(least, 100, shape).astype(kind)
    return feeds


def apart(got, wanted):
    """The largest difference as a share of the largest number of the row."""
    got, wanted = (a.astype(np.float64).reshape(len(wanted), -1) for a in (got, wanted))
    return float((np.abs(got - wanted).max(1) / np.abs(wanted).max(1)).max())


def softmax(x):
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def share(good, most=RTOL):
    return good <= most, f"{good:.1e} apart"


def ultraface_caffe(tool, model):
    golden = np.load(DATA / "goldens/onnxruntime/ultraface_version-RFB-320_simplified.npz")
    got = hone_cli.run(tool, model, {"input": golden["in_input"]})
    return share(max(apart(got[n], golden[f"out_{n}"]) for n in ("boxes", "scores")))


def lenet_caffe(tool, model):
    logits = np.fromfile(DATA / "goldens/caffe_lenet_ip2_64x10.f32", np.float32).reshape(64, 10)
    with gzip.open(DATA / "data/mnist/t10k-images-idx3-ubyte.gz") as file:
        pixels = np.frombuffer(file.read()[16:], np.uint8).reshape(-1, 1, 1, 28, 28)
    worst = 0
    for image, wanted in zip(pixels[:16], logits):
        got = hone_cli.run(tool, model, {"data": image.astype(np.float32) / 256})["prob"]
        worst = max(worst, apart(got, softmax(wanted)[None]))
    return share(worst)


def squeezenet_caffe(tool, model):
    wanted = np.fromfile(DATA / "goldens/caffe_squeezenet_pool_final_16x1000.f32", np.float32)
    pixels = np.fromfile(DATA / "goldens/imagenet400_first16_227_rgb.u8", np.uint8)
    pixels = pixels.reshape(16, 1, 227, 227, 3)[..., ::-1].transpose(0, 1, 4, 2, 3)
    mean = np.array([104, 117, 123], np.float32).reshape(1, 3, 1, 1)
    got = [hone_cli.run(tool, model, {"data": image - mean})["pool_final"].ravel()
           for image in pixels]
    return share(apart(np.array(got), wanted.reshape(16, 1000)))


# By the end of the path; the others run on random numbers.
CHECKS = {
    "ultraface/RFB-320.prototxt": ultraface_caffe,
    "nnstreamer/lenet.prototxt": lenet_caffe,
    "deploy_deepcompress.prototxt": squeezenet_caffe,
}


def judge(tool, model):
    check = next((c for end, c in CHECKS.items() if str(model).endswith(end)), None)
    if check is not None:
        return check(tool, model)
    got = hone_cli.run(tool, model, drawn(tool, model))
    finite = all(np.isfinite(a).all() for a in got.values() if a.dtype.kind == "f")
    return finite, "runs" if finite else "gives numbers that are not finite"


def main():
    parser = hone_cli.parser(__doc__)
    parser.add_argument("--only", default="", help="a regular expression of paths")
    options = parser.parse_args()
    folder = DATA / "models"
    hone_cli.skip_without(folder / "caffe")
    files = sorted(folder.glob("caffe/**/*.prototxt"))
    good = bad = 0
    for model in files:
        if not re.search(options.only, str(model)):
            continue
        start = time.monotonic()
        try:
            fits, words = judge(options.hone, model)
        except (hone_cli.Failed, AttributeError) as failure:
            fits, words = False, str(failure)
        good, bad = good + fits, bad + (not fits)
        print(f"{'ok    ' if fits else 'FAILED'} {model.relative_to(folder)}  "
              f"{time.monotonic() - start:5.2f} s  {words}", flush=True)
    print(f"formats: {good} passed, {bad} failed")
    return 1 if bad or not good else 0


if __name__ == "__main__":
    sys.exit(main())
