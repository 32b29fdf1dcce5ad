"""Operators that move elements, gather and scatter them, or find some by their contents."""
import itertools

import numpy as np

from ops.model import Const, floats, ints, numbers, one, whole

MAP = (1, 64, 112, 112)


def named(shape):
    return " x ".join(map(str, shape))


def moves():
    for order in itertools.permutations(range(3)):
        if order != (0, 1, 2):
            yield f"Transpose {order}", one("Transpose", floats(64, 128, 96), perm=order)
    for order in itertools.permutations(range(4)):
        if order != (0, 1, 2, 3):
            yield f"Transpose {order}", one("Transpose", floats(8, 64, 28, 56), perm=order)
    yield "Transpose of windows", one("Transpose", floats(1, 8, 7, 8, 7, 96),
                                      perm=(0, 1, 3, 2, 4, 5))
    yield "Transpose of patches", one("Transpose", floats(1, 3, 14, 16, 14, 16),
                                      perm=(0, 2, 4, 3, 5, 1))
    yield "Transpose of 1024 x 1000", one("Transpose", floats(1024, 1000), perm=(1, 0))
    for dtype in ("i8", "f16", "i64"):
        yield f"Transpose {dtype} (0, 2, 3, 1)", one("Transpose", numbers(dtype, *MAP),
                                                     perm=(0, 2, 3, 1))
        yield f"Transpose {dtype} (0, 2, 1, 3)", one("Transpose", numbers(dtype, 8, 128, 12, 64),
                                                     perm=(0, 2, 1, 3))
    for mode in ("constant", "reflect", "edge", "wrap"):
        yield f"Pad {mode} by 1", one("Pad", floats(*MAP), ints(0, 0, 1, 1, 0, 0, 1, 1), mode=mode)
        yield f"Pad {mode} of sound", one("Pad", floats(8, 16000), ints(0, 512, 0, 512), mode=mode)
    yield "Pad of channels", one("Pad", floats(*MAP), ints(0, 32, 0, 0, 0, 0, 0, 0))
    yield "Pad that cuts", one("Pad", floats(*MAP), ints(0, 0, -2, -2, 0, 0, -2, -2))
    yield "Pad i64", one("Pad", whole(8, 500), ints(0, 0, 0, 12))
    for name, starts, ends, axes, steps in (
            ("rows of 2", [0], [9999], [2], [2]), ("columns of 2", [0], [9999], [3], [2]),
            ("columns from the end", [-1], [-9999], [3], [-1]),
            ("rows from the end", [-1], [-9999], [2], [-1]),
            ("rows and columns of 2", [0, 1], [9999, 9999], [2, 3], [2, 2]),
            ("half of the channels", [32], [64], [1], [1]),
            ("all but a frame", [1, 1], [-1, -1], [2, 3], [1, 1])):
        yield f"Slice, {name}", one("Slice", floats(*MAP), ints(*starts), ints(*ends), ints(*axes),
                                    ints(*steps))
    yield "Slice of the last axis of 3", one("Slice", floats(65536, 3), ints(1), ints(2), ints(1))
    yield "Slice i8, columns of 2", one("Slice", numbers("i8", *MAP), ints(0), ints(9999), ints(3),
                                        ints(2))
    for repeats in ((1, 4, 1, 1), (1, 1, 2, 2), (2, 1, 1, 1), (1, 1, 1, 4)):
        yield f"Tile by {repeats}", one("Tile", floats(1, 32, 56, 56), ints(*repeats))
    yield "Tile of rows of 2", one("Tile", floats(4096, 2), ints(1, 64))
    for shape, to in (((1, 64, 1, 1), MAP), ((1024, 1), (1024, 1024)), ((1, 1024), (1024, 1024)),
                      ((8, 2, 1, 128, 64), (8, 2, 4, 128, 64)), ((1, 1, 1, 512), (8, 1, 512, 512)),
                      ((56, 56, 1, 1), (56, 56, 32, 8))):
        yield f"Expand {named(shape)} to {named(to)}", one("Expand", floats(*shape), ints(*to))
    yield "Expand i64", one("Expand", whole(1, 1024), ints(1024, 1024))
    yield "Expand bool", one("Expand", numbers("bool", 1, 1, 1, 512), ints(8, 1, 512, 512))
    for axis, shape in ((0, (4, 64, 56, 56)), (1, MAP), (2, MAP), (3, MAP), (1, (65536, 2))):
        yield f"Concat {named(shape)} over axis {axis}", one(
            "Concat", floats(*shape), floats(*shape), floats(*shape), axis=axis)
        yield f"Split {named(shape)} over axis {axis}", one("Split", floats(*shape), outputs=2,
                                                            num_outputs=2, axis=axis)
    yield "Concat of a token", one("Concat", floats(8, 1, 768), floats(8, 196, 768), axis=1)
    yield "Concat u8", one("Concat", numbers("u8", *MAP), numbers("u8", *MAP), axis=1)
    for mode, block in itertools.product(("DCR", "CRD"), (2, 4)):
        yield f"DepthToSpace {mode} {block}", one("DepthToSpace", floats(1, 64, 128, 128),
                                                  blocksize=block, mode=mode)
    for block in (2, 4):
        yield f"SpaceToDepth {block}", one("SpaceToDepth", floats(1, 12, 256, 256), blocksize=block)
    for upper, dtype in itertools.product((0, 1), ("f32", "i64")):
        yield f"Trilu {dtype} {upper}", one("Trilu", numbers(dtype, 8, 512, 512), upper=upper)
    yield "Trilu upper by 1", one("Trilu", floats(512, 512), ints(1), upper=1)
    yield "Range 100000", one("Range", Const(np.int64(0)), np.array(100000), Const(np.int64(1)))
    yield "ConstantOfShape", one("ConstantOfShape", np.array([1024, 1024]))
    yield "EyeLike", one("EyeLike", floats(1024, 1024))
    yield "OneHot, last", one("OneHot", whole(4096, below=256), ints(256),
                              Const(np.array([0, 1], np.float32)))
    yield "OneHot, first", one("OneHot", whole(4096, below=256), ints(256),
                               Const(np.array([0, 1], np.float32)), axis=0)
    yield "ReverseSequence", one("ReverseSequence", floats(128, 32, 256), whole(32, low=1),
                                 batch_axis=1, time_axis=0)
    yield "CenterCropPad", one("CenterCropPad", floats(1, 3, 256, 256), ints(224, 224),
                               axes=[2, 3])


def gathers():
    for axis, shape in ((0, (30522, 384)), (1, (64, 1000, 64)), (2, (64, 64, 1000))):
        below = shape[axis]
        yield f"Gather over axis {axis}", one("Gather", floats(*shape), whole(512, below=below),
                                              axis=axis)
    yield "Gather of one row", one("Gather", floats(8, 197, 768), Const(np.int64(0)), axis=1)
    yield "Gather with i32", one("Gather", floats(30522, 384), whole(8, 64, below=30522,
                                                                     dtype="i32"))
    yield "Gather of i64", one("Gather", whole(1000, below=9), whole(65536, below=1000))
    yield "Gather of shifts", one("Gather", floats(8, 12, 127), whole(64, 64, below=127), axis=2)
    for axis in (0, 1, 2):
        shape = (64, 128, 128)
        where = whole(*shape, below=shape[axis])
        yield f"GatherElements over axis {axis}", one("GatherElements", floats(*shape), where,
                                                      axis=axis)
        lines = np.argsort(floats(*shape), axis=axis)
        for how in ("none", "add", "max"):
            yield f"ScatterElements {how} over axis {axis}", one(
                "ScatterElements", floats(*shape), lines, floats(*shape), axis=axis, reduction=how)
    places = np.stack([whole(8192, below=64), whole(8192, below=128)], 1)
    yield "GatherND of rows", one("GatherND", floats(64, 128, 64), places)
    yield "GatherND of elements", one("GatherND", floats(64, 128), whole(65536, 2, below=64))
    yield "GatherND, batch 1", one("GatherND", floats(8, 1000, 64), whole(8, 300, 1, below=1000),
                                   batch_dims=1)
    for how in ("none", "add", "max"):
        rows = np.random.default_rng(1).permutation(10000)[:4096].reshape(-1, 1)
        yield f"ScatterND {how} of rows", one("ScatterND", floats(10000, 64), rows,
                                              floats(4096, 64), reduction=how)
        spots = np.random.default_rng(1).permutation(65536)[:32768]
        yield f"ScatterND {how} of elements", one(
            "ScatterND", floats(256, 256), np.stack([spots // 256, spots % 256], 1),
            floats(32768), reduction=how)


def contents():
    for share in (0.05, 0.5, 0.95):
        mask = np.random.default_rng(1).random((512, 512)) < share
        yield f"NonZero of truths, {share}", one("NonZero", mask)
        yield f"NonZero f32, {share}", one("NonZero", mask.astype(np.float32))
        yield f"NonZero i64, {share}", one("NonZero", mask.astype(np.int64))
        flat = np.random.default_rng(2).random(65536) < share
        yield f"Compress, {share}", one("Compress", floats(256, 256), flat)
        yield f"Compress of rows, {share}", one("Compress", floats(8192, 64), flat[:8192], axis=0)
        yield f"Compress of columns, {share}", one("Compress", floats(1024, 1024), flat[:1024],
                                                   axis=1)
    for name, x in (("i64", whole(65536, below=5000)), ("f32", whole(65536).astype(np.float32)),
                    ("of few", whole(65536, below=8))):
        yield f"Unique {name}", one("Unique", x)
        yield f"Unique {name}, as they come", one("Unique", x, sorted=0)
    yield "Unique with all outputs", one("Unique", whole(65536, below=5000), outputs=4)
    for shape, k, axis in (((1, 8400), 300, 1), ((128, 1000), 5, 1), ((1, 50000), 50, 1),
                           ((1, 262144), 1000, 1), ((64, 64, 256), 8, 2), ((256, 4096), 4, 0),
                           ((64, 512), 512, 1), ((1024, 64), 2, 1), ((2048, 1024), 1, 1)):
        yield f"TopK {k} of {named(shape)} over axis {axis}", one(
            "TopK", floats(*shape), ints(k), outputs=2, axis=axis)
    yield "TopK least of 128 x 1000", one("TopK", floats(128, 1000), ints(5), outputs=2, largest=0)
    yield "TopK i64", one("TopK", whole(128, 1000, below=99999), ints(5), outputs=2)
    boxes = floats(1, 4000, 4, low=0, high=500)
    boxes[..., 2:] = boxes[..., :2] + 40
    yield "NonMaxSuppression", one("NonMaxSuppression", boxes, floats(1, 4, 4000, low=0, high=1),
                                   ints(100), Const(np.float32([0.5])), Const(np.float32([0.6])))


def resizes():
    for mode, ratio in itertools.product(("nearest", "linear", "cubic"), (2, 0.5, 1.3)):
        yield f"Resize {mode} {ratio} x", one("Resize", floats(1, 32, 56, 56), None,
                                              Const(np.float32([1, 1, ratio, ratio])), mode=mode)
    for how in ("align_corners", "asymmetric", "pytorch_half_pixel"):
        yield f"Resize linear 4 x, {how}", one(
            "Resize", floats(1, 21, 65, 65), None, Const(np.float32([1, 1, 4, 4])), mode="linear",
            coordinate_transformation_mode=how)
    yield "Resize nearest 2 x, floor", one(
        "Resize", floats(1, 128, 40, 40), None, Const(np.float32([1, 1, 2, 2])), mode="nearest",
        coordinate_transformation_mode="asymmetric", nearest_mode="floor")
    yield "Resize linear to 224, smooth", one("Resize", floats(1, 3, 500, 375), None, None,
                                              ints(1, 3, 224, 224), mode="linear", antialias=1)
    yield "Resize cubic to 224", one("Resize", floats(1, 3, 500, 375), None, None,
                                     ints(1, 3, 224, 224), mode="cubic")
    yield "Resize linear, channels last", one("Resize", floats(1, 56, 56, 32), None,
                                              Const(np.float32([1, 2, 2, 1])), mode="linear")
    yield "Resize nearest, 1-D", one("Resize", floats(1, 256, 500), None,
                                     Const(np.float32([1, 1, 2])), mode="nearest")
    yield "Resize linear, 3-D", one("Resize", floats(1, 16, 16, 28, 28), None,
                                    Const(np.float32([1, 1, 2, 2, 2])), mode="linear")
    yield "Resize linear u8", one("Resize", numbers("u8", 1, 3, 256, 256), None, None,
                                  ints(1, 3, 512, 512), mode="linear")
    yield "Upsample", one("Upsample", floats(1, 64, 56, 56), Const(np.float32([1, 1, 2, 2])),
                          opset=9)
