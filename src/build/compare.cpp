#include "build/compare.hpp"

#include <algorithm>
#include <set>
#include <unordered_map>

#include "base/hash.hpp"
#include "ir/bodies/structural.hpp"
#include "ir/text/text.hpp"
#include "ops/matmul.hpp"

namespace hone {
namespace {

/// The graph's values told by what computes them alone.
class Canonical {
 public:
  explicit Canonical(const Graph& graph) {
    for (size_t i = 0; i < graph.inputs().size(); ++i) {
      const Value* input = graph.inputs()[i];
      name_symbols(*input);
      keys_[input] = cat("input ", i, ": ", renamed(input->type));
    }
    for (const Value* constant : graph.constants()) keys_[constant] = key_of_constant(*constant);
    for (const Node& node : graph.nodes()) add(node);
    for (const Require& require : graph.requirements()) {
      Require own = require;
      own.a = own.a.substitute(rename_), own.b = own.b.substitute(rename_);
      // Of an equality, either side first.
      const bool ordered = own.relation == Require::Relation::less_equal;
      if (!ordered && own.b < own.a) std::swap(own.a, own.b);
      requirements_.insert(cat(own));
    }
  }

  const std::string& key(const Value* value) const {
    static const std::string kAbsent = "absent";
    return value == nullptr ? kAbsent : keys_.at(value);
  }
  std::string op(const Node& node) const {
    if (!key_of_turned(node)) return cat(substitute(node.op, rename_));
    Gemm turned = *node.op.as<Gemm>();
    turned.transB = true;
    return cat(Op(turned));
  }
  const std::set<std::string>& requirements() const { return requirements_; }

 private:
  void name_symbols(const Value& value) {
    if (!value.type.is_tensor() || !value.type.tensor().has_rank()) return;
    for (const Dim& dim : value.type.tensor().shape())
      if (const auto symbol = dim.as_symbol())
        names_.emplace(std::string(*symbol), Dim::symbol(cat("s", names_.size())));
  }

  std::string renamed(const Type& type) const { return cat(substitute(type, rename_)); }

  static std::string key_of_weights(const Type& type) { return cat("constant ", type); }

  /// Several floats are weights however few they are: two formats round them apart.
  static std::string key_of_constant(const Value& constant) {
    const bool is_weight = !constant.is_literal() || (is_float(constant.weight->dtype()) &&
                                                      constant.weight->tensor().count() > 1);
    if (is_weight) return key_of_weights(constant.type);
    std::string key;
    append_literal(key, constant.weight->tensor());
    return key;
  }

  /// Weights of a product as [results, depth] where they are stored as [depth, results].
  static std::optional<std::string> key_of_turned(const Node& node) {
    const auto* gemm = node.op.as<Gemm>();
    if (gemm == nullptr || gemm->transB || !node.inputs[1]->is_constant()) return std::nullopt;
    const TensorType& type = node.inputs[1]->type.tensor();
    if (!type.has_rank() || type.rank() != 2) return std::nullopt;
    return key_of_weights(TensorType(type.dtype, Dims{type.shape()[1], type.shape()[0]}));
  }

  void add(const Node& node) {
    for (const Value* output : node.outputs)
      if (output != nullptr) name_symbols(*output);
    std::vector<std::string> operands;
    for (const Value* input : node.inputs) operands.push_back(key(input));
    if (node.op.op_class().algebra.commutes) std::sort(operands.begin(), operands.end());
    if (const auto turned = key_of_turned(node)) operands[1] = *turned;
    const std::string text = cat(op(node), "(", join(operands, ","), ")");
    const std::string made = cat(hash_text(text));
    for (size_t i = 0; i < node.outputs.size(); ++i)
      if (node.outputs[i] != nullptr) keys_[node.outputs[i]] = cat(made, ".", i);
  }

  std::map<std::string, Dim, std::less<>> names_;
  Replacement rename_ = [this](std::string_view name) -> std::optional<Dim> {
    const auto found = names_.find(name);
    return found == names_.end() ? std::nullopt : std::optional(found->second);
  };
  std::unordered_map<const Value*, std::string> keys_;
  std::set<std::string> requirements_;
};

std::string shown(const Value* value) {
  if (value == nullptr) return "nothing";
  if (value->producer != nullptr) return print(*value->producer);
  return cat(value->is_constant() ? "the constant " : "the input ", value->name, ": ", value->type);
}

/// Follows two values that differ to where they begin to.
class Walk {
 public:
  Walk(const Canonical& a, const Canonical& b) : a_(a), b_(b) {}

  std::string difference(const Value* a, const Value* b) const {
    const Node* x = a == nullptr ? nullptr : a->producer;
    const Node* y = b == nullptr ? nullptr : b->producer;
    if (x == nullptr || y == nullptr || a_.op(*x) != b_.op(*y) || a->index != b->index ||
        x->inputs.size() != y->inputs.size())
      return cat("first: ", shown(a), "\nsecond: ", shown(b));
    auto [left, right] = std::pair(x->inputs, y->inputs);
    if (x->op.op_class().algebra.commutes) {
      drop_equal(left, right);
      if (left.empty()) return cat("first: ", shown(a), "\nsecond: ", shown(b));
      return difference(left.front(), nearest(left.front(), right));
    }
    for (size_t i = 0; i < left.size(); ++i)
      if (a_.key(left[i]) != b_.key(right[i])) return difference(left[i], right[i]);
    return cat("first: ", shown(a), "\nsecond: ", shown(b));
  }

 private:
  void drop_equal(std::vector<Value*>& left, std::vector<Value*>& right) const {
    std::erase_if(left, [&](const Value* each) {
      const auto same = std::find_if(right.begin(), right.end(), [&](const Value* other) {
        return a_.key(each) == b_.key(other);
      });
      if (same == right.end()) return false;
      right.erase(same);
      return true;
    });
  }
  /// One that the same op makes, where there is one.
  const Value* nearest(const Value* value, const std::vector<Value*>& among) const {
    for (const Value* other : among)
      if (value != nullptr && other != nullptr && value->producer != nullptr &&
          other->producer != nullptr && a_.op(*value->producer) == b_.op(*other->producer))
        return other;
    return among.front();
  }

  const Canonical &a_, &b_;
};

}  // namespace

std::optional<std::string> structural_difference(const Graph& a, const Graph& b) {
  if (a.inputs().size() != b.inputs().size())
    return cat(a.inputs().size(), " and ", b.inputs().size(), " inputs");
  if (a.outputs().size() != b.outputs().size())
    return cat(a.outputs().size(), " and ", b.outputs().size(), " outputs");
  const Canonical left(a), right(b);
  for (size_t i = 0; i < a.outputs().size(); ++i) {
    const Value *x = a.outputs()[i].value, *y = b.outputs()[i].value;
    if (left.key(x) == right.key(y)) continue;
    return cat("output ", i, " differs:\n", Walk(left, right).difference(x, y));
  }
  for (const auto* sides : {&left, &right})
    for (const std::string& require : sides->requirements())
      if (!(sides == &left ? right : left).requirements().contains(require))
        return cat("only the ", sides == &left ? "first" : "second", " requires ", require);
  return std::nullopt;
}

}  // namespace hone
