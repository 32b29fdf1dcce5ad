"""tests/tools/hone_run_test.py HONE: `hone run`, its inputs and what it prints."""
import re

import hone_tool



class Run(hone_tool.Tool):
    def test_run_gives_the_same_from_every_source(self):
        shape, want = self.save("digits.onnx", "--input", "image=one.npy")
        self.assertEqual(shape, [1, 10])
        for source in ("one.npy", "in.npz", "image=in.npz"):
            self.assertEqual(self.save("digits.onnx", "--input", source), (shape, want))
        shape, both = self.save("digits.onnx", "--input", "two.npy")
        self.assertEqual(shape, [2, 10])
        for got, wanted in zip(both, want * 2):
            self.assertAlmostEqual(got, wanted, 4)

    def test_layout_turns_arrays_into_pictures(self):
        want = self.save("digits.onnx", "--input", "one.npy")
        for file, layout in (("last.npy", "nhwc"), ("first.npy", "nchw"), ("one.npy", "nchw")):
            self.assertEqual(self.save("digits.onnx", "--input", file, "--layout",
                                       f"image={layout}"), want)
        whole = self.save("digits.onnx", "--input", "bytes.npy", "--layout", "nhwc")
        scaled = self.save("digits.onnx", "--input", "bytes.npy", "--layout", "nhwc", "--scale",
                           "1/255", "--mean", "0")
        self.assertEqual(whole, scaled)

    def test_random_depends_on_the_seed_alone(self):
        first = self.save("digits.onnx", "--input", "random", "--seed", 1)
        self.assertEqual(first, self.save("digits.onnx", "--input", "image=random", "--seed", 1))
        self.assertNotEqual(first, self.save("digits.onnx", "--input", "random", "--seed", 2))
        noted = self.run_tool("run", "digits.onnx", "--input", "random", HONE_LOG="note")
        self.assertIn('input "image" is f32[n,1,8,8]: n is taken to be 1', noted.stderr)
        shape, _ = self.save("digits.onnx", "--input", "random", "--shape", "image=3x1x8x8")
        self.assertEqual(shape, [3, 10])

    def test_top_and_labels(self):
        _, scores = self.save("digits.onnx", "--input", "one.npy")
        order = sorted(range(10), key=lambda i: -scores[i])[:3]
        text = self.output("run", "digits.onnx", "--input", "one.npy", "--top", 3, "--labels",
                           "labels.txt")
        self.assertEqual([int(n) for n in re.findall(r"(\d+)  digit \1", text)], order)

    def test_summary_and_latency(self):
        text = self.output("run", "digits.onnx", "--input", "one.npy", "--repeat", 5, "--workers",
                           1)
        self.assertRegex(text, r"logits  f32\[1,10\]  min \S+  max \S+  mean \S+  \[")
        self.assertRegex(text, r"latency  min .*s  median .*s  \(5 runs, 1 worker\)")


if __name__ == "__main__":
    hone_tool.main()
