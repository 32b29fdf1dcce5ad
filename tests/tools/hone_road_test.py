"""tests/tools/hone_road_test.py HONE: what is reported is what runs; tests/bars/road.py on small
models, and that it can fail."""
import importlib.util
import sys
import types

import hone_tool
import onnx_bytes as onnx


def load_road():
    """road.py without numpy, which the tool's tests do without."""
    sys.path.insert(0, str(hone_tool.ROOT / "tests/bars"))
    try:
        import numpy  # noqa: F401
    except ImportError:
        sys.modules["numpy"] = types.ModuleType("numpy")
    spec = importlib.util.spec_from_file_location("road", hone_tool.ROOT / "tests/bars/road.py")
    road = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(road)
    return road


class Road(hone_tool.Tool):
    road = load_road()

    def write(self, name, nodes, inputs, outputs, *constants):
        (self.folder / name).write_bytes(onnx.model(onnx.graph(
            nodes, inputs, [onnx.data(1, each) for each in outputs], list(constants))))
        return self.folder / name

    def models(self):
        node, value = onnx.node, onnx.value
        yield self.folder / "digits.onnx", 8
        yield self.write("chain.onnx", [node("Exp", ["x"], ["a"]), node("Neg", ["a"], ["b"]),
                                        node("Tanh", ["b"], ["c"])],
                         (value("x", ("n", 8)),), ["c"]), 1
        yield self.write("sizes.onnx", [node("NonZero", ["x"], ["i"]),
                                        node("Transpose", ["i"], ["t"]),
                                        node("Exp", ["x"], ["y"])],
                         (value("x", ("n", 4)),), ["t", "y"]), 3
        yield self.write("odd.onnx", [node("Relu", ["x"], ["a b"]), node("Exp", ["a b"], ["y"])],
                         (value("x", (4,)),), ["y"]), 1

    def test_one_list(self):
        for model, steps in self.models():
            with self.subTest(model.name):
                self.assertEqual(self.road.differences(self.hone, model, self.folder), ([], steps))

    def test_the_bar_can_fail(self):
        """Tools that tell of a model without passes of its plan, or of fewer ops in a step."""
        converted = ["the nodes of convert --optimized",
                     "the nodes of convert --optimized, of the engine"]
        for what, lie, wrong in (
                ("convert ", 'set -- "$@" --disable all', converted),
                ("convert ", 'set -- "$@" --disable fuse', converted),
                ("inspect ", 'set -- "$@" --disable fuse',
                 ["the plan of the model", "the regions of the model"]),
                ("build ", f'"{self.hone}" "$@" | sed "s/Conv Relu /Conv /"; exit',
                 ["what --explain tells"])):
            with self.subTest(what + lie):
                script = self.folder / "liar"
                script.write_text(f'#!/bin/sh\ncase "$1 $2" in "{what}"*.onnx) {lie};; esac\n'
                                  f'exec "{self.hone}" "$@"\n')
                script.chmod(0o755)
                found, _ = self.road.differences(script, self.folder / "digits.onnx", self.folder)
                self.assertEqual(found, wrong)


if __name__ == "__main__":
    hone_tool.main()
