"""Regions of the 21 well-known topologies at batch 1 after fusion, and what they move, beside the
nodes that ONNX Runtime has left after its own optimization.

  fusion.py HONE [--write docs/fusion.md]   fails when a bar of BARS is missed
"""
import math
import re
import subprocess
import sys
import tempfile

import onnx
import onnxruntime

import bench_graphs
import hone_cli

# The most steps: launched, every region cut where it is marked.
BARS = {"resnet50": 56, "mobilenet_v2": 54, "efficientnet_b0": 100, "inception_v3": 95,
        "densenet121": 130, "bert_base": 92, "vit_b_16": 92, "swin_tiny": 130,
        "convnext_tiny": 90}
SAME = [("bert_base", "bert_base_traced"), ("resnet50", "resnet50_traced")]
UNITS = {"bytes": 1, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30}
HEAD = """# Fusion

Written by `make fusion`. Steps that are launched for one image or sequence, after fusion and
before: constants, views that the plan realizes and arithmetic of sizes are not counted; a region
that is marked to be cut counts as its pieces, which is what the bars are for; "whole" is as if
every region ran in one step, chains of anchors tile by tile. ONNX Runtime {version}: nodes left by
its extended optimizations on the CPU. Moved: MiB of activations that the steps read and write;
"less": how many times less when cut, and when whole.

| model | steps | whole | before | ONNX Runtime | copies | moved | whole | before | \
less | whole | bar |
|---|---|---|---|---|---|---|---|---|---|---|---|
"""


def shapes_of(model):
    """--shape for every input with sizes that are not given: 1 for the first, 64 for the rest."""
    arguments = []
    for value in onnx.load(model, load_external_data=False).graph.input:
        dims = value.type.tensor_type.shape.dim
        if all(d.HasField("dim_value") for d in dims):
            continue
        sizes = [d.dim_value or (1 if i == 0 else 64) for i, d in enumerate(dims)]
        arguments += ["--shape", f"{value.name}={'x'.join(map(str, sizes))}"]
    return arguments


def bytes_of(text):
    number, unit = text.split()
    return float(number.replace(",", "")) * UNITS[unit]


def regions(tool, model):
    command = [tool, "inspect", model, "--regions", "--random-weights", "1", *shapes_of(model)]
    text = hone_cli.hone(*command)
    steps = re.search(r"regions  (\d+) steps \((\d+) when.*?\), (\d+) before", text)
    moved = re.search(r"moved    ([\d.,]+ \w+) of activations, ([\d.,]+ \w+) when cut, "
                      r"([\d.,]+ \w+) before", text)
    return {"whole": int(steps[1]), "steps": int(steps[2]), "before": int(steps[3]),
            "moved_whole": bytes_of(moved[1]), "moved": bytes_of(moved[2]),
            "moved_before": bytes_of(moved[3]),
            "copies": len(re.findall(r"^  copies", text, re.M))}


def ort_nodes(model):
    with tempfile.NamedTemporaryFile(suffix=".onnx") as file:
        options = onnxruntime.SessionOptions()
        level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
        options.graph_optimization_level = level
        options.optimized_model_filepath = file.name
        options.log_severity_level = 4
        onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        return len(onnx.load(file.name, load_external_data=False).graph.node)


def main():
    parser = hone_cli.parser(__doc__)
    parser.add_argument("--write", help="the table as a page")
    arguments = parser.parse_args()
    folder = hone_cli.DATA / "bench_graphs"
    hone_cli.skip_without(folder)
    rows, missed, ratios, wholes = [], [], [], []
    for model in sorted(folder.glob("*.onnx")):
        found = regions(arguments.hone, model)
        with tempfile.TemporaryDirectory() as filled:
            nodes = ort_nodes(bench_graphs.fill(model, hone_cli.pathlib.Path(filled)))
        bar = BARS.get(model.stem)
        if bar is not None and found["steps"] > bar:
            missed.append(f"{model.stem}: {found['steps']} steps, wanted at most {bar}")
        ratio = found["moved_before"] / found["moved"]
        whole = found["moved_before"] / found["moved_whole"]
        ratios.append(ratio)
        wholes.append(whole)
        rows.append(f"| {model.stem} | {found['steps']} | {found['whole']} | {found['before']} | "
                    f"{nodes} | {found['copies']} | {found['moved'] / 2**20:.1f} | "
                    f"{found['moved_whole'] / 2**20:.1f} | "
                    f"{found['moved_before'] / 2**20:.1f} | "
                    f"{ratio:.2f} | {whole:.2f} | {bar or ''} |")
        print(rows[-1], flush=True)
    mean, mean_whole = (math.exp(sum(map(math.log, each)) / len(each)) for each in (ratios, wholes))
    print(f"geometric mean: {mean:.2f} times less moved, {mean_whole:.2f} by whole regions")
    if mean < 2:
        missed.append(f"geometric mean {mean:.2f}, wanted 2")
    for first, second in SAME:
        command = [arguments.hone, "compare", folder / f"{first}.onnx", folder / f"{second}.onnx",
                   "--structure", "--random-weights", "1"]
        result = subprocess.run(command, capture_output=True, text=True)
        print(result.stdout + result.stderr, end="")
        if result.returncode != 0:
            missed.append(f"{first} and {second} are not the same graph")
    if arguments.write:
        with open(arguments.write, "w") as file:
            file.write(HEAD.format(version=onnxruntime.__version__) + "\n".join(rows) +
                       f"\n\nGeometric mean: {mean:.2f} times less moved, "
                       f"{mean_whole:.2f} by whole regions.\n")
    for each in missed:
        print("missed:", each)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
