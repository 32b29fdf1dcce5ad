"""Models of one operator of ONNX each, of sizes that networks have: bench/kernels.py --ops.

They are written here and not converted from our text, so that spellings are measured as they come.
"""
import re

from ops import elements, layers, moves, reductions

FAMILIES = {"elements of one operand": elements.unary, "elements of two": elements.binary,
            "casts": elements.casts, "reductions": reductions.reductions,
            "softmax": reductions.softmax, "running sums": reductions.running,
            "moves": moves.moves, "gather and scatter": moves.gathers,
            "found by contents": moves.contents, "resize": moves.resizes,
            "convolutions": layers.convolutions, "pools": layers.pools, "norms": layers.norms,
            "products": layers.products, "recurrent": layers.recurrent,
            "quantized": layers.quantized, "pictures": layers.pictures}


def cases(only=""):
    """Family, name, model and inputs of each whose name or family matches."""
    for family, function in FAMILIES.items():
        for name, (model, feeds) in function():
            if re.search(only, f"{family}: {name}"):
                yield family, name, model, feeds
