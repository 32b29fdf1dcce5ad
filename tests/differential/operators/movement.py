"""Elements go elsewhere; their bits stay."""
import numpy as np

from draw import INTEGERS, Refused
from table import operators

I64 = np.int64


def indices(d, shape, size, dtype=I64):
    """Indices of an axis, from either end; the axis has elements."""
    if size == 0 and 0 not in shape:
        raise Refused("an empty axis has no index")
    return d.array(dtype, shape, low=-size, high=max(size - 1, -size))


def parameter(d, values, variable=None):
    dtype = d.type(variable, (np.int64, np.int32)) if variable else np.dtype(np.int64)
    return np.array(values, dtype)


@operators("Transpose")
def transpose(d):
    x = d.array(d.type(), d.shape())
    order = list(range(x.ndim))
    perm = [order.pop(d.below(len(order))) for _ in range(x.ndim)]
    return d.case([x], {"perm": d.maybe(perm) if x.ndim else None})


@operators("Concat")
def concat(d):
    shape = list(d.shape(1))
    axis = d.axis(len(shape))
    parts = []
    for _ in range(d.between(1, 4)):
        shape[axis] = d.size()
        parts.append(d.array(d.type(), shape))
    return d.case(parts, {"axis": axis})


@operators("Split")
def split(d):
    shape = list(d.shape(1))
    axis = d.axis(len(shape))
    sizes = [d.size() for _ in range(d.between(1, 4))]
    if d.chance(3):
        sizes = [d.size(1)] * len(sizes)
        shape[axis] = sum(sizes)
        more = {"num_outputs": len(sizes)} if d.since >= 18 else {}
        return d.case([d.array(d.type(), shape)], {"axis": axis, **more}, outputs=len(sizes))
    shape[axis] = sum(sizes)
    x = d.array(d.type(), shape)
    if d.since < 13:
        return d.case([x], {"axis": axis, "split": sizes}, outputs=len(sizes))
    return d.case([x, np.array(sizes, I64)], {"axis": axis}, outputs=len(sizes), constant={1})


@operators("Tile")
def tile(d):
    x = d.array(d.type(), d.shape(1, 3))
    repeats = [d.among([1, 2, 3, 0]) for _ in range(x.ndim)]
    return d.case([x, np.array(repeats, I64)], constant={1})


@operators("DepthToSpace")
def depth_to_space(d):
    block = d.between(1, 3)
    x = d.array(d.type(), (d.size(), d.size() * block * block, d.size(), d.size()))
    mode = d.maybe(lambda: d.among(["DCR", "CRD"])) if d.since >= 11 else None
    return d.case([x], {"blocksize": block, "mode": mode})


@operators("SpaceToDepth")
def space_to_depth(d):
    block = d.between(1, 3)
    x = d.array(d.type(), (d.size(), d.size(), d.size() * block, d.size() * block))
    return d.case([x], {"blocksize": block})


@operators("Gather")
def gather(d):
    x = d.array(d.type(), d.shape(1))
    axis = d.axis(x.ndim)
    where = indices(d, d.shape(0, 3), x.shape[axis], d.type("Tind"))
    if d.since < 11:
        where = abs(where) % max(x.shape[axis], 1)
    return d.case([x, where.astype(d.type("Tind"))], {"axis": axis})


@operators("GatherElements")
def gather_elements(d):
    x = d.array(d.type(), d.shape(1))
    axis = d.axis(x.ndim)
    shape = [min(s, d.size(1)) for s in x.shape]
    shape[axis] = d.size(1) if x.shape[axis] else 0
    return d.case([x, indices(d, shape, x.shape[axis], d.type("Tind"))], {"axis": axis})


def tuples(d, x, batch, count):
    """A tensor of index tuples of `count` axes of x after `batch` ones."""
    shape = x.shape[:batch] + d.shape(0, 2, 1) + (count,)
    parts = [indices(d, shape[:-1], x.shape[batch + i]) for i in range(count)]
    return np.stack(parts, axis=-1) if parts else np.zeros(shape, I64)


@operators("GatherND")
def gather_nd(d):
    x = d.array(d.type(), d.shape(1, least=1))
    batch = d.below(x.ndim) if d.since >= 12 and d.chance(3) else 0
    where = tuples(d, x, batch, d.between(1, x.ndim - batch))
    return d.case([x, where], {"batch_dims": batch or None})


@operators("ScatterElements")
def scatter_elements(d):
    x = d.array(d.type(), d.shape(1, 3, 1), "exact")
    axis = d.axis(x.ndim)
    shape = [d.between(1, s) for s in x.shape]
    reduction = None
    if d.since >= 16:
        reduction = d.among(["none", "add", "mul"] + ["max", "min"] * (d.since >= 18))
    where = indices(d, shape, x.shape[axis], d.type("Tind"))
    if reduction in (None, "none"):  # each place once, for the order is open
        order = np.argsort(d.array(np.float64, [x.shape[axis]], "unit"))[:shape[axis]]
        turn = [1] * x.ndim
        turn[axis] = -1
        where = np.broadcast_to(order.reshape(turn), shape).astype(d.type("Tind"))
    return d.case([x, where, d.array(d.type(), shape, "exact")],
                  {"axis": axis, "reduction": reduction})


@operators("ScatterND")
def scatter_nd(d):
    x = d.array(d.type(), d.shape(1, 3, 1), "exact")
    reduction = None
    if d.since >= 16:
        reduction = d.among(["none", "add", "mul"] + ["max", "min"] * (d.since >= 18))
    where = tuples(d, x, 0, d.between(1, x.ndim))
    if reduction in (None, "none"):
        where = where[(0,) * (where.ndim - 1)].reshape((1,) * (where.ndim - 1) + (-1,))
    shape = where.shape[:-1] + x.shape[where.shape[-1]:]
    return d.case([x, where, d.array(d.type(), shape, "exact")], {"reduction": reduction})


@operators("Slice")
def slicing(d):
    x = d.array(d.type(), d.shape(1))
    axes = d.axes(x.ndim, 1)
    starts = [d.between(0, 24) - 12 for _ in axes]
    ends = [d.among([9, 2, -1, 1 << 40, -(1 << 40), 0, -3, 4]) for _ in axes]
    if d.since < 10:
        return d.case([x], {"axes": axes, "starts": starts, "ends": [
            max(-(1 << 30), min(e, 1 << 30)) for e in ends]})
    dtype = d.type("Tind")
    if dtype == np.int32:
        ends = [max(-(1 << 30), min(e, 1 << 30)) for e in ends]
    steps = [d.among([1, 2, -1, -2, 3]) for _ in axes]
    operands = [np.array(v, dtype) for v in (starts, ends, axes, steps)]
    return d.case([x] + operands, constant={1, 2, 3, 4})


@operators("Pad")
def pad(d):
    mode = d.among(["constant", "reflect", "edge"] + ["wrap"] * (d.since >= 19))
    x = d.array(d.type(), d.shape(1, 4, 0 if mode == "constant" else 1))
    most = {"reflect": lambda s: s - 1, "wrap": lambda s: s}.get(mode, lambda s: 3)
    low = [-1 if mode == "constant" and s > 2 else 0 for s in x.shape]
    pads = [d.between(low[i % x.ndim], min(3, most(x.shape[i % x.ndim])))
            for i in range(2 * x.ndim)]
    if d.since < 11:
        value = d.maybe(1.5) if mode == "constant" else None
        return d.case([x], {"mode": mode, "pads": pads, "value": value})
    value = d.maybe(lambda: d.array(d.type(), (), "exact"))
    operands = [x, np.array(pads, I64), value if mode == "constant" else None]
    if d.since >= 18 and d.chance(3):
        axes = d.axes(x.ndim, 1)
        chosen = [pads[a % x.ndim] for a in axes] + [pads[x.ndim + a % x.ndim] for a in axes]
        operands = [x, np.array(chosen, I64), operands[2], parameter(d, axes, "Tind")]
    return d.case(operands, {"mode": mode}, constant={1, 2, 3})


@operators("Reshape")
def reshape(d):
    x = d.array(d.type(), d.shape())
    left, target = x.size, []
    while left > 1 and len(target) < 4:
        factor = d.among([f for f in range(1, left + 1) if left % f == 0][:6])
        target.append(factor)
        left //= factor
    target.append(left)
    if x.size and d.chance(2):
        target[d.below(len(target))] = -1
    elif x.size and x.ndim and target[0] == x.shape[0]:
        target[0] = 0
    zero = {"allowzero": 1} if d.since >= 14 and 0 not in target[:1] and d.chance(3) else {}
    if x.size == 0 and d.since >= 14:
        zero = {"allowzero": 1}
    elif x.size == 0:
        target = [0 for _ in x.shape]
    return d.case([x, np.array(target, I64)], zero, constant={1})


@operators("Flatten")
def flatten(d):
    x = d.array(d.type(), d.shape())
    axis = d.between(0, x.ndim) if d.since < 11 else d.between(-x.ndim, x.ndim)
    return d.case([x], {"axis": d.maybe(axis) if x.ndim else axis})


@operators("Squeeze Unsqueeze")
def squeeze(d):
    shape = list(d.shape(0, 3))
    axes = []
    for _ in range(d.between(0 if d.op == "Squeeze" else 1, 2)):
        at = d.below(len(shape) + 1)
        axes = [a + (a >= at) for a in axes] + [at]
        shape.insert(at, 1)
    rank = len(shape)
    if d.since >= 11:
        axes = [a - rank if d.chance(3) else a for a in axes]
    if d.op == "Unsqueeze":
        shape = [s for i, s in enumerate(shape) if i not in [a % rank for a in axes]]
    x = d.array(d.type(), shape)
    if d.since < 13:
        return d.case([x], {"axes": axes or None})
    return d.case([x, np.array(axes, I64) if axes else None], constant={1})


@operators("Expand")
def expand(d):
    a, b = d.broadcast(2)
    return d.case([d.array(d.type(), a), np.array(b, I64)], constant={1})


@operators("Shape")
def shape_of(d):
    x = d.array(d.type(), d.shape())
    ends = {k: d.maybe(lambda: d.between(0, 10) - 5) for k in ("start", "end")}
    return d.case([x], ends if d.since >= 15 else {})


@operators("Size")
def size_of(d):
    return d.case([d.array(d.type(), d.shape())])


@operators("Trilu")
def trilu(d):
    x = d.array(d.type(), d.shape(2))
    k = d.maybe(lambda: np.array(d.between(0, 12) - 6, I64))
    return d.case([x, k], {"upper": d.maybe(lambda: d.below(2))})


@operators("Compress")
def compress(d):
    x = d.array(d.type(), d.shape(1))
    axis = d.maybe(lambda: d.axis(x.ndim))
    length = x.size if axis is None else x.shape[axis]
    return d.case([x, d.array(np.bool_, (d.between(0, length),))], {"axis": axis})


@operators("EyeLike")
def eye_like(d):
    x = d.array(d.type(), (d.size(), d.size()))
    return d.case([x], {"k": d.maybe(lambda: d.between(0, 8) - 4),
                        "dtype": d.maybe(lambda: d.among([1, 7, 11, 6]))})


@operators("OneHot")
def one_hot(d):
    where = d.array(d.type("T1"), d.shape(0, 3), "real")
    if where.dtype.kind == "f":
        where = np.round(where)
    depth = np.array(d.between(1, 6), d.type("T2"))
    if where.dtype.kind != "u":
        where = np.clip(where, -int(depth), int(depth)).astype(where.dtype)
    axis = d.maybe(lambda: d.axis(where.ndim + 1))
    return d.case([where, depth, d.array(d.type("T3"), (2,), "exact")], {"axis": axis},
                  constant={1})


@operators("TopK")
def top_k(d):
    x = d.array(d.type(), d.shape(1), "real")
    axis = d.axis(x.ndim) if d.since >= 11 else d.below(x.ndim)
    k = d.between(0, x.shape[axis])
    largest = d.maybe(lambda: d.below(2)) if d.since >= 11 else None
    if d.since < 10:
        return d.case([x], {"axis": axis, "k": k or 1}, outputs=2)
    return d.case([x, np.array([k], I64)], {"axis": axis, "largest": largest}, outputs=2,
                  constant={1})


@operators("NonZero")
def non_zero(d):
    return d.case([d.array(d.type(), d.shape(1), "exact")])


@operators("ReverseSequence")
def reverse_sequence(d):
    x = d.array(d.type(), d.shape(2, 4, 1))
    batch, time = d.among([(1, 0), (0, 1)])
    lengths = d.array(I64, (x.shape[batch],), low=0, high=x.shape[time])
    return d.case([x, lengths], {"batch_axis": batch, "time_axis": time})


@operators("CenterCropPad")
def center_crop_pad(d):
    x = d.array(d.type(), d.shape(1))
    axes = d.maybe(lambda: d.axes(x.ndim, 1))
    count = x.ndim if axes is None else len(axes)
    sizes = [d.size(1) for _ in range(count)]
    return d.case([x, parameter(d, sizes, "Tind")], {"axes": axes}, constant={1})


@operators("Unique")
def unique(d):
    x = d.array(d.type(), d.shape(1, 3, 1), "exact")
    axis = d.maybe(lambda: d.axis(x.ndim))
    return d.case([x], {"axis": axis, "sorted": d.maybe(lambda: d.below(2))}, outputs=4)


@operators("TensorScatter")
def tensor_scatter(d):
    batch, length = d.size(1), d.between(1, 6)
    rest = d.shape(1, 2, 1)
    past = d.array(d.type(), (batch, length) + rest)
    fresh = d.between(1, length)
    update = d.array(d.type(), (batch, fresh) + rest)
    circular = d.chance(2)
    start = d.array(I64, (batch,), low=0, high=length - (1 if circular else fresh))
    return d.case([past, update, d.maybe(lambda: start)],
                  {"axis": 1, "mode": "circular" if circular else "linear"})


@operators("Range")
def ranging(d):
    start, delta = d.between(0, 12) - 6, d.among([1, 2, -1, 3, -2])
    limit = start + delta * d.between(0, 6) + d.below(2)
    return d.case([np.array(v, d.type()) for v in (start, limit, delta)], constant={0, 1, 2})


@operators("ConstantOfShape")
def constant_of_shape(d):
    import onnx
    value = d.maybe(lambda: d.array(d.among([np.float32, np.int64, np.bool_, np.uint8]), (1,)))
    value = None if value is None else onnx.numpy_helper.from_array(value)
    return d.case([np.array(d.shape(), I64)], {"value": value}, constant={0})


@operators("BitCast")
def bit_cast(d):
    numbers = {1: np.float32, 6: np.int32, 12: np.uint32, 7: np.int64, 11: np.float64,
               13: np.uint64, 2: np.uint8, 3: np.int8, 10: np.float16, 5: np.int16}
    x = d.array(d.type(allowed=INTEGERS + (np.float32, np.float64, np.float16)), d.shape())
    fitting = [n for n, t in numbers.items() if np.dtype(t).itemsize == x.dtype.itemsize]
    return d.case([x], {"to": d.among(fitting)})
