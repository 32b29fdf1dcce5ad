"""How soon an engine answers: loading a file that is in memory already and the first inference take
at most 20 ms and one and a half times what an inference takes later, where the file has packed
weights (`build --packed`). Each load is a process of its own; kinds of file take turns; medians.

  load.py HONE [--rounds N] [--before OTHER_HONE] [--write FILE]   the table of FILE, such as
                                                                   docs/engine-file.md
"""
import json
import pathlib
import statistics
import sys
import tempfile

import halves
import hone_cli
import page

NETWORKS = ["resnet50", "mobilenet_v2", "bert_base"]


def measured(tool, engine, sizes):
    """(load, first inference, an inference later) in milliseconds."""
    told = json.loads(hone_cli.hone(tool, "bench", engine, "--iterations", "12", "--warm-up", "0",
                                    "--format", "json", *sizes))
    case = told["cases"][0]
    return [1e3 * each for each in (told["load"], case["first"], case["median"])]


def files_of(tool, before, model, folder):
    """Who loads which engine, by name, and bytes of the engines."""
    made = {}
    for name, who, options in [("before", before, []), ("plain", tool, []),
                               ("--packed", tool, ["--packed"])]:
        if who is not None:
            made[name] = (who, folder / f"{name}.hone")
            hone_cli.hone(who, "build", model, "-o", made[name][1], *options)
    return made


def judge(tool, before, name, rounds):
    """Rows of the table, and whether the bar is met."""
    with tempfile.TemporaryDirectory() as place:
        folder = pathlib.Path(place)
        model = folder / "model.onnx"
        halves.saved(halves.filled(hone_cli.DATA / "bench_graphs" / f"{name}.onnx", folder), model)
        files = files_of(tool, before, model, folder)
        found = {kind: [] for kind in files}
        for _ in range(rounds):
            for kind, (who, engine) in files.items():
                found[kind].append(measured(who, engine, halves.SIZES.get(name, [])))
        rows, good = [], True
        for kind, (_, engine) in files.items():
            load, first, later = (statistics.median(column) for column in zip(*found[kind]))
            allowed = 20 + 1.5 * later
            rows.append(f"| {name} | {kind} | {engine.stat().st_size / 2 ** 20:.1f} | {load:.1f} | "
                        f"{first:.1f} | {later:.1f} | {load + first:.1f} | {allowed:.1f} |\n")
            good = good and (kind != "--packed" or load + first <= allowed)
    return rows, good


def main():
    parser = hone_cli.parser(__doc__)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--before")
    parser.add_argument("--write", type=pathlib.Path)
    options = parser.parse_args()
    hone_cli.skip_without(hone_cli.DATA / "bench_graphs")
    all_rows, bad = [], 0
    for name in NETWORKS:
        rows, good = judge(options.hone, options.before, name, options.rounds)
        print("".join(rows), end="", flush=True)
        all_rows += rows
        bad += not good
    if options.write:
        page.write_table("load", [
            "| network | file | MiB | load, ms | first | later | load and first | "
            "20 ms and 1.5 times later |", "|---|---|--:|--:|--:|--:|--:|--:|",
            *"".join(all_rows).splitlines()], options.write)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
