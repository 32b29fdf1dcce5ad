"""Runs models through the `hone` tool; what the bars share."""
import argparse
import os
import pathlib
import subprocess
import sys
import tempfile

import numpy as np

ROOT = pathlib.Path(__file__).resolve().parents[2]
DATA = pathlib.Path(os.environ.get("HONE_TEST_DATA") or ROOT.parent / "shared")


class Failed(Exception):
    """hone ended with an error; str() is what it said."""


def hone(tool, *arguments):
    """Standard output of one call."""
    command = [str(tool), *map(str, arguments)]
    result = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if result.returncode != 0:
        raise Failed(f"exit code {result.returncode}: {result.stderr.strip()[-2000:]}")
    return result.stdout


def run(tool, model, inputs, *options):
    """Outputs by name for arrays by name."""
    with tempfile.TemporaryDirectory() as folder:
        arguments = []
        for i, (name, array) in enumerate(inputs.items()):
            file = f"{folder}/{i}.npy"
            np.save(file, array)
            arguments += ["--input", f"{name}={file}"]
        hone(tool, "run", model, *arguments, "--save", f"{folder}/out.npz", *options)
        with np.load(f"{folder}/out.npz") as saved:
            return {name: saved[name] for name in saved.files}


def parser(description):
    result = argparse.ArgumentParser(description=description)
    result.add_argument("hone", help="the tool")
    return result


def skip_without(path):
    """Ends the bar, as skipped (ctest knows the code), where the shared data is absent."""
    if not path.exists():
        print(f"skipped: {path} is not there; see docs/test-data.md")
        sys.exit(77)
