"""tests/tools/hone_inputs_test.py HONE: inputs that are strings, and those that have a value of
their own."""
import json
import zipfile

import hone_tool
import onnx_bytes as onnx


class Inputs(hone_tool.Tool):
    def test_strings_come_in_and_go_out(self):
        types = [onnx.value(name, ("n", 2), onnx.STRING) for name in "xy"]
        (self.folder / "words.onnx").write_bytes(onnx.model(onnx.graph(
            [onnx.node("Concat", ["x", "x"], ["y"], axis=0)], types[:1], types[1:])))
        text = self.output("run", "words.onnx", "--input", "text:a b,\u00e4,c\\,\"d\"")
        self.assertEqual(text, 'y  str[4,2]  ["a b", "\u00e4", "c\\\\", "\\"d\\"", '
                               '"a b", "\u00e4", ...]\n')
        # What was saved is what the next run reads.
        self.output("run", "words.onnx", "--input", "x=text:a,\u00e4\u00e4", "--save", "y.npz")
        with zipfile.ZipFile(self.folder / "y.npz") as archive:
            self.assertIn(b"'descr': '<U2'", archive.read("y.npy"))
            (self.folder / "x.npy").write_bytes(archive.read("y.npy"))
        text = self.output("run", "words.onnx", "--input", "x.npy")
        self.assertTrue(text.startswith('y  str[4,2]  ["a", "\u00e4\u00e4", "a", '), text)
        for words, message in (
                (("text:a,b,c",), "text: gives 3 strings, wanted a multiple of 2"),
                (("text:a,b", "--shape", "2x2"), "text: gives 2 strings, wanted as many as [2,2]"),
                (("x=random",), 'input "x" is of strings, there are no random ones: give text:'),
                (("one.npy",), "one.npy holds f32[1,1,8,8], wanted str[n,2]")):
            result = self.run_tool("run", "words.onnx", "--input", *words)
            self.assertEqual(result.returncode, 3 if "random" in words[0] else 2)
            self.assertIn(message, result.stderr)
        result = self.run_tool("run", "digits.onnx", "--input", "text:a")
        self.assertIn("text: gives strings", result.stderr)

    def test_inputs_that_have_a_value_of_their_own(self):
        types = [onnx.value(name) for name in ("x", "w", "y")]
        (self.folder / "sum.onnx").write_bytes(onnx.model(onnx.graph(
            [onnx.node("Add", ["x", "w"], ["y"])], types[:2], types[2:],
            [onnx.tensor("w", [2], floats=[1, 2])])))
        for name, values in (("x", (10, 20)), ("w", (5, 6))):
            (self.folder / f"{name}.npy").write_bytes(hone_tool.npy("f", (2,), values))
        self.output("build", "sum.onnx", "-o", "sum.hone")
        for model in ("sum.onnx", "sum.hone"):
            for words, want in ((("x.npy",), "[11, 22]"),
                                (("x=x.npy", "-i", "w=w.npy"), "[15, 26]")):
                self.assertIn(want, self.output("run", model, "--input", *words))
            inputs = json.loads(self.output("inspect", model, "-o", "json"))["inputs"]
            self.assertEqual([(port["name"], port.get("default")) for port in inputs],
                             [("x", None), ("w", True)])
            self.assertRegex(self.output("inspect", model), r"\ndefaults +w: f32\[2\]\n")

    def test_sizes_of_an_example_may_be_others(self):
        (self.folder / "net.prototxt").write_text(
            'name: "net" input: "x" input_shape { dim: 1 dim: 2 }\n'
            'layer { name: "r" type: "ReLU" bottom: "x" top: "y" }\n')
        (self.folder / "x.npy").write_bytes(hone_tool.npy("f", (3, 2), (1, -1, 2, -2, 3, -3)))
        result = self.run_tool("run", "net.prototxt", "--input", "x.npy")
        self.assertEqual(result.returncode, 2)
        self.assertIn("x.npy holds f32[3,2], wanted f32[1,2] (net.prototxt). The sizes are those "
                      "that the file states: --shape x=3x2 imports it for these", result.stderr)
        self.assertIn("[1, 0, 2, 0, 3, 0]", self.output("run", "net.prototxt", "--input", "x.npy",
                                                        "--shape", "x=3x2"))
        # A model of another format keeps the sizes that it states, and an engine, too.
        self.output("build", "net.prototxt", "-o", "net.hone")
        result = self.run_tool("run", "net.hone", "--input", "x.npy")
        self.assertIn("x.npy holds f32[3,2], wanted f32[1,2] (net.hone)\n", result.stderr)


if __name__ == "__main__":
    hone_tool.main()
