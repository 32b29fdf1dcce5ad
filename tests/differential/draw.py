"""Draws cases from the standard's own schemas: versions, element types, shapes, attributes."""
import functools

import ml_dtypes
import numpy as np
import onnx
from onnxruntime.capi import onnxruntime_pybind11_state as ort

from case import NARROW, TYPES, Case, Tolerance, is_narrow, is_narrow_integer

STANDARD = ("", "ai.onnx.ml")  # domains whose versions the onnx package knows
OLDEST, NEWEST = 7, 26  # opsets that ONNX Runtime reads; those that Hone is held to
SIZES = [1, 2, 3, 0, 4, 5, 2, 3, 1, 7, 3, 2, 8, 4, 9, 17]
FLOATS = (np.float32, np.float64, np.float16)
SIGNED = (np.int64, np.int32, np.int16, np.int8)
UNSIGNED = (np.uint64, np.uint32, np.uint16, np.uint8)
INTEGERS = SIGNED + UNSIGNED
# Operators that move or look at elements of types that NumPy lacks.
NARROW_OPS = set("""BitCast Compress Concat Flatten Gather GatherElements GatherND Identity IsInf
    IsNaN Reshape ReverseSequence ScatterElements ScatterND Shape Sign Slice Split Squeeze
    TensorScatter Transpose Unsqueeze""".split())
SPECIAL = [0.0, -0.0, 1.0, -1.0, np.nan, np.inf, -np.inf, 0.5, -2.5, 1e-40, 65504.0, 1e30]


@functools.cache
def versions(op, domain):
    """Opsets at which the operator came or changed, those that ONNX Runtime can be asked about."""
    if domain not in STANDARD:
        return [1]
    found = sorted({s.since_version for s in onnx.defs.get_all_schemas_with_history()
                    if s.name == op and s.domain == domain and not s.deprecated})
    if domain == "ai.onnx.ml":
        return found
    old = [v for v in found if v <= OLDEST]
    return old[-1:] + [v for v in found if OLDEST < v <= NEWEST]


@functools.cache
def withdrawn(op, domain):
    """Opsets at which the operator was deprecated."""
    return [s.since_version for s in onnx.defs.get_all_schemas_with_history()
            if s.name == op and s.domain == domain and s.deprecated]


@functools.cache
def microsoft_schemas():
    schemas = {}
    for schema in ort.get_all_operator_schema():
        schemas.setdefault((schema.domain, schema.name), schema)
    return schemas


@functools.cache
def schema_of(op, domain, opset):
    if domain in STANDARD:
        return onnx.defs.get_schema(op, opset, domain)
    return microsoft_schemas()[(domain, op)]


@functools.cache
def kernels(op, domain):
    return [k for k in ort.get_all_opkernel_def() if k.op_name == op and
            k.domain == domain and k.provider == "CPUExecutionProvider"]


@functools.cache
def types_that_run(op, domain, opset, variable):
    """numpy types of a type variable, those of the schema that ONNX Runtime has a kernel for."""
    schema = schema_of(op, domain, opset)
    allowed = [t for c in schema.type_constraints if c.type_param_str == variable
               for t in c.allowed_type_strs]
    since = schema.since_version
    held = set()
    constrained = False
    for kernel in kernels(op, domain):
        low, high = kernel.version_range
        if low <= max(since, opset) and since <= high and variable in kernel.type_constraints:
            constrained = True
            held |= set(kernel.type_constraints[variable])
    known = {**TYPES, **NARROW}
    return [known[t] for t in allowed if t in known and (not constrained or t in held)]


class Refused(Exception):
    """No case came of these choices."""


class Draw:
    def __init__(self, op, domain, choices):
        self.op, self.domain, self.choices = op, domain, choices
        known = versions(op, domain)
        if not known:
            raise Refused(f"{op} is in no opset of {OLDEST} to {NEWEST}")
        at = max(0, self.below(len(known) + 2) - 2)  # the newest more often
        since = known[len(known) - 1 - at]
        later = [v for v in known + withdrawn(op, domain) if v > since]
        last = min(later) - 1 if later else (NEWEST if domain == "" else since)
        self.opset = max(last - self.below(max(1, last - max(since, OLDEST) + 1)), 1)
        self.since = since
        self.schema = schema_of(op, domain, self.opset)
        self.types = {}

    # Numbers
    def below(self, bound):
        return self.choices.below(bound)

    def among(self, options):
        options = list(options)
        if not options:
            raise Refused("nothing to choose from")
        return options[self.below(len(options))]

    def between(self, low, high):
        """The low end is the simplest."""
        return low + self.below(high - low + 1)

    def chance(self, one_in):
        return self.below(one_in) == one_in - 1

    def maybe(self, value, one_in=2):
        """Draws nothing more where it answers None: pass a function to draw lazily."""
        if not self.chance(one_in):
            return None
        return value() if callable(value) else value

    # Types
    def type(self, variable=None, allowed=None):
        """The numpy type of a type variable (the first operand's where none is named), the same
        each time it is asked for."""
        variable = variable or self.operand_type(0)
        if variable not in self.types:
            options = types_that_run(self.op, self.domain, self.opset, variable)
            if self.domain != "" or self.op not in NARROW_OPS:
                options = [t for t in options if not is_narrow(t)]
            if allowed is not None:
                options = [t for t in options if t in [np.dtype(a) for a in allowed]]
            first = [t for t in options if t == np.float32]
            self.types[variable] = self.among(first + options)
        return self.types[variable]

    def operand_type(self, index):
        operand = self.schema.inputs[index]
        return operand.type_str if hasattr(operand, "type_str") else operand.typeStr

    # Shapes
    def size(self, least=0):
        size = self.among(SIZES)
        return max(size, least)

    def shape(self, low=0, high=4, least=0):
        return tuple(self.size(least) for _ in range(self.between(low, high)))

    def broadcast(self, count, high=4):
        """Shapes that broadcast to one another, by numpy's rule."""
        whole = self.shape(0, high)
        shapes = []
        for _ in range(count):
            skipped = self.below(len(whole) + 1) if self.chance(3) else 0
            shapes.append(tuple(1 if self.chance(4) else d for d in whole[skipped:]))
        return shapes

    def axis(self, rank):
        """An axis of [-rank, rank)."""
        at = self.below(2 * max(rank, 1))
        return at if at < rank else at - 2 * rank

    def axes(self, rank, least=0):
        """Different axes, some of them counted from the end, in any order."""
        left = list(range(rank))
        chosen = []
        for _ in range(self.between(min(least, rank), rank)):
            axis = left.pop(self.below(len(left)))
            chosen.append(axis - rank if self.chance(3) else axis)
        return chosen

    # Contents
    def array(self, dtype, shape, values="any", low=None, high=None):
        """`values`: "any" (floats with infinities and NaN now and then), "real" (finite), "exact"
        (small whole numbers), "unit" (in [0, 1]), "positive"."""
        dtype = np.dtype(dtype)
        if is_narrow_integer(dtype):
            info = ml_dtypes.iinfo(dtype)
            bounds = (info.min, info.max) if low is None else (low, high)
            return self.array(np.int8, shape, low=int(bounds[0]), high=int(bounds[1])).astype(dtype)
        if is_narrow(dtype):
            with np.errstate(all="ignore"):
                return self.array(np.float32, shape, values, low, high).astype(dtype)
        random = np.random.default_rng(self.below(1 << 30))
        style = self.below(8)
        if low is not None:
            return random.integers(low, high, shape, endpoint=True).astype(dtype)
        if dtype == np.bool_:
            return random.integers(0, 2, shape).astype(dtype)
        if dtype.kind in "iu":
            return whole_numbers(random, dtype, shape, values, style)
        if values == "exact" or (style == 0 and values in ("any", "real")):
            return random.integers(-4, 5, shape).astype(dtype)
        if values == "unit":
            return random.random(shape).astype(dtype)
        drawn = random.normal(0, 1.5, shape)
        if style == 1:
            drawn = drawn * np.exp(random.normal(0, 3, shape))
        if values == "positive":
            drawn = np.abs(drawn) + 1e-3
        if values == "any" and style >= 6:
            with np.errstate(all="ignore"):
                drawn = np.where(random.random(shape) < 0.3, random.choice(SPECIAL, shape), drawn)
        with np.errstate(all="ignore"):
            return np.asarray(drawn).astype(dtype)

    def integers(self, values, dtype=np.int64):
        return np.array(values, dtype=dtype)

    # The case
    def case(self, inputs, attributes=None, outputs=1, tolerance=None, constant=(), ranked=False,
             **more):
        """`constant`: inputs that mostly are initializers; others are now and then. `ranked`: of
        no input the rank is left open."""
        inputs = [None if a is None else np.asarray(a) for a in inputs]
        while inputs and inputs[-1] is None:
            inputs.pop()
        constants, declared = set(), {}
        for i, array in enumerate(inputs):
            if array is None:
                continue
            if self.below(4) < 3 if i in constant else self.chance(6):
                constants.add(i)
            else:
                declared[i] = self.among(["", "", "symbolic", *["unranked"] *
                                          (not ranked)])
        attributes = {k: v for k, v in (attributes or {}).items() if v is not None}
        more.setdefault("narrow", self.narrow_results(outputs))
        return Case(self.op, self.domain, self.opset, inputs, attributes, outputs,
                    tolerance or Tolerance(), constants, declared, **more)


    def narrow_results(self, outputs):
        """Results whose type variable was drawn as a type that NumPy lacks."""
        formal = self.schema.outputs
        drawn = {i: self.types.get(getattr(formal[min(i, len(formal) - 1)], "type_str", None))
                 for i in range(outputs)}
        return {i: dtype for i, dtype in drawn.items() if dtype is not None and is_narrow(dtype)}


def whole_numbers(random, dtype, shape, values, style):
    info = np.iinfo(dtype)
    if values in ("exact", "real", "unit") or style < 4:
        return random.integers(max(-9, info.min), 10, shape).astype(dtype)
    if values == "positive":
        return random.integers(1, min(50, info.max), shape).astype(dtype)
    drawn = random.integers(info.min, info.max, shape, dtype=dtype, endpoint=True)
    ends = np.array([info.min, info.max, 0, 1], dtype)
    return np.where(random.random(shape) < 0.3, random.choice(ends, shape), drawn).astype(dtype)
