"""Writes ONNX messages byte by byte, so wrong ones too, which a protobuf library would not make."""
import struct

FLOAT, UINT8, INT64, STRING, BOOL = 1, 2, 7, 8, 9


def varint(value):
    value &= 2**64 - 1
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)


def number(field, value):
    return varint(field << 3) + varint(value)


def data(field, payload):
    payload = payload.encode() if isinstance(payload, str) else payload
    return varint(field << 3 | 2) + varint(len(payload)) + payload


def tensor(name, dims, dtype=FLOAT, raw=None, floats=None, external=None, strings=None):
    out = b"".join(number(1, d) for d in dims) + number(2, dtype) + data(8, name)
    if raw is not None:
        out += data(9, raw)
    if floats is not None:
        out += data(4, struct.pack(f"<{len(floats)}f", *floats))
    for text in strings or ():
        out += data(6, text)
    if external is not None:
        for key, value in external.items():
            out += data(13, data(1, key) + data(2, str(value)))
        out += number(14, 1)
    return out


def int64s(name, values):
    return tensor(name, [len(values)], INT64, struct.pack(f"<{len(values)}q", *values))


def zeros(name, dims):
    count = 1
    for d in dims:
        count *= d
    return tensor(name, dims, FLOAT, bytes(4 * count))


def tensor_type(dtype, dims):
    shape = b"".join(data(1, data(2, d) if isinstance(d, str) else number(1, d)) for d in dims)
    return data(1, number(1, dtype) + data(2, shape))


def value(name, dims=(2,), dtype=FLOAT):
    return data(1, name) + data(2, tensor_type(dtype, dims))


def attribute(name, content):
    """An attribute of the type that fits the Python value; a graph or a tensor is (kind, bytes)."""
    out = data(1, name)
    if isinstance(content, tuple):
        kind, payload = content
        return out + data({"g": 6, "t": 5}[kind], payload) + number(20, {"g": 5, "t": 4}[kind])
    if isinstance(content, float):
        return out + varint(2 << 3 | 5) + struct.pack("<f", content) + number(20, 1)
    if isinstance(content, int):
        return out + number(3, content) + number(20, 2)
    if isinstance(content, str):
        return out + data(4, content) + number(20, 3)
    return out + b"".join(number(8, i) for i in content) + number(20, 7)


def node(op, inputs, outputs, name="", domain="", **attributes):
    out = b"".join(data(1, i) for i in inputs) + b"".join(data(2, o) for o in outputs)
    out += data(3, name or f"the_{op}") + data(4, op)
    out += b"".join(data(5, attribute(k, v)) for k, v in attributes.items())
    return out + (data(7, domain) if domain else b"")


def graph(nodes, inputs=(), outputs=(), initializers=()):
    out = b"".join(data(1, n) for n in nodes) + data(2, "g")
    out += b"".join(data(5, t) for t in initializers)
    out += b"".join(data(11, i) for i in inputs)
    return out + b"".join(data(12, o) for o in outputs)


def function(name, inputs, outputs, nodes, domain="local"):
    out = data(1, name) + b"".join(data(4, i) for i in inputs)
    out += b"".join(data(5, o) for o in outputs) + b"".join(data(7, n) for n in nodes)
    return out + data(9, opset(17)) + data(9, opset(1, "local")) + data(10, domain)


def opset(version, domain=""):
    return (data(1, domain) if domain else b"") + number(2, version)


def model(graph_bytes, opsets=((17, ""),), functions=(), ir_version=8):
    out = number(1, ir_version) + data(2, "hostile") + data(7, graph_bytes)
    out += b"".join(data(8, opset(*o)) for o in opsets)
    return out + b"".join(data(25, f) for f in functions)
