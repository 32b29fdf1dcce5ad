"""ai.onnx.ml: features, labels, linear models and support vectors."""
import numpy as np
from onnx import helper, numpy_helper

from case import Tolerance
from draw import Refused
from table import operators

ML = "ai.onnx.ml"
F32, I64 = np.float32, np.int64
CLOSE = Tolerance(ulps=16, relative=1e-5, absolute=1e-5)
TRANSFORMS = ["NONE", "SOFTMAX", "LOGISTIC", "SOFTMAX_ZERO", "PROBIT"]


def reals(d, count, values="exact"):
    """An attribute of floats."""
    return [float(v) for v in d.array(F32, (count,), values)]


def rows(d, dtype, values="exact"):
    return d.array(dtype, (d.between(1, 4), d.between(1, 4)), values)


@operators("Binarizer", ML)
def binarizer(d):
    return d.case([d.array(d.type(), d.shape())],
                  {"threshold": d.maybe(lambda: d.among([0.0, 1.0, -0.5, 2.5]))})


@operators("ArrayFeatureExtractor", ML)
def array_feature_extractor(d):
    x = d.array(d.type(), d.shape(2, 3, 1))
    places = d.array(I64, (1, d.between(1, 4)), low=0, high=x.shape[-1] - 1)
    return d.case([x, places], constant={1})


@operators("FeatureVectorizer", ML)
def feature_vectorizer(d):
    n, sizes, operands = d.between(1, 4), [], []
    for _ in range(d.between(1, 3)):
        wide = d.between(1, 4)
        operands.append(d.array(d.type(), (n, wide), "exact"))
        sizes.append(d.between(1, 5) if d.chance(4) else wide)
    return d.case(operands, {"inputdimensions": sizes})


@operators("Scaler", ML)
def scaler(d):
    x = rows(d, d.type(), "real")
    counts = [1 if d.chance(3) else x.shape[1]] * 2
    return d.case([x], {"offset": reals(d, counts[0]), "scale": reals(d, counts[1], "real")},
                  tolerance=Tolerance(ulps=2))


@operators("Normalizer", ML)
def normalizer(d):
    return d.case([rows(d, d.type(), "real")],
                  {"norm": d.maybe(lambda: d.among(["MAX", "L1", "L2"]))}, tolerance=CLOSE)


@operators("Imputer", ML)
def imputer(d):
    x = rows(d, d.type())
    count = 1 if d.chance(2) else x.shape[1]
    if x.dtype == I64:
        return d.case([x], {"imputed_value_int64s": [d.between(0, 9) for _ in range(count)],
                            "replaced_value_int64": d.maybe(lambda: d.between(0, 8) - 4)})
    replaced = d.among([0.0, 1.0, float("nan"), -2.0])
    if np.isnan(replaced):
        x = np.where(x == 1, np.nan, x).astype(x.dtype)
    return d.case([x], {"imputed_value_floats": reals(d, count), "replaced_value_float": replaced})


@operators("OneHotEncoder", ML)
def one_hot_encoder(d):
    x = d.array(d.type(), d.shape(1, 3, 1), "exact")
    categories = list(range(-4, 5))
    chosen = [categories.pop(d.below(len(categories))) for _ in range(d.between(1, 5))]
    if not d.chance(4):
        x = np.array(chosen)[np.abs(x).astype(I64) % len(chosen)].astype(x.dtype)
        return d.case([x], {"cats_int64s": chosen, "zeros": d.maybe(lambda: d.below(2))})
    return d.case([x], {"cats_int64s": chosen, "zeros": 1})


def words(count):
    return [chr(ord("a") + i) * (1 + i % 2) for i in range(count)]


@operators("CategoryMapper", ML)
def category_mapper(d):
    """To strings and back: strings are between the two nodes alone."""
    x = d.array(I64, d.shape(), "exact")
    made = []
    for way, sources in (("to", "x0"), ("back", "text")):
        names = words(6)
        chosen = [names.pop(d.below(len(names))) for _ in range(d.between(1, 5))]
        numbers = [d.between(0, 12) - 6 for _ in chosen]
        if way == "to":
            numbers = list({number: 0 for number in numbers})
            chosen = chosen[:len(numbers)]
        made.append(helper.make_node(
            "CategoryMapper", [sources], ["text" if way == "to" else "y0"], domain=ML,
            cats_strings=chosen, cats_int64s=numbers, default_int64=d.among([-1, 7]),
            default_string=d.among(["_Unused", "a"])))
    return d.case([x], nodes=made)


def listed(kind, values):
    """The attribute's name after keys_ or values_, and what it holds."""
    if kind == "tensor":
        return "tensor", numpy_helper.from_array(values)
    return kind, [v if kind == "strings" else v.item() for v in values]


def encoder(d, source, target, operand, result, since):
    """A LabelEncoder from one element type to another; str stands for strings."""
    count = d.between(1, 6)
    attributes = {}
    for role, dtype in (("keys", source), ("values", target)):
        if dtype is str:
            kind, values = "strings", [d.among(words(6)) for _ in range(count)]
        else:
            values = d.array(dtype, (count,), "exact")
            if role == "keys" and dtype != I64 and d.chance(3):
                values[d.below(count)] = np.nan
            names = {I64: "int64s", F32: "floats"}
            kind = names[dtype] if dtype in names and not (since >= 4 and d.chance(3)) else "tensor"
        if role == "keys" and since < 4:  # what a repeated key means was not said
            keep = {}
            for i, value in enumerate(values):
                keep.setdefault(str(value), i)
            count = len(keep)
            values = [values[i] for i in keep.values()]
        name, held = listed(kind, values)
        attributes[f"{role}_{name}"] = held
        if role == "values" and kind == "tensor":
            attributes["default_tensor"] = numpy_helper.from_array(
                d.array(dtype, (1,), "exact"))
        elif role == "values" and d.chance(2):
            attributes.update({"strings": {"default_string": "aa"}, "int64s": {"default_int64": 7},
                               "floats": {"default_float": 2.5}}[kind])
    return helper.make_node("LabelEncoder", [operand], [result], domain=ML, **attributes)


@operators("LabelEncoder", ML)
def label_encoder(d):
    x = d.array(I64, d.shape(), "exact")
    if d.since < 2:
        nodes = [helper.make_node("LabelEncoder", [a], [b], domain=ML, default_int64=d.below(4),
                                  default_string=d.among(["_Unused", "a"]),
                                  classes_strings=words(d.between(1, 5)))
                 for a, b in (("x0", "text"), ("text", "y0"))]
        return d.case([x], nodes=nodes)
    kinds = [I64, F32] + [np.float64] * (d.since >= 4)
    first, last = d.among(kinds), d.among(kinds)
    x = d.array(first, d.shape(), "exact")
    if first != I64 and d.chance(3):
        x = np.where(x == 1, np.nan, x).astype(first)
    if F32 in (first, last) and np.float64 in (first, last):
        raise Refused("no such form")
    if d.chance(3):
        return d.case([x], nodes=[encoder(d, first, str, "x0", "text", d.since),
                                  encoder(d, str, last, "text", "y0", d.since)])
    return d.case([x], nodes=[encoder(d, first, last, "x0", "y0", d.since)])


def transform(d):
    return d.among(TRANSFORMS) if d.chance(3) else None


def near(attributes):
    """ONNX Runtime's quantile of PROBIT is an approximation to three digits."""
    probit = attributes.get("post_transform") in ("PROBIT", TRANSFORMS.index("PROBIT"))
    return Tolerance(relative=4e-3, absolute=1e-3) if probit else CLOSE


@operators("LinearRegressor", ML)
def linear_regressor(d):
    x, targets = rows(d, d.type()), d.between(1, 3)
    made = {"coefficients": reals(d, targets * x.shape[1]), "targets": targets,
            "intercepts": d.maybe(lambda: reals(d, targets)), "post_transform": transform(d)}
    return d.case([x], made, tolerance=near(made))


@operators("LinearClassifier", ML)
def linear_classifier(d):
    x, classes = rows(d, d.type("T1")), d.between(2, 4)
    scores = 1 if classes == 2 and d.chance(2) else classes
    made = {"coefficients": reals(d, scores * x.shape[1], "real"),
            "intercepts": reals(d, scores, "real"), "post_transform": transform(d),
            "classlabels_ints": list(range(3, 3 + classes))}
    return d.case([x], made, outputs=2, tolerance=near(made))


def kernel(d):
    made = {"kernel_type": d.among(["LINEAR", "RBF", "POLY", "SIGMOID"])}
    numbers = [d.among([0.5, 1.0, 0.25]), d.among([0.0, 1.0]), float(d.between(1, 3))]
    return {**made, "kernel_params": numbers}


@operators("SVMRegressor", ML)
def svm_regressor(d):
    x, supports = rows(d, d.type()), d.between(1, 4)
    made = {**kernel(d), "rho": reals(d, 1, "real"), "post_transform": transform(d)}
    if d.chance(4):
        made.update(kernel_type="LINEAR", coefficients=reals(d, x.shape[1]))
    else:
        made.update(n_supports=supports, coefficients=reals(d, supports, "real"),
                    support_vectors=reals(d, supports * x.shape[1], "real"),
                    one_class=d.maybe(1, 4))
    return d.case([x], made, tolerance=near(made))


@operators("SVMClassifier", ML)
def svm_classifier(d):
    x, classes = rows(d, d.type("T1")), d.between(2, 4)
    made = {**kernel(d), "classlabels_ints": list(range(3, 3 + classes)),
            "post_transform": transform(d)}
    each = [d.between(1, 3) for _ in range(classes)]
    supports, pairs = sum(each), classes * (classes - 1) // 2
    if d.chance(4):
        made.update(kernel_type="LINEAR", rho=reals(d, 1, "real"),
                    coefficients=reals(d, classes * x.shape[1], "real"))
    else:
        # No decision is almost 0, where transforms turn rounding into something else.
        made.update(vectors_per_class=each, rho=[v + 0.375 for v in reals(d, pairs)],
                    coefficients=reals(d, (classes - 1) * supports, "real"),
                    support_vectors=reals(d, supports * x.shape[1], "real"))
        if d.chance(3):
            made.update(prob_a=[-abs(v) - 0.5 for v in reals(d, pairs)],
                        prob_b=reals(d, pairs, "real"))
            # What a transform makes of an almost 0 is open.
            made["post_transform"] = None
            return d.case([x], made, outputs=2, tolerance=Tolerance(absolute=1e-5, relative=1e-4))
    return d.case([x], made, outputs=2, tolerance=near(made))
