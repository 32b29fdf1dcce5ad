"""Random operators of TFLite on bytes, one a model, beside TensorFlow's reference kernels: with
--reference-rounding Hone gives the same integers, bit for bit; without, at most one quantum from
the kernels that an interpreter takes by default. Operators of other rounding: at most one quantum
from one of its three sets of kernels. Floats beside weights of bytes: within a millionth of the
reference kernels. Also the end of detectors (a custom operator), in floats. Needs tensorflow
(tests/tensorflow_requirements.txt); skips, saying so, without it."""
import os
import pathlib
import sys
import tempfile

import numpy as np

import hone_cli

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


# Of operators as TensorFlow registers them; 3 of others.
VERSIONS = {"CONV_2D": 5, "FULLY_CONNECTED": 5, "SUM": 2, "LEAKY_RELU": 2, "HARD_SWISH": 1,
            "GELU": 2, "LOG_SOFTMAX": 2, "L2_NORMALIZATION": 2, "ELU": 1, "EXP": 2, "PRELU": 1,
            "SQRT": 2, "LOG": 2}


class Model:
    """One operator with its tensors."""

    def __init__(self, schema):
        self.schema = schema
        self.tensors, self.inputs, self.outputs = [], [], []
        self.buffers = [schema.BufferT()]

    def tensor(self, name, kind, shape, scales=(), zeros=(), data=None):
        made = self.schema.TensorT()
        made.name, made.shape = name, list(shape)
        made.type = getattr(self.schema.TensorType, kind)
        if len(scales):
            made.quantization = self.schema.QuantizationParametersT()
            made.quantization.scale = [float(s) for s in scales]
            made.quantization.zeroPoint = [int(z) for z in zeros]
        if data is not None:
            buffer = self.schema.BufferT()
            buffer.data = np.frombuffer(np.ascontiguousarray(data).tobytes(), np.uint8)
            self.buffers.append(buffer)
            made.buffer = len(self.buffers) - 1
        self.tensors.append(made)
        return len(self.tensors) - 1

    def file(self, kind, inputs, outputs, options=None, custom=None):
        import flatbuffers
        s = self.schema
        code = s.OperatorCodeT()
        code.builtinCode = getattr(s.BuiltinOperator, kind)
        code.deprecatedBuiltinCode = min(code.builtinCode, 127)
        code.version = VERSIONS.get(kind, 3)
        if custom is not None:
            code.customCode, code.version = custom[0], 1
        op = s.OperatorT()
        op.inputs, op.outputs = inputs, outputs
        if options is not None:
            op.builtinOptionsType, op.builtinOptions = options
        if custom is not None:
            op.customOptions = np.frombuffer(custom[1], np.uint8)
        graph = s.SubGraphT()
        graph.tensors, graph.operators = self.tensors, [op]
        graph.inputs, graph.outputs = self.inputs, self.outputs
        model = s.ModelT()
        model.version, model.operatorCodes, model.subgraphs = 3, [code], [graph]
        model.buffers = self.buffers
        builder = flatbuffers.Builder(1024)
        builder.Finish(model.Pack(builder), b"TFL3")
        return bytes(builder.Output())


def options_of(schema, name, **fields):
    made = getattr(schema, name + "T")()
    for key, value in fields.items():
        setattr(made, key, value)
    return getattr(schema.BuiltinOptions, name), made


def bytes_of(rng, kind, shape):
    info = np.iinfo(np.uint8 if kind == "UINT8" else np.int8)
    return rng.integers(info.min, info.max + 1, shape).astype(info.dtype)


def zero_of(rng, kind):
    return int(rng.integers(0, 256)) if kind == "UINT8" else int(rng.integers(-128, 128))


def weights(model, rng, kind, shape, axis, channels):
    """i8: a scale for each channel, or one; u8: one, with a zero point."""
    each = kind == "INT8" and rng.integers(2) == 1
    count = channels if each else 1
    scales = rng.uniform(0.002, 0.02, count).astype(np.float32)
    zeros = [zero_of(rng, kind)] if kind == "UINT8" else [0] * count
    w = model.tensor("w", kind, shape, scales, zeros, bytes_of(rng, kind, shape))
    if each:
        model.tensors[w].quantization.quantizedDimension = axis
    return w, scales


def product_case(schema, rng, kind, op):
    model = Model(schema)
    scale = np.float32(rng.uniform(0.01, 0.1))
    cin, cout = int(rng.integers(1, 9)), int(rng.integers(1, 9))
    act = int(rng.choice([0, 1, 3]))
    if op == "FULLY_CONNECTED":
        cout *= 8
        shape, wshape, axis = [int(rng.integers(100, 600)), cin * 7], [cout, cin * 7], 0
        out_shape, depth = [shape[0], cout], cin * 7
        options = options_of(schema, "FullyConnectedOptions", fusedActivationFunction=act)
    else:
        side, taps = int(rng.integers(20, 60)), int(rng.integers(1, 4))
        stride = int(rng.integers(1, 3))
        pad = int(rng.integers(2))
        shape = [1, side, side + 1, cin]
        out = [(n + stride - 1) // stride if pad == 0 else (n - taps) // stride + 1
               for n in shape[1:3]]
        common = dict(padding=pad, strideH=stride, strideW=stride, fusedActivationFunction=act,
                      dilationHFactor=1, dilationWFactor=1)
        if op == "CONV_2D":
            wshape, axis, depth = [cout, taps, taps, cin], 0, taps * taps * cin
            options = options_of(schema, "Conv2DOptions", **common)
        else:
            cout = cin * int(rng.integers(1, 3))
            wshape, axis, depth = [1, taps, taps, cout], 3, taps * taps
            options = options_of(schema, "DepthwiseConv2DOptions", depthMultiplier=cout // cin,
                                 **common)
        out_shape = [1, *out, cout]
    x = model.tensor("x", kind, shape, [scale], [zero_of(rng, kind)])
    w, scales = weights(model, rng, kind, wshape, axis, cout)
    bias = rng.integers(-2000, 2000, cout).astype(np.int32)
    b = model.tensor("b", "INT32", [cout], [scale * s for s in scales], [0] * len(scales), bias)
    wanted = float(scale) * float(scales.mean()) * 74 * 74 * np.sqrt(depth) / 60
    y = model.tensor("y", kind, out_shape, [np.float32(wanted * rng.uniform(0.5, 2))],
                     [zero_of(rng, kind)])
    model.inputs, model.outputs = [x], [y]
    return model.file(op, [x, w, b], [y], options), {"x": bytes_of(rng, kind, shape)}


def binary_case(schema, rng, kind, op):
    model = Model(schema)
    shape = [1, int(rng.integers(9, 40)), int(rng.integers(9, 40)), 4]
    feeds, ports = {}, []
    for name in "ab":
        scale = np.float32(rng.uniform(0.01, 0.1))
        own = shape if name == "a" or rng.integers(2) else [1, 1, 1, 4]
        ports.append(model.tensor(name, kind, own, [scale], [zero_of(rng, kind)]))
        feeds[name] = bytes_of(rng, kind, own)
    scale = np.float32(rng.uniform(0.02, 0.2) if op != "MUL" else rng.uniform(0.02, 0.5))
    y = model.tensor("y", kind, shape, [scale], [zero_of(rng, kind)])
    model.inputs, model.outputs = ports, [y]
    options = options_of(schema, f"{op.capitalize()}Options",
                         fusedActivationFunction=int(rng.choice([0, 1, 3])))
    return model.file(op, ports, [y], options), feeds


def average_case(schema, rng, kind, _):
    model = Model(schema)
    shape = [1, int(rng.integers(4, 9)), int(rng.integers(4, 9)), 3]
    taps = int(rng.integers(2, 4))
    scale, zero = np.float32(rng.uniform(0.01, 0.1)), zero_of(rng, kind)
    x = model.tensor("x", kind, shape, [scale], [zero])
    y = model.tensor("y", kind, [1, shape[1], shape[2], 3], [scale], [zero])
    model.inputs, model.outputs = [x], [y]
    options = options_of(schema, "Pool2DOptions", padding=0, strideH=1, strideW=1,
                         filterWidth=taps, filterHeight=taps, fusedActivationFunction=0)
    return model.file("AVERAGE_POOL_2D", [x], [y], options), {"x": bytes_of(rng, kind, shape)}


def quantize_case(schema, rng, kind, _):
    model = Model(schema)
    shape = [1, int(rng.integers(20, 200))]
    x = model.tensor("x", kind, shape, [np.float32(rng.uniform(0.01, 0.1))], [zero_of(rng, kind)])
    other = str(rng.choice(["UINT8", "INT8"]))
    y = model.tensor("y", other, shape, [np.float32(rng.uniform(0.01, 0.1))],
                     [zero_of(rng, other)])
    model.inputs, model.outputs = [x], [y]
    return model.file("QUANTIZE", [x], [y]), {"x": bytes_of(rng, kind, shape)}


def transposed_case(schema, rng, kind, _):
    model = Model(schema)
    side, stride, taps = int(rng.integers(9, 20)), 2, int(rng.integers(2, 4))
    cin, cout = int(rng.integers(1, 5)), int(rng.integers(1, 5))
    scale = np.float32(rng.uniform(0.01, 0.1))
    sizes = np.array([1, side * stride, side * stride, cout], np.int32)
    s = model.tensor("s", "INT32", [4], data=sizes)
    w, scales = weights(model, rng, kind, [cout, taps, taps, cin], 0, cout)
    x = model.tensor("x", kind, [1, side, side, cin], [scale], [zero_of(rng, kind)])
    wanted = float(scale) * float(scales.mean()) * 74 * 74 * np.sqrt(taps * cin) / 60
    y = model.tensor("y", kind, sizes.tolist(), [np.float32(wanted)], [zero_of(rng, kind)])
    model.inputs, model.outputs = [x], [y]
    options = options_of(schema, "TransposeConvOptions", padding=0, strideH=stride, strideW=stride)
    return (model.file("TRANSPOSE_CONV", [s, w, x], [y], options),
            {"x": bytes_of(rng, kind, [1, side, side, cin])})


def detection_case(schema, rng, regular):
    from flatbuffers import flexbuffers
    model = Model(schema)
    n, classes, most = int(rng.integers(20, 60)), int(rng.integers(1, 6)), int(rng.integers(3, 20))
    names = {"y_scale": 10.0, "x_scale": 10.0, "h_scale": 5.0, "w_scale": 5.0,
             "nms_score_threshold": 0.2, "nms_iou_threshold": 0.5}
    builder = flexbuffers.Builder()
    with builder.Map():
        for key, value in names.items():
            builder.Float(key, value)
        builder.Int("max_detections", most)
        builder.Int("max_classes_per_detection", 1)
        builder.Int("detections_per_class", 10)
        builder.Int("num_classes", classes)
        builder.Bool("use_regular_nms", regular)
    anchors = rng.uniform(0.1, 0.9, (n, 4)).astype(np.float32)
    b = model.tensor("boxes", "FLOAT32", [1, n, 4])
    s = model.tensor("scores", "FLOAT32", [1, n, classes + 1])
    a = model.tensor("anchors", "FLOAT32", [n, 4], data=anchors)
    outs = [model.tensor("y0", "FLOAT32", [1, most, 4]), model.tensor("y1", "FLOAT32", [1, most]),
            model.tensor("y2", "FLOAT32", [1, most]), model.tensor("y3", "FLOAT32", [1])]
    model.inputs, model.outputs = [b, s], outs
    feeds = {"boxes": rng.normal(size=(1, n, 4)).astype(np.float32),
             "scores": rng.uniform(size=(1, n, classes + 1)).astype(np.float32)}
    return model.file("CUSTOM", [b, s, a], outs, custom=(
        "TFLite_Detection_PostProcess", bytes(builder.Finish()))), feeds


def wanted_of(tensorflow, content, resolver, feeds):
    kinds = tensorflow.lite.experimental.OpResolverType
    interpreter = tensorflow.lite.Interpreter(
        model_content=content, num_threads=1,
        experimental_op_resolver_type=getattr(kinds, resolver))
    interpreter.allocate_tensors()
    for port in interpreter.get_input_details():
        interpreter.set_tensor(port["index"], feeds[port["name"]])
    interpreter.invoke()
    return [interpreter.get_tensor(o["index"]) for o in interpreter.get_output_details()]

BYTES = ("UINT8", "INT8")
CASES = [(product_case, op) for op in ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED")] + [
    (binary_case, op) for op in ("ADD", "SUB", "MUL")] + [
    (average_case, "AVERAGE_POOL_2D"), (quantize_case, "QUANTIZE"),
    (transposed_case, "TRANSPOSE_CONV")]



def judge_bytes(tensorflow, schema, hone, path, count):
    """For each operator and type: bit for bit of how many, the most quanta from the default."""
    good = bad = 0
    rng = np.random.default_rng(11)
    from tflite_cases import resize_case
    for make, op, kinds in [(*c, BYTES) for c in CASES] + [
            (resize_case, "RESIZE_BILINEAR", ("INT8",))]:  # u8 is interpolated in floats
        for kind in kinds:
            same = ran = far = 0
            for _ in range(count):
                content, feeds = make(schema, rng, kind, op)
                path.write_bytes(content)
                try:
                    reference, = wanted_of(tensorflow, content, "BUILTIN_REF", feeds)
                    default, = wanted_of(tensorflow, content, "AUTO", feeds)
                except (RuntimeError, ValueError) as refusal:
                    print(f"  {op} {kind}: TensorFlow refuses: {str(refusal).splitlines()[0][:90]}")
                    break
                ran += 1
                exact, = hone_cli.run(hone, path, feeds, "--reference-rounding").values()
                same += np.array_equal(exact, reference)
                got, = hone_cli.run(hone, path, feeds).values()
                far = max(far, int(np.abs(got.astype(int) - default).max()))
            if ran == 0:
                continue
            fits = same == ran and far <= 1
            good, bad = good + fits, bad + (not fits)
            print(f"{'ok    ' if fits else 'FAILED'} {op} {kind}: {same} of {ran} bit for bit, "
                  f"{far} from the default ones", flush=True)
    return good, bad


def sets_of(tensorflow, content, feeds):
    """What those of its sets of kernels make of it that take it."""
    made = []
    for resolver in ("AUTO", "BUILTIN_WITHOUT_DEFAULT_DELEGATES", "BUILTIN_REF"):
        try:
            made.append(wanted_of(tensorflow, content, resolver, feeds)[0])
        except (RuntimeError, ValueError):
            made.append(None)
    return made


def judge_others(tensorflow, schema, hone, path, count):
    from tflite_cases import OTHERS
    good = bad = 0
    rng = np.random.default_rng(13)
    for make, op in OTHERS:
        for kind in BYTES:
            far = np.zeros(3, int)
            ran = 0
            for _ in range(count):
                content, feeds = make(schema, rng, kind, op)
                path.write_bytes(content)
                sets = sets_of(tensorflow, content, feeds)
                if all(wanted is None for wanted in sets):
                    break
                ran += 1
                got, = hone_cli.run(hone, path, feeds).values()
                far = [max(f, 256 if w is None else int(np.abs(got.astype(int) - w).max()))
                       for f, w in zip(far, sets)]
            if ran == 0:
                continue
            fits = min(far) <= 1
            good, bad = good + fits, bad + (not fits)
            words = " / ".join("none" if f == 256 else str(f) for f in far)
            print(f"{'ok    ' if fits else 'FAILED'} {op} {kind}: {words} quanta of {ran}",
                  flush=True)
    return good, bad


def judge_hybrid(tensorflow, schema, hone, path, count):
    from tflite_cases import HYBRID, hybrid_case
    good = bad = 0
    rng = np.random.default_rng(14)
    for op, each in HYBRID:
        worst = plain = 0
        for _ in range(count):
            content, feeds = hybrid_case(schema, rng, op, each)
            path.write_bytes(content)
            reference, = wanted_of(tensorflow, content, "BUILTIN_REF", feeds)
            most = max(np.abs(reference).max(), 1e-6)
            got, = hone_cli.run(hone, path, feeds, "--reference-rounding").values()
            worst = max(worst, float(np.abs(got - reference).max() / most))
            got, = hone_cli.run(hone, path, feeds).values()
            plain = max(plain, float(np.abs(got - reference).max() / most))
        fits = worst <= 1e-6
        good, bad = good + fits, bad + (not fits)
        print(f"{'ok    ' if fits else 'FAILED'} {op} of floats, "
              f"{'a scale for each' if each else 'one scale'}: {worst:.0e}, {plain:.0e} without "
              "rounding", flush=True)
    return good, bad


def judge_detection(tensorflow, schema, hone, path, count):
    good = bad = 0
    rng = np.random.default_rng(12)
    for i in range(count):
        content, feeds = detection_case(schema, rng, i % 2 == 1)
        path.write_bytes(content)
        wanted = wanted_of(tensorflow, content, "AUTO", feeds)
        got = list(hone_cli.run(hone, path, feeds).values())
        there = int(wanted[3][0])
        fits = int(got[3][0]) == there and all(
            np.allclose(g[0, :there], w[0, :there], 1e-5, 1e-6)
            for g, w in zip(got[:3], wanted[:3]))
        good, bad = good + fits, bad + (not fits)
    print(f"{'ok    ' if not bad else 'FAILED'} TFLite_Detection_PostProcess: {good} of {count}")
    return good, bad


def main():
    parser = hone_cli.parser(__doc__)
    parser.add_argument("--count", type=int, default=8, help="models of each operator and type")
    options = parser.parse_args()
    try:
        import tensorflow
        from tensorflow.lite.python import schema_py_generated as schema
    except ImportError:
        print("skipped: there is no tensorflow")
        return 77
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "op.tflite"
        good, bad = judge_bytes(tensorflow, schema, options.hone, path, options.count)
        for judge in (judge_others, judge_hybrid, judge_detection):
            more, worse = judge(tensorflow, schema, options.hone, path, options.count)
            good, bad = good + more, bad + worse
    print(f"rounding of TFLite: {good} passed, {bad} failed")
    return 1 if bad or not good else 0


if __name__ == "__main__":
    sys.exit(main())
