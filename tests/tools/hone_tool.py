"""What the tests of the tool share: the files that its commands read, one call of it."""
import os
import pathlib
import re
import struct
import subprocess
import sys
import tempfile
import unittest
import zipfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/hostile"))
DIGITS = ROOT / "examples/digits/digits.onnx"
VERBS = ("run", "build", "bench", "profile", "convert", "inspect", "compare", "tuning",
         "completion", "doctor", "version")


def npy(kind, shape, data):
    """The bytes of a .npy file; `kind` is a code of struct."""
    dtype = {"f": "<f4", "d": "<f8", "B": "|u1", "q": "<i8"}[kind]
    sizes = "".join(f"{size}," for size in shape)
    header = f"{{'descr': '{dtype}', 'fortran_order': False, 'shape': ({sizes}), }}"
    header = header.ljust(117) + "\n"
    return (b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode() +
            struct.pack(f"<{len(data)}{kind}", *data))


def floats(path, name):
    """Shape and elements of a float array in an .npz."""
    with zipfile.ZipFile(path) as archive:
        data = archive.read(name + ".npy")
    size = struct.unpack("<H", data[8:10])[0]
    shape = re.search(r"'shape': \(([^)]*)\)", data[10:10 + size].decode()).group(1)
    body = data[10 + size:]
    return ([int(s) for s in shape.split(",") if s.strip()],
            struct.unpack(f"<{len(body) // 4}f", body))


def write_inputs(folder):
    """What the commands of the tests and of cli.test read."""
    picture = [((i * 7) % 17) / 16 for i in range(64)]
    (folder / "one.npy").write_bytes(npy("f", (1, 1, 8, 8), picture))
    (folder / "two.npy").write_bytes(npy("f", (2, 1, 8, 8), picture * 2))
    (folder / "last.npy").write_bytes(npy("f", (8, 8, 1), picture))
    (folder / "first.npy").write_bytes(npy("f", (1, 8, 8), picture))
    (folder / "double.npy").write_bytes(npy("d", (1, 1, 8, 8), picture))
    (folder / "wide.npy").write_bytes(npy("f", (1, 1, 8, 9), [0.0] * 72))
    (folder / "bytes.npy").write_bytes(npy("B", (8, 8, 1), range(64)))
    with zipfile.ZipFile(folder / "in.npz", "w") as archive:
        archive.write(folder / "one.npy", "image.npy")
        archive.write(folder / "wide.npy", "other.npy")
    (folder / "labels.txt").write_text("".join(f"digit {i}\n" for i in range(10)))
    (folder / "short.txt").write_text("a\nb\n")
    (folder / "text.txt").write_text("no image\n")
    (folder / "cut.jpg").write_bytes(b"\xff\xd8\xff\xe0\x00\x10JFIF\x00")
    (folder / "digits.onnx").write_bytes(DIGITS.read_bytes())
    (folder / "not.onnx").write_bytes(b"\x08\x07\xff\xff")


class Tool(unittest.TestCase):
    hone = None

    def setUp(self):
        self.place = tempfile.TemporaryDirectory()
        self.folder = pathlib.Path(self.place.name)
        write_inputs(self.folder)

    def tearDown(self):
        self.place.cleanup()

    def run_tool(self, *words, **environment):
        return subprocess.run([self.hone, *map(str, words)], cwd=self.folder, text=True,
                              capture_output=True, stdin=subprocess.DEVNULL, timeout=120,
                              env={**os.environ, **environment})

    def output(self, *words):
        """Standard output of a call that goes well, silently."""
        result = self.run_tool(*words)
        self.assertEqual((result.returncode, result.stderr), (0, ""), words)
        return result.stdout

    def save(self, *words):
        self.output("run", *words, "--save", "out.npz")
        return floats(self.folder / "out.npz", "logits")

    def assertNear(self, got, want):
        """Shapes and elements from save(): other sums, other roundings."""
        self.assertEqual(got[0], want[0])
        for one, other in zip(got[1], want[1], strict=True):
            self.assertAlmostEqual(one, other, delta=1e-5)


def main(*options):
    """Runs the tests of the file that is being run, called as TEST HONE; `options` are its own."""
    Tool.hone = os.path.abspath(sys.argv[1])
    others = [word for word in sys.argv[2:] if word not in options]
    unittest.main(argv=[sys.argv[0], *others], verbosity=1)
