"""tests/tools/hone_build_test.py HONE: `hone build`, and what a kill leaves behind."""
import os
import pty
import re
import signal
import subprocess
import time

import hone_tool
import onnx_bytes as onnx



class Build(hone_tool.Tool):
    def test_an_engine_answers_as_its_model(self):
        text = self.output("build", "digits.onnx", "-o", "d.hone", "--explain")
        self.assertIn("/stem/stem.0/Conv", text)
        self.assertRegex(text, r"^plan torch_jit  cpu, \d+ workers?, 8 steps, 8 launched\n"
                               r"moved  110\.8 KiB of activations where n = 1\n"
                               r"(cut  1 region .*\n){2} segment 0\n")
        for steps, end in (3, r"/block/block\.2/Clip_output_0"), (2, r"/top/top\.2/Relu_output_0"):
            self.assertRegex(text, rf"\ncut  1 region that fusion proposed, into {steps} steps: "
                                   r"cpu\.conv\.[^:]*: only a sum, then clipping, then "
                                   r"functions of one operand follow in one step "
                                   rf"\(up to %{end}\)")
        self.assertRegex(text, r"step 3 +Conv Add Relu +cpu\.conv\.direct/1 +/block/block\.3/Conv "
                               r"/block/block\.4/BatchNormalization /Add /Relu \(by fuse\)\n"
                               r" +one because +Conv has Add Relu on its result\n")
        self.assertRegex(text, r"step 4 +MaxPool +cpu\.pool[a-z_.]*/\d +/pool/MaxPool\n")
        self.assertEqual(text.count("one because"), 5)
        self.assertRegex(text, r"fallbacks")
        self.assertRegex(text, r"(?m)^engine  d.hone  \S+ KiB  ")
        self.assertEqual(self.save("d.hone", "--input", "one.npy"),
                         self.save("digits.onnx", "--input", "one.npy"))
        self.assertIn("made by", self.output("inspect", "d.hone"))
        self.output("build", "digits.onnx")
        self.assertTrue((self.folder / "digits.hone").exists())

    def test_what_pays_with_some_kernels_only_is_priced(self):
        """Two products of one operand: the pieces of one product would have to be copied."""
        constants = [onnx.tensor(name, [16, 96], floats=[value] * (16 * 96))
                     for name, value in (("v", 1.0), ("w", 2.0))]
        nodes = [onnx.node("MatMul", ["x", "v"], ["a"]), onnx.node("MatMul", ["x", "w"], ["b"]),
                 onnx.node("Add", ["a", "u"], ["c"]), onnx.node("Mul", ["b", "u"], ["d"])]
        inputs = (onnx.value("x", (64, 16)), onnx.value("u", (64, 96)))
        (self.folder / "two.onnx").write_bytes(onnx.model(onnx.graph(
            nodes, inputs, [onnx.value(each, (64, 96)) for each in "cd"],
            constants)))
        text = self.output("build", "two.onnx", "-o", "two.hone", "--explain")
        self.assertRegex(text, r"\npriced  siblings side by side  by estimate \S+ us more  "
                               r"not taken\n")
        self.assertEqual(re.findall(r"(?m)^   step \d+ +(\w+(?: \w+)*)  +(\S+)/\d", text),
                         [("MatMul Add", "cpu.matmul"), ("MatMul", "cpu.matmul"),
                          ("Mul", "cpu.elementwise")])

    def test_dump_writes_the_graphs_that_changed(self):
        self.output("build", "digits.onnx", "-o", "d.hone", "--dump", "graphs")
        names = sorted(p.name for p in (self.folder / "graphs").iterdir())
        self.assertEqual(names[0], "00-import.graph")
        self.assertTrue(all(re.fullmatch(r"\d\d-\w+\.graph", name) for name in names[:-1]))
        self.assertRegex(names[-2], r"^\d\d-typed\.graph$")
        typed = (self.folder / "graphs" / names[-2]).read_text()
        self.assertRegex(typed, r"^# typed: .* \([\d.]+ \w+\)\n")
        self.assertEqual(typed.count(" = Relu("), 4)
        self.assertEqual(typed.count(" = Fused("), 5)
        stages = (self.folder / "graphs/regions.stages").read_text()
        self.assertRegex(stages, r"# region 0: Conv Relu  /stem/stem\.0/Conv .*/stem\.2/Relu\n"
                                 r"contract %\S+ f32.*\nmap %/stem/stem\.2/Relu_output_0 f32")
        self.assertEqual(stages.count("# region"), 8)
        self.assertNotIn("no closed form: \n", stages)
        text = (self.folder / "graphs/00-import.graph").read_text()
        self.assertIn("graph torch_jit(%image: f32[n,1,8,8]) -> (%logits)", text)

    def on_terminal(self, *words, **environment):
        """What a call writes to standard error where that is a terminal; it must go well."""
        ours, theirs = pty.openpty()
        process = subprocess.Popen([self.hone, *words], cwd=self.folder, stderr=theirs,
                                   stdout=subprocess.DEVNULL,
                                   env={**os.environ, "TERM": "xterm", **environment})
        os.close(theirs)
        said = b""
        try:
            while part := os.read(ours, 65536):
                said += part
        except OSError:  # the other end is closed
            pass
        os.close(ours)
        self.assertEqual(process.wait(), 0)
        return said.decode()

    def test_a_terminal_shows_the_stages(self):
        stages = ["reading the model", "passes", "passes for this machine", "kernels and plan",
                  "packing weights", "writing"]
        said = self.on_terminal("build", "digits.onnx", "-o", "d.hone")
        lines = said.split("\r\x1b[K")
        self.assertEqual(lines[0] + lines[-1], "")  # nothing stays
        shown = [re.fullmatch(r"(\d)/6 ([a-z ]+?)(  \d+ (so far|of \d+|%).*)?", line)
                 for line in lines[1:-1]]
        self.assertNotIn(None, shown, lines)
        told = list(dict.fromkeys((int(each[1]), each[2]) for each in shown))
        self.assertEqual(told, list(enumerate(stages, 1)))
        self.assertEqual(self.on_terminal("build", "digits.onnx", "-o", "d.hone", TERM="dumb"), "")
        noted = self.on_terminal("build", "digits.onnx", "-o", "d.hone", HONE_LOG="note")
        self.assertEqual(re.findall(r"note: build: (.*?)\r?\n", noted), stages)

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


if __name__ == "__main__":
    hone_tool.main()
