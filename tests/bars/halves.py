"""Networks in halves: the well-known topologies, converted to f16 and bf16, give what ONNX Runtime
gives for them and run as fast as they do in f32.

  halves.py HONE [--only REGEX]              the answers
  halves.py HONE --times [--write FILE]      time in f16 and bf16 over time in f32, taking turns;
                                             into the table of FILE, such as docs/performance.md

ONNX Runtime has few kernels of bf16: there it runs the network in f32 with the same rounded
weights. What is in halves beyond that, inputs and outputs, is rounded for both alike.
"""
import json
import pathlib
import re
import statistics
import sys
import tempfile

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, numpy_helper

import bench_graphs
import hone_cli
import page

TIMED = ["resnet50", "mobilenet_v2", "bert_base", "vit_b_16", "efficientnet_b0"]
SIZES = {"bert_base": ["--shape", "input_ids=1x128", "--shape", "attention_mask=1x128"]}
HALVES = {"f16": TensorProto.FLOAT16, "bf16": TensorProto.BFLOAT16}
DIGITS = {"f16": 2.0 ** -11, "bf16": 2.0 ** -8}
# Operands that stay f32 whatever the network computes in.
SINGLE = {"Resize": (1, 2), "Upsample": (1,)}


def rounded(array, half):
    """f32 numbers that the half has."""
    if half == "f16":
        return array.astype(np.float16).astype(np.float32)
    bits = np.ascontiguousarray(array, np.float32).view(np.uint32)
    return ((bits + 0x7FFF + ((bits >> 16) & 1)) & 0xFFFF0000).astype(np.uint32).view(np.float32)


def half_tensor(tensor, half):
    """The same numbers as a tensor of halves."""
    array = np.asarray(numpy_helper.to_array(tensor), np.float32)
    if half == "f16":  # the number that masks hide with becomes the least that there is
        least = np.float32(np.finfo(np.float16).min)
        array = np.where(array < least, least, array)
        made = numpy_helper.from_array(array.astype(np.float16), tensor.name)
    else:
        made = TensorProto(name=tensor.name, dims=tensor.dims, data_type=TensorProto.BFLOAT16)
        made.raw_data = (rounded(array, half).view(np.uint32) >> 16).astype(np.uint16).tobytes()
    return made


class Conversion:
    """Of a whole model, its branches and loops too."""

    def __init__(self, model, half):
        self.half, self.type, self.casts = half, HALVES[half], 0
        self.graph(model.graph)

    def graph(self, graph):
        singles = {node.input[i] for node in graph.node for i in SINGLE.get(node.op_type, ())
                   if i < len(node.input)}
        for tensor in graph.initializer:
            if tensor.data_type == TensorProto.FLOAT and tensor.name not in singles:
                tensor.CopyFrom(half_tensor(tensor, self.half))
        for value in [*graph.input, *graph.output]:
            if value.type.tensor_type.elem_type == TensorProto.FLOAT:
                value.type.tensor_type.elem_type = self.type
        del graph.value_info[:]
        constants = {t.name for t in graph.initializer}
        nodes = []
        for node in graph.node:
            if node.op_type == "Constant" and node.output[0] in singles:
                constants.add(node.output[0])
            else:
                self.attributes(node)
            for i in SINGLE.get(node.op_type, ()):
                if i < len(node.input) and node.input[i] and node.input[i] not in constants:
                    self.casts += 1
                    name = f"single.{self.casts}"
                    nodes.append(onnx.helper.make_node("Cast", [node.input[i]], [name], to=1))
                    node.input[i] = name
            nodes.append(node)
        made = [onnx.NodeProto.FromString(node.SerializeToString()) for node in nodes]
        del graph.node[:]
        graph.node.extend(made)

    def attributes(self, node):
        for attribute in node.attribute:
            if attribute.type == onnx.AttributeProto.GRAPH:
                self.graph(attribute.g)
            elif attribute.type == onnx.AttributeProto.TENSOR and \
                    attribute.t.data_type == TensorProto.FLOAT:
                attribute.t.CopyFrom(half_tensor(attribute.t, self.half))
            elif attribute.name in ("to", "dtype") and attribute.i == TensorProto.FLOAT:
                attribute.i = self.type
            elif attribute.name in ("value_float", "value_floats") and node.op_type == "Constant":
                numbers = attribute.floats if attribute.floats else attribute.f
                tensor = half_tensor(numpy_helper.from_array(np.array(numbers, np.float32)),
                                     self.half)
                node.attribute[0].CopyFrom(onnx.helper.make_attribute("value", tensor))


def converted(model, half):
    made = onnx.ModelProto()
    made.CopyFrom(model)
    Conversion(made, half)
    return made


def with_rounded_weights(model, half):
    made = onnx.ModelProto()
    made.CopyFrom(model)
    for tensor in made.graph.initializer:
        if tensor.data_type == TensorProto.FLOAT:
            array = rounded(numpy_helper.to_array(tensor), half)
            tensor.CopyFrom(numpy_helper.from_array(array, tensor.name))
    return made


def filled(model, folder):
    """The topology with weights, in one piece."""
    return onnx.load(bench_graphs.fill(model, folder))


def saved(model, path):
    onnx.save(model, path)
    return path


def wanted(model, inputs):
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(model, options)
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(None, inputs)))


def as_given(inputs, half):
    """The inputs as a model in halves takes them, and as f32."""
    def in_half(array):
        if half == "f16":
            return array.astype(np.float16)
        return (rounded(array, half).view(np.uint32) >> 16).astype(np.uint16).view("V2")
    given = {n: in_half(a) if a.dtype == np.float32 else a for n, a in inputs.items()}
    as_f32 = {n: rounded(a, half) if a.dtype == np.float32 else a for n, a in inputs.items()}
    return given, as_f32


def single(array):
    """As f32; bf16 has no name in numpy, its bits come as two bytes."""
    if array.dtype.itemsize == 2 and array.dtype.kind == "V":
        return (array.view(np.uint16).astype(np.uint32) << 16).view(np.float32)
    return array.astype(np.float32)


def judge(tool, topology, half):
    """(is it good, how far apart in words)"""
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        model = filled(topology, folder)
        inputs = bench_graphs.example_inputs_of(folder / topology.name)
        given, as_f32 = as_given(inputs, half)
        file = saved(converted(model, half), folder / "half.onnx")
        if half == "f16":
            want = wanted(file, given)
        else:
            single_file = saved(with_rounded_weights(model, half), folder / "single.onnx")
            want = wanted(single_file, as_f32)
        got = hone_cli.run(tool, file, given)
    worst = 0.0
    for name, right in want.items():
        right, found = single(right), single(got[name])
        if found.shape != right.shape or not np.isfinite(found).all():
            return False, f"{name} is {got[name].dtype}{list(found.shape)}, or not finite"
        apart = np.abs(found - right).max() / np.abs(right).max()
        worst = max(worst, float(apart))
    # ONNX Runtime rounds what its own kernels of halves give, here and there.
    return worst <= 8 * DIGITS[half], f"{worst / DIGITS[half]:.2f} roundings apart"


def median_ms(tool, engine, sizes):
    told = json.loads(hone_cli.hone(tool, "bench", engine, "--duration", "0.6", "--warm-up", "0.1",
                                    "--workers", 1, "--format", "json", *sizes))
    return 1e3 * told["cases"][0]["median"]


def times(tool, topology, rounds):
    """Medians in f32, f16 and bf16, by one thread, of rounds in which all take turns."""
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        model = filled(topology, folder)
        engines = {}
        for kind in ("f32", *HALVES):
            file = folder / f"{kind}.onnx"
            saved(model if kind == "f32" else converted(model, kind), file)
            engines[kind] = folder / f"{kind}.hone"
            hone_cli.hone(tool, "build", file, "-o", engines[kind], "--workers", 1)
            file.unlink()
        found = {kind: [] for kind in engines}
        for _ in range(rounds):
            for kind, engine in engines.items():
                found[kind].append(median_ms(tool, engine, SIZES.get(topology.stem, [])))
    ratio = {kind: statistics.median(a / b for a, b in zip(found[kind], found["f32"]))
             for kind in HALVES}
    return {kind: statistics.median(each) for kind, each in found.items()}, ratio


def write_table(path, rows):
    page.write_table("halves", ["| graph | f32, ms | f16, ms | bf16, ms | f16 / f32 | bf16 / f32 |",
                                "|---|--:|--:|--:|--:|--:|", *"".join(rows).splitlines()], path)


def main():
    parser = hone_cli.parser(__doc__)
    parser.add_argument("--only", default="", help="a regular expression of names")
    parser.add_argument("--times", action="store_true")
    parser.add_argument("--rounds", type=int, default=11)
    parser.add_argument("--write", type=pathlib.Path)
    options = parser.parse_args()
    folder = hone_cli.DATA / "bench_graphs"
    hone_cli.skip_without(folder)
    models = [model for model in sorted(folder.glob("*.onnx"))
              if re.search(options.only, model.stem)]
    bad, rows = 0, []
    for model in models:
        if options.times:
            if model.stem not in TIMED:
                continue
            found, ratio = times(options.hone, model, options.rounds)
            bad += max(ratio.values()) > 1.05  # what turns of the same network are apart
            rows.append(f"| {model.stem} | {found['f32']:.2f} | {found['f16']:.2f} | "
                        f"{found['bf16']:.2f} | {ratio['f16']:.2f} | {ratio['bf16']:.2f} |\n")
            print(rows[-1], end="", flush=True)
            continue
        for half in HALVES:
            try:
                fits, words = judge(options.hone, model, half)
            except hone_cli.Failed as failure:
                fits, words = False, str(failure)
            bad += not fits
            print(f"{'ok    ' if fits else 'FAILED'} {model.stem:20} {half:5} {words}", flush=True)
    if options.write and rows:
        write_table(options.write, rows)
    return 1 if bad or not models else 0


if __name__ == "__main__":
    sys.exit(main())
