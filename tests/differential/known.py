"""Disagreements that are ONNX Runtime's, or that the standard leaves open. Each entry: the
operators, when it holds (a predicate of the case), the standard's sentence that decides, between
quotes, and what ONNX Runtime does instead; where no sentence does, it says so."""
import dataclasses
import re
from typing import Callable

import numpy as np
import onnx

from case import is_narrow, is_narrow_integer


@dataclasses.dataclass
class Known:
    operators: str
    when: Callable
    says: str
    found: str = ""  # what the verdict's text must match, a regular expression
    kinds: tuple = ("differ",)


def is_real(array):
    return array is not None and (array.dtype.kind == "f" or (
        is_narrow(array.dtype) and not is_narrow_integer(array.dtype)))


def has(case, what):
    """Some operand's floats have elements that `what` tells."""
    with np.errstate(all="ignore"):
        return any(what(a.astype(np.float64)).any() for a in case.inputs if is_real(a))


def has_nan(case):
    return has(case, np.isnan)


def is_empty(case):
    return case.inputs[0].size == 0


def has_negative_zero(case):
    return has(case, lambda a: np.signbit(a) & (a == 0))


def attribute(case, name, otherwise=None):
    return case.attributes.get(name, otherwise)


# Windows
def pads_same(case):
    return attribute(case, "auto_pad", "").startswith("SAME")


def windows(case):
    """Of each spatial axis of a window: size, kernel, its span with dilation, stride."""
    axes = case.inputs[0].ndim - 2
    x = case.inputs[0]
    sizes = x.shape[1:-1] if case.op.startswith("Nhwc") else x.shape[2:]
    kernel = attribute(case, "kernel_shape") or case.inputs[1].shape[2:]
    dilations = attribute(case, "dilations", [1] * axes)
    strides = attribute(case, "strides", [1] * axes)
    return [(size, k, (k - 1) * d + 1, s)
            for size, k, d, s in zip(sizes, kernel, dilations, strides)]


def is_dilated(case):
    return any(span > k for _, k, span, _ in windows(case))


def has_negative_pads(case):
    """SAME, and windows that the strides leave gaps between reach less far than the operand."""
    return any((-(-size // s) - 1) * s + span < size for size, _, span, s in windows(case))


def last_window_is_short(case):
    return any((size - span) % s for size, _, span, s in windows(case))


def is_shorter_than_stride(case):
    more = attribute(case, "output_padding", [0] * 9)
    return any(span + m < s for (_, _, span, s), m in zip(windows(case), more))


def powers_overflow(case):
    x = np.abs(case.inputs[0].astype(np.float64))
    x = x[np.isfinite(x) & (x > 0)]
    powers = x ** case.attributes.get("p", 2)
    return ((powers > 1e37) | (powers < 1e-37)).any()


# Signals and images
def has_own_length(case):
    if len(case.inputs) < 2 or case.inputs[1] is None:
        return False
    axis = case.attributes.get("axis", 1 if case.opset < 20 else -2)
    if len(case.inputs) > 2:
        axis = int(case.inputs[2])
    return int(case.inputs[1]) != 2 * (case.inputs[0].shape[axis] - 1)


def resized_axes(case):
    """Of each axis that a Resize names: its size and its size afterwards, fractional perhaps."""
    x = case.inputs[0]
    axes = [a % x.ndim for a in attribute(case, "axes", range(x.ndim))]
    before = np.array([x.shape[a] for a in axes], np.float64)
    if len(case.inputs) > 3:
        sizes = np.asarray(case.inputs[3], np.float64)
        policy = attribute(case, "keep_aspect_ratio_policy", "stretch")
        if policy != "stretch":
            ratios = sizes / before
            sizes = before * (ratios.min() if policy == "not_larger" else ratios.max())
        return before, sizes
    return before, before * np.asarray(attribute(case, "scales", case.inputs[-1]), np.float64)


def has_a_fraction(case):
    _, after = resized_axes(case)
    return (np.abs(np.round(after) - after) > 1e-9).any()


def keeps_a_size(case):
    before, after = resized_axes(case)
    return attribute(case, "coordinate_transformation_mode") == "tf_crop_and_resize" and (
        before == np.floor(after + 1e-6)).any()


def copies_a_size(case):
    before, after = resized_axes(case)
    kept = (before == np.floor(after + 1e-6)) & (before != after)
    return kept.any() and (attribute(case, "antialias") or
                           (before == np.floor(after + 1e-6)).all())


def transforms(case, *modes):
    return attribute(case, "coordinate_transformation_mode") in modes


def cuts_negatives(case):
    """Antialiased whole numbers with results below 0: of negative ones, or of cubic lobes."""
    x = case.inputs[0]
    return attribute(case, "antialias") and x.dtype.kind == "i" and (
        (x < 0).any() or attribute(case, "mode") == "cubic")


# Control flow and learned models
def takes_no_turn(case):
    most, start = case.inputs[:2]
    return (most is not None and int(most.reshape(-1)[0]) <= 0) or (
        start is not None and not start.reshape(-1)[0])


def node_attributes(case):
    for node in case.nodes or []:
        for each in node.attribute:
            yield each.name, onnx.helper.get_attribute_value(each)


def keys_of(case):
    for name, value in node_attributes(case):
        if name.startswith("keys_"):
            is_tensor = isinstance(value, onnx.TensorProto)
            yield onnx.numpy_helper.to_array(value) if is_tensor else np.array(value)


def has_a_nan_key(case):
    return any(keys.dtype.kind == "f" and np.isnan(keys).any() for keys in keys_of(case))


def repeats_a_key(case):
    return any(len(set(map(str, keys))) < len(keys) for keys in keys_of(case))


def transform_is(case, *names):
    transform = attribute(case, "post_transform", "NONE")
    if isinstance(transform, int):
        transform = ["NONE", "SOFTMAX", "LOGISTIC", "SOFTMAX_ZERO", "PROBIT"][transform]
    return transform in names


def has_one_target(case):
    return attribute(case, "targets", attribute(case, "n_targets", 1)) == 1


def has_two_classes(case):
    labels = attribute(case, "classlabels_int64s") or attribute(case, "classlabels_ints")
    return len(labels) == 2


def votes_for_both(case):
    base = attribute(case, "base_values") or []
    tensor = attribute(case, "base_values_as_tensor")
    count = len(base) if tensor is None else onnx.numpy_helper.to_array(tensor).size
    return has_two_classes(case) and (1 in attribute(case, "class_ids") or count == 2)


POOLS = "MaxPool AveragePool LpPool"
KNOWN = [
    # Elements
    Known("Shrink", lambda c: c.inputs[0].dtype == np.float64 or (
        c.inputs[0].dtype.kind in "iu" and c.inputs[0].dtype.itemsize >= 4),
          '"If x < -lambd, y = x + bias; If x > lambd, y = x - bias"; ONNX Runtime computes it in '
          "single precision, whatever the operand's type"),
    Known("Sign", has_nan, 'Of NaN the standard says nothing ("If input > 0, output 1. if input < '
          '0, output -1. if input == 0, output 0"); ONNX Runtime takes half precision\'s as 0, '
          "single precision's as NaN", r"is np.float64\(nan\), wanted np.float64\(0.0\)"),
    Known("Mod", lambda c: c.inputs[0].dtype.itemsize == 8 and attribute(c, "fmod") and
          any((np.abs(a.astype(np.float64)) > 2.0 ** 53).any() for a in c.inputs),
          '"The result is exactly the value x - n * y"; ONNX Runtime computes it in double'),
    Known("Where", has_negative_zero, '"Return elements, either from X or Y, depending on '
          'condition"; ONNX Runtime adds 0 to them, and -0 becomes 0',
          r"is np.float64\(-0.0\), wanted np.float64\(0.0\)"),
    Known("Cast CastLike", lambda c: is_real(c.inputs[0]) and
          any(is_narrow_integer(t) for t in c.narrow.values()),
          '"fixed point: undefined if OOR" is all that is said of floats to integers; fractions '
          "are cut off in the onnx package's reference, as for wider integers, and rounded in ONNX "
          "Runtime"),
    # Windows
    Known(POOLS, lambda c: pads_same(c) and is_dilated(c),
          '"SAME_UPPER or SAME_LOWER: output_spatial_shape[i] = ceil(input_spatial_shape[i] / '
          'strides_spatial_shape[i])"; ONNX Runtime pads as if without dilations'),
    Known("MaxPool LpPool NhwcMaxPool", lambda c: pads_same(c) and has_negative_pads(c),
          '"it can take any value greater than or equal to 0", a pad; ONNX Runtime cuts elements '
          "off where windows lie apart"),
    Known(POOLS, lambda c: attribute(c, "auto_pad") == "VALID" and attribute(c, "ceil_mode") and
          last_window_is_short(c),
          '"VALID: output_spatial_shape[i] = ceil((input_spatial_shape[i] - '
          '((kernel_spatial_shape[i] - 1) * dilations[i] + 1) + 1) / strides_spatial_shape[i])"; '
          "one more in ONNX Runtime"),
    Known("LpPool GlobalLpPool", powers_overflow, '"computing the Lp norm on all values"; the '
          "powers that ONNX Runtime sums leave single precision's range"),
    Known("MaxPool GlobalMaxPool", has_nan, '"The output of each pooling window is maximum number '
          'of elements": of NaN it says nothing, NumPy\'s maximum is NaN; ONNX Runtime passes over '
          "it or not by where it stands", r"is np.float64\(nan\)|result 1"),
    Known("MaxPool GlobalMaxPool", lambda c: has(c, np.isneginf),
          '"The output of each pooling window is maximum number of elements": of -infinity alone '
          "that is it; ONNX Runtime starts at the lowest finite number",
          r"is np.float64\(-inf\)|result 1"),
    Known("MaxPool", lambda c: is_dilated(c) and any(attribute(c, "pads", [])),
          '"The output of each pooling window is maximum number of elements exclude pad": of none '
          "it says nothing, PyTorch's is -infinity; ONNX Runtime's is the lowest finite number",
          r"is np.float64\(-inf\)"),
    Known("ConvTranspose", lambda c: pads_same(c) and is_shorter_than_stride(c),
          '"SAME_UPPER or SAME_LOWER mean pad the input so that output_shape[i] = input_shape[i] * '
          'strides[i]"; in ONNX Runtime less where the kernel is shorter than the stride'),
    Known("Col2Im", lambda c: c.inputs[1].size != 2 and max(attribute(c, "dilations", [1])) > 1,
          '"dilation value along each spatial axis of the image"; ONNX Runtime heeds them on two '
          "axes alone"),
    # Signals and images
    Known("AffineGrid", lambda c: attribute(c, "align_corners") and 1 in c.inputs[1][2:],
          '"positions evenly spaced", "dimensions ranging from -1 to 1": of a single position it '
          "says nothing; the suite's reference and PyTorch take 0, ONNX Runtime -1"),
    Known("DFT", lambda c: attribute(c, "inverse") and attribute(c, "onesided") and
          has_own_length(c), '"the conjugate symmetry, i.e., X[m, k] = X[m, n_fft-k]*", n_fft '
          "being the length given; ONNX Runtime mirrors for the length that the operand implies"),
    Known("Resize", lambda c: transforms(c, "align_corners", "tf_crop_and_resize") and
          has_a_fraction(c), '"output_width the target length on the axis x which can be a '
          'fractional number when it is calculated out of a scale factor": the suite\'s '
          "resize_downsample_scales_linear_align_corners; ONNX Runtime rounds it first"),
    Known("Resize", copies_a_size, '"x_original = (x_resized + 0.5) / scale - 0.5" with "the scale '
          'array along each dimension"; ONNX Runtime copies what keeps its size for a fractional '
          "scale: all axes together, where it antialiases each"),
    Known("Resize", keeps_a_size, '"tf_crop_and_resize: x_original = length_resized > 1 ? start_x '
          '* (length_original - 1) + ..."; ONNX Runtime copies an axis that keeps its size'),
    Known("Resize", lambda c: attribute(c, "keep_aspect_ratio_policy") and
          any(a < 0 for a in attribute(c, "axes", [])), '"Negative value means counting dimensions '
          'from the back"; ONNX Runtime keeps sizes of negative axes'),
    Known("Resize", cuts_negatives, '"it calculates every value in the output tensor as a weighted '
          'average of neighborhood"; ONNX Runtime cuts negative integers to 0 where it '
          "antialiases"),
    Known("Upsample Resize", lambda c: c.opset <= 10 and has_a_fraction(c),
          '"The scale array along each dimension" is all that opsets 7 to 10 say of places; ONNX '
          "Runtime places by the ratio of the whole sizes, from opset 11 on by the scale"),
    # Sums
    Known("MatMul", lambda c: c.inputs[0].shape[-1] == 0, '"Matrix product that behaves like '
          'numpy.matmul", a sum of nothing is 0; ONNX Runtime leaves it unwritten'),
    Known("ReduceProd ReduceSumSquare", lambda c: c.inputs[0].dtype.kind == "i",
          '"similar to numpy", where whole numbers wrap; ONNX Runtime cuts them off at the ends of '
          "their type", r"wanted np.int\d\d\((2147483647|-2147483648|-?922337203685477580[78])\)"),
    Known("Attention", lambda c: attribute(c, "is_causal") and len(c.inputs) > 4 and
          c.inputs[0].shape[2] != c.inputs[1].shape[2],
          '"offset = past_sequence_length when past_key is provided"; ONNX Runtime takes all keys '
          "less all queries"),
    Known("ReduceSum ReduceSumSquare ReduceProd ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp "
          "ReduceMax ReduceMin ReduceMean", is_empty,
          '"Reduction over an empty set of values yields 0" (of a product 1, of a maximum minus '
          'infinity); ONNX Runtime leaves the axis', "result 0 is .*, wanted .*"),
    # Control flow and sequences
    Known("Loop", takes_no_turn, "What sizes results of every turn have where no turn is taken, "
          "the standard does not say; Hone tells those that it knows, ONNX Runtime 0",
          r"result \d is float32\[0, .*wanted float32\[0"),
    Known("SplitToSequence", lambda c: 0 in dict(node_attributes(c)).values(),
          '"If input \'split\' is specified, this attribute is ignored", keepdims; ONNX Runtime '
          "heeds it where the chunks are of size 1"),
    # ai.onnx.ml
    Known("LabelEncoder", lambda c: c.opset < 4 and has_a_nan_key(c),
          '"bit-wise comparison is used so even a float NaN can be mapped"; ONNX Runtime finds '
          "none before version 4"),
    Known("LabelEncoder", lambda c: c.opset >= 4 and repeats_a_key(c),
          '"If a key is repeated, the last key takes precedence"; the first in ONNX Runtime'),
    Known("LinearRegressor SVMRegressor TreeEnsemble TreeEnsembleRegressor",
          lambda c: has_one_target(c) and transform_is(c, "SOFTMAX", "LOGISTIC", "SOFTMAX_ZERO"),
          'post_transform: "Indicates the transform to apply to the score"; ONNX Runtime '
          "transforms no score that is the only one"),
    Known("TreeEnsemble", lambda c: transform_is(c, "SOFTMAX", "LOGISTIC"),
          '"One of NONE (0), SOFTMAX (1), LOGISTIC (2)"; ONNX Runtime takes 1 for LOGISTIC and 2 '
          "for SOFTMAX"),
    Known("SVMRegressor", lambda c: transform_is(c, "PROBIT"),
          'post_transform: "Indicates the transform to apply to the score"; not in ONNX Runtime'),
    Known("SVMClassifier", lambda c: has_two_classes(c) and not transform_is(c, "NONE"),
          'post_transform: "Indicates the transform to apply to the score"; ONNX Runtime '
          "transforms none of two classes", "result 1"),
    Known("SVMClassifier", lambda c: has_two_classes(c) and "support_vectors" not in c.attributes,
          "Without support vectors the standard says nothing of how classes are chosen; Hone takes "
          "the best score, ONNX Runtime of two classes the second where any score is positive",
          "result [01]"),
    Known("TreeEnsemble TreeEnsembleRegressor TreeEnsembleClassifier", lambda c: c.note,
          '"Returns the regressed values for each input", "The class score for each class"; ONNX '
          "Runtime leaves out those that no leaf voted for, with base value and transform"),
    Known("TreeEnsembleClassifier", votes_for_both,
          '"Top class for each point"; of two classes ONNX Runtime looks at the second score '
          "alone, and answers 0 or 1 whatever the labels are", "result 0"),
]


def explanation(case, verdict):
    for entry in KNOWN:
        if (case.op in entry.operators.split() and verdict.kind in entry.kinds and
                entry.when(case) and re.search(entry.found, verdict.text)):
            return entry.says
    return None
