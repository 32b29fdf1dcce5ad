"""Attention of com.microsoft: masks, shared buffers, beams, quantized caches."""
import numpy as np

from case import Tolerance
from table import operators

DOMAIN = "com.microsoft"
CLOSE = Tolerance(relative=1e-4, absolute=1e-5)
F32 = np.float32
I32 = np.int32


def lengths(d, batch, total):
    return [d.between(1, total) for _ in range(batch)]


def padding(d, batch, queries, total):
    """A mask of any of its forms."""
    form = d.below(4)
    counts = lengths(d, batch, total)
    if form == 0:
        return d.integers(counts, I32)
    if form == 1:  # the lengths, and the running sums of those of queries and keys
        sums = np.concatenate([[0], np.cumsum(counts)])
        return d.integers([*counts, *sums, *sums], I32)
    shape = (batch, total) if form == 2 else (batch, queries, total)
    mask = d.array(I32, shape, low=0, high=1)
    mask[..., 0] = 1
    return mask


@operators("MultiHeadAttention", DOMAIN)
def multi_head_attention(d):
    batch, heads, queries, keys = (d.between(1, 3) for _ in range(4))
    size = d.between(1, 4)
    hidden = heads * size
    attributes = {"num_heads": heads, "scale": d.maybe(0.5),
                  "mask_filter_value": d.maybe(-5.0, 3)}
    q = d.array(F32, (batch, queries, hidden), "real")
    if d.chance(2):
        k, v = (d.array(F32, (batch, keys, hidden), "real") for _ in range(2))
        mask = d.maybe(lambda: padding(d, batch, queries, keys))
        case = d.case([q, k, v, None, mask], attributes, tolerance=CLOSE)
        if mask is not None and len(mask) == 3 * batch + 2:
            case.declared.clear()  # of a batch left open, lengths and running sums look alike
        return case
    # A buffer that is filled so far, and beams that took keys from each other.
    room, filled = queries + d.between(1, 5), d.between(0, 5)
    filled = min(filled, room - queries)
    k, v = (d.array(F32, q.shape, "real") for _ in range(2))
    caches = [d.array(F32, (batch, heads, room, size), "real") for _ in range(2)]
    mask = beams = None
    if d.chance(2):
        groups = d.among([n for n in range(1, batch + 1) if batch % n == 0])
        beams = d.array(I32, (groups, batch // groups, room), low=0, high=batch // groups - 1)
    elif d.chance(2):
        mask = d.array(I32, (batch, filled + queries), low=0, high=1)
        mask[:, 0] = 1
    return d.case([q, k, v, None, mask, None, *caches, d.integers([filled], I32), beams],
                  attributes, outputs=3, tolerance=CLOSE)


@operators("GroupQueryAttention", DOMAIN)
def group_query_attention(d):
    batch, groups, shared, size = d.between(1, 3), d.between(1, 2), d.between(1, 2), 8
    bits = d.among([8, 4])
    kind = d.among(["PER_TENSOR", "PER_CHANNEL"])
    room, total = d.between(3, 6), d.between(2, 3)
    heads = groups * shared
    q = d.array(F32, (batch, 1, heads * size), "real")
    k, v = (d.array(F32, (batch, 1, groups * size), "real") for _ in range(2))
    if bits == 8:
        caches = [d.array(np.int8, (batch, groups, room, size)) for _ in range(2)]
    else:
        caches = [d.array(np.uint8, (batch, groups, room, size // 2)) for _ in range(2)]
    scale = (1,) if kind == "PER_TENSOR" else (1, groups, 1, size)
    step = F32(0.03 if bits == 8 else 0.4)
    scales = [np.abs(d.array(F32, scale, "real")) % 1 * step + step for _ in range(2)]
    # Every sample is full: what lies behind its keys in the cache is nobody's business.
    last = d.integers([total - 1] * batch, I32)
    caches = [cache[:, :, :total] for cache in caches]
    return d.case([q, k, v, *caches, last, np.array(total, I32), None, None, None, None, None,
                   *scales],
                  {"num_heads": heads, "kv_num_heads": groups, "k_quant_type": kind,
                   "v_quant_type": kind, "kv_cache_bit_width": bits}, outputs=3, tolerance=CLOSE)
