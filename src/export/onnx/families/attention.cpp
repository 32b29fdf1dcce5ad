#include "ops/attention.hpp"

#include <cmath>

#include "export/onnx/node_export.hpp"

namespace hone::onnx {
namespace {

using enum Attention::Operand;

/// The number of queries: what a mask has before its last dimension. nullopt: no rank is known.
std::optional<Dim> queries(const Node& node) {
  const Type& type = node.input(kQ)->type;
  if (!type.is_tensor() || !type.tensor().has_rank()) return std::nullopt;
  return type.tensor().shape()[type.tensor().rank() == 3 ? 1 : 2];
}

/// The operator of the same name. What it has no words for is let go: it makes no difference.
NodeModel& plain(NodeExport& node) {
  NodeModel& made = node.plain();
  for (const char* field : {"fill", "zero_unseen", "zero_nan"}) made.drop(field);
  return made;
}

/// A mask that is one row for all queries is written out in rows: other runtimes do not broadcast
/// it.
void export_operator(NodeExport& node) {
  const Value* mask = node.node().input(kMask);
  const std::optional<Dim> wanted = queries(node.node());
  const auto rank = node.rank_in(kMask);
  if (mask == nullptr || !wanted || !rank || *rank < 2) return plain(node), void();
  Dims shape = mask->type.tensor().shape();
  Dim& rows = shape[static_cast<size_t>(*rank) - 2];
  if (!rows.is(1) || wanted->is(1)) return plain(node), void();
  rows = *wanted;
  const std::string expanded =
      node.intermediate("Expand", {node.input(kMask), node.dims(shape, "rows")}, {}, "mask");
  plain(node).inputs[kMask] = expanded;
}

/// One attention as the operators that it consists of.
class Parts {
 public:
  explicit Parts(NodeExport& node) : node_(node), op_(node.op<Attention>()) {}

  void run() {
    check_simple();
    const std::string q = by_head(kQ, op_.q_num_heads, "q");
    const std::string k = repeated(kK, by_head(kK, op_.kv_num_heads, "k"));
    const std::string v = repeated(kV, by_head(kV, op_.kv_num_heads, "v"));
    std::string scores = made("MatMul", {q, transposed(k, {0, 1, 3, 2}, "keys")}, "scores");
    scores = made("Mul", {scores, number(scale(), "scale")}, "scaled");
    std::string shares =
        node_.intermediate("Softmax", {masked(scores)}, {{"axis", int64_t{-1}}}, "shares");
    if (op_.zero_nan)
      shares = made("Where", {made("IsNaN", {shares}, "nan"), number(0, "zero"), shares}, "known");
    if (rank_ == 4) {
      node_.add("MatMul", {shares, v});
      return;
    }
    const std::string rows = transposed(made("MatMul", {shares, v}, "heads"), {0, 2, 1, 3}, "rows");
    node_.add("Reshape", {rows, node_.dims({0, 0, -1}, "flat")});
  }

 private:
  void check_simple() const {
    const Node& node = node_.node();
    const char* why = node.inputs.size() > kPastKey || node.outputs.size() > 1
                          ? "a cache, lengths or more results"
                      : op_.is_causal || op_.left_window_size >= 0 || op_.right_window_size >= 0
                          ? "queries that see a part of the keys"
                      : op_.softcap != 0 ? "softcap"
                      : rank_ == 0       ? "operands of unknown rank"
                                         : nullptr;
    if (why != nullptr)
      node_.unsupported("fill, zero_nan, or NaN for a query that sees no key, beside ", why);
  }

  std::string made(std::string_view op, std::vector<std::string> inputs, std::string_view hint) {
    return node_.intermediate(op, std::move(inputs), {}, hint);
  }
  std::string number(double value, std::string_view hint) {
    return node_.constant(Tensor::scalar(type_, value), hint);
  }
  std::string transposed(const std::string& x, std::vector<int64_t> perm, std::string_view hint) {
    return node_.intermediate("Transpose", {x}, {{"perm", std::move(perm)}}, hint);
  }
  const Dims& shape(size_t operand) const {
    return node_.node().input(operand)->type.tensor().shape();
  }

  /// [batch, heads, sequence, head].
  std::string by_head(size_t operand, int64_t heads, std::string_view hint) {
    if (rank_ == 4) return node_.input(operand);
    const std::string sizes = node_.dims({0, 0, heads, -1}, "sizes");
    return transposed(made("Reshape", {node_.input(operand), sizes}, hint), {0, 2, 1, 3}, hint);
  }

  /// Keys or values for each head of the queries.
  std::string repeated(size_t operand, const std::string& x) {
    const bool rows = rank_ == 3;
    const Dim heads = rows ? Dim(op_.q_num_heads) : shape(kQ)[1];
    const Dim own = rows ? Dim(op_.kv_num_heads) : shape(operand)[1];
    if (heads == own) return x;
    const Dim times = floor_div(heads, own.is(0) ? Dim(1) : own);
    const std::string apart = made("Unsqueeze", {x, node_.dims({2}, "axis")}, "apart");
    const std::string all =
        made("Expand", {apart, node_.dims({1, 1, times, 1, 1}, "times")}, "repeated");
    const Dims& from = shape(operand);
    const Dim head = rows ? floor_div(from[2], op_.kv_num_heads) : from[3];
    return made("Reshape", {all, node_.dims({0, heads, from[rows ? 1 : 2], head}, "sizes")},
                "repeated");
  }

  double scale() const {
    if (!std::isnan(op_.scale)) return op_.scale;
    const Dim head = rank_ == 3 ? floor_div(shape(kQ)[2], op_.q_num_heads) : shape(kQ)[3];
    if (!head.is_constant()) node_.unsupported("heads of unknown size and no scale");
    return 1 / std::sqrt(static_cast<double>(*head.constant()));
  }

  std::string masked(const std::string& scores) {
    if (node_.node().input(kMask) == nullptr) return scores;
    const Dims& mask = shape(kMask);
    const Dims& keys = shape(kK);
    if (!mask.empty() && provably_equal(mask.back(), keys[keys.size() - 2]) != true)
      node_.unsupported("a mask of ", mask.back(), " keys for ", keys[keys.size() - 2]);
    const std::string given = node_.input(kMask);
    if (node_.dtype_in(kMask) == DType::boolean)
      return made("Where", {given, scores, number(op_.fill, "fill")}, "masked");
    const bool same = node_.dtype_in(kMask) == type_;
    return made("Add", {scores, same ? given : cast(given)}, "masked");
  }

  std::string cast(const std::string& x) {
    return node_.intermediate("Cast", {x}, {{"to", data_type(type_)}}, "mask");
  }

  NodeExport& node_;
  const Attention& op_;
  DType type_ = node_.dtype_in(kQ).value_or(DType::f32);
  int rank_ = node_.rank_in(kQ).value_or(0);
};

/// The standard's operator gives zeros for a query that sees no key, and booleans mean -inf there.
void export_attention(NodeExport& node) {
  const auto& op = node.op<Attention>();
  const bool chosen = node.dtype_in(kMask) == DType::boolean && !std::isinf(op.fill);
  const bool may_see_nothing = node.node().input(kMask) != nullptr ||
                               node.node().input(kNonpad) != nullptr || op.left_window_size >= 0 ||
                               op.right_window_size >= 0;
  if (op.zero_nan || chosen || (may_see_nothing && !op.zero_unseen)) return Parts(node).run();
  export_operator(node);
}

}  // namespace

void register_attention(Exporters& exporters) { exporters.add("Attention", export_attention); }

}  // namespace hone::onnx
