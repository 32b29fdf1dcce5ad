"""tests/tools/hone_test.py HONE [--bless]: every verb of the tool, its exit codes, its messages
(tests/errors/cli.test pins them), and what a kill leaves behind."""
import json
import os
import pathlib
import re
import shlex
import signal
import struct
import subprocess
import sys
import tempfile
import time
import unittest
import xml.etree.ElementTree
import zipfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "hostile"))
import onnx_bytes as onnx  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parents[2]
DIGITS = ROOT / "examples/digits/digits.onnx"
PINNED = ROOT / "tests/errors/cli.test"
VERBS = ("run", "build", "convert", "inspect", "compare", "doctor", "version")


def npy(kind, shape, data):
    """The bytes of a .npy file; `kind` is a code of struct."""
    dtype = {"f": "<f4", "d": "<f8", "B": "|u1", "q": "<i8"}[kind]
    sizes = "".join(f"{size}," for size in shape)
    header = f"{{'descr': '{dtype}', 'fortran_order': False, 'shape': ({sizes}), }}"
    header = header.ljust(117) + "\n"
    return (b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode() +
            struct.pack(f"<{len(data)}{kind}", *data))


def floats(path, name):
    """Shape and elements of a float array in an .npz."""
    with zipfile.ZipFile(path) as archive:
        data = archive.read(name + ".npy")
    size = struct.unpack("<H", data[8:10])[0]
    shape = re.search(r"'shape': \(([^)]*)\)", data[10:10 + size].decode()).group(1)
    body = data[10 + size:]
    return ([int(s) for s in shape.split(",") if s.strip()],
            struct.unpack(f"<{len(body) // 4}f", body))


def write_inputs(folder):
    """What the commands of the tests and of cli.test read."""
    picture = [((i * 7) % 17) / 16 for i in range(64)]
    (folder / "one.npy").write_bytes(npy("f", (1, 1, 8, 8), picture))
    (folder / "two.npy").write_bytes(npy("f", (2, 1, 8, 8), picture * 2))
    (folder / "last.npy").write_bytes(npy("f", (8, 8, 1), picture))
    (folder / "first.npy").write_bytes(npy("f", (1, 8, 8), picture))
    (folder / "double.npy").write_bytes(npy("d", (1, 1, 8, 8), picture))
    (folder / "wide.npy").write_bytes(npy("f", (1, 1, 8, 9), [0.0] * 72))
    (folder / "bytes.npy").write_bytes(npy("B", (8, 8, 1), range(64)))
    with zipfile.ZipFile(folder / "in.npz", "w") as archive:
        archive.write(folder / "one.npy", "image.npy")
        archive.write(folder / "wide.npy", "other.npy")
    (folder / "labels.txt").write_text("".join(f"digit {i}\n" for i in range(10)))
    (folder / "short.txt").write_text("a\nb\n")
    (folder / "text.txt").write_text("no image\n")
    (folder / "cut.jpg").write_bytes(b"\xff\xd8\xff\xe0\x00\x10JFIF\x00")
    (folder / "digits.onnx").write_bytes(DIGITS.read_bytes())
    (folder / "not.onnx").write_bytes(b"\x08\x07\xff\xff")


def many_problems():
    """A model of several problems: in its graph, in both branches of an If, in a function."""
    def branch(name, *inner):
        return "g", onnx.graph(inner, (), (onnx.data(1, name),))

    nodes = [
        onnx.node("If", ["k"], ["a"], then_branch=branch("t", onnx.node(
            "Swizzle", ["x"], ["t"], "in_then", "acme")), else_branch=branch("e", onnx.node(
                "StringSplit", ["x"], ["e", "n"], "in_else"))),
        onnx.node("Swizzle", ["x"], ["b"], "first", "acme"),
        onnx.node("F", ["x"], ["c"], "call", "local"),
        onnx.node("Gradient", ["x"], ["d"], "train", "ai.onnx.preview.training")]
    inner = onnx.node("Swizzle", ["x"], ["y"], "inner", "acme")
    return onnx.model(
        onnx.graph(nodes, (onnx.value("x"), onnx.value("k", (), onnx.BOOL)),
                   [onnx.data(1, name) for name in "abcd"]),
        opsets=((17, ""), (1, "local"), (1, "acme"), (1, "ai.onnx.preview.training")),
        functions=[onnx.function("F", ["x"], ["y"], [inner])])


class Tool(unittest.TestCase):
    hone = None

    def setUp(self):
        self.place = tempfile.TemporaryDirectory()
        self.folder = pathlib.Path(self.place.name)
        write_inputs(self.folder)

    def tearDown(self):
        self.place.cleanup()

    def run_tool(self, *words):
        return subprocess.run([self.hone, *map(str, words)], cwd=self.folder, text=True,
                              capture_output=True, stdin=subprocess.DEVNULL, timeout=120)

    def output(self, *words):
        """Standard output of a call that goes well, silently."""
        result = self.run_tool(*words)
        self.assertEqual((result.returncode, result.stderr), (0, ""), words)
        return result.stdout

    def save(self, *words):
        self.output("run", *words, "--save", "out.npz")
        return floats(self.folder / "out.npz", "logits")

    def assertNear(self, got, want):
        """Shapes and elements from save(): other sums, other roundings."""
        self.assertEqual(got[0], want[0])
        for one, other in zip(got[1], want[1], strict=True):
            self.assertAlmostEqual(one, other, delta=1e-5)

    def test_help_of_every_verb(self):
        times = []
        for words in [["--help"], *([verb, "--help"] for verb in VERBS)]:
            start = time.monotonic()
            text = self.output(*words)
            times.append(time.monotonic() - start)
            self.assertIn("Example", text)
            self.assertIn("hone " + (words[0] if len(words) == 2 else "run"), text)
            self.assertTrue(all(len(line) <= 110 for line in text.splitlines()), words)
        print(f"--help: slowest {1000 * max(times):.0f} ms")
        self.assertIn("Exit codes", self.output("--help"))

    def test_version(self):
        self.assertRegex(self.output("version"), r"^hone \d+\.\d+\.\d+\n$")
        self.assertEqual(self.output("--version"), self.output("version"))

    def test_doctor(self):
        text = self.output("doctor")
        for word in ("cpu", "features", "cores", "memory", "devices", "libcuda", "NVRTC"):
            self.assertRegex(text, rf"(?m)^{word} ")

    def test_run_gives_the_same_from_every_source(self):
        shape, want = self.save("digits.onnx", "--input", "image=one.npy")
        self.assertEqual(shape, [1, 10])
        for source in ("one.npy", "in.npz", "image=in.npz"):
            self.assertEqual(self.save("digits.onnx", "--input", source), (shape, want))
        shape, both = self.save("digits.onnx", "--input", "two.npy")
        self.assertEqual(shape, [2, 10])
        for got, wanted in zip(both, want * 2):
            self.assertAlmostEqual(got, wanted, 4)

    def test_convert_gives_a_model_that_runs_the_same(self):
        want = self.save("digits.onnx", "--input", "one.npy")
        for words in [("digits.onnx",), ("digits.onnx", "--portable"),
                      ("digits.onnx", "--optimized"), ("digits.onnx", "--external", "always")]:
            text = self.output("convert", *words, "-o", "written.onnx")
            self.assertRegex(text, r"^model  written\.onnx  \S+ \S+\n")
            self.assertEqual("written.onnx.data" in text, "--external" in words)
            self.assertNear(self.save("written.onnx", "--input", "one.npy"), want)
        self.output("build", "digits.onnx", "-o", "digits.hone")
        for words in [(), ("--optimized",)]:
            self.output("convert", "digits.hone", "-o", "engine.onnx", *words)
            self.assertNear(self.save("engine.onnx", "--input", "one.npy"), want)
            written = (self.folder / "engine.onnx").read_bytes()
            self.assertEqual(b"hone.region" in written, bool(words))
            self.assertEqual(b"Conv_Relu" in written, bool(words))
        self.output("convert", "digits.onnx", "-o", "digits.graph")
        self.assertEqual((self.folder / "digits.graph").read_text(),
                         self.output("inspect", "digits.onnx", "--graph"))

    def test_layout_turns_arrays_into_pictures(self):
        want = self.save("digits.onnx", "--input", "one.npy")
        for file, layout in (("last.npy", "nhwc"), ("first.npy", "nchw"), ("one.npy", "nchw")):
            self.assertEqual(self.save("digits.onnx", "--input", file, "--layout",
                                       f"image={layout}"), want)
        whole = self.save("digits.onnx", "--input", "bytes.npy", "--layout", "nhwc")
        scaled = self.save("digits.onnx", "--input", "bytes.npy", "--layout", "nhwc", "--scale",
                           "1/255", "--mean", "0")
        self.assertEqual(whole, scaled)

    def test_random_depends_on_the_seed_alone(self):
        first = self.save("digits.onnx", "--input", "random", "--seed", 1)
        self.assertEqual(first, self.save("digits.onnx", "--input", "image=random", "--seed", 1))
        self.assertNotEqual(first, self.save("digits.onnx", "--input", "random", "--seed", 2))
        shape, _ = self.save("digits.onnx", "--input", "random", "--shape", "image=3x1x8x8")
        self.assertEqual(shape, [3, 10])

    def test_top_and_labels(self):
        _, scores = self.save("digits.onnx", "--input", "one.npy")
        order = sorted(range(10), key=lambda i: -scores[i])[:3]
        text = self.output("run", "digits.onnx", "--input", "one.npy", "--top", 3, "--labels",
                           "labels.txt")
        self.assertEqual([int(n) for n in re.findall(r"(\d+)  digit \1", text)], order)

    def test_summary_and_latency(self):
        text = self.output("run", "digits.onnx", "--input", "one.npy", "--repeat", 5, "--workers",
                           1)
        self.assertRegex(text, r"logits  f32\[1,10\]  min \S+  max \S+  mean \S+  \[")
        self.assertRegex(text, r"latency  min .*s  median .*s  \(5 runs, 1 worker\)")

    def test_an_engine_answers_as_its_model(self):
        text = self.output("build", "digits.onnx", "-o", "d.hone", "--explain")
        self.assertIn("/stem/stem.0/Conv", text)
        self.assertRegex(text, r"^regions  5 steps \(8 when each is cut where marked\), 14 before "
                               r"fusion; 43816\*n bytes of activ")
        self.assertIn("    one because    Conv then Conv then MaxPool has Clip Add Relu on", text)
        self.assertRegex(text, r"may be cut at  %/block/block.2/Clip_output_0 %/Relu_output_0\n")
        self.assertRegex(text, r"region 0  Conv Relu  saves 12288\*n bytes\n    layers +/stem/")
        self.assertIn("    one because  Conv has Relu on its result\n", text)
        self.assertRegex(text, r"fallbacks")
        self.assertRegex(text, r"(?m)^engine  d.hone  \S+ KiB  ")
        self.assertEqual(self.save("d.hone", "--input", "one.npy"),
                         self.save("digits.onnx", "--input", "one.npy"))
        self.assertIn("made by", self.output("inspect", "d.hone"))
        self.output("build", "digits.onnx")
        self.assertTrue((self.folder / "digits.hone").exists())

    def test_dump_writes_the_graphs_that_changed(self):
        self.output("build", "digits.onnx", "-o", "d.hone", "--dump", "graphs")
        names = sorted(p.name for p in (self.folder / "graphs").iterdir())
        self.assertEqual(names[0], "00-import.graph")
        self.assertTrue(all(re.fullmatch(r"\d\d-\w+\.graph", name) for name in names[:-1]))
        self.assertRegex(names[-2], r"^\d\d-fuse\.graph$")
        fused = (self.folder / "graphs" / names[-2]).read_text()
        self.assertRegex(fused, r"^# fuse: .* \([\d.]+ \w+\)\n")
        self.assertIn(" = Fused(", fused)
        stages = (self.folder / "graphs/regions.stages").read_text()
        self.assertRegex(stages, r"# region 0: Conv Relu  /stem/stem\.0/Conv .*\ncontract %\S+ f32")
        self.assertEqual(stages.count("# region"), 5)
        self.assertNotIn("no closed form: \n", stages)
        text = (self.folder / "graphs/00-import.graph").read_text()
        self.assertIn("graph torch_jit(%image: f32[n,1,8,8]) -> (%logits)", text)

    def test_compare_names_the_first_value_that_differs(self):
        def model(middle):
            nodes = [onnx.node("Exp", ["x"], ["a"], "enter"),
                     onnx.node(middle, ["a"], ["b"], "mid"),
                     onnx.node("Tanh", ["b"], ["c"], "leave")]
            return onnx.model(onnx.graph(nodes, (onnx.value("x"),), [onnx.data(1, "c")]))

        (self.folder / "a.onnx").write_bytes(model("Sqrt"))
        (self.folder / "b.onnx").write_bytes(model("Neg"))
        found = self.run_tool("compare", "a.onnx", "b.onnx", "--data")
        self.assertEqual(found.returncode, 9)
        self.assertRegex(found.stdout, r"^first difference  value 2 of 3: f32\[\S*\], \S+ of its")
        self.assertRegex(found.stdout, r"\n  first   %b  Sqrt  mid\n  second  %b  Neg  mid\n")
        self.assertRegex(found.stdout, r"values  2 of 3 compared .* \(1 of 1 outputs\)")
        self.assertIn("a.onnx and b.onnx do not compute the same", found.stderr)
        self.output("build", "a.onnx", "-o", "a.hone")
        self.assertRegex(self.output("compare", "a.onnx", "a.hone", "--data"),
                         r"^same values  3 compared, the same in every bit")
        self.output("compare", "a.onnx", "b.onnx", "--data", "--tolerance", "10")

    def test_compare_runs_kernels_against_the_reference(self):
        for words in [("--reference",), ("--disable-second", "fold_batch_norm"),
                      ("--input", "one.npy", "--reference")]:
            text = self.output("compare", "digits.onnx", "digits.onnx", "--data", *words)
            self.assertRegex(text, r"^same values  \d\d compared, ")

    def test_inspect(self):
        text = self.output("inspect", "digits.onnx")
        for words in (r"image: f32\[n,1,8,8\]", r"parameters +42,548 in 29 tensors",
                      r"FLOPs +2590976\*n", r"Conv +5 +2589696\*n", r"opset +17",
                      r"problems +none"):
            self.assertRegex(text, words)
        text = self.output("inspect", "digits.onnx", "--shape", "image=2x1x8x8")
        self.assertRegex(text, r"FLOPs +5,181,952")
        self.assertRegex(text, r"arena +[\d,]+ bytes, at least [\d,]+ in this order of steps "
                               r"\(a buffer per value: [\d,]+\)")
        graph = self.output("inspect", "digits.onnx", "--graph")
        self.assertTrue(graph.startswith("graph torch_jit("))
        text = self.output("inspect", "digits.onnx", "--plan")
        self.assertRegex(text, r"arena +[\d,]+ bytes where n = 1\nbound +[\d,]+ bytes")
        self.assertIn("\nplan cpu", text)
        text = self.output("inspect", "digits.onnx", "--plan", "--streams", "2")
        self.assertRegex(text, r"1 stream +1 times as fast, .* 0 waits, taken\nplan cpu")
        self.output("inspect", "digits.onnx", "--svg", str(self.folder / "arena.svg"))
        drawn = xml.etree.ElementTree.parse(self.folder / "arena.svg").getroot()
        self.assertGreater(len(drawn.findall("{http://www.w3.org/2000/svg}rect")), 5)
        self.assertTrue(self.output("inspect", "digits.onnx", "--ops").startswith("op "))

    def test_inspect_draws_the_fused_graph(self):
        text = self.output("inspect", "digits.onnx", "--dot", "--shape", "image=2x1x8x8")
        self.assertRegex(text, r'^digraph "torch_jit" {\n')
        self.assertEqual(text.count("subgraph cluster_"), 5)
        self.assertIn('label="region 2: Conv Clip Conv Add Relu MaxPool"', text)
        ids = dict(re.findall(r'^ *(n\d+) \[label="([^"]*)"', text, re.M))
        edges = re.findall(r'^  (n\d+) -> (n\d+) \[label="([^"]*)"\]$', text, re.M)
        self.assertIn(("image", "Conv\\n/stem/stem.0/Conv\\n/stem/stem.1/BatchNormalization",
                       "f32[2,1,8,8]"), [(ids[a], ids[b], kind) for a, b, kind in edges])
        self.assertEqual(sum(ids[b] == "logits" for _, b, _ in edges), 1)
        add = next(i for i, label in ids.items() if label.startswith("Add\\n/Add"))
        self.assertEqual(sum(b == add for _, b, _ in edges), 2)

    def test_inspect_as_json(self):
        found = json.loads(self.output("inspect", "digits.onnx", "-o", "json"))
        self.assertEqual(found["inputs"][0]["shape"], ["n", 1, 8, 8])
        self.assertEqual(found["parameters"], {"count": 42548, "tensors": 29, "bytes": 170192})
        self.assertEqual(found["flops"], "2590976*n")
        self.assertEqual(sum(op["nodes"] for op in found["ops"]), found["nodes"])
        self.assertIsNone(found["memory"]["arena_bytes"])
        found = json.loads(self.output("inspect", "digits.onnx", "-o", "json", "--shape",
                                       "1x1x8x8"))
        self.assertEqual(found["flops"], 2590976)
        arena = found["memory"]["arena_bytes"]
        self.assertTrue(0 < arena <= found["memory"]["naive_bytes"] + 64 * found["nodes"])
        self.assertGreaterEqual(arena, max(found["memory"]["peaks"]))

    def test_inspect_tells_the_problems_of_a_graph_a_body_and_a_function(self):
        (self.folder / "problems.onnx").write_bytes(many_problems())
        text = self.run_tool("inspect", "problems.onnx")
        self.assertEqual((text.returncode, text.stdout), (3, ""))
        found = self.run_tool("inspect", "problems.onnx", "-o", "json")
        self.assertEqual((found.returncode, found.stderr), (3, text.stderr))
        problems = json.loads(found.stdout)["problems"]
        told = {(p.get("domain"), p.get("op"), p["count"], *p["places"]) for p in problems}
        self.assertEqual(told, {
            ("acme", "Swizzle", 3, "in_then", "first", "call/inner"),
            ("ai.onnx", "StringSplit", 1, "in_else"),
            ("ai.onnx.preview.training", "Gradient", 1, "train")})
        for problem in problems:
            self.assertIn(problem["suggestion"], text.stderr)
            self.assertEqual(problem["code"], "unsupported")

    def test_a_full_disk_is_an_error(self):
        if not os.path.exists("/dev/full"):
            self.skipTest("there is no /dev/full")
        with open("/dev/full", "w") as full:
            result = subprocess.run([self.hone, "version"], stdout=full, stderr=subprocess.PIPE)
        self.assertEqual(result.returncode, 8)

    def test_a_kill_leaves_no_temporary_file(self):
        """Killed at many moments of a build that takes a while: the engine is there whole, or
        nothing is."""
        whole = killed = 0
        before = set(os.listdir(self.folder))
        for moment in range(24):
            process = subprocess.Popen([self.hone, "build", "digits.onnx", "-o", "k.hone"],
                                       cwd=self.folder, stdout=subprocess.DEVNULL)
            time.sleep(0.002 * moment)
            process.send_signal(signal.SIGINT if moment % 2 else signal.SIGTERM)
            code = process.wait()
            killed += code < 0
            self.assertIn(code, (0, -signal.SIGINT, -signal.SIGTERM))
            left = set(os.listdir(self.folder)) - before
            self.assertTrue(left <= {"k.hone"}, left)
            if left:
                whole += 1
                self.output("inspect", "k.hone")
                os.remove(self.folder / "k.hone")
        print(f"24 builds: {killed} killed, {whole} engines")
        self.assertGreater(killed, 0)

    def test_a_kill_leaves_the_older_engine(self):
        """SIGKILL too: then a temporary file may stay, the engine of that name is a whole one."""
        self.output("build", "digits.onnx", "--drop-portable", "-o", "k.hone")
        older = (self.folder / "k.hone").read_bytes()
        self.output("build", "digits.onnx", "-o", "whole.hone")
        newer = (self.folder / "whole.hone").read_bytes()
        self.assertNotEqual(older, newer)
        kept = killed = 0
        for moment in range(24):
            (self.folder / "k.hone").write_bytes(older)
            process = subprocess.Popen([self.hone, "build", "digits.onnx", "-o", "k.hone"],
                                       cwd=self.folder, stdout=subprocess.DEVNULL)
            time.sleep(0.002 * moment)
            process.kill()
            killed += process.wait() < 0
            found = (self.folder / "k.hone").read_bytes()
            self.assertIn(found, (older, newer))
            kept += found == older
        for left in self.folder.glob(".k.hone.tmp-*"):
            left.unlink()
        os.remove(self.folder / "k.hone")
        os.remove(self.folder / "whole.hone")
        print(f"24 builds over an engine: {killed} killed, {kept} left the older one")
        self.assertGreater(killed, 0)
        self.assertGreater(kept, 0)

    def test_engine_sections(self):
        self.output("build", "digits.onnx", "-o", "s.hone")
        told = json.loads(self.output("inspect", "s.hone", "-o", "json"))["sections"]
        self.assertEqual([each["section"] for each in told],
                         ["about", "portable_graph", "device", "typed_graph", "plan",
                          "weight_index", "weights"])
        size = (self.folder / "s.hone").stat().st_size
        self.assertEqual(told[-1]["offset"] + told[-1]["bytes"], size)
        self.assertIn(told[-1]["hash"], self.output("inspect", "s.hone"))
        self.output("build", "digits.onnx", "--drop-portable", "--workers", "1", "-o", "s.hone")
        self.assertNotIn("portable_graph ", self.output("inspect", "s.hone"))
        self.output("run", "s.hone", "--workers", "1", "--input", "zeros")
        refused = self.run_tool("run", "s.hone", "--workers", "2", "--input", "zeros")
        self.assertEqual(refused.returncode, 5)
        self.assertIn("made for 1 workers, there are 2; it was built with --drop-portable",
                      refused.stderr)

    def test_messages(self):
        self.maxDiff = None
        text = PINNED.read_text()
        real = re.sub(r"(?m)^given\n  hone ?(.*)\nexpect message\n(?:(?:  .*)?\n)*?(?=\n|\Z)",
                      lambda case: self.message(case.group(1)), text)
        if "--bless" in BLESS:
            PINNED.write_text(real)
        self.assertEqual(real, PINNED.read_text())

    def message(self, words):
        result = self.run_tool(*shlex.split(words))
        self.assertEqual(result.stdout, "", words)
        said = result.stderr.replace(str(self.folder), "FOLDER").rstrip("\n").split("\n")
        lines = "".join(f"  {line}\n" if line else "\n" for line in
                        [f"exit code {result.returncode}", *said])
        return f"given\n  {f'hone {words}'.strip()}\nexpect message\n{lines}"


if __name__ == "__main__":
    Tool.hone = os.path.abspath(sys.argv[1])
    BLESS = sys.argv[2:]
    unittest.main(argv=sys.argv[:1], verbosity=1)
