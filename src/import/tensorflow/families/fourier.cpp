// Fourier transforms and complex numbers. A graph has none of these: a tensor of them is held as
// pairs of real numbers along one axis more, the last one (Item::Kind::pairs).

#include "import/tensorflow/graph_import.hpp"
#include "import/tensorflow/node_reader.hpp"
#include "ops/activation.hpp"
#include "ops/arithmetic.hpp"
#include "ops/compare.hpp"
#include "ops/layout.hpp"
#include "ops/logic.hpp"
#include "ops/math.hpp"
#include "ops/shape.hpp"
#include "ops/signal.hpp"

namespace hone::tensorflow {
namespace {

struct Parts {
  Value *real = nullptr, *imaginary = nullptr;  // the second is null of real numbers
};

constexpr uint64_t kReal = 0, kImaginary = ~uint64_t{0};  // of all inputs

Value* add(NodeReader& node, Op op, std::vector<Value*> inputs, std::string_view hint = "part") {
  return node.intermediate(std::move(op), std::move(inputs), hint);
}

Value* pairs(NodeReader& node, int i) {
  const Item& item = node.item(i);
  node.check(item.kind == Item::Kind::pairs, "input ", i, " is not of complex numbers");
  return node.frame().bring(item.value, *item.frame);
}

void give_pairs(NodeReader& node, Value* value) {
  Item item = Item::of(value, node.frame());
  item.kind = Item::Kind::pairs;
  node.give_item(0, item);
}

int64_t rank(const NodeReader& node, const Value* value) {
  return static_cast<int64_t>(sizes_of(node, value).size());
}

Value* paired(NodeReader& node, const Parts& parts) {
  const int64_t last = rank(node, parts.real);
  const auto raised = [&](Value* part) {
    return add(node, Unsqueeze{.axes = Dims{Dim(last)}}, {part});
  };
  return add(node, Concat{.axis = last}, {raised(parts.real), raised(parts.imaginary)}, "pairs");
}

Parts parts(NodeReader& node, int i) {
  if (node.item(i).kind != Item::Kind::pairs) return {node.required(i), nullptr};
  Value* value = pairs(node, i);
  const int64_t last = rank(node, value) - 1;
  const auto halves = node.intermediates(Split{.axis = last, .num_outputs = 2}, {value}, 2, "half");
  const auto part = [&](Value* half) {
    return add(node, Squeeze{.axes = Dims{Dim(last)}}, {half});
  };
  return {part(halves[0]), part(halves[1])};
}

/// What the operator gives where each complex input is one of its parts: of input i the imaginary
/// one where bit i of `imaginary` is set.
std::vector<Value*> results_of(NodeReader& node, uint64_t imaginary) {
  std::vector<Item> items = node.items();
  builder::NodePlace place{node.origin(), std::string(node.op()), {}, {}};
  for (size_t i = 0; i < items.size(); ++i) {
    if (items[i].kind == Item::Kind::pairs) {
      const Parts found = parts(node, static_cast<int>(i));
      const bool second = ((imaginary >> std::min<size_t>(i, 63)) & 1) != 0;
      items[i] = Item::of(second ? found.imaginary : found.real, node.frame());
    }
    place.inputs.push_back(node.import().value_of(items[i]));
  }
  for (int i = 0; i < node.outputs(); ++i)
    place.outputs.push_back(cat(node.origin(),
                                imaginary == kReal        ? ".real"
                                : imaginary == kImaginary ? ".imaginary"
                                : imaginary == 1          ? ".imaginary_real"
                                                          : ".real_imaginary",
                                i));
  NodeReader inner(node.import(), node.def(), items, std::move(place));
  node.import().context().importers().find(node.op())->run(inner);
  if (inner.failed()) throw builder::FailedBefore();
  std::vector<Value*> values;
  for (int i = 0; i < node.outputs(); ++i) {
    const Item result = inner.result(i);
    node.check(result.is_value(), "gives no tensor");
    values.push_back(result.value);
  }
  return values;
}

/// The operator as it is, once for each part.
void import_by_parts(NodeReader& node) {
  const auto real = results_of(node, kReal), imaginary = results_of(node, kImaginary);
  for (size_t i = 0; i < real.size(); ++i) {
    Item item = Item::of(paired(node, {real[i], imaginary[i]}), node.frame());
    item.kind = Item::Kind::pairs;
    node.give_item(static_cast<int>(i), item);
  }
}

/// Both sides are complex, the condition is not.
void import_choice(NodeReader& node) {
  for (int i = 1; i < 3; ++i)
    node.check(node.item(i).kind == Item::Kind::pairs, "input ", i, " is not of complex numbers");
  import_by_parts(node);
}

/// Of the real part alone: sizes.
void import_by_real(NodeReader& node) {
  const auto real = results_of(node, kReal);
  for (size_t i = 0; i < real.size(); ++i)
    node.give_item(static_cast<int>(i), Item::of(real[i], node.frame()));
}

/// Sums and joins, where all inputs are complex (but for the axis, which comes last).
void import_sum(NodeReader& node) {
  const size_t count = node.items().size() - (node.op() == "ConcatV2" ? 1 : 0);
  for (size_t i = 0; i < count; ++i)
    if (node.items()[i].kind != Item::Kind::pairs)
      node.unsupported("a sum of real and complex numbers");
  import_by_parts(node);
}

Parts product(NodeReader& node, const Parts& x, const Parts& y) {
  const auto times = [&](Value* a, Value* b) { return add(node, Mul{}, {a, b}); };
  return {add(node, Sub{}, {times(x.real, y.real), times(x.imaginary, y.imaginary)}),
          add(node, Add{}, {times(x.real, y.imaginary), times(x.imaginary, y.real)})};
}
Value* squared_size(NodeReader& node, const Parts& x) {
  return add(node, Add{},
             {add(node, Mul{}, {x.real, x.real}), add(node, Mul{}, {x.imaginary, x.imaginary})});
}

void import_mul(NodeReader& node) {
  give_pairs(node, paired(node, product(node, parts(node, 0), parts(node, 1))));
}
void import_div(NodeReader& node) {
  const Parts y = parts(node, 1);
  Value* size = squared_size(node, y);
  const Parts inverse{add(node, Div{}, {y.real, size}),
                      add(node, Div{}, {add(node, Neg{}, {y.imaginary}), size})};
  give_pairs(node, paired(node, product(node, parts(node, 0), inverse)));
}

/// Of a product of two: the operator once for each pair of parts.
void import_bilinear(NodeReader& node) {
  if (node.items().size() == 1) return import_by_parts(node);  // an Einsum that sums
  if (node.items().size() != 2) node.unsupported("a product of more than two");
  const auto of = [&](uint64_t imaginary) { return results_of(node, imaginary).front(); };
  Parts y{of(kReal), of(0b01)};
  Value *both = of(kImaginary), *second = of(0b10);
  // Adjoint matrices are conjugated, too; the operator only transposes.
  const bool first_adjoint = node.flag("adj_x", false), second_adjoint = node.flag("adj_y", false);
  const bool differ = first_adjoint != second_adjoint;
  y.real = differ ? add(node, Add{}, {y.real, both}) : add(node, Sub{}, {y.real, both});
  if (first_adjoint) y.imaginary = add(node, Neg{}, {y.imaginary});
  y.imaginary = second_adjoint ? add(node, Sub{}, {y.imaginary, second})
                               : add(node, Add{}, {y.imaginary, second});
  give_pairs(node, paired(node, y));
}

/// Equal where both parts are.
void import_equal(NodeReader& node) {
  const Parts x = parts(node, 0), y = parts(node, 1);
  Value* real = add(node, Equal{}, {x.real, y.real});
  Value* imaginary = add(node, Equal{}, {x.imaginary, y.imaginary});
  if (node.op() == "Equal") return void(node.emit(And{}, {real, imaginary}));
  node.emit(Not{}, {add(node, And{}, {real, imaginary})});
}

/// Of two parts, each over the sizes of both.
void import_complex(NodeReader& node) {
  Value *real = node.required(0), *imaginary = node.required(1);
  if (node.dims(0) != node.dims(1)) {
    const auto spread = [&](Value* x, Value* like) {
      return add(node, Expand{}, {x, add(node, Shape{}, {like}, "sizes")}, "spread");
    };
    real = spread(real, imaginary);
    imaginary = spread(imaginary, real);
  }
  give_pairs(node, paired(node, {real, imaginary}));
}
void import_real(NodeReader& node) { node.give(0, parts(node, 0).real); }
void import_imaginary(NodeReader& node) { node.give(0, parts(node, 0).imaginary); }
void import_conjugate(NodeReader& node) {
  const Parts x = parts(node, 0);
  give_pairs(node, paired(node, {x.real, add(node, Neg{}, {x.imaginary})}));
}
void import_abs(NodeReader& node) { node.emit(Sqrt{}, {squared_size(node, parts(node, 0))}); }

void import_angle(NodeReader& node) {
  const Parts x = parts(node, 0);
  builder::NodePlace place{
      node.origin(), std::string(node.op()), {x.imaginary, x.real}, {cat(node.origin(), ".angle")}};
  NodeReader inner(node.import(), node.def(),
                   {Item::of(x.imaginary, node.frame()), Item::of(x.real, node.frame())},
                   std::move(place));
  node.import().context().importers().find("Atan2")->run(inner);
  if (inner.failed()) throw builder::FailedBefore();
  node.give_item(0, inner.result(0));
}

/// From complex to complex numbers, or their real part.
void import_cast(NodeReader& node) {
  const DType to = node.dtype("DstT", DType::f32);
  if (!is_complex(to)) return node.give(0, node.cast(parts(node, 0).real, to, "cast"));
  give_pairs(node, node.cast(pairs(node, 0), to == DType::c64 ? DType::f32 : DType::f64, "cast"));
}

void import_exp(NodeReader& node) {
  const Parts x = parts(node, 0);
  Value* size = add(node, Exp{}, {x.real});
  give_pairs(node, paired(node, {add(node, Mul{}, {size, add(node, Cos{}, {x.imaginary})}),
                                 add(node, Mul{}, {size, add(node, Sin{}, {x.imaginary})})}));
}

void import_square(NodeReader& node) {
  const Parts x = parts(node, 0);
  give_pairs(node, paired(node, product(node, x, x)));
}

// Transforms of the last axes.

/// How many axes: of "RFFT2D" 2.
int64_t axes_of(const NodeReader& node) {
  const char last = node.op()[node.op().size() - 2];
  return node.op().ends_with("D") ? last - '0' : 1;
}

Value* transformed(NodeReader& node, Value* x, int64_t axis, std::optional<Dim> length,
                   bool inverse, bool onesided) {
  Dft op{.axis = Dims{Dim(axis)}, .inverse = inverse, .onesided = onesided};
  if (length) op.dft_length = Dims{*length};
  return add(node, op, {x}, "spectrum");
}

void give_transform(NodeReader& node, bool inverse) {
  Value* x = pairs(node, 0);
  const int64_t last = rank(node, x) - 1, count = axes_of(node);
  node.check(last >= count, "a tensor of ", last, " axes");
  for (int64_t i = 1; i <= count; ++i) x = transformed(node, x, last - i, {}, inverse, false);
  give_pairs(node, x);
}
void import_forward(NodeReader& node) { give_transform(node, false); }
void import_inverse(NodeReader& node) { give_transform(node, true); }

std::vector<Dim> lengths_of(const NodeReader& node, int64_t count) {
  const auto known = node.known(1);
  if (!known) node.unsupported("a length that only running tells");
  node.check(static_cast<int64_t>(known->size()) == count, uint64_t{known->size()}, " lengths for ",
             count, " axes");
  return {known->begin(), known->end()};
}

void import_from_real(NodeReader& node) {
  const int64_t last = node.rank_of(0), count = axes_of(node);
  node.check(last >= count, "a tensor of ", last, " axes");
  const std::vector<Dim> lengths = lengths_of(node, count);
  Value* x = add(node, Unsqueeze{.axes = Dims{Dim(last)}}, {node.required(0)}, "signal");
  for (int64_t i = 1; i <= count; ++i)
    x = transformed(node, x, last - i, lengths[static_cast<size_t>(count - i)], false, i == 1);
  give_pairs(node, x);
}

void import_to_real(NodeReader& node) {
  Value* x = pairs(node, 0);
  const int64_t last = rank(node, x) - 1, count = axes_of(node);
  node.check(last >= count, "a tensor of ", last, " axes");
  const std::vector<Dim> lengths = lengths_of(node, count);
  for (int64_t i = count; i >= 1; --i)
    x = transformed(node, x, last - i, lengths[static_cast<size_t>(count - i)], true, i == 1);
  node.emit(Squeeze{.axes = Dims{Dim(last)}}, {x});
}

}  // namespace

void register_fourier(Importers& importers) {
  importers.add("Complex", import_complex);
  const auto add_all = [&](std::initializer_list<std::string_view> ops, ImportFunction run) {
    for (const std::string_view op : ops) {
      if (importers.find(op) == nullptr) importers.add(op, run);
      importers.add_complex(op, run);
    }
  };
  importers.add({"RFFT", "RFFT2D", "RFFT3D"}, import_from_real);
  add_all({"IRFFT", "IRFFT2D", "IRFFT3D"}, import_to_real);
  add_all({"FFT", "FFT2D", "FFT3D"}, import_forward);
  add_all({"IFFT", "IFFT2D", "IFFT3D"}, import_inverse);
  add_all({"ComplexAbs"}, import_abs);
  add_all({"Real"}, import_real);
  add_all({"Imag"}, import_imaginary);
  add_all({"Angle"}, import_angle);
  add_all({"Conj"}, import_conjugate);
  const auto add_complex = [&](std::initializer_list<std::string_view> ops, ImportFunction run) {
    for (const std::string_view op : ops) importers.add_complex(op, run);
  };
  add_complex({"Cast"}, import_cast);
  add_complex({"Mul"}, import_mul);
  add_complex({"Exp"}, import_exp);
  add_complex({"Square"}, import_square);
  add_complex({"MatMul", "BatchMatMul", "BatchMatMulV2", "BatchMatMulV3", "Einsum"},
              import_bilinear);
  add_complex({"Equal", "NotEqual"}, import_equal);
  add_complex({"Select", "SelectV2"}, import_choice);
  add_complex({"Div", "RealDiv"}, import_div);
  add_complex({"Add", "AddV2", "Sub", "AddN", "ConcatV2", "Pack"}, import_sum);
  add_complex({"Reshape",      "Transpose",
               "Slice",        "StridedSlice",
               "ExpandDims",   "Squeeze",
               "Split",        "SplitV",
               "Unpack",       "Gather",
               "GatherV2",     "GatherNd",
               "Tile",         "Neg",
               "Sum",          "Mean",
               "ReverseV2",    "Roll",
               "BroadcastTo",  "Pad",
               "EnsureShape",  "ZerosLike",
               "Cumsum",       "MatrixDiag",
               "MatrixDiagV3", "MatrixDiagPartV3"},
              import_by_parts);
  add_complex({"Shape", "Size", "Rank"}, import_by_real);
}

}  // namespace hone::tensorflow
