"""Sampling, resizing, regions and boxes, transforms of signals."""
import numpy as np

from case import Tolerance
from table import operators

NEAR = Tolerance(ulps=16, relative=1e-5, absolute=1e-5, scaled=True)
CUT = Tolerance(absolute=1)  # a sum just below a whole number may be cut to the one before
SPECTRUM = Tolerance(ulps=32, relative=2e-6, absolute=2e-6, scaled=True)


@operators("GridSample")
def grid_sample(d):
    old = d.opset < 20
    modes = ["bilinear", "nearest", "bicubic"] if old else ["linear", "nearest", "cubic"]
    axes = 2 if old else d.between(2, 3)
    mode = d.among(modes if axes == 2 else modes[:2])
    n, channels = d.among([1, 2, 0]), d.between(1, 2)
    sizes = [d.between(1, 5) for _ in range(axes)]
    x = d.array(d.type("T1"), (n, channels, *sizes), "real")
    shape = (n, *[d.between(1, 4) for _ in range(axes)], axes)
    grid = np.random.default_rng(d.below(1 << 30)).uniform(-1.6, 1.6, shape)
    made = {"mode": d.maybe(mode), "align_corners": d.maybe(lambda: d.below(2)),
            "padding_mode": d.maybe(lambda: d.among(["zeros", "border", "reflection"]))}
    return d.case([x, grid.astype(d.type("T2"))], made, tolerance=NEAR)


@operators("AffineGrid")
def affine_grid(d):
    axes, n = d.between(2, 3), d.among([1, 2, 0])
    theta = d.array(d.type("T1"), (n, axes, axes + 1), "real")
    size = d.integers([n, 1, *[d.between(1, 4) for _ in range(axes)]])
    return d.case([theta, size], {"align_corners": d.maybe(lambda: d.below(2))}, tolerance=NEAR,
                  constant=(1,))


def regions(d, count, extent):
    corners = np.random.default_rng(d.below(1 << 30)).uniform(-1, extent + 1, (count, 2, 2))
    if d.below(4):
        corners = np.sort(corners, axis=1)
    return corners.reshape(count, 4)


@operators("RoiAlign")
def roi_align(d):
    n, count = d.between(1, 2), d.among([1, 2, 0, 3])
    t = d.type("T1")
    x = d.array(t, (n, d.between(1, 2), d.between(1, 6), d.between(1, 6)), "real")
    images = np.random.default_rng(d.below(1 << 30)).integers(0, n, count)
    made = {"mode": d.maybe(lambda: d.among(["avg", "max"])),
            "output_height": d.maybe(lambda: d.between(1, 3)),
            "output_width": d.maybe(lambda: d.between(1, 3)),
            "sampling_ratio": d.maybe(lambda: d.between(0, 3)),
            "spatial_scale": d.maybe(lambda: d.among([1.0, 0.5, 2.0]))}
    if d.opset >= 16:
        made["coordinate_transformation_mode"] = d.maybe(
            lambda: d.among(["half_pixel", "output_half_pixel"]))
    return d.case([x, regions(d, count, 6).astype(t), images.astype(np.int64)], made,
                  tolerance=NEAR)


@operators("MaxRoiPool")
def max_roi_pool(d):
    n, count = d.between(1, 2), d.among([1, 2, 0, 3])
    x = d.array(np.float32, (n, d.between(1, 2), d.between(1, 6), d.between(1, 6)), "real")
    images = np.random.default_rng(d.below(1 << 30)).integers(0, n, (count, 1))
    rois = np.concatenate([images, regions(d, count, 6)], axis=1).astype(np.float32)
    return d.case([x, rois], {"pooled_shape": [d.between(1, 3), d.between(1, 3)],
                              "spatial_scale": d.maybe(lambda: d.among([1.0, 0.5, 2.0]))})


@operators("NonMaxSuppression")
def non_max_suppression(d):
    n, classes, count = d.among([1, 2, 0]), d.between(1, 3), d.among([3, 1, 2, 0, 6, 9])
    random = np.random.default_rng(d.below(1 << 30))
    boxes = random.uniform(0, 4, (n, count, 4)).astype(np.float32)
    if d.chance(2):
        boxes = np.round(boxes)
    scores = random.uniform(0, 1, (n, classes, count)).astype(np.float32)
    if d.chance(2):
        scores = np.round(scores * 4) / 4
    most = d.maybe(lambda: d.integers([d.between(0, 4)]), 3)
    most = d.integers([9]) if most is None else most
    iou = d.maybe(lambda: np.array([d.among([0.5, 0.0, 1.0, 0.25, 0.7])], np.float32))
    least = d.maybe(lambda: np.array([d.among([0.0, 0.5, 0.25, 0.9])], np.float32))
    return d.case([boxes, scores, most, iou, least],
                  {"center_point_box": d.maybe(lambda: d.below(2))}, constant=(2, 3, 4))




@operators("DFT")
def dft(d):
    shape = [*d.shape(1, 3, least=1)]
    if d.opset < 20:
        shape = [d.between(1, 2), *shape]
    inverse, onesided = d.below(2), d.below(2)
    parts = 1 + inverse if onesided else d.between(1, 2)
    x = d.array(d.type("T1"), (*shape, parts), "real")
    rank = x.ndim
    axis = d.below(rank - 1)
    axis = axis - rank if d.chance(2) else axis
    length = d.maybe(lambda: d.integers(d.between(1, 8)))
    made = {"inverse": inverse, "onesided": onesided}
    if d.opset < 20:
        made["axis"] = axis
        return d.case([x, length], made, tolerance=SPECTRUM, constant=(1,))
    return d.case([x, length, d.maybe(lambda: d.integers(axis))], made, tolerance=SPECTRUM,
                  constant=(1, 2))


@operators("STFT")
def stft(d):
    size, onesided = d.between(3, 12), d.below(2)
    t = d.type("T1")
    x = d.array(t, (d.between(1, 2), size, 1 if onesided else d.between(1, 2)), "real")
    length = d.between(1, size)
    window = d.maybe(lambda: d.array(t, (length,), "real"))
    frame = d.integers(length) if window is None or d.chance(2) else None
    return d.case([x, d.integers(d.between(1, 4)), window, frame], {"onesided": onesided},
                  tolerance=SPECTRUM, constant=(1, 3))


@operators("HannWindow HammingWindow BlackmanWindow")
def cosine_window(d):
    made = {"periodic": d.maybe(lambda: d.below(2)),
            "output_datatype": d.maybe(lambda: d.among([1, 11]))}
    return d.case([d.integers(d.between(2, 20))], made, tolerance=NEAR, constant=(0,))


@operators("MelWeightMatrix")
def mel_weight_matrix(d):
    low = d.between(0, 400)
    operands = [d.integers(d.between(1, 12)), d.integers(8 * d.between(2, 16)), d.integers(8000)]
    edges = [np.array(v, np.float32) for v in (low, low + d.between(100, 3000))]
    return d.case(operands + edges, {}, tolerance=NEAR, constant=(0, 1, 2, 3, 4))


def near_of(x, mode):
    """Of nearest elements nothing is computed."""
    return Tolerance() if mode == "nearest" else NEAR if x.dtype.kind == "f" else CUT


def resized(d, op):
    rank = d.between(1, 4)
    x = d.array(d.type(), tuple(d.between(1, 6) for _ in range(rank)), "real")
    if rank < 3 or op["mode"] == "nearest":
        return x, [d.among([1.0, 2.0, 0.5, 1.5, 3.0, 0.6, 1.25]) for _ in range(rank)]
    scales = [d.among([2.0, 0.5, 1.5, 3.0, 0.6, 1.25]) for _ in range(2)]
    return x, [1.0] * (rank - 2) + scales


@operators("Upsample")
def upsample(d):
    op = {"mode": d.among(["nearest", "linear"])}
    x, scales = resized(d, op)
    scales = [max(1.0, s) for s in scales]
    if d.opset < 9:
        return d.case([x], {**op, "scales": scales}, tolerance=near_of(x, op["mode"]))
    return d.case([x, np.array(scales, np.float32)], op, tolerance=near_of(x, op["mode"]),
                  constant=(1,))


@operators("Resize")
def resize(d):
    op = {"mode": d.among(["nearest", "linear"] + (["cubic"] if d.opset >= 11 else []))}
    if op["mode"] == "cubic":
        x = d.array(d.type(), tuple(d.between(1, 6) for _ in range(4)), "real")
        scales = [1.0, 1.0] + [d.among([2.0, 0.5, 1.5, 3.0, 0.6, 1.25]) for _ in range(2)]
    else:
        x, scales = resized(d, op)
    if d.opset == 10:
        return d.case([x, np.array(scales, np.float32)], op, tolerance=near_of(x, op["mode"]),
                      constant=(1,))
    modes = ["half_pixel", "pytorch_half_pixel", "align_corners", "asymmetric"]
    if op["mode"] == "nearest":
        modes += ["tf_half_pixel_for_nn"] if d.opset < 13 else []
        op["nearest_mode"] = d.maybe(lambda: d.among(
            ["round_prefer_floor", "round_prefer_ceil", "floor", "ceil"]))
    if op["mode"] != "cubic":
        modes.append("tf_crop_and_resize")
    if d.opset >= 19:
        modes.append("half_pixel_symmetric")
    op["coordinate_transformation_mode"] = mode = d.among(modes)
    roi = None
    if mode == "tf_crop_and_resize":
        starts = np.random.default_rng(d.below(1 << 30)).uniform(0, 0.4, x.ndim)
        roi = np.concatenate([starts, starts + 0.5])
        for i, scale in enumerate(scales):
            if scale == 1 and op["mode"] == "linear":
                roi[i], roi[x.ndim + i] = 0, 1
        op["extrapolation_value"] = d.maybe(lambda: d.among([0.0, 7.5]))
        roi = roi.astype(np.float32)
    if op["mode"] == "cubic":
        op["cubic_coeff_a"] = d.maybe(lambda: d.among([-0.75, -0.5]))
        op["exclude_outside"] = d.maybe(lambda: d.below(2))
    if (d.opset >= 18 and op["mode"] != "nearest" and mode != "tf_crop_and_resize" and
            d.chance(3)):
        op["antialias"] = 1
    by_sizes = d.chance(2)
    sizes = [max(1, int(n * s)) for n, s in zip(x.shape, scales)]
    if by_sizes and d.opset >= 18 and d.chance(3):
        op["keep_aspect_ratio_policy"] = d.among(["not_larger", "not_smaller"])
    if d.opset >= 18 and mode != "tf_crop_and_resize" and d.chance(3):
        axes = d.axes(x.ndim, least=1)
        if op["mode"] != "nearest":
            axes = [x.ndim - 2, x.ndim - 1] if x.ndim > 2 else list(range(x.ndim))
        sizes, scales = [sizes[a] for a in axes], [scales[a] for a in axes]
        op["axes"] = axes
    if by_sizes:
        operands = [x, roi, None, d.integers(sizes)]
    else:
        operands = [x, roi, np.array(scales, np.float32)]
    if d.opset < 13:
        if operands[1] is None:
            operands[1] = np.zeros(0, np.float32)
        if operands[2] is None:
            operands[2] = np.zeros(0, np.float32)
    return d.case(operands, op, tolerance=near_of(x, op["mode"]), constant=(1, 2, 3))
