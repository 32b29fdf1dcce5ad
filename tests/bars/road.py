"""One road: the plan that an engine runs, what `build --explain` and `inspect` tell of it, and the
nodes that `convert --optimized` writes are one list, for every model.

  road.py HONE [MODEL ...]   without models: the trained ones and the 21 topologies in ../shared
"""
import json
import pathlib
import re
import sys
import tempfile

import hone_cli


def told(found):
    """(first result, op, kernel or what else does the work) of each step, as inspect's JSON has
    them: the plan's steps; and the regions that run, with all of their ops."""
    steps = [(step["result"], step["op"], step.get("kernel", step["kind"]))
             for step in found["plan"]["steps"]]
    regions = [(region["results"][0], " ".join(region["ops"]), region["how"])
               for region in found["regions"]["list"]]
    return steps, regions


def explained(text):
    """(op or ops, how) of each step of the outermost plan."""
    rows = [re.split(r"\s{2,}", line.strip()) for line in text.splitlines()
            if re.match(r"^   step \d+ ", line)]
    return [(row[1], row[2]) for row in rows]


def written(graph):
    """(first result, op) of each node of a graph in text; of a region that runs as one all ops of
    its body. Other bodies are left out."""
    nodes = []
    for line in graph.splitlines():
        if line == "weights":
            break
        inner = re.match(r'^      (?:(?:%"(?:[^"\\]|\\.)*"|%[^\s,]+|_)(?:, )?)+ = ([\w.]+)\(', line)
        if inner is not None and nodes[-1][1].startswith("Fused"):
            nodes[-1] = (nodes[-1][0], f"{nodes[-1][1]} {inner.group(1)}")
        node = re.match(r'^  ((?:(?:%"(?:[^"\\]|\\.)*"|%[^\s,]+|_)(?:, )?)+) = ([\w.]+)\(', line)
        if node is None:
            continue
        names = re.findall(r'%"((?:[^"\\]|\\.)*)"|%([^\s,]+)', node.group(1))
        nodes.append((names[0][0] or names[0][1], node.group(2)))
    return [(name, op.removeprefix("Fused ")) for name, op in nodes]


def words_of(how):
    """The kernel's name and version, or the kind of step, of what people are told."""
    if how.startswith("by size"):
        return "size"
    return "control" if how.startswith("control flow") else how.split(" ")[0]


def differences(tool, model, folder, *options):
    """What is not one list, in words; and how many steps there are."""
    engine, graph = folder / "road.hone", folder / "road.graph"
    explanation = explained(
        hone_cli.hone(tool, "build", model, "-o", engine, "--explain", *options))
    steps, regions = told(json.loads(hone_cli.hone(tool, "inspect", engine, "--format", "json")))
    of_model = told(json.loads(hone_cli.hone(tool, "inspect", model, "--format", "json", *options)))
    hone_cli.hone(tool, "convert", model, "--optimized", "-o", graph, *options)
    nodes = written(graph.read_text())
    hone_cli.hone(tool, "convert", engine, "--optimized", "-o", graph)
    lists = {
        "the plan of the model": [each for each in of_model[0]] == steps,
        "the regions of the model": of_model[1] == regions,
        "the regions": [(name, "Fused" if " " in ops else ops, words_of(how))
                        for name, ops, how in regions] == steps,
        "what --explain tells": [(ops, words_of(how)) for ops, how in explanation] ==
                                [(ops, words_of(how)) for _, ops, how in regions],
        "the nodes of convert --optimized": nodes == [(name, ops) for name, ops, _ in regions],
        "the nodes of convert --optimized, of the engine":
            written(graph.read_text()) == nodes,
    }
    return [what for what, same in lists.items() if not same], len(steps)


def main():
    parser = hone_cli.parser(__doc__)
    parser.add_argument("models", nargs="*", type=pathlib.Path)
    arguments = parser.parse_args()
    models = arguments.models
    if not models:
        hone_cli.skip_without(hone_cli.DATA / "models/onnx")
        models = [*sorted((hone_cli.DATA / "models/onnx").rglob("*.onnx")),
                  *sorted((hone_cli.DATA / "bench_graphs").glob("*.onnx"))]
    failed = 0
    for model in models:
        options = ["--random-weights", "1"] if model.parent.name == "bench_graphs" else []
        with tempfile.TemporaryDirectory() as folder:
            wrong, steps = differences(arguments.hone, model, pathlib.Path(folder), *options)
        print(f"{'FAILED' if wrong else 'ok    '} {model.name}  {steps} steps"
              f"{'  not the plan: ' + '; '.join(wrong) if wrong else ''}", flush=True)
        failed += bool(wrong)
    print(f"road: {len(models)} models, {failed} of them with more lists than one")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
