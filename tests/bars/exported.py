"""Networks exported here from torchvision, timm and transformers with random weights, next to ONNX
Runtime: detectors, vision transformers that interpolate their positions, decoders traced with one
token. Each is built, and run as it is and through its engine file at several sizes. Sizes that ONNX
Runtime refuses as well are left out. Needs torch, torchvision, timm, transformers and onnxscript
(tests/exported_requirements.txt); skips, saying so, without them."""
import concurrent.futures
import contextlib
import io
import pathlib
import re
import sys
import tempfile
import time
import warnings

import numpy as np

import hone_cli

TOLERANCE = 1e-3  # of the largest magnitude


def export(row, path):
    import torch
    options = {"input_names": list(row.inputs), "output_names": row.outputs, "opset_version": 18}
    arguments = tuple(row.inputs.values())
    if row.dynamo:
        names = sorted({s for dims in row.dynamic.values() for s in dims.values()})
        symbols = {name: torch.export.Dim.AUTO for name in names}
        shapes = tuple({d: symbols[s] for d, s in row.dynamic[name].items()} for name in row.inputs)
        options |= {"dynamo": True, "dynamic_shapes": shapes, "verbose": False,
                    "external_data": False}
    else:
        options |= {"dynamo": False, "dynamic_axes": row.dynamic}
    with torch.no_grad(), contextlib.redirect_stdout(io.StringIO()):
        torch.onnx.export(row.module, arguments, str(path), **options)


def apart(want, got):
    """Why `got` is wrong; empty: it is right."""
    if want.shape != got.shape or want.dtype != got.dtype:
        return f"{got.dtype}{list(got.shape)}, wanted {want.dtype}{list(want.shape)}"
    if not np.array_equal(np.isnan(want), np.isnan(got)):
        return "NaN at other places"
    off = np.nanmax(np.abs(want.astype(np.float64) - got), initial=0)
    size = np.nanmax(np.abs(want.astype(np.float64)), initial=1e-30)
    return "" if off <= TOLERANCE * size else f"{off / size:.1e} apart"


def counting(scores):
    """Places of the detections that count. Those whose score is next to nothing do not: which of
    them are kept at all is left to the last bit."""
    return np.flatnonzero(scores > 1e-4 * scores.max(initial=0))


def found_again(want, got):
    """Share of the detections wanted that `got` has, in any order."""
    boxes, labels, scores = want
    reach = max(1.0, float(np.abs(boxes).max(initial=0)))
    counted = counting(scores)
    found = 0
    for i in counted:
        near = (np.abs(got[0] - boxes[i]).max(1, initial=0) < 1e-2 * reach) & \
            (np.abs(got[2] - scores[i]) < 0.05)
        found += bool((near & (got[1] == labels[i])).any())
    return found / max(1, len(counted))


def detections_apart(want, rival, got):
    """With random weights a last bit can decide which of two boxes suppresses the other. `rival`,
    the same network in doubles, shows how far rounding alone takes ONNX Runtime's result `want`."""
    given, wanted, exact = (len(counting(run[2])) for run in (got, want, rival))
    if given != wanted == exact:
        return f"{given} detections that count, wanted {wanted}"
    share, least = found_again(want, got), min(0.95, found_again(want, rival) - 0.05)
    return "" if share >= least else f"{share:.0%} of the detections found, wanted {least:.0%}"


def in_doubles(row, inputs):
    """What the network gives where it computes in doubles; by name."""
    import torch
    with torch.no_grad():
        results = row.module.double().eval()(*(tensor.double() for tensor in inputs.values()))
    return dict(zip(row.outputs, (result.numpy() for result in results)))


def wrong(row, inputs, want, got):
    if row.detector:
        exact = in_doubles(row, inputs)
        return detections_apart(*([run[n] for n in row.outputs] for run in (want, exact, got)))
    return next((f"{n}: {w}" for n in want if (w := apart(want[n], got[n]))), "")


def judge(tool, name):
    """(good, one line)"""
    warnings.filterwarnings("ignore")
    import onnxruntime
    import torch

    import exported_networks
    torch.set_num_threads(2)
    row = dict(exported_networks.rows())[name]()
    with tempfile.TemporaryDirectory() as folder:
        model, engine = pathlib.Path(folder) / "model.onnx", pathlib.Path(folder) / "model.hone"
        export(row, model)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 2
        options.log_severity_level = 4
        session = onnxruntime.InferenceSession(model, options)
        names = [o.name for o in session.get_outputs()]
        row.outputs = row.outputs or names
        kept = {i.name for i in session.get_inputs()}
        problems, judged, refused = [], 0, 0
        start = time.monotonic()
        hone_cli.hone(tool, "build", model, "-o", engine)
        seconds = time.monotonic() - start
        for place, inputs in enumerate([row.inputs, *row.others]):
            arrays = {n: t.numpy() for n, t in inputs.items() if n in kept}
            try:
                want = dict(zip(names, session.run(None, arrays)))
            except Exception:
                refused += 1
                continue
            judged += 1
            for way, what in (("", model), (" through its engine", engine)):
                try:
                    problem = wrong(row, inputs, want, hone_cli.run(tool, what, arrays))
                except hone_cli.Failed as failure:
                    problem = str(failure)[:400]
                if problem:
                    problems.append(f"size {place}{way}: {problem}")
        sizes = f"{judged} sizes" + (f", {refused} refused by ONNX Runtime too" if refused else "")
        text = "; ".join(problems) or f"built in {seconds:.1f} s, {sizes}"
        return not problems and judged > 0, text


def judge_safely(tool, name):
    try:
        return judge(tool, name)
    except Exception as error:  # of the exporter, ONNX Runtime or hone: the row fails and says why
        return False, f"{type(error).__name__}: {str(error)[:300]}"


def main():
    parser = hone_cli.parser(__doc__)
    parser.add_argument("--only", default="", help="a regular expression of names")
    parser.add_argument("--jobs", type=int, default=1)
    options = parser.parse_args()
    try:
        import exported_networks
        import timm, torchvision, transformers  # noqa: E401,F401
    except ImportError as missing:
        print(f"skipped: {missing}")
        sys.exit(77)
    names = [n for n, _ in exported_networks.rows() if re.search(options.only, n)]
    good = 0
    with concurrent.futures.ProcessPoolExecutor(options.jobs) as pool:
        for name, (fits, text) in zip(names, pool.map(judge_safely, [options.hone] * len(names),
                                                      names)):
            good += fits
            print(f"{'ok  ' if fits else 'FAIL'} {name:40} {text}", flush=True)
    print(f"{good} passed, {len(names) - good} failed")
    sys.exit(good < len(names))


if __name__ == "__main__":
    main()
