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


def attribute(case, name, otherwise):
    return case.attributes.get(name, otherwise)


def strides_past(case, axes):
    """A stride longer than its kernel."""
    kernel = case.attributes.get("kernel_shape") or case.inputs[1].shape[-axes:]
    return any(s > k for s, k in zip(case.attributes.get("strides", []), kernel))


def powers_overflow(case):
    x = np.abs(case.inputs[0].astype(np.float64))
    x = x[np.isfinite(x) & (x > 0)]
    powers = x ** case.attributes.get("p", 2)
    return ((powers > 1e37) | (powers < 1e-37)).any()


def has_own_length(case):
    if len(case.inputs) < 2 or case.inputs[1] is None:
        return False
    axis = case.attributes.get("axis", 1 if case.opset < 20 else -2)
    if len(case.inputs) > 2:
        axis = int(case.inputs[2])
    return int(case.inputs[1]) != 2 * (case.inputs[0].shape[axis] - 1)


def places_by_whole_sizes(case):
    scales = case.attributes.get("scales", case.inputs[-1])
    exact = np.array(case.inputs[0].shape) * np.asarray(scales, np.float64)
    return (np.floor(exact) != exact).any()


def keeps_a_size(case):
    by_sizes = len(case.inputs) > 3
    return (attribute(case, "coordinate_transformation_mode", "") == "tf_crop_and_resize" and
            (1 in case.inputs[2] if not by_sizes else
             any(a == b for a, b in zip(case.inputs[3], case.inputs[0].shape))))


KNOWN = [
    Known("Shrink", lambda c: c.inputs[0].dtype not in (np.float32, np.float16),
          "Shrink: y = x - bias in the operand's type; ONNX Runtime computes it in float"),
    Known("Mod", lambda c: c.inputs[0].dtype.itemsize == 8 and c.attributes.get("fmod"),
          "Mod: the remainder of the operands; ONNX Runtime computes it in double"),
    Known("Where", has_negative_zero,
          "Where: elements, from X or Y; ONNX Runtime adds 0 to them, and -0 becomes 0"),
    Known("AffineGrid", lambda c: attribute(c, "align_corners", 0) and 1 in c.inputs[1][2:],
          "AffineGrid: -1 and 1 are the centers of the corner elements; of a single one, the "
          "middle, 0, as in the suite's reference; ONNX Runtime takes -1"),
    Known("MaxPool AveragePool LpPool", lambda c: pads_same(c) and "dilations" in c.attributes,
          "Pools: output_shape[i] = ceil(input_shape[i] / strides[i]); in ONNX Runtime less "
          "with dilations"),
    Known("MaxPool LpPool", lambda c: pads_same(c) and strides_past(c, 1),
          "Pools: output_shape[i] = ceil(input_shape[i] / strides[i]), windows at multiples of "
          "the stride; ONNX Runtime moves them where the stride is longer than the kernel"),
    Known("MaxPool AveragePool LpPool",
          lambda c: attribute(c, "auto_pad", "") == "VALID" and attribute(c, "ceil_mode", 0),
          "Pools, VALID: ceil((input - ((kernel - 1) * dilation + 1) + 1) / stride); one more in "
          "ONNX Runtime"),
    Known("LpPool GlobalLpPool", powers_overflow,
          "LpPool: the Lp norm; the powers that ONNX Runtime sums overflow single precision"),
    Known("MaxPool GlobalMaxPool", lambda c: not np.isfinite(c.inputs[0]).all(),
          "MaxPool: the max on all values; ONNX Runtime starts at the lowest finite number, and "
          "passes over NaN or not by where it stands"),
    Known("ConvTranspose", lambda c: pads_same(c) and strides_past(c, c.inputs[0].ndim - 2),
          "ConvTranspose: output_shape[i] = input_shape[i] * strides[i]; in ONNX Runtime less "
          "where the kernel is shorter than the stride"),
    Known("Col2Im", lambda c: "dilations" in c.attributes and c.inputs[1].size != 2,
          "Col2Im: dilations are those of the sliding blocks; ONNX Runtime heeds them on two axes "
          "alone"),
    Known("DFT", lambda c: attribute(c, "inverse", 0) and attribute(c, "onesided", 0) and
          has_own_length(c),
          "DFT: a onesided spectrum stands for X[w] = X[n_fft - w]*, as numpy's irfft has it; ONNX "
          "Runtime mirrors it for the length that the operand implies, whatever length is given"),
    Known("GridSample", lambda c: "cubic" in attribute(c, "mode", "") and
          attribute(c, "padding_mode", "") == "border",
          "GridSample, border: use border values for out-of-bound grid locations; ONNX Runtime "
          "moves the location itself before it interpolates"),
    Known("Resize", lambda c: attribute(c, "coordinate_transformation_mode", "") in
          ("align_corners", "tf_crop_and_resize") and
          (len(c.inputs) == 3 or "keep_aspect_ratio_policy" in c.attributes),
          "Resize: output_width can be fractional, as in the suite's "
          "resize_downsample_scales_linear_align_corners; ONNX Runtime rounds it first"),
    Known("Resize", keeps_a_size,
          "Resize, tf_crop_and_resize: x_original = start_x * (length_original - 1) + ..; ONNX "
          "Runtime copies an axis that keeps its size"),
    Known("Resize", lambda c: attribute(c, "keep_aspect_ratio_policy", "") and
          any(a < 0 for a in attribute(c, "axes", [])),
          "Resize, axes: accepted range is [-r, r - 1]; ONNX Runtime keeps sizes of negative ones"),
    Known("Resize", lambda c: attribute(c, "antialias", 0) and c.inputs[0].dtype.kind == "i",
          "Resize: weights are normalized, so that what is constant stays so; ONNX Runtime cuts "
          "negative integers to 0 where it antialiases"),
    Known("Upsample Resize", lambda c: c.opset <= 10 and places_by_whole_sizes(c),
          "Upsample: the scale array along each dimension; ONNX Runtime places by the ratio of "
          "the whole sizes"),
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
