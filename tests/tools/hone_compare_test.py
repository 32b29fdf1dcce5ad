"""tests/tools/hone_compare_test.py HONE: `hone compare`."""
import hone_tool
import onnx_bytes as onnx



class Compare(hone_tool.Tool):
    def test_compare_names_the_first_value_that_differs(self):
        def model(middle):
            nodes = [onnx.node("Exp", ["x"], ["a"], "enter"),
                     onnx.node(middle, ["a"], ["b"], "mid"),
                     onnx.node("Tanh", ["b"], ["c"], "leave")]
            return onnx.model(onnx.graph(nodes, (onnx.value("x"),), [onnx.data(1, "c")]))

        (self.folder / "a.onnx").write_bytes(model("Sqrt"))
        (self.folder / "b.onnx").write_bytes(model("Neg"))
        found = self.run_tool("compare", "a.onnx", "b.onnx", "--data", "--disable", "fuse")
        self.assertEqual(found.returncode, 9)
        self.assertRegex(found.stdout, r"^first difference  value 2 of 3: f32\[\S*\], \S+ of its")
        self.assertRegex(found.stdout, r"\n  first   %b  Sqrt  mid\n  second  %b  Neg  mid\n")
        self.assertRegex(found.stdout, r"values  2 of 3 compared .* \(1 of 1 outputs\)")
        self.assertIn("a.onnx and b.onnx do not compute the same", found.stderr)
        self.output("build", "a.onnx", "-o", "a.hone", "--disable", "fuse")
        self.assertRegex(self.output("compare", "a.onnx", "a.hone", "--data", "--disable", "fuse"),
                         r"^same values  3 compared, the same in every bit")
        self.output("compare", "a.onnx", "b.onnx", "--data", "--tolerance", "10")

    def test_compare_runs_every_graph_of_an_engine(self):
        def model(op, sizes):
            return (f"graph g(%x: f32[{sizes[0]}], %w: f32[{sizes[1]}]) -> (%y)\n"
                    f"  %a = Abs(%x)\n  %y = {op}(%a, %w)\n")

        for name, op, sizes in (("a", "Add", "nm"), ("b", "Sub", "nm"), ("fixed", "Add", "44")):
            (self.folder / f"{name}.graph").write_text(model(op, sizes))
        other = r"^same values.*\nat x \d+, w \d+, where another graph runs: same values  2 "
        for words in ((), ("--reference",), ("--shape", "x=1", "--shape", "w=5")):
            self.assertRegex(self.output("compare", "a.graph", "a.graph", "--data", "--disable",
                                         "fuse", *words), other)
        text = self.run_tool("compare", "a.graph", "b.graph", "--data")
        self.assertEqual(text.returncode, 9)
        self.assertRegex(text.stdout, r"(?m)^at x \d+, w \d+, where another graph runs: first dif")
        self.assertNotIn("another graph", self.output("compare", "fixed.graph", "fixed.graph",
                                                      "--data"))

    def test_compare_runs_kernels_against_the_reference(self):
        """One value for each step: the result of a region that runs as one is one value."""
        for count, *words in [(8, "--reference"), (7, "--disable-second", "fold_batch_norm"),
                              (8, "--input", "one.npy", "--reference"),
                              (14, "--disable", "fuse", "--reference"),
                              (8, "--disable-second", "fuse")]:
            text = self.output("compare", "digits.onnx", "digits.onnx", "--data", *words)
            self.assertRegex(text, rf"^same values  {count} compared, ")


if __name__ == "__main__":
    hone_tool.main()
