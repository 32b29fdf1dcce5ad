"""bench/peers.py LIBHONE [MODEL.onnx ...]: Hone beside ONNX Runtime, OpenVINO and ncnn.

All of them load the same file in this process, are given the same inputs and the same number of
threads, and take turns: in each round everyone runs the model for a while, in another order than
the round before, after a pause in which the threads of the one before go to sleep. What is reported
is the median of the rounds, and how many times as long as Hone the fastest other one takes: the
median of the ratios round by round, with the interval that holds 95 % of the medians of rounds
drawn anew (bootstrap). Outputs are compared with those of ONNX Runtime.
"""
import argparse
import ctypes
import importlib
import math
import os
import pathlib
import platform
import re
import statistics
import subprocess
import sys
import tempfile
import time

import numpy as np

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "tests/differential"), str(ROOT / "tests/bars")]
import bench_graphs  # noqa: E402  (fills weights, draws inputs)
import hone as hone_binding  # noqa: E402
import page  # noqa: E402

PAUSE = 0.03  # seconds; ONNX Runtime's threads spin for a while after a run
TOLERANCE = 1e-3


class Hone:
    name = "Hone"

    def __init__(self, library, model, feeds, threads):
        self.hone = hone_binding.Hone(library)
        c = self.hone.c
        handle, self.engine, self.context = (ctypes.c_void_p() for _ in range(3))
        self.hone.check(c.hone_import(str(model).encode(), None, ctypes.byref(handle)))
        options = hone_binding.EngineOptions(ctypes.sizeof(hone_binding.EngineOptions), threads)
        self.hone.check(c.hone_build(handle, ctypes.byref(options), ctypes.byref(self.engine)))
        c.hone_model_free(handle)
        self.hone.check(c.hone_context_create(self.engine, ctypes.byref(self.context)))
        self.call = self.hone.call(self.engine, self.context, feeds)

    def run(self):
        self.call()

    def outputs(self):
        self.call()
        return self.call.results()

    def close(self):
        self.hone.c.hone_context_free(self.context)
        self.hone.c.hone_engine_free(self.engine)


class OnnxRuntime:
    name = "ONNX Runtime"

    def __init__(self, model, feeds, threads):
        import onnxruntime
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        self.session = onnxruntime.InferenceSession(model, options,
                                                    providers=["CPUExecutionProvider"])
        self.feeds = feeds

    def run(self):
        return self.session.run(None, self.feeds)

    outputs = run

    def close(self):
        del self.session


class OpenVino:
    name = "OpenVINO"

    def __init__(self, model, feeds, threads):
        import openvino
        core = openvino.Core()
        compiled = core.compile_model(core.read_model(model), "CPU", {
            "INFERENCE_NUM_THREADS": threads, "PERFORMANCE_HINT": "LATENCY", "NUM_STREAMS": "1",
            "INFERENCE_PRECISION_HINT": "f32"})
        self.request = compiled.create_infer_request()
        self.count = len(compiled.outputs)
        for name, array in feeds.items():
            self.request.set_tensor(name, openvino.Tensor(array))

    def run(self):
        self.request.infer()

    def outputs(self):
        self.run()
        return [self.request.get_output_tensor(i).data.copy() for i in range(self.count)]

    def close(self):
        del self.request


class Ncnn:
    """Models with one picture as their only input, where pnnx converts them."""
    name = "ncnn"

    def __init__(self, model, feeds, threads):
        import ncnn
        import onnx
        (_, array), = feeds.items()
        if array.ndim != 4 or array.shape[0] != 1:
            raise ValueError("wants one picture")
        self.folder = tempfile.TemporaryDirectory()
        place = pathlib.Path(self.folder.name)
        onnx.save(onnx.load(model), place / "net.onnx")  # pnnx reads no weights beside a model
        sizes = ",".join(map(str, array.shape))
        made = subprocess.run([pathlib.Path(sys.executable).parent / "pnnx", "net.onnx",
                               f"inputshape=[{sizes}]f32", "fp16=0"], capture_output=True,
                              timeout=300, cwd=place)
        if made.returncode:
            raise ValueError(f"pnnx ends with {made.returncode}")
        self.net = ncnn.Net()
        self.net.opt.num_threads = threads
        self.net.opt.use_fp16_storage = self.net.opt.use_fp16_arithmetic = False
        self.net.opt.use_fp16_packed = self.net.opt.use_bf16_storage = False
        if self.net.load_param(str(place / "net.ncnn.param")) or \
                self.net.load_model(str(place / "net.ncnn.bin")):
            raise ValueError("ncnn does not load what pnnx made")
        self.input = ncnn.Mat(np.ascontiguousarray(array[0]))

    def run(self):
        extractor = self.net.create_extractor()
        extractor.input(self.net.input_names()[0], self.input)
        code, found = extractor.extract(self.net.output_names()[0])
        if code:
            raise ValueError(f"ncnn ends with {code}")
        return found

    def outputs(self):
        return [np.array(self.run())]

    def close(self):
        self.folder.cleanup()


PEERS = {"onnxruntime": OnnxRuntime, "openvino": OpenVino, "ncnn": Ncnn}


def difference(got, wanted):
    """The largest, as a share of the largest magnitude of the output."""
    worst = 0.0
    for one, other in zip(got, wanted):
        scale = max(float(np.abs(other).max(initial=0)), 1e-30)
        if one.size != other.size:
            return math.inf
        apart = np.abs(one.reshape(other.shape).astype(np.float64) - other)
        worst = max(worst, float(apart.max(initial=0)) / scale)
    return worst if worst == worst else math.inf


def opened(library, model, feeds, threads, peers):
    """Who runs the model rightly, Hone first; and why others do not."""
    makers = {name: lambda peer=PEERS[name]: peer(str(model), feeds, threads) for name in peers}
    makers["hone"] = lambda: Hone(library, model, feeds, threads)
    runners, absent, wanted = [], [], None
    # ONNX Runtime first: the outputs of the others are held against its own.
    for name, maker in sorted(makers.items(), key=lambda item: item[0] != "onnxruntime"):
        try:
            runner = maker()
            outputs = runner.outputs()
        except Exception as error:  # whatever a peer throws: it is left out, and said so
            absent.append(f"{name}: {str(error).strip().splitlines()[-1]}")
            continue
        wanted = wanted or outputs
        if difference(outputs, wanted) > TOLERANCE:
            absent.append(f"{runner.name} gives other values "
                          f"({difference(outputs, wanted):.1e} apart)")
            runner.close()
            continue
        runners.append(runner)
    runners.sort(key=lambda runner: runner.name != Hone.name)
    return runners, absent


def turn(runner, seconds):
    """The median time of runs that fill so many seconds, three at least."""
    runner.run()
    times, begin = [], time.perf_counter()
    while len(times) < 3 or time.perf_counter() - begin < seconds:
        start = time.perf_counter()
        runner.run()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def rounds_of(runners, rounds, seconds):
    """Times by runner, round by round."""
    times = {runner.name: [] for runner in runners}
    for index in range(rounds):
        shift = index % len(runners)
        for runner in runners[shift:] + runners[:shift]:
            time.sleep(PAUSE)
            times[runner.name].append(turn(runner, seconds))
    return times


def interval(ratios):
    """Median, and the middle 95 % of the medians of as many drawn from them with repetition."""
    random = np.random.default_rng(1)
    drawn = random.choice(np.array(ratios), (2000, len(ratios)))
    low, high = np.percentile(np.median(drawn, axis=1), [2.5, 97.5])
    return statistics.median(ratios), low, high


def judged(name, times, runners):
    """A row: milliseconds of each, and the fastest other one beside Hone."""
    medians = {runner: statistics.median(each) for runner, each in times.items()}
    row = [name] + [f"{1000 * medians[r]:.2f}" if r in medians else "" for r in runners]
    others = {runner: each for runner, each in medians.items() if runner != Hone.name}
    if Hone.name not in medians or not others:
        return row + [""], None
    best = min(others, key=others.get)
    ratio, low, high = interval([other / own for other, own in zip(times[best],
                                                                   times[Hone.name])])
    return row + [f"{ratio:.2f} ({low:.2f} to {high:.2f}), {best}"], ratio


def processor():
    for line in open("/proc/cpuinfo"):
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.processor()


def versions(peers):
    return ", ".join(f"{PEERS[name].name} {importlib.import_module(name).__version__.split('-')[0]}"
                     for name in peers)


def write(section, lines):
    page.write_table(f"peers {section}", lines)


def main():
    words = argparse.ArgumentParser(description=__doc__,
                                    formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("library", type=pathlib.Path, help="libhone.so")
    words.add_argument("models", nargs="*", type=pathlib.Path,
                       help="ONNX files; left out: bench_graphs of HONE_TEST_DATA")
    words.add_argument("--only", default="", metavar="REGEX", help="models by name")
    words.add_argument("--peers", default=",".join(PEERS))
    words.add_argument("--threads", type=int, default=0, help="of each; 0: as many as Hone takes")
    words.add_argument("--rounds", type=int, default=9)
    words.add_argument("--seconds", type=float, default=0.3, help="of a turn")
    words.add_argument("--write", metavar="SECTION",
                       help="put the table into docs/performance.md, between "
                            "<!-- peers SECTION --> and <!-- end -->")
    chosen = words.parse_args()
    data = pathlib.Path(os.environ.get("HONE_TEST_DATA", ROOT.parent / "shared"))
    models = chosen.models or sorted((data / "bench_graphs").glob("*.onnx"))
    models = [model for model in models if re.search(chosen.only, model.name)]
    if not models:
        print("peers: there are no models: name some, or set HONE_TEST_DATA")
        return 77
    threads = chosen.threads or len(os.sched_getaffinity(0))
    peers = [name for name in chosen.peers.split(",") if name]
    names = [Hone.name] + [PEERS[name].name for name in peers]
    lines = [f"{processor()}, {threads} threads each; {time.strftime('%Y-%m-%d')}; "
             f"{versions(peers)}. Milliseconds of one inference, the median of {chosen.rounds} "
             "rounds.", "",
             "| model | " + " | ".join(names) + " | the fastest other / Hone |",
             "|---|" + "---:|" * len(names) + "---|"]
    print("\n".join(lines), flush=True)
    ratios, notes = [], []
    for model in models:
        with tempfile.TemporaryDirectory() as folder:
            filled = bench_graphs.fill(model, pathlib.Path(folder))
            feeds = bench_graphs.example_inputs_of(filled)
            runners, absent = opened(chosen.library, filled, feeds, threads, peers)
            notes += [f"{model.stem}: {why}" for why in absent]
            row, ratio = judged(model.stem, rounds_of(runners, chosen.rounds, chosen.seconds),
                                names)
            for runner in runners:
                runner.close()
        ratios += [ratio] if ratio else []
        lines.append("| " + " | ".join(row) + " |")
        print(lines[-1], flush=True)
    if ratios:
        mean = math.exp(statistics.fmean(map(math.log, ratios)))
        lines += ["", f"Geometric mean of {len(ratios)}: {mean:.2f}; the least {min(ratios):.2f}."]
        print("\n".join(lines[-2:]))
    if notes:
        lines += ["", "Left out: " + "; ".join(notes) + "."]
        print(lines[-1])
    if chosen.write:
        write(chosen.write, lines)
    return 0


if __name__ == "__main__":
    sys.exit(main())
