"""com.microsoft: attention in its variants, embeddings, weights of a few bits."""
import numpy as np
from onnx import helper

from case import Tolerance
from operators.networks import sums
from table import operators

DOMAIN = "com.microsoft"
F32, I32, I64 = np.float32, np.int32, np.int64
CLOSE = Tolerance(relative=1e-4, absolute=2e-5, ulps=8)
SCORES = Tolerance(relative=1e-4, absolute=2e-5, ulps=8, lowest=True)  # of what is masked


def real(d, *shape):
    return d.array(F32, shape, "unit") * F32(2) - F32(1)


def padding_mask(d, batch, queries, keys):
    """Which keys count: their number for each sample, or one flag for each."""
    form = d.below(4)
    if form == 0:
        return None
    if form == 1:
        return d.array(I32, (batch,), low=1, high=keys)
    shape = (batch, keys) if form == 2 else (batch, queries, keys)
    mask = d.array(I32, shape, low=0, high=1)
    mask[..., 0] = 1
    return mask


def bias_of_scores(d, batch, heads, queries, keys):
    return d.maybe(lambda: real(d, d.among([batch, 1]), d.among([heads, 1]), queries, keys), 3)


@operators("MultiHeadAttention", DOMAIN)
def multi_head(d):
    batch, heads, size = d.between(1, 3), d.between(1, 3), d.between(1, 4)
    queries, keys, past = d.between(1, 4), d.between(1, 4), 0
    causal = d.chance(3)
    if causal:  # whom a lone query of several keys sees nothing says
        keys = queries
    value_size = d.between(1, 4) if d.chance(3) else size
    heads_first = d.chance(4)
    width = heads * size
    operands = [real(d, batch, queries, width), None, None, None, None, None, None, None]
    if not heads_first:
        past = d.below(3)
        if past:
            value_size = size
        operands[1:3] = real(d, batch, keys, width), real(d, batch, keys, heads * value_size)
        if past:
            operands[6:8] = (real(d, batch, heads, past, size) for _ in range(2))
        operands[3] = d.maybe(lambda: real(d, 2 * width + heads * value_size))
    else:
        operands[1:3] = real(d, batch, heads, keys, size), real(d, batch, heads, keys, value_size)
    total = keys + past
    operands[4] = padding_mask(d, batch, queries, total)
    operands[5] = bias_of_scores(d, batch, heads, queries, total)
    outputs = 1 if heads_first else d.among([3, 4] if past else [1, 3, 4])
    return d.case(operands, {"num_heads": heads, "scale": d.maybe(0.5),
                             "unidirectional": int(causal) or None,
                             "mask_filter_value": d.maybe(-100.0, 4)},
                  outputs=outputs, tolerance=SCORES, ranked=True, kinds=dict.fromkeys(range(4), 1))


@operators("MoE", DOMAIN)
def mixture(d):
    experts, hidden, inner = d.between(1, 5), d.between(1, 6), d.between(1, 6)
    tokens = (d.between(1, 5),) if d.chance(2) else (d.between(1, 2), d.between(1, 4))
    count = int(np.prod(tokens))
    kind = d.among(["relu", "gelu", "silu", "identity", "swiglu"])
    wide = 2 * inner if kind == "swiglu" else inner
    made = {"activation_type": kind, "k": d.between(1, experts),
            "normalize_routing_weights": d.maybe(1)}
    if kind == "swiglu":
        made.update(swiglu_fusion=1, activation_alpha=d.maybe(1.7), activation_beta=d.maybe(1.0),
                    swiglu_limit=d.maybe(0.5))
    # Which experts are the best is not for rounding to say.
    order = [sorted(range(experts), key=lambda _: d.below(1000)) for _ in range(count)]
    logits = np.array(order, F32) / F32(2)
    operands = [real(d, *tokens, hidden), logits, real(d, experts, wide, hidden),
                d.maybe(lambda: real(d, experts, wide)), real(d, experts, hidden, inner),
                d.maybe(lambda: real(d, experts, hidden))]
    return d.case(operands, made, tolerance=CLOSE, ranked=True, kinds=dict.fromkeys(range(6), 1))


@operators("QMoE", DOMAIN)
def quantized_mixture(d):
    experts, hidden, inner = d.between(1, 4), d.among([16, 32, 64]), d.among([16, 32])
    bits, count = d.among([4, 8]), d.between(1, 5)
    # With blocks of constant codes of 8 bits ONNX Runtime rounds rows.
    block = d.among([None, 16]) if bits == 4 else None
    kind = d.among(["relu", "silu", "identity", "swiglu"])
    wide = 2 * inner if kind == "swiglu" else inner

    def weights(rows, columns):
        codes = d.array(np.uint8, (experts, rows, columns * bits // 8), low=0, high=255)
        shape = (experts, rows, columns // block) if block else (experts, rows)
        return codes, (d.array(F32, shape, "unit") + F32(0.5)) / F32(2 ** bits)

    order = [sorted(range(experts), key=lambda _: d.below(1000)) for _ in range(count)]
    into, out = weights(wide, hidden), weights(hidden, inner)
    operands = [real(d, count, hidden), np.array(order, F32) / F32(2), *into,
                d.maybe(lambda: real(d, experts, wide)), *out,
                d.maybe(lambda: real(d, experts, hidden))]
    return d.case(operands, {"activation_type": kind, "k": d.between(1, experts),
                             "normalize_routing_weights": 1, "expert_weight_bits": bits,
                             "block_size": block, "swiglu_fusion": int(kind == "swiglu") or None},
                  tolerance=CLOSE, constant={2, 3, 5, 6}, ranked=True,
                  kinds=dict.fromkeys((0, 1, 4, 7), 1))


@operators("DecoderMaskedMultiHeadAttention", DOMAIN)
def decoder_masked(d):
    batch, heads, size, past = d.between(1, 3), d.between(1, 3), d.between(1, 4), d.below(5)
    width, total = heads * size, past + 1
    operands = [real(d, batch, 1, width)] + [None] * 10
    cross = d.chance(3)
    if cross:
        total = d.between(1, 5)
        operands[1:3] = (real(d, batch, heads, total, size) for _ in range(2))
    else:
        room = total + d.below(3)
        operands[1:3] = (real(d, batch, 1, width) for _ in range(2))
        operands[5:7] = (real(d, batch, heads, room, size) for _ in range(2))
        operands[7] = np.array([past], I32)
        operands[10] = d.maybe(lambda: real(d, 3 * width))
        operands[4] = bias_of_scores(d, batch, heads, 1, total)
    if d.chance(3):
        operands[3] = d.array(I32, (batch, total), low=0, high=1)
        operands[3][..., 0] = 1
    return d.case(operands, {"num_heads": heads, "scale": d.maybe(0.5),
                             "past_present_share_buffer": int(not cross) or None,
                             "mask_filter_value": d.maybe(-100.0, 4)},
                  outputs=1 if cross else 3, tolerance=SCORES, ranked=True,
                  kinds=dict.fromkeys(range(4), 1))


@operators("Attention", DOMAIN)
def attention(d):
    batch, heads, size, wide = (d.between(1, 3) for _ in range(4))
    queries, past = d.between(1, 4), d.below(3)
    value_size = d.between(1, 4) if not past and d.chance(3) else size
    sizes = [heads * size, heads * size, heads * value_size]
    total = queries + past
    operands = [real(d, batch, queries, wide), real(d, wide, sum(sizes)), real(d, sum(sizes)),
                padding_mask(d, batch, queries, total),
                real(d, 2, batch, heads, past, size) if past else None,
                bias_of_scores(d, batch, heads, queries, total)]
    return d.case(operands, {"num_heads": heads, "unidirectional": d.maybe(1, 3),
                             "qkv_hidden_sizes": sizes if value_size != size else None,
                             "scale": d.maybe(0.5), "mask_filter_value": d.maybe(-100.0, 4)},
                  outputs=2 if past else 1, constant={1, 2}, tolerance=CLOSE, ranked=True)


@operators("GroupQueryAttention", DOMAIN)
def group_query(d):
    """A prompt, all of it new, or some tokens after those of a cache that has room or grows."""
    batch, shared, kept, size = d.between(1, 2), d.between(1, 2), d.between(1, 2), 16
    queries, longest = d.between(1, 4), d.between(1, 5)
    if d.chance(4):  # as long as those of models
        shared, kept, size = d.between(1, 5), d.between(1, 3), d.among([32, 48, 80, 256])
        queries, longest = d.among([1, 1, 9, 70]), d.between(1, 150)
    heads = shared * kept
    form = d.among(["prompt", "grows", "has room"])
    if form != "prompt" and queries > 1:
        batch = 1
    lengths = np.full((batch,), 0 if form == "prompt" else longest, I32)
    room = longest
    if form == "has room":
        lengths = d.array(I32, (batch,), low=0, high=longest)
        room = longest + queries + d.below(2)
    total = int(lengths.max()) + queries
    packed = d.chance(3)
    wide = (heads + 2 * kept) * size if packed else heads * size
    operands = [real(d, batch, queries, wide)]
    operands += [None, None] if packed else [real(d, batch, queries, kept * size)
                                             for _ in range(2)]
    cache = None if form == "prompt" else [real(d, batch, kept, room, size) for _ in range(2)]
    operands += cache or [None, None]
    operands += [lengths + I32(queries - 1), np.array(total, I32)]
    made = {"num_heads": heads, "kv_num_heads": kept, "scale": d.maybe(0.5),
            "softcap": d.maybe(2.0, 3), "causal": d.maybe(0, 4), "smooth_softmax": d.maybe(1, 4)}
    if made["causal"] is None:
        made["local_window_size"] = d.maybe(lambda: d.between(1, 4), 3)
    if d.chance(2):
        angles = real(d, longest + queries + 16, size // 2)
        operands += [np.cos(angles), np.sin(angles)]
        made.update(do_rotary=1, rotary_interleaved=d.maybe(1))
    else:
        operands += [None, None]
    operands += [None, bias_of_scores(d, batch, heads, queries, total)]
    if made["smooth_softmax"] is None:
        operands.append(d.maybe(lambda: real(d, heads), 3))
    outputs = 3
    # What a masked score is nothing says (as a probability it is 0), nor one of a key that only
    # another sample has.
    if lengths.min() == lengths.max() and d.chance(3):
        outputs, made["qk_output"] = 4, 1 if made["causal"] == 0 else 2
    case = d.case(operands, made, outputs=outputs, tolerance=CLOSE, ranked=True,
                  kinds=dict.fromkeys(range(4), 1))
    if form == "has room":  # what a cache holds where it is not filled nothing says
        case.nodes = with_filled_caches(case, int(lengths.min()) + queries)
    return case


def with_filled_caches(case, filled):
    """The case's node, its caches cut to what all samples have."""
    names = ["" if a is None else f"x{i}" for i, a in enumerate(case.inputs)]
    results = ["y0", "whole1", "whole2", "y3"][:case.outputs]
    ends = [helper.make_node("Constant", [], [name], value_ints=[value])
            for name, value in (("start", 0), ("end", filled), ("along", 2))]
    attributes = {k: v for k, v in case.attributes.items() if v is not None}
    return [helper.make_node(case.op, names, results, domain=DOMAIN, **attributes), *ends,
            *(helper.make_node("Slice", [f"whole{i}", "start", "end", "along"], [f"y{i}"])
              for i in (1, 2))]


@operators("EmbedLayerNormalization", DOMAIN)
def embed(d):
    batch, length, width, words = d.between(1, 3), d.between(1, 4), d.between(2, 8), 6
    tables = [d.array(F32, (words, width), "exact") for _ in range(3)]
    segments = d.maybe(lambda: d.array(I32, (batch, length), low=0, high=words - 1))
    mask = d.maybe(lambda: np.sort(d.array(I32, (batch, length), low=0, high=1))[:, ::-1].copy())
    places = d.maybe(lambda: d.array(I32, (d.among([batch, 1]), length), low=0, high=words - 1))
    vectors = [d.array(F32, (width,), "exact") for _ in range(2)]
    operands = [d.array(I32, (batch, length), low=0, high=words - 1), segments, *tables[:2],
                None if segments is None else tables[2], *vectors, mask, places]
    return d.case(operands, {"epsilon": d.maybe(0.5)}, outputs=d.among([2, 3]), ranked=True,
                  constant={2, 3, 4, 5, 6}, tolerance=Tolerance(relative=1e-3, absolute=5e-4))


@operators("MatMulNBits", DOMAIN)
def matmul_n_bits(d):
    bits, block = d.among([4, 8, 2]), d.among([16, 32])
    n, k = d.between(1, 9), d.among([16, 32, 48, 20, 7])
    blocks = -(-k // block)
    values, tolerance = sums(d)
    a = d.array(F32, d.shape(0, 2, 1) + (d.size(1), k), values)
    b = d.array(np.uint8, (n, blocks, block * bits // 8), low=0, high=255)
    scales = np.exp2(d.array(I64, (n, blocks), low=-3, high=0)).astype(F32)
    zeros = None
    if d.chance(2):
        zeros = d.array(np.uint8, (n, -(-blocks * bits // 8)), low=0, high=255)
    elif d.chance(4):
        zeros = d.array(F32, (n, blocks), "exact")
    bias = d.maybe(lambda: d.array(F32, (n,), "exact"))
    return d.case([a, b, scales, zeros, None, bias],
                  {"K": k, "N": n, "bits": bits, "block_size": block},
                  constant={1, 2, 3, 5}, ranked=True,
                  tolerance=Tolerance(relative=1e-5, absolute=1e-4, ulps=8, scaled=True))


@operators("GatherBlockQuantized", DOMAIN)
def gather_blocks(d):
    """Bytes that hold several numbers along the last axis."""
    bits, block = d.among([4, 8]), 16
    rows, wide = d.between(1, 5), 16 * d.between(1, 3)
    leading = d.shape(0, 1, 1)
    data = d.array(np.uint8, (*leading, rows, wide * bits // 8), low=0, high=255)
    scales = np.exp2(d.array(I64, (*leading, rows, wide // block), low=-3, high=0)).astype(F32)
    zeros = d.maybe(lambda: d.array(np.uint8, (*leading, rows, -(-(wide // block) * bits // 8)),
                                    low=0, high=255))
    where = d.array(d.among([I64, I32]), d.shape(0, 2, 1), low=-len(data), high=len(data) - 1)
    return d.case([data, where, scales, zeros],
                  {"bits": bits, "block_size": block, "gather_axis": 0,
                   "quantize_axis": data.ndim - 1}, constant={0, 2, 3}, ranked=True,
                  tolerance=Tolerance(ulps=1))
