"""Models of one node, with inputs."""
import numpy as np
import onnx
from onnx import helper, numpy_helper

OPSET, MICROSOFT = 22, "com.microsoft"
DTYPES = {"f32": np.float32, "f64": np.float64, "f16": np.float16, "i64": np.int64,
          "i32": np.int32, "i16": np.int16, "i8": np.int8, "u8": np.uint8, "bool": np.bool_}
random = np.random.default_rng(1)


class Const:
    """An operand that the model holds."""

    def __init__(self, values):
        self.values = np.asarray(values)


def ints(*values):
    return Const(np.array(values, np.int64))


def floats(*shape, low=None, high=None, dtype="f32"):
    made = random.standard_normal(shape) if low is None else random.uniform(low, high, shape)
    return made.astype(DTYPES[dtype])


def whole(*shape, below=100, dtype="i64", low=0):
    return random.integers(low, below, shape).astype(DTYPES[dtype])


def numbers(dtype, *shape):
    if dtype == "bool":
        return random.random(shape) < 0.5
    return floats(*shape, dtype=dtype) if dtype[0] == "f" else whole(*shape, dtype=dtype, low=1)


def weights(*shape):
    return Const(floats(*shape) / np.float32(np.sqrt(np.prod(shape[1:]))))


def one(op, *operands, outputs=1, domain="", opset=OPSET, **fields):
    """A model of one node; an operand is an array that is fed, a Const, or None."""
    names, inputs, held, feeds = [], [], [], {}
    for index, operand in enumerate(operands):
        names.append("" if operand is None else f"x{index}")
        if isinstance(operand, Const):
            held.append(numpy_helper.from_array(operand.values, names[-1]))
        elif operand is not None:
            feeds[names[-1]] = operand.copy()
            kind = helper.np_dtype_to_tensor_dtype(operand.dtype)
            inputs.append(helper.make_tensor_value_info(names[-1], kind, operand.shape))
    results = [f"y{index}" for index in range(outputs)]
    node = helper.make_node(op, names, results, domain=domain, **fields)
    graph = helper.make_graph([node], "g", inputs,
                              [helper.make_empty_tensor_value_info(name) for name in results], held)
    sets = [helper.make_opsetid("", opset)]
    sets += [helper.make_opsetid(domain, 1)] if domain else []
    model = helper.make_model(graph, opset_imports=sets, ir_version=10)
    if not domain:
        model = onnx.shape_inference.infer_shapes(model)
    return model, feeds
