"""Operators that work element by element."""
import itertools

import numpy as np
from onnx import helper

from ops.model import DTYPES, MICROSOFT, Const, floats, ints, numbers, one, whole

SQUARE, MAP = (1024, 1024), (1, 64, 112, 112)


def unary():
    for op in ("Abs Acos Asin Atan Ceil Celu Cos Cosh Elu Erf Exp Floor HardSigmoid HardSwish "
               "IsInf IsNaN LeakyRelu Log Mish Neg Reciprocal Relu Round Selu Shrink Sigmoid Sign "
               "Sin Sinh Softplus Softsign Sqrt Tan Tanh ThresholdedRelu Asinh Acosh Atanh "
               "Gelu").split():
        low, high = {"Acosh": (1, 9), "Sqrt": (0, 9), "Log": (0, 9)}.get(op, (-4, 4))
        if op in ("Acos", "Asin", "Atanh"):
            low, high = -1, 1
        yield op, one(op, floats(*SQUARE, low=low, high=high))
    yield "Gelu tanh", one("Gelu", floats(*SQUARE), approximate="tanh")
    yield "QuickGelu", one("QuickGelu", floats(*SQUARE), domain=MICROSOFT)
    yield "Softplus of a small map", one("Softplus", floats(64, 196))
    yield "Sin of 1000", one("Sin", floats(1000))
    yield "Cos of large numbers", one("Cos", floats(*SQUARE, low=-9000, high=9000))
    for dtype, ops in (("f16", "Abs Relu Sigmoid Tanh Gelu Exp Sqrt Neg Sin Erf"),
                       ("f64", "Abs Relu Sigmoid Tanh Exp Log Sqrt Neg Sin"),
                       ("i64", "Abs Neg Sign BitwiseNot"), ("i32", "Abs Neg Sign Relu BitwiseNot"),
                       ("i8", "Abs Neg Relu Sign")):
        for op in ops.split():
            x = floats(*SQUARE, low=0.1, high=4, dtype=dtype) if dtype[0] == "f" \
                else whole(*SQUARE, dtype=dtype, low=-50)
            yield f"{op} {dtype}", one(op, x)
    yield "Not", one("Not", numbers("bool", *SQUARE))


def binary():
    for dtype in ("f32", "f64", "f16", "i64", "i32", "i8", "u8"):
        for op in ("Add", "Sub", "Mul", "Div", "Min", "Max"):
            yield f"{op} {dtype}", one(op, numbers(dtype, *SQUARE), numbers(dtype, *SQUARE))
    for op in ("Add", "Mul", "Div", "PRelu"):
        yield f"{op} by channel", one(op, floats(*MAP), floats(64, 1, 1))
        yield f"{op} by row", one(op, floats(*SQUARE), floats(1024))
        yield f"{op} by column", one(op, floats(*SQUARE), floats(1024, 1))
        yield f"{op} by scalar", one(op, floats(*SQUARE), Const(np.float32(1.7)))
    yield "Add outer", one("Add", floats(1024, 1), floats(1, 1024))
    yield "Div of scalar", one("Div", Const(np.float32(1)), floats(*SQUARE))
    for dtype in ("i64", "i32", "u8"):
        for op in ("Add", "Mul", "Div"):
            yield f"{op} {dtype} by scalar", one(op, numbers(dtype, *SQUARE),
                                                 Const(DTYPES[dtype](7)))
    for dtype in ("i64", "i32"):
        yield f"Mod {dtype}", one("Mod", whole(*SQUARE, dtype=dtype, low=-99),
                                  whole(*SQUARE, dtype=dtype, low=1))
        yield f"Mod {dtype} by scalar", one("Mod", whole(*SQUARE, dtype=dtype),
                                            Const(DTYPES[dtype](7)))
        yield f"fmod {dtype}", one("Mod", whole(*SQUARE, dtype=dtype),
                                   Const(DTYPES[dtype](7)), fmod=1)
    yield "fmod", one("Mod", floats(*SQUARE), floats(*SQUARE), fmod=1)
    for exponent in (2, 3, 4, 0.5, -1, -0.5, 1.5, 2.5, 0.45, 1, 0):
        yield f"Pow {exponent}", one("Pow", floats(*SQUARE, low=0.01, high=4),
                                     Const(np.float32(exponent)))
    yield "Pow of negative, 2", one("Pow", floats(*SQUARE), Const(np.float32(2)))
    yield "Pow of a tensor", one("Pow", floats(*SQUARE, low=0, high=4), floats(*SQUARE))
    yield "Pow by i64", one("Pow", floats(*SQUARE), ints(2))
    yield "Pow of a scalar", one("Pow", Const(np.float32(10000)), floats(*SQUARE))
    yield "Pow i64", one("Pow", whole(*SQUARE), ints(2))
    yield "Pow f64", one("Pow", floats(*SQUARE, dtype="f64"), Const(np.float64(2)))
    for dtype in ("f32", "i64", "i32", "f16", "bool", "u8"):
        for op in ("Equal", "Greater", "Less", "GreaterOrEqual", "LessOrEqual"):
            if dtype != "bool" or op == "Equal":
                yield f"{op} {dtype}", one(op, numbers(dtype, *SQUARE), numbers(dtype, *SQUARE))
    yield "Greater by scalar", one("Greater", floats(*SQUARE), Const(np.float32(0)))
    yield "Equal i64 by scalar", one("Equal", whole(*SQUARE), ints(7))
    for op in ("And", "Or", "Xor"):
        yield op, one(op, numbers("bool", *SQUARE), numbers("bool", *SQUARE))
    for op, dtype in itertools.product(("BitwiseAnd", "BitwiseOr", "BitwiseXor"), ("i32", "u8")):
        yield f"{op} {dtype}", one(op, whole(*SQUARE, dtype=dtype), whole(*SQUARE, dtype=dtype))
    for dtype in (np.uint8, np.uint32, np.uint64):
        yield f"BitShift {dtype.__name__}", one("BitShift", whole(*SQUARE).astype(dtype),
                                                Const(dtype(2)), direction="RIGHT")
    for dtype in ("f32", "f16", "i64", "u8"):
        yield f"Where {dtype}", one("Where", numbers("bool", *SQUARE), numbers(dtype, *SQUARE),
                                    numbers(dtype, *SQUARE))
        yield f"Clip {dtype}", one("Clip", numbers(dtype, *SQUARE), Const(DTYPES[dtype](0)),
                                   Const(DTYPES[dtype](6)))
    yield "Where by a scalar", one("Where", numbers("bool", *SQUARE), floats(*SQUARE),
                                   Const(np.float32(-1e4)))
    yield "Where by a row mask", one("Where", numbers("bool", 8, 1, 1, 256),
                                     floats(8, 12, 256, 256), Const(np.float32(-1e4)))
    yield "Sum of three", one("Sum", *[floats(*SQUARE) for _ in range(3)])
    yield "Mean of three", one("Mean", *[floats(*SQUARE) for _ in range(3)])


def casts():
    for source, target in itertools.permutations(DTYPES, 2):
        to = helper.np_dtype_to_tensor_dtype(np.dtype(DTYPES[target]))
        yield f"Cast {source} to {target}", one("Cast", numbers(source, *SQUARE), to=to)
