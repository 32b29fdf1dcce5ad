"""Numbers stored as small integers."""
import ml_dtypes
import numpy as np

import exact
from case import Tolerance, is_narrow, is_narrow_integer
from draw import types_that_run
from exact import judged, some_bytes
from operators.networks import spatial_shape, window
from table import operators

ONE_OFF = Tolerance(absolute=1)  # a result that lies half way may be rounded to either side
BYTES = (np.uint8, np.int8)


def narrower(d):
    """Types of fewer bits that the version quantizes to."""
    schema = d.schema.outputs[0].type_str if d.op == "QuantizeLinear" else "T1"
    return [t for t in types_that_run(d.op, "", d.opset, schema) if is_narrow(t)]


def scale(d, shape=()):
    return (d.array(np.float32, shape, "unit") + np.float32(0.05)).astype(np.float32)


def dyadic(d, shape=()):
    """A power of two: scaling by it is exact."""
    return np.exp2(d.array(np.int64, shape, low=-3, high=2)).astype(np.float32)


def point(d, dtype, shape=()):
    if is_narrow(dtype) and not is_narrow_integer(dtype):
        return np.zeros(shape, dtype)
    info = ml_dtypes.iinfo(dtype)
    return d.array(dtype, shape, low=max(int(info.min), -20), high=min(int(info.max), 20))


def blocked(d, x):
    """An axis, a block's size and the scales' shape."""
    axis = d.axis(x.ndim)
    size = d.between(1, 4)
    shape = [-(-n // size) if i == axis % x.ndim else n for i, n in enumerate(x.shape)]
    return axis, size, tuple(shape)


@operators("QuantizeLinear")
def quantize(d):
    x = d.array(d.type("T1", (np.float32,)), d.shape(1, 3), "real")
    narrow = narrower(d)
    if narrow and d.chance(2):
        dtype = d.among(narrow)
    else:
        dtype = np.dtype(d.among(BYTES + ((np.uint16, np.int16) if d.since >= 21 else ())))
    made = {"saturate": d.maybe(0, 3)} if "float8" in dtype.name else {}
    more = {"constant": {1, 2}, "narrow": {0: dtype} if is_narrow(dtype) else {}}
    if d.since >= 21 and x.size and d.chance(3):  # empty ones are ONNX Runtime's end
        axis, size, shape = blocked(d, x)
        return d.case([x, dyadic(d, shape), point(d, dtype, shape)],
                      {**made, "axis": axis, "block_size": size}, **more)
    if d.since < 13 or d.chance(2):
        s = dyadic(d)
        return d.case([x, s, d.maybe(point(d, dtype), 1) if dtype != np.uint8 else d.maybe(
            lambda: point(d, dtype))], made, **more)
    axis = d.axis(x.ndim)
    s = dyadic(d, (x.shape[axis],))
    return d.case([x, s, point(d, dtype, s.shape)], {**made, "axis": axis}, **more)


@operators("DequantizeLinear")
def dequantize(d):
    narrow = narrower(d)
    dtype = d.among(narrow) if narrow and d.chance(2) else np.dtype(d.among(BYTES + (np.int32,)))
    x = d.array(dtype, d.shape(1, 3))
    if d.since >= 21 and d.chance(3):
        axis, size, shape = blocked(d, x)
        zero = None if dtype == np.int32 else d.maybe(lambda: point(d, dtype, shape))
        return d.case([x, scale(d, shape), zero], {"axis": axis, "block_size": size},
                      constant={1, 2}, tolerance=Tolerance(ulps=1))
    axis = d.axis(x.ndim)
    shape = (x.shape[axis],) if d.since >= 13 and d.chance(2) else ()
    zero = None if dtype == np.int32 else d.maybe(lambda: point(d, dtype, shape))
    return d.case([x, scale(d, shape), zero], {"axis": axis} if shape else {}, constant={1, 2},
                  tolerance=Tolerance(ulps=1))


@operators("DynamicQuantizeLinear")
def dynamic_quantize(d):
    return d.case([d.array(np.float32, d.shape(1, 3, 1), "real")], outputs=3,
                  tolerance=Tolerance(ulps=2, absolute=1))


@operators("MatMulInteger")
def matmul_integer(d):
    m, k, n = d.size(1), d.size(1), d.size(1)
    a = d.array(d.type("T1"), d.shape(0, 2, 1) + (m, k))
    b = some_bytes(d, d.type("T2"), (k, n))
    zeros = [d.maybe(lambda: point(d, a.dtype)), d.maybe(lambda: point(d, b.dtype))]
    return judged(d.case([a, b] + zeros, constant={1, 2, 3}), [b], lambda: [
        exact.product(a, zeros[0], b, zeros[1]).astype(np.int32)])


@operators("QLinearMatMul")
def qlinear_matmul(d):
    m, k, n = d.size(1), d.size(1), d.size(1)
    first, second = np.dtype(d.among(BYTES)), np.dtype(d.among(BYTES))
    a, a_scale, a_zero = d.array(first, (m, k)), dyadic(d), point(d, first)
    b, b_scale, b_zero = some_bytes(d, second, (k, n)), dyadic(d), point(d, second)
    scale, zero = dyadic(d) * np.float32(8), point(d, first)
    case = d.case([a, a_scale, a_zero, b, b_scale, b_zero, scale, zero],
                  constant=set(range(1, 8)), tolerance=ONE_OFF)
    return judged(case, [b], lambda: [exact.requantized(
        exact.product(a, a_zero, b, b_zero), a_scale * b_scale / scale, zero)])


@operators("QLinearConv")
def qlinear_conv(d):
    spatial, group = d.between(1, 2), d.among([1, 1, 2])
    kernel = [d.between(1, 3) for _ in range(spatial)]
    attributes, least = window(d, spatial, kernel)
    channels, filters = d.between(1, 2), group * d.between(1, 2)
    first, second = np.dtype(np.uint8), np.dtype(d.among(BYTES))
    x = d.array(first, (1, group * channels) + spatial_shape(d, least))
    w = some_bytes(d, second, (filters, channels, *kernel))
    each = (filters,) if d.chance(2) else ()
    bias = d.maybe(lambda: d.array(np.int32, (filters,), "exact"))
    x_scale, x_zero, w_scale = dyadic(d), point(d, first), dyadic(d, each)
    w_zero = np.zeros(each, second) if each else point(d, second)
    scale, zero = dyadic(d) * np.float32(8), point(d, first)
    attributes["group"] = group
    case = d.case([x, x_scale, x_zero, w, w_scale, w_zero, scale, zero, bias], attributes,
                  constant=set(range(1, 9)), tolerance=ONE_OFF)

    def results():
        across = (-1,) + (1,) * spatial
        sums = exact.convolution(x, x_zero, w, w_zero, attributes)
        sums += 0 if bias is None else bias.reshape(across)
        return [exact.requantized(sums, x_scale * w_scale.reshape(across) / scale, zero)]

    return judged(case, [x, w], results)


@operators("QLinearAdd QLinearMul", "com.microsoft")
def qlinear_pair(d):
    dtype = np.dtype(d.among(BYTES))
    a, b = d.broadcast(2)
    operands = []
    for shape in (a, b):
        operands += [d.array(dtype, shape), dyadic(d), point(d, dtype)]
    return d.case(operands + [dyadic(d) * np.float32(4), point(d, dtype)],
                  constant={1, 2, 4, 5, 6, 7}, tolerance=ONE_OFF)


@operators("QLinearSigmoid QLinearLeakyRelu", "com.microsoft")
def qlinear_unary(d):
    dtype = np.dtype(d.among(BYTES))
    alpha = {"alpha": 0.25} if d.op == "QLinearLeakyRelu" else {}
    return d.case([d.array(dtype, d.shape(1)), scale(d), point(d, dtype), scale(d),
                   point(d, dtype)], alpha, constant={1, 2, 3, 4}, tolerance=ONE_OFF)


@operators("QLinearSoftmax", "com.microsoft")
def qlinear_softmax(d):
    dtype = np.dtype(d.among(BYTES))
    x = d.array(dtype, d.shape(1, 3, 1))
    return d.case([x, scale(d), point(d, dtype), np.array(1 / 128, np.float32), np.array(
        np.iinfo(dtype).min, dtype)],
                  {"axis": d.axis(x.ndim), "opset": 13}, constant={1, 2, 3, 4}, tolerance=ONE_OFF)


@operators("QLinearConcat", "com.microsoft")
def qlinear_concat(d):
    dtype = np.dtype(d.among(BYTES))
    shape = list(d.shape(1, 3, 1))
    axis = d.axis(len(shape))
    operands = [dyadic(d), point(d, dtype)]
    for _ in range(d.between(1, 3)):
        shape[axis] = d.size(1)
        operands += [d.array(dtype, shape), dyadic(d), point(d, dtype)]
    return d.case(operands, {"axis": axis}, constant=set(range(11)) - {2, 5, 8}, tolerance=ONE_OFF)


@operators("QLinearAveragePool QLinearGlobalAveragePool", "com.microsoft")
def qlinear_pool(d):
    dtype = np.dtype(d.among(BYTES))
    kernel = [d.between(1, 3), d.between(1, 3)]
    attributes = {"channels_last": d.maybe(0)}
    least = [1, 1]
    if d.op == "QLinearAveragePool":
        more, least = window(d, 2, kernel, dilated=False)
        attributes.update(more, kernel_shape=kernel)
    x = d.array(dtype, (d.between(1, 2), d.between(1, 3)) + spatial_shape(d, least))
    return d.case([x, dyadic(d), point(d, dtype), dyadic(d), point(d, dtype)], attributes,
                  constant={1, 2, 3, 4}, tolerance=ONE_OFF)


@operators("QGemm", "com.microsoft")
def qgemm(d):
    m, k, n = d.size(1), d.size(1), d.size(1)
    across = d.below(2), d.below(2)
    dtype = np.dtype(np.uint8)
    second = np.dtype(d.among(BYTES))
    a = d.array(dtype, (k, m) if across[0] else (m, k))
    b = some_bytes(d, second, (n, k) if across[1] else (k, n))
    bias = d.maybe(lambda: d.array(np.int32, (n,), "exact"))
    operands = [a, dyadic(d), point(d, dtype), b, dyadic(d), point(d, second), bias]
    if d.chance(2):
        operands += [dyadic(d) * np.float32(8), point(d, dtype)]
    case = d.case(operands, {"transA": across[0], "transB": across[1]},
                  constant={1, 2, 4, 5, 6, 7, 8}, tolerance=Tolerance(absolute=1, ulps=4))

    def results():
        sums = exact.product(a.T if across[0] else a, operands[2], b.T if across[1] else b,
                             operands[5]) + (0 if bias is None else bias)
        scale = operands[1] * operands[4]
        if len(operands) == 7:
            return [(sums * scale).astype(np.float32)]
        return [exact.requantized(sums, scale / operands[7], operands[8])]

    return judged(case, [b], results)


@operators("MatMulIntegerToFloat DynamicQuantizeMatMul", "com.microsoft")
def matmul_to_float(d):
    m, k, n = d.size(1), d.size(1), d.size(1)
    second = np.dtype(d.among(BYTES))
    b, bias = some_bytes(d, second, (k, n)), d.maybe(
        lambda: d.array(np.float32, (n,), "exact"))
    zero, b_scale = d.maybe(lambda: point(d, second)), scale(d)
    tolerance = Tolerance(relative=1e-5, scaled=True)

    def results(a, a_scale, a_zero):
        sums = exact.product(a, a_zero, b, zero) * (a_scale.astype(np.float64) * b_scale)
        return [(sums + (0 if bias is None else bias)).astype(np.float32)]

    if d.op == "DynamicQuantizeMatMul":
        x = d.array(np.float32, (m, k), "real")
        case = d.case([x, b, b_scale, zero, bias], constant={1, 2, 3, 4}, tolerance=tolerance)
        return judged(case, [b], lambda: results(*exact.dynamic_bytes(x)))
    a, a_scale, a_zero = d.array(np.uint8, (m, k)), scale(d), d.maybe(lambda: point(d, np.uint8))
    case = d.case([a, b, a_scale, b_scale, a_zero, zero, bias], constant=set(range(1, 7)),
                  tolerance=tolerance)
    return judged(case, [b], lambda: results(a, a_scale, a_zero))
