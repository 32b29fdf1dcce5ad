"""ai.onnx.ml: ensembles of trees, in the forms of versions 1, 3 and 5."""
import numpy as np
from onnx import numpy_helper

from operators.learned import ML, TRANSFORMS, near, transform
from table import operators

MODES = ["BRANCH_LEQ", "BRANCH_LT", "BRANCH_GTE", "BRANCH_GT", "BRANCH_EQ", "BRANCH_NEQ"]


def grow(d, features, depth):
    """A tree: a leaf is its number, a branch (feature, mode, split, missing, true, false)."""
    if depth == 0 or (depth < 3 and d.chance(3)):
        return None
    fixed = (d.below(features), d.below(len(MODES)), d.between(0, 8) - 4 + d.below(2) / 2,
             d.below(2))
    return (*fixed, grow(d, features, depth - 1), grow(d, features, depth - 1))


def operand(d, dtype):
    x = d.array(dtype, (d.between(1, 4), d.between(1, 3)), "exact")
    if x.dtype.kind == "f" and d.chance(3):
        x = np.where(x == 1, np.nan, x).astype(dtype)
    return x


def forest(d, features, least=1):
    return [grow(d, features, d.between(1, 3)) for _ in range(d.between(least, least + 2))]


def note(d):
    """Whether a row may be left without votes for some target: the case says so."""
    return "sparse votes" if d.chance(4) else ""


def numbered(trees):
    """The nodes of all trees for the attributes of versions 1 and 3, and the leaves' ids."""
    made = {name: [] for name in ("treeids", "nodeids", "featureids", "modes", "values",
                                  "truenodeids", "falsenodeids", "missing_value_tracks_true")}
    leaves = []

    def add(tree, node, number):
        at = number[0]
        number[0] += 1
        place = len(made["treeids"])
        feature, mode, split, missing = node[:4] if node else (0, None, 0.0, 0)
        for name, value in (("treeids", tree), ("nodeids", at), ("featureids", feature),
                            ("modes", "LEAF" if node is None else MODES[mode]),
                            ("values", float(split)), ("missing_value_tracks_true", missing),
                            ("truenodeids", 0), ("falsenodeids", 0)):
            made[name].append(value)
        if node is None:
            leaves.append((tree, at))
        else:
            made["truenodeids"][place] = add(tree, node[4], number)
            made["falsenodeids"][place] = add(tree, node[5], number)
        return at

    for tree, root in enumerate(trees):
        add(tree, root, [0])
    return {f"nodes_{name}": values for name, values in made.items()}, leaves


def as_tensors(d, made, names):
    """Version 3's spelling of doubles."""
    for name in names:
        if made.get(name) is not None:
            made[f"{name}_as_tensor"] = numpy_helper.from_array(
                np.array(made.pop(name), np.float64))


def votes(d, leaves, targets, sparse, positive=False):
    """Each leaf votes for a target or two, those of the first tree for all."""
    trees, nodes, ids, weights = [], [], [], []
    for tree, node in leaves:
        some = sorted({d.below(targets) for _ in range(d.between(1, 2))})
        for target in some if tree or sparse else range(targets):
            trees.append(tree), nodes.append(node), ids.append(target)
            weight = d.between(0, 16) / 4 - 2
            weights.append(abs(weight) if positive else weight)
    return trees, nodes, ids, weights


def old_trees(d, x, role, targets, sparse, positive=False):
    made, leaves = numbered(forest(d, x.shape[1]))
    for name, values in zip(("treeids", "nodeids", "ids", "weights"),
                            votes(d, leaves, targets, sparse, positive)):
        made[f"{role}_{name}"] = values
    made["post_transform"] = transform(d)
    if d.chance(3):
        made["base_values"] = [d.between(0, 8) / 4 - 1 for _ in range(targets)]
    if x.dtype == np.float64 and d.since >= 3:
        as_tensors(d, made, ("nodes_values", f"{role}_weights", "base_values"))
    if not d.chance(2):
        made.pop("nodes_missing_value_tracks_true")
    return made


@operators("TreeEnsembleRegressor", ML)
def tree_regressor(d):
    x, targets = operand(d, d.type()), d.between(1, 3)
    sparse = note(d)
    made = old_trees(d, x, "target", targets, sparse)
    made["aggregate_function"] = d.maybe(lambda: d.among(["SUM", "AVERAGE", "MIN", "MAX"]))
    return d.case([x], {**made, "n_targets": targets}, tolerance=near(made), note=sparse)


@operators("TreeEnsembleClassifier", ML)
def tree_classifier(d):
    x, classes = operand(d, d.type("T1")), d.between(2, 4)
    voted = 1 if classes == 2 and d.chance(2) else classes
    sparse = note(d)
    made = old_trees(d, x, "class", voted, sparse, positive=d.chance(2))
    return d.case([x], {**made, "classlabels_int64s": list(range(3, 3 + classes))}, outputs=2,
                  tolerance=near(made), note=sparse)


def flat(d, trees, targets, sparse):
    """Version 5: branches and leaves in lists of their own."""
    made = {name: [] for name in ("featureids", "modes", "splits", "truenodeids", "falsenodeids",
                                  "trueleafs", "falseleafs", "missing_value_tracks_true")}
    members, leaf_targets, leaf_weights, roots = [], [], [], []

    def leaf(tree):
        leaf_targets.append(d.below(targets) if sparse or tree >= targets else tree)
        leaf_weights.append(d.between(0, 16) / 4 - 2)
        return len(leaf_targets) - 1

    def add(tree, node):
        at = len(made["modes"])
        feature, mode, split, missing = node[:4]
        if d.chance(5):
            mode, some = len(MODES), [float(d.between(0, 8) - 4) for _ in range(d.between(1, 3))]
            members.extend(some + [np.nan])
        for name, value in (("featureids", feature), ("modes", mode), ("splits", split),
                            ("missing_value_tracks_true", missing), ("truenodeids", 0),
                            ("falsenodeids", 0), ("trueleafs", 0), ("falseleafs", 0)):
            made[name].append(value)
        for way, child in (("true", node[4]), ("false", node[5])):
            made[f"{way}leafs"][at] = int(child is None)
            made[f"{way}nodeids"][at] = (
                leaf(tree) if child is None else add(tree, child))
        return at

    for tree, root in enumerate(trees):
        roots.append(add(tree, root))
    return made, members, leaf_targets, leaf_weights, roots


@operators("TreeEnsemble", ML)
def tree_ensemble(d):
    x, targets = operand(d, d.type()), d.between(1, 3)
    sparse = note(d)
    trees = [t or (0, 0, 0.0, 0, None, None) for t in forest(d, x.shape[1], targets)]
    made, members, leaf_targets, leaf_weights, roots = flat(d, trees, targets, sparse)
    tensors = {"nodes_modes": np.array(made.pop("modes"), np.uint8),
               "nodes_splits": np.array(made.pop("splits"), x.dtype),
               "leaf_weights": np.array(leaf_weights, x.dtype)}
    if members:
        tensors["membership_values"] = np.array(members, x.dtype)
    attributes = {f"nodes_{name}": values for name, values in made.items()}
    if not d.chance(2):
        attributes.pop("nodes_missing_value_tracks_true")
    chosen = {"post_transform": TRANSFORMS.index(transform(d) or "NONE") or None}
    return d.case([x], {**attributes, "leaf_targetids": leaf_targets, "tree_roots": roots,
                        **{k: numpy_helper.from_array(v) for k, v in tensors.items()},
                        "n_targets": targets,
                        "aggregate_function": d.maybe(lambda: d.below(4)),
                        **chosen}, tolerance=near(chosen), note=sparse)
