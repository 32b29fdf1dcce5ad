"""Networks of torchvision, timm and transformers with random weights, exported here as files of
PyTorch and compared with PyTorch: by torch.export as it is (`pt2`), after its decompositions to
core ATen (`core`), and traced as TorchScript (`script`). At least 95 % must give its outputs; the
others are listed with what keeps them from it. Needs torch, torchvision, timm and transformers
(tests/exported_requirements.txt); skips, saying so, without them."""
import collections
import pathlib
import sys
import tempfile
import time
import warnings

import numpy as np

import hone_cli

TOLERANCE = 1e-3  # of the largest magnitude
SHARE = 0.95


def outputs(result):
    import torch
    results = result if isinstance(result, (tuple, list)) else [result]
    return [r.numpy() for r in results if isinstance(r, torch.Tensor)]


def export(form, module, example, path):
    import torch
    if form == "script":
        torch.jit.trace(module, (example,), strict=False, check_trace=False).save(str(path))
        return
    program = torch.export.export(module, (example,))
    torch.export.save(program.run_decompositions() if form == "core" else program, str(path))


def apart(wanted, got):
    """The largest difference as a share of the largest number; infinite for other sizes."""
    if [w.shape for w in wanted] != [g.shape for g in got]:
        return np.inf
    worst = 0
    for want, have in zip(wanted, got):
        off = np.abs(want.astype(np.float64) - have).max(initial=0)
        worst = max(worst, off / max(np.abs(want).max(initial=0), 1e-30))
    return worst


def judge(tool, form, module, example, wanted):
    """(good, one line); good is None where PyTorch itself does not export the network."""
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / ("network.pt" if form == "script" else "network.pt2")
        try:
            export(form, module, example, path)
        except Exception as error:  # whatever an exporter raises
            return None, f"not exported: {type(error).__name__}: {str(error)[:120]!r}"
        start = time.monotonic()
        try:
            name = hone_cli.hone(tool, "inspect", path).split("inputs")[1].split(":")[0].strip()
            got = list(hone_cli.run(tool, path, {name: example.numpy()}).values())
        except hone_cli.Failed as failure:
            return False, str(failure)[:600]
        worst = apart(wanted, got)
        return bool(worst <= TOLERANCE), f"{worst:.1e} apart, {time.monotonic() - start:.1f} s"


def main():
    parser = hone_cli.parser(__doc__)
    parser.add_argument("--only", default="", help="a regular expression of names")
    parser.add_argument("--forms", default="pt2,core,script")
    options = parser.parse_args()
    try:
        import pytorch_networks
        import timm, torch, torchvision, transformers  # noqa: E401,F401
    except ImportError as missing:
        print(f"skipped: {missing}")
        sys.exit(77)
    warnings.filterwarnings("ignore")
    torch.set_num_threads(2)
    counts = collections.Counter()
    for name, make in pytorch_networks.rows(options.only):
        torch.manual_seed(1)
        module, example = make()
        pytorch_networks.settle(module)
        with torch.no_grad():
            wanted = outputs(module(example))
            for form in options.forms.split(","):
                good, words = judge(options.hone, form, module, example, wanted)
                counts[form, good] += 1
                mark = {True: "ok  ", False: "FAIL", None: "none"}[good]
                print(f"{mark} {name:40} {form:6} {words}", flush=True)
    reached = True
    for form in options.forms.split(","):
        good, bad = counts[form, True], counts[form, False]
        print(f"{form}: {good} of {good + bad} give PyTorch's outputs, "
              f"{counts[form, None]} are not exported")
        reached &= good > 0 and good >= SHARE * (good + bad)
    good, bad = (sum(n for (_, g), n in counts.items() if g is wanted) for wanted in (True, False))
    print(f"{good} passed, {bad} failed")
    sys.exit(not reached)


if __name__ == "__main__":
    main()
