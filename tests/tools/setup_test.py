"""Runs tools/setup with stand-ins for the package tools, which write down what they are asked."""
import os
import pathlib
import subprocess
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
REAL = ("bash", "sed", "sort", "comm", "tr", "env")


class Setup(unittest.TestCase):
    def run_setup(self, *groups, installed=(), uid=0, sudo=False):
        with tempfile.TemporaryDirectory() as folder:
            bin_folder = pathlib.Path(folder)
            log = bin_folder / "log"
            log.touch()
            tools = {
                "dpkg-query": "".join(f"echo 'ii  {name}'\n" for name in installed),
                "id": f"echo {uid}\n",
                "apt-get": f'echo "$DEBIAN_FRONTEND apt-get $*" >> {log}\n',
            }
            if sudo:
                tools["sudo"] = f'echo "sudo $*" >> {log}\n[ "$1" = -n ] && exit 0\n"$@"\n'
            for name in REAL:
                (bin_folder / name).symlink_to(f"/usr/bin/{name}")
            for name, text in tools.items():
                (bin_folder / name).write_text(f"#!/usr/bin/bash\n{text}")
                (bin_folder / name).chmod(0o755)
            result = subprocess.run(["/usr/bin/bash", ROOT / "tools/setup", *groups],
                                    env={"PATH": folder}, stdin=subprocess.DEVNULL,
                                    capture_output=True, text=True)
            return result, log.read_text().splitlines()

    def packages(self, *groups):
        """The packages of the groups, as the line for the administrator names them."""
        result, _ = self.run_setup(*groups, uid=1000)
        line = [text for text in result.stderr.splitlines() if text.startswith("  apt-get")][0]
        return line.split("--no-install-recommends ")[1].split()

    def test_installs_what_is_missing_as_root(self):
        wanted = self.packages("build")
        self.assertIn("libprotozero-dev", wanted)
        result, calls = self.run_setup(installed=[p for p in wanted if p != "libpng-dev"])
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual(calls, ["noninteractive apt-get update -qq",
                                 "noninteractive apt-get install -y --no-install-recommends "
                                 "libpng-dev"])

    def test_does_nothing_where_all_is_there(self):
        result, calls = self.run_setup("test", installed=self.packages("test"))
        self.assertEqual((result.returncode, result.stderr, calls), (0, "", []))

    def test_prints_the_line_to_type_where_it_may_not_install(self):
        result, calls = self.run_setup("build", uid=1000)
        self.assertEqual((result.returncode, calls), (1, []))
        self.assertIn("\n  apt-get update && apt-get install -y ", result.stderr)

    def test_uses_sudo(self):
        result, calls = self.run_setup("build", uid=1000, sudo=True)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertIn("noninteractive apt-get update -qq", calls)
        self.assertTrue(any(call.startswith("sudo env DEBIAN_FRONTEND=noninteractive apt-get "
                                            "install -y") for call in calls), calls)

    def test_the_demo_needs_no_python_and_no_test_tools(self):
        build = set(self.packages("build"))
        self.assertFalse({p for p in build if p.startswith(("python3", "clang", "libgtest"))})
        self.assertLess(build, set(self.packages("test")))

    def test_refuses_an_unknown_group(self):
        result, calls = self.run_setup("everything", uid=0)
        self.assertEqual((result.returncode, calls), (2, []))
        self.assertIn("unknown group 'everything'; known: build, test, check", result.stderr)


if __name__ == "__main__":
    unittest.main()
