"""com.microsoft: what its optimizer fused, and what the standard took over later."""
import numpy as np

from case import Tolerance
from operators import movement, windows
from operators.quantized import BYTES, ONE_OFF, dyadic, point
from table import ROWS, operators

DOMAIN = "com.microsoft"
F32, I32, I64 = np.float32, np.int32, np.int64
CLOSE = Tolerance(relative=1e-5, absolute=1e-5, ulps=8, scaled=True)

operators("TransposeMatMul", DOMAIN)(lambda d: ROWS[(DOMAIN, "FusedMatMul")](d))


@operators("FusedConv", DOMAIN)
def fused_conv(d):
    axes, group = d.between(1, 2), d.between(1, 2)
    channels, filters = d.between(1, 2), group * d.between(1, 2)
    made = windows.window(d, axes)
    sizes = windows.spatial(d, axes)
    windows.fits(made, sizes)
    x = d.array(F32, (d.between(1, 2), channels * group, *sizes), "real")
    w = d.array(F32, (filters, channels, *made["kernel_shape"]), "real")
    b = d.maybe(lambda: d.array(F32, (filters,), "real"))
    made["activation"] = d.among(["Relu", "Tanh", "Sigmoid", "LeakyRelu", "Clip", "HardSigmoid"])
    made["activation_params"] = {"LeakyRelu": [0.25], "Clip": [-1.0, 2.0],
                                 "HardSigmoid": [0.3, 0.4]}.get(made["activation"])
    return d.case([x, w, b], {**made, "group": group}, tolerance=CLOSE, constant={1, 2})


@operators("ConvTransposeWithDynamicPads", DOMAIN)
def conv_transpose(d):
    axes, channels, filters = d.between(1, 2), d.between(1, 2), d.between(1, 2)
    made = windows.window(d, axes, pads=False)
    x = d.array(F32, (d.between(1, 2), channels, *windows.spatial(d, axes)), "real")
    w = d.array(F32, (channels, filters, *made["kernel_shape"]), "real")
    pads = d.array(I64, (2 * axes,), low=0, high=0 if d.chance(2) else 1)
    if any((n - 1) * s + (k - 1) * e + 1 <= 2 for n, s, k, e in zip(
            x.shape[2:], made.get("strides", [1] * axes), made["kernel_shape"],
            made.get("dilations", [1] * axes))):
        pads[:] = 0
    b = d.maybe(lambda: d.array(F32, (filters,), "real"))
    return d.case([x, w, pads, b], made, tolerance=CLOSE, constant={1, 2, 3})


@operators("NhwcMaxPool", DOMAIN)
def nhwc_max_pool(d):
    axes = d.between(1, 2)
    made = windows.window(d, axes, dilates=False)
    sizes = windows.spatial(d, axes)
    if "pads" in made:
        made["pads"] = [min(p, k - 1) for p, k in zip(made["pads"], made["kernel_shape"] * 2)]
    windows.fits(made, sizes)
    x = d.array(d.among(BYTES), (d.between(1, 2), *sizes, d.between(1, 3)))
    return d.case([x], made)


@operators("QLinearWhere", DOMAIN)
def qlinear_where(d):
    dtype = np.dtype(d.among(BYTES))
    c, a, b = d.broadcast(3)
    operands = [d.array(np.bool_, c)]
    for shape in (a, b):
        operands += [d.array(dtype, shape), dyadic(d), point(d, dtype)]
    case = d.case(operands + [dyadic(d), point(d, dtype)], tolerance=ONE_OFF)
    case.constants |= {2, 3, 5, 6, 7, 8}  # ONNX Runtime ends with a fault where one is not
    return case


@operators("QLinearConv", DOMAIN)
def qlinear_conv(d):
    """Channels last; else as the standard's."""
    case = ROWS[("", "QLinearConv")](d)
    if d.chance(2):
        case.inputs[0] = np.moveaxis(case.inputs[0], 1, -1).copy()
        case.attributes["channels_last"] = 1
        if case.wanted is not None:
            case.wanted = [np.moveaxis(case.wanted[0], 1, -1)]
    return case


@operators("QuantizeLinear DequantizeLinear", DOMAIN)
def quantize(d):
    dtype = np.dtype(d.among(BYTES + (np.uint16, np.int16)))
    quantizes = d.op == "QuantizeLinear"
    x = d.array(F32 if quantizes else dtype, d.shape(1, 3), "real" if quantizes else "any")
    axis = d.axis(x.ndim)
    shape = (x.shape[axis],) if d.chance(2) else ()
    return d.case([x, dyadic(d, shape), point(d, dtype, shape)], {"axis": axis if shape else None},
                  constant={1, 2})


@operators("Pad", DOMAIN)
def pad(d):
    x = d.array(d.type(), d.shape(1, 3, 2), "real")
    pads = d.array(I64, (2 * x.ndim,), low=0, high=1)
    if d.chance(3):
        pads = pads.reshape(1, -1)
    mode = d.among(["constant", "reflect", "edge"])
    value = d.maybe(lambda: d.array(x.dtype, d.among([(), (1,)]), "exact"))
    return d.case([x, pads, value if mode == "constant" else None], {"mode": mode}, constant={1})


@operators("Range", DOMAIN)
def ranging(d):
    start, delta = d.between(0, 12) - 6, d.among([1, 2, -1, 3, -2])
    limit = start + delta * d.between(0, 6) + d.below(2)
    shape = d.among([(), (1,)])
    values = [start, limit] + ([delta] if delta != 1 or d.chance(2) else [])
    return d.case([np.full(shape, v, d.type()) for v in values], constant={0, 1, 2})


@operators("ExpandDims", DOMAIN)
def expand_dims(d):
    x = d.array(d.type(), d.shape(0, 3))
    return d.case([x, np.array(d.axis(x.ndim + 1), I32)], constant={1})


@operators("GatherND", DOMAIN)
def gather_nd(d):
    x = d.array(d.type(), d.shape(1, 3, 1))
    where = np.abs(movement.tuples(d, x, 0, d.between(1, x.ndim)))
    sizes = np.array(x.shape[:where.shape[-1]])
    return d.case([x, (where % sizes).astype(d.type("Tind", (np.int64, np.int32)))])


@operators("Unique", DOMAIN)
def unique(d):
    return d.case([d.array(F32, (d.size(1),), "exact")], outputs=3)
