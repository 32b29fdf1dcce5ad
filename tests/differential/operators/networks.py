"""Products, windows, normalizations: floats of small whole numbers, so that sums are exact."""
import numpy as np

import exact
from case import Tolerance
from exact import judged, some_bytes
from table import operators

I64 = np.int64
EXACT = Tolerance()
CLOSE = Tolerance(relative=1e-5, absolute=2e-5, ulps=4)


def sums(d):
    """"exact" values and no allowance, or "real" ones."""
    real = d.chance(3)
    return ("real", Tolerance(relative=1e-5, absolute=1e-4, ulps=8, scaled=True)) if real else (
        "exact", Tolerance(ulps=1, absolute=1e-30))


@operators("MatMul")
def matmul(d):
    m, k, n = (d.size() for _ in range(3))
    a, b = d.broadcast(2, 2)
    form = d.below(4)
    left = (k,) if form == 1 else a + (m, k)
    right = (k,) if form == 2 else b + (k, n)
    values, tolerance = sums(d)
    return d.case([d.array(d.type(), left, values), d.array(d.type(), right, values)],
                  tolerance=tolerance)


@operators("Gemm")
def gemm(d):
    m, k, n = d.size(1), d.size(1), d.size(1)
    across = d.below(2), d.below(2)
    a = d.array(d.type(), (k, m) if across[0] else (m, k), "exact")
    b = d.array(d.type(), (n, k) if across[1] else (k, n), "exact")
    c = d.array(d.type(), d.among([(m, n), (n,), (1,), (m, 1), (1, n), ()]), "exact")
    factor = [d.maybe(lambda: d.among([0.5, 2.0, 0.0, -1.0])) for _ in range(2)]
    if a.dtype.kind != "f":
        factor = [None, None]
    has_c = d.since < 11 or d.chance(2)
    return d.case([a, b, c if has_c else None], {"transA": across[0] or None, "transB":
                  across[1] or None, "alpha": factor[0], "beta": factor[1]},
                  tolerance=Tolerance(ulps=2))


EQUATIONS = ["ij,jk->ik", "ij->ji", "ij->i", "ij,ij->", "bij,bjk->bik", "i,j->ij", "ii->i",
             "...ij,...jk->...ik", "ij,kj", "bhid,bhjd->bhij", "i,i", "ijk->kji", "ij->"]


@operators("Einsum")
def einsum(d):
    equation = d.among(EQUATIONS)
    sizes = {letter: d.size(1) for letter in "ijkbhd"}
    batch = d.shape(0, 2, 1)
    shapes = [(batch if "..." in term else ()) + tuple(sizes[c] for c in term if c != ".")
              for term in equation.split("->")[0].split(",")]
    return d.case([d.array(d.type(), s, "exact") for s in shapes], {"equation": equation},
                  tolerance=Tolerance(ulps=1))


@operators("Det")
def det(d):
    n = d.between(1, 4)
    return d.case([d.array(d.type(), d.shape(0, 2) + (n, n), "exact")],
                  tolerance=Tolerance(relative=1e-4, absolute=1e-3, scaled=True))


def window(d, spatial, kernel, dilated=True):
    """Attributes of a window, and how large its input is at least."""
    attributes, pads = {}, [0] * (2 * spatial)
    if d.chance(2):
        attributes["strides"] = [d.between(1, 3) for _ in range(spatial)]
    if dilated and d.chance(3):
        attributes["dilations"] = [d.between(1, 2) for _ in range(spatial)]
    if d.chance(2):
        pads = [d.between(0, max(0, min(2, kernel[i % spatial] - 1))) for i in range(2 * spatial)]
        attributes["pads"] = pads
    elif d.chance(4):
        attributes["auto_pad"] = d.among(["VALID", "SAME_UPPER", "SAME_LOWER"])
    spans = [(k - 1) * attributes.get("dilations", [1] * spatial)[i] + 1
             for i, k in enumerate(kernel)]
    least = [max(1, s - pads[i] - pads[spatial + i]) for i, s in enumerate(spans)]
    return attributes, least


def spatial_shape(d, least):
    return tuple(low + d.below(5) for low in least)


@operators("ConvInteger")
def conv_integer(d):
    spatial, group = d.between(1, 2), d.among([1, 1, 2, 3])
    kernel = [d.between(1, 3) for _ in range(spatial)]
    attributes, least = window(d, spatial, kernel)
    channels, filters = d.between(1, 3), group * d.between(1, 3)
    x = (d.between(0, 2), group * channels) + spatial_shape(d, least)
    attributes["group"] = group if group > 1 or d.chance(2) else None
    attributes["kernel_shape"] = d.maybe(kernel)
    point = d.maybe(lambda: d.array(d.type("T1"), ()))  # what pads are, too
    x = some_bytes(d, d.type("T1"), x)
    w = some_bytes(d, d.type("T2"), (filters, channels, *kernel))
    return judged(d.case([x, w, point], attributes), [x, w, point], lambda: [
        exact.convolution(x, point, w, None, attributes).astype(np.int32)])


@operators("LRN")
def lrn(d):
    x = d.array(d.type(), d.shape(4, 4, 1), "exact")
    return d.case([x], {"size": d.among([1, 3, 5]), "alpha": d.maybe(0.5), "beta": d.maybe(0.5),
                        "bias": d.maybe(2.0)}, tolerance=CLOSE)


@operators("LpNormalization")
def lp_normalization(d):
    x = d.array(d.type(), d.shape(1, 4, 1), "exact")
    return d.case([x], {"axis": d.axis(x.ndim), "p": d.between(1, 2)}, tolerance=CLOSE)


@operators("MeanVarianceNormalization")
def mean_variance(d):
    x = d.array(d.type(), d.shape(4, 4, 2), "real")
    axes = d.maybe(lambda: sorted({a % 4 for a in d.axes(4, 2)}))
    return d.case([x], {"axes": axes}, tolerance=Tolerance(relative=1e-4, absolute=1e-4))


@operators("BatchNormalization")
def batch_normalization(d):
    shape = d.shape(2, 4, 1)
    vectors = [d.array(d.type(), (shape[1],), "real") for _ in range(3)]
    variance = abs(d.array(d.type(), (shape[1],), "exact")) + d.type().type(1)
    epsilon = d.maybe(lambda: d.among([1e-3, 0.5]))
    return d.case([d.array(d.type(), shape, "real"), *vectors, variance], {"epsilon": epsilon},
                  tolerance=CLOSE, constant={1, 2, 3, 4})


@operators("InstanceNormalization")
def instance_normalization(d):
    shape = d.shape(3, 4, 1)
    vectors = [d.array(d.type(), (shape[1],), "exact") for _ in range(2)]
    return d.case([d.array(d.type(), shape, "exact"), *vectors], {"epsilon": d.maybe(0.5)},
                  tolerance=Tolerance(relative=1e-4, absolute=1e-4), constant={1, 2})


@operators("GroupNormalization")
def group_normalization(d):
    groups, each = d.between(1, 3), d.between(1, 3)
    channels = groups * each
    count = groups if d.since < 21 else channels
    vectors = [d.array(d.type(), (count,), "exact") for _ in range(2)]
    shape = (d.size(1), channels) + d.shape(1, 2, 1)
    return d.case([d.array(d.type(), shape, "exact"), *vectors],
                  {"num_groups": groups, "epsilon": d.maybe(0.5)},
                  tolerance=Tolerance(relative=1e-4, absolute=2e-4, ulps=1))


@operators("LayerNormalization RMSNormalization")
def layer_normalization(d):
    x = d.array(d.type(), d.shape(1, 4, 1), "exact")
    axis = d.axis(x.ndim)
    shape = x.shape[axis % x.ndim:]
    scale = d.array(d.types["T"], shape, "exact")
    if d.op == "RMSNormalization":
        return d.case([x, scale], {"axis": axis, "epsilon": d.maybe(0.5)}, tolerance=CLOSE)
    bias = d.maybe(lambda: d.array(d.types["T"], shape, "exact"))
    return d.case([x, scale, bias], {"axis": axis, "epsilon": d.maybe(0.5)},
                  outputs=d.among([1, 1, 3]), tolerance=Tolerance(relative=1e-3, absolute=5e-4))


@operators("RNN GRU LSTM")
def recurrent(d):
    gates = {"RNN": 1, "GRU": 3, "LSTM": 4}[d.op]
    steps, batch, width, hidden = (d.between(1, 4) for _ in range(4))
    direction = d.among(["forward", "reverse", "bidirectional"])
    ways = 2 if direction == "bidirectional" else 1
    layout = d.below(2) if d.since >= 14 and d.chance(4) else 0
    state = (batch, ways, hidden) if layout else (ways, batch, hidden)

    def some(*shape):
        return d.array(np.float32, shape, "unit") - np.float32(0.5)

    x = some(batch, steps, width) if layout else some(steps, batch, width)
    operands = [x, some(ways, gates * hidden, width), some(ways, gates * hidden, hidden),
                d.maybe(lambda: some(ways, 2 * gates * hidden)),
                d.maybe(lambda: d.array(np.int32, (batch,), low=1, high=steps)),
                d.maybe(lambda: some(*state))]
    attributes = {"hidden_size": hidden, "direction": direction, "layout": layout or None,
                  "clip": d.maybe(0.25, 4)}
    if d.op == "GRU":
        attributes["linear_before_reset"] = d.maybe(lambda: d.below(2))
    if d.op == "LSTM":
        operands += [d.maybe(lambda: some(*state)), d.maybe(lambda: some(ways, 3 * hidden))]
    if d.op == "RNN":
        attributes["activations"] = d.maybe(lambda: [d.among(["Relu", "Sigmoid", "Tanh"])] * ways)
    return d.case(operands, attributes, outputs=3 if d.op == "LSTM" else 2,
                  tolerance=Tolerance(relative=1e-4, absolute=1e-5), constant={1, 2, 3})


@operators("Attention")
def attention(d):
    batch, heads, past = d.between(1, 2), d.between(1, 3), d.between(0, 3)
    queries, keys = d.between(1, 4), d.between(1, 4)
    size, value_size, shared = d.between(1, 4), d.between(1, 4), d.between(1, 2)
    q = d.array(d.type("T1", (np.float32,)), (batch, heads * shared, queries, size), "real")
    k = d.array(q.dtype, (batch, heads, keys, size), "real")
    v = d.array(d.type("T2", (np.float32,)), (batch, heads, keys, value_size), "real")
    attributes = {"scale": d.maybe(0.5), "softcap": d.maybe(2.0, 3)}
    cached = past > 0 and d.chance(2)
    total = keys + (past if cached else 0)
    mask = d.maybe(lambda: d.array(d.among([np.bool_, q.dtype]), (queries, total), "real"))
    if mask is None and d.chance(2):
        attributes["is_causal"] = 1
    elif mask is not None and mask.dtype == np.bool_:
        mask[:, 0] = True
    operands = [q, k, v, mask]
    if cached:
        operands += [d.array(q.dtype, (batch, heads, past, size), "real"),
                     d.array(q.dtype, (batch, heads, past, value_size), "real")]
    return d.case(operands, attributes, outputs=3 if cached else 1, tolerance=CLOSE)


@operators("RotaryEmbedding")
def rotary(d):
    batch, heads, length, half = (d.between(1, 3) for _ in range(4))
    x = d.array(d.type(), (batch, heads, length, 2 * half), "real")
    caches = [d.array(x.dtype, (8, half), "real") for _ in range(2)]
    where = d.array(np.int64, (batch, length), low=0, high=7)
    return d.case([x, *caches, where], {"interleaved": d.maybe(lambda: d.below(2))},
                  tolerance=CLOSE)
