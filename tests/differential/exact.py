"""Sums of products of bytes, exactly. ONNX Runtime adds each two products of an unsigned and a
signed byte in 16 bits where the processor has no instruction that sums four (AVX2, AVX-512 without
VNNI), and what leaves them is cut off: 255 * 127 + 255 * 127 becomes 32767."""
import numpy as np


def saturates(x):
    """Products with these signed bytes may be cut off."""
    return x.dtype == np.int8 and x.size > 0 and (x.min() < -64 or x.max() > 64)


def judged(case, operands, results):
    """By `results()`, exact ones, where ONNX Runtime may cut products of `operands` off. Where it
    cannot, it is asked."""
    if any(x is not None and saturates(x) for x in operands):
        case.wanted = results()
    return case


def some_bytes(d, dtype, shape):
    """Of signed ones, half the cases have seven bits, of which no product is cut off."""
    if dtype == np.int8 and d.chance(2):
        return d.array(dtype, shape, low=-64, high=64)
    return d.array(dtype, shape)


def moved(x, zero):
    """`zero`: absent, one for all or one for each of the first axis."""
    if zero is None:
        return x.astype(np.int64)
    zero = zero.astype(np.int64)
    return x.astype(np.int64) - zero.reshape(zero.shape + (1,) * (x.ndim - 1) * (zero.ndim > 0))


def product(a, a_zero, b, b_zero):
    return moved(a, a_zero) @ moved(b, b_zero)


def padded(size, kernel, stride, dilation, auto_pad):
    """What SAME puts before and after an axis."""
    span = (kernel - 1) * dilation + 1
    missing = max((-(-size // stride) - 1) * stride + span - size, 0)
    less, more = missing // 2, missing - missing // 2
    return (less, more) if auto_pad == "SAME_UPPER" else (more, less)


def convolution(x, x_zero, w, w_zero, attributes):
    """[batch, channels, sizes...] with [filters, channels / group, kernel...]."""
    x, w = moved(x, x_zero), moved(w, w_zero)
    axes, group = x.ndim - 2, attributes.get("group") or 1
    strides = attributes.get("strides") or [1] * axes
    dilations = attributes.get("dilations") or [1] * axes
    pads = attributes.get("pads") or [0] * (2 * axes)
    around = list(zip(pads[:axes], pads[axes:]))
    if (auto := attributes.get("auto_pad", "NOTSET")).startswith("SAME"):
        around = [padded(x.shape[2 + i], w.shape[2 + i], strides[i], dilations[i], auto)
                  for i in range(axes)]
    x = np.pad(x, [(0, 0), (0, 0), *around])
    sizes = [(x.shape[2 + i] - (w.shape[2 + i] - 1) * dilations[i] - 1) // strides[i] + 1
             for i in range(axes)]
    x = x.reshape(x.shape[0], group, x.shape[1] // group, *x.shape[2:])
    w = w.reshape(group, -1, *w.shape[1:])
    result = np.zeros((x.shape[0], group, w.shape[1], *sizes), np.int64)
    for tap in np.ndindex(*w.shape[3:]):
        cut = tuple(slice(t * d, t * d + (n - 1) * s + 1, s)
                    for t, d, n, s in zip(tap, dilations, sizes, strides))
        result += np.einsum("bgc...,gfc->bgf...", x[(..., *cut)], w[(..., *tap)])
    return result.reshape(x.shape[0], group * w.shape[1], *sizes)


def requantized(sums, scale, zero):
    """To the type of `zero`; `scale` is the operands' over the result's."""
    info = np.iinfo(zero.dtype)
    return np.clip(np.rint(sums * scale) + zero.astype(np.int64), info.min, info.max).astype(
        zero.dtype)


def dynamic_bytes(x):
    """DynamicQuantizeLinear: bytes, scale, zero point."""
    low, high = min(x.min(), np.float32(0)), max(x.max(), np.float32(0))
    scale = np.float32((high - low) / np.float32(255)) or np.float32(1)
    zero = np.clip(np.rint(-low / scale), 0, 255).astype(np.uint8)
    return np.clip(np.rint(x / scale) + zero, 0, 255).astype(np.uint8), scale, zero
