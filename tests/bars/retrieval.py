"""MiniLM finds the long description of a Debian package for the short one, among 700: top-1 75.3 %
+- 0.2 and mean reciprocal rank 0.862 +- 0.002, in batches of 50.

Only 655 of the 700 descriptions differ, so ties must be decided. Top-1 takes the first of the best
(argmax); ranks count what is strictly better, and beyond the fifth a rank counts nothing: the
definitions under which ONNX Runtime's embeddings give the two published figures (75.29 %, 0.8616).
Without the cut they give 0.8661; it is printed too."""
import sys
import time

import numpy as np

import hone_cli

BATCH, JUDGED = 50, slice(300, 1000)
TOP_1, TOP_1_WITHIN = 75.3, 0.2
MRR, MRR_WITHIN, MRR_RANKS = 0.862, 0.002, 5


def embeddings(tool, model, ids, mask):
    rows = []
    for i in range(0, len(ids), BATCH):
        inputs = {"input_ids": ids[i:i + BATCH].astype(np.int64),
                  "attention_mask": mask[i:i + BATCH].astype(np.int64)}
        rows.append(hone_cli.run(tool, model, inputs)["embedding"])
    all_rows = np.concatenate(rows)
    return all_rows / np.linalg.norm(all_rows, axis=1, keepdims=True)


def main():
    options = hone_cli.parser(__doc__).parse_args()
    model = hone_cli.DATA / "models/onnx/minilm/all_minilm_l6_v2.onnx"
    texts = hone_cli.DATA / "data/retrieval/debian_descriptions.npz"
    hone_cli.skip_without(model)
    hone_cli.skip_without(texts)
    start = time.monotonic()
    with np.load(texts) as data:
        query, document = (embeddings(options.hone, model, data[f"{kind}_ids"][JUDGED],
                                      data[f"{kind}_mask"][JUDGED]) for kind in ("query", "doc"))
    likeness = query @ document.T
    own = np.diag(likeness)[:, None]
    rank = 1 + (likeness > own).sum(axis=1)
    top_1 = 100 * float((likeness.argmax(axis=1) == np.arange(len(query))).mean())
    mrr = float(np.where(rank <= MRR_RANKS, 1 / rank, 0).mean())
    good = abs(top_1 - TOP_1) <= TOP_1_WITHIN and abs(mrr - MRR) <= MRR_WITHIN
    print(f"{len(query)} queries, {time.monotonic() - start:.0f} s, "
          f"MRR of all ranks {(1 / rank).mean():.4f}")
    print(f"retrieval: top-1 {top_1:.2f} %, MRR@{MRR_RANKS} {mrr:.4f}: "
          f"{'passed' if good else 'FAILED'}")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
