"""Float operators of com.microsoft that exported and fused files carry."""
import numpy as np

from case import Tolerance
from operators.networks import sums
from table import operators

DOMAIN = "com.microsoft"
CLOSE = Tolerance(relative=1e-5, absolute=1e-5, ulps=8)
F32 = np.float32


@operators("Gelu FastGelu QuickGelu", DOMAIN)
def gelu(d):
    x = d.array(F32, d.shape(1, 3), "real")
    bias = None
    if d.op == "FastGelu":
        bias = d.maybe(lambda: d.array(F32, x.shape[-1:], "real"))
    alpha = d.maybe(1.5) if d.op == "QuickGelu" else None
    return d.case([x, bias], {"alpha": alpha}, tolerance=CLOSE)


@operators("BiasGelu", DOMAIN)
def bias_gelu(d):
    x = d.array(F32, d.shape(1, 3), "real")
    return d.case([x, d.array(F32, x.shape[-1:], "real")], tolerance=CLOSE)


@operators("FusedMatMul", DOMAIN)
def fused_matmul(d):
    m, k, n = d.size(1), d.size(1), d.size(1)
    across = d.below(2), d.below(2)
    batch = d.shape(0, 2, 1)
    values, tolerance = sums(d)
    a = d.array(F32, batch + ((k, m) if across[0] else (m, k)), values)
    b = d.array(F32, batch + ((n, k) if across[1] else (k, n)), values)
    return d.case([a, b], {"transA": across[0], "transB": across[1], "alpha": d.maybe(0.5)},
                  tolerance=tolerance)


@operators("FusedGemm", DOMAIN)
def fused_gemm(d):
    m, k, n = d.size(1), d.size(1), d.size(1)
    operands = [d.array(F32, s, "exact") for s in ((m, k), (k, n))]
    c = d.maybe(lambda: d.array(F32, (n,), "exact"))
    return d.case([*operands, c], {"activation": d.among(["Relu", "Sigmoid", "Tanh"])},
                  tolerance=CLOSE)


@operators("SkipLayerNormalization SkipSimplifiedLayerNormalization", DOMAIN)
def skip_layer_normalization(d):
    shape = (d.size(1), d.size(1), d.between(2, 8))
    x, skip = (d.array(F32, shape, "exact") for _ in range(2))
    vectors = [d.array(F32, shape[-1:], "exact") for _ in range(3)]
    if d.op == "SkipLayerNormalization":
        operands = [x, skip, vectors[0], d.maybe(vectors[1]), d.maybe(vectors[2])]
    else:
        operands = [x, skip, vectors[0], d.maybe(vectors[1])]
    return d.case(operands, {"epsilon": d.maybe(0.5)}, constant={2, 3, 4},
                  tolerance=Tolerance(relative=1e-3, absolute=5e-4))


@operators("RotaryEmbedding", DOMAIN)
def rotary(d):
    batch, heads, length, half = (d.between(1, 3) for _ in range(4))
    x = d.array(F32, (batch, heads, length, 2 * half), "real")
    caches = [d.array(F32, (8, half), "real") for _ in range(2)]
    where = d.array(np.int64, (batch, length), low=0, high=7)
    return d.case([x, where, *caches], {"interleaved": d.maybe(lambda: d.below(2))},
                  tolerance=CLOSE)


@operators("Trilu", DOMAIN)
def trilu(d):
    x = d.array(F32, d.shape(2))
    return d.case([x, d.maybe(lambda: np.array(d.between(0, 8) - 4, np.int64))],
                  {"upper": d.maybe(lambda: d.below(2))})


@operators("Inverse", DOMAIN)
def inverse(d):
    n = d.between(1, 4)
    x = d.array(F32, d.shape(0, 2, 1) + (n, n), "unit") + 2 * np.eye(n, dtype=F32)
    return d.case([x.astype(F32)], tolerance=Tolerance(relative=1e-4, absolute=1e-5))
