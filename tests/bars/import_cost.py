"""What it costs to import networks with 25 to 200 MB of weights, by format: seconds, and the most
memory that hone_import() needs beside the mapped file. The bar: weights stay in the file, so that
is a tenth of its size at most; where a file's layout forbids it (a tag before each number), twice
its size.

ResNet-50 with random weights, written by PyTorch or TensorFlow where this Python has them
(tests/exported_requirements.txt, tests/tensorflow_requirements.txt); files of Caffe and MXNet by
this script. Files that lie in the folder already are taken as they are, so that two Pythons may
write to one folder."""
import argparse
import json
import pathlib
import struct
import subprocess
import sys
import tempfile

import numpy as np

import hone_cli
import page

sys.path.insert(0, str(hone_cli.ROOT / "tests/hostile"))
import onnx_bytes as proto  # noqa: E402

PAGE = hone_cli.ROOT / "docs/import-cost.md"
LAYERS = [(512, 512, 3)] * 8 + [(2048, 512, 3)]  # filters, channels, side: 113 MB

# What an import may need, as a share of the file: 0.1 where weights are mapped.
FILES = {
    "resnet50.onnx": ("ONNX", 0.1), "resnet50.pt2": ("PyTorch, `.pt2`", 0.1),
    "resnet50_core.pt2": ("PyTorch, core ATen", 0.1),
    "resnet50_traced.pt": ("TorchScript, traced", 0.1),
    "resnet50_frozen.pt": ("TorchScript, frozen", 0.1),
    "resnet50_saved": ("TensorFlow, SavedModel", 0.1),
    "resnet50_frozen.pb": ("TensorFlow, frozen graph", 0.1),
    "resnet50.tflite": ("TFLite, floats", 0.1), "resnet50_f16.tflite": ("TFLite, halves", 0.1),
    "resnet50_int8.tflite": ("TFLite, weights of 8 bits", 0.1),
    "convs.prototxt": ("Caffe, packed", 0.1), "convs_v1.prototxt": ("Caffe, V1, not packed", 2),
    "convs-symbol.json": ("MXNet", 0.1),
}


def write_torch(folder):
    import torch
    import torchvision
    torch.manual_seed(0)
    model, x = torchvision.models.resnet50(weights=None).eval(), torch.randn(1, 3, 224, 224)
    with torch.no_grad():
        traced = torch.jit.trace(model, x)
        torch.jit.save(traced, folder / "resnet50_traced.pt")
        torch.jit.save(torch.jit.freeze(traced), folder / "resnet50_frozen.pt")
        program = torch.export.export(model, (x,))
        torch.export.save(program, folder / "resnet50.pt2")
        torch.export.save(program.run_decompositions(), folder / "resnet50_core.pt2")
        torch.onnx.export(model, (x,), folder / "resnet50.onnx", dynamo=False)


def write_tensorflow(folder):
    import keras
    import tensorflow as tf
    from tensorflow.python.framework.convert_to_constants import (
        convert_variables_to_constants_v2 as freeze)
    saved = str(folder / "resnet50_saved")
    keras.applications.ResNet50(weights=None).export(saved, verbose=False)
    loaded = tf.saved_model.load(saved)  # which keeps the variables
    frozen = freeze(loaded.signatures["serving_default"])
    (folder / "resnet50_frozen.pb").write_bytes(frozen.graph.as_graph_def().SerializeToString())
    for name, types in (("", None), ("_int8", []), ("_f16", [tf.float16])):
        converter = tf.lite.TFLiteConverter.from_saved_model(saved)
        if types is not None:
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
            converter.target_spec.supported_types = types
        (folder / f"resnet50{name}.tflite").write_bytes(converter.convert())


def write_caffe(folder, packed):
    """A chain of convolutions; not packed: each number behind its own tag, in layers of V1."""
    rng = np.random.default_rng(1)
    name = "convs" if packed else "convs_v1"
    text, stored = 'input: "x" input_shape { dim: 1 dim: 512 dim: 8 dim: 8 }\n', b""
    for i, (filters, channels, side) in enumerate(LAYERS):
        bottom = "x" if i == 0 else f"y{i - 1}"
        kind, word = ('"Convolution"', "layer") if packed else ("CONVOLUTION", "layers")
        text += (f'{word} {{ name: "c{i}" type: {kind} bottom: "{bottom}" top: "y{i}" '
                 f"convolution_param {{ num_output: {filters} kernel_size: {side} pad: 1 "
                 "bias_term: false } }\n")
        weights = rng.normal(scale=0.02, size=(filters, channels, side, side)).astype("<f4")
        if packed:
            shape = b"".join(proto.number(1, n) for n in weights.shape)
            blob = proto.data(7, shape) + proto.data(5, weights.tobytes())
            stored += proto.data(100, proto.data(1, f"c{i}".encode()) + proto.data(7, blob))
        else:
            sizes = b"".join(proto.number(at + 1, n) for at, n in enumerate(weights.shape))
            tagged = np.empty(weights.size, np.dtype([("tag", "u1"), ("value", "<f4")]))
            tagged["tag"], tagged["value"] = 5 << 3 | 5, weights.ravel()
            stored += proto.data(2, proto.data(4, f"c{i}".encode()) + proto.number(5, 4) +
                                 proto.data(6, sizes + tagged.tobytes()))
    (folder / f"{name}.prototxt").write_text(text)
    (folder / f"{name}.caffemodel").write_bytes(stored)


def write_mxnet(folder):
    rng = np.random.default_rng(1)
    nodes = [{"op": "null", "name": "x", "attrs": {"__shape__": "(1, 512, 8, 8)"}, "inputs": []}]
    names, stored, last = [], b"", 0
    for i, (filters, channels, side) in enumerate(LAYERS):
        nodes.append({"op": "null", "name": f"w{i}", "inputs": []})
        attrs = {"kernel": f"({side}, {side})", "pad": "(1, 1)", "num_filter": str(filters),
                 "no_bias": "True"}
        nodes.append({"op": "Convolution", "name": f"c{i}", "attrs": attrs,
                      "inputs": [[last, 0, 0], [len(nodes) - 1, 0, 0]]})
        last = len(nodes) - 1
        weights = rng.normal(scale=0.02, size=(filters, channels, side, side)).astype("<f4")
        stored += struct.pack("<IiI4q3i", 0xF993FAC9, 0, 4, *weights.shape, 1, 0, 0)
        stored += weights.tobytes()
        names.append(f"arg:w{i}".encode())
    places = [i for i, node in enumerate(nodes) if node["op"] == "null"]
    (folder / "convs-symbol.json").write_text(json.dumps(
        {"nodes": nodes, "arg_nodes": places, "heads": [[last, 0, 0]]}))
    count = struct.pack("<Q", len(names))
    listed = b"".join(struct.pack("<Q", len(name)) + name for name in names)
    (folder / "convs-0000.params").write_bytes(
        struct.pack("<QQ", 0x112, 0) + count + stored + count + listed)


def size_of(path):
    """In MiB, of all files of a network."""
    partner = {".prototxt": path.with_suffix(".caffemodel"),
               ".json": path.with_name("convs-0000.params")}.get(path.suffix, path)
    files = partner.rglob("*") if partner.is_dir() else [partner]
    return sum(file.stat().st_size for file in files) / 2**20


# A process of its own for each import, which looks at itself while another thread imports: memory
# of no file, so what is read of a mapped file does not count.
MEASURE = """import ctypes, sys, threading, time
def anonymous():
    with open("/proc/self/status") as lines:
        return next(int(line.split()[1]) for line in lines if line.startswith("RssAnon"))
hone = ctypes.CDLL(sys.argv[1])
hone.hone_import.argtypes = [ctypes.c_char_p, ctypes.c_void_p, ctypes.c_void_p]
model, told = ctypes.c_void_p(), []
def work():
    start = time.perf_counter()
    code = hone.hone_import(sys.argv[2].encode(), None, ctypes.byref(model))
    told.extend([time.perf_counter() - start, code])
before, most = anonymous(), 0
thread = threading.Thread(target=work)
thread.start()
while thread.is_alive():
    most = max(most, anonymous())
most = max(most, anonymous())
print(told[0], (most - before) / 1024, (anonymous() - before) / 1024, told[1])"""


def cost_of(library, path):
    """Seconds, the best of three; MiB at most while importing and afterwards."""
    best, most, left = float("inf"), 0, 0
    for _ in range(3):
        told = subprocess.run([sys.executable, "-I", "-S", "-c", MEASURE, library, path],
                              capture_output=True, text=True, check=True).stdout.split()
        if told[3] != "0":
            raise hone_cli.Failed(f"{path}: error {told[3]}")
        seconds, peak, kept = map(float, told[:3])
        best, most, left = min(best, seconds), max(most, peak), max(left, kept)
    return best, most, left


def write_missing(folder):
    for name, write in (("resnet50.onnx", write_torch), ("resnet50.tflite", write_tensorflow)):
        if not (folder / name).exists():
            try:
                write(folder)
            except ImportError as absent:
                print(f"skipped: what is written by {absent.name}, which is not there", flush=True)
    if not (folder / "convs-symbol.json").exists():
        write_caffe(folder, True)
        write_caffe(folder, False)
        write_mxnet(folder)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("library", help="libhone.so")
    parser.add_argument("--folder", help="where the files are, and are written to")
    parser.add_argument("--make", action="store_true", help="write the files, measure nothing")
    parser.add_argument("--write", action="store_true", help="the table into docs/import-cost.md")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as own:
        folder = pathlib.Path(options.folder or own)
        folder.mkdir(parents=True, exist_ok=True)
        write_missing(folder)
        if options.make:
            return 0
        lines = ["| format | file, MiB | seconds | peak, MiB | afterwards, MiB | at most, MiB |",
                 "|---|---|---|---|---|---|"]
        bad = 0
        for name, (format_name, share) in FILES.items():
            path = folder / name
            if not path.exists():
                continue
            size = size_of(path)
            seconds, most, left = cost_of(options.library, path)
            fits = most <= share * size
            bad += not fits
            lines.append(f"| {format_name} | {size:.0f} | {seconds:.3f} | {most:.1f} | "
                         f"{left:.1f} | {share * size:.0f} |")
            print(f"{'ok    ' if fits else 'FAILED'} {lines[-1]}", flush=True)
    print(f"import cost: {len(lines) - 2 - bad} passed, {bad} failed")
    if options.write:
        page.write_table("formats", lines, PAGE)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
