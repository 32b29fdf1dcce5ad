"""Small files, names and archives that ask for much: time, memory, names."""
import struct
import zlib

import engines
from case import HUGE, X, Y, Case, one
from onnx_bytes import (BOOL, FLOAT, INT64, data, function, graph, int64s, node, tensor, value)


ZERO_SIZES = {  # operands of which one has a dimension of 2^40 and one of 0
    "Transpose": ([[HUGE, 0]], {}),
    "EyeLike": ([[HUGE, 0]], {}),
    "Softmax": ([[HUGE, 0]], {"axis": 1}),
    "ArgMax": ([[HUGE, 0, 3]], {"axis": 2}),
    "LayerNormalization": ([[HUGE, 0], [1]], {}),
    "Gemm": ([[HUGE, 3], [3, 0]], {}),
    "MatMul": ([[0, 3], [3, HUGE]], {}),
    "Conv": ([[0, HUGE, 4], [3, HUGE, 0]], {"kernel_shape": [0]}),
    "NonMaxSuppression": ([[HUGE, 0, 4], [HUGE, 3, 0]], {}),
    "Unique": ([[HUGE, 0]], {"axis": 1}),
    "SplitToSequence": ([[HUGE, 0]], {}),
    "ReverseSequence": ([[HUGE, 1, 0], "i1"], {"batch_axis": 1, "time_axis": 0}),
    "GatherND": ([[2, 0], "iHUGE,0"], {}),
}


def zero_sizes():
    """Constants without a byte, the operands of one node each."""
    def operand(i, sizes):
        if isinstance(sizes, list):
            return tensor(f"c{i}", sizes, FLOAT, b"" if 0 in sizes else None)
        if sizes == "i1":
            return int64s(f"c{i}", [0])
        return tensor(f"c{i}", [HUGE, 0], INT64, b"")

    for op, (operands, attributes) in ZERO_SIZES.items():
        made = [operand(i, sizes) for i, sizes in enumerate(operands)
                if not isinstance(sizes, list) or 0 in sizes]
        inputs = [value(f"c{i}", sizes) for i, sizes in enumerate(operands)
                  if isinstance(sizes, list) and 0 not in sizes]
        names = [f"c{i}" for i in range(len(operands))]
        content = one(node(op, names, ["c"], **attributes), node("Shape", ["c"], ["y"]),
                      initializers=made, inputs=inputs or [X],
                      outputs=[value("y", ("n",), INT64)])
        for verb in ("inspect", "build"):
            yield Case(f"zero_size_{op}_{verb}", {"model.onnx": content},
                       "ok|invalid_model|out_of_memory", ".", (verb, "model.onnx"))


def zero_size_inputs():
    """The same sizes from the caller, where the model leaves them open."""
    for op, (operands, attributes) in ZERO_SIZES.items():
        if not all(isinstance(sizes, list) for sizes in operands):
            continue
        names = [f"c{i}" for i in range(len(operands))]
        open_sizes = [value(name, [f"{name}_{i}" for i in range(len(sizes))])
                      for name, sizes in zip(names, operands)]
        files = {"model.onnx": one(node(op, names, ["y"], **attributes), inputs=open_sizes,
                                   outputs=[data(1, "y")])}
        command = ["run", "model.onnx"]
        for name, sizes in zip(names, operands):
            count = 1
            for size in sizes:
                count *= size
            if count > 100:
                break
            files[f"{name}.npy"] = npy_header(tuple(sizes)) + bytes(4 * count)
            command += ["--input", f"{name}={name}.npy"]
        else:
            yield Case(f"zero_size_{op}_run", files, "ok|usage|invalid_model|out_of_memory", ".",
                       tuple(command))


def keep():
    """Names of nodes are the file's, the expression is the user's."""
    def named(name):
        return {"model.onnx": one(node("Relu", ["x"], ["y"], name))}

    def build(name, content, expression, code="ok"):
        return Case(f"keep_{name}", content, code, "." if code == "ok" else "--keep: character",
                    ("build", "model.onnx", "-o", "out.hone", "--keep", expression))

    yield build("long_name", named("/layer" * 33_000 + "/attn"), ".*attn")
    yield build("long_name_at_the_end", named("a" * 200_000), "(a|b|c)*d$")
    yield build("many_ways", named("a" * 29 + "!"), "^(a+)+$")
    yield build("many_ways_of_a_long_name", named("a" * 200_000 + "!"), "^(a*)*(a*)*b")
    yield build("no_expression", named("a"), "a(b", "usage")
    yield build("nested_groups", named("a"), "(" * 50_000, "usage")
    yield build("nested_repeats", named("a"), "((a{1000}){1000}){1000}", "usage")


def names():
    """A few names that stand in front of, or within, many others."""
    def chain(count, name="{}", op="Neg"):
        return [node(op, ["a" if i == 0 else str(i)], [str(i + 1) if i < count - 1 else "b"],
                     name.format(i)) for i in range(count)]

    local = ((17, ""), (1, "local"))
    call = node("F", ["x"], ["y"], "L" * 50_000, domain="local")
    yield "call_of_a_long_name", one(call, opsets=local, functions=[
        function("F", ["a"], ["b"], chain(2000))]), "names"
    levels = [function("F0", ["a"], ["b"], chain(200))]
    for i in range(1, 60):
        levels.append(function(f"F{i}", ["a"], ["b"],
                               [node(f"F{i - 1}", ["a"], ["b"], f"{i}" * 500, domain="local")]))
    yield "calls_within_calls", one(node("F59", ["x"], ["y"], domain="local"), opsets=local,
                                    functions=levels), "names"
    calls = [node("F", [f"v{i}"], [f"v{i + 1}"], domain="local") for i in range(2000)]
    yield "function_of_a_long_name", one(*calls, inputs=[value("v0")], outputs=[value("v2000")],
                                         opsets=local, functions=[
        function("F", ["a"], ["b"], [node("Neg", ["a"], ["b"], "L" * 50_000)])]), "names"
    long = "n" * 100_000
    relus = [node("Relu", ["z" if i == 0 else f"v{i}"], [f"v{i + 1}"]) for i in range(3000)]
    yield "symbol_of_a_long_name", one(node("NonZero", ["x"], [long]),
                                       node("Cast", [long], ["z"], to=FLOAT), *relus,
                                       outputs=[value("v3000", ("a", "b"))]), "."


def captures():
    """Ifs within Ifs, all of which read the outermost graph's values."""
    def nested(count, depth):
        reads = node("Sum", [f"q{i}" for i in range(count)], ["y"])
        other = graph([node("Relu", ["x"], ["y"])], (), [Y])
        body = graph([reads], (), [Y])
        for _ in range(depth):
            body = graph([node("If", ["c"], ["y"], then_branch=("g", body),
                               else_branch=("g", other))], (), [Y])
        outer = [node("Relu", ["x"], [f"q{i}"]) for i in range(count)]
        last = node("If", ["c"], ["y"], then_branch=("g", body), else_branch=("g", other))
        return one(*outer, last, inputs=(X, value("c", (), BOOL)))

    yield "60_nested_ifs_of_1000_captures", nested(1000, 59), "invalid_model", "bodies read"
    yield "60_nested_ifs_of_300_captures", nested(300, 59), "ok", "problems +none"


def inflated(before, zeros_in_mib):
    """`before` and so many zeros, deflated, and the checksum; made of one piece again and again."""
    piece = bytes(1 << 20)
    squeeze = zlib.compressobj(9, zlib.DEFLATED, -15)
    packed = squeeze.compress(before) + squeeze.flush(zlib.Z_FULL_FLUSH)
    again = squeeze.compress(piece) + squeeze.flush(zlib.Z_FULL_FLUSH)
    checksum = zlib.crc32(before)
    for _ in range(zeros_in_mib):
        checksum = zlib.crc32(piece, checksum)
    return packed + again * zeros_in_mib + squeeze.flush(), checksum


def archive(entries):
    """A zip archive of (name, deflated or stored bytes, checksum, size, method)."""
    out, directory = bytearray(), bytearray()
    for name, packed, checksum, size, method in entries:
        fields = struct.pack("<HHHHHIII", 20, 0, method, 0, 0x21, checksum, len(packed), size)
        directory += b"PK\1\2" + struct.pack("<H", 20) + fields
        directory += struct.pack("<HHHHHII", len(name), 0, 0, 0, 0, 0, len(out)) + name
        out += b"PK\3\4" + fields + struct.pack("<HH", len(name), 0) + name + packed
    count = min(len(entries), 0xFFFF)
    end = struct.pack("<HHHHIIH", 0, 0, count, count, len(directory), len(out), 0)
    return bytes(out + directory) + b"PK\5\6" + end


def npy_header(shape):
    text = f"{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}}}"
    text += " " * (117 - len(text)) + "\n"
    return b"\x93NUMPY\1\0" + struct.pack("<H", len(text)) + text.encode()


def arrays():
    """Archives of arrays, of which a run wants one."""
    def run(name, npz, code, pattern):
        return Case(name, {"model.onnx": one(node("Relu", ["x"], ["y"])), "in.npz": npz}, code,
                    pattern, ("run", "model.onnx", "--input", "x=in.npz"))

    head = npy_header((1 << 26,))
    packed, checksum = inflated(head, 256)
    large = [(f"e{i}.npy".encode(), packed, checksum, len(head) + (1 << 28), 8) for i in range(6)]
    small = npy_header((2,)) + bytes(8)
    wanted = (b"x.npy", small, zlib.crc32(small), len(small), 0)
    yield run("npz_of_large_arrays", archive([*large, wanted]), "ok", "y")
    yield run("npz_without_the_input", archive(large), "usage", "holds no array \"x\"")
    yield run("npz_of_another_shape", archive([(b"x.npy", *large[0][1:])]), "usage", "67108864")
    lies = npy_header((2,))
    packed, checksum = inflated(lies, 256)
    yield run("npz_that_lies", archive([(b"x.npy", packed, checksum, len(lies) + (1 << 28), 8)]),
              "usage", "holds 268435456 bytes of data")
    many = [(f"array{i}.npy".encode(), small, zlib.crc32(small), len(small), 0)
            for i in range(60_000)]
    yield run("npz_of_60000_arrays", archive(many), "usage", "and 59992 more")


def engine_files():
    for verb in (("inspect",), ("run", "--input", "random")):
        for name, content, pattern in (
                ("random_weight_of_1_tb", engines.RANDOM_WEIGHT_OF_1_TB, "made from seeds"),
                ("rank_100000", engines.RANK_100000, "100000 dimensions")):
            yield Case(f"engine_{name}_{verb[0]}", {"e.hone": content}, "incompatible_engine",
                       pattern, (verb[0], "e.hone", *verb[1:]))
    absent = tensor("w", [4, 2**38], external={"location": "gone.bin"})
    model_of_4_tb = one(node("ReduceSum", ["w"], ["s"], keepdims=0), node("Add", ["x", "s"], ["y"]),
                        initializers=[absent])
    yield Case("random_weights_of_4_tb", {"model.onnx": model_of_4_tb}, "out_of_memory", "memory",
               ("build", "model.onnx", "--random-weights", "1"))


def little_memory(real_model):
    """Wherever memory ends, that is said."""
    with open(real_model, "rb") as file:
        content = file.read()
    for mebibytes in range(24, 96, 3):
        yield Case(f"with_{mebibytes}_mib", {"model.onnx": content}, "ok|out_of_memory", ".",
                   ("run", "model.onnx", "--input", "random", "--workers", "1"), mebibytes)


def all_cases(real_model):
    for name, content, pattern in names():
        yield Case(name, {"model.onnx": content}, "invalid_model" if pattern == "names" else "ok",
                   pattern)
    for name, content, code, pattern in captures():
        yield Case(name, {"model.onnx": content}, code, pattern)
    yield from zero_sizes()
    yield from zero_size_inputs()
    yield from keep()
    yield from arrays()
    yield from engine_files()
    yield from little_memory(real_model)
