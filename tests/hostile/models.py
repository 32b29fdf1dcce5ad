"""The hostile models: a Case each (case.py)."""
import os
import struct

import formats
import proportion
from case import HUGE, X, Y, Case, one
from onnx_bytes import (BOOL, FLOAT, INT64, STRING, data, function, graph, int64s, model,
                        node, number, tensor, tensor_type, value, varint, zeros)


def add(weight):
    """y = x + w, for hostile tensors w."""
    return one(node("Add", ["x", "w"], ["y"]), initializers=[weight])


def structure():
    relu = node("Relu", ["x"], ["y"])
    yield "cycle", one(node("Relu", ["b"], ["a"], "first"), node("Relu", ["a"], ["b"], "second"),
                       node("Relu", ["a"], ["y"])), "first|second"
    yield "cycle_of_one", one(node("Add", ["x", "y"], ["y"])), "the_Add"
    yield "used_before_made", one(node("Relu", ["a"], ["y"], "early"),
                                  node("Relu", ["late"], ["a"], "other")), "early|late"
    yield "value_made_twice", one(relu, node("Neg", ["x"], ["y"])), "the_Neg|y"
    yield "value_made_twice_by_one", one(node("TopK", ["x", "k"], ["y", "y"]),
                                         initializers=[int64s("k", [1])]), "the_TopK|y"
    yield "input_twice", one(relu, inputs=(X, X)), "x"
    yield "initializer_twice", one(node("Add", ["x", "w"], ["y"]),
                                   initializers=[zeros("w", [2]), zeros("w", [2])]), "w"
    yield "output_is_made_over_input", one(node("Relu", ["x"], ["x"]), outputs=(X,)), "x"
    yield "missing_input", one(node("Add", ["x", "nowhere"], ["y"])), "nowhere"
    yield "missing_operand", one(node("Conv", ["x"], ["y"])), "the_Conv"
    yield "empty_required_operand", one(node("Add", ["", "x"], ["y"])), "the_Add"
    yield "too_many_operands", one(node("Relu", ["x"] * 9, ["y"])), "the_Relu"
    yield "a_million_operands", one(data(1, "x") * 10**6 + node("Relu", [], ["y"])), "the_Relu"
    yield "output_nobody_makes", one(relu, outputs=(value("z"),)), "z"
    yield "no_graph", number(1, 8) + data(8, number(2, 17)), "graph"
    yield "no_opset", number(1, 8) + data(7, graph([relu], [X], [Y])), "opset"
    yield "two_opsets", one(relu, opsets=((17, ""), (13, ""))), "opset"
    yield "input_without_type", one(relu, inputs=(data(1, "x"),)), "x"
    yield "nested_sequence_type", one(relu, inputs=(data(1, "x") + data(2, deep_type(5000)),)), "."


def deep_type(depth):
    """sequence(sequence(... f32 ...)) of so many levels."""
    inner = tensor_type(FLOAT, (2,))
    for _ in range(depth):
        inner = data(4, data(1, inner))
    return inner


def sizes():
    yield "dim_2_63", add(tensor("w", [2**63], raw=bytes(8))), "w"
    yield "dim_minus_1", add(tensor("w", [-1], raw=bytes(8))), "w"
    yield "dim_least", add(tensor("w", [-2**63], raw=bytes(8))), "w"
    yield "product_overflows_to_0", add(tensor("w", [2**32, 2**32], raw=b"")), "w"
    yield "product_overflows_to_2", add(tensor("w", [2**63 + 1, 2], raw=bytes(8))), "w"
    yield "bytes_overflow", add(tensor("w", [2**62], raw=b"")), "w"
    yield "terabyte_without_data", add(tensor("w", [HUGE])), "w"
    yield "rank_10000", add(tensor("w", [1] * 10000, raw=bytes(4))), "w"
    yield "input_rank_10000", one(node("Relu", ["x"], ["y"]),
                                  inputs=(value("x", [1] * 10000),)), "x"
    yield "raw_too_short", add(tensor("w", [2], raw=bytes(7))), "w"
    yield "raw_too_long", add(tensor("w", [2], raw=bytes(9))), "w"
    yield "raw_empty", add(tensor("w", [2], raw=b"")), "w"
    yield "too_few_floats", add(tensor("w", [2], floats=[1.0])), "w"
    yield "too_many_floats", add(tensor("w", [2], floats=[1.0] * 3)), "w"
    yield "floats_of_an_integer_tensor", add(tensor("w", [2], INT64, floats=[1.0] * 2)), "w"
    yield "raw_strings", add(tensor("w", [2], STRING, raw=b"ab")), "w"
    yield "too_few_strings", add(tensor("w", [2], STRING, strings=["a"])), "w"
    yield "dtype_0", add(tensor("w", [2], 0, raw=bytes(8))), "w"
    yield "dtype_9999", add(tensor("w", [2], 9999, raw=bytes(8))), "w"
    yield "sparse_without_indices", model(graph([node("Add", ["x", "w"], ["y"])], [X], [Y]) +
                                          data(15, data(1, zeros("w", [2])))), "w"
    yield "input_dtype_9999", one(node("Relu", ["x"], ["y"]),
                                  inputs=(value("x", (2,), 9999),)), "x"


def operators():
    picture = value("x", (1, 1, 8, 8))
    weight = zeros("w", [1, 1, 3, 3])

    def conv(**attributes):
        return one(node("Conv", ["x", "w"], ["y"], **attributes), initializers=[weight],
                   inputs=(picture,), outputs=(value("y", (1, 1, "h", "w")),))

    def pool(**attributes):
        return one(node("MaxPool", ["x"], ["y"], **attributes), inputs=(picture,),
                   outputs=(value("y", (1, 1, "h", "w")),))

    def filled(op, *operands, out=("y",), more=(), **attributes):
        names = [f"p{i}" for i in range(len(operands))]
        made = [int64s(n, v) for n, v in zip(names, operands)]
        return one(node(op, list(more) + names, list(out), **attributes), initializers=made,
                   outputs=(value("y", ("a",)),))

    yield "zero_stride", conv(strides=[0, 0]), "the_Conv"
    yield "negative_stride", conv(strides=[-1, -1]), "the_Conv"
    yield "least_stride", conv(strides=[-2**63, 1]), "the_Conv"
    yield "zero_dilation", conv(dilations=[0, 1]), "the_Conv"
    yield "huge_dilation", conv(dilations=[2**62, 2**62]), "the_Conv"
    yield "huge_pads", conv(pads=[2**62] * 4), "the_Conv"
    yield "negative_pads", conv(pads=[-100] * 4), "the_Conv"
    yield "too_few_pads", conv(pads=[1, 1, 1]), "the_Conv"
    yield "zero_groups", conv(group=0), "the_Conv"
    yield "groups_that_do_not_divide", conv(group=3), "the_Conv"
    yield "kernel_shape_that_is_not_the_weights", conv(kernel_shape=[5, 5]), "the_Conv"
    yield "pool_zero_kernel", pool(kernel_shape=[0, 0]), "the_MaxPool"
    yield "pool_zero_stride", pool(kernel_shape=[2, 2], strides=[0, 1]), "the_MaxPool"
    yield "pool_without_kernel", pool(), "the_MaxPool"
    yield "pool_huge_kernel", pool(kernel_shape=[2**62, 2**62]), "the_MaxPool"
    yield "constant_of_shape_2_40", filled("ConstantOfShape", [HUGE]), "the_ConstantOfShape"
    yield "constant_of_shape_overflow", filled("ConstantOfShape", [2**32, 2**32]), \
        "the_ConstantOfShape"
    yield "constant_of_shape_negative", filled("ConstantOfShape", [-1]), "the_ConstantOfShape"
    yield "constant_of_shape_rank_10000", filled("ConstantOfShape", [1] * 10000), \
        "the_ConstantOfShape"
    yield "expand_2_40", filled("Expand", [HUGE, 1], more=["x"]), "the_Expand"
    yield "tile_2_40", filled("Tile", [HUGE], more=["x"]), "the_Tile"
    yield "reshape_to_another_count", filled("Reshape", [7], more=["x"]), "the_Reshape"
    yield "reshape_two_minus_1", filled("Reshape", [-1, -1], more=["x"]), "the_Reshape"
    yield "reshape_minus_2", filled("Reshape", [-2], more=["x"]), "the_Reshape"
    yield "squeeze_a_2", filled("Squeeze", [0], more=["x"]), "the_Squeeze"
    yield "unsqueeze_twice_there", filled("Unsqueeze", [0, 0], more=["x"]), "the_Unsqueeze"
    yield "split_into_too_many", one(node("Split", ["x"], ["y"], num_outputs=HUGE),
                                 opsets=((18, ""),)), "the_Split"
    yield "split_sizes_of_another_sum", filled("Split", [1, 2], more=["x"], out=("y", "z")), \
        "the_Split"
    yield "transpose_same_axis_twice", one(node("Transpose", ["x"], ["y"], perm=[0, 0])), \
        "the_Transpose"
    yield "axis_out_of_range", one(node("Concat", ["x", "x"], ["y"], axis=2**40)), "the_Concat"
    yield "softmax_axis_least", one(node("Softmax", ["x"], ["y"], axis=-2**63)), "the_Softmax"
    yield "slice_zero_step", filled("Slice", [0], [1], [0], [0], more=["x"]), "the_Slice"
    yield "gather_out_of_range", filled("Gather", [5], more=["x"]), "the_Gather"
    yield "sizes_that_do_not_broadcast", add(zeros("w", [3])), "the_Add"
    yield "dtypes_that_do_not_fit", add(int64s("w", [1, 2])), "the_Add"
    yield "attribute_of_another_type", one(node("Concat", ["x", "x"], ["y"], axis=1.5)), \
        "the_Concat"
    yield "attribute_missing", one(node("Concat", ["x", "x"], ["y"])), "the_Concat"
    yield "cast_to_nothing", one(node("Cast", ["x"], ["y"], to=9999)), "the_Cast"


def nesting():
    def conditional(branch, other=None, name=""):
        attributes = {"then_branch": ("g", branch)}
        if other is not None:
            attributes["else_branch"] = ("g", other)
        return node("If", ["c"], ["y"], name, **attributes)

    condition = value("c", (), BOOL)
    leaf = graph([node("Relu", ["x"], ["y"])], (), [Y])
    deep = leaf
    for _ in range(300):
        deep = graph([conditional(deep, leaf)], (), [Y])
    yield "300_nested_ifs", one(conditional(deep, leaf), inputs=(X, condition)), "the_If|nest|deep"
    noise = b""
    for _ in range(20000):
        noise = data(1, data(5, data(6, noise)))
    yield "20000_nested_messages", number(1, 8) + data(7, noise), "."
    yield "if_without_else", one(conditional(leaf), inputs=(X, condition)), "the_If"
    yield "if_with_an_empty_branch", one(conditional(leaf, graph([])), inputs=(X, condition)), \
        "the_If"
    yield "if_of_a_float", one(node("If", ["x"], ["y"], then_branch=("g", leaf),
                                    else_branch=("g", leaf))), "the_If"
    yield "branch_reads_nothing_there", \
        one(conditional(graph([node("Relu", ["gone"], ["y"])], (), [Y]), leaf),
            inputs=(X, condition)), "gone"
    call = node("F", ["x"], ["y"], "call", domain="local")
    local = ((17, ""), (1, "local"))
    yield "function_calls_itself", \
        one(call, opsets=local, functions=[function("F", ["x"], ["y"], [call])]), "F"
    other = node("G", ["x"], ["y"], "back", domain="local")
    yield "functions_call_each_other", \
        one(call, opsets=local, functions=[function("F", ["x"], ["y"], [other]),
                                           function("G", ["x"], ["y"], [call])]), "F|G"
    levels = [function("F0", ["x"], ["y"], [node("Relu", ["x"], ["y"])])]
    for i in range(1, 40):
        levels.append(function(f"F{i}", ["x"], ["y"],
                               [node(f"F{i - 1}", ["x"], ["m"], domain="local"),
                                node(f"F{i - 1}", ["m"], ["y"], domain="local")]))
    yield "two_to_the_40_calls", one(node("F39", ["x"], ["y"], domain="local"), opsets=local,
                            functions=levels), "F|nodes"


def loops():
    def body(states, results, nodes):
        numbers = [value("i", (), INT64), value("c", (), BOOL)]
        return graph(nodes, numbers + states, [value("c", (), BOOL)] + results)

    def loop(inputs, initializers=(), **more):
        add_slice = body([], [value("o", ())], [node("Cast", ["i"], ["o"], to=FLOAT)])
        return one(node("Loop", inputs, ["y"], body=("g", add_slice)), initializers=initializers,
                   outputs=(value("y", ("n",)),), **more)

    yield "loop_of_no_condition", loop(["", "go"], [tensor("go", [0], BOOL, raw=b"")]), "the_Loop"
    yield "loop_of_two_conditions", loop(["", "go"], [tensor("go", [2], BOOL, raw=bytes(2))]), \
        "the_Loop"
    yield "loop_of_no_limit", loop(["n", ""], [int64s("n", [])]), "the_Loop"
    slice_of = graph([node("Relu", ["e"], ["o"])], [value("e", ())], [value("o", ())])
    for count in (-2**63, 0, 2, 2**63 - 1):
        yield f"scan_of_{count}_operands", \
            one(node("Scan", ["x"], ["y"], body=("g", slice_of), num_scan_inputs=count)), "the_Scan"


def states():
    """A loop whose turns hand a size that grows from each of 2000 states to the next."""
    names = [f"s{i}" for i in range(2000)]
    nodes = [node("Concat", ["s0", "s0"], ["t0"], axis=0)]
    nodes += [node("Identity", [a], [f"t{i + 1}"], f"n{i}") for i, a in enumerate(names[:-1])]
    body = graph(nodes, [value("i", (), INT64), value("c", (), BOOL)]
                 + [value(n, ("k",)) for n in names],
                 [value("c", (), BOOL)] + [value(f"t{i}", ("k",)) for i in range(len(names))])
    rest = [f"y{i}" for i in range(1, len(names))]
    yield "2000_states_handed_around", one(
        node("Loop", ["n", ""] + ["x"] * len(names), ["y"] + rest, body=("g", body)),
        initializers=[tensor("n", [], INT64, struct.pack("<q", 2))], outputs=[value("y", ("k",))])


def quadratic():
    """What costs the square of the file's size where one is careless."""
    count = 20000
    inputs = [value(f"x{i}", (f"s{i}",)) for i in range(count)]
    sums = [node("Add", [f"x{i}", f"x{i + 1}"], [f"y{i}"], f"add{i}") for i in range(count - 1)]
    yield "20000_sizes_that_must_agree", one(*sums, inputs=inputs, outputs=[value("y0")]), "s0"


def versions():
    relu = node("Relu", ["x"], ["y"])
    yield "opset_0", one(relu, opsets=((0, ""),)), "opset"
    yield "opset_minus_1", one(relu, opsets=((-1, ""),)), "opset"


def unsupported():
    relu = node("Relu", ["x"], ["y"])
    yield "opset_9999", one(relu, opsets=((9999, ""),)), "opset"
    yield "unknown_domain", one(node("Swizzle", ["x"], ["y"], domain="acme"),
                                opsets=((17, ""), (1, "acme"))), "acme"
    yield "unknown_operator", one(node("NoSuchOperator", ["x"], ["y"])), "NoSuchOperator"


def bytes_cases():
    relu = one(node("Relu", ["x"], ["y"]))
    yield "empty_file", b"", "."
    yield "zeros", bytes(4096), "."
    yield "text", b"{\"graph\": []}\n" * 20, "."
    yield "a_png", b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 8, "."
    yield "endless_varint", b"\xff" * 64, "."
    yield "field_number_0", varint(2) + b"\x01a" + relu, "."
    yield "groups", varint(7 << 3 | 3) * 1000, "."
    yield "length_past_the_end", varint(7 << 3 | 2) + varint(2**40) + b"abc", "."
    yield "length_2_63", varint(7 << 3 | 2) + varint(2**63) + b"abc", "."
    yield "graph_as_number", number(1, 8) + number(7, 5) + data(8, number(2, 17)), "."
    yield "name_of_1_mib_and_controls", one(node("Add", ["x", "gone"], ["y"],
                                                 "\x1b[2J\r\n" + "n" * 2**20)), "gone"
    yield "name_is_not_utf_8", one(data(1, b"\xff\xfe") + node("Relu", ["x"], ["y"])), "."


def external():
    def reads(location, offset=0, length=8, **more):
        entries = {"location": location, "offset": offset, "length": length, **more}
        entries = {k: v for k, v in entries.items() if v is not None}
        return {"model.onnx": add(tensor("w", [2], external=entries)), "w.bin": bytes(8)}

    def link(path):
        os.symlink("w.bin", path)

    yield "external_parent", {**reads("../secret"), "../secret": bytes(8)}, "w"
    yield "external_parent_inside", reads("folder/../w.bin"), "w"
    yield "external_absolute", reads("/etc/passwd"), "w"
    yield "external_device", reads("/dev/zero"), "w"
    yield "external_symlink", {**reads("link"), "link": link}, "w"
    yield "external_symlinked_folder", {**reads("folder/w.bin"),
                                        "folder": lambda path: os.symlink(".", path)}, "w"
    yield "external_hard_link", {**reads("link"),
                                 "link": lambda path: os.link(path.parent / "w.bin", path)}, "w"
    yield "external_fifo", {**reads("pipe"), "pipe": os.mkfifo}, "w"
    yield "external_folder", {**reads("folder"), "folder": os.mkdir}, "w"
    yield "external_nul", reads("w.bin\0.txt"), "w"
    yield "external_empty_name", reads(""), "w"
    yield "external_no_location", reads(None), "w"
    yield "external_offset_past_the_end", reads("w.bin", offset=9), "w"
    yield "external_length_past_the_end", reads("w.bin", offset=4), "w"
    yield "external_offset_overflows", reads("w.bin", offset=2**64 - 4), "w"
    yield "external_offset_negative", reads("w.bin", offset=-8), "w"
    yield "external_offset_is_text", reads("w.bin", offset="8x"), "w"
    yield "external_length_of_another_size", reads("w.bin", length=4), "w"
    yield "external_long_path", reads("d/" * 40000 + "w.bin"), "w"


def truncated(path):
    with open(path, "rb") as file:
        whole = file.read()
    for size in range(0, len(whole), 1024):
        yield f"truncated_at_{size}", whole[:size], "."


def costly():
    """Valid, and of constants alone: to compute them while building would take hours."""
    def constant(name, dims, step=7):
        count = 1
        for d in dims:
            count *= d
        values = (i % step for i in range(count))
        return tensor(name, dims, FLOAT, struct.pack(f"<{count}f", *values))

    def after(nodes, initializers):
        return one(*nodes, node("Mul", ["x", "c"], ["y"]), initializers=initializers)

    vectors = [constant(n, [3000]) for n in "abc"]
    yield "einsum_of_27_billion_steps", after(
        [node("Einsum", ["a", "b", "c0"], ["c"], equation="i,j,k->")],
        [*vectors[:2], constant("c0", [3000])])
    yield "conv_of_40_billion_steps", after(
        [node("Conv", ["a", "w"], ["d"]), node("ReduceSum", ["d"], ["c"], keepdims=0)],
        [constant("a", [1, 64, 100, 100]), constant("w", [64, 64, 31, 31])])
    yield "matmul_of_800_million_steps", after(
        [node("MatMul", ["a", "b"], ["d"]), node("ReduceSum", ["d"], ["c"], keepdims=0)],
        [constant("a", [400, 5000]), constant("b", [5000, 400])])
    yield "pool_of_windows_as_large_as_the_input", after(
        [node("AveragePool", ["a"], ["d"], kernel_shape=[301, 301], pads=[150] * 4),
         node("ReduceSum", ["d"], ["c"], keepdims=0)], [constant("a", [1, 1, 300, 300])])
    yield "lrn_of_all_channels", after(
        [node("LRN", ["a"], ["d"], size=2**40), node("ReduceSum", ["d"], ["c"], keepdims=0)],
        [constant("a", [1, 20000, 1, 2])])
    yield "three_thousand_products", after(
        [node("MatMul", [f"p{i}", "b"], [f"p{i + 1}"]) for i in range(3000)]
        + [node("ReduceSum", ["p3000"], ["c"], keepdims=0)],
        [constant("p0", [120, 120], 2), constant("b", [120, 120], 2)])


# Wrong only in the contents of an operand, so only running is sure to tell.
RUN = {"gather_out_of_range", "slice_zero_step", "constant_of_shape_negative"}


def all_cases(real_model):
    def case(name, files, code, pattern):
        big = name.endswith("_2_40") and code == "invalid_model"
        code = "out_of_memory|invalid_model" if big else code
        if name in RUN:
            code += "|usage"  # a run cannot tell the model's operand from the caller's
        runs = big or name in RUN
        command = ("run", "model.onnx", "--input", "x=zeros") if runs else ("inspect", "model.onnx")
        return Case(name, files, code, pattern, command)

    for make in (structure, sizes, operators, nesting, loops, quadratic, versions, bytes_cases):
        for name, content, pattern in make():
            yield case(name, {"model.onnx": content}, "invalid_model", pattern)
    for name, content, pattern in truncated(real_model):
        yield case(name, {"model.onnx": content}, "invalid_model", pattern)
    for name, content, pattern in unsupported():
        yield case(name, {"model.onnx": content}, "unsupported", pattern)
    for name, files, pattern in external():
        yield case(name, files, "io" if "link" in name else "invalid_model", pattern)
    for name, content in costly():
        yield case(name, {"model.onnx": content}, "ok", "problems +none")
    for name, content in states():
        yield case(name, {"model.onnx": content}, "ok", "problems +none")
    yield from proportion.all_cases(real_model)
    yield from formats.all_cases()
    gone = add(tensor("w", [2], external={"location": "gone.bin"}))
    yield case("external_missing", {"model.onnx": gone}, "io", "gone.bin")
    yield case("model_is_a_folder", {"model.onnx": os.mkdir}, "usage", "model.onnx")
    yield case("model_is_a_pipe", {"model.onnx": os.mkfifo}, "io", "model.onnx")
    yield case("model_is_absent", {}, "io", "model.onnx")
