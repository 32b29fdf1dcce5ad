"""Disagreements that are ONNX Runtime's, or that the standard leaves open. Each entry: the
operators, when it holds (a predicate of the case), and the sentence that decides."""
import dataclasses
from typing import Callable

import numpy as np


@dataclasses.dataclass
class Known:
    operators: str
    when: Callable
    says: str
    kinds: tuple = ("differ",)


def has_nan(case):
    return any(a is not None and a.dtype.kind == "f" and np.isnan(a.astype(np.float64)).any()
               for a in case.inputs)


KNOWN = [
    Known("Shrink", lambda c: c.inputs[0].dtype not in (np.float32, np.float16),
          "y = x - bias in the operand's own type; ONNX Runtime computes it in float"),
]


def explanation(case, verdict):
    for entry in KNOWN:
        if (case.op in entry.operators.split() and verdict.kind in entry.kinds and
                entry.when(case)):
            return entry.says
    return None
