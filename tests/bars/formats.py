"""Trained networks in other formats than ONNX: every file imports and runs, and gives what is known
of it: the outputs of its ONNX twin, logits of an evaluator written apart from Hone, and, where this
Python has TensorFlow (tests/tensorflow_requirements.txt), what it makes of files of TensorFlow and
TFLite."""
import gzip
import re
import sys
import time
import wave

import numpy as np

import hone_cli
import tensorflow_runs
import tflite_kernels

DATA = hone_cli.DATA
RTOL = 1e-3  # of the largest of a row
KINDS = {"f32": np.float32, "i8": np.int8, "u8": np.uint8, "i16": np.int16, "i32": np.int32,
         "i64": np.int64}


def ports(tool, model, given=()):
    """(name, type, sizes) of each input; what is open is 1. given: options that the model needs."""
    shown = hone_cli.hone(tool, "inspect", model, *given)
    listed = re.search(r"^inputs +(.*?)^outputs", shown, re.M | re.S).group(1)
    asked = dict(word.split("=") for option, word in zip(given, given[1:]) if option == "--shape")
    found = []
    for name, dtype, dims in re.findall(r"^ *(\S.*): (\w+)\[([^\]]*)\]", listed, re.M):
        sizes = asked[name].split("x") if name in asked else dims.split(",")
        found.append((name, KINDS[dtype], [int(d) if d.isdigit() else 1 for d in sizes if d]))
    return found


def drawn(tool, model, given=()):
    """Random numbers for each input."""
    rng = np.random.default_rng(7)
    feeds = {}
    for name, kind, shape in ports(tool, model, given):
        if kind == np.float32:
            feeds[name] = rng.normal(size=shape).astype(np.float32)
        else:
            feeds[name] = rng.integers(0 if kind == np.uint8 else -100, 100, shape).astype(kind)
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


def kws_tflite(tool, model):
    wanted = np.fromfile(DATA / "goldens/tflite_kws_float_logits_64x12.f32", np.float32)
    files = sorted((DATA / "data/eembc/kws01").glob("*.bin"))[:16]
    (name, _, shape), = ports(tool, model)
    got = []
    for file in files:
        sound = (np.fromfile(file, np.int8).astype(np.float32) - 83) * np.float32(0.58470291)
        got += list(hone_cli.run(tool, model, {name: sound.reshape(shape)}).values())
    return share(apart(np.concatenate(got), softmax(wanted.reshape(64, 12)[:16])))


def mobilenet_tflite(tool, model):
    wanted = np.fromfile(DATA / "goldens/tflite_mobilenet_v1_0.25_224_float_logits_16x1001.f32",
                         np.float32).reshape(16, 1001)
    pixels = np.fromfile(DATA / "goldens/imagenet400_first16_224_rgb.u8", np.uint8)
    (name, _, shape), = ports(tool, model)
    images = (pixels.reshape(16, *shape).astype(np.float32) - 127.5) / 127.5
    got = [list(hone_cli.run(tool, model, {name: image}).values())[0].ravel() for image in images]
    return share(apart(np.array(got), softmax(wanted)))


def basic_pitch_tflite(tool, model):
    """The ONNX twin names its outputs otherwise, in an order of its own."""
    golden = np.load(DATA / "goldens/onnxruntime/basic_pitch_nmp.npz")
    arrays = [golden[n] for n in golden.files if n.startswith("out_")]
    (name, _, _), = ports(tool, model)
    (given,) = [golden[n] for n in golden.files if n.startswith("in_")]
    got = hone_cli.run(tool, model, {name: given}).values()
    return share(max(min(apart(g, w) for w in arrays if w.shape == g.shape) for g in got))


def wechat_caffe(tool, model):
    """Codes that it finds in noise: 13, the best where OpenCV 4.14's own reader finds them."""
    (name, _, shape), = ports(tool, model)
    noise = np.random.default_rng(7).uniform(0, 255, shape).astype(np.float32)
    got, = hone_cli.run(tool, model, {name: noise}).values()
    wanted = [[0, 1, 1, -0.49523783, 1.6520996, 2.0564532, 2.5741553],
              [0, 1, 1, -0.60981667, 1.02568734, 4.42760038, 1.44587862],
              [0, 1, 1, 0.00073993, 1.34136248, 2.28774309, 1.74031949]]
    return share(apart(got[0, 0, :3], np.array(wanted)) if got.shape[2] == 13 else np.inf)


def mtcnn_caffe(tool, model):
    return mtcnn_mxnet(tool, DATA / "models/mxnet/mtcnn" / f"{model.stem}-symbol.json")


def mtcnn_mxnet(tool, model):
    """Its Caffe twin has height and width exchanged, and blue before red."""
    twin = DATA / "models/caffe/mtcnn" / model.name.replace("-symbol.json", ".prototxt")
    (name, _, shape), = ports(tool, twin)
    image = np.random.default_rng(7).normal(size=shape).astype(np.float32)
    turned = np.ascontiguousarray(image[:, ::-1].transpose(0, 1, 3, 2))
    got = hone_cli.run(tool, model, {"data": turned})
    wanted = hone_cli.run(tool, twin, {name: image})
    worst = 0
    for output, values in got.items():
        if values.ndim == 4:
            values = values.transpose(0, 1, 3, 2)
        worst = max(worst, apart(values, wanted[output.replace("_", "-")]))
    return share(worst)


def lenet_torchscript(tool, model):
    """The network divides by 255, and gives shares of 255 as bytes."""
    logits = np.fromfile(DATA / "goldens/torchscript_lenet5_logits_64x10.f32", np.float32)
    with gzip.open(DATA / "data/mnist/t10k-images-idx3-ubyte.gz") as file:
        pixels = np.frombuffer(file.read()[16:], np.uint8).reshape(-1, 1, 28, 28, 1)
    right = 0
    for image, wanted in zip(pixels[:16], logits.reshape(64, 10)):
        got, = hone_cli.run(tool, model, {"val": image.astype(np.float32)}, "--shape",
                            "val=1x28x28x1").values()
        off = np.abs(got.astype(np.float32).ravel() - 255 * softmax(wanted)).max()
        right += got.argmax() == wanted.argmax() and off <= 1
    return right == 16, f"{right} of 16 within one of 255"


def silero_torchscript(tool, model):
    """Its ONNX twin has the state and the last samples as operands: zeros at first."""
    twin = DATA / "models/onnx/silero_vad/silero_vad_16k_op15.onnx"
    sound = (np.random.default_rng(7).normal(size=(1, 512)) * 0.1).astype(np.float32)
    got = hone_cli.run(tool, model, {"x": sound}, "--shape", "x=1x512", "--number", "sr=16000")
    wanted = hone_cli.run(tool, twin, {
        "input": np.concatenate([np.zeros((1, 64), np.float32), sound], 1),
        "state": np.zeros((2, 1, 128), np.float32), "sr": np.array(16000, np.int64)})
    return share(apart(next(iter(got.values())), wanted["output"]))


def pytorch_exported(tool, model):
    """Outputs of PyTorch, in the program's order. Places of equal numbers are left to the library:
    of integers the share that is equal counts."""
    name = model.name.split(".")[0].removesuffix("_core_aten")
    golden = np.load(model.parent / f"{name}.npz")
    given = [golden[n] for n in golden.files if n.startswith("in")]
    wanted = [golden[n] for n in golden.files if n.startswith("out")]
    feeds = {name: array for (name, _, _), array in zip(ports(tool, model), given)}
    got = list(hone_cli.run(tool, model, feeds).values())
    if [g.shape for g in got] != [w.shape for w in wanted]:
        return False, "outputs of other sizes"
    worst = 0
    for have, want in zip(got, wanted):
        if want.dtype.kind == "i":
            if np.mean(have == want) < 0.9:
                return False, "places differ"
        else:
            worst = max(worst, apart(have.reshape(1, -1), want.reshape(1, -1)))
    return share(worst)


def seanet_tflite(tool, model):
    """Integers, bit for bit, in the order of the model's inputs."""
    feeds = {}
    for i, (name, kind, shape) in enumerate(ports(tool, model)):
        file, = model.parent.glob(f"{model.stem}_input{i}_*.csv")
        feeds[name] = np.loadtxt(file, delimiter=",", dtype=np.int64).astype(kind).reshape(shape)
    file, = model.parent.glob(f"{model.stem}_golden_*.csv")
    wanted = np.loadtxt(file, delimiter=",", dtype=np.int64).ravel()
    got, = hone_cli.run(tool, model, feeds).values()
    wrong = np.count_nonzero(got.ravel() != wanted) if got.size == wanted.size else wanted.size
    return wrong == 0, f"{wrong} of {wanted.size} elements differ"


def facemask_caffe(tool, _):
    return facemask_tf(tool, DATA / "models/tf/facemask/face_mask_detection.pb")


def facemask_tf(tool, model):
    """Its Caffe twin has channels first and names without _1/concat."""
    image = np.random.default_rng(7).uniform(size=(1, 260, 260, 3)).astype(np.float32)
    got = hone_cli.run(tool, model, {"data_1": image})
    twin = DATA / "models/caffe/facemask/face_mask_detection.prototxt"
    wanted = hone_cli.run(tool, twin, {"data": np.ascontiguousarray(image.transpose(0, 3, 1, 2))})
    return share(max(apart(values.reshape(1, -1), wanted[name.split("_1/")[0]].reshape(1, -1))
                     for name, values in got.items()))


def kws_tf(tool, model):
    """Words by the labels in the names of the recordings: 90.1 % of all are right."""
    files = sorted((DATA / "data/eembc/kws01").glob("*.bin"))[:40]
    right = 0
    for file in files:
        sound = (np.fromfile(file, np.int8).astype(np.float32) - 83) * np.float32(0.58470291)
        got, = hone_cli.run(tool, model, {"input_1": sound.reshape(1, 49, 10, 1)}).values()
        right += got.argmax() == int(file.stem.rsplit("_", 1)[1])
    return right >= 34, f"{right} of 40 words"


def spoken_tf(tool, model):
    """A recording of "yes", which the network's labels have as number 2."""
    with wave.open(str(DATA / "data/nnstreamer/yes.wav")) as file:
        samples = np.frombuffer(file.readframes(file.getnframes()), np.int16)
    sound = np.zeros((16000, 1), np.float32)
    sound[:len(samples), 0] = samples[:16000] / np.float32(32768)
    got, = hone_cli.run(tool, model, {"decoded_sample_data": sound}).values()
    return got.argmax() == 2, f"\"yes\" with {got.max():.2f}"


# By a regular expression of the path; the others run on random numbers.
CHECKS = {
    r"ultraface/RFB-320\.prototxt": ultraface_caffe,
    r"nnstreamer/lenet\.prototxt": lenet_caffe,
    r"deploy_deepcompress\.prototxt": squeezenet_caffe,
    r"kws_ref_model_float32\.tflite": kws_tflite,
    r"mobilenet_v1_0\.25_224_float\.tflite": mobilenet_tflite,
    r"basic_pitch/nmp\.tflite": basic_pitch_tflite,
    r"basic_pitch_savedmodel": basic_pitch_tflite,
    r"face_mask_detection\.pb": facemask_tf,
    r"face_mask_detection\.prototxt": facemask_caffe,
    r"caffe/mtcnn/": mtcnn_caffe,
    r"wechat_qr/": wechat_caffe,
    r"kws_ref_savedmodel": kws_tf,
    r"conv_actions_frozen|_S\.pb": spoken_tf,
    r"mxnet/mtcnn/": mtcnn_mxnet,
    r"tflm_seanet/": seanet_tflite,
    r"pytorch/exported/": pytorch_exported,
    r"pytorch_lenet5\.pt": lenet_torchscript,
    r"silero_vad\.jit": silero_torchscript,
}


def frozen_beside_tensorflow(tensorflow, tool, model):
    """On pictures of 24 x 20, where the file leaves sizes open."""
    rng = np.random.default_rng(7)
    feeds = {name: rng.uniform(size=(shape[0], 24, 20, shape[3])).astype(np.float32)
             for name, _, shape in ports(tool, model)}
    got = hone_cli.run(tool, model, feeds)
    wanted = tensorflow_runs.frozen_outputs(tensorflow, model, feeds, list(got))
    worst = max(apart(g.reshape(1, -1), w.reshape(1, -1)) for g, w in zip(got.values(), wanted))
    return worst <= RTOL, f"TensorFlow {worst:.0e}"


def merely_runs(tool, model):
    got = hone_cli.run(tool, model, drawn(tool, model))
    finite = all(np.isfinite(a).all() for a in got.values() if a.dtype.kind == "f")
    return finite, "runs" if finite else "gives numbers that are not finite"


def judge(tool, model, tensorflow):
    """Whether all is as it should be, and words."""
    check = next((c for path, c in CHECKS.items() if re.search(path, str(model))), None)
    fits, said = check(tool, model) if check is not None else (True, [])
    said = [said] if check is not None else []
    if tensorflow is not None and model.suffix == ".tflite" and "tflm_seanet" not in str(model):
        close, words = tflite_kernels.judge(tensorflow, tool, model)
        said.append(f"TFLite {words}")
        fits = fits and close is not False
    elif tensorflow is not None and model.suffix == ".pb" and check is None:
        close, words = frozen_beside_tensorflow(tensorflow, tool, model)
        said.append(words)
        fits = fits and close
    elif check is None:
        fits, words = merely_runs(tool, model)
        said.append(words)
    return fits, "; ".join(said)


def files():
    """Every model of ../shared/models that is no ONNX file; a SavedModel by its folder."""
    folder = DATA / "models"
    found = sorted(f for kind in ("caffe/**/*.prototxt", "mxnet/**/*.json", "tflite/**/*.tflite",
                                  "pytorch/**/*.pt2", "pytorch/**/*.pt", "pytorch/**/*.jit",
                                  "tf/**/*.pb")
                   for f in folder.glob(kind))
    return [f.parent if f.name == "saved_model.pb" else f for f in found]


INTRODUCTION = """# Trained networks of other formats

`make formats WRITE=docs/models.md` writes this page; [test-data.md](test-data.md) says where the
files come from. "apart" is the largest difference from the golden (outputs of the ONNX twin, or
logits of an evaluator written apart from Hone) as a share of the largest number of a row. Of TFLite
"TFLite 0 / 6 / 6, rounded as the last 0, among themselves 6" says how far the results for random
numbers are from those of TensorFlow's three sets of kernels (default, built in, reference), those
of `--reference-rounding` from the reference ones ([formats.md](formats.md)), and the default from
the reference ones: quanta of integers, shares of the largest number of floats. The tables come from
a Python with TensorFlow (`make formats FORMATS_PYTHON=.venv-keras/bin/python`). What
merely runs has no golden and is given random numbers; `make accuracy` counts right answers over
whole labelled sets. Seconds are those of `hone run`, import and planning included, and of what it
is compared with.
"""


def write_page(path, rows):
    """Cases of single operators make one row a folder."""
    table = ["| file | runs | seconds | check |", "|---|---|---|---|"]
    cases = {}
    for name, fits, seconds, words in rows:
        if name.startswith("tflite/tflm_seanet/"):
            cases.setdefault(name.rsplit("/", 1)[0], []).append((fits, seconds))
        else:
            table.append(f"| {name} | {'yes' if fits else 'NO'} | {seconds:.1f} | {words} |")
    for name, found in sorted(cases.items()):
        same = sum(fits for fits, _ in found)
        table.append(f"| {name} | {'yes' if same == len(found) else 'NO'} | "
                     f"{sum(s for _, s in found):.1f} | "
                     f"{same} of {len(found)} cases bit for bit |")
    with open(path, "w", encoding="utf-8") as file:
        file.write(INTRODUCTION + "\n" + "\n".join(table) + "\n")


def main():
    parser = hone_cli.parser(__doc__)
    parser.add_argument("--only", default="", help="a regular expression of paths")
    parser.add_argument("--write", help="the page that the results are written to")
    options = parser.parse_args()
    folder = DATA / "models"
    hone_cli.skip_without(folder / "caffe")
    tensorflow = tensorflow_runs.found()
    if tensorflow is None:
        print("skipped: what TensorFlow makes of its files and TFLite's; it is not there")
    good = bad = 0
    rows = []
    for model in files():
        if not re.search(options.only, str(model)):
            continue
        start = time.monotonic()
        try:
            fits, words = judge(options.hone, model, tensorflow)
        except (hone_cli.Failed, AttributeError) as failure:
            fits, words = False, str(failure)
        good, bad = good + fits, bad + (not fits)
        rows.append((str(model.relative_to(folder)), fits, time.monotonic() - start, words))
        print(f"{'ok    ' if fits else 'FAILED'} {model.relative_to(folder)}  "
              f"{time.monotonic() - start:5.2f} s  {words}", flush=True)
    print(f"formats: {good} passed, {bad} failed")
    if options.write:
        write_page(options.write, rows)
    return 1 if bad or not good else 0


if __name__ == "__main__":
    sys.exit(main())
