#include "device/cuda/emit/serial_text.hpp"

#include <algorithm>

#include "device/cuda/emit/node_writing.hpp"
#include "ops/cast.hpp"
#include "ops/recurrent.hpp"
#include "ops/scatter.hpp"
#include "ops/select.hpp"
#include "ops/shape.hpp"
#include "ops/softmax.hpp"

namespace hone::cuda::emitter {
namespace {

class SerialWriting : NodeWriting {
 public:
  explicit SerialWriting(const Node& node) : NodeWriting(node) {
    if (const auto* op = node.op.as<CumSum>()) scan(op->axis, op->exclusive, op->reverse, false);
    else if (const auto* op = node.op.as<CumProd>())
      scan(op->axis, op->exclusive, op->reverse, true);
    else if (const auto* op = node.op.as<Hardmax>()) mark(*op);
    else if (const auto* op = node.op.as<ScatterElements>()) scatter(*op);
    else if (const auto* op = node.op.as<ScatterND>()) scatter(*op);
    else if (node.op.as<BitCast>() != nullptr) take_bits();
    else if (const auto* op = node.op.as<Shape>()) write_sizes(*op);
    else throw Refusal{"another op"};
  }

  SerialText run() { return finish({}, {"serial"}); }

 private:
  void begin_turns(const Dim& turns) {
    line(cat("const I turns = ", dims_(turns), ";"));
    line("for (I t = (I)blockIdx.x * 256 + threadIdx.x; t < turns; t += (I)gridDim.x * 256) {");
  }
  void end_turns(const Dim& turns, const Dim& steps) {
    line("}");
    end_function({{}, turns, steps});
  }

  void scan(const std::optional<Dims>& axis, bool exclusive, bool reverse, bool multiplies) {
    const DType dtype = checked(type(0).dtype);
    const Dims& shape = type(0).shape();
    const auto given = axis && axis->size() == 1 ? axis->front().constant() : std::nullopt;
    if (!given) throw Refusal{"its axis is an operand"};
    if (shape.empty()) throw Refusal{"it is a scalar"};
    const auto at = static_cast<size_t>(*given < 0 ? *given + std::ssize(shape) : *given);
    const Dim inner = part(shape, at + 1, shape.size()), turns = part(shape, 0, at) * inner;
    // Sums of floats in f64, as reference evaluation takes them.
    const DType wide = is_float(dtype) ? DType::f64 : dtype;
    const Function function = multiplies ? Function::mul : Function::add;
    line(cat("const I n = ", dims_(shape[at]), ", inner = ", dims_(inner), ";"));
    begin_turns(turns);
    line("  const I at = line_of(t, n, inner);");
    line(cat("  ", computed_type(wide),
             " all = ", number_text(multiplies ? 1 : 0, multiplies ? 1 : 0, wide), ";"));
    line("  for (I i = 0; i < n; ++i) {");
    line(cat("    const I e = at + ", reverse ? "(n - 1 - i)" : "i", " * inner;"));
    line(cat("    const ", computed_type(wide), " x = (", computed_type(wide), ")",
             loaded("x0[e]", dtype), ";"));
    const std::string write =
        cat("    y0[e] = ", stored(cat("(", computed_type(dtype), ")all"), dtype), ";");
    if (exclusive) line(write);
    line(cat("    all = ", combined(function, "all", "x", wide), ";"));
    if (!exclusive) line(write);
    line("  }");
    end_turns(turns, shape[at]);
  }

  void mark(const Hardmax& op) {
    const DType dtype = checked(type(0).dtype);
    const Dims& shape = type(0).shape();
    if (shape.empty()) throw Refusal{"it is a scalar"};
    const auto at = static_cast<size_t>(op.axis < 0 ? op.axis + std::ssize(shape) : op.axis);
    const Dim n = op.flatten ? part(shape, at, shape.size()) : shape[at];
    const Dim inner = op.flatten ? Dim(1) : part(shape, at + 1, shape.size());
    const Dim turns = part(shape, 0, at) * inner;
    line(cat("const I n = ", dims_(n), ", inner = ", dims_(inner), ";"));
    begin_turns(turns);
    line("  const I at = line_of(t, n, inner);");
    line("  I first = 0;");
    line(cat("  for (I i = 1; i < n; ++i) if (", loaded("x0[at + i * inner]", dtype), " > ",
             loaded("x0[at + first * inner]", dtype), ") first = i;"));
    line(cat("  for (I i = 0; i < n; ++i) y0[at + i * inner] = ",
             stored(cat("(", computed_type(dtype), ")(i == first)"), dtype), ";"));
    end_turns(turns, n * Dim(2));
  }

  void copy() {
    const Dim count = product(type(0).shape());
    line(cat("copy_all(x0, y0, ", dims_(count), ");"));
    end_function({{}, count});
  }

  /// y0[to] from it and x2[from].
  std::string put(ScatterReduction reduction) const {
    const DType dtype = type(0).dtype;
    if (reduction == ScatterReduction::none) return "y0[to] = x2[from];";
    const Function function = reduction == ScatterReduction::add   ? Function::add
                              : reduction == ScatterReduction::mul ? Function::mul
                              : reduction == ScatterReduction::max ? Function::max
                                                                   : Function::min;
    if (dtype == DType::boolean) throw Refusal{"it computes with booleans"};
    return cat("y0[to] = ",
               stored(combined(function, loaded("y0[to]", dtype), loaded("x2[from]", dtype), dtype),
                      dtype),
               ";");
  }

  void scatter(const ScatterElements& op) {
    checked(type(0).dtype);
    const Dims &data = type(0).shape(), &shape = type(1).shape();
    if (data.empty()) throw Refusal{"it is a scalar"};
    copy();
    const auto at = static_cast<size_t>(op.axis < 0 ? op.axis + std::ssize(data) : op.axis);
    const Dim turns = part(shape, 0, at) * part(shape, at + 1, shape.size());
    begin_turns(turns);
    line("  I rest = t, from = 0, to = 0;");
    for (size_t axis = shape.size(); axis-- > 0;) {
      if (axis == at) continue;
      line(cat("  { const I i = rest % ", dims_(shape[axis]), "; rest /= ", dims_(shape[axis]),
               "; from += i * ", dims_(part(shape, axis + 1, shape.size())), "; to += i * ",
               dims_(part(data, axis + 1, data.size())), "; }"));
    }
    line("  const I first_from = from, first_to = to;");
    line(cat("  for (I i = 0; i < ", dims_(shape[at]), "; ++i) {"));
    line(cat("    from = first_from + i * ", dims_(part(shape, at + 1, shape.size())), ";"));
    line(cat("    to = first_to + place_of(x1[from], ", dims_(data[at]), ") * ",
             dims_(part(data, at + 1, data.size())), ";"));
    line(cat("    ", put(op.reduction)));
    line("  }");
    end_turns(turns, shape[at]);
  }

  void scatter(const ScatterND& op) {
    checked(type(0).dtype);
    const Dims &data = type(0).shape(), &shape = type(1).shape();
    const auto width = shape.empty() ? std::nullopt : shape.back().constant();
    if (!width || *width < 0 || *width > std::ssize(data))
      throw Refusal{"its coordinates have no known length"};
    copy();
    const Dim tuples = part(shape, 0, shape.size() - 1);
    const Dim slice = part(data, static_cast<size_t>(*width), data.size());
    line(cat("const I tuples = ", dims_(tuples), ";"));
    begin_turns(slice);
    line("  for (I i = 0; i < tuples; ++i) {");
    line(cat("    const I from = i * turns + t;"));
    line("    I to = t;");
    for (int64_t axis = 0; axis < *width; ++axis)
      line(cat("    to += place_of(x1[i * ", *width, " + ", axis, "], ",
               dims_(data[static_cast<size_t>(axis)]), ") * ",
               dims_(part(data, static_cast<size_t>(axis) + 1, data.size())), ";"));
    line(cat("    ", put(op.reduction)));
    line("  }");
    end_turns(slice, tuples);
  }

  void write_sizes(const Shape& op) {
    const Dims& shape = type(0).shape();
    const int64_t rank = std::ssize(shape);
    const auto place = [&](int64_t at) {
      return std::clamp<int64_t>(at < 0 ? at + rank : at, 0, rank);
    };
    const int64_t first = place(op.start), end = place(op.end.value_or(rank));
    line("if (blockIdx.x != 0 || threadIdx.x != 0) return;");
    for (int64_t i = first; i < end; ++i)
      line(cat("y0[", i - first, "] = ", dims_(shape[static_cast<size_t>(i)]), ";"));
    end_function({{}, Dim(1)});
  }

  void take_bits() {
    const DType dtype = type(0).dtype;
    if (bits(dtype) == 0 || bits(dtype) > 64) throw Refusal{cat("it has ", dtype)};
    const Dim bytes = ceil_div(product(type(0).shape()) * Dim(bits(dtype)), 8);
    line(cat("copy_all((const char*)x0, (char*)y0, ", dims_(bytes), ");"));
    end_function({{}, bytes});
  }
};

}  // namespace

SerialText serial_text_of(const Node& node) {
  try {
    if (const auto* op = node.op.as<TopK>()) return sorted_text(*op, node);
    if (const auto* op = node.op.as<RNN>()) return recurrent_text(node, op->recurrence);
    if (const auto* op = node.op.as<GRU>()) return recurrent_text(node, op->recurrence);
    if (const auto* op = node.op.as<LSTM>()) return recurrent_text(node, op->recurrence);
    return SerialWriting(node).run();
  } catch (const Refusal& refusal) {
    SerialText none;
    none.declined = refusal.why;
    return none;
  }
}

}  // namespace hone::cuda::emitter
