"""tests/tools/hone_inspect_test.py HONE: `hone inspect` of models, engines and what is no model."""
import json
import re
import xml.etree.ElementTree

import hone_tool
import onnx_bytes as onnx



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


class Inspect(hone_tool.Tool):
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


if __name__ == "__main__":
    hone_tool.main()
