"""tests/tools/hone_convert_test.py HONE: `hone convert`, and that what it writes runs the same."""
import re

import hone_tool



class Convert(hone_tool.Tool):
    def test_convert_gives_a_model_that_runs_the_same(self):
        want = self.save("digits.onnx", "--input", "one.npy")
        for words in [("digits.onnx",), ("digits.onnx", "--portable"),
                      ("digits.onnx", "--optimized"), ("digits.onnx", "--external", "always")]:
            text = self.output("convert", *words, "-o", "written.onnx")
            self.assertRegex(text, r"^model  written\.onnx  \S+ \S+\n")
            self.assertEqual("written.onnx.data" in text, "--external" in words)
            self.assertNear(self.save("written.onnx", "--input", "one.npy"), want)
        # What runs has its regions as local functions; the portable graph has none, nor has what
        # runs where nothing is fused.
        regions = [b"Conv_Relu", b"Conv_Relu_2", b"Conv_Clip", b"Conv_Add_Relu", b"Conv_Relu_3"]
        for options, words, calls in [((), (), []), ((), ("--optimized",), regions),
                                      (("--disable", "fuse"), ("--optimized",), [])]:
            self.output("build", "digits.onnx", "-o", "digits.hone", *options)
            self.output("convert", "digits.hone", "-o", "engine.onnx", *words)
            self.assertNear(self.save("engine.onnx", "--input", "one.npy"), want)
            data = (self.folder / "engine.onnx").read_bytes()
            # Op and domain of a node, in the file's order, and the domain of a function.
            found = re.findall(rb'(?s)"(.)(\w+):\x0bhone\.region', data)
            self.assertEqual(found, [(bytes([len(name)]), name) for name in calls])
            self.assertEqual(data.count(b"R\x0bhone.region"), len(calls))
            self.assertEqual(b"hone.region" in data, bool(calls))

    def test_text_is_read_back(self):
        want = self.save("digits.onnx", "--input", "one.npy")
        text = self.output("convert", "digits.onnx", "-o", "digits.graph")
        self.assertRegex(text, r"^graph  digits\.graph  \S+ \S+\ndata   digits\.graph\.data  ")
        self.assertEqual(self.save("digits.graph", "--input", "one.npy"), want)
        self.assertRegex(self.output("inspect", "digits.graph"), r"(?m)^format +graph text$")
        self.output("build", "digits.graph", "-o", "text.hone")
        self.assertEqual(self.save("text.hone", "--input", "one.npy"), want)
        self.output("compare", "digits.onnx", "digits.graph", "--structure")
        # Beside the model that it is of, a text alone will do: it says where weights lie.
        self.output("inspect", "digits.onnx", "--graph", "-o", "shown.graph")
        self.assertEqual((self.folder / "shown.graph").read_text(),
                         self.output("inspect", "digits.onnx", "--graph"))


if __name__ == "__main__":
    hone_tool.main()
