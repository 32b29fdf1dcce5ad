"""tests/gpu/sizes.py HONE LIBHONE MODEL [COUNT [OPTION...]]: inferences of sizes that change.

The tool HONE builds MODEL for a GPU, with these OPTIONs of `hone build`; the library runs it COUNT
times (10,000) with a batch of 1 to 16 and, where it has more open sizes, lengths of 8 to 256, while
NVRTC is hidden: nothing can be compiled. Printed are the memory of the GPU after a tenth of the
runs and after all, and how long the first inference of each choice of sizes took. Fails where the
memory grew, or a first inference took longer than 20 ms.
"""
import ctypes
import os
import pathlib
import random
import statistics
import subprocess
import sys
import tempfile
import time

import numpy as np

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "differential"))
import hone as hone_binding  # noqa: E402

MOST_FIRST = 0.020  # seconds


class EngineOptions(ctypes.Structure):
    _fields_ = [("size", ctypes.c_size_t), ("workers", ctypes.c_int32),
                ("padding", ctypes.c_int32), ("device", ctypes.c_char_p)]


class Memory:
    """Bytes of the GPU in use."""

    def __init__(self):
        self.driver = ctypes.CDLL("libcuda.so.1")
        device, context = ctypes.c_int(), ctypes.c_void_p()
        self.driver.cuInit(0)
        self.driver.cuDeviceGet(ctypes.byref(device), 0)
        self.driver.cuDevicePrimaryCtxRetain(ctypes.byref(context), device)
        self.driver.cuCtxSetCurrent(context)

    def used(self):
        free, total = ctypes.c_size_t(), ctypes.c_size_t()
        assert self.driver.cuMemGetInfo_v2(ctypes.byref(free), ctypes.byref(total)) == 0
        return total.value - free.value


def ports_of(hone, engine):
    """Names, dtypes and dims (-1: open) of the inputs."""
    count = hone.c.hone_engine_inputs
    count.restype, count.argtypes = ctypes.c_size_t, [ctypes.c_void_p]
    ports = []
    for i in range(count(engine)):
        port = hone_binding.Port()
        hone.check(hone.c.hone_engine_input(engine, ctypes.c_size_t(i), ctypes.byref(port)))
        ports.append((port.name.decode(), hone.dtypes[port.dtype],
                      [port.dims[k] for k in range(port.rank)]))
    return ports


def feeds_of(ports, sizes):
    feeds = {}
    for name, dtype, dims in ports:
        shape = [d if d > 0 else sizes[min(k, 1)] for k, d in enumerate(dims)]
        feeds[name] = (np.ones(shape, dtype) if dtype.kind == "i"
                       else np.random.standard_normal(shape).astype(dtype))
    return feeds


def main(tool, library, model, count="10000", *options):
    with tempfile.TemporaryDirectory() as folder:
        file = pathlib.Path(folder) / "engine.hone"
        subprocess.run([tool, "build", model, "-o", file, "--device", "cuda", *options],
                       check=True, stdout=subprocess.DEVNULL)
        os.environ["HONE_NVRTC"] = "/nowhere"
        hone = hone_binding.Hone(library)
        engine, context = ctypes.c_void_p(), ctypes.c_void_p()
        how = EngineOptions(ctypes.sizeof(EngineOptions), 0, 0, b"cuda")
        hone.check(hone.c.hone_engine_load(str(file).encode(), ctypes.byref(how),
                                           ctypes.byref(engine)))
    hone.check(hone.c.hone_context_create(engine, ctypes.byref(context)))
    ports, memory, draw, first, used = ports_of(hone, engine), Memory(), random.Random(1), {}, []
    lengths = any(d < 0 for _, _, dims in ports for d in dims[1:])
    chosen = [(draw.randint(1, 16), draw.randint(8, 256) if lengths else 0) for _ in range(64)]
    feeds = {sizes: feeds_of(ports, sizes) for sizes in set(chosen)}
    hone.run_context(engine, context, feeds[chosen[0]])
    begin = time.perf_counter()
    for run in range(int(count)):
        sizes = draw.choice(chosen[1:])
        start = time.perf_counter()
        hone.run_context(engine, context, feeds[sizes])
        first.setdefault(sizes, time.perf_counter() - start)
        if run == int(count) // 10:
            used.append(memory.used())
    used.append(memory.used())
    least = statistics.median(first.values())
    print(f"{pathlib.Path(model).stem}: {count} inferences of {len(first)} sizes in "
          f"{time.perf_counter() - begin:.1f} s, GPU memory {used[0] >> 20} MiB, then "
          f"{used[1] >> 20} MiB; first inference of a size {1e3 * least:.1f} ms, at most "
          f"{1e3 * max(first.values()):.1f} ms")
    hone.c.hone_context_free(context)
    hone.c.hone_engine_free(engine)
    return 1 if used[1] > used[0] or max(first.values()) > MOST_FIRST else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
