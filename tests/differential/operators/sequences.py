"""Sequences and optionals, between nodes: what goes in and comes out are tensors."""
import numpy as np
from onnx import TensorProto, helper

from case import Tolerance
from table import operators

I64 = np.int64
KINDS = {np.dtype(np.float32): 1, np.dtype(np.int64): 7, np.dtype(np.int32): 6,
         np.dtype(np.float64): 11, np.dtype(np.bool_): 9, np.dtype(np.uint8): 2}


def place(d, count):
    """An index of a sequence, from either end, or none."""
    return d.maybe(lambda: np.array(d.between(0, 2 * count - 1) - count, d.among([I64, np.int32])))


class Sequence:
    """Nodes that make a sequence of tensors of one rank and read tensors out of it."""

    def __init__(self, d, dtype):
        self.d, self.dtype = d, np.dtype(dtype)
        self.operands, self.nodes, self.outputs, self.made = [], [], 0, 0
        rank = d.between(1, 3)
        self.shape = tuple(d.size() for _ in range(rank))

    def operand(self, array):
        self.operands.append(array)
        return "" if array is None else f"x{len(self.operands) - 1}"

    def tensor(self):
        """Shapes differ along axis 0 alone."""
        shape = (self.d.size(), *self.shape[1:])
        return self.operand(self.d.array(self.dtype, shape, "exact"))

    def node(self, op, inputs, result=None, **attributes):
        self.made += 1
        result = result or f"t{self.made}"
        while inputs and not inputs[-1]:
            inputs = inputs[:-1]
        self.nodes.append(helper.make_node(op, inputs, [result], **attributes))
        return result

    def give(self, op, inputs, **attributes):
        self.node(op, inputs, f"y{self.outputs}", **attributes)
        self.outputs += 1

    def start(self):
        """The sequence and how many it holds."""
        count = self.d.between(1, 3)
        return self.node("SequenceConstruct", [self.tensor() for _ in range(count)]), count

    def change(self, name, count):
        if count > 1 and self.d.chance(2):
            where = self.operand(place(self.d, count))
            return self.node("SequenceErase", [name, where]), count - 1
        at = place(self.d, count)
        return self.node("SequenceInsert", [name, self.tensor(), self.operand(at)]), count + 1

    def read(self, name, count):
        where = self.operand(np.array(self.d.between(0, 2 * count - 1) - count, I64))
        self.give("SequenceAt", [name, where])
        self.give("SequenceLength", [name])
        self.give("ConcatFromSequence", [name], axis=0)

    def case(self):
        return self.d.case(self.operands, outputs=self.outputs, nodes=self.nodes)


@operators("SequenceConstruct SequenceInsert SequenceErase SequenceAt SequenceLength")
def sequence(d):
    made = Sequence(d, d.among(KINDS))
    name, count = made.start()
    for _ in range(d.between(0, 3)):
        name, count = made.change(name, count)
    made.read(name, count)
    return made.case()


@operators("SequenceEmpty")
def empty(d):
    made = Sequence(d, d.among(KINDS))
    name = made.node("SequenceEmpty", [], dtype=KINDS[made.dtype])
    made.give("SequenceLength", [name])
    for count in range(d.between(1, 3)):
        at = place(d, count) if count else None
        name = made.node("SequenceInsert", [name, made.tensor(), made.operand(at)])
    made.give("ConcatFromSequence", [name], axis=0)
    return made.case()


@operators("ConcatFromSequence")
def concat_from(d):
    made = Sequence(d, d.among(KINDS))
    rank, count = len(made.shape), d.between(1, 3)
    fresh = d.chance(2)
    axis = d.axis(rank + fresh)
    shape, parts = list(made.shape), []
    for _ in range(count):
        if not fresh:
            shape[axis] = d.size()
        parts.append(made.operand(d.array(made.dtype, shape, "exact")))
    name = made.node("SequenceConstruct", parts)
    made.give("ConcatFromSequence", [name], axis=axis, new_axis=int(fresh))
    return made.case()


@operators("SplitToSequence")
def split_to(d):
    made = Sequence(d, d.among([np.float32, np.int64, np.int32]))
    shape = tuple(max(1, s) for s in made.shape)
    axis = d.axis(len(shape))
    x = made.operand(d.array(made.dtype, shape, "exact"))
    size, form = shape[axis], d.below(3)
    sizes, count = None, size
    if form == 1:
        each = d.between(1, size)
        sizes, count = np.array(each, I64), -(-size // each)
    elif form == 2:
        first = d.between(0, size)
        sizes, count = np.array([first, size - first], I64), 2
    keeps = {"keepdims": d.below(2)} if d.chance(2) else {}
    name = made.node("SplitToSequence", [x, made.operand(sizes)], axis=axis, **keeps)
    where = made.operand(np.array(d.between(0, 2 * count - 1) - count, I64))
    made.give("SequenceAt", [name, where])
    made.give("SequenceLength", [name])
    return made.case()


@operators("SequenceMap")
def mapped(d):
    """A body over one sequence, with a second one or a tensor beside it."""
    made = Sequence(d, np.float32)
    name, count = made.start()
    beside = made.operand(d.array(np.float32, (), "exact"))
    op = d.among(["Add", "Mul", "Sub"])
    info = helper.make_tensor_value_info
    nodes = [helper.make_node(op, ["a", "b"], ["c"]), helper.make_node("Neg", ["c"], ["e"])]
    body = helper.make_graph(nodes, "body", [info(n, TensorProto.FLOAT, None) for n in "ab"],
                             [info("e", TensorProto.FLOAT, None)])
    if d.chance(3):
        beside = made.node("SequenceConstruct", [made.operand(d.array(np.float32, (), "exact"))
                                                 for _ in range(count)])
    result = made.node("SequenceMap", [name, beside], body=body)
    made.read(result, count)
    return made.case()


@operators("Optional OptionalGetElement OptionalHasElement")
def optional(d):
    made = Sequence(d, d.among(KINDS))
    holds_sequence = d.chance(3)
    if holds_sequence:
        name, count = made.start()
    else:
        name, count = made.tensor(), 0
    boxed = made.node("Optional", [name])
    made.give("OptionalHasElement", [boxed])
    if d.opset >= 18 and d.chance(2):
        made.give("OptionalHasElement", [name])
    inner = made.node("OptionalGetElement", [boxed])
    if holds_sequence:
        made.read(inner, count)
    else:
        made.give("Identity", [inner])
    if d.chance(2):
        kind = helper.make_tensor_type_proto(KINDS[made.dtype], None)
        made.give("OptionalHasElement", [made.node("Optional", [], type=kind)])
    return made.case()
