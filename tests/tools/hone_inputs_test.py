"""tests/tools/hone_inputs_test.py HONE: inputs that are strings."""
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


if __name__ == "__main__":
    hone_tool.main()
