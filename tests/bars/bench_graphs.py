"""The 21 well-known topologies: each is run with --random-weights (outputs finite, the largest from
0.05 to 100), then with weights that this script fills by the same rule into the external data file,
next to ONNX Runtime: equal within 1e-3 of the largest magnitude."""
import math
import re
import shutil
import sys
import tempfile
import time
import zlib

import numpy as np
import onnx
import onnxruntime

import hone_cli

SEED = 1


def gain_of(model):
    return 0.7 if re.search("resnet|resnext", model.name) else 1.0


def external(tensor):
    return {entry.key: entry.value for entry in tensor.external_data}


def fill(model, folder):
    """A copy of the model in `folder` with its external data: normal with variance
    gain^2 * 2 / fan_in, ones where the rank is 1."""
    shutil.copy(model, folder / model.name)
    gain = gain_of(model)
    files = {}
    for tensor in onnx.load(model, load_external_data=False).graph.initializer:
        if tensor.data_location != onnx.TensorProto.EXTERNAL:
            continue
        where, dims = external(tensor), list(tensor.dims)
        if len(dims) == 1:
            data = np.ones(dims, np.float32)
        else:
            fan_in = dims[0] if len(dims) == 2 else math.prod(dims[1:])
            random = np.random.default_rng([SEED, zlib.crc32(tensor.name.encode())])
            data = random.standard_normal(dims, np.float32)
            data *= np.float32(gain * math.sqrt(2 / fan_in))
        data = data.astype(onnx.helper.tensor_dtype_to_np_dtype(tensor.data_type), copy=False)
        path = folder / where["location"]
        if path not in files:
            files[path] = open(path, "wb")
        files[path].seek(int(where.get("offset", 0)))
        files[path].write(data.tobytes())
    for file in files.values():
        file.close()
    return folder / model.name


def example_inputs_of(model):
    """Of an ONNX file, without optimizing it for long."""
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    return example_inputs(onnxruntime.InferenceSession(model, options))


def example_inputs(session):
    random = np.random.default_rng(SEED)
    inputs = {}
    for value in session.get_inputs():
        shape = [d if isinstance(d, int) else 64 if i > 0 else 1 for i, d in enumerate(value.shape)]
        if "int64" in value.type:
            inputs[value.name] = np.ones(shape, np.int64) if "mask" in value.name else \
                random.integers(0, 1000, shape, np.int64)
        else:
            inputs[value.name] = random.standard_normal(shape, np.float32)
    return inputs


def judge(tool, model):
    with tempfile.TemporaryDirectory() as folder:
        filled = fill(model, hone_cli.pathlib.Path(folder))
        options = onnxruntime.SessionOptions()
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
        session = onnxruntime.InferenceSession(filled, options)
        inputs = example_inputs(session)
        want = dict(zip((o.name for o in session.get_outputs()), session.run(None, inputs)))
        del session
        start = time.monotonic()
        got = hone_cli.run(tool, filled, inputs)
        seconds = time.monotonic() - start
    random = hone_cli.run(tool, model, inputs, "--random-weights", SEED, "--random-gain",
                          gain_of(model))
    good, apart, largest = True, 0.0, []
    for name, wanted in want.items():
        magnitude = float(np.abs(wanted).max())
        fits = got[name].shape == wanted.shape and bool(np.isfinite(got[name]).all())
        off = float(np.abs(got[name] - wanted).max()) / magnitude if fits else math.inf
        apart = max(apart, off)
        largest.append(float(np.abs(random[name]).max()))
        good = good and off <= 1e-3 and bool(np.isfinite(random[name]).all())
    good = good and all(0.05 <= m <= 100 for m in largest)
    sizes = ", ".join(f"{m:.3g}" for m in largest)
    return good, f"{seconds:6.2f} s  {apart:.1e} apart, largest {sizes}"


def main():
    parser = hone_cli.parser(__doc__)
    parser.add_argument("--only", default="", help="a regular expression of names")
    options = parser.parse_args()
    folder = hone_cli.DATA / "bench_graphs"
    hone_cli.skip_without(folder)
    good = bad = 0
    for model in sorted(folder.glob("*.onnx")):
        if not re.search(options.only, model.stem):
            continue
        try:
            fits, words = judge(options.hone, model)
        except hone_cli.Failed as failure:
            fits, words = False, str(failure)
        good, bad = good + fits, bad + (not fits)
        print(f"{'ok    ' if fits else 'FAILED'} {model.stem:20} {words}", flush=True)
    print(f"bench graphs: {good} passed, {bad} failed")
    return 1 if bad or not good else 0


if __name__ == "__main__":
    sys.exit(main())
