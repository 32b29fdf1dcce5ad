"""tests/tools/hone_bench_test.py HONE: `hone bench` measures what it says, in every form."""
import csv
import io
import json

import hone_tool


class Bench(hone_tool.Tool):
    def bench(self, *words):
        return self.output("bench", "digits.onnx", "--warm-up", 0, *words)

    def test_each_size_and_each_form(self):
        found = json.loads(self.bench("--iterations", 20, "--batch", "1,3", "-o", "json"))
        self.assertEqual([case["inputs"] for case in found["cases"]],
                         ["image=1x1x8x8", "image=3x1x8x8"])
        for case in found["cases"]:
            self.assertEqual(case["runs"], 20)
            times = [case[name] for name in ("min", "median", "p90", "p95", "p99", "max")]
            self.assertEqual(times, sorted(times))
            self.assertGreater(times[0], 0)
            self.assertLessEqual(case["min"], case["mean"])
            self.assertGreaterEqual(case["max"], case["mean"])
            self.assertAlmostEqual(case["samples_per_second"],
                                   case["inferences_per_second"] * case["samples"], 3)
            self.assertLessEqual(case["inferences_per_second"], 1 / case["min"])
        rows = list(csv.DictReader(io.StringIO(self.bench("--iterations", 2, "-o", "csv",
                                                          "--shape", "1x1x8x8,2x1x8x8"))))
        self.assertEqual([(row["inputs"], row["runs"]) for row in rows],
                         [("image=1x1x8x8", "2"), ("image=2x1x8x8", "2")])
        self.bench("--iterations", 2, "-o", "figures.md")
        self.assertRegex((self.folder / "figures.md").read_text(),
                         r"\| image=1x1x8x8 \|(?: [^|]+ \|){12}\n$")
        self.assertRegex(self.bench("--iterations", 2), r"run by +1 context of \d+ worker")

    def test_devices_run_side_by_side(self):
        found = json.loads(self.bench("--devices", "cpu,cpu", "--contexts", 2, "--workers", 1,
                                      "--iterations", 5, "-o", "json"))
        self.assertEqual(found["contexts"], 4)
        self.assertTrue(found["target"].endswith(", cpu cpu"), found["target"])
        self.assertEqual(found["cases"][0]["runs"], 20)

    def test_contexts_run_side_by_side(self):
        found = json.loads(self.bench("--contexts", 3, "--workers", 1, "--iterations", 7, "-o",
                                      "json"))
        self.assertEqual((found["contexts"], found["workers"]), (3, 1))
        self.assertEqual(found["cases"][0]["runs"], 21)

    def test_by_time_there_are_enough_runs(self):
        found = json.loads(self.bench("--duration", 0.05, "-o", "json"))
        self.assertGreaterEqual(found["cases"][0]["runs"], 10)

    def test_an_engine_is_loaded(self):
        self.output("build", "digits.onnx", "-o", "digits.hone")
        found = json.loads(self.output("bench", "digits.hone", "--iterations", 3, "-o", "json",
                                       "--warm-up", 0))
        self.assertIn("load", found)

    def test_kernels_are_timed_without_a_model(self):
        found = json.loads(self.output("bench", "--kernels", "layer_norm|group_norm", "--workers",
                                       1, "-o", "json"))
        self.assertEqual({row["kernel"] for row in found["times"]},
                         {"cpu.layer_norm", "cpu.group_norm"})
        for row in found["times"]:
            self.assertGreater(row["seconds"], 0)
            self.assertGreater(row["bytes"], 0)
        self.assertGreater(found["bytes_per_second"], 1e8)
        rms = next(row for row in found["times"] if row["region"] == "RMS norm 384 x 2048")
        self.assertEqual(rms["bytes"], 4 * (2 * 384 * 2048 + 2048))
        for words, wanted in ((("--kernels", "nothing"), "--kernels nothing: no kernel of cpu"),
                              ((), "wanted a model, or --kernels REGEX without one")):
            result = self.run_tool("bench", *words)
            self.assertEqual(result.returncode, 2)
            self.assertIn(wanted, result.stderr)

    def test_what_does_not_fit_is_told(self):
        for words, wanted in (
                (("--batch", "0"), "--batch 0: wanted numbers such as 1,8,32"),
                (("--contexts", 0), "--contexts 0: wanted 1 to 256"),
                (("--devices", "cpu,"), "--devices cpu,: wanted numbers of GPUs, or "
                                          "names of devices, such as 0,1"),
                (("--devices", "cpu", "--device", "cpu"),
                 "--device and --devices: wanted one of them"),
                (("--duration", 0), "--duration 0: wanted more than no seconds"),
                (("--shape", "image=1x1x8x8,2x1x8x9"),
                 '--shape image=2x1x8x9: input "image" is f32[n,1,8,8] (digits.onnx)'),
                (("-o", "yaml"), "-o yaml: wanted text, md, csv, json, or a file's name with an "
                                 "extension")):
            result = self.run_tool("bench", "digits.onnx", *words)
            self.assertEqual((result.returncode, result.stderr), (2, f"error: {wanted}\n"))


if __name__ == "__main__":
    hone_tool.main()
