"""How often trained networks of other formats than ONNX are right over whole labelled sets, beside
what an evaluator written apart from Hone found (../shared/README.md): the same to within two."""
import ctypes
import gzip
import pathlib
import re
import sys
import tempfile

import numpy as np

import hone_cli

sys.path.insert(0, str(hone_cli.ROOT / "tests/differential"))
import hone as in_process  # noqa: E402

DATA = hone_cli.DATA
WITHIN = 2  # samples


class Network:
    """A model file, run in this process."""

    def __init__(self, library, path):
        self.hone = in_process.Hone(library)
        handles = [ctypes.c_void_p() for _ in range(3)]
        model, self.engine, self.context = handles
        check, c = self.hone.check, self.hone.c
        check(c.hone_import(str(path).encode(), None, ctypes.byref(model)))
        check(c.hone_build(model, None, ctypes.byref(self.engine)))
        check(c.hone_context_create(self.engine, ctypes.byref(self.context)))

    def first(self, name, array):
        """The first output for an array of this input."""
        return self.hone.run_context(self.engine, self.context, {name: array})[0].ravel()


def labelled_images(size):
    """(pixels of the middle as the network sees them, class) of the 300 pictures to judge by."""
    from PIL import Image
    edge = (256 - size) // 2
    lines = (DATA / "images/imagenet400_256_labels.tsv").read_text().splitlines()[1:]
    for file, label, _, _, split in (line.split("\t") for line in lines):
        if split == "dev":
            picture = Image.open(DATA / "images/imagenet400_256" / file).convert("RGB")
            yield np.asarray(picture)[edge:edge + size, edge:edge + size], int(label)


def squeezenet(network):
    mean = np.array([104, 117, 123], np.float32).reshape(1, 3, 1, 1)
    for pixels, label in labelled_images(227):
        image = pixels[None, ..., ::-1].transpose(0, 3, 1, 2).astype(np.float32) - mean
        yield network.first("data", image).argmax() == label


def mobilenet(network):
    for pixels, label in labelled_images(224):
        image = (pixels[None].astype(np.float32) - 127.5) / 127.5
        yield network.first("input", image).argmax() == label + 1  # 0: background


def digits():
    """(pixels, class) of the 10,000 digits to judge by."""
    def read(name, header):
        with gzip.open(DATA / f"data/mnist/t10k-{name}-ubyte.gz") as file:
            return np.frombuffer(file.read()[header:], np.uint8)
    return zip(read("images-idx3", 16).reshape(-1, 28, 28), read("labels-idx1", 8))


def lenet_caffe(network):
    for pixels, label in digits():
        image = pixels.reshape(1, 1, 28, 28).astype(np.float32) / 256
        yield network.first("data", image).argmax() == label


def lenet_torchscript(network):
    for pixels, label in digits():
        image = pixels.reshape(1, 28, 28, 1).astype(np.float32)
        yield network.first("val", image).argmax() == label


def recorded_words(network):
    """By the labels in the names of the recordings."""
    for file in sorted((DATA / "data/eembc/kws01").glob("*.bin")):
        sound = (np.fromfile(file, np.int8).astype(np.float32) - 83) * np.float32(0.58470291)
        got = network.first("input_1", sound.reshape(1, 49, 10, 1))
        yield got.argmax() == int(file.stem.rsplit("_", 1)[1])


# Path, its samples, right ones in percent.
SETS = [("caffe/squeezenet_v1.0/deploy_deepcompress.prototxt", squeezenet, 61.3),
        ("tflite/tflite_support/mobilenet_v1_0.25_224_float.tflite", mobilenet, 57.3),
        ("caffe/nnstreamer/lenet.prototxt", lenet_caffe, 99.16),
        ("pytorch/nnstreamer/pytorch_lenet5.pt", lenet_torchscript, 99.13),
        # Trained further than the TFLite file: the share is what TensorFlow 2.21 gets with it.
        ("tf/kws_ref_savedmodel", recorded_words, 91.3),
        ("tflite/mlperf_tiny/kws_ref_model_float32.tflite", recorded_words, 90.1)]


def main():
    parser = hone_cli.parser(__doc__)
    parser.add_argument("library", help="libhone.so")
    parser.add_argument("--only", default="", help="a regular expression of paths")
    options = parser.parse_args()
    hone_cli.skip_without(DATA / "models/caffe")
    failed = 0
    for pattern, samples, percent in SETS:
        if not re.search(options.only, pattern):
            continue
        path, = (DATA / "models").glob(pattern)
        with tempfile.TemporaryDirectory() as folder:
            if path.suffix == ".pt":  # which states no sizes: as ONNX, with them
                traced, path = path, pathlib.Path(folder) / f"{path.stem}.onnx"
                hone_cli.hone(options.hone, "convert", traced, "-o", path, "--shape",
                              "val=1x28x28x1")
            right = list(samples(Network(options.library, path)))
        wanted = percent / 100 * len(right)
        fits = abs(sum(right) - wanted) <= WITHIN
        failed += not fits
        print(f"{'ok  ' if fits else 'FAIL'} {path.name}: {sum(right)} of {len(right)}, "
              f"{100 * sum(right) / len(right):.2f} %, wanted {percent} %", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
