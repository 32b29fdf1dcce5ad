"""Steps that engines launch for the 21 well-known topologies at batch 1, and what these move,
beside the nodes that ONNX Runtime has left after its own optimization; and what is left where
kernels run the regions that fusion finds.

  fusion.py HONE [--write docs/fusion.md]   fails when a bar of BARS is missed
"""
import json
import math
import subprocess
import sys
import tempfile

import onnx
import onnxruntime

import bench_graphs
import hone_cli

# The most steps of the candidates, every region cut where it is marked. Running plans will be held
# to them once kernels run regions.
BARS = {"resnet50": 56, "mobilenet_v2": 54, "efficientnet_b0": 100, "inception_v3": 95,
        "densenet121": 130, "bert_base": 92, "vit_b_16": 92, "swin_tiny": 130,
        "convnext_tiny": 90}
SAME = [("bert_base", "bert_base_traced"), ("resnet50", "resnet50_traced")]
HEAD = """# Fusion

What engines run of 21 well-known networks, and what fusion finds in them, written by `make fusion`.
Fusion proposes regions, and kernels decide. On the CPU, matrix products and convolutions run with
what follows them element by element, attention with the views about it, and code is made for
regions of f32 that work element by element, reduce or normalize; other ops run one by one. The
columns under *runs* are what engines launch. The columns under *candidates* are what would be left
if kernels ran every region: no engine runs that.

| column | what it tells, for one image or sequence |
|---|---|
| runs: steps | steps that an engine launches: not what its plan has in place at these sizes |
| runs: moved | MiB of activations that they read and write |
| ONNX Runtime | nodes left by the extended optimizations of ONNX Runtime {version} on the CPU |
| candidates: steps, whole | steps that would be left with every region cut where it is marked; \
with every region whole |
| candidates: copies | steps among them that only move elements |
| candidates: moved, whole | what they would move, likewise |
| less | how many times less that is than what is moved before fusion: cut, whole |
| bar | the most candidate steps, cut, that are allowed |

What the plan does without launching anything is not counted as a step: constants, views,
arithmetic of sizes.

| model | runs: steps | runs: moved | ONNX Runtime | candidates: steps | whole | copies | moved | \
moved, whole | less | less, whole | bar |
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


def regions(tool, model):
    found = json.loads(hone_cli.hone(tool, "inspect", model, "-o", "json", "--random-weights", "1",
                                     *shapes_of(model)))
    runs, found = found["regions"], found["candidates"]
    steps, moved = found["steps"], found["moved_bytes"]
    return {"runs": runs["launched"], "moved_runs": runs["moved_bytes"],
            "whole": steps["whole"], "steps": steps["cut"],
            "moved_whole": moved["whole"], "moved": moved["cut"], "moved_before": moved["before"],
            "copies": found["copies"]}


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
            missed.append(f"{model.stem}: {found['steps']} candidate steps, wanted at most {bar}")
        ratio = found["moved_before"] / found["moved"]
        whole = found["moved_before"] / found["moved_whole"]
        ratios.append(ratio)
        wholes.append(whole)
        rows.append(f"| {model.stem} | {found['runs']} | {found['moved_runs'] / 2**20:.1f} | "
                    f"{nodes} | {found['steps']} | {found['whole']} | {found['copies']} | "
                    f"{found['moved'] / 2**20:.1f} | {found['moved_whole'] / 2**20:.1f} | "
                    f"{ratio:.2f} | {whole:.2f} | {bar or ''} |")
        print(rows[-1], flush=True)
    mean, mean_whole = (math.exp(sum(map(math.log, each)) / len(each)) for each in (ratios, wholes))
    print(f"geometric mean of candidates: {mean:.2f} times less moved, {mean_whole:.2f} whole")
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
                       f"\n\nGeometric mean of the candidates: {mean:.2f} times less moved, "
                       f"{mean_whole:.2f} with whole regions.\n")
    for each in missed:
        print("missed:", each)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
