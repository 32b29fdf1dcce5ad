"""bench/gpu_peers.py LIBHONE: Hone beside PyTorch on one GPU.

Networks of torchvision and transformers with random weights. Hone builds what PyTorch exports as
ONNX, with --tool by the command line, which times kernels; PyTorch runs the network itself: eager,
captured as a CUDA graph, and with --compile compiled with max-autotune. All have their inputs and
results on the GPU (f32 in, f32 out, halves inside where --halves says so) and are waited for after
every inference. They take turns, in another order each round. Reported are medians of the rounds,
and how many times as long as Hone the fastest of PyTorch takes: the median of the ratios round by
round, with the interval that holds 95 % of the medians of rounds drawn anew. Results are held
against PyTorch's in f32. With --together each network and batch has a process of its own, and
torch.compile another one: all are made beside one another within --making seconds, who is not ready
then is left out, and the others are measured one after the other. --write NAME puts the table
between the marks of that name in docs/performance.md.
"""
import argparse
import ctypes
import json
import math
import os
import pathlib
import select
import signal
import statistics
import subprocess
import sys
import tempfile
import time

import numpy as np
import torch

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "bench"), str(ROOT / "tests/differential"), str(ROOT / "tests/bars")]
import hone as hone_binding  # noqa: E402
import page  # noqa: E402

ON_DEVICE = 1  # HONE_ON_DEVICE
STORAGE = {"f32": 0, "f16": 1, "bf16": 2}
TYPES = {"f32": torch.float32, "f16": torch.float16, "bf16": torch.bfloat16}
# Of the largest magnitude: what rounding to halves, layer after layer, may come to.
TOLERANCE = {"f32": 2e-3, "f16": 4e-2, "bf16": 2e-1}
PICTURES = ["resnet50", "mobilenet_v2", "efficientnet_b0", "resnet18", "vgg16", "densenet121",
            "squeezenet1_1", "shufflenet_v2_x1_0", "regnet_y_400mf", "mobilenet_v3_large",
            "resnext50_32x4d", "convnext_tiny", "vit_b_16", "swin_t", "inception_v3"]
TEXTS = {"bert_base": dict(), "bert_large": dict(hidden_size=1024, num_hidden_layers=24,
                                                 num_attention_heads=16, intermediate_size=4096)}


def network(name, batch, length):
    """A network in f32, and its inputs by name, on the GPU."""
    torch.manual_seed(1)
    if name in TEXTS:
        import transformers
        config = transformers.BertConfig(attn_implementation="sdpa", **TEXTS[name])
        made = Text(transformers.BertModel(config, add_pooling_layer=False))
        inputs = {"ids": torch.randint(0, 1000, (batch, length))}
    else:
        import torchvision
        more = {"init_weights": True, "transform_input": False} if name == "inception_v3" else {}
        made = torchvision.models.get_model(name, weights=None, **more)
        for each in made.modules():  # the last layer of vit_b_16 begins with zeros
            if isinstance(each, torch.nn.Linear) and not each.weight.any():
                torch.nn.init.normal_(each.weight, std=0.02)
        side = 299 if name == "inception_v3" else 224
        inputs = {"image": torch.randn(batch, 3, side, side)}
    made, inputs = made.cuda(), {key: value.cuda() for key, value in inputs.items()}
    settle(made, inputs)
    torch.cuda.empty_cache()  # others have as much to do
    return made.eval(), inputs


def settle(model, inputs):
    """Statistics of what flows through it, so that random weights neither fade nor grow."""
    norms = [each for each in model.modules()
             if isinstance(each, torch.nn.modules.batchnorm._BatchNorm)]
    if not norms:
        return
    for each in norms:
        each.momentum = None
    model.train()
    for each in model.modules():
        if isinstance(each, (torch.nn.Dropout, torch.nn.modules.dropout._DropoutNd)):
            each.eval()
    with torch.no_grad():
        model(*(value.new_empty(8, *value.shape[1:]).normal_() for value in inputs.values()))


class Text(torch.nn.Module):
    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, ids):
        return self.model(input_ids=ids).last_hidden_state


class EngineOptions(ctypes.Structure):
    _fields_ = [("size", ctypes.c_size_t), ("workers", ctypes.c_int32),
                ("padding", ctypes.c_int32), ("device", ctypes.c_char_p),
                ("storage", ctypes.c_int), ("no_fallback", ctypes.c_int32)]


class Hone:
    name = "Hone"

    def __init__(self, library, model, inputs, wanted, halves, tool=None):
        self.hone = hone_binding.Hone(library)
        c = self.hone.c
        self.engine, self.context = ctypes.c_void_p(), ctypes.c_void_p()
        options = EngineOptions(ctypes.sizeof(EngineOptions), 0, 0, b"cuda", STORAGE[halves], 0)
        begin = time.perf_counter()
        if tool is None:
            handle = ctypes.c_void_p()
            self.hone.check(c.hone_import(str(model).encode(), None, ctypes.byref(handle)))
            self.hone.check(c.hone_build(handle, ctypes.byref(options), ctypes.byref(self.engine)))
            c.hone_model_free(handle)
        else:
            engine = model.with_suffix(".hone")
            storage = {"f32": [], "f16": ["--fp16"], "bf16": ["--bf16"]}[halves]
            subprocess.run([tool, "build", model, "-o", engine, "--device", "cuda", "--opt", "2",
                            *storage], check=True, stdout=subprocess.DEVNULL)
            options.storage = 0
            self.hone.check(c.hone_engine_load(str(engine).encode(), ctypes.byref(options),
                                               ctypes.byref(self.engine)))
        self.hone.check(c.hone_context_create(self.engine, ctypes.byref(self.context)))
        self.made = time.perf_counter() - begin
        self.result = torch.empty_like(wanted)
        self.tensors = list(inputs.items())
        self.given = self.views(self.tensors)
        self.places = self.views([("result", self.result)])

    def views(self, tensors):
        views = (hone_binding.TensorView * len(tensors))()
        for view, (name, tensor) in zip(views, tensors):
            view.name, view.rank = name.encode(), tensor.dim()
            view.dtype = self.hone.numbers[np.dtype(str(tensor.dtype).split(".")[1])]
            view.shape = (ctypes.c_int64 * max(1, tensor.dim()))(*tensor.shape)
            view.data, view.bytes = tensor.data_ptr(), tensor.numel() * tensor.element_size()
            view.place = ON_DEVICE
        return views

    def run(self):
        self.hone.check(self.hone.c.hone_run(self.context, self.given,
                                             ctypes.c_size_t(len(self.given)), self.places,
                                             ctypes.c_size_t(1)))

    def outputs(self):
        self.run()
        return self.result

    def close(self):
        self.hone.c.hone_context_free(self.context)
        self.hone.c.hone_engine_free(self.engine)


def in_halves(model, inputs, halves):
    """PyTorch's way: weights and activations in halves, pictures with channels last."""
    import copy
    model = copy.deepcopy(model).to(TYPES[halves])
    pictures = any(value.dim() == 4 for value in inputs.values())
    if pictures:
        model = model.to(memory_format=torch.channels_last)

    def call(*values):
        values = [value.to(TYPES[halves], memory_format=torch.channels_last)
                  if value.dim() == 4 else value for value in values]
        return model(*values).float()
    return call


class Eager:
    """As a CUDA graph: launches cost what they cost in Hone."""
    name = "PyTorch"

    def __init__(self, model, inputs, halves):
        self.call = in_halves(model, inputs, halves)  # whose weights the graph reads
        values = list(inputs.values())
        side = torch.cuda.Stream()
        with torch.no_grad(), torch.cuda.stream(side):
            for _ in range(3):
                self.call(*values)
        torch.cuda.synchronize()
        self.graph = torch.cuda.CUDAGraph()
        with torch.no_grad(), torch.cuda.graph(self.graph):
            self.result = self.call(*values)

    def run(self):
        self.graph.replay()
        torch.cuda.synchronize()

    def outputs(self):
        self.run()
        return self.result

    def close(self):
        del self.graph, self.result, self.call


class Compiled:
    name = "torch.compile"

    def __init__(self, model, inputs, halves):
        self.call = torch.compile(in_halves(model, inputs, halves), mode="max-autotune")
        self.values = list(inputs.values())
        begin = time.perf_counter()
        for _ in range(3):
            self.run()
        self.made = time.perf_counter() - begin

    def run(self):
        with torch.no_grad():
            self.result = self.call(*self.values)
        torch.cuda.synchronize()

    def outputs(self):
        self.run()
        return self.result.clone()

    def close(self):
        del self.call
        torch._dynamo.reset()


def opened(makers, wanted, halves):
    """Who runs the network rightly, and why others do not."""
    runners, absent = [], []
    for name, maker in makers.items():
        try:
            runner = maker()
            apart = float((runner.outputs().float() - wanted).abs().max() / wanted.abs().max())
        except Exception as error:  # whatever it is, it is told
            absent.append(f"{name}: {told_of(error)}")
            continue
        if not apart <= TOLERANCE[halves]:
            absent.append(f"{name} is {apart:.1e} apart")
            runner.close()
            continue
        runner.apart = apart
        runners.append(runner)
    return runners, absent


def turn(runner, seconds):
    """The median time of runs that fill so many seconds, five at least, behind two that warm up."""
    runner.run(), runner.run()
    times, begin = [], time.perf_counter()
    while len(times) < 5 or time.perf_counter() - begin < seconds:
        start = time.perf_counter()
        runner.run()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def rounds_of(runners, rounds, seconds):
    times = {runner.name: [] for runner in runners}
    for index in range(rounds):
        shift = index % len(runners)
        for runner in runners[shift:] + runners[:shift]:
            times[runner.name].append(turn(runner, seconds))
    return times


def interval(ratios):
    random = np.random.default_rng(1)
    drawn = random.choice(np.array(ratios), (2000, len(ratios)))
    low, high = np.percentile(np.median(drawn, axis=1), [2.5, 97.5])
    return statistics.median(ratios), low, high


def row_of(name, batch, times, names):
    medians = {runner: statistics.median(each) for runner, each in times.items()}
    row = [name, str(batch)] + [f"{1e3 * medians[r]:.3f}" if r in medians else "" for r in names]
    others = {runner: each for runner, each in medians.items() if runner != Hone.name}
    if Hone.name not in medians or not others:
        return row + [""], None
    best = min(others, key=others.get)
    ratio, low, high = interval([b / a for a, b in zip(times[Hone.name], times[best])])
    return row + [f"{ratio:.2f} ({low:.2f}-{high:.2f}) {best}"], ratio


def is_compiled(chosen, name):
    return chosen.compile == "all" or name in chosen.compile.split(",")


def within(seconds, make):
    """What make() gives, or an error after so long."""
    def late(*_):
        raise TimeoutError(f"not made within {seconds:.0f} s")
    signal.signal(signal.SIGALRM, late)
    signal.setitimer(signal.ITIMER_REAL, max(0.1, seconds))
    try:
        return make()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def made(chosen, name, batch, end, part="all"):
    """Gives who runs the network rightly, and what is to be told of them and of others, when it is
    called: what PyTorch times to choose its kernels is made then, when nobody else runs. `part`:
    "compile": torch.compile alone; "plain": all others."""
    model, inputs = network(name, batch, chosen.length)
    with torch.no_grad():
        wanted = model(*inputs.values()).float()
    with tempfile.TemporaryDirectory() as folder:
        file = pathlib.Path(folder) / "net.onnx"
        makers = {}
        if part != "compile":
            torch.onnx.export(model, tuple(inputs.values()), str(file), input_names=list(inputs),
                              output_names=["result"], dynamo=False)
            makers["Hone"] = lambda: Hone(chosen.library, file, inputs, wanted, chosen.halves,
                                          chosen.tool)
        if part != "plain" and is_compiled(chosen, name):
            makers["torch.compile"] = lambda: within(end - time.monotonic(),
                                                     lambda: Compiled(model, inputs, chosen.halves))
        runners, absent = opened(makers, wanted, chosen.halves)

    def complete():
        eager = {"PyTorch": lambda: Eager(model, inputs, chosen.halves)}
        more, why = opened(eager if part != "compile" else {}, wanted, chosen.halves)
        told = [f"{runner.name} {runner.apart:.0e} apart" + (f", made in {runner.made:.1f} s"
                if hasattr(runner, "made") else "") for runner in runners + more]
        return runners + more, told + absent + why
    return complete


def timed(chosen, complete):
    """Times by runner, and what is to be told."""
    runners, told = complete()
    times = rounds_of(runners, chosen.rounds, chosen.seconds) if runners else {}
    for runner in runners:
        runner.close()
    return times, told


def told_of(error):
    return (str(error).strip() or repr(error)).splitlines()[0][:200]


def in_turn(chosen, nets, batches):
    """Times and notes of each network and batch."""
    begin = time.monotonic()
    for name in nets:
        for batch in batches:
            if time.monotonic() - begin > chosen.limit:
                yield name, batch, {}, ["no time left"]
                continue
            try:
                complete = made(chosen, name, batch, time.monotonic() + chosen.making)
                yield name, batch, *timed(chosen, complete)
            except Exception as error:
                yield name, batch, {}, [told_of(error)]
            torch.cuda.empty_cache()


def one_of_many(chosen, name, batch, part):
    """A process of --together: makes its part of a network, and then does as it is asked."""
    runners = []
    try:
        complete = made(chosen, name, batch, time.monotonic() + chosen.making, part)
        print("made", flush=True)
        for line in sys.stdin:
            word, *number = line.split()
            if word == "begin":
                runners, told = complete()
                print(json.dumps(told), flush=True)
            else:
                shift = int(number[0]) % max(1, len(runners))
                order = runners[shift:] + runners[:shift]
                print(json.dumps({each.name: turn(each, chosen.seconds) for each in order}),
                      flush=True)
    except Exception as error:
        print(json.dumps(told_of(error)), flush=True)


class Child:
    """A process of --together, and what it says."""

    def __init__(self, words, name, batch, part, more):
        self.about, self.is_there = part, True
        self.process = subprocess.Popen(
            [sys.executable, __file__, *words, "--one", f"{name}:{batch}:{part}"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            stderr=subprocess.DEVNULL, env=dict(os.environ, **more))

    def line(self, end):
        """What it says next, until then: a stuck one hears no alarm, and is ended."""
        if not self.is_there:
            return ""
        heard = select.select([self.process.stdout], [], [], max(0, end - time.monotonic()))[0]
        line = self.process.stdout.readline() if heard else ""
        if not line:
            self.close()
        return line

    def ask(self, words):
        """Its answer, in json; None: it has none."""
        if not self.is_there:
            return None
        try:
            self.process.stdin.write(words + "\n")
            self.process.stdin.flush()
        except OSError:
            self.close()
        line = self.line(time.monotonic() + 60)
        return json.loads(line) if line else None

    def close(self):
        self.is_there = False
        self.process.kill()
        self.process.wait()


def together(chosen, nets, batches):
    """The same as in_turn(), made beside one another; torch.compile in processes of its own."""
    words = [word for word in sys.argv[1:] if word != "--together"]
    wanted = [(name, batch, part) for name in nets for batch in batches
              for part in ("plain", "compile") if part == "plain" or is_compiled(chosen, name)]
    cores = os.cpu_count() or 1
    compiled = sum(part == "compile" for _, _, part in wanted)
    more = {"OMP_NUM_THREADS": str(max(1, cores // len(wanted))),
            "TORCHINDUCTOR_COMPILE_THREADS": str(max(1, cores // max(1, compiled)))}
    children = {}
    for name, batch, part in wanted:
        children.setdefault((name, batch), []).append(Child(words, name, batch, part, more))
    end = time.monotonic() + chosen.making + 20
    absent = {}
    for key, both in children.items():
        for child in both:
            line = child.line(end)
            if line != "made\n":
                absent.setdefault(key, []).append(f"{child.about}: "
                                                  f"{json.loads(line) if line else 'not made'}")
                child.close()
    for (name, batch), both in children.items():
        times, told = {}, absent.get((name, batch), [])
        for child in both:
            answer = child.ask("begin") or []
            told += [f"{child.about}: {answer}"] if isinstance(answer, str) else answer
        for index in range(chosen.rounds):
            for child in both[index % len(both):] + both[:index % len(both)]:
                answer = child.ask(f"turn {index}") or {}
                if isinstance(answer, str):  # an error: it has none from now on
                    told.append(f"{child.about}: {answer}")
                    child.close()
                    continue
                for runner, seconds in answer.items():
                    times.setdefault(runner, []).append(seconds)
        for child in both:
            child.close()
        whole = {runner: each for runner, each in times.items() if len(each) == chosen.rounds}
        yield name, batch, whole, told


def main():
    words = argparse.ArgumentParser(description=__doc__,
                                    formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("library", type=pathlib.Path, help="libhone.so")
    words.add_argument("--tool", help="hone: builds with --opt 2, kernels by the clock")
    words.add_argument("--nets", default=",".join(PICTURES + list(TEXTS)))
    words.add_argument("--batches", default="1,32")
    words.add_argument("--length", type=int, default=128, help="of sequences")
    words.add_argument("--halves", default="f16", choices=list(STORAGE))
    words.add_argument("--compile", nargs="?", const="all", default="", metavar="NETS",
                       help="torch.compile, too: minutes a network")
    words.add_argument("--rounds", type=int, default=9)
    words.add_argument("--seconds", type=float, default=0.05, help="of a turn")
    words.add_argument("--limit", type=float, default=1e9, help="begin no network after so long, s")
    words.add_argument("--together", action="store_true")
    words.add_argument("--making", type=float, default=600, help="s, of torch.compile")
    words.add_argument("--write", help="the name of a table")
    words.add_argument("--one", help=argparse.SUPPRESS)
    chosen = words.parse_args()
    if not torch.cuda.is_available():
        print("gpu_peers: there is no GPU")
        return 77
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    torch.backends.cudnn.benchmark = True
    batches = list(map(int, chosen.batches.split(",")))
    if chosen.one:
        name, batch, part = chosen.one.split(":")
        one_of_many(chosen, name, int(batch), part)
        return 0
    names = ["Hone", "PyTorch"] + (["torch.compile"] if chosen.compile else [])
    lines = [f"{torch.cuda.get_device_name()}, PyTorch {torch.__version__}, {chosen.halves}, ms, "
             f"median of {chosen.rounds} rounds", "",
             "| network | batch | " + " | ".join(names) + " | the fastest other / Hone |",
             "|---|---|" + "---:|" * len(names) + "---|"]
    print("\n".join(lines), flush=True)
    ratios, notes = [], []
    each = (together if chosen.together else in_turn)(chosen, chosen.nets.split(","), batches)
    for name, batch, times, told in each:
        notes += [f"{name} {batch}: {one}" for one in told]
        if not times:
            continue
        row, ratio = row_of(name, batch, times, names)
        ratios += [ratio] if ratio else []
        lines.append("| " + " | ".join(row) + " |")
        print(lines[-1], flush=True)
    if ratios:
        mean = math.exp(statistics.fmean(map(math.log, ratios)))
        lines += ["", f"Geometric mean of {len(ratios)}: {mean:.2f}; the least {min(ratios):.2f}."]
        print("\n".join(lines[-2:]))
    if chosen.write:
        page.write_table(f"gpu-peers {chosen.write}", lines)
    print("\n" + "\n".join(notes))
    return 0


if __name__ == "__main__":
    sys.exit(main())
