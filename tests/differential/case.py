"""One case: a node (or a few) of some opset, its operands, and how exact the results must be."""
import dataclasses

import ml_dtypes
import numpy as np
import onnx
from onnx import helper

TYPES = {
    "tensor(float)": np.dtype(np.float32), "tensor(double)": np.dtype(np.float64),
    "tensor(float16)": np.dtype(np.float16), "tensor(int8)": np.dtype(np.int8),
    "tensor(int16)": np.dtype(np.int16), "tensor(int32)": np.dtype(np.int32),
    "tensor(int64)": np.dtype(np.int64), "tensor(uint8)": np.dtype(np.uint8),
    "tensor(uint16)": np.dtype(np.uint16), "tensor(uint32)": np.dtype(np.uint32),
    "tensor(uint64)": np.dtype(np.uint64), "tensor(bool)": np.dtype(np.bool_),
}
# Types that NumPy lacks. They enter and leave a model as wider ones, which hold them all.
NARROW = {f"tensor({name})": np.dtype(getattr(ml_dtypes, of)) for name, of in (
    ("bfloat16", "bfloat16"), ("float8e4m3fn", "float8_e4m3fn"),
    ("float8e4m3fnuz", "float8_e4m3fnuz"), ("float8e5m2", "float8_e5m2"),
    ("float8e5m2fnuz", "float8_e5m2fnuz"), ("uint4", "uint4"), ("int4", "int4"),
    ("uint2", "uint2"), ("int2", "int2"))}
IR_VERSION = 10


def is_narrow(dtype):
    return np.dtype(dtype) in NARROW.values()


def is_narrow_integer(dtype):
    return is_narrow(dtype) and "int" in np.dtype(dtype).name


def widened(dtype):
    if not is_narrow(dtype):
        return np.dtype(dtype)
    return np.dtype(np.int8 if is_narrow_integer(dtype) else np.float32)


@dataclasses.dataclass
class Tolerance:
    """|got - wanted| <= absolute + relative * |wanted| + ulps * (spacing at wanted). All zero: the
    same bits, any NaN for a NaN. `scaled`: the allowance of the largest finite magnitude of the
    result holds for all of it. `lowest`: -infinity is as good as the lowest finite number."""
    ulps: float = 0
    relative: float = 0
    absolute: float = 0
    scaled: bool = False
    lowest: bool = False

    def exact(self):
        return not (self.ulps or self.relative or self.absolute)


@dataclasses.dataclass
class Case:
    op: str
    domain: str
    opset: int
    inputs: list  # arrays; None: absent
    attributes: dict
    outputs: int
    tolerance: Tolerance
    constants: set = dataclasses.field(default_factory=set)  # inputs that the file holds
    declared: dict = dataclasses.field(default_factory=dict)  # input: "symbolic", "unranked"
    nodes: list = None  # instead of the one node; reads x0, x1 ..., makes y0, y1 ...
    unwanted: set = dataclasses.field(default_factory=set)  # results left out
    wanted: list = None  # the results, where the row knows better than any oracle
    note: str = ""
    kinds: dict = dataclasses.field(default_factory=dict)  # result: element type that is declared
    narrow: dict = dataclasses.field(default_factory=dict)  # result: its type, one of NARROW

    def opsets(self):
        default = self.opset if self.domain == "" else 21
        opsets = [helper.make_opsetid("", default)]
        if self.domain:
            opsets.append(helper.make_opsetid(self.domain, self.opset))
        return opsets

    def model(self):
        names = ["" if a is None else f"x{i}" for i, a in enumerate(self.inputs)]
        outputs = ["" if i in self.unwanted else f"y{i}" for i in range(self.outputs)]
        results = [f"{name}_narrow" if i in self.narrow and name else name
                   for i, name in enumerate(outputs)]
        nodes = list(self.nodes or [helper.make_node(self.op, names, results, domain=self.domain,
                                                     **self.attributes)])
        nodes += [cast(results[i], outputs[i], widened(dtype))
                  for i, dtype in self.narrow.items() if outputs[i]]
        inputs, initializers = [], []
        for i, array in enumerate(self.inputs):
            if array is None:
                continue
            if i in self.constants:
                initializers.append(onnx.numpy_helper.from_array(array, f"x{i}"))
                continue
            shape = {"symbolic": [f"d{i}_{k}" for k in range(array.ndim)], "unranked": None}.get(
                self.declared.get(i), array.shape)
            name = self.port(i)
            element = helper.np_dtype_to_tensor_dtype(widened(array.dtype))
            inputs.append(helper.make_tensor_value_info(name, element, shape))
            if is_narrow(array.dtype):
                nodes.insert(0, cast(name, f"x{i}", array.dtype))
        results = [helper.make_tensor_value_info(name, self.kinds[i], None) if i in self.kinds
                   else onnx.ValueInfoProto(name=name) for i, name in enumerate(outputs) if name]
        graph = helper.make_graph(nodes, "case", inputs, results, initializers)
        return helper.make_model(graph, opset_imports=self.opsets(), ir_version=IR_VERSION)

    def port(self, i):
        return f"x{i}_wide" if is_narrow(self.inputs[i].dtype) else f"x{i}"

    def feeds(self):
        return {self.port(i): a.astype(widened(a.dtype)) for i, a in enumerate(self.inputs)
                if a is not None and i not in self.constants}

    def text(self):
        def operand(i, a):
            if a is None:
                return "absent"
            kind = "constant" if i in self.constants else self.declared.get(i, "input")
            values = np.array2string(a.reshape(-1), threshold=24, separator=",",
                                     max_line_width=1000)
            return f"{a.dtype}{list(a.shape)} {values} ({kind})"

        lines = [f"{self.domain or 'ai.onnx'} {self.op} of opset {self.opset}, "
                 f"{self.outputs} outputs {self.note}"]
        lines += [f"    {k} = {printable(v)}" for k, v in self.attributes.items()]
        lines += [f"    {written(node)}" for node in self.nodes or []]
        lines += [f"    x{i}: {operand(i, a)}" for i, a in enumerate(self.inputs)]
        return "\n".join(lines)


def cast(source, result, dtype):
    return helper.make_node("Cast", [source], [result], to=helper.np_dtype_to_tensor_dtype(dtype))


def written(node):
    attributes = [f"{a.name}={printable(helper.get_attribute_value(a))}" for a in node.attribute]
    return (f"{', '.join(node.output)} = {node.op_type}({', '.join(node.input)}"
            f"{'; ' if attributes else ''}{', '.join(attributes)})")


def printable(value):
    if isinstance(value, onnx.GraphProto):
        ports = [", ".join(p.name for p in ports) for ports in (value.input, value.output)]
        return (f"[({ports[0]}) -> ({ports[1]}): " +
                "; ".join(written(node) for node in value.node) + "]")
    if isinstance(value, onnx.TensorProto):
        return repr(onnx.numpy_helper.to_array(value))
    return repr(value)


def spacing(values, dtype):
    """The distance from |values| to the next number of `dtype`, as double."""
    info = ml_dtypes.finfo(dtype)
    least = float(info.smallest_normal)
    magnitude = np.maximum(np.abs(values), least)
    return np.exp2(np.floor(np.log2(magnitude))) * float(info.eps)


def difference(got, wanted, tolerance):
    """What differs first, in words; None: nothing."""
    if got.dtype != wanted.dtype or got.shape != wanted.shape:
        return f"is {got.dtype}{list(got.shape)}, wanted {wanted.dtype}{list(wanted.shape)}"
    if got.tobytes() == wanted.tobytes():
        return None
    is_float = got.dtype.kind == "f" or got.dtype.kind == "V"
    a, b = got.reshape(-1), wanted.reshape(-1)
    if is_float:
        a, b = a.astype(np.float64), b.astype(np.float64)
    if is_float and tolerance.exact():
        same = (np.isnan(a) & np.isnan(b)) | ((a == b) & (np.signbit(a) == np.signbit(b)))
    elif is_float:
        with np.errstate(all="ignore"):
            if tolerance.lowest:
                a, b = (np.maximum(v, float(ml_dtypes.finfo(got.dtype).min)) for v in (a, b))
            finite = b[np.isfinite(b)]
            scale = np.max(np.abs(finite), initial=0) if tolerance.scaled else np.abs(b)
            allowed = (tolerance.absolute + tolerance.relative * scale +
                       tolerance.ulps * spacing(scale, got.dtype))
            same = (a == b) | (np.isnan(a) & np.isnan(b)) | (np.abs(a - b) <= allowed)
    elif tolerance.absolute:
        same = np.abs(a.astype(np.int64) - b.astype(np.int64)) <= tolerance.absolute
    else:
        same = a == b
    if same.all():
        return None
    at = int(np.argmin(same))
    return f"element {at} is {a[at]!r}, wanted {b[at]!r}; {int((~same).sum())} of {a.size} differ"
