"""More random operators of TFLite, one a model, for tflite_rounding.py: floats beside weights of
bytes, and operators on bytes whose kernels have rounding of their own."""
import numpy as np

from tflite_rounding import Model, bytes_of, options_of, zero_of


def hybrid_case(schema, rng, op, each):
    """Data of floats, weights of bytes with a scale for each result or one; -128 is no weight."""
    model = Model(schema)
    cin, cout, count = (int(n) for n in rng.integers(1, 9, 3))
    if op == "FULLY_CONNECTED":
        cout, cin = 4 * cout, 7 * cin
        shape, wshape, out, axis = [count, cin], [cout, cin], [count, cout], 0
        options = options_of(schema, "FullyConnectedOptions", asymmetricQuantizeInputs=True)
    else:
        side, taps, stride = (int(rng.integers(*r)) for r in ((5, 20), (1, 4), (1, 3)))
        shape = [count, side, side + 1, cin]
        out = [(n + stride - 1) // stride for n in shape[1:3]]
        common = dict(padding=0, strideH=stride, strideW=stride)
        window = dict(common, dilationHFactor=1, dilationWFactor=1,
                      fusedActivationFunction=int(rng.choice([0, 1, 3])))
        wshape, axis = [cout, taps, taps, cin], 0
        if op == "CONV_2D":
            options = options_of(schema, "Conv2DOptions", **window)
        elif op == "DEPTHWISE_CONV_2D":
            cout = cin * int(rng.integers(1, 3))
            wshape, axis = [1, taps, taps, cout], 3
            options = options_of(schema, "DepthwiseConv2DOptions", depthMultiplier=cout // cin,
                                 **window)
        else:
            out = [n * stride for n in shape[1:3]]
            options = options_of(schema, "TransposeConvOptions", **common)
        out = [count, *out, cout]
    scales = rng.uniform(0.002, 0.02, cout if each else 1).astype(np.float32)
    x = model.tensor("x", "FLOAT32", shape)
    w = model.tensor("w", "INT8", wshape, scales, [0] * len(scales),
                     np.maximum(bytes_of(rng, "INT8", wshape), -127))
    model.tensors[w].quantization.quantizedDimension = axis
    b = model.tensor("b", "FLOAT32", [cout], data=rng.normal(size=cout).astype(np.float32))
    y = model.tensor("y", "FLOAT32", out)
    model.inputs, model.outputs = [x], [y]
    operands = [x, w, b]
    if op == "TRANSPOSE_CONV":
        sizes = model.tensor("s", "INT32", [4], data=np.array(out, np.int32))
        operands = [sizes, w, x, b]
    data = rng.normal(size=shape) * 10 ** rng.uniform(-3, 3) + 10 * rng.normal() * rng.integers(2)
    return model.file(op, operands, [y], options), {"x": data.astype(np.float32)}


def ends(model, rng, kind, shape, out_shape, out=None):
    scale = np.float32(rng.uniform(0.01, 0.1))
    x = model.tensor("x", kind, shape, [scale], [zero_of(rng, kind)])
    own, zero = out or (np.float32(rng.uniform(0.01, 0.1)), zero_of(rng, kind))
    model.inputs = [x]
    model.outputs = [model.tensor("y", kind, out_shape, [own], [zero])]
    return x


def resize_case(schema, rng, kind, op):
    model = Model(schema)
    shape = [1, *(int(n) for n in rng.integers(3, 12, 2)), int(rng.integers(1, 9))]
    to = [int(rng.choice([2, 3, 4])) * n for n in shape[1:3]]
    if rng.integers(2):
        to = [int(n) for n in rng.integers(2, 30, 2)]
    alike = np.float32(rng.uniform(0.01, 0.1)), zero_of(rng, kind)
    x = ends(model, rng, kind, shape, [1, *to, shape[3]], alike)
    model.tensors[x].quantization.scale = [float(alike[0])]
    model.tensors[x].quantization.zeroPoint = [alike[1]]
    sizes = model.tensor("n", "INT32", [2], data=np.array(to, np.int32))
    mode = int(rng.integers(3))
    options = options_of(schema, "ResizeBilinearOptions", alignCorners=mode == 1,
                         halfPixelCenters=mode == 2)
    return model.file(op, [x, sizes], model.outputs, options), {"x": bytes_of(rng, kind, shape)}


def mean_case(schema, rng, kind, op):
    model = Model(schema)
    shape = [1, *(int(n) for n in rng.integers(2, 12, 3))]
    axes = [[1, 2], [1], [2], [3], [1, 2, 3]][int(rng.integers(5))]
    x = ends(model, rng, kind, shape, [n for i, n in enumerate(shape) if i not in axes])
    a = model.tensor("a", "INT32", [len(axes)], data=np.array(axes, np.int32))
    options = options_of(schema, "ReducerOptions", keepDims=False)
    return model.file(op, [x, a], model.outputs, options), {"x": bytes_of(rng, kind, shape)}


def matmul_case(schema, rng, kind, op):
    model = Model(schema)
    batch, rows, depth, columns = int(rng.integers(1, 4)), *(int(n) for n in rng.integers(2, 40, 3))
    wanted = np.float32(rng.uniform(0.002, 0.02) * depth ** 0.5)
    x = ends(model, rng, kind, [batch, rows, depth], [batch, rows, columns],
             (wanted, zero_of(rng, kind)))
    w = model.tensor("w", kind, [batch, depth, columns], [np.float32(0.02)], [zero_of(rng, kind)])
    model.inputs.append(w)
    options = options_of(schema, "BatchMatMulOptions", adjX=False, adjY=False)
    return (model.file(op, [x, w], model.outputs, options),
            {"x": bytes_of(rng, kind, [batch, rows, depth]),
             "w": bytes_of(rng, kind, [batch, depth, columns])})


def unary_case(schema, rng, kind, op):
    low, middle = (-128, 0) if kind == "INT8" else (0, 128)
    shares = np.float32(1 / 256), low
    fixed = {"SOFTMAX": shares, "LOGISTIC": shares, "TANH": (np.float32(1 / 128), middle),
             "LOG_SOFTMAX": (np.float32(16 / 256), low + 255),
             "L2_NORMALIZATION": (np.float32(1 / 128), middle)}
    options = {"SOFTMAX": ("SoftmaxOptions", {"beta": 1.0}),
               "LEAKY_RELU": ("LeakyReluOptions", {"alpha": float(rng.uniform(0.01, 0.5))}),
               "GELU": ("GeluOptions", {"approximate": bool(rng.integers(2))}),
               "L2_NORMALIZATION": ("L2NormOptions", {}), "HARD_SWISH": ("HardSwishOptions", {})}
    model = Model(schema)
    shape = [1, *(int(n) for n in rng.integers(3, 40, 2))]
    x = ends(model, rng, kind, shape, shape, fixed.get(op))
    if op in ("RSQRT", "SQRT", "LOG"):
        model.tensors[x].quantization.zeroPoint = [low]
    name, fields = options.get(op, (None, {}))
    made = options_of(schema, name, **fields) if name else None
    return model.file(op, [x], model.outputs, made), {"x": bytes_of(rng, kind, shape)}


def prelu_case(schema, rng, kind, op):
    model = Model(schema)
    shape = [1, *(int(n) for n in rng.integers(3, 20, 2)), 5]
    x = ends(model, rng, kind, shape, shape)
    slope = model.tensor("a", kind, [1, 1, 5], [np.float32(0.01)], [zero_of(rng, kind)],
                         bytes_of(rng, kind, [1, 1, 5]))
    return model.file(op, [x, slope], model.outputs), {"x": bytes_of(rng, kind, shape)}


HYBRID = [(op, each) for op in ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "TRANSPOSE_CONV")
          for each in (True, False) if each or op != "DEPTHWISE_CONV_2D"]
OTHERS = [(mean_case, "MEAN"), (mean_case, "SUM"), (matmul_case, "BATCH_MATMUL"),
          (resize_case, "RESIZE_BILINEAR"), (prelu_case, "PRELU")] + [
    (unary_case, op) for op in ("SOFTMAX", "LOGISTIC", "TANH", "LEAKY_RELU", "HARD_SWISH", "GELU",
                                "LOG_SOFTMAX", "L2_NORMALIZATION", "ELU", "EXP", "ABS", "RSQRT",
                                "SQRT", "LOG")]
