"""Images resampled, regions, signals."""
import numpy as np

from case import Tolerance
from table import operators

I64, F32 = np.int64, np.float32
CLOSE = Tolerance(relative=1e-5, absolute=2e-5, ulps=4)


@operators("Resize")
def resize(d):
    x = d.array(d.type(d.operand_type(0), (np.float32,)), d.shape(2, 4, 1), "real")
    mode = d.among(["nearest", "linear", "cubic"] if x.ndim == 4 else ["nearest", "linear"])
    attributes = {"mode": mode}
    if mode == "cubic" or (mode == "linear" and x.ndim == 4):
        x = x[:1, :1]
    scales = np.array([1 if mode != "nearest" and i < x.ndim - 2 else d.among(
        [1.0, 2.0, 0.5, 1.5, 3.0]) for i in range(x.ndim)], F32)
    if d.since < 11:
        attributes["mode"] = "nearest" if mode == "nearest" else "linear"
        return d.case([x, scales], attributes, constant={1}, tolerance=CLOSE)
    attributes["coordinate_transformation_mode"] = d.maybe(lambda: d.among(
        ["half_pixel", "asymmetric", "align_corners", "pytorch_half_pixel"]))
    if mode == "nearest":
        attributes["nearest_mode"] = d.maybe(lambda: d.among(
            ["round_prefer_floor", "round_prefer_ceil", "floor", "ceil"]))
    if mode == "cubic":
        attributes["cubic_coeff_a"] = d.maybe(-0.5)
    roi = np.zeros(0, F32)
    if d.chance(2):
        sizes = np.array([max(1, int(s * f)) for s, f in zip(x.shape, scales)], I64)
        return d.case([x, roi, np.zeros(0, F32), sizes], attributes, constant={1, 2, 3},
                      tolerance=CLOSE)
    return d.case([x, roi, scales], attributes, constant={1, 2}, tolerance=CLOSE)


@operators("Upsample")
def upsample(d):
    x = d.array(d.type(allowed=(np.float32,)), d.shape(4, 4, 1), "real")
    mode = d.among(["nearest", "linear"])
    scales = [1.0 if i < 2 and mode == "linear" else d.among([1.0, 2.0, 3.0]) for i in range(4)]
    if d.since < 9:
        return d.case([x], {"mode": mode, "scales": scales}, tolerance=CLOSE)
    return d.case([x, np.array(scales, F32)], {"mode": mode}, constant={1}, tolerance=CLOSE)


@operators("GridSample")
def grid_sample(d):
    n, c, h, w = d.between(1, 2), d.between(1, 2), d.between(1, 5), d.between(1, 5)
    x = d.array(F32, (n, c, h, w), "real")
    grid = (d.array(F32, (n, d.between(1, 3), d.between(1, 3), 2), "unit") * 3 - 1.5).astype(F32)
    modes = ["bilinear", "nearest", "bicubic"] if d.since < 20 else ["linear", "nearest", "cubic"]
    return d.case([x, grid], {"mode": d.among(modes), "align_corners": d.maybe(
        lambda: d.below(2)), "padding_mode": d.among(["zeros", "border", "reflection"])},
        tolerance=Tolerance(relative=1e-4, absolute=1e-4))


@operators("RoiAlign")
def roi_align(d):
    x = d.array(F32, (d.between(1, 2), d.between(1, 2), 6, 6), "real")
    corners = np.sort(d.array(F32, (d.between(1, 3), 2, 2), "unit") * 6, axis=1)
    rois = corners.reshape(-1, 4).astype(F32)
    batch = d.array(I64, (len(rois),), low=0, high=len(x) - 1)
    attributes = {"output_height": d.between(1, 3), "output_width": d.between(1, 3),
                  "sampling_ratio": d.between(0, 2), "spatial_scale": d.maybe(0.5),
                  "mode": d.maybe(lambda: d.among(["avg", "max"]))}
    if d.since >= 16:
        attributes["coordinate_transformation_mode"] = d.maybe(
            lambda: d.among(["half_pixel", "output_half_pixel"]))
    return d.case([x, rois, batch], attributes, tolerance=CLOSE)


@operators("MaxRoiPool")
def max_roi_pool(d):
    x = d.array(F32, (d.between(1, 2), d.between(1, 2), 6, 6), "real")
    corners = np.sort(d.array(I64, (d.between(1, 3), 2, 2), low=0, high=5), axis=1)
    batch = d.array(I64, (len(corners), 1), low=0, high=len(x) - 1)
    rois = np.concatenate([batch, corners.reshape(-1, 4)], axis=1).astype(F32)
    return d.case([x, rois], {"pooled_shape": [d.between(1, 3), d.between(1, 3)]})


@operators("MaxUnpool")
def max_unpool(d):
    n, c, h, w = 1, d.between(1, 2), d.between(1, 3), d.between(1, 3)
    x = d.array(F32, (n, c, h, w), "real")
    places = np.argsort(d.array(F32, (c, 4 * h * w), "unit"), axis=1)[:, :h * w]
    places = places + np.arange(c)[:, None] * 4 * h * w
    return d.case([x, places.reshape(n, c, h, w).astype(I64)],
                  {"kernel_shape": [2, 2], "strides": [2, 2]})


@operators("AffineGrid")
def affine_grid(d):
    spatial = d.between(2, 3)
    n = d.between(1, 2)
    theta = d.array(F32, (n, spatial, spatial + 1), "real")
    size = np.array([n, 2] + [d.between(2, 4) for _ in range(spatial)], I64)
    return d.case([theta, size], {"align_corners": d.maybe(lambda: d.below(2))}, constant={1},
                  tolerance=CLOSE)


@operators("Col2Im")
def col2im(d):
    block = [d.between(1, 2), d.between(1, 3)]
    image = [b + d.between(0, 3) for b in block]
    strides = [d.between(1, 2), d.between(1, 2)]
    blocks = np.prod([(i - b) // s + 1 for i, b, s in zip(image, block, strides)])
    x = d.array(F32, (1, d.between(1, 2) * block[0] * block[1], int(blocks)), "exact")
    return d.case([x, np.array(image, I64), np.array(block, I64)], {"strides": strides},
                  constant={1, 2})


@operators("NonMaxSuppression")
def non_max_suppression(d):
    count, batch, classes = d.between(1, 6), d.between(1, 2), d.between(1, 2)
    corners = np.sort(d.array(F32, (batch, count, 2, 2), "unit"), axis=2)
    scores = d.array(F32, (batch, classes, count), "unit")
    most = np.array(d.between(0, count), I64)
    overlap, least = (np.array(d.among([0.5, 0.1, 0.9, 0.3]), F32) for _ in range(2))
    return d.case([corners.reshape(batch, count, 4), scores, most, d.maybe(overlap),
                   d.maybe(least)], {"center_point_box": d.maybe(0)}, constant={2, 3, 4})


@operators("HannWindow HammingWindow BlackmanWindow")
def windows(d):
    return d.case([np.array(d.between(1, 12), d.type("T1"))],
                  {"periodic": d.maybe(lambda: d.below(2)),
                   "output_datatype": d.maybe(lambda: d.among([1, 11]))}, constant={0},
                  tolerance=Tolerance(absolute=2e-6))


@operators("MelWeightMatrix")
def mel_weights(d):
    values = [d.between(1, 8), d.among([8, 16, 32]), d.among([8000, 16000])]
    edges = [np.array(v, F32) for v in (d.among([0.0, 50.0, 300.0]), d.among([2000.0, 4000.0]))]
    return d.case([np.array(v, I64) for v in values] + edges, constant={0, 1, 2, 3, 4},
                  tolerance=Tolerance(absolute=1e-4))


@operators("DFT")
def dft(d):
    length = d.between(1, 9)
    shape = (d.between(1, 2), length, d.between(1, 3), d.between(1, 2))
    x = d.array(d.type("T1", (np.float32,)), shape, "real")
    inverse = d.below(2) if x.shape[-1] == 2 else None
    onesided = d.maybe(lambda: d.below(2)) if not inverse and x.shape[-1] == 1 else None
    points = d.maybe(lambda: np.array(d.between(1, 10), I64), 3)
    attributes = {"inverse": inverse, "onesided": onesided}
    tolerance = Tolerance(relative=1e-4, absolute=1e-4, scaled=True)
    if d.since < 20:
        return d.case([x, points], {**attributes, "axis": 1}, tolerance=tolerance, constant={1})
    return d.case([x, points, np.array(d.among([1, 2, -3]), I64)], attributes, tolerance=tolerance,
                  constant={1, 2})


@operators("STFT")
def stft(d):
    frame, step = d.between(2, 8), d.between(1, 4)
    x = d.array(d.type("T1", (np.float32,)), (d.between(1, 2), frame + d.between(0, 9), 1), "real")
    window = d.maybe(lambda: d.array(x.dtype, (frame,), "unit"))
    return d.case([x, np.array(step, I64), window, np.array(frame, I64)],
                  {"onesided": d.maybe(lambda: d.below(2))}, constant={1, 3},
                  tolerance=Tolerance(relative=1e-4, absolute=1e-4, scaled=True))


@operators("DeformConv")
def deform_conv(d):
    group, offset_group = 1, 1
    kernel = [d.between(1, 2), d.between(1, 3)]
    n, c, o, h, w = d.between(1, 2), d.between(1, 2), d.between(1, 2), 4, 5
    out = (h - kernel[0] + 1, w - kernel[1] + 1)
    taps = kernel[0] * kernel[1]
    x = d.array(F32, (n, c, h, w), "real")
    weights = d.array(F32, (o, c // group, *kernel), "real")
    offset = d.array(F32, (n, offset_group * taps * 2, *out), "real")
    bias = d.maybe(lambda: d.array(F32, (o,), "real"))
    mask = d.maybe(lambda: d.array(F32, (n, offset_group * taps, *out), "unit"))
    return d.case([x, weights, offset, bias, mask], {"kernel_shape": kernel},
                  tolerance=Tolerance(relative=1e-4, absolute=1e-4))
