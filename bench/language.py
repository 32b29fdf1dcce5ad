"""bench/language.py LIBHONE: language models beside ONNX Runtime, prompts and single tokens.

The models are made here, with random weights (language_models.py). Both engines load the same file
in this process, are given the same tensors and places for results, and take turns as in peers.py.
Prompts begin without a past. Tokens are decoded behind a past of so many keys: where a cache is
filled (GroupQueryAttention, TensorScatter, DecoderMaskedMultiHeadAttention), past and present are
one buffer of 2,048 places; else each run gives a longer cache. Encoders gave 512 rows. Answers are
compared with those of ONNX Runtime.
"""
import argparse
import ctypes
import math
import pathlib
import re
import statistics
import sys
import tempfile
import time

import numpy as np
import onnx

import language_models
import peers
import page  # on the path since peers is

ROOM = 2048  # places of a buffer that is past and present
FILLS = ("GroupQueryAttention", "TensorScatter", "DecoderMaskedMultiHeadAttention")
ENCODED = 512
PHASES = [("prompt", 128, 0), ("prompt", 512, 0), ("token", 1, 128), ("token", 1, 1024)]
# Of what is rounded, codes of caches among it; else 1e-3.
TOLERANCES = {"level 4": 5e-2, "f16": 2e-2, "caches of": 2e-2}


def feeds_of(model, fresh, past, shares):
    """Arrays by name, and those that results go to."""
    random = np.random.default_rng(2)
    feeds, places = {}, {}
    for value in model.graph.input:
        dims = [d.dim_value or d.dim_param for d in value.type.tensor_type.shape.dim]
        if value.name == "input_ids":
            feeds[value.name] = random.integers(0, 8192, (1, fresh))
        elif value.name == "attention_mask":
            feeds[value.name] = np.ones((1, past + fresh), np.int64)
        elif value.name == "encoder_attention_mask":
            feeds[value.name] = np.ones((1, ENCODED), np.int64)
        elif value.name == "position_ids":
            feeds[value.name] = np.arange(past, past + fresh)[None]
        elif value.name == "past_sequence_length":
            feeds[value.name] = np.array([past], np.int32)
        else:
            sizes = {"batch": 1, "past": ROOM if shares else past, "encoder": ENCODED}
            shape = [sizes.get(d, d) for d in dims]
            dtype = onnx.helper.tensor_dtype_to_np_dtype(value.type.tensor_type.elem_type)
            if np.issubdtype(dtype, np.integer):  # codes
                codes = np.iinfo(dtype)
                feeds[value.name] = random.integers(codes.min, codes.max + 1, shape, dtype)
                continue
            feeds[value.name] = (random.standard_normal(shape, np.float32) * 0.5).astype(dtype)
    for value in model.graph.output:
        dims = [d.dim_value or d.dim_param for d in value.type.tensor_type.shape.dim]
        sizes = {"batch": 1, "sequence": fresh, "kept": ROOM if shares else past + fresh}
        dtype = onnx.helper.tensor_dtype_to_np_dtype(value.type.tensor_type.elem_type)
        if shares and value.name.startswith("present"):
            places[value.name] = feeds[value.name.replace("present", "past_key_values")]
        else:
            places[value.name] = np.zeros([sizes.get(d, d) for d in dims], dtype)
    return feeds, places


class Hone(peers.Hone):
    def __init__(self, library, model, threads):
        super().__init__(library, model, {}, threads)

    def take(self, feeds, places):
        self.call = self.hone.call(self.engine, self.context, feeds)
        self.views = (peers.hone_binding.TensorView * len(places))()
        self.held = (feeds, places, [])
        for view, (name, array) in zip(self.views, places.items()):
            shape = (ctypes.c_int64 * array.ndim)(*array.shape)
            self.held[2].append(shape)
            view.name, view.dtype = name.encode(), self.hone.numbers[array.dtype]
            view.rank, view.shape = array.ndim, shape
            view.data, view.bytes = array.ctypes.data, array.nbytes

    def run(self):
        call = self.call
        self.hone.check(self.hone.c.hone_run(self.context, call.inputs,
                                             ctypes.c_size_t(len(call.arrays)), self.views,
                                             ctypes.c_size_t(len(self.views))))


class OnnxRuntime(peers.OnnxRuntime):
    def __init__(self, model, threads):
        super().__init__(str(model), {}, threads)

    def take(self, feeds, places):
        self.held = (feeds, places)
        self.binding = self.session.io_binding()
        bind = lambda bound, name, array: bound(name, "cpu", 0, array.dtype, array.shape,
                                                array.ctypes.data)
        for name, array in feeds.items():
            bind(self.binding.bind_input, name, array)
        for name, array in places.items():
            bind(self.binding.bind_output, name, array)

    def run(self):
        self.session.run_with_iobinding(self.binding)


def difference(a, b):
    """The root of the mean square, beside that of `b`: networks of random weights blow up what is
    rounded in a few places."""
    a, b = a.astype(np.float64), b.astype(np.float64)
    return float(np.sqrt(np.mean((a - b) ** 2) / max(np.mean(b ** 2), 1e-30)))


def measured(runners, model, phase, options, tolerance):
    _, fresh, past = phase
    fills = {n.op_type for n in model.graph.node}.intersection(FILLS)
    shares = past > 0 or bool(fills - {"GroupQueryAttention"}) if fills else False
    answers = []
    for runner in runners:
        feeds, places = feeds_of(model, fresh, past, shares)
        runner.take(feeds, places)
        runner.run()
        answers.append([array.copy() for array in places.values()])
    apart = max(difference(*both) for both in zip(answers[0], answers[-1]))
    if apart > tolerance:
        raise ValueError(f"answers are {apart:.1e} apart")
    times = peers.rounds_of(runners, options.rounds, options.seconds)
    return [times[runner.name] for runner in runners]


def rows(options):
    for name, make in language_models.MODELS.items():
        if not re.search(options.only, name):
            continue
        model = make()
        tolerance = next((t for key, t in TOLERANCES.items() if key in name), 1e-3)
        with tempfile.TemporaryDirectory() as folder:
            place = pathlib.Path(folder) / "model.onnx"
            onnx.save(model, place)
            runners = [Hone(options.library, place, options.threads)]
            if not options.alone:
                runners.append(OnnxRuntime(place, options.threads))
            for phase in PHASES:
                if "Masked" in name and phase[1] > 1:
                    continue  # for one token alone
                if not re.search(options.phase, f"{phase[0]} {phase[1]} {phase[2]}"):
                    continue
                yield name, phase, measured(runners, model, phase, options, tolerance)
            for runner in runners:
                runner.close()


def main():
    words = argparse.ArgumentParser(description=__doc__,
                                    formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("library", type=pathlib.Path, help="libhone.so")
    words.add_argument("--only", default="", metavar="REGEX", help="models by name")
    words.add_argument("--phase", default="", metavar="REGEX", help='"token 1 1024"')
    words.add_argument("--threads", type=int, default=2)
    words.add_argument("--rounds", type=int, default=5)
    words.add_argument("--seconds", type=float, default=0.3, help="of a turn")
    words.add_argument("--alone", action="store_true", help="without ONNX Runtime")
    words.add_argument("--save", metavar="FOLDER", help="only write the models there")
    words.add_argument("--write", action="store_true", help="put the table into the page")
    options = words.parse_args()
    if options.save:
        for name, make in language_models.MODELS.items():
            if re.search(options.only, name):
                file = f"{re.sub('[ ,]+', '_', name)}.onnx"
                onnx.save(make(), pathlib.Path(options.save) / file)
        return 0
    lines = [f"{peers.processor()}, {options.threads} threads each; {time.strftime('%Y-%m-%d')}; "
             f"{peers.versions(['onnxruntime'])}. Milliseconds of one run, the median of "
             f"{options.rounds} rounds.", "",
             "| model | run | Hone | ONNX Runtime | ONNX Runtime / Hone |",
             "|---|---|---:|---:|---|"]
    print("\n".join(lines), flush=True)
    ratios = []
    for name, (kind, fresh, past), times in rows(options):
        what = f"prompt of {fresh}" if kind == "prompt" else f"token behind {past:,}"
        own = statistics.median(times[0])
        cells = [name, what, f"{1000 * own:.2f}"]
        if len(times) > 1:
            ratio, low, high = peers.interval([b / a for a, b in zip(*times)])
            ratios.append(ratio)
            cells += [f"{1000 * statistics.median(times[1]):.2f}",
                      f"{ratio:.2f} ({low:.2f} to {high:.2f})"]
        lines.append("| " + " | ".join(cells) + " |")
        print(lines[-1], flush=True)
    if ratios:
        mean = math.exp(statistics.fmean(map(math.log, ratios)))
        lines += ["", f"Geometric mean of {len(ratios)}: {mean:.2f}; the least {min(ratios):.2f}."]
        print(lines[-1])
    if options.write:
        page.write_table("language", lines)
    return 0


if __name__ == "__main__":
    sys.exit(main())
