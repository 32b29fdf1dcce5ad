"""Convolutions, pools and their inverses: windows that slide over spatial axes."""
import numpy as np

from case import Tolerance
from draw import Refused
from table import operators

SUMS = Tolerance(ulps=8, relative=3e-6, absolute=1e-6, scaled=True)


def extent(size, kernel, stride, dilation, begin, end, ceil=False):
    span = (kernel - 1) * dilation + 1
    room = size + begin + end - span
    return -(-room // stride) + 1 if ceil else room // stride + 1


def window(d, axes, kernel=None, dilates=True, pads=True):
    """Attributes of a window over `axes` axes."""
    made = {"kernel_shape": kernel or [d.between(1, 3) for _ in range(axes)]}
    if d.chance(2):
        made["strides"] = [d.between(1, 3) for _ in range(axes)]
    if dilates and d.chance(3):
        made["dilations"] = [d.between(1, 3) for _ in range(axes)]
    if not pads:
        return made
    auto = d.among(["", "", "SAME_UPPER", "SAME_LOWER", "VALID", "NOTSET"])
    if auto:
        made["auto_pad"] = auto
    if auto in ("", "NOTSET") and d.chance(2):
        made["pads"] = [d.between(0, 2) for _ in range(2 * axes)]
    return made


def spatial(d, axes):
    return tuple(d.among([5, 1, 2, 3, 4, 6, 7, 9]) for _ in range(axes))


def fits(made, sizes):
    axes = len(sizes)
    pads = made.get("pads", [0] * 2 * axes)
    for i in range(axes):
        span = (made["kernel_shape"][i] - 1) * made.get("dilations", [1] * axes)[i] + 1
        if sizes[i] + pads[i] + pads[axes + i] < span and "SAME" not in made.get("auto_pad", ""):
            raise Refused("the window does not fit")


def batch(d):
    return d.among([1, 2, 0, 3])


@operators("Conv")
def conv(d):
    axes, group = d.between(1, 3), d.between(1, 3)
    channels, filters = d.between(1, 2), group * d.between(1, 2)
    made = window(d, axes)
    sizes = spatial(d, axes)
    fits(made, sizes)
    t = d.type()
    x = d.array(t, (batch(d), channels * group, *sizes))
    w = d.array(t, (filters, channels, *made["kernel_shape"]), "real")
    b = d.maybe(lambda: d.array(t, (filters,), "real"))
    if d.chance(2):
        del made["kernel_shape"]
    return d.case([x, w, b], {**made, "group": group}, tolerance=SUMS, constant=(1, 2))


@operators("ConvTranspose")
def conv_transpose(d):
    axes, group = d.between(1, 3), d.between(1, 3)
    channels, filters = group * d.between(1, 2), d.between(1, 2)
    made = window(d, axes)
    sizes = spatial(d, axes)
    strides = made.get("strides", [1] * axes)
    dilations = made.get("dilations", [1] * axes)
    if d.chance(3):
        made["output_padding"] = [d.below(max(s, e)) for s, e in zip(strides, dilations)]
    if made.get("auto_pad", "NOTSET") == "NOTSET" and d.chance(4):
        made.pop("pads", None)
        made["output_shape"] = [max(1, (n - 1) * s + 1 + d.between(0, 2))
                                for n, s in zip(sizes, strides)]
    t = d.type()
    x = d.array(t, (batch(d), channels, *sizes), "real")
    w = d.array(t, (channels, filters, *made["kernel_shape"]), "real")
    b = d.maybe(lambda: d.array(t, (filters * group,), "real"))
    if d.chance(2):
        del made["kernel_shape"]
    return d.case([x, w, b], {**made, "group": group}, tolerance=SUMS, constant=(1, 2))


def pooled(d, dilated_since, ceil_since, **more):
    axes = d.between(1, 3)
    made = window(d, axes, dilates=d.opset >= dilated_since)
    sizes = spatial(d, axes)
    pads = made.get("pads")
    if pads:  # as ONNX Runtime wants them
        span = made["kernel_shape"] * 2
        made["pads"] = [min(p, k - 1) for p, k in zip(pads, span)]
    fits(made, sizes)
    if d.opset >= ceil_since and d.chance(2):
        made["ceil_mode"] = 1
    return d.array(d.type(), (batch(d), d.between(1, 3), *sizes)), {**made, **more}


@operators("MaxPool")
def max_pool(d):
    x, made = pooled(d, 10, 10)
    if d.opset >= 8 and d.chance(2):
        made["storage_order"] = d.below(2)
    outputs = 1 + (d.opset >= 8 and d.chance(2))
    return d.case([x], made, outputs=outputs)


@operators("AveragePool")
def average_pool(d):
    x, made = pooled(d, 19, 10)
    if d.chance(2):
        made["count_include_pad"] = d.below(2)
    return d.case([x], made, tolerance=SUMS)


@operators("LpPool")
def lp_pool(d):
    x, made = pooled(d, 18, 18)
    if d.chance(2):
        made["p"] = d.between(1, 3)
    return d.case([x], made, tolerance=SUMS)


@operators("GlobalMaxPool GlobalAveragePool GlobalLpPool")
def global_pool(d):
    x = d.array(d.type(), (batch(d), d.between(1, 3), *spatial(d, d.between(1, 3))))
    p = d.maybe(lambda: d.between(1, 3)) if d.op == "GlobalLpPool" else None
    return d.case([x], {"p": p}, tolerance=SUMS)


@operators("MaxUnpool")
def max_unpool(d):
    axes = d.between(1, 3)
    made = window(d, axes, dilates=False, pads=False)
    made.setdefault("strides", made["kernel_shape"])
    sizes = spatial(d, axes)
    whole = (1, d.between(1, 2), *[(n - 1) * s + k for n, s, k in
                                   zip(sizes, made["strides"], made["kernel_shape"])])
    t = d.type("T1")
    x = d.array(t, (*whole[:2], *sizes))
    random = np.random.default_rng(d.below(1 << 30))
    count = int(np.prod(whole))
    offsets = random.permutation(count)[:x.size].reshape(x.shape).astype(np.int64)
    shape = d.maybe(lambda: d.integers(whole))
    return d.case([x, offsets, shape], made, constant=(2,))


@operators("Col2Im")
def col2im(d):
    axes = d.between(1, 3)
    made = window(d, axes)
    kernel = made.pop("kernel_shape")
    made.pop("auto_pad", None)
    sizes = spatial(d, axes)
    fits({**made, "kernel_shape": kernel}, sizes)
    ones, zeros = [1] * axes, [0] * (2 * axes)
    pads = made.get("pads", zeros)
    blocks = [extent(sizes[i], kernel[i], made.get("strides", ones)[i],
                     made.get("dilations", ones)[i], pads[i], pads[axes + i])
              for i in range(axes)]
    shape = (batch(d), d.between(1, 2) * int(np.prod(kernel)), int(np.prod(blocks)))
    x = d.array(d.type(), shape, "real")
    return d.case([x, d.integers(sizes), d.integers(kernel)], made, tolerance=SUMS,
                  constant=(1, 2))


@operators("DeformConv")
def deform_conv(d):
    axes, group = 2, d.between(1, 2)
    offset_group = d.between(1, 2)
    channels, filters = group * offset_group, group * d.between(1, 2)
    made = window(d, axes)
    made.pop("auto_pad", None)
    sizes = spatial(d, axes)
    fits(made, sizes)
    ones, zeros = [1] * axes, [0] * (2 * axes)
    pads = made.get("pads", zeros)
    out = [extent(sizes[i], made["kernel_shape"][i], made.get("strides", ones)[i],
                  made.get("dilations", ones)[i], pads[i], pads[axes + i]) for i in range(axes)]
    taps, n, t = int(np.prod(made["kernel_shape"])), batch(d), d.type()
    x = d.array(t, (n, channels, *sizes), "real")
    w = d.array(t, (filters, channels // group, *made["kernel_shape"]), "real")
    offsets = d.array(t, (n, offset_group * taps * axes, *out), "unit")
    b = d.maybe(lambda: d.array(t, (filters,), "real"))
    mask = d.maybe(lambda: d.array(t, (n, offset_group * taps, *out), "real"))
    return d.case([x, w, offsets, b, mask],
                  {**made, "group": group, "offset_group": offset_group}, tolerance=SUMS,
                  constant=(1, 3))
