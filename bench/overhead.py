"""What an inference costs beside the work of its kernels.

  overhead.py HONE [--threads N] [--rounds N] [--write NAME]

Chains of steps that are not fused. Of the smallest, 16 elements each, all of the time counts, that
of their kernels too. Where steps have tiles for several workers, what several threads take beyond
an even share of what one takes counts. The cases take turns; each counts with its fastest run, for
other work on the machine only makes runs slower. --write puts the table into docs/performance.md.
"""
import argparse
import json
import os
import pathlib
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests/bars"))
import hone_cli  # noqa: E402
import page  # noqa: E402

OPS = ["Sigmoid", "Tanh", "Softsign", "Neg"]
BAR = 15e-6  # of 100 steps
SMALL = 16   # elements
SHARED = 256 * 1024


def chain(steps, elements):
    nodes = "".join(f"  %v{i + 1} = {OPS[i % len(OPS)]}(%v{i})\n" for i in range(steps))
    return f"graph chain(%v0: f32[{elements}]) -> (%v{steps})\n" + nodes


class Case:
    def __init__(self, folder, steps, elements, threads):
        self.steps, self.elements, self.threads = steps, elements, threads
        self.file = pathlib.Path(folder, f"{steps}x{elements}.graph")
        self.file.write_text(chain(steps, elements))
        self.least, self.medians = float("inf"), []

    def measure(self, tool):
        report = json.loads(hone_cli.hone(
            tool, "bench", self.file, "--disable", "fuse", "--workers", self.threads,
            "--warm-up", 0.1, "--duration", 0.3, "--format", "json"))
        self.least = min(self.least, report["cases"][0]["min"])
        self.medians.append(report["cases"][0]["median"])

    def median(self):
        return sorted(self.medians)[len(self.medians) // 2]


def main():
    words = argparse.ArgumentParser(description=__doc__,
                                    formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("tool")
    words.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    words.add_argument("--rounds", type=int, default=5)
    words.add_argument("--write", metavar="NAME")
    chosen = words.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        cases = [Case(folder, steps, elements, threads) for steps, elements in
                 ((1, SMALL), (100, SMALL), (100, SHARED)) for threads in (1, chosen.threads)]
        for _ in range(chosen.rounds):
            for case in cases:
                case.measure(chosen.tool)
    lines = [f"{time.strftime('%Y-%m-%d')}; the fastest of {chosen.rounds} rounds, and the median "
             "of the rounds' medians.", "",
             "| steps | elements of each | threads | an inference, us | median | beside the work |",
             "|---:|---:|---:|---:|---:|---|"]
    missed = False
    for alone, shared in zip(cases[::2], cases[1::2]):
        for case in (alone, shared):
            if case.elements == SMALL:
                beside = f"at most {case.least * 1e6:.1f} us"
                missed |= case.steps == 100 and case.least > BAR
            elif case is alone:
                beside = ""
            else:
                each = (case.least - alone.least / case.threads) / case.steps
                beside = f"{each * 1e6:.2f} us a step"
            lines.append(f"| {case.steps} | {case.elements:,} | {case.threads} | "
                         f"{case.least * 1e6:.1f} | {case.median() * 1e6:.1f} | {beside} |")
    print("\n".join(lines))
    if chosen.write:
        page.write_table(f"overhead {chosen.write}", lines)
    if missed:
        print(f"100 small steps take more than {BAR * 1e6:.0f} us")
    return 0


if __name__ == "__main__":
    sys.exit(main())
