"""bench/gpu_words.py LIBHONE: language models on one GPU, prompts and single tokens.

The models are made here, with random weights (language_models.py), as onnxruntime-genai writes
them: past and present caches are one buffer of 2,048 places on the GPU. Small ones are held against
the CPU engine first (--check); large ones are timed, tensors on the GPU, and waited for after each
run. A token's bytes are the weights and the part of the caches that attention reads, each once; the
percentage is of what a copy reaches (--bandwidth). "growing": a mask that is one longer with every
token, so that nothing is replayed.
"""
import argparse
import ctypes
import pathlib
import re
import statistics
import sys
import tempfile
import time

import numpy as np
import onnx
import torch

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "bench"), str(ROOT / "tests/differential")]
import hone as hone_binding  # noqa: E402
from language_models import Sizes, decoder  # noqa: E402

ON_DEVICE, ROOM = 1, 2048
SMALL = dict(sizes=Sizes(layers=2))
CHECKED = {
    "f16": lambda: decoder("f16", **SMALL),
    "f16, 4 bits": lambda: decoder("f16", bits=4, **SMALL),
    "f16, 8 bits in blocks of 128": lambda: decoder("f16", bits=8, block=128, level=4, **SMALL),
    "f16, 4 bits, norms of queries": lambda: decoder("f16", bits=4, q_k_norm=True, sizes=Sizes(
        layers=2, head=128, heads=8, shared=2)),
    "f32": lambda: decoder("f32", **SMALL),
    "f32, 4 bits": lambda: decoder("f32", bits=4, **SMALL),
}
LLAMA_1B = Sizes(layers=8, hidden=2048, heads=32, shared=8, head=64, inner=8192, vocab=32768)
LLAMA_8B = Sizes(layers=8, hidden=4096, heads=32, shared=8, head=128, inner=14336, vocab=32768)
TIMED = {
    "8 layers of Llama 1B, f16": lambda: decoder("f16", LLAMA_1B),
    "8 layers of Llama 8B, 4 bits": lambda: decoder("f16", LLAMA_8B, bits=4),
    "8 layers of Llama 1B, 8 bits": lambda: decoder("f16", LLAMA_1B, bits=8, block=128),
}


class EngineOptions(ctypes.Structure):
    _fields_ = [("size", ctypes.c_size_t), ("workers", ctypes.c_int32),
                ("padding", ctypes.c_int32), ("device", ctypes.c_char_p),
                ("storage", ctypes.c_int), ("no_fallback", ctypes.c_int32)]


class Engine:
    def __init__(self, library, model, device=None):
        self.hone, self.device = hone_binding.Hone(library), device
        c = self.hone.c
        handle, self.engine, self.context = (ctypes.c_void_p() for _ in range(3))
        with tempfile.TemporaryDirectory() as folder:
            file = pathlib.Path(folder) / "model.onnx"
            onnx.save(model, file)
            self.hone.check(c.hone_import(str(file).encode(), None, ctypes.byref(handle)))
            options = EngineOptions(ctypes.sizeof(EngineOptions), 0, 0, device, 0,
                                    1 if device else 0)
            begin = time.perf_counter()
            self.hone.check(c.hone_build(handle, ctypes.byref(options),
                                         ctypes.byref(self.engine)))
            self.seconds = time.perf_counter() - begin
        c.hone_model_free(handle)
        self.hone.check(c.hone_context_create(self.engine, ctypes.byref(self.context)))

    def close(self):
        self.hone.c.hone_context_free(self.context)
        self.hone.c.hone_engine_free(self.engine)

    def views(self, tensors):
        views = (hone_binding.TensorView * len(tensors))()
        for view, (name, tensor) in zip(views, tensors.items()):
            view.name, view.rank = name.encode(), tensor.dim()
            view.dtype = self.hone.numbers[np.dtype(str(tensor.dtype).split(".")[1])]
            view.shape = (ctypes.c_int64 * max(1, tensor.dim()))(*tensor.shape)
            view.data, view.bytes = tensor.data_ptr(), tensor.numel() * tensor.element_size()
            view.place = ON_DEVICE if tensor.is_cuda else 0
        return views

    def run(self, given, places):
        self.hone.check(self.hone.c.hone_run(self.context, given, ctypes.c_size_t(len(given)),
                                             places, ctypes.c_size_t(len(places))))


def tensors_of(model, fresh, past, where, mask=0, seed=2):
    """Inputs by name, and places of results; a cache is both. `mask`: its length, 0: as many as
    there are."""
    random = torch.Generator().manual_seed(seed)
    given, places = {}, {}
    kinds = {1: torch.float32, 10: torch.float16}
    for value in model.graph.input:
        if value.name == "input_ids":
            given[value.name] = torch.randint(0, 8192, (1, fresh), generator=random)
        elif value.name == "attention_mask":
            ones = torch.zeros(1, max(mask, past + fresh), dtype=torch.int64)
            ones[:, :past + fresh] = 1
            given[value.name] = ones
        else:
            dims = [d.dim_value for d in value.type.tensor_type.shape.dim]
            made = torch.randn(1, dims[1], ROOM, dims[3], generator=random) * 0.5
            given[value.name] = made.to(kinds[value.type.tensor_type.elem_type])
    given = {name: tensor.to(where) for name, tensor in given.items()}
    for value in model.graph.output:
        if value.name.startswith("present"):
            places[value.name] = given[value.name.replace("present", "past_key_values")]
        else:
            dims = [d.dim_value for d in value.type.tensor_type.shape.dim]
            kind = kinds[value.type.tensor_type.elem_type]
            places[value.name] = torch.zeros(1, fresh, dims[2], dtype=kind, device=where)
    return given, places


def apart(a, b):
    a, b = a.double().cpu(), b.double().cpu()
    return float(((a - b) ** 2).mean().sqrt() / (b ** 2).mean().sqrt().clamp(min=1e-30))


def check(library, name, make):
    """The largest difference to the CPU engine; caches in place on both."""
    model = make()
    engines = [Engine(library, model), Engine(library, model, b"cuda")]
    worst = []
    for fresh, past, mask in [(7, 0, 0), (100, 0, 0), (1, 100, 0), (1, 700, 0), (1, 700, ROOM),
                              (1, 701, ROOM), (1, 702, ROOM), (3, 1000, 0), (40, 300, 0)]:
        answers = []
        for engine in engines:
            given, places = tensors_of(model, fresh, past, engine.device and "cuda" or "cpu", mask)
            engine.run(engine.views(given), engine.views(places))
            answers.append(places)
        worst.append(max(apart(answers[1][key], value) for key, value in answers[0].items()))
    for engine in engines:
        engine.close()
    print(f"check {name}: {' '.join(f'{w:.0e}' for w in worst)}", flush=True)
    return max(worst) < (1e-4 if name.startswith("f32") else 2e-2)


def median_of(engine, given, places, runs):
    views = engine.views(given), engine.views(places)
    for _ in range(3):
        engine.run(*views)
    times = []
    for _ in range(runs):
        begin = time.perf_counter()
        engine.run(*views)
        times.append(time.perf_counter() - begin)
    return statistics.median(times)


def growing(engine, model, past, count):
    runs = []
    for i in range(count):
        given, places = tensors_of(model, 1, past + i, "cuda") if i == 0 else (given, places)
        given["attention_mask"] = torch.ones(1, past + i + 1, dtype=torch.int64, device="cuda")
        views = engine.views(given), engine.views(places)
        torch.cuda.synchronize()
        begin = time.perf_counter()
        engine.run(*views)
        runs.append(time.perf_counter() - begin)
    return statistics.median(runs[2:])


def measure(library, name, make, options):
    model = make()
    constants = sum(len(each.raw_data) for each in model.graph.initializer)
    table = next(each for each in model.graph.initializer if list(each.dims[:1]) == [32768])
    weights = constants - len(table.raw_data)
    engine = Engine(library, model, b"cuda")
    print(f"{name}: {constants / 1e9:.2f} GB, built in {engine.seconds:.1f} s", flush=True)
    for fresh in (128, 512):
        given, places = tensors_of(model, fresh, 0, "cuda")
        seconds = median_of(engine, given, places, 20)
        print(f"  prompt of {fresh}: {1e3 * seconds:.2f} ms, {fresh / seconds:,.0f} tokens/s")
    for past, mask in ((128, 0), (1024, 0), (1024, ROOM)):
        given, places = tensors_of(model, 1, past, "cuda", mask)
        seconds = median_of(engine, given, places, 200)
        kept = sum(t.numel() * 2 * past / ROOM for n, t in given.items() if n.startswith("past"))
        rate = (weights + kept) / seconds
        print(f"  token behind {past}{', mask of 2048' if mask else ''}: {1e3 * seconds:.3f} ms, "
              f"{1 / seconds:,.0f} tokens/s, {rate / 1e12:.2f} TB/s, "
              f"{100 * rate / options.bandwidth:.0f} %", flush=True)
    print(f"  token, mask growing from 256: {1e3 * growing(engine, model, 256, 40):.3f} ms")
    engine.close()


def main():
    words = argparse.ArgumentParser(description=__doc__,
                                    formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("library", type=pathlib.Path, help="libhone.so")
    words.add_argument("--only", default="", metavar="REGEX", help="models by name")
    words.add_argument("--check", action="store_true", help="only hold small ones against the CPU")
    words.add_argument("--time", action="store_true", help="only time large ones")
    words.add_argument("--bandwidth", type=float, default=4.3e12, help="bytes/s of a copy")
    options = words.parse_args()
    good = True
    for name, make in CHECKED.items():
        if options.time or not re.search(options.only, name):
            continue
        good &= check(options.library, name, make)
    for name, make in TIMED.items():
        if not options.check and re.search(options.only, name):
            measure(options.library, name, make, options)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
