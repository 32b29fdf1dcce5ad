"""tests/tools/hone_files_test.py HONE: what the tool does with odd files: names that a terminal
would obey, weights behind links, sizes and inputs that cannot be."""
import json
import os
import re
import struct
import subprocess
import xml.etree.ElementTree
import zipfile

import hone_tool  # finds the folder of the next two
import formats
import onnx_bytes as onnx
from hone_tool import ROOT, VERBS


class Files(hone_tool.Tool):
    def test_names_neither_move_the_cursor_nor_forge_lines(self):
        """Escapes, C1, overrides of direction, newlines and bytes that are no text, everywhere."""
        odd = b"\x1b[2J\xc2\x9b31m\xe2\x80\xae\nproblems  none\r\x00\xff\xef\xbf\xbe\"\\<&>"

        def name(letter):
            return letter.encode() + odd

        nodes = [onnx.node("Relu", [name("x")], [name("m")], name("N")),
                 onnx.node("Add", [name("m"), name("w")], [name("y")], name("A"))]
        graph = onnx.graph(nodes, [onnx.data(1, name("x")) + onnx.data(2, onnx.tensor_type(
            onnx.FLOAT, [300]))], [onnx.data(1, name("y"))], [onnx.zeros(name("w"), [300])])
        model = onnx.number(1, 8) + onnx.data(2, b"made" + odd) + onnx.data(7, graph)
        (self.folder / "odd.onnx").write_bytes(model + onnx.data(8, onnx.opset(17)))
        texts = [self.run_bytes("build", "odd.onnx", "-o", "odd.hone", "--explain"),
                 self.run_bytes("convert", "odd.onnx", "-o", "odd2.onnx"),
                 self.run_bytes("run", "odd.onnx", "-i", "random"),
                 self.run_bytes("run", "odd.onnx", "-i", "random", "--top", "2"),
                 self.run_bytes("run", "odd.onnx", code=2),
                 self.run_bytes("compare", "odd.onnx", "odd.hone", "--data")]
        for file in ("odd.onnx", "odd.hone"):
            for how in ((), ("--graph",), ("--plan",), ("--regions",), ("--dot",), ("--ops",),
                        ("-o", "json")):
                texts.append(self.run_bytes("inspect", file, *how))
        for text in texts:
            self.assertNotRegex(text, r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e\ufffe]")
            self.assertNotRegex(text, r"(?m)^problems  none")
        json.loads(texts[-1])
        self.run_bytes("inspect", "odd.onnx", "--svg", "odd.svg")
        xml.etree.ElementTree.parse(self.folder / "odd.svg")
        self.assertEqual(texts[-3].count('"') % 2, 0)

    def run_bytes(self, *words, code=0):
        """What a call says on both outputs, which must be UTF-8."""
        result = subprocess.run([self.hone, *words], cwd=self.folder, capture_output=True,
                                env={**os.environ, "HONE_LOG": "detail"}, timeout=120)
        self.assertEqual(result.returncode, code, result.stderr)
        return (result.stdout + result.stderr).decode("utf-8")

    def test_a_net_in_two_files(self):
        """Caffe: either file, their folder, the other one named, other sizes than it states."""
        place = self.folder / "caffe"
        place.mkdir()
        (place / "net.prototxt").write_text(formats.CONV)
        (place / "net_iter_9.caffemodel").write_bytes(formats.WEIGHTS)
        (self.folder / "another").write_bytes(formats.stored(
            "it", formats.blob([1, 2, 1, 1], formats.floats(0, 0)),
            formats.blob([1], formats.floats(9))))
        for given in ("caffe/net.prototxt", "caffe/net_iter_9.caffemodel", "caffe"):
            told = json.loads(self.output("inspect", given, "-o", "json"))
            self.assertEqual((told["about"]["format"], told["about"]["version"]),
                             ("caffe", "V2 layers"))
            self.assertEqual(told["inputs"][0]["shape"], [1, 2, 4, 4])
        self.output("build", "caffe", "-o", "net.hone")
        self.output("run", "net.hone", "-i", "zeros", "--save", "one.npz")
        self.output("run", "caffe", "--weights", "another", "-i", "zeros", "--save", "two.npz")
        for file, wanted in (("one.npz", 3.0), ("two.npz", 9.0)):
            with zipfile.ZipFile(self.folder / file) as saved:
                numbers = saved.read("y.npy")[-64:]
            self.assertEqual(struct.unpack("<16f", numbers), (wanted,) * 16)
        told = json.loads(self.output("inspect", "caffe", "--shape", "x=3x2x5x6", "-o", "json"))
        self.assertEqual(told["outputs"][0]["shape"], [3, 1, 5, 6])
        self.output("convert", "caffe", "-o", "caffe.onnx")
        self.assertIn("opset", self.output("inspect", "caffe.onnx"))

    def test_options_that_are_named_exist(self):
        """Advice and messages name no option that no verb has."""
        known = set()
        for verb in VERBS:
            known |= set(re.findall(r"--[a-z][a-z-]+", self.output(verb, "--help")))
        named = {}
        for folder in ("src", "tools/hone", "include"):
            for path in (ROOT / folder).rglob("*.[ch]pp"):
                code = re.sub(r"(?m)^\s*//.*$", "", path.read_text())
                for text in re.findall(r'"((?:[^"\\\n]|\\.)*)"', code):
                    for option in re.findall(r"(?<![\w-])--[a-z][a-z-]+", text):
                        named.setdefault(option, path.name)
        self.assertIn("--follow-links", named)
        known |= {"--help", "--version", "--gpu-architecture", "--std"}  # the last two: NVRTC's
        self.assertEqual({o: p for o, p in named.items() if o not in known}, {})

    def test_wrong_inputs_are_told_before_the_engine_is_made(self):
        """What takes long is not done: a plan for other workers would be made again, with a line
        in the log."""
        self.output("build", "digits.onnx", "-o", "w.hone", "--workers", "3")
        told = self.run_tool("run", "w.hone", "--workers", "2", "--input", "random")
        self.assertEqual(told.returncode, 0)
        self.assertEqual(told.stderr, "hone: warning: w.hone: its plan was made again: it was made "
                                      "for 3 workers, there are 2\n")
        for words in ((), ("--input", "nope=random"), ("--input", "wide.npy")):
            told = self.run_tool("run", "w.hone", "--workers", "2", *words)
            self.assertEqual(told.returncode, 2)
            self.assertNotIn("made again", told.stderr)

    def test_weights_behind_links(self):
        """As a model hub's cache has them, and elsewhere when the user says so."""
        hub = self.folder / "hub"
        snapshot = hub / "snapshots/abc/onnx"
        snapshot.mkdir(parents=True)
        (hub / "blobs").mkdir()
        weights = onnx.tensor("w", [64], external={"location": "w.data"})
        (hub / "blobs/a").write_bytes(onnx.model(onnx.graph(
            [onnx.node("Add", ["x", "w"], ["y"])], [onnx.value("x", (64,))],
            [onnx.value("y", (64,))], [weights])))
        (hub / "blobs/b").write_bytes(struct.pack("<64f", *range(64)))
        (snapshot / "model.onnx").symlink_to("../../../blobs/a")
        (snapshot / "w.data").symlink_to("../../../blobs/b")
        found = self.output("run", snapshot / "model.onnx", "-i", "zeros", "--top", "1")
        self.assertRegex(found, r"63 +63\n$")
        (self.folder / "w.data").symlink_to("hub/blobs/b")
        (self.folder / "plain.onnx").write_bytes((hub / "blobs/a").read_bytes())
        for link in ("symbolic link", "2 hard links"):
            for words in ((), ("--random-weights", "1")):
                told = self.run_tool("run", "plain.onnx", "-i", "zeros", *words)
                self.assertEqual(told.returncode, 8, told.stderr)
                self.assertIn(link, told.stderr)
                self.assertIn("--follow-links", told.stderr)
            self.assertEqual(self.output("run", "plain.onnx", "-i", "zeros", "--top", "1",
                                         "--follow-links"), found)
            (self.folder / "w.data").unlink()
            os.link(hub / "blobs/b", self.folder / "w.data")

    def test_out_of_memory_for_a_mapping(self):
        (self.folder / "big.onnx").write_bytes(b"\x08\x07")
        os.truncate(self.folder / "big.onnx", 1 << 40)
        limited = subprocess.run(["sh", "-c", 'ulimit -v 30000000; "$0" inspect big.onnx',
                                  self.hone], cwd=self.folder, capture_output=True, text=True)
        self.assertEqual(limited.returncode, 6, limited.stderr)

    def test_sizes_that_nothing_can_have_are_the_callers(self):
        for verb in (("run", "--input", "random"), ("inspect",), ("inspect", "--regions")):
            for size in (2**62, 2**58, 2**63, 2**64):
                told = self.run_tool(verb[0], "digits.onnx", *verb[1:], "--shape", f"{size}x1x8x8")
                self.assertEqual(told.returncode, 2, (verb, size, told.stderr))


if __name__ == "__main__":
    hone_tool.main()
