"""Small language models with random weights, as tools that export for ONNX Runtime write them."""
import numpy as np
from onnx import TensorProto, helper, numpy_helper

MICROSOFT = "com.microsoft"
TYPES = {"f32": (TensorProto.FLOAT, np.float32), "f16": (TensorProto.FLOAT16, np.float16)}


class Builder:
    """Nodes and weights of one graph. A method that adds nodes gives the name of the result."""

    def __init__(self, dtype, seed=1):
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
        made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18),
                                                       helper.make_opsetid(MICROSOFT, 1)])
        made.ir_version = 9
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


def decoder(dtype="f32", sizes=None, q_k_norm=False, packed=True, **weights):
    """Llama as onnxruntime-genai writes it; with norms of queries and keys as Qwen 3 has them.
    `weights`: bits, block and level of the products."""
    s, b = sizes or Sizes(), Builder(dtype)
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
        past = [b.input(f"past_key_values.{layer}.{kind}", b.dtype,
                        ["batch", s.shared, "past", s.head]) for kind in ("key", "value")]
        wide, narrow = s.heads * s.head, s.shared * s.head
        if packed and not q_k_norm:
            qkv = [b.linear(norm, s.hidden, wide + 2 * narrow, **weights), "", ""]
        else:
            qkv = [b.linear(norm, s.hidden, n, **weights) for n in (wide, narrow, narrow)]
        if q_k_norm:
            qkv = [normalized(qkv[0], s.heads), normalized(qkv[1], s.shared), qkv[2]]
        y, *present = b.node("GroupQueryAttention", [*qkv, *past, lengths, longest, *turns], 3,
                             MICROSOFT, num_heads=s.heads, kv_num_heads=s.shared, do_rotary=1)
        caches += present
        norm, x = skipped(x, b.linear(y, wide, s.hidden, **weights))
        gate = b.linear(norm, s.hidden, s.inner, **weights)
        up = b.linear(norm, s.hidden, s.inner, **weights)
        inner = b.node("Mul", [b.node("Mul", [gate, b.node("Sigmoid", [gate])]), up])
        norm, x = skipped(x, b.linear(inner, s.inner, s.hidden, **weights))
    logits = b.linear(norm, s.hidden, s.vocab, **weights)
    b.give("logits", logits, b.dtype, ["batch", "sequence", s.vocab])
    for i, value in enumerate(caches):
        b.give(f"present.{i // 2}.{('key', 'value')[i % 2]}", value, b.dtype,
               ["batch", s.shared, "kept", s.head])
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


MODELS = {
    "llama f32": lambda: decoder(),
    "llama f16": lambda: decoder("f16"),
    "llama 4 bits, blocks of 32": lambda: decoder(bits=4),
    "llama 4 bits, blocks of 32, level 4": lambda: decoder(bits=4, level=4),
    "llama 8 bits, blocks of 128, level 4": lambda: decoder(bits=8, block=128, level=4),
    "qwen 4 bits, level 4": lambda: decoder(bits=4, level=4, q_k_norm=True,
                                            sizes=Sizes(head=128, heads=8, shared=2)),
    "gpt2 f32": lambda: gpt2(),
}
