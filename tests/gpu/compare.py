"""The largest difference of two .npz files, relative to the largest magnitude of each array.

compare.py A.npz B.npz
"""
import sys

import numpy as np


def main():
    first, second = np.load(sys.argv[1]), np.load(sys.argv[2])
    worst = 0.0
    for name in first.files:
        a, b = first[name].astype(np.float64), second[name].astype(np.float64)
        if a.size == 0:
            continue
        off = np.abs(a - b).max() / max(1e-9, np.abs(a).max())
        worst = max(worst, off if off == off else np.inf)
    print(f"{worst:.1e}")


main()
