"""`hone convert` against other tools: each model is written as ONNX, as it was imported, as it
is after the passes, and with its regions as functions. onnx.checker must accept the file in full;
ONNX Runtime must run it and agree with itself on the model it came from, and hone must read it
back.

Models: the trained networks, those of other formats (there what ONNX Runtime makes of the file must
be what Hone makes of the model), the 21 topologies, and every case of the standard's suite."""
import argparse
import collections
import re
import sys
import tempfile
import time
import warnings

import numpy as np
import onnx
import onnx.reference
import onnxruntime

import bench_graphs
import formats
import hone_cli

# Closer than ONNX Runtime computes Sigmoid: YuNet's scores of objects are at most 4e-5 where there
# are none, and off by 1.5e-7 as soon as convolutions are joined.
CLOSE = 2.5e-7

GOOD = ("agrees", "checked", "unsupported", "known wrong elsewhere")

# Cases whose file is right and that onnx.checker does not take, and why.
WRONG_ELSEWHERE = {
    "test_mvn": "onnx.checker cannot expand MeanVarianceNormalization of opset 13 (its function "
                "body has a Constant without a value); it refuses the suite's own file as well",
}

onnxruntime.set_default_logger_severity(4)


def session_of(model):
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.intra_op_num_threads = 2
    return onnxruntime.InferenceSession(model, options)


def outputs_of_file(path, inputs):
    """By ONNX Runtime or, where it has no kernel for a type of elements, by ONNX's evaluator."""
    try:
        return outputs_of(session_of(path), inputs)
    except onnxruntime.capi.onnxruntime_pybind11_state.NotImplemented:
        evaluator = onnx.reference.ReferenceEvaluator(str(path))
        return dict(zip(evaluator.output_names, evaluator.run(None, inputs)))


def outputs_of(session, inputs):
    return dict(zip((o.name for o in session.get_outputs()), session.run(None, inputs)))


def apart(want, got, quanta=0):
    """The largest distance as a share of the largest magnitude; what is no float may be so many
    quanta apart."""
    if isinstance(want, list):
        return max(map(apart, want, got), default=0.0) if len(want) == len(got) else np.inf
    want, got = np.asarray(want), np.asarray(got)
    if want.dtype != got.dtype or want.shape != got.shape:
        return np.inf
    if want.dtype.kind not in "fc":
        if quanta > 0 and want.dtype.kind in "iu":
            most = np.abs(want.astype(np.int64) - got.astype(np.int64)).max(initial=0)
            return 0.0 if most <= quanta else float(most)
        return 0.0 if np.array_equal(want, got) else np.inf
    same = (want == got) | (np.isnan(want) & np.isnan(got))
    if same.all():
        return 0.0
    wide = np.complex128 if want.dtype.kind == "c" else np.float64
    finite = np.where(np.isfinite(want), want, 0).astype(wide)
    distance = np.abs(want.astype(wide) - got.astype(wide))[~same]
    if distance.max() <= CLOSE:
        return 0.0
    return float(distance.max() / max(np.abs(finite).max(initial=0), 1e-30))


def check(path, reference):
    """onnx.checker in full. It wants the rank of each output; where our types do not tell one it
    is told what it is."""
    outputs = onnx.load(path, load_external_data=False).graph.output
    bare = [o.name for o in outputs if o.type.WhichOneof("value") == "tensor_type" and
            not o.type.tensor_type.HasField("shape")]
    model = str(path)
    if bare and reference is not None:
        model = onnx.load(path)
        for output in model.graph.output:
            if output.name in bare:
                for _ in range(np.ndim(reference[output.name])):
                    output.type.tensor_type.shape.dim.add()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        onnx.checker.check_model(model, full_check=True)


class Judge:
    def __init__(self, tool, quanta=0):
        self.tool = tool
        self.quanta = quanta  # between integers of quantized networks: others run them in f32
        self.counts = collections.Counter()
        self.distances = []

    def converted(self, model, folder, *options):
        target = f"{folder}/written.onnx"
        hone_cli.hone(self.tool, "convert", model, "-o", target, *options)
        return target

    def judge(self, name, model, inputs, reference, limit=1e-3, given=()):
        """reference: outputs by name, or None where ONNX Runtime does not run the model; given:
        options that the model is read with."""
        for options in [(), ("--portable",), ("--optimized",)]:
            with tempfile.TemporaryDirectory() as folder:
                what = self.one(model, folder, (*given, *options), inputs, reference, limit)
            if name in WRONG_ELSEWHERE and what.startswith("not valid:"):
                print(f"known wrong elsewhere: {name}: {WRONG_ELSEWHERE[name]}", flush=True)
                what = "known wrong elsewhere"
            self.counts[what.split(":")[0]] += 1
            if not what.startswith(GOOD):
                print(f"FAILED {name} {' '.join(options)} {what}", flush=True)

    def one(self, model, folder, options, inputs, reference, limit):
        try:
            written = self.converted(model, folder, *options)
        except hone_cli.Failed as failure:
            text = str(failure)
            is_read = "cannot be written" in text or "exit code 3" not in text
            return f"{'not written' if is_read else 'unsupported'}: {text}"
        try:
            check(written, reference)
        except Exception as error:
            return f"not valid: {str(error)[:600]}"
        again = f"{folder}/again.onnx"
        try:
            hone_cli.hone(self.tool, "convert", written, "-o", again)
        except hone_cli.Failed as failure:
            return f"not read back: {failure}"
        if reference is None:
            return "checked"
        try:
            got = outputs_of_file(written, inputs)
        except Exception as error:
            return f"not run: {str(error)[:400]}"
        if list(got) != list(reference):
            return f"other outputs: {list(got)}, wanted {list(reference)}"
        distance = max((apart(want, have, self.quanta)
                        for want, have in zip(reference.values(), got.values())), default=0.0)
        self.distances.append(distance)
        return "agrees" if distance <= limit else f"disagrees: {distance:.2e} apart"


def example_inputs(session):
    random = np.random.default_rng(1)
    inputs = {}
    for value in session.get_inputs():
        shape = [d if isinstance(d, int) else 64 if i > 0 else 1 for i, d in enumerate(value.shape)]
        if "float" in value.type:
            inputs[value.name] = random.standard_normal(shape).astype(
                np.float16 if "16" in value.type else np.float32)
        elif "int64" in value.type:
            inputs[value.name] = np.ones(shape, np.int64)
        else:
            kind = re.sub(r"tensor\((.*)\)", r"\1", value.type)
            inputs[value.name] = random.integers(0, 100, shape).astype(kind)
    return inputs


def quantum_of(model):
    """What one step of the integers that the first output is made of is worth; 0: it is of none."""
    graph = onnx.load(model).graph
    last = next((n for n in graph.node if graph.output[0].name in n.output), None)
    if last is None or last.op_type != "DequantizeLinear":
        return 0.0
    scales = {t.name: onnx.numpy_helper.to_array(t) for t in graph.initializer}
    return float(np.max(scales.get(last.input[1], 0)))


def judge_models(judge, only):
    for model in sorted((hone_cli.DATA / "models/onnx").rglob("*.onnx")):
        if not re.search(only, str(model)):
            continue
        try:
            with np.load(golden_file(model)) as golden:
                inputs = {n[3:]: golden[n] for n in golden.files if n.startswith("in_")}
        except OSError:
            inputs = None
        session = session_of(model)
        inputs = inputs or example_inputs(session)
        start = time.monotonic()
        reference = outputs_of(session, inputs)
        # Integers that lie on a tie go to either step, in ONNX Runtime for inputs 1e-5 apart, too.
        steps = 1.001 * quantum_of(model) / np.abs(next(iter(reference.values()))).max()
        judge.judge(model.stem, model, inputs, reference, max(1e-3, steps))
        seconds = time.monotonic() - start
        print(f"{model.stem:32} {seconds:6.1f} s  {dict(judge.counts)}", flush=True)


# What some files of other formats do not say themselves.
GIVEN = {
    "silero_vad.jit": ("--shape", "x=1x512", "--number", "sr=16000"),
    "pytorch_lenet5.pt": ("--shape", "val=1x28x28x1"),
    "det1-symbol.json": ("--shape", "data=1x3x12x12"),
    "det2-symbol.json": ("--shape", "data=1x3x24x24"),
    "det3-symbol.json": ("--shape", "data=1x3x48x48"),
}


def judge_formats(judge, only):
    for model in formats.files():
        if not re.search(only, str(model)):
            continue
        given = GIVEN.get(model.name, ())
        start = time.monotonic()
        inputs = formats.drawn(judge.tool, model, given)
        reference = hone_cli.run(judge.tool, model, inputs, *given)
        judge.judge(model.name, model, inputs, reference, given=given)
        seconds = time.monotonic() - start
        print(f"{model.name:32} {seconds:6.1f} s  {dict(judge.counts)}", flush=True)


def golden_file(model):
    folder = "qdq" if model.parent.name == "quantized" else model.parent.name
    return hone_cli.DATA / "goldens/onnxruntime" / f"{folder}_{model.stem}.npz"


def judge_bench_graphs(judge, only):
    for model in sorted((hone_cli.DATA / "bench_graphs").glob("*.onnx")):
        if not re.search(only, str(model)):
            continue
        with tempfile.TemporaryDirectory() as folder:
            filled = bench_graphs.fill(model, hone_cli.pathlib.Path(folder))
            session = session_of(filled)
            inputs = bench_graphs.example_inputs(session)
            reference = outputs_of(session, inputs)
            del session
            judge.judge(model.stem, filled, inputs, reference)
        print(f"{model.stem:32} {dict(judge.counts)}", flush=True)


def case_inputs(session, folder):
    inputs = {}
    for i, value in enumerate(session.get_inputs()):
        data = (folder / f"test_data_set_0/input_{i}.pb").read_bytes()
        if value.type.startswith("seq"):
            sequence = onnx.SequenceProto.FromString(data)
            inputs[value.name] = onnx.numpy_helper.to_list(sequence)
        else:
            tensor = onnx.TensorProto.FromString(data)
            inputs[value.name] = onnx.numpy_helper.to_array(tensor)
    return inputs


def judge_suite(judge, only):
    for model in sorted((hone_cli.DATA / "onnx_backend_tests").glob("*/*/model.onnx")):
        if not re.search(only, str(model)):
            continue
        reference = inputs = None
        try:
            session = session_of(model)
            inputs = case_inputs(session, model.parent)
            reference = outputs_of(session, inputs)
            again = outputs_of(session, inputs)
            if max(map(apart, reference.values(), again.values()), default=0) > 0:
                reference = None  # random numbers
        except Exception:
            reference = None  # ONNX Runtime does not run the case itself: the file is only checked
        judge.judge(model.parent.name, model, inputs, reference)


def main():
    parser = hone_cli.parser(__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--only", default="", help="a regular expression of paths")
    parser.add_argument("--part", default="models,formats,bench,suite",
                        help="of models, formats, bench, suite")
    options = parser.parse_args()
    hone_cli.skip_without(hone_cli.DATA / "models/onnx")
    good = True
    for part, run in [("models", judge_models), ("formats", judge_formats),
                      ("bench", judge_bench_graphs), ("suite", judge_suite)]:
        if part not in options.part.split(","):
            continue
        judge = Judge(options.hone, quanta=1 if part == "formats" else 0)
        run(judge, options.only)
        counts = judge.counts
        good = good and all(what in GOOD for what in counts)
        words = ", ".join(f"{n} {what}" for what, n in sorted(counts.items()))
        print(f"convert {part}: {words}; at most {max(judge.distances, default=0):.1e} apart")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
