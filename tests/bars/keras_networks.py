"""Networks of Keras with random weights through Hone: each as a SavedModel, a frozen graph with
control flow of either generation, and TFLite files (floats, dynamic range, whole numbers), beside
what TensorFlow makes of the same input. Wants a Python with tensorflow; skipped where it is
absent."""
import os
import pathlib
import re
import sys
import tempfile

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
import numpy as np

import hone_cli

try:
    import keras
    import tensorflow as tf
    from tensorflow.python.framework.convert_to_constants import (
        convert_variables_to_constants_v2 as freeze)

    from keras_topologies import networks
except ImportError as absent:
    print(f"skipped: {absent}; pip install tensorflow-cpu")
    sys.exit(77)

RTOL = 1e-3   # of the largest of an output
QUANTA = 1    # of an output of whole numbers
# TensorFlow's calibration ends the process where there is a loop.
CRASHES = "rnn|lstm|gru|bidirectional|newton"
COARSE = 0.03  # TFLite rounds activations beside weights of 8 bits, Hone only if it is asked to


def enliven(model):
    """Norms and biases of a new network do nothing: random ones show what is done with them."""
    rng = np.random.default_rng(5)
    for variable in model.weights:
        name, shape = variable.path, variable.shape
        if re.search("variance|gamma", name):
            variable.assign(rng.uniform(0.5, 1.5, shape))
        elif re.search("mean|beta|bias", name):
            variable.assign(rng.normal(scale=0.1, size=shape))


def drawn(specs, rng, batch=2):
    feeds = {}
    for name, spec in specs.items():
        shape = [batch if size is None else size for size in spec.shape]
        is_float = spec.dtype.is_floating
        feeds[name] = (rng.normal(size=shape) if is_float
                       else rng.integers(0, 50, shape)).astype(spec.dtype.as_numpy_dtype)
    return feeds


def write(model, folder):
    """Files by kind, and the signature."""
    saved = str(folder / "saved")
    if isinstance(model, keras.Model):
        model.export(saved, verbose=False)
    else:
        tf.saved_model.save(model, saved)
    loaded = tf.saved_model.load(saved)
    served = loaded.signatures["serving_default"]
    served.owner = loaded  # which keeps the variables
    frozen = freeze(served, lower_control_flow=False)
    for name, graph in (("frozen", frozen), ("lowered", freeze(served, lower_control_flow=True))):
        text = graph.graph.as_graph_def().SerializeToString()
        (folder / f"{name}.pb").write_bytes(text)
    return served, frozen


def write_one(model, folder):
    """The same for one sample alone: then loops have sizes that TFLite's converter wants."""
    folder = str(folder / "one")
    one = [tf.TensorSpec((1,) + tuple(x.shape[1:]), x.dtype, name=x.name) for x in model.inputs]
    model.export(folder, verbose=False, input_signature=one if len(one) > 1 else one[:1])
    return folder


def write_tflite(folder, kind, specs, saved="saved"):
    converter = tf.lite.TFLiteConverter.from_saved_model(str(folder / saved))
    if kind != "float":
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if kind == "int8":
        rng = np.random.default_rng(8)
        converter.representative_dataset = lambda: (drawn(specs, rng, 1) for _ in range(8))
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.inference_input_type = converter.inference_output_type = tf.int8
    file = folder / f"{kind}.tflite"
    file.write_bytes(converter.convert())
    return file


# TFLite has sets of kernels, those for speed and those that define what is right. They round
# otherwise, which norms in 8 bits turn into many quanta; either is TFLite's answer.
KERNELS = [tf.lite.experimental.OpResolverType.AUTO,
           tf.lite.experimental.OpResolverType.BUILTIN_REF,
           tf.lite.experimental.OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES]


def run_tflite(file, feeds, kernels):
    """What TFLite's interpreter makes of it: inputs and outputs by the names of tensors."""
    net = tf.lite.Interpreter(str(file), experimental_op_resolver_type=kernels)
    signature = net.get_signature_runner()
    inputs, given = signature.get_input_details(), {}
    for name, detail in inputs.items():
        value = feeds[name]
        scale, zero = detail["quantization"]
        if detail["dtype"] == np.int8:
            value = np.clip(np.round(value / scale) + zero, -128, 127)
        given[name] = value.astype(detail["dtype"])
    wanted = signature(**given)
    named = {detail["name"]: given[name] for name, detail in inputs.items()}
    outputs = signature.get_output_details()
    return named, {outputs[name]["name"]: value for name, value in wanted.items()}


def apart(got, wanted, limit=RTOL):
    """Words for a difference that is too large, else None; and the difference."""
    if got.shape != wanted.shape:
        return f"{got.shape} for {wanted.shape}", np.inf
    if wanted.dtype == np.int8:
        quanta = np.abs(got.astype(int) - wanted.astype(int))
        return (f"{quanta.max()} quanta" if quanta.max() > QUANTA else None), quanta.max()
    if wanted.dtype.kind != "f":
        wrong = np.count_nonzero(got != wanted)
        return (f"{wrong} elements differ" if wrong else None), wrong
    most = np.abs(got - wanted).max() / max(np.abs(wanted).max(), 1e-6)
    return (f"{most:.1e} apart" if not most <= limit else None), most


def of_name(got, name, place):
    """Frozen graphs and TFLite have names of their own: then the order tells."""
    return got[name] if name in got else list(got.values())[place]


def judge(tool, model, feeds, wanted, *given, limit=RTOL):
    got = hone_cli.run(tool, model, feeds, *given)
    worst = 0
    for place, (name, value) in enumerate(wanted.items()):
        mine = of_name(got, name, place)
        words, distance = apart(mine, np.asarray(value), limit)
        if words:
            raise hone_cli.Failed(f"{name}: {words}")
        worst = max(worst, distance)
    return worst


def judge_dynamic(tool, file, single, named, results):
    """As it is, within COARSE; with activations rounded, within RTOL of one set of kernels. What
    lies on a tie goes to either step, and many layers make much of it: no further is also enough
    than TensorFlow is from itself, between its sets or for inputs that differ by a millionth."""
    judge(tool, file, named, results, limit=COARSE)
    answers = [results]
    for kernels in KERNELS[1:]:
        try:
            answers.append(run_tflite(file, single, kernels)[1])
        except (RuntimeError, ValueError):  # not all operators have a second kernel
            pass
    nearly = {name: value * np.float32(1.000001) if value.dtype == np.float32 else value
              for name, value in single.items()}
    itself = [*answers[1:], run_tflite(file, nearly, KERNELS[0])[1]]
    own = max(apart(other[name], value)[1] for other in itself for name, value in results.items())
    got = hone_cli.run(tool, file, named, "--reference-rounding")
    most = min(max(apart(of_name(got, name, place), value)[1]
                   for place, (name, value) in enumerate(wanted.items())) for wanted in answers)
    if most > max(RTOL, own):
        raise hone_cli.Failed(f"{most:.1e} apart, TensorFlow {own:.1e} from itself")
    if most > RTOL:
        print(f"       TensorFlow is {own:.1e} from itself:", flush=True)
    return most


def forms(tool, name, make, folder, kinds):
    """(form, difference or words) of each file."""
    keras.utils.set_random_seed(1)
    model = make()
    if isinstance(model, keras.Model):
        enliven(model)
    served, frozen = write(model, folder)
    specs = served.structured_input_signature[1]
    feeds = drawn(specs, np.random.default_rng(7))
    given = {name: tf.constant(value) for name, value in feeds.items()}
    wanted = {name: value.numpy() for name, value in served(**given).items()}
    if "saved" in kinds:
        yield "SavedModel", lambda: judge(tool, folder / "saved", feeds, wanted)
    if "frozen" in kinds:
        placeholders = [t.name.split(":")[0] for t in frozen.inputs]
        by_node = dict(zip(placeholders, [feeds[p] if p in feeds else list(feeds.values())[i]
                                          for i, p in enumerate(placeholders)]))
        ordered = {t.name.split(":")[0]: np.asarray(v)
                   for t, v in zip(frozen.outputs, frozen(*map(tf.constant, by_node.values())))}
        yield "frozen", lambda: judge(tool, folder / "frozen.pb", by_node, ordered)
        yield "lowered", lambda: judge(tool, folder / "lowered.pb", by_node, ordered)
    single = drawn(specs, np.random.default_rng(7), 1)
    for kind in ("float", "dynamic", "int8"):
        if kind not in kinds or (kind == "int8" and re.search(CRASHES, name)):
            continue

        def tflite(kind=kind):
            try:
                try:
                    file = write_tflite(folder, kind, specs)
                except Exception:  # of TensorFlow's own converter
                    write_one(model, folder)
                    file = write_tflite(folder, kind, specs, "one")
                named, results = run_tflite(file, single, KERNELS[0])
            except Exception as failure:
                raise LookupError(str(failure).strip().splitlines()[-1][:120]) from failure
            if kind == "dynamic":
                return judge_dynamic(tool, file, single, named, results)
            try:
                return judge(tool, file, named, results)
            except hone_cli.Failed as failure:
                try:
                    named, results = run_tflite(file, single, KERNELS[1])
                except (RuntimeError, ValueError):  # not all operators have a second kernel
                    raise failure from None
                rounding = ["--reference-rounding"] if kind == "int8" else []
                return judge(tool, file, named, results, *rounding)
        yield kind, tflite


def main():
    parser = hone_cli.parser(__doc__)
    parser.add_argument("--only", default="", help="a regular expression of names")
    parser.add_argument("--forms", default="saved,frozen,float,dynamic,int8")
    parser.add_argument("--keep", help="a folder for the files")
    options = parser.parse_args()
    count = {}
    for name, make in networks():
        if not re.fullmatch(options.only or ".*", name):
            continue
        with tempfile.TemporaryDirectory() as own:
            folder = pathlib.Path(options.keep or own) / name
            folder.mkdir(parents=True, exist_ok=True)
            for form, check in forms(options.hone, name, make, folder, options.forms.split(",")):
                good, bad, none = count.setdefault(form, [0, 0, 0])
                try:
                    words, kind = f"{check():.1e}", 0
                except hone_cli.Failed as failure:
                    words, kind = str(failure), 1
                except LookupError as failure:
                    words, kind = f"TensorFlow writes none: {failure}", 2
                count[form][kind] += 1
                verdict = ("ok    ", "FAILED", "none  ")[kind]
                print(f"{verdict} {name:20} {form:11} {words}", flush=True)
    for form, (good, bad, none) in count.items():
        print(f"{form}: {good} equal, {bad} not, {none} not written by TensorFlow")
    good, bad = sum(c[0] for c in count.values()), sum(c[1] for c in count.values())
    print(f"networks of Keras: {good} of {good + bad} equal")
    return 1 if good < 0.95 * (good + bad) else 0


if __name__ == "__main__":
    sys.exit(main())
