"""Gives one case to Hone and to ONNX Runtime: what each made of it, and whether they agree."""
import dataclasses

import numpy as np
import onnxruntime

from case import difference
from choices import Choices, shrink
from draw import Draw, Refused
from hone import Hone, HoneError
from known import explanation
from table import ROWS

# Verdicts that count as a comparison, that a person must look at, and the rest.
COMPARED = {"agree", "known"}
WRONG = {"differ", "refused", "internal", "crash"}


@dataclasses.dataclass
class Verdict:
    kind: str  # agree, known, differ, refused, internal, crash; lacking, unsupported, invalid, none
    text: str = ""


def session_options():
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 4
    return options


class Judge:
    def __init__(self, library):
        onnxruntime.set_default_logger_severity(4)
        self.hone = Hone(library)
        self.options = session_options()

    def wanted(self, case, model):
        """ONNX Runtime's results, or an exception of its own."""
        if case.wanted is not None:
            return case.wanted
        session = onnxruntime.InferenceSession(model, self.options,
                                               providers=["CPUExecutionProvider"])
        return session.run(None, case.feeds())

    def judge(self, case):
        model = case.model().SerializeToString()
        wanted, refusal = None, ""
        try:
            wanted = self.wanted(case, model)
        except Exception as error:  # every kind of refusal is an answer
            refusal = str(error)
        try:
            got = self.hone.run(model, case.feeds())
        except HoneError as error:
            if error.code == "internal":
                return Verdict("internal", str(error))
            if error.code == "unsupported":
                return Verdict("unsupported", str(error))
            if wanted is None:
                return Verdict("invalid", f"{error}\n    ONNX Runtime: {refusal}")
            return self.explained(case, Verdict("refused", str(error)))
        if wanted is None:
            return Verdict("lacking", refusal)
        return self.explained(case, compare(got, wanted, case.tolerance))

    def explained(self, case, verdict):
        if verdict.kind in WRONG and (says := explanation(case, verdict)):
            return Verdict("known", says)
        return verdict


def compare(got, wanted, tolerance):
    if len(got) != len(wanted):
        return Verdict("differ", f"{len(got)} results, wanted {len(wanted)}")
    for i, (a, b) in enumerate(zip(got, wanted)):
        if what := difference(a, np.asarray(b), tolerance):
            return Verdict("differ", f"result {i} {what}")
    return Verdict("agree")


def draw_case(key, seed=None, replay=None):
    """The case and the choices that made it; no case where they make none."""
    choices = Choices(seed, replay)
    try:
        with np.errstate(all="ignore"):
            case = ROWS[key](Draw(key[1], key[0], choices))
    except Refused:
        case = None
    return case, choices.numbers()


def simplest(key, numbers, kind, judge):
    """The simplest case found with the same kind of verdict; `judge` gives one for a case."""
    def still_fails(candidate):
        case, used = draw_case(key, replay=candidate)
        return used if case is not None and judge(case).kind == kind else None

    return draw_case(key, replay=shrink(numbers, still_fails))[0]
