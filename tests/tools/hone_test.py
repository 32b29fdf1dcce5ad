"""tests/tools/hone_test.py HONE [--bless]: what all verbs have in common: help, exit codes, and the
messages that tests/errors/cli.test pins (--bless writes them anew)."""
import os
import re
import shlex
import subprocess
import sys
import time

import hone_tool

PINNED = hone_tool.ROOT / "tests/errors/cli.test"


class Common(hone_tool.Tool):
    def test_help_of_every_verb(self):
        times = []
        for words in [["--help"], *([verb, "--help"] for verb in hone_tool.VERBS)]:
            start = time.monotonic()
            text = self.output(*words)
            times.append(time.monotonic() - start)
            self.assertIn("Example", text)
            self.assertIn("hone " + (words[0] if len(words) == 2 else "run"), text)
            self.assertTrue(all(len(line) <= 110 for line in text.splitlines()), words)
        print(f"--help: slowest {1000 * max(times):.0f} ms")
        self.assertIn("Exit codes", self.output("--help"))

    def test_version(self):
        self.assertRegex(self.output("version"), r"^hone \d+\.\d+\.\d+\n$")
        self.assertEqual(self.output("--version"), self.output("version"))

    def test_doctor(self):
        text = self.output("doctor")
        for word in ("cpu", "features", "cores", "memory", "devices", "libcuda", "NVRTC"):
            self.assertRegex(text, rf"(?m)^{word} ")

    def test_a_full_disk_is_an_error(self):
        if not os.path.exists("/dev/full"):
            self.skipTest("there is no /dev/full")
        with open("/dev/full", "w") as full:
            result = subprocess.run([self.hone, "version"], stdout=full, stderr=subprocess.PIPE)
        self.assertEqual(result.returncode, 8)

    def test_messages(self):
        self.maxDiff = None
        text = PINNED.read_text()
        real = re.sub(r"(?m)^given\n  hone ?(.*)\nexpect message\n(?:(?:  .*)?\n)*?(?=\n|\Z)",
                      lambda case: self.message(case.group(1)), text)
        if "--bless" in sys.argv:
            PINNED.write_text(real)
        self.assertEqual(real, PINNED.read_text())

    def message(self, words):
        result = self.run_tool(*shlex.split(words))
        self.assertEqual(result.stdout, "", words)
        said = result.stderr.replace(str(self.folder), "FOLDER").rstrip("\n").split("\n")
        lines = "".join(f"  {line}\n" if line else "\n" for line in
                        [f"exit code {result.returncode}", *said])
        return f"given\n  {f'hone {words}'.strip()}\nexpect message\n{lines}"


if __name__ == "__main__":
    hone_tool.main("--bless")
