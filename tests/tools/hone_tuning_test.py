"""tests/tools/hone_tuning_test.py HONE: builds time kernels, keep what they found, and use it."""
import hone_tool


class Tuning(hone_tool.Tool):
    def build(self, name, *words):
        self.output("build", "digits.onnx", "--shape", "1x1x8x8", "-o", name, *words)
        return (self.folder / name).read_bytes()

    def failure(self, code, *words):
        result = self.run_tool(*words)
        self.assertEqual(result.returncode, code, result.stderr)
        return result.stderr

    def test_records_are_made_and_used_again(self):
        timed = ("--opt", 2, "--tuning", "cache/t.txt")
        text = self.output("build", "digits.onnx", "--shape", "1x1x8x8", "-o", "a.hone", *timed)
        self.assertRegex(text, r"tuning  [1-9]\d* problems timed, 0 known from cache/t.txt")
        text = self.output("build", "digits.onnx", "--shape", "1x1x8x8", "-o", "b.hone", *timed)
        known = r"tuning  0 problems timed, [1-9]\d* known from cache/t.txt; for n=1"
        self.assertRegex(text, known)
        self.assertEqual((self.folder / "a.hone").read_bytes(),
                         (self.folder / "b.hone").read_bytes())
        self.assertEqual(self.build("c.hone", *timed, "--deterministic"),
                         (self.folder / "b.hone").read_bytes())
        listed = self.output("tuning", "--file", "cache/t.txt")
        self.assertRegex(listed, r"cpu\.conv\.direct/\d+ +Conv Relu f32\[")
        self.output("run", "a.hone", "--input", "random")

    def test_without_records_nothing_is_timed_where_that_is_wanted(self):
        text = self.output("build", "digits.onnx", "-o", "a.hone", "--opt", 3, "--deterministic",
                           "--tuning", "none.txt")
        self.assertRegex(text, r"0 problems timed, 0 known from none.txt, \d+ by estimate; for "
                               r"n=64 \(--shape gives other sizes\)")
        self.assertFalse((self.folder / "none.txt").exists())

    def test_levels(self):
        fused, plain = self.build("1.hone"), self.build("0.hone", "--opt", 0)
        self.assertEqual(fused, self.build("1b.hone", "--opt", 1))
        self.assertNotEqual(fused, plain)
        self.assertIn("--opt 4: wanted 0 to 3",
                      self.failure(2, "build", "digits.onnx", "--opt", 4))
        self.assertIn("--tuning and --deterministic need --opt 2 or 3",
                      self.failure(2, "build", "digits.onnx", "--tuning", "t.txt"))

    def test_files_are_merged_and_compared(self):
        line = "0000000000000001000000000000000{} cpu.a/1 {{}} {} Relu f32[4]\n"
        head = "hone tuning 1\n"
        (self.folder / "a.txt").write_text(head + line.format(1, 0.5) + line.format(2, 0.5))
        (self.folder / "b.txt").write_text(head + line.format(2, 0.25) + line.format(3, 0.5))
        text = self.output("tuning", "--file", "a.txt", "--diff", "b.txt")
        self.assertRegex(text, r"0\.50x +500\.00 ms +250\.00 ms +cpu\.a/1 +Relu f32\[4\]\n"
                               r"1 in both, 1 only in the first, 1 only in the second\n")
        self.output("tuning", "--file", "a.txt", "--merge", "b.txt", "-o", "c.txt")
        self.assertEqual((self.folder / "c.txt").read_text(),
                         head + line.format(1, 0.5) + line.format(2, 0.25) + line.format(3, 0.5))

    def test_damaged_files_are_named(self):
        (self.folder / "t.txt").write_text("hone tuning 1\nnonsense\n")
        for words in (("tuning", "--file", "t.txt"),
                      ("build", "digits.onnx", "--opt", 2, "--tuning", "t.txt")):
            self.assertIn('t.txt: line 2 is no record: "nonsense"', self.failure(2, *words))
        self.assertIn("none.txt: no such file", self.failure(8, "tuning", "--file", "none.txt"))


if __name__ == "__main__":
    hone_tool.main()
