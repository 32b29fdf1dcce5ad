"""Many elements make one; sums of small whole numbers are exact in whatever order."""
import numpy as np

from case import Tolerance
from draw import FLOATS
from table import operators

I64 = np.int64
CLOSE = Tolerance(relative=2e-6, absolute=1e-6, ulps=4)


@operators("ReduceSum ReduceMean ReduceMax ReduceMin ReduceProd ReduceL1 ReduceL2 ReduceLogSum "
           "ReduceLogSumExp ReduceSumSquare")
def reduce(d):
    shape = d.shape()
    if d.op in ("ReduceMax", "ReduceMin", "ReduceMean", "ReduceLogSum", "ReduceLogSumExp"):
        shape = tuple(max(1, s) for s in shape)
    values = "positive" if d.op == "ReduceLogSum" else d.among(["exact", "real"])
    logarithm = "LogSum" in d.op  # of whole numbers nothing says how it is rounded
    x = d.array(d.type(allowed=FLOATS if logarithm else None), shape, values)
    if values == "real" and d.op in ("ReduceSum", "ReduceProd", "ReduceMean", "ReduceSumSquare"):
        x = abs(x) if x.dtype.kind == "f" else x
    axes = d.maybe(lambda: d.axes(x.ndim)) if x.ndim else None
    if axes is not None and d.since < 11:
        axes = [a % x.ndim for a in axes]
    keep = {"keepdims": d.maybe(lambda: d.below(2))}
    tolerance = Tolerance() if values == "exact" and d.op in (
        "ReduceMax", "ReduceMin") else CLOSE
    by_operand = d.since >= (13 if d.op == "ReduceSum" else 18)
    if not by_operand:
        return d.case([x], {"axes": axes or None, **keep}, tolerance=tolerance)
    keep["noop_with_empty_axes"] = d.maybe(lambda: d.below(2))
    operand = None if axes is None else np.array(axes, I64)
    return d.case([x, operand], keep, tolerance=tolerance, constant={1})


@operators("ArgMax ArgMin")
def arg(d):
    x = d.array(d.type(), d.shape(1, 4, 1), "exact")
    axis = d.axis(x.ndim) if d.since >= 11 else d.below(x.ndim)
    last = d.maybe(lambda: d.below(2)) if d.since >= 12 else None
    return d.case([x], {"axis": axis, "keepdims": d.maybe(lambda: d.below(2)),
                        "select_last_index": last})


@operators("CumSum CumProd")
def running(d):
    x = d.array(d.type(), d.shape(1), "exact")
    axis = np.array(d.axis(x.ndim), d.among([np.int64, np.int32]))
    return d.case([x, axis], {"exclusive": d.maybe(lambda: d.below(2)),
                              "reverse": d.maybe(lambda: d.below(2))}, constant={1})


@operators("Softmax LogSoftmax Hardmax")
def softmax(d):
    x = d.array(d.type(), d.shape(1, 4), "real")
    axis = d.axis(x.ndim) if d.since >= 11 else d.below(x.ndim)
    return d.case([x], {"axis": axis}, tolerance=Tolerance() if d.op == "Hardmax" else CLOSE)
