"""Disagreements that are ONNX Runtime's, or that the standard leaves open. Each entry: the
operators, when it holds (a predicate of the case), and the sentence that decides."""
import dataclasses
from typing import Callable

import numpy as np


@dataclasses.dataclass
class Known:
    operators: str
    when: Callable
    says: str
    kinds: tuple = ("differ",)


def has_nan(case):
    return any(a is not None and a.dtype.kind == "f" and np.isnan(a.astype(np.float64)).any()
               for a in case.inputs)


def is_empty(case):
    return any(a is not None and 0 in a.shape for a in case.inputs)


def has_negative_zero(case):
    return any(a is not None and a.dtype.kind == "f" and (np.signbit(a) & (a == 0)).any()
               for a in case.inputs)


def pads_same(case):
    return case.attributes.get("auto_pad", "").startswith("SAME")


def attribute(case, name, otherwise):
    return case.attributes.get(name, otherwise)


KNOWN = [
    Known("AffineGrid", lambda c: attribute(c, "align_corners", 0) and 1 in c.inputs[1][2:],
          "-1 and 1 are the centres of the corner pixels: of one pixel its own, which is 0 as in "
          "the torch function that the standard refers to"),
    Known("MaxPool AveragePool LpPool", lambda c: pads_same(c) and "dilations" in c.attributes,
          "SAME_UPPER and SAME_LOWER: output_shape[i] = ceil(input_shape[i] / strides[i])",
          ("differ", "refused")),
    Known("ConvTranspose", pads_same,
          "SAME_UPPER and SAME_LOWER: output_shape[i] = input_shape[i] * strides[i]",
          ("differ", "refused")),
    Known("Col2Im", lambda c: "dilations" in c.attributes and c.inputs[1].size != 2,
          "each element of a block is added where its dilated place is; ONNX Runtime overlaps"),
    Known("DFT", lambda c: attribute(c, "inverse", 0) and attribute(c, "onesided", 0),
          "x[n] = 1/N sum y[k] e^(2 pi j k n / N); ONNX Runtime gives 0 for N = 1"),
    Known("MaxPool GlobalMaxPool", lambda c: not np.isfinite(c.inputs[0]).all(),
          "the largest element may be -infinity, and NaN is no number below another"),
    Known("GridSample", lambda c: "cubic" in attribute(c, "mode", "") and
          attribute(c, "padding_mode", "") == "border",
          "border: use border values for out-of-bound grid locations"),
    Known("Resize", lambda c: attribute(c, "coordinate_transformation_mode", "") ==
          "align_corners" and len(c.inputs) < 4,
          "length_resized is length_original * scale, as the suite's cases of align_corners have "
          "it; ONNX Runtime takes the whole number"),
    Known("Shrink", lambda c: c.inputs[0].dtype not in (np.float32, np.float16),
          "Shrink: y = x - bias in the operand's type; ONNX Runtime computes it in float"),
    Known("Mod", lambda c: c.inputs[0].dtype.itemsize == 8 and c.attributes.get("fmod"),
          "Mod: the remainder of the operands; ONNX Runtime computes it in double"),
    Known("Where", has_negative_zero,
          "Where: elements, from X or Y; ONNX Runtime adds 0 to them, and -0 becomes 0"),
    Known("ConvTranspose", pads_same,
          "ConvTranspose: output_shape[i] = input_shape[i] * strides[i]; in ONNX Runtime less "
          "where the kernel is shorter than the stride"),
    Known("MaxPool AveragePool LpPool", pads_same,
          "Pools: output_shape[i] = ceil(input_shape[i] / strides[i]); in ONNX Runtime less "
          "with dilations"),
    Known("MaxPool AveragePool LpPool",
          lambda c: c.attributes.get("auto_pad") == "VALID" and c.attributes.get("ceil_mode"),
          "Pools, VALID: ceil((input - ((kernel - 1) * dilation + 1) + 1) / stride); one more in "
          "ONNX Runtime"),
    Known("MaxPool", lambda c: "dilations" in c.attributes and "pads" in c.attributes,
          "MaxPool: padding is -infinity (PyTorch's); ONNX Runtime starts at the lowest number"),
    Known("MatMul Gemm FusedMatMul", is_empty,
          "MatMul: as numpy.matmul, a sum of nothing is 0; ONNX Runtime leaves it unwritten"),
    Known("Attention", lambda c: c.attributes.get("is_causal"),
          "Attention: query i attends key j iff j <= i + offset, offset being "
          "past_sequence_length; ONNX Runtime takes all keys less all queries"),
    Known("ReduceProd ReduceSumSquare ReduceSum", lambda c: c.inputs[0].dtype.kind in "iu",
          "Reduce: whole numbers wrap, as in numpy; ONNX Runtime goes by way of floats, and "
          "saturates"),
    Known("Resize", lambda c: c.attributes.get("coordinate_transformation_mode") ==
          "align_corners" and len(c.inputs) == 3,
          "Resize: output_width can be fractional, as in the suite's "
          "resize_downsample_scales_linear_align_corners; ONNX Runtime rounds it first"),
    Known("ReduceSum ReduceSumSquare ReduceProd ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp "
          "ReduceMax ReduceMin ReduceMean", is_empty,
          "Reduce: an empty set of values yields 0 (of a product 1, of a maximum -infinity); ONNX "
          "Runtime leaves the axis, or fails"),
]


def explanation(case, verdict):
    for entry in KNOWN:
        if (case.op in entry.operators.split() and verdict.kind in entry.kinds and
                entry.when(case)):
            return entry.says
    return None
