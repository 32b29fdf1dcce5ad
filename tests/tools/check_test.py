"""Seeds a tree with one violation each and expects tools/check to name it, and nothing else."""
import os
import subprocess
import sys
import tempfile
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__))))

ROOMS = """hone_room(base 0)
hone_room(ir 1 USES base)
hone_room(ops 2 USES base ir SOURCES ${generated})
hone_room(passes 3 USES base ir)
hone_room(device 3 USES base ir)
"""

GOOD = """#include "ir/graph.hpp"

#include <vector>

#include "base/error.hpp"

namespace hone {

Graph::Graph(int a) : a_{a}, b_(a) {
  if (a > 0) {
    b_ = 1;
  }
}

}  // namespace hone
"""


def long_function(lines, head="int f(int x)"):
    return "\n".join([head + " {"] + ["  x += 1;"] * (lines - 2) + ["}", ""])


class Check(unittest.TestCase):
    def run_check(self, files, arguments=("--no-format",)):
        with tempfile.TemporaryDirectory() as root:
            for path, text in {"src/CMakeLists.txt": ROOMS, **files}.items():
                full = os.path.join(root, path)
                os.makedirs(os.path.dirname(full), exist_ok=True)
                with open(full, "w", encoding="utf-8") as file:
                    file.write(text)
            command = [sys.executable, os.path.join(ROOT, "tools/check"), "--root", root]
            result = subprocess.run(command + list(arguments), capture_output=True, text=True)
        self.assertIn(result.returncode, (0, 1), result.stderr)
        lines = result.stdout.splitlines()
        self.assertEqual(bool(result.returncode), any(is_error(line) for line in lines[:-1]))
        return lines[:-1]

    def expect(self, path, text, *wanted):
        found = self.run_check({path: text})
        self.assertEqual(len(found), len(wanted), found)
        for line, want in zip(found, wanted):
            self.assertIn(want, line)

    def test_accepts_good_code(self):
        self.assertEqual(self.run_check({"src/ir/graph.cpp": GOOD}), [])

    def test_floors(self):
        self.expect("src/base/a.cpp", '#include "ir/graph.hpp"\n', "a.cpp:1: base (floor 0) incl")
        self.expect("src/passes/a.cpp", '#include "device/a.hpp"\n', "includes device (floor 3)")
        self.expect("src/passes/a.cpp", '#include "ops/a.hpp"\n', "does not name ops")
        self.expect("src/ops/a.cpp", '#include "graph.hpp"\n', "not relative to src/")
        self.expect("src/ops/a.cpp", '#include "../ir/graph.hpp"\n', "without ..")
        self.expect("src/ops/a.cpp", "#include <hone/hone.hpp>\n", "public header")
        self.expect("src/attic/a.cpp", "int x;\n", "in no room")
        self.expect("tests/ops/a.cpp", '#include "ops/a.hpp"\n')

    def test_sizes(self):
        self.expect("src/ir/a.cpp", "int x;\n" * 401, "warning: file of 401 lines")
        self.expect("src/ir/a.cpp", "int x;\n" * 801, "file of 801 lines; at most 800")
        self.expect("src/ir/a.hpp", "#pragma once\n" + "int x;\n" * 200, "header of 201 lines")
        self.expect("src/ir/a.cpp", "// " + "x" * 98 + "\n", "101 columns")
        self.expect("include/hone/a.hpp", "#pragma once\n" + "int x;\n" * 1200, "public headers")

    def test_function_length(self):
        self.expect("src/ir/a.cpp", long_function(60))
        self.expect("src/ir/a.cpp", "\n" + long_function(61), "a.cpp:2: function of 61 lines")
        wrapped = "namespace hone {\nstruct A {\n" + long_function(61) + "};\n}\n"
        self.expect("src/ir/a.cpp", wrapped, "a.cpp:3: function of 61 lines")
        constructor = long_function(61, "A::A(int x)\n    : a_{x}, b_{x}")
        self.expect("src/ir/a.cpp", constructor, "a.cpp:1: function of 62 lines")
        tricky = 'const char* s = "{";  // {\nauto r = R"({{{)"; char c = \'{\';\n'
        self.expect("src/ir/a.cpp", tricky + long_function(60) * 2)
        table = "const int kTable[] = {\n" + "    1,\n" * 100 + "};\n"
        self.expect("src/ir/a.cpp", table)

    def test_vocabulary(self):
        self.expect("src/ir/file_util.cpp", "int x;\n", "'util' in a file name")
        self.expect("src/ir/a.cpp", "class MemoryManager;\n", "'manager' in the name")
        self.expect("src/ir/a.cpp", "struct GraphImpl {};\n", "'impl' in the name")
        self.expect("src/ir/a.cpp", "struct Simple {};  // a helper class Manager\n")

    def test_devices_have_names_in_their_folder_only(self):
        files = {"src/device/cpu/a.hpp": "#pragma once\nnamespace hone::cpu {}\n",
                 "src/device/a.cpp": '#include "device/cpu/a.hpp"\nauto x = cpu::open();\n',
                 "tests/ops/a.cpp": "auto x = cpu::open();\n",
                 "src/passes/a.cpp": "// cpu:: in words\nauto x = cpu::open();\n",
                 "tools/hone/a.cpp": '#include "device/cpu/a.hpp"\n'}
        found = self.run_check(files)
        self.assertEqual(len(found), 2, found)
        self.assertIn("src/passes/a.cpp:2: names a device: cpu::", found[0])
        self.assertIn("tools/hone/a.cpp:1: names a device: device/cpu/", found[1])

    def test_one_road(self):
        call = "void f() { hone::fuse(g); }\n"
        self.expect("tools/hone/a.cpp", call, "a.cpp:1: fuse() is called by compile/ alone")
        self.expect("src/ops/a.cpp", "bool b = cover(g);\n", "cover() is called by compile/ alone")
        self.expect("src/passes/a.cpp", call)
        self.expect("tests/passes/a.cpp", call)
        self.expect("src/ops/a.cpp", "// fuse(g)\nint y = x.fuse(1) + unfuse(2) + refuse(3);\n")

    def test_macros(self):
        twice = "#define A\n#undef A\n#define A 1\n#define B\n"
        self.expect("src/ir/a.cpp", twice)
        self.expect("src/ir/a.cpp", twice + "# define C\n", "a.cpp:5: macro")

    def test_text(self):
        self.expect("src/ir/a.cpp", "int x;\t\n", "tab", "end of the line")
        self.expect("src/ir/a.cpp", 'auto p = "/' + 'home/me/x";\n', "outside of the repository")
        self.expect("tests/ir/a.cpp", 'auto p = HONE_SOURCE_DIR "/..' + '/other";\n', "outside")
        self.expect("tests/ir/a.cpp", 'auto p = HONE_SOURCE_DIR "/../shared";\n')
        self.expect("src/ir/a.hpp", "int x;\n", "without #pragma once")

    def test_format(self):
        files = {"src/ir/a.cpp": "int   x ;\n", ".clang-format": "BasedOnStyle: Google\n"}
        found = self.run_check(files, ())
        self.assertEqual(len(found), 1, found)
        self.assertIn("src/ir/a.cpp:1: not as clang-format-14", found[0])


def is_error(line):
    return ": warning: " not in line


if __name__ == "__main__":
    unittest.main()
