"""Hostile files of other formats than ONNX."""
import os
import struct

from case import Case
from onnx_bytes import data, number


def floats(*values):
    return struct.pack(f"<{len(values)}f", *values)


def blob(dims, payload):
    """BlobProto"""
    shape = b"".join(number(1, d) for d in dims)
    return data(7, shape) + data(5, payload)


def stored(name, *blobs):
    """NetParameter of one layer."""
    return data(1, "net") + data(100, data(1, name) + b"".join(data(7, b) for b in blobs))


INPUT = 'input: "x" input_dim: 1 input_dim: 2 input_dim: 4 input_dim: 4\n'


def layer(kind, fields="", name="it", bottom="x", top="y"):
    bottoms = " ".join(f'bottom: "{b}"' for b in bottom.split())
    return f'layer {{ name: "{name}" type: "{kind}" {bottoms} top: "{top}" {fields} }}\n'


CONV = INPUT + layer("Convolution", "convolution_param { num_output: 1 kernel_size: 1 }")
WEIGHTS = stored("it", blob([1, 2, 1, 1], floats(1, 2)), blob([1], floats(3)))


def nets():
    """(name, the description, the weights, code, pattern)"""
    yield "fields", "a: 1\n" * 1_000_000 + INPUT, b"", "unsupported", "no format"
    yield "fields_of_a_net", 'name: "n" ' + "a: 1 " * 1_000_000, WEIGHTS, "invalid_model", "fields"
    yield "nesting", 'name: "n" ' + "a {" * 100_000, WEIGHTS, "invalid_model", "deeper"
    yield "nesting_angles", 'name: "n" ' + "a <" * 100_000, WEIGHTS, "invalid_model", "deeper"
    yield "string", 'name: "' + "n" * 1_000_000, WEIGHTS, "invalid_model", "without an end"
    yield "escapes", 'name: "' + "\\x1b[2J" * 1000 + '" ' + layer("\\x1b[2J"), WEIGHTS, \
        "unsupported|invalid_model", "."
    huge = 'input: "x" ' + "input_dim: 2147483647 " * 4
    yield "sizes", huge + layer("InnerProduct", "inner_product_param { num_output: 7 }"), \
        WEIGHTS, "invalid_model", "overflows|needs"
    yield "negative", INPUT + layer("Tile", "tile_param { tiles: -3 }"), WEIGHTS, \
        "invalid_model", "tiles is -3"
    classes = "detection_output_param { num_classes: 99999 keep_top_k: 7 }"
    three = "".join(f'input: "{n}" ' for n in "abc") + "".join(
        f"input_shape {{ {d} }} " for d in ("dim: 100000 dim: 4", "dim: 100000 dim: 99999",
                                            "dim: 1 dim: 2 dim: 4"))
    yield "detections", three + layer("DetectionOutput", classes, bottom="a b c"), WEIGHTS, \
        "invalid_model", "100000 images"
    yield "priors", ('input: "x" ' + "input_dim: 1 input_dim: 1 input_dim: 65000 input_dim: 65000 "
                     + layer("PriorBox", "prior_box_param { min_size: 1 }", bottom="x x")), \
        WEIGHTS, "invalid_model", "numbers"
    yield "cut_short", CONV, WEIGHTS[:-3], "invalid_model", "cut short"
    yield "blob_too_small", CONV, stored("it", blob([1, 2, 1, 1], floats(1))), "invalid_model", \
        "1 numbers are stored"
    yield "blob_rank", CONV, stored("it", blob([1] * 100, floats(1))), "invalid_model", "dimensions"
    yield "another_net", CONV, stored("other", blob([1], floats(1))), "invalid_model", "--weights"
    chain = "".join(layer("ReLU", name=f"l{i}", top="x") for i in range(3000))
    yield "chain", INPUT + chain, WEIGHTS, "ok", "problems +none"


def table(*fields):
    """A flatbuffers table, children behind it; a field: None, bytes, or (kind, what)."""
    listed = struct.pack("<HH", 4 + 2 * len(fields), 0)
    at, places = 4, []
    for field in fields:
        places.append(at if field is not None else 0)
        at += 0 if field is None else len(field) if isinstance(field, bytes) else 4
    head = listed + struct.pack(f"<{len(fields)}H", *places)
    body = bytearray(struct.pack("<i", len(head)))
    for field in fields:
        body += b"" if field is None else field if isinstance(field, bytes) else bytes(4)
    for place, field in zip(places, fields):
        if isinstance(field, tuple):
            kind, what = field
            extra = len(what[0]) if kind == "table" else 0
            struct.pack_into("<I", body, place, len(body) + extra - place)
            body += what[0] + what[1] if kind == "table" else what
    return head, bytes(body)


def vector(payload, count):
    return struct.pack("<I", count) + payload


def tables(children, count):
    """A vector of tables, all of which are the one in `children`."""
    head, body = children
    start = 4 * count + len(head)
    return vector(b"".join(struct.pack("<I", start - 4 * i) for i in range(count)), count) \
        + head + body


def model(*subgraph, codes=None):
    codes = tables(codes or table(struct.pack("<b", 0)), 1)
    graph = tables(table(*subgraph), 1)
    head, body = table(struct.pack("<I", 3), ("vector", codes), ("vector", graph))
    return struct.pack("<I", 8 + len(head)) + b"TFL3" + head + body


def tflite():
    """(name, the file, code, pattern)"""
    yield "root", b"\xff\xff\xff\x7fTFL3" + bytes(100), "invalid_model", "cut short"
    yield "list_before_the_file", b"\x08\0\0\0TFL3" + struct.pack("<i", 100), "invalid_model", \
        "before the file"
    yield "version", struct.pack("<I", 8 + 6) + b"TFL3" + struct.pack("<HHHiI", 6, 8, 4, 6, 9), \
        "unsupported", "version 9"
    many = table(None, ("vector", vector(bytes(4 * 20_000), 20_000)))
    yield "overlaps", model(None, None, None, ("vector", tables(many, 20_000))), \
        "invalid_model", "overlap"
    tensor = table(("vector", vector(struct.pack("<4i", *[2**31 - 1] * 4), 4)),
                   struct.pack("<b", 0))
    graph = (("vector", tables(tensor, 1)), ("vector", vector(struct.pack("<i", 0), 1)),
             ("vector", vector(struct.pack("<i", 0), 1)))
    yield "sizes", model(*graph), "ok|invalid_model", "."
    outside = (("vector", tables(tensor, 1)), ("vector", vector(struct.pack("<i", 77), 1)),
               ("vector", vector(struct.pack("<i", -5), 1)))
    yield "tensors_outside", model(*outside), "invalid_model", "tensor 77 of 1"


def all_cases():
    for name, text, weights, code, pattern in nets():
        files = {"model.prototxt": text.encode(), "model.caffemodel": weights}
        yield Case(f"caffe_{name}", files, code, pattern, ("inspect", "model.prototxt"))

    def link(path):
        os.symlink("/etc/passwd", path)

    yield Case("caffe_weights_behind_a_link",
               {"model.prototxt": CONV.encode(), "model.caffemodel": link}, "io",
               "model.caffemodel", ("inspect", "model.prototxt"))
    for name, content, code, pattern in tflite():
        yield Case(f"tflite_{name}", {"model.tflite": content}, code, pattern,
                   ("inspect", "model.tflite"))
