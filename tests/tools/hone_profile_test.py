"""tests/tools/hone_profile_test.py HONE: `hone profile` tells of every step of the plan."""
import csv
import io
import json
import re

import hone_tool

# An addition, and a multiplication that a loop makes 100 times.
LOOP = """graph loop(%x: f32[64]) -> (%y)
  %a = Add(%x, %x)
  %y = Loop(i64{100}, bool{true}, %a) states=1
    body(%turn: i64[], %go: bool[], %s: f32[64]) -> (%go, %t)
      %t = Mul(%s, f32{0.5})
"""


class Profile(hone_tool.Tool):
    def test_the_steps_are_those_of_the_plan(self):
        plan = self.output("inspect", "digits.onnx", "--plan")
        found = json.loads(self.output("profile", "digits.onnx", "--iterations", 4, "-o", "json"))
        self.assertEqual([step["result"] for step in found["steps"]],
                         re.findall(r'^  run "?([^" ]+)', plan, re.M))

    def test_figures(self):
        found = json.loads(self.output("profile", "digits.onnx", "--iterations", 4, "-o", "json"))
        self.assertEqual((found["runs"], found["inputs"]), (4, "image=1x1x8x8"))
        for step in found["steps"]:
            self.assertGreaterEqual(step["seconds"], 0)
            self.assertGreater(step["bytes"], 0)
        convolution = found["steps"][0]
        # 24 channels of 8 x 8, each element the sum of 3 x 3 products.
        self.assertEqual((convolution["ops"], convolution["type"], convolution["flops"]),
                         ("Conv Relu", "f32[1,24,8,8]", 2 * 24 * 64 * 9))
        self.assertEqual(convolution["layers"],
                         ["/stem/stem.0/Conv", "/stem/stem.1/BatchNormalization",
                          "/stem/stem.2/Relu"])
        rows = list(csv.DictReader(io.StringIO(self.output("profile", "digits.onnx", "-o",
                                                           "csv"))))
        self.assertEqual([row["result"] for row in rows],
                         [step["result"] for step in found["steps"]])
        text = self.output("profile", "digits.onnx", "--top", 2)
        self.assertEqual(len(text.split("\n\n")[2].splitlines()), 3)

    def test_bodies_count_by_themselves(self):
        (self.folder / "loop.graph").write_text(LOOP)
        found = json.loads(self.output("profile", "loop.graph", "--iterations", 2, "-o", "json",
                                       "--trace", "trace.json"))
        turns = {step["ops"]: step["turns"] for step in found["steps"]}
        self.assertEqual(turns, {"Add": 1, "Loop": 1, "Mul": 100})
        events = json.loads((self.folder / "trace.json").read_text())["traceEvents"]
        self.assertEqual(len(events), 2 * 102)
        loop = next(event for event in events if event["name"].startswith("Loop"))
        inner = [event for event in events if event["name"].startswith("Mul")][:100]
        for event in inner:
            self.assertGreaterEqual(event["ts"], loop["ts"])
            self.assertLessEqual(event["ts"] + event["dur"], loop["ts"] + loop["dur"] + 1e-3)


if __name__ == "__main__":
    hone_tool.main()
