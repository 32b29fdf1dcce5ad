"""tests/tools/checkers_test.py HONE HONE_CONFORMANCE: each of our checkers is given something that
must fail. What always says yes checks nothing. Those in C++ have such tests beside their own."""
import importlib.util
import pathlib
import struct
import subprocess
import sys
import tempfile
import types
import unittest

TESTS = pathlib.Path(__file__).resolve().parents[1]
for folder in ("hostile", "bars", "differential"):
    sys.path.insert(0, str(TESTS / folder))
import onnx_bytes as onnx  # noqa: E402


def floats(name, *values):
    return onnx.tensor(name, [len(values)], raw=struct.pack(f"<{len(values)}f", *values))


class Conformance(unittest.TestCase):
    tool = None

    def run_case(self, output, name="output_0.pb"):
        """The exit code and the text for one case, y = -x of 1 and -2."""
        with tempfile.TemporaryDirectory() as place:
            case = pathlib.Path(place) / "suite/test_neg"
            data = case / "test_data_set_0"
            data.mkdir(parents=True)
            (case / "model.onnx").write_bytes(onnx.model(onnx.graph(
                [onnx.node("Neg", ["x"], ["y"])], [onnx.value("x")], [onnx.value("y")])))
            (data / "input_0.pb").write_bytes(floats("x", 1, -2))
            (data / name).write_bytes(output)
            result = subprocess.run([self.tool, case.parent], capture_output=True, text=True)
            return result.returncode, result.stdout

    def test_what_is_right_passes(self):
        code, text = self.run_case(floats("y", -1, 2))
        self.assertEqual(code, 0, text)
        self.assertIn("1 passed, 0 failed", text)

    def test_what_is_wrong_fails(self):
        for wrong in (floats("y", -1, 2.01), floats("y", -1, float("nan")), floats("y", -1),
                      floats("y", -1, float("inf")), onnx.int64s("y", [-1, 2])):
            code, text = self.run_case(wrong)
            self.assertEqual(code, 1, text)
            self.assertIn("0 passed, 1 failed", text)

    def test_a_case_without_outputs_fails(self):
        code, text = self.run_case(floats("y", -1, 2), "else.pb")
        self.assertEqual(code, 1, text)
        self.assertIn("no output is stored", text)

    def test_a_suite_without_cases_fails(self):
        with tempfile.TemporaryDirectory() as place:
            result = subprocess.run([self.tool, place], capture_output=True, text=True)
            self.assertEqual(result.returncode, 1, result.stdout)
            self.assertIn("no case", result.stdout)


class Compare(unittest.TestCase):
    """`hone compare`: what differs ends with 9 and is not called the same."""
    hone = None

    def setUp(self):
        self.place = tempfile.TemporaryDirectory()
        self.folder = pathlib.Path(self.place.name)
        for name, op in (("a", "Exp"), ("b", "Neg")):
            (self.folder / f"{name}.onnx").write_bytes(onnx.model(onnx.graph(
                [onnx.node("Abs", ["x"], ["m"]), onnx.node(op, ["m"], ["y"])],
                [onnx.value("x")], [onnx.value("y")])))
        (self.folder / "digits.onnx").write_bytes(
            (TESTS.parent / "examples/digits/digits.onnx").read_bytes())
        for name in ("a", "b"):
            self.run_tool("build", f"{name}.onnx", "-o", f"{name}.hone")

    def tearDown(self):
        self.place.cleanup()

    def run_tool(self, *words):
        return subprocess.run([self.hone, *words], cwd=self.folder, capture_output=True, text=True)

    def test_models_and_engines_that_differ(self):
        for how in ("--data", "--structure"):
            for first, second in (("a.onnx", "b.onnx"), ("a.onnx", "b.hone"), ("a.hone", "b.hone")):
                found = self.run_tool("compare", first, second, how)
                self.assertEqual(found.returncode, 9, (how, first, second, found.stdout))
                self.assertNotIn("same", found.stdout)
                same = self.run_tool("compare", first, first, how)
                self.assertEqual(same.returncode, 0, same.stderr)
                self.assertRegex(same.stdout, "^same (values|structure)  ")

    def test_passes_of_the_second_alone(self):
        words = ("compare", "digits.onnx", "digits.onnx", "--disable-second", "fold_batch_norm")
        self.assertEqual(self.run_tool(*words, "--structure").returncode, 9)
        found = self.run_tool(*words, "--data")
        self.assertEqual(found.returncode, 0, found.stderr)
        self.assertNotIn("in every bit", found.stdout)
        self.assertIn("\nsecond  digits.onnx, built for this machine, without fold_batch_norm\n",
                      found.stdout)
        self.assertEqual(self.run_tool(*words, "--data", "--tolerance", "0").returncode, 9)
        refused = self.run_tool("compare", "a.onnx", "a.hone", "--data", "--disable-second", "all")
        self.assertEqual(refused.returncode, 2)
        self.assertIn("its passes have run", refused.stderr)

    def test_regions_by_reference(self):
        words = ("compare", "digits.onnx", "digits.onnx", "--data", "--regions")
        self.assertEqual(self.run_tool(*words).returncode, 2)
        found = self.run_tool(*words, "--reference")
        self.assertEqual(found.returncode, 0, found.stderr)
        self.assertIn("second  digits.onnx, the graph that runs, by reference "
                      "evaluation\n", found.stdout)
        found = self.run_tool("compare", "a.onnx", "b.onnx", "--data", "--regions", "--reference")
        self.assertEqual(found.returncode, 9)

    def test_what_was_compared_is_said(self):
        found = self.run_tool("compare", "a.onnx", "a.hone", "--data")
        self.assertIn("\nfirst   a.onnx, built for this machine\n"
                      "second  a.hone, the engine as it is\n", found.stdout)
        found = self.run_tool("compare", "a.onnx", "a.hone", "--structure")
        self.assertIn("\ncompared  portable graphs; typed graphs, which engines run; not the "
                      "contents of weights, not plans\n", found.stdout)


class Hostile(unittest.TestCase):
    def test_the_judge_of_hostile_models(self):
        place = TESTS / "hostile/run.py"  # another folder has a run.py, too
        spec = importlib.util.spec_from_file_location("hostile_run", place)
        run = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(run)
        case = types.SimpleNamespace(code="invalid_model", pattern="gone")
        self.assertEqual(run.judge(case, 4, "error: gone", 0.1, 10, 0), [])
        for wrong in ((0, "gone", 0.1, 10), (-11, "gone", 0.1, 10), (4, "else", 0.1, 10),
                      (4, "gone\x1b", 0.1, 10), (4, "gone" * 9999, 0.1, 10), (4, "gone", 99, 10),
                      (4, "gone", 0.1, 9999)):
            self.assertEqual(len(run.judge(case, *wrong, 0)), 1, wrong)
        self.assertEqual(run.judge(case, 4, "gone", 0.1, 9999, 2**30), [])  # in proportion


class Bars(unittest.TestCase):
    def setUp(self):
        try:
            import numpy  # noqa: F401
            import onnxruntime  # noqa: F401
        except ImportError as missing:
            self.skipTest(str(missing))

    def test_models(self):
        import models
        import numpy as np
        want = np.array([1, 2, 3], np.float32)
        self.assertTrue(models.compare(want, want, None, 1)[0])
        nan = np.array([1, 2, np.nan], np.float32)
        for got in (want * 1.01, want[:2], want.astype(np.float64), nan):
            self.assertFalse(models.compare(want, got, None, 1)[0], got)
        self.assertFalse(models.compare(want, want + np.float32(0.5), 0.25, 1)[0])  # two quanta
        self.assertFalse(models.compare(want, want[::-1].copy(), 100, 1)[0])  # another top-1
        good, words = models.verdict({"in_x": want}, {}, None, 1)
        self.assertFalse(good, words)
        self.assertFalse(models.verdict({"out_y": want}, {}, None, 1)[0])
        self.assertTrue(models.verdict({"out_y": want}, {"y": want}, None, 1)[0])

    def test_convert(self):
        import convert
        import numpy as np
        one = np.ones(3, np.float32)
        self.assertEqual(convert.apart(one, one), 0)
        self.assertGreater(convert.apart(one, one * 1.1), 0.05)
        for other in (one[:2], one.astype(np.float64)):
            self.assertEqual(convert.apart(one, other), np.inf)
        self.assertEqual(convert.apart([one], []), np.inf)

    def test_differential(self):
        import case
        import judge
        import numpy as np
        one, none = np.ones(3, np.float32), case.Tolerance()
        self.assertEqual(judge.compare([one], [one], none).kind, "agree")
        for got in ([], [one, one], [one * 1.5], [one.astype(np.float64)],
                    [np.array([1, 1, np.nan], np.float32)]):
            self.assertEqual(judge.compare(got, [one], none).kind, "differ", got)


if __name__ == "__main__":
    Compare.hone, Conformance.tool = (str(pathlib.Path(word).resolve()) for word in sys.argv[1:3])
    unittest.main(argv=sys.argv[:1], verbosity=1)
