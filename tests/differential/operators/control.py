"""If, Loop and Scan with random bodies of small float tensors, nested now and then. A body sees its
own operands and what the graphs around it have."""
import numpy as np
from onnx import TensorProto, helper, numpy_helper

from case import Tolerance
from table import operators

F32, I64 = np.float32, np.int64
CLOSE = Tolerance(ulps=16, relative=1e-5, absolute=1e-5)
UNARY = ["Neg", "Relu", "Abs", "Tanh", "Sigmoid", "Identity"]
BINARY = ["Add", "Sub", "Mul", "Max", "Min"]


class Body:
    """Nodes of a graph of floats; `seen` are names of values: those of graphs around it as well."""
    count = 0

    def __init__(self, d, seen):
        self.d, self.seen, self.nodes = d, list(seen), []

    def fresh(self):
        Body.count += 1
        return f"v{Body.count}"

    def add(self, op, inputs, **attributes):
        name = self.fresh()
        self.nodes.append(helper.make_node(op, inputs, [name], **attributes))
        return name

    def constant(self, array):
        return self.add("Constant", [], value=numpy_helper.from_array(np.asarray(array)))

    def calculate(self, depth, first=None):
        """A value made of some of those seen, of `first` if it is given. Every one has the shape
        [size] or [], so that all may be combined."""
        d = self.d
        value = first or d.among(self.seen)
        for _ in range(d.between(1, 3)):
            form = d.below(6)
            if form == 5 and depth > 0:
                value = self.choose(value, depth - 1)
            elif form == 4:
                sums = self.add("ReduceMean", [value], keepdims=0)
                value = self.add("Sub", [value, sums])
            elif form >= 2:
                value = self.add(d.among(BINARY), [value, d.among(self.seen)])
            else:
                value = self.add(d.among(UNARY), [value])
            self.seen.append(value)
        return value

    def is_large(self, value):
        """A scalar bool of a value of any shape; the bound is nowhere near a likely mean."""
        mean = self.add("ReduceMean", [value], keepdims=0)
        return self.add("Greater", [mean, self.constant(F32(self.d.between(0, 4) / 4 - 0.4))])

    def choose(self, value, depth):
        """An If in this body."""
        condition = self.is_large(value)
        branches = []
        for _ in range(2):
            inner = Body(self.d, self.seen)
            branches.append(inner.graph([], [inner.calculate(depth, value)]))
        return self.add("If", [condition], then_branch=branches[0], else_branch=branches[1])

    def graph(self, inputs, outputs, kinds=None):
        """Inputs are (name, element type, shape or None)."""
        results = []
        for i, name in enumerate(outputs):  # each result a name of its own
            results.append(self.add("Identity", [name]))
        kinds = kinds or [TensorProto.FLOAT] * len(outputs)
        return helper.make_graph(
            self.nodes, "body", [helper.make_tensor_value_info(*i) for i in inputs],
            [helper.make_tensor_value_info(n, k, None) for n, k in zip(results, kinds)])


def floats(d, size, count):
    """Arrays of [size] or []."""
    return [d.array(F32, (size,) if d.below(3) else (), "exact") for _ in range(count)]


def names_of(arrays, first=0):
    return [f"x{first + i}" for i in range(len(arrays))]


@operators("If")
def branching(d):
    """Branches whose results differ in shape, or are made of nothing but what they captured."""
    Body.count = 0
    operands = floats(d, d.size(1), d.between(1, 3))
    results = d.between(1, 2)
    branches = []
    for _ in range(2):
        body = Body(d, names_of(operands, 1))
        made = [body.calculate(2) for _ in range(results)]
        if d.chance(3):
            made[-1] = body.add("Concat", [body.add("Reshape", [v, body.constant(np.array([-1]))])
                                           for v in made * 2], axis=0)
        branches.append(body.graph([], made))
    node = helper.make_node("If", ["x0"], [f"y{i}" for i in range(results)],
                            then_branch=branches[0], else_branch=branches[1])
    shape = d.among([(), (1,)])
    return d.case([d.array(np.bool_, shape), *operands], outputs=results, nodes=[node],
                  tolerance=CLOSE)


def trips(d):
    """How often a loop turns at most, and whether at all: each may be absent."""
    shape = d.among([(), (1,)])
    most = np.full(shape, d.among([2, 1, 0, 3, 5, -1]), I64)
    return [d.maybe(lambda: most), d.maybe(lambda: np.full(shape, not d.chance(4)), 3)]


@operators("Loop")
def looping(d):
    """States of one shape or that grow, results of every turn, an end that the body tells."""
    Body.count = 0
    size = d.size(1)
    most, start = trips(d)
    states = floats(d, size, d.between(0, 2))
    if not states and d.chance(2):
        states = floats(d, size, 1)
    captured = floats(d, size, d.between(1, 2))
    state_names = [f"s{i}" for i in range(len(states))]
    body = Body(d, names_of(captured, 2 + len(states)) + state_names)
    turn = body.add("Cast", ["turn"], to=TensorProto.FLOAT)
    body.seen.append(turn)
    ahead = body.add("Less", [turn, body.constant(F32(d.between(0, 4)))])
    if most is not None and d.chance(2):
        ahead = body.add("Identity", ["on"])
    kept = []
    for name, state in zip(state_names, states):
        if state.ndim and d.chance(3):
            kept.append(body.add("Concat", [name, body.add("Reshape", [
                turn, body.constant(np.array([1]))])], axis=0))
            body.seen.remove(name)  # of another size than the rest
        else:  # its shape stays
            value = body.calculate(1, name)
            kept.append(body.add("Max", [name, value])
                        if state.ndim and d.chance(2) else
                        body.add("Add", [name, body.add("ReduceMean", [value], keepdims=0)]))
    scans = [body.calculate(1) for _ in range(d.between(0 if states else 1, 2))]
    kinds = [TensorProto.BOOL] + [TensorProto.FLOAT] * (len(kept) + len(scans))
    shapes = [("turn", TensorProto.INT64, ()), ("on", TensorProto.BOOL, ())]
    shapes += [(name, TensorProto.FLOAT, None) for name in state_names]
    graph = body.graph(shapes, [ahead, *kept, *scans], kinds)
    ends = ["x0" if most is not None else "", "x1" if start is not None else ""]
    outputs = len(states) + len(scans)
    node = helper.make_node("Loop", [*ends, *names_of(states, 2)],
                            [f"y{i}" for i in range(outputs)], body=graph)
    return d.case([most, start, *states, *captured], outputs=outputs, nodes=[node],
                  constant={0, 1}, tolerance=CLOSE)


@operators("Scan")
def scanning(d):
    """Axes and directions of what is scanned and of what is stacked."""
    Body.count = 0
    if d.since < 9:
        return batched_scan(d)
    size, length = d.size(1), d.size(1)
    states = floats(d, size, d.between(0, 2))
    axes = [d.below(2) for _ in range(d.between(1, 2))]
    scanned = [d.array(F32, (size, length) if axis else (length, size), "exact") for axis in axes]
    captured = floats(d, size, d.between(0, 1))
    first = len(states) + len(scanned)
    state_names = [f"s{i}" for i in range(len(states))]
    part_names = [f"p{i}" for i in range(len(scanned))]
    body = Body(d, part_names + state_names + names_of(captured, first))
    kept = [body.add("Add", [name, body.add("ReduceMean", [body.calculate(1, name)], keepdims=0)])
            for name in state_names]
    stacked = [body.add("Add", [body.calculate(1), part_names[0]])
               for _ in range(d.between(0 if states else 1, 2))]
    shapes = [(name, TensorProto.FLOAT, state.shape) for name, state in zip(state_names, states)]
    shapes += [(name, TensorProto.FLOAT, (size,)) for name in part_names]
    graph = body.graph(shapes, kept + stacked)
    made = {"num_scan_inputs": len(scanned), "body": graph}
    signed = d.since >= 11 and d.chance(2)
    made["scan_input_axes"] = [a - 2 if signed else a for a in axes]
    if d.chance(2):
        made["scan_input_directions"] = [d.below(2) for _ in axes]
    if stacked and d.chance(2):
        made["scan_output_axes"] = [d.below(2) - (2 if signed else 0) for _ in stacked]
    if stacked and d.chance(2):
        made["scan_output_directions"] = [d.below(2) for _ in stacked]
    outputs = len(kept) + len(stacked)
    node = helper.make_node("Scan", names_of(states + scanned),
                            [f"y{i}" for i in range(outputs)], **made)
    return d.case([*states, *scanned, *captured], outputs=outputs, nodes=[node], tolerance=CLOSE)


def batched_scan(d):
    """Version 8: every operand has a batch first, each sample a length of its own."""
    batch, length, size = d.between(1, 3), d.between(1, 4), d.between(1, 3)
    lengths = d.maybe(lambda: d.array(I64, (batch,), low=1, high=length))
    state = d.array(F32, (batch, size), "exact")
    scanned = d.array(F32, (batch, length, size), "exact")
    body = Body(d, ["s0", "p0"])
    kept = body.add("Add", ["s0", body.calculate(1)])
    stacked = body.add("Add", ["p0", body.calculate(1)])
    graph = body.graph([(n, TensorProto.FLOAT, (size,)) for n in ("s0", "p0")], [kept, stacked])
    made = {"directions": [d.below(2)]} if d.chance(2) else {}
    node = helper.make_node("Scan", ["" if lengths is None else "x0", "x1", "x2"], ["y0", "y1"],
                            num_scan_inputs=1, body=graph, **made)
    return d.case([lengths, state, scanned], outputs=2, nodes=[node], tolerance=CLOSE)
