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
        self.assertRegex(text, r"arena +[\d,]+ bytes where n = 1\nbound +[\d,]+ bytes are in")
        self.assertIn("\nplan cpu", text)
        text = self.output("inspect", "digits.onnx", "--plan", "--streams", "2")
        self.assertRegex(text, r"1 stream +taken: a second one would have nothing to do\nplan cpu")
        self.assertTrue(self.output("inspect", "digits.onnx", "--ops").startswith("op "))

    def test_inspect_tells_of_the_plan_that_runs(self):
        # Made for n = m; where one is repeated, a run takes another plan.
        (self.folder / "two.graph").write_text(
            "graph g(%x: f32[n,1000], %y: f32[m,1000]) -> (%z)\n  %a = Neg(%x)\n"
            "  %b = Exp(%y)\n  %c = Add(%a, %b)\n  %z = Tanh(%c)\n")
        self.output("build", "two.graph", "-o", "two.hone", "--disable", "fuse")
        for file in ("two.graph", "two.hone"):
            def arena(n, m):
                return self.output("inspect", file, "--shape", f"x={n}x1000", "--shape",
                                   f"y={m}x1000", *(["--disable", "fuse"] if "graph" in file
                                                    else []))
            self.assertRegex(arena(7, 7), r"arena +56,064 bytes, .* value: 84,000")
            if file == "two.graph":  # an engine fuses what is made for other sizes
                self.assertRegex(arena(1, 7), r"arena +32,064 bytes, .* value: 60,000")
            self.assertRegex(arena(1, 7), r"plan +of the graph for these sizes, as a run with")
            refused = self.run_tool("inspect", file, "--shape", "x=3x1000", "--shape", "y=7x1000")
            self.assertEqual(refused.returncode, 2)
            self.assertIn("sizes 3 and 7 do not broadcast (Add %c)", refused.stderr)

    def test_inspect_draws_the_arena(self):
        self.output("inspect", "digits.onnx", "--svg", "arena.svg")
        space = "{http://www.w3.org/2000/svg}"
        drawn = xml.etree.ElementTree.parse(self.folder / "arena.svg").getroot()
        boxes = [each.text for each in drawn.iter(space + "title")]
        self.assertEqual(len(boxes), 14)  # the values and the working memory below
        for box in boxes:
            self.assertRegex(box, r": \S+ \w+ \(\d+ bytes\) at \S+ \w+, steps \d+ to \d+$")
        texts = [each.text for each in drawn.iter(space + "text")]
        self.assertEqual(texts.count("step") + texts.count("place in the arena, MiB"), 2)
        self.assertIn("Arena of digits.onnx", texts)
        self.assertIn("the largest", texts)
        self.assertRegex("\n".join(texts), r"1\.31 MiB, 8 steps where n = 1; at least 1\.31 MiB")
        self.assertRegex("\n".join(texts), r"values: 7\nworking memory of kernels: 7\n")

    def test_open_sizes_are_assumed_the_same_way_everywhere(self):
        """1 for what an input has first, 64 for the rest, and said."""
        nodes = [onnx.node("MatMul", ["x", "x"], ["y"]), onnx.node("Softmax", ["y"], ["z"])]
        shape = ("batch", "tokens", "tokens")
        (self.folder / "open.onnx").write_bytes(onnx.model(onnx.graph(
            nodes, (onnx.value("x", shape),), [onnx.value("z", shape)])))
        said = "where batch = 1, tokens = 64"
        self.assertIn(said, self.output("inspect", "open.onnx", "--plan"))
        self.assertIn(f"moved  64.0 KiB of activations before fusion; 32.0 KiB whole, 64.0 KiB cut "
                      f"{said}", self.output("inspect", "open.onnx", "--regions"))
        self.output("inspect", "open.onnx", "--svg", "open.svg")
        self.assertIn(said, (self.folder / "open.svg").read_text())
        self.assertIn(said, self.output("build", "open.onnx", "--explain"))
        text = self.output("inspect", "open.onnx", "--regions", "--shape", "2x8x8")
        self.assertNotIn(" = ", text)
        ports = onnx.value("x", ("n", "k")), onnx.value("y", ("k", "m"))
        (self.folder / "two.onnx").write_bytes(onnx.model(onnx.graph(
            [onnx.node("MatMul", ["x", "y"], ["t"]), onnx.node("Softmax", ["t"], ["z"])], ports,
            [onnx.value("z", ("n", "m"))])))
        for part in ("--regions", "--plan"):
            self.assertIn(" where m = 64\n", self.output("inspect", "two.onnx", part, "--shape",
                                                         "x=2x8"))
        found = json.loads(self.output("inspect", "two.onnx", "-o", "json", "--shape", "x=2x8"))
        self.assertEqual(found["candidates"]["assumed"], {"m": 64})

    def test_regions_that_save_nothing_say_so(self):
        """The region reads a piece of its operand: less than nothing was printed as many TiB."""
        nodes = [onnx.node("Slice", ["x", "from", "to"], ["a"]), onnx.node("Exp", ["a"], ["b"])]
        (self.folder / "piece.onnx").write_bytes(onnx.model(onnx.graph(
            nodes, (onnx.value("x", (64, 64)),), [onnx.value("b", (1, 64))],
            [onnx.int64s("from", [0]), onnx.int64s("to", [1])])))
        text = self.output("inspect", "piece.onnx", "--regions")
        self.assertRegex(text, r"candidate 0  Slice Exp  saves nothing")
        self.assertNotIn("TiB", text)

    def test_sizes_that_are_expected_are_in_the_plan(self):
        self.output("build", "digits.onnx", "-o", "four.hone", "--shape", "4x1x8x8")
        plan = json.loads(self.output("inspect", "four.hone", "-o", "json"))["plan"]
        self.assertEqual(plan["expects"], {"n": 4})
        self.assertEqual(self.save("four.hone", "--input", "two.npy"),
                         self.save("digits.onnx", "--input", "two.npy"))

    def test_inspect_draws_the_graph_that_runs(self):
        text = self.output("inspect", "digits.onnx", "--dot", "--shape", "image=2x1x8x8")
        self.assertRegex(text, r'^digraph "torch_jit" {\n')
        regions = json.loads(self.output("inspect", "digits.onnx", "-o", "json"))["regions"]["list"]
        whole = [" ".join(each["ops"]) for each in regions if len(each["ops"]) > 1]
        self.assertEqual(len(whole), 5)
        clusters = r'(?m)^  subgraph cluster_\d+ {\n    label="region \d+: (.*?)" '
        self.assertEqual(re.findall(clusters, text), whole)
        self.assertEqual(text.count("subgraph cluster_"), len(whole))
        self.assertNotIn("subgraph", self.output("inspect", "digits.onnx", "--dot", "--disable",
                                                 "fuse"))
        ids = dict(re.findall(r'^ *(n\d+) \[label="([^"]*)"', text, re.M))
        edges = re.findall(r'^  (n\d+) -> (n\d+) \[label="([^"]*)"\]$', text, re.M)
        self.assertIn(("image", "Conv\\n/stem/stem.0/Conv\\n/stem/stem.1/BatchNormalization",
                       "f32[n,1,8,8]"), [(ids[a], ids[b], kind) for a, b, kind in edges])
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
        plan, regions = found["plan"], found["regions"]
        self.assertEqual([step["op"] for step in plan["steps"]],
                         [*4 * ["Fused"], "MaxPool", "Fused", "ReduceMean", "Gemm"])
        self.assertEqual(plan["steps"][3]["kernel"], "cpu.conv.direct/1")
        self.assertEqual(plan["steps"][3]["layers"],
                         ["/block/block.3/Conv", "/block/block.4/BatchNormalization", "/Add",
                          "/Relu"])
        self.assertEqual(plan["buffers"][1]["bytes"], "6144*n")
        self.assertEqual(plan["sharings"], [])
        self.assertEqual((regions["steps"], regions["launched"]), (8, 8))
        self.assertEqual([each["results"][0] for each in regions["list"]],
                         [step["result"] for step in plan["steps"]])
        self.assertEqual([each["ops"] for each in regions["list"]],
                         [["Conv", "Relu"], ["Conv", "Relu"], ["Conv", "Clip"],
                          ["Conv", "Add", "Relu"], ["MaxPool"], ["Conv", "Relu"], ["ReduceMean"],
                          ["Gemm"]])
        self.assertEqual([each["how"] for each in regions["list"]],
                         [step["kernel"] for step in plan["steps"]])
        self.assertEqual([each["layers"] for each in regions["list"]],
                         [step["layers"] for step in plan["steps"]])
        self.assertEqual([each["values"] for each in regions["cut"]],
                         [["/block/block.2/Clip_output_0", "/Relu_output_0",
                           "/pool/MaxPool_output_0"],
                          ["/top/top.2/Relu_output_0", "/ReduceMean_output_0"]])
        for each in regions["cut"]:
            self.assertRegex(
                each["why"], r"^cpu\.conv\.[^:]*: only a sum, then clipping, then functions "
                rf"of one operand follow in one step \(up to %{each['values'][0]}\)")
        self.assertEqual(regions["priced"], [])
        refused = plan["refusals"][plan["steps"][0]["refusals"]]
        self.assertIn({"kernel": "cpu.matmul", "why": "multiplies matrices of f32 only"}, refused)
        self.assertIn({"kernel": "cpu.elementwise", "why": "runs regions of one op only"}, refused)
        found = found["candidates"]
        self.assertEqual(found["steps"], {"before": 14, "whole": 5, "cut": 8})
        self.assertEqual(found["moved_bytes"]["whole"], "43816*n")
        self.assertEqual(found["list"][0]["ops"], ["Conv", "Relu"])
        self.assertEqual(found["list"][0]["saved_bytes"], "12288*n")
        self.assertEqual(len(found["list"][2]["cuts"]), 2)
        self.assertRegex(" ".join(note["why"] for note in found["notes"]), "reads whole rows")
        apart = json.loads(self.output("inspect", "digits.onnx", "-o", "json", "--disable", "fuse"))
        plan = apart["plan"]
        self.assertEqual((len(plan["steps"]), apart["regions"]["cut"]), (14, []))
        self.assertEqual([step["op"] for step in plan["steps"][:3]], ["Conv", "Relu", "Conv"])
        self.assertEqual(plan["steps"][1]["kernel"], "cpu.elementwise/1")
        self.assertEqual(plan["steps"][1]["layers"], ["/stem/stem.2/Relu"])
        self.assertEqual(plan["sharings"][0]["kind"], "over")
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
        told = {(p.get("op"), p["count"], *p["places"]) for p in problems}
        self.assertEqual(told, {
            ("acme::Swizzle v1", 3, "in_then", "first", "call/inner"),
            ("ai.onnx::StringSplit", 1, "in_else"),
            ("ai.onnx.preview.training::Gradient v1", 1, "train")})
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
