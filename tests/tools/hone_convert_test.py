"""tests/tools/hone_convert_test.py HONE: `hone convert`, and that what it writes runs the same."""
import re

import hone_tool  # finds the folder of the next one
import onnx_bytes


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

    def test_sizes_that_a_file_does_not_state_are_given(self):
        """A frozen graph of TensorFlow: a Placeholder x of any shape, and its negative."""
        data, number = onnx_bytes.data, onnx_bytes.number
        kind = number(6, 1)  # DT_FLOAT

        def node(name, op, *inputs):
            attribute = data(1, b"T" if inputs else b"dtype") + data(2, kind)
            return data(1, data(1, name) + data(2, op) + b"".join(data(3, i) for i in inputs) +
                        data(5, attribute))
        (self.folder / "net.pb").write_bytes(
            node(b"x", b"Placeholder") + node(b"y", b"Neg", b"x") + data(4, number(1, 1087)))
        words = ("convert", "net.pb", "-o", "a.onnx")
        two = ("--shape", "x=2", "--shape", "z=3")
        for code, wanted, more in [(3, "nothing tells how many axes", ()),
                                   (2, 'there is no input "z"', two)]:
            result = self.run_tool(*words, *more)
            self.assertEqual(result.returncode, code)
            self.assertIn(wanted, result.stderr)
        for options in [(), ("--portable",), ("--optimized",)]:
            self.output("convert", "net.pb", "-o", "a.onnx", "--shape", "x=2", *options)
            self.assertIn("x: f32[2]", self.output("inspect", "a.onnx"))


if __name__ == "__main__":
    hone_tool.main()
