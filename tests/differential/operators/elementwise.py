"""One result element from one element of each operand."""
import ml_dtypes
import numpy as np
import onnx

from case import Tolerance, is_narrow, is_narrow_integer
from draw import types_that_run
from table import operators

EXACT = Tolerance()
EQUAL = Tolerance(absolute=1e-300)  # as numbers: the sign of a zero is open
CLOSE = Tolerance(ulps=4)
NEAR = Tolerance(ulps=8, relative=2e-6, absolute=1e-6)  # float by float, as the function says


def unary(values, tolerance, attributes=None):
    def draw(d):
        x = d.array(d.type(), d.shape(), values)
        drawn = {k: v(d) for k, v in (attributes or {}).items()}
        return d.case([x], drawn, tolerance=tolerance)
    return draw


operators("Abs Neg Sign Floor Ceil Round Relu Identity Not")(unary("any", EXACT))
operators("Sqrt Reciprocal")(unary("any", CLOSE))
operators("Exp Log Sin Cos Tan Asin Acos Atan Sinh Cosh Tanh Asinh Acosh Atanh Erf")(
    unary("any", NEAR))
operators("Sigmoid Softplus Softsign Mish HardSwish")(unary("any", NEAR))


def real(d):
    """An attribute that is now and then left out, a whole number or none."""
    return d.maybe(lambda: d.among([1.0, 0.0, 0.5, 2.0, -1.0, 0.3, 1.7]))


operators("LeakyRelu ThresholdedRelu")(unary("any", CLOSE, {"alpha": real}))
operators("Elu")(unary("real", NEAR, {"alpha": real}))
operators("Swish")(unary("real", Tolerance(ulps=8, absolute=1e-5), {"alpha": real}))
operators("Selu")(unary("real", NEAR, {"alpha": real, "gamma": real}))
operators("HardSigmoid")(unary("any", NEAR, {"alpha": real, "beta": real}))
operators("Shrink")(unary("any", EXACT, {"bias": real, "lambd": real}))
operators("Gelu")(unary("any", NEAR, {"approximate": lambda d: d.maybe(
    lambda: d.among(["none", "tanh"]))}))


@operators("Celu")
def celu(d):
    alpha = d.maybe(lambda: d.among([1.0, 0.5, 2.0, 0.3]))
    return d.case([d.array(d.type(), d.shape(), "real")], {"alpha": alpha}, tolerance=NEAR)


@operators("IsNaN")
def is_nan(d):
    return d.case([d.array(d.type(), d.shape())])


@operators("IsInf")
def is_inf(d):
    flags = {k: d.maybe(lambda: d.below(2)) for k in ("detect_negative", "detect_positive")}
    return d.case([d.array(d.type(), d.shape())], flags)


def binary(values="any", tolerance=EXACT, second=None):
    def draw(d):
        a, b = d.broadcast(2)
        y = d.array(d.type(), b, second or values)
        return d.case([d.array(d.type(), a, values), y], tolerance=tolerance)
    return draw


operators("Add Sub Mul And Or Xor Equal Greater Less GreaterOrEqual LessOrEqual BitwiseAnd "
          "BitwiseOr BitwiseXor")(binary())


@operators("Div")
def divide(d):
    a, b = d.broadcast(2)
    divisor = d.array(d.type(), b)
    if d.type().kind in "iu":
        divisor = np.where(divisor == 0, 3, divisor).astype(d.type())
        if d.type().kind == "i":  # the least number by -1 has no quotient
            divisor = np.where(divisor == -1, 2, divisor).astype(d.type())
    return d.case([d.array(d.type(), a), divisor])


@operators("BitwiseNot")
def bitwise_not(d):
    return d.case([d.array(d.type(), d.shape())])


@operators("BitShift")
def bit_shift(d):
    a, b = d.broadcast(2)
    by = d.array(d.type(), b, low=0, high=d.type().itemsize * 8 - 1)
    return d.case([d.array(d.type(), a), by], {"direction": d.among(["LEFT", "RIGHT"])})


@operators("Mod")
def mod(d):
    a, b = d.broadcast(2)
    y = d.array(d.type(), b)
    fmod = 1 if d.type().kind == "f" else d.maybe(lambda: d.below(2))
    if d.type().kind in "iu":
        y = np.where((y == 0) | (y == d.type().type(-1 % 256 if d.type().kind == "u" else -1)),
                     3, y).astype(d.type())
    return d.case([d.array(d.type(), a), y], {"fmod": fmod})


@operators("Pow")
def power(d):
    a, b = d.broadcast(2)
    base = d.type("T")
    exponent = d.type("T1") if d.since >= 12 else base
    if base.kind in "iu":
        x = d.array(base, a, low=0, high=5)
        y = d.array(exponent, b, low=0, high=4)
    else:
        x = d.array(base, a, "any")
        y = d.array(exponent, b, "any")
    return d.case([x, y], tolerance=NEAR)


@operators("PRelu")
def prelu(d):
    shape = d.shape(1, 4)
    slope = tuple(1 if d.chance(3) else s for s in shape[d.below(len(shape)):])
    return d.case([d.array(d.type(), shape), d.array(d.type(), slope)])


def epsilon(dtype):
    return float(np.finfo(dtype).eps) if dtype.kind == "f" else 0


@operators("Max Min Sum Mean")
def variadic(d):
    shapes = d.broadcast(d.between(1, 4))
    values = "real" if d.op in ("Sum", "Mean") else "any"
    operands = [d.array(d.type(), s, values) for s in shapes]
    largest = max(float(np.max(np.abs(a.astype(np.float64)), initial=0)) for a in operands)
    off = Tolerance(ulps=4, absolute=largest * epsilon(d.type()) * len(operands))
    return d.case(operands, tolerance=off if d.op in ("Sum", "Mean") else EQUAL)


@operators("Where")
def where(d):
    c, a, b = d.broadcast(3)
    return d.case([d.array(np.bool_, c), d.array(d.type("T"), a), d.array(d.type("T"), b)])


@operators("Clip")
def clip(d):
    x = d.array(d.type(), d.shape())
    low, high = (d.array(d.type(), (), "exact") for _ in range(2))
    low, high = min(low, high), max(low, high)
    if d.since < 11:
        return d.case([x], {"min": d.maybe(lambda: float(low)), "max": d.maybe(
            lambda: float(high))})
    bounds = [d.maybe(lambda b=b: np.array(b, d.type())) for b in (low, high)]
    return d.case([x] + bounds, constant={1, 2})


def is_whole(dtype):
    return dtype.kind in "iu" or is_narrow_integer(dtype)


def castable(d, source, to):
    """Numbers of `source`; beyond the range of whole ones the standard says nothing."""
    x = d.array(source, d.shape(), "any")
    if is_whole(source) or not is_whole(to):
        return x
    most = min(100, int(ml_dtypes.iinfo(to).max))
    wide = np.nan_to_num(x.astype(np.float32), posinf=most, neginf=0)
    return np.clip(wide, 0, most).astype(source)


@operators("Cast")
def cast(d):
    types = types_that_run("Cast", "", d.opset, "T1")
    source, to = d.among([np.dtype(np.float32)] + types), d.among(types)
    saturate = None
    if d.opset >= 19 and "float8" in to.name:
        saturate = d.maybe(lambda: d.below(2))
    return d.case([castable(d, source, to)], {
        "to": onnx.helper.np_dtype_to_tensor_dtype(to), "saturate": saturate},
        narrow={0: to} if is_narrow(to) else {})


@operators("CastLike")
def cast_like(d):
    types = types_that_run("CastLike", "", d.opset, "T1")
    source, to = d.among(types), d.among(types)
    x = castable(d, source, to)
    return d.case([x, np.zeros(d.shape(), to)], narrow={0: to} if is_narrow(to) else {})


@operators("Dropout")
def dropout(d):
    x = d.array(d.type(), d.shape())
    wants_mask = d.below(2)
    if d.since < 12:
        return d.case([x], {"ratio": real(d)}, outputs=1)
    ratio = d.maybe(lambda: np.array(0.25, d.type("T1")))
    training = d.maybe(lambda: np.array(False))
    return d.case([x, ratio, training], outputs=1 + wants_mask)


