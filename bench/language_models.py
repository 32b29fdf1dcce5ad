"""Small language models with random weights, as tools that export for ONNX Runtime write them."""
import numpy as np
from onnx import TensorProto, helper, numpy_helper

MICROSOFT = "com.microsoft"
TYPES = {"f32": (TensorProto.FLOAT, np.float32), "f16": (TensorProto.FLOAT16, np.float16)}


class Builder:
    """Nodes and weights of one graph. A method that adds nodes gives the name of the result."""

    def __init__(self, dtype, seed=1, opset=18):
        self.opset = opset
        self.dtype, self.numpy = TYPES[dtype]
        self.nodes, self.weights, self.inputs, self.outputs = [], [], [], []
        self.random = np.random.default_rng(seed)

    def node(self, op, inputs, outputs=1, domain="", **attributes):
        names = [f"v{len(self.nodes)}_{i}" for i in range(outputs)]
        self.nodes.append(helper.make_node(op, inputs, names, domain=domain, **attributes))
        return names[0] if outputs == 1 else names

    def constant(self, array):
        name = f"w{len(self.weights)}"
        self.weights.append(numpy_helper.from_array(np.asarray(array, order="C"), name))
        return name

    def normal(self, *shape, scale=1.0):
        numbers = self.random.standard_normal(shape, np.float32) * np.float32(scale)
        return self.constant(numbers.astype(self.numpy))

    def input(self, name, dtype, shape):
        self.inputs.append(helper.make_tensor_value_info(name, dtype, shape))
        return name

    def give(self, name, value, dtype, shape):
        for node in self.nodes:
            for i, each in enumerate(node.output):
                if each == value:
                    node.output[i] = name
            for i, each in enumerate(node.input):
                if each == value:
                    node.input[i] = name
        self.outputs.append(helper.make_tensor_value_info(name, dtype, shape))

    def model(self):
        graph = helper.make_graph(self.nodes, "language", self.inputs, self.outputs, self.weights)
        made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", self.opset),
                                                       helper.make_opsetid(MICROSOFT, 1)])
        made.ir_version = 9 if self.opset < 20 else 11
        return made

    def linear(self, x, rows, columns, bits=0, block=32, level=0, bias=False):
        """x times a weight: of floats, or of 4 or 8 bits in blocks."""
        scale = rows ** -0.5
        if bits == 0:
            y = self.node("MatMul", [x, self.normal(rows, columns, scale=scale)])
            return self.node("Add", [y, self.normal(columns, scale=0.1)]) if bias else y
        blocks = -(-rows // block)
        packed = self.constant(self.random.integers(0, 256, (columns, blocks, block * bits // 8),
                                                    np.uint8))
        steps = (self.random.random((columns, blocks), np.float32) + 0.5) * scale / 2 ** (bits - 2)
        operands = [x, packed, self.constant(steps.reshape(-1).astype(self.numpy))]
        attributes = {"accuracy_level": level} if level else {}
        return self.node("MatMulNBits", operands, domain=MICROSOFT, K=rows, N=columns, bits=bits,
                         block_size=block, **attributes)


class Sizes:
    def __init__(self, layers=4, hidden=1024, heads=16, shared=4, head=64, inner=2816, vocab=8192,
                 positions=4096):
        self.layers, self.hidden, self.heads, self.shared = layers, hidden, heads, shared
        self.head, self.inner, self.vocab, self.positions = head, inner, vocab, positions


def decoder(dtype="f32", sizes=None, q_k_norm=False, packed=True, cache_bits=0, **weights):
    """Llama as onnxruntime-genai writes it; with norms of queries and keys as Qwen 3 has them, or
    with caches of 8 or 4 bits, scaled by place. `weights`: bits, block and level of products."""
    s, b = sizes or Sizes(), Builder(dtype)
    cache = {0: (b.dtype, s.head), 8: (TensorProto.INT8, s.head),
             4: (TensorProto.UINT8, s.head // 2)}[cache_bits]
    quantized = {"k_quant_type": "PER_CHANNEL", "v_quant_type": "PER_CHANNEL",
                 "kv_cache_bit_width": cache_bits} if cache_bits else {}
    ids = b.input("input_ids", TensorProto.INT64, ["batch", "sequence"])
    mask = b.input("attention_mask", TensorProto.INT64, ["batch", "total"])
    total = b.node("Sub", [b.node("ReduceSum", [mask, b.constant(np.array([1]))], keepdims=0),
                           b.constant(np.array(1))])
    lengths = b.node("Cast", [total], to=TensorProto.INT32)
    longest = b.node("Gather", [b.node("Shape", [mask]), b.constant(np.array(1))])
    longest = b.node("Cast", [longest], to=TensorProto.INT32)
    angles = np.outer(np.arange(s.positions), 10000.0 ** (-np.arange(s.head // 2) * 2 / s.head))
    turns = [b.constant(f(angles).astype(b.numpy)) for f in (np.cos, np.sin)]
    x = b.node("Gather", [b.normal(s.vocab, s.hidden), ids])
    ones = lambda n: b.constant((1 + 0.1 * b.random.standard_normal(n)).astype(b.numpy))
    norm = b.node("SimplifiedLayerNormalization", [x, ones(s.hidden)], axis=-1, epsilon=1e-5)

    def skipped(x, more):
        y, _, _, total = b.node("SkipSimplifiedLayerNormalization", [x, more, ones(s.hidden)], 4,
                                MICROSOFT, epsilon=1e-5)
        b.nodes[-1].output[1] = b.nodes[-1].output[2] = ""
        return y, total

    def normalized(x, heads):
        apart = b.node("Reshape", [x, b.constant(np.array([0, -1, heads, s.head]))])
        y = b.node("SimplifiedLayerNormalization", [apart, ones(s.head)], axis=-1, epsilon=1e-6)
        return b.node("Reshape", [y, b.constant(np.array([0, -1, heads * s.head]))])

    caches = []
    for layer in range(s.layers):
        past = [b.input(f"past_key_values.{layer}.{kind}", cache[0],
                        ["batch", s.shared, "past", cache[1]]) for kind in ("key", "value")]
        wide, narrow = s.heads * s.head, s.shared * s.head
        if packed and not q_k_norm:
            qkv = [b.linear(norm, s.hidden, wide + 2 * narrow, **weights), "", ""]
        else:
            qkv = [b.linear(norm, s.hidden, n, **weights) for n in (wide, narrow, narrow)]
        if q_k_norm:
            qkv = [normalized(qkv[0], s.heads), normalized(qkv[1], s.shared), qkv[2]]
        operands = [*qkv, *past, lengths, longest, *turns]
        if cache_bits:
            steps = (b.constant(((b.random.random((s.shared, 1, s.head), np.float32) + 0.5) * 4
                                 / 2 ** (cache_bits - 1))) for _ in range(2))
            operands += ["", "", "", *steps]
        y, *present = b.node("GroupQueryAttention", operands, 3, MICROSOFT, num_heads=s.heads,
                             kv_num_heads=s.shared, do_rotary=1, **quantized)
        caches += present
        norm, x = skipped(x, b.linear(y, wide, s.hidden, **weights))
        gate = b.linear(norm, s.hidden, s.inner, **weights)
        up = b.linear(norm, s.hidden, s.inner, **weights)
        inner = b.node("Mul", [b.node("Mul", [gate, b.node("Sigmoid", [gate])]), up])
        norm, x = skipped(x, b.linear(inner, s.inner, s.hidden, **weights))
    logits = b.linear(norm, s.hidden, s.vocab, **weights)
    b.give("logits", logits, b.dtype, ["batch", "sequence", s.vocab])
    for i, value in enumerate(caches):
        b.give(f"present.{i // 2}.{('key', 'value')[i % 2]}", value, cache[0],
               ["batch", s.shared, "kept", cache[1]])
    return b.model()


def gpt2(dtype="f32", layers=4, hidden=768, heads=12, vocab=8192, positions=2048):
    """GPT-2 as a trace of it writes it: caches that grow, a causal mask cut from a constant."""
    b, head = Builder(dtype), hidden // heads
    ids = b.input("input_ids", TensorProto.INT64, ["batch", "sequence"])
    x = b.node("Gather", [b.normal(vocab, hidden), ids])
    fresh = b.node("Gather", [b.node("Shape", [ids]), b.constant(np.array(1))])
    seen = np.tril(np.ones((positions, positions), bool))[None, None]
    seen, least = b.constant(seen), b.constant(np.array(np.finfo(b.numpy).min, b.numpy))
    ints = {n: b.constant(np.array([n])) for n in (0, 1, 2, 3)}
    split = b.constant(np.array([0, 0, heads, head]))
    norm = lambda x: b.node("LayerNormalization", [x, b.normal(hidden, scale=0.1),
                                                   b.normal(hidden, scale=0.1)], axis=-1)
    pasts = [[b.input(f"past_key_values.{layer}.{kind}", b.dtype, ["batch", heads, "past", head])
              for kind in ("key", "value")] for layer in range(layers)]
    begin = b.node("Gather", [b.node("Shape", [pasts[0][0]]), b.constant(np.array(2))])
    at = b.node("Range", [begin, b.node("Add", [begin, fresh]), b.constant(np.array(1))])
    x = b.node("Add", [x, b.node("Gather", [b.normal(positions, hidden), at])])
    caches = []
    for past in pasts:
        qkv = b.linear(norm(x), hidden, 3 * hidden, bias=True)
        parts = b.node("Split", [qkv, b.constant(np.array([hidden] * 3))], 3, axis=2)
        q, k, v = (b.node("Transpose", [b.node("Reshape", [p, split])], perm=[0, 2, 1, 3])
                   for p in parts)
        k, v = (b.node("Concat", [old, new], axis=2) for old, new in zip(past, (k, v)))
        caches += [k, v]
        scores = b.node("MatMul", [q, b.node("Transpose", [k], perm=[0, 1, 3, 2])])
        scores = b.node("Div", [scores, b.constant(np.array(head ** 0.5, b.numpy))])
        keys = b.node("Gather", [b.node("Shape", [k]), b.constant(np.array(2))])
        begin = b.node("Sub", [keys, fresh])
        column = [b.node("Unsqueeze", [n, ints[0]]) for n in (begin, keys)]
        mask = b.node("Slice", [seen, *column, ints[2]])
        mask = b.node("Slice", [mask, ints[0], column[1], ints[3]])
        shares = b.node("Softmax", [b.node("Where", [mask, scores, least])], axis=-1)
        y = b.node("Transpose", [b.node("MatMul", [shares, v])], perm=[0, 2, 1, 3])
        y = b.node("Reshape", [y, b.constant(np.array([0, 0, hidden]))])
        x = b.node("Add", [x, b.linear(y, hidden, hidden, bias=True)])
        inner = b.linear(norm(x), hidden, 4 * hidden, bias=True)
        cube = b.node("Pow", [inner, b.constant(np.array(3, b.numpy))])
        cube = b.node("Add", [inner, b.node("Mul", [cube, b.constant(np.array(0.044715,
                                                                              b.numpy))])])
        turned = b.node("Tanh", [b.node("Mul", [cube, b.constant(np.array(0.7978845608,
                                                                          b.numpy))])])
        turned = b.node("Add", [turned, b.constant(np.array(1, b.numpy))])
        inner = b.node("Mul", [b.node("Mul", [inner, b.constant(np.array(0.5, b.numpy))]), turned])
        x = b.node("Add", [x, b.linear(inner, 4 * hidden, hidden, bias=True)])
    logits = b.linear(norm(x), hidden, vocab)
    b.give("logits", logits, b.dtype, ["batch", "sequence", vocab])
    for i, value in enumerate(caches):
        b.give(f"present.{i // 2}.{('key', 'value')[i % 2]}", value, b.dtype,
               ["batch", heads, "kept", head])
    return b.model()


def relative_bias(b, heads, begin, end, buckets=32, farthest=128):
    """T5's bias [1, heads, fresh, kept] of positions from `begin` to `end`, causal, as a trace of
    it writes it: buckets by distance, exact ones and logarithmic ones."""
    number = lambda n, dtype=np.int64: b.constant(np.array(n, dtype))
    exact = buckets // 2
    queries = b.node("Unsqueeze", [b.node("Range", [begin, end, number(1)]), number([1])])
    keys = b.node("Unsqueeze", [b.node("Range", [number(0), end, number(1)]), number([0])])
    apart = b.node("Sub", [keys, queries])
    back = b.node("Neg", [b.node("Min", [apart, number(0)])])
    ratio = b.node("Div", [b.node("Cast", [back], to=TensorProto.FLOAT), number(exact, np.float32)])
    far = b.node("Div", [b.node("Log", [ratio]), number(np.log(farthest / exact), np.float32)])
    far = b.node("Mul", [far, number(buckets - exact, np.float32)])
    far = b.node("Add", [b.node("Cast", [far], to=TensorProto.INT64), number(exact)])
    far = b.node("Min", [far, number(buckets - 1)])
    bucket = b.node("Where", [b.node("Less", [back, number(exact)]), back, far])
    bias = b.node("Gather", [b.normal(buckets, heads), bucket])
    bias = b.node("Unsqueeze", [b.node("Transpose", [bias], perm=[2, 0, 1]), number([0])])
    least = number(np.finfo(b.numpy).min, b.numpy)
    seen = b.node("LessOrEqual", [apart, number(0)])
    hidden = b.node("Where", [seen, number(0, b.numpy), least])
    return b.node("Add", [bias, b.node("Unsqueeze", [hidden, number([0, 1])])])


def t5(dtype="f32", layers=4, hidden=512, heads=8, head=64, inner=2048, vocab=8192):
    """T5's decoder behind a past, as a trace of it writes it: caches that grow, those of the
    encoder given, norms of root mean squares taken apart."""
    b = Builder(dtype)
    ids = b.input("input_ids", TensorProto.INT64, ["batch", "sequence"])
    x = b.node("Gather", [b.normal(vocab, hidden), ids])
    mask = b.input("encoder_attention_mask", TensorProto.INT64, ["batch", "encoder"])
    number = lambda n, dtype=np.int64: b.constant(np.array(n, dtype))
    mask = b.node("Cast", [b.node("Unsqueeze", [mask, number([1, 2])])], to=b.dtype)
    mask = b.node("Mul", [b.node("Sub", [number(1, b.numpy), mask]),
                          number(np.finfo(b.numpy).min, b.numpy)])
    pasts = [[b.input(f"past_key_values.{layer}.{side}.{kind}", b.dtype,
                      ["batch", heads, size, head])
              for side, size in (("decoder", "past"), ("encoder", "encoder"))
              for kind in ("key", "value")] for layer in range(layers)]
    begin = b.node("Gather", [b.node("Shape", [pasts[0][0]]), number(2)])
    fresh = b.node("Gather", [b.node("Shape", [ids]), number(1)])
    bias = relative_bias(b, heads, begin, b.node("Add", [begin, fresh]))
    split, merged = number([0, -1, heads, head]), number([0, -1, heads * head])

    def norm(x):
        squares = b.node("ReduceMean", [b.node("Pow", [x, number(2, b.numpy)]), number([-1])])
        root = b.node("Sqrt", [b.node("Add", [squares, number(1e-6, b.numpy)])])
        weight = b.constant((1 + 0.1 * b.random.standard_normal(hidden)).astype(b.numpy))
        return b.node("Mul", [weight, b.node("Div", [x, root])])

    def apart(x):
        return b.node("Transpose", [b.node("Reshape", [x, split])], perm=[0, 2, 1, 3])

    def attend(q, k, v, added):
        scores = b.node("MatMul", [q, b.node("Transpose", [k], perm=[0, 1, 3, 2])])
        shares = b.node("Softmax", [b.node("Add", [scores, added])], axis=-1)
        y = b.node("Transpose", [b.node("MatMul", [shares, v])], perm=[0, 2, 1, 3])
        return b.linear(b.node("Reshape", [y, merged]), heads * head, hidden)

    caches = []
    for past in pasts:
        rows = norm(x)
        q, k, v = (apart(b.linear(rows, hidden, heads * head)) for _ in range(3))
        k, v = (b.node("Concat", [old, new], axis=2) for old, new in zip(past, (k, v)))
        caches += [k, v]
        x = b.node("Add", [x, attend(q, k, v, bias)])
        x = b.node("Add", [x, attend(apart(b.linear(norm(x), hidden, heads * head)), past[2],
                                     past[3], mask)])
        turned = b.node("Relu", [b.linear(norm(x), hidden, inner)])
        x = b.node("Add", [x, b.linear(turned, inner, hidden)])
    b.give("logits", b.linear(norm(x), hidden, vocab), b.dtype, ["batch", "sequence", vocab])
    for i, value in enumerate(caches):
        b.give(f"present.{i // 2}.decoder.{('key', 'value')[i % 2]}", value, b.dtype,
               ["batch", heads, "kept", head])
    return b.model()


def whisper(dtype="f32", layers=4, hidden=512, heads=8, inner=2048, vocab=8192, positions=2048,
            masked=False):
    """Whisper's decoder as ONNX Runtime's optimizer writes it: MultiHeadAttention over a cache that
    grows, and over the encoder's keys and values. `masked`: DecoderMaskedMultiHeadAttention over
    caches that are filled."""
    b, head = Builder(dtype), hidden // heads
    ids = b.input("input_ids", TensorProto.INT64, ["batch", "sequence"])
    filled = b.input("past_sequence_length", TensorProto.INT32, [1]) if masked else ""
    pasts = [[b.input(f"past_key_values.{layer}.{side}.{kind}", b.dtype,
                      ["batch", heads, size, head])
              for side, size in (("decoder", "past"), ("encoder", "encoder"))
              for kind in ("key", "value")] for layer in range(layers)]
    number = lambda n: b.constant(np.array(n))
    if masked:
        begin = b.node("Cast", [b.node("Squeeze", [filled])], to=TensorProto.INT64)
    else:
        begin = b.node("Gather", [b.node("Shape", [pasts[0][0]]), number(2)])
    fresh = b.node("Gather", [b.node("Shape", [ids]), number(1)])
    at = b.node("Range", [begin, b.node("Add", [begin, fresh]), number(1)])
    x = b.node("Add", [b.node("Gather", [b.normal(vocab, hidden), ids]),
                       b.node("Gather", [b.normal(positions, hidden), at])])
    norm = lambda x: b.node("LayerNormalization", [x, b.normal(hidden, scale=0.1),
                                                   b.normal(hidden, scale=0.1)], axis=-1)
    caches = []
    for past in pasts:
        rows = norm(x)
        q, k, v = (b.linear(rows, hidden, hidden) for _ in range(3))
        bias = b.normal(3 * hidden, scale=0.1)
        if masked:
            operands = [q, k, v, "", "", past[0], past[1], filled, "", "", bias]
            y, *present = b.node("DecoderMaskedMultiHeadAttention", operands, 3, MICROSOFT,
                                 num_heads=heads, past_present_share_buffer=1)
        else:
            y, *present = b.node("MultiHeadAttention",
                                 [q, k, v, bias, "", "", past[0], past[1]], 3, MICROSOFT,
                                 num_heads=heads, unidirectional=1)
        caches += present
        x = b.node("Add", [x, b.linear(y, hidden, hidden, bias=True)])
        q = b.linear(norm(x), hidden, hidden)
        y = b.node("MultiHeadAttention", [q, past[2], past[3]], domain=MICROSOFT, num_heads=heads)
        x = b.node("Add", [x, b.linear(y, hidden, hidden, bias=True)])
        turned = b.node("Gelu", [b.linear(norm(x), hidden, inner, bias=True)], domain=MICROSOFT)
        x = b.node("Add", [x, b.linear(turned, inner, hidden, bias=True)])
    b.give("logits", b.linear(norm(x), hidden, vocab), b.dtype, ["batch", "sequence", vocab])
    for i, value in enumerate(caches):
        b.give(f"present.{i // 2}.decoder.{('key', 'value')[i % 2]}", value, b.dtype,
               ["batch", heads, "kept", head])
    return b.model()


def standard(dtype="f32", sizes=None, filled=False):
    """Llama in operators of ONNX alone: RMSNormalization, RotaryEmbedding and Attention over a
    cache that grows (opset 23); `filled`: over one that TensorScatter fills (opset 24)."""
    s, b = sizes or Sizes(), Builder(dtype, opset=24 if filled else 23)
    ids = b.input("input_ids", TensorProto.INT64, ["batch", "sequence"])
    at = b.input("position_ids", TensorProto.INT64, ["batch", "sequence"])
    number = lambda n: b.constant(np.array(n))
    angles = np.outer(np.arange(s.positions), 10000.0 ** (-np.arange(s.head // 2) * 2 / s.head))
    turns = [b.constant(f(angles).astype(b.numpy)) for f in (np.cos, np.sin)]
    x = b.node("Gather", [b.normal(s.vocab, s.hidden), ids])
    weight = lambda: b.constant((1 + 0.1 * b.random.standard_normal(s.hidden)).astype(b.numpy))
    norm = lambda x: b.node("RMSNormalization", [x, weight()], axis=-1, epsilon=1e-5)
    if filled:
        place = b.node("ReduceMin", [at, number([1])], keepdims=0)
        fresh = b.node("Shape", [ids], start=1)
        there = b.node("Add", [place, fresh])
    caches = []
    for layer in range(s.layers):
        past = [b.input(f"past_key_values.{layer}.{kind}", b.dtype,
                        ["batch", s.shared, "past", s.head]) for kind in ("key", "value")]
        rows = norm(x)
        q, k, v = (b.linear(rows, s.hidden, n * s.head) for n in (s.heads, s.shared, s.shared))
        q, k = (b.node("RotaryEmbedding", [each, *turns, at], num_heads=n)
                for each, n in ((q, s.heads), (k, s.shared)))
        if filled:
            apart = lambda x, n: b.node("Transpose", [b.node("Reshape", [
                x, number([0, -1, n, s.head])])], perm=[0, 2, 1, 3])
            k, v = (b.node("TensorScatter", [old, apart(new, s.shared), place])
                    for old, new in zip(past, (k, v)))
            caches += [k, v]
            y = b.node("Attention", [apart(q, s.heads), k, v, "", "", "", there], is_causal=1)
            y = b.node("Transpose", [y], perm=[0, 2, 1, 3])
            y = b.node("Reshape", [y, number([0, -1, s.heads * s.head])])
        else:
            y, *present = b.node("Attention", [q, k, v, "", *past], 3, is_causal=1,
                                 q_num_heads=s.heads, kv_num_heads=s.shared)
            caches += present
        x = b.node("Add", [x, b.linear(y, s.heads * s.head, s.hidden)])
        rows = norm(x)
        gate, up = (b.linear(rows, s.hidden, s.inner) for _ in range(2))
        inner = b.node("Mul", [b.node("Mul", [gate, b.node("Sigmoid", [gate])]), up])
        x = b.node("Add", [x, b.linear(inner, s.inner, s.hidden)])
    b.give("logits", b.linear(norm(x), s.hidden, s.vocab), b.dtype, ["batch", "sequence", s.vocab])
    for i, value in enumerate(caches):
        b.give(f"present.{i // 2}.{('key', 'value')[i % 2]}", value, b.dtype,
               ["batch", s.shared, "kept", s.head])
    return b.model()


MODELS = {
    "llama f32": lambda: decoder(),
    "llama f16": lambda: decoder("f16"),
    "llama 4 bits, blocks of 32": lambda: decoder(bits=4),
    "llama 4 bits, blocks of 32, level 4": lambda: decoder(bits=4, level=4),
    "llama 8 bits, blocks of 128, level 4": lambda: decoder(bits=8, block=128, level=4),
    "qwen 4 bits, level 4": lambda: decoder(bits=4, level=4, q_k_norm=True,
                                            sizes=Sizes(head=128, heads=8, shared=2)),
    "llama f32, caches of 8 bits": lambda: decoder(cache_bits=8),
    "llama f32, caches of 4 bits": lambda: decoder(cache_bits=4),
    "gpt2 f32": lambda: gpt2(),
    "t5 f32": lambda: t5(),
    "whisper f32, MultiHeadAttention": lambda: whisper(),
    "whisper f32, DecoderMaskedMultiHeadAttention": lambda: whisper(masked=True),
    "llama f32, Attention-23": lambda: standard(),
    "llama f32, TensorScatter": lambda: standard(filled=True),
}
