"""What a hostile case is, and the smallest model around its nodes."""
import collections

from onnx_bytes import graph, model, value

# `files` maps file names in an empty folder to bytes, or to a function that is called with the
# path; `command` is what hone is given there. `code` is how that must end (`a|b`: either),
# `pattern` what the message must name (a regular expression). `memory`: MiB of addresses that hone
# may use; None: any.
Case = collections.namedtuple("Case", "name files code pattern command memory",
                              defaults=(("inspect", "model.onnx"), None))

X, Y = value("x"), value("y")
HUGE = 2**40


def one(*nodes, initializers=(), inputs=(X,), outputs=(Y,), **more):
    return model(graph(nodes, inputs, outputs, initializers), **more)
