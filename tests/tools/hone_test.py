"""tests/tools/hone_test.py HONE [--bless]: what all verbs have in common: help, exit codes, and the
messages that tests/errors/cli.test pins (--bless writes them anew)."""
import os
import re
import shlex
import shutil
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
        for word in ("cpu", "features", "cores", "memory", "devices", "CUDA driver", "NVRTC"):
            self.assertRegex(text, rf"(?m)^{word} ")

    def options_of(self, verb):
        """As its help shows them."""
        text = self.output(verb, "--help")
        return set(re.findall(r"(?<![\w-])--?[a-z][a-z0-9-]*", text.split("Options:")[1].split(
            "\n\n")[0].replace("-h,--help", "-h --help")))

    def bash_completes(self, *words):
        """What bash offers for the last of these words."""
        (self.folder / "hone.bash").write_text(self.output("completion", "bash"))
        script = (f"source ./hone.bash; COMP_WORDS=({shlex.join(['hone', *words])}); "
                  f"COMP_CWORD={len(words)}; _hone; printf '%s\\n' \"${{COMPREPLY[@]}}\"")
        result = subprocess.run(["bash", "-ec", script], cwd=self.folder, text=True,
                                capture_output=True)
        self.assertEqual((result.returncode, result.stderr), (0, ""), script)
        return result.stdout.split()

    def test_completion(self):
        self.assertEqual(self.bash_completes("co"), ["convert", "compare", "completion"])
        self.assertEqual(self.bash_completes(""), list(hone_tool.VERBS))
        self.assertEqual(self.bash_completes("completion", ""), ["bash", "zsh", "fish"])
        self.assertEqual(self.bash_completes("run", "net.onnx", "--channels", "b"), ["bgr"])
        self.assertEqual(self.bash_completes("run", "net.onnx", "--top", ""), [])
        for verb in hone_tool.VERBS:
            self.assertEqual(set(self.bash_completes(verb, "-")), self.options_of(verb), verb)
        for shell in ("zsh", "fish"):
            text = self.output("completion", shell)
            for verb in hone_tool.VERBS:
                self.assertIn(verb, text)
                for option in self.options_of(verb):
                    self.assertIn(option if shell == "zsh" else f" {option.lstrip('-')}", text)
            if shutil.which(shell):
                subprocess.run([shell, "-n"], input=text, text=True, check=True)
        self.output("completion", "zsh", "-o", "_hone")
        self.assertTrue((self.folder / "_hone").read_text().startswith("#compdef hone\n"))

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
