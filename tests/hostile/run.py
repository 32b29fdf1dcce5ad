#!/usr/bin/env python3
"""tests/hostile/run.py HONE: gives every hostile model to `hone`, and expects the documented exit
code and a message that names the place, within 1 s, 64 MiB and twenty times its files. --keep DIR
writes the files there instead and runs nothing."""
import argparse
import concurrent.futures
import os
import pathlib
import re
import resource
import subprocess
import sys
import tempfile

import models

EXIT_CODES = {"ok": 0, "usage": 2, "unsupported": 3, "invalid_model": 4,
              "incompatible_engine": 5, "out_of_memory": 6, "io": 8}
SECONDS, MEBIBYTES, TIMES = 1.0, 64, 20
ROOT = pathlib.Path(__file__).resolve().parents[2]


def write(case, folder):
    folder.mkdir(parents=True)
    for name, content in case.files.items():
        path = folder / name
        if callable(content):
            content(path)
        else:
            path.write_bytes(content)


def run(command, folder, memory=None):
    """(exit code, what it said, seconds of the processor, MiB at its peak)"""
    def limit():
        resource.setrlimit(resource.RLIMIT_AS, (memory << 20, memory << 20))

    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=said, stderr=said,
                                   cwd=folder, preexec_fn=limit if memory else None)
        timer = subprocess.Popen(["sh", "-c", f"sleep 10; kill -9 {process.pid}"],
                                 stderr=subprocess.DEVNULL, start_new_session=True)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = usage.ru_utime + usage.ru_stime
        os.killpg(timer.pid, 15)
        timer.wait()
        process.returncode = os.waitstatus_to_exitcode(status)
        said.seek(0)
        text = said.read(1 << 16).decode(errors="replace")
    return process.returncode, text, seconds, usage.ru_maxrss / 1024


def judge(case, code, text, seconds, mebibytes, size):
    """What is wrong with how it ended; empty: nothing. `size`: bytes of its files."""
    wrong = []
    most = MEBIBYTES + TIMES * size / 2**20
    wanted = [EXIT_CODES[name] for name in case.code.split("|")]
    if code not in wanted:
        wrong.append(f"exit code {code}, wanted {wanted} ({case.code})")
    if not re.search(case.pattern, text):
        wrong.append(f"the message does not name {case.pattern}")
    if re.search(r"[\x00-\x08\x0b-\x1f\x7f]", text):
        wrong.append("the message has control characters")
    if len(text) > 20000:
        wrong.append(f"the message is {len(text)} characters long")
    if seconds > SECONDS:
        wrong.append(f"took {seconds:.1f} s")
    if mebibytes > most:
        wrong.append(f"took {mebibytes:.0f} MiB, wanted at most {most:.0f}")
    return wrong


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("hone", nargs="?")
    parser.add_argument("--keep", type=pathlib.Path)
    parser.add_argument("--only", default="", help="a regular expression of names")
    options = parser.parse_args()
    # One at a time. Until it is hone, a child counts as using what its parent uses: a small one.
    starter = concurrent.futures.ProcessPoolExecutor(1)
    starter.submit(run, ["true"], ".").result()
    cases = (c for c in models.all_cases(ROOT / "examples/digits/digits.onnx")
             if re.search(options.only, c.name))
    if options.keep:
        for case in cases:
            write(case, options.keep / case.name)
        return 0

    hone = pathlib.Path(options.hone).resolve()
    count, failed, slowest, largest = 0, 0, 0.0, 0.0
    for case in cases:
        count += 1
        with tempfile.TemporaryDirectory() as folder:
            place = pathlib.Path(folder) / "models"
            write(case, place)
            size = sum(path.stat().st_size for path in place.rglob("*") if path.is_file())
            result = starter.submit(run, [hone, *case.command], place, case.memory).result()
        wrong = judge(case, *result, size)
        slowest, largest = max(slowest, result[2]), max(largest, result[3])
        if wrong:
            failed += 1
            said = result[1].strip()[:400].replace("\n", "\n    ")
            print(f"FAILED {case.name}: {'; '.join(wrong)}\n    {said!a}")
    starter.shutdown()
    print(f"slowest {slowest:.2f} s, largest {largest:.0f} MiB")
    print(f"hostile: {count - failed} passed, {failed} failed")
    return 1 if failed or not count else 0


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    sys.exit(main())
