"""Reductions, softmax and running sums."""
import itertools

from ops.model import floats, ints, numbers, one

SQUARE = (1024, 1024)


def reductions():
    shapes = [("last", SQUARE, (1,)), ("first", SQUARE, (0,)), ("middle", (32, 256, 128), (1,)),
              ("rows and columns", (8, 128, 28, 28), (2, 3)),
              ("batch, rows, columns", (8, 64, 28, 28), (0, 2, 3)), ("all", SQUARE, (0, 1)),
              ("first of 3", (16, 256, 256), (0,)), ("short last", (65536, 8), (1,))]
    for op in ("Sum", "Mean", "Max", "Min", "Prod", "L1", "L2", "LogSum", "LogSumExp",
               "SumSquare"):
        for name, shape, axes in shapes:
            x = floats(*shape, low=0.9, high=1.1) if op in ("Prod", "LogSum") else floats(*shape)
            yield f"Reduce{op} over {name}", one(f"Reduce{op}", x, ints(*axes))
    for dtype, op in itertools.product(("i64", "i32"), ("Sum", "Max", "Mean", "Prod")):
        for name, shape, axes in shapes[:2]:
            x = numbers(dtype, *shape)
            x = x // x if op == "Prod" else x  # others overflow
            yield f"Reduce{op} {dtype} over {name}", one(f"Reduce{op}", x, ints(*axes))
    for dtype, op in itertools.product(("f16", "f64"), ("Sum", "Mean", "Max")):
        yield f"Reduce{op} {dtype} over last", one(f"Reduce{op}", numbers(dtype, *SQUARE), ints(1))
    yield "ReduceMax i8 over last", one("ReduceMax", numbers("i8", *SQUARE), ints(1))
    yield "ReduceMax u8 over first", one("ReduceMax", numbers("u8", *SQUARE), ints(0))
    for op in ("ArgMax", "ArgMin"):
        for name, shape, axes in shapes[:3] + shapes[-1:]:
            yield f"{op} over {name}", one(op, floats(*shape), axis=axes[0])
    yield "ArgMax over classes", one("ArgMax", floats(1, 21, 256, 256), axis=1)
    yield "ArgMax i32 over last", one("ArgMax", numbers("i32", *SQUARE), axis=1)
    yield "ArgMax i64 over first", one("ArgMax", numbers("i64", *SQUARE), axis=0)
    yield "ArgMax of 50000", one("ArgMax", floats(1, 50000), axis=1)


def softmax():
    for op in ("Softmax", "LogSoftmax", "Hardmax"):
        for shape, axis in (((1536, 128), 1), ((64, 30522), 1), ((8192, 29), 1), ((10000, 4), 1),
                            ((65536, 2), 1), ((1, 1000), 1), ((8, 12, 197, 197), 3),
                            ((1, 21, 256, 256), 1), ((16, 64, 1024), 1), ((4, 16, 8400), 1)):
            size = " x ".join(map(str, shape))
            yield f"{op} {size} over axis {axis}", one(op, floats(*shape), axis=axis)
    yield "Softmax f16 1536 x 128", one("Softmax", floats(1536, 128, dtype="f16"))
    yield "Softmax f64 1536 x 128", one("Softmax", floats(1536, 128, dtype="f64"))


def running():
    for axis in (0, 1, 2):
        yield f"CumSum over axis {axis}", one("CumSum", floats(64, 128, 128), ints(axis))
    yield "CumSum, exclusive, reverse", one("CumSum", floats(*SQUARE), ints(1), exclusive=1,
                                            reverse=1)
    yield "CumSum 1024 x 1024 over axis 0", one("CumSum", floats(*SQUARE), ints(0))
    yield "CumSum of a mask, i32", one("CumSum", numbers("i32", 8, 512), ints(1))
    yield "CumSum i64", one("CumSum", numbers("i64", *SQUARE), ints(1))
