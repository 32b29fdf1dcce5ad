// Einsum as the ops that say the same: transposes, reshapes and one product of matrices, or of
// elements. Products with vectors as products of matrices.

#include <algorithm>
#include <map>

#include "ops/arithmetic.hpp"
#include "ops/einsum.hpp"
#include "ops/gather.hpp"
#include "ops/layout.hpp"
#include "ops/matmul.hpp"
#include "ops/reduction.hpp"
#include "passes/clean.hpp"
#include "passes/reshape_spelling.hpp"
#include "passes/rewrite.hpp"

namespace hone {
namespace {

bool has(std::string_view labels, char label) { return labels.find(label) != labels.npos; }

template <class Wanted>
std::string those(std::string_view labels, const Wanted& wanted) {
  std::string found;
  std::copy_if(labels.begin(), labels.end(), std::back_inserter(found), wanted);
  return found;
}

/// A value and a label for each of its axes.
struct Labelled {
  Value* value = nullptr;
  std::string labels;
};

/// How a product of matrices gives the result: its axes are `outer`, then the rows, which are the
/// first operand's alone, then the columns, which are the second's.
struct Arrangement {
  std::string outer, rows, columns;
  bool swapped = false;  // the equation's second operand is the first
  std::string labels() const { return outer + rows + columns; }
};

class EinsumSpelling {
 public:
  EinsumSpelling(Graph& graph, Node& node) : graph_(graph), node_(node) {}

  /// false: three operands or more, a diagonal of one of two or beside open sizes, or sizes of one
  /// letter that may differ.
  bool run() {
    if (!read()) return false;
    if (operands_.size() == 1) return finish(summed(diagonal(operands_[0]), result_));
    const Labelled a = operands_[0], b = operands_[1];
    const std::string inner =
        those(a.labels, [&](char label) { return has(b.labels, label) && !has(result_, label); });
    if (inner.empty()) return elements(a, b);
    Arrangement best = arrangement(a, b, false);
    if (!is_good(best, a, b))
      if (Arrangement other = arrangement(b, a, true); is_good(other, b, a)) best = other;
    if (!is_good(best, best.swapped ? b : a, best.swapped ? a : b)) best = sorted(a, b);
    return best.swapped ? product(b, a, inner, best) : product(a, b, inner, best);
  }

 private:
  bool read() {
    const Einsum& op = *node_.op.as<Einsum>();
    if (node_.inputs.size() > 2) return false;
    std::vector<size_t> ranks;
    for (const Value* input : node_.inputs) {
      if (dims_of(input) == nullptr) return false;
      ranks.push_back(dims_of(input)->size());
    }
    const EinsumTerms terms = einsum_terms(op.equation, ranks);
    for (size_t i = 0; i < ranks.size(); ++i) {
      const std::string& labels = terms.operands[i];
      for (size_t axis = 0; axis < labels.size(); ++axis) {
        const Dim& size = (*dims_of(node_.inputs[i]))[axis];
        const auto [known, added] = sizes_.emplace(labels[axis], size);
        if (!added && known->second != size) return false;
        if (labels.find(labels[axis]) != axis && (ranks.size() > 1 || !are_constant(i)))
          return false;
      }
      operands_.push_back({node_.inputs[i], labels});
    }
    result_ = terms.result;
    return dims_of(node_.output()) != nullptr && sizes_of(result_) == *dims_of(node_.output());
  }

  bool are_constant(size_t operand) const {
    return std::ranges::all_of(*dims_of(node_.inputs[operand]),
                               [](const Dim& size) { return size.is_constant(); });
  }
  Dims sizes_of(std::string_view labels) const {
    Dims dims;
    for (const char label : labels) dims.push_back(sizes_.at(label));
    return dims;
  }
  Dim size_of(std::string_view labels) const {
    Dim size = 1;
    for (const char label : labels) size = size * sizes_.at(label);
    return size;
  }

  Value* add(Op op, std::vector<Value*> inputs) {
    return add_before(graph_, &node_, "spell_einsum", node_.origin, std::move(op),
                      std::move(inputs), node_.output()->name);
  }

  /// With one axis for each letter: the elements of a diagonal are gathered.
  Labelled diagonal(Labelled from) {
    for (size_t first = 0; first < from.labels.size();) {
      const char label = from.labels[first];
      if (from.labels.find(label, first + 1) == from.labels.npos) {
        ++first;
        continue;
      }
      const size_t again = from.labels.find(label, first + 1);
      const int64_t size = *sizes_.at(label).constant();
      std::string rest = from.labels;
      rest.erase(again, 1).erase(first, 1);
      Transpose op{{static_cast<int64_t>(first), static_cast<int64_t>(again)}};
      for (size_t axis = 0; axis < from.labels.size(); ++axis)
        if (axis != first && axis != again) op.perm.push_back(static_cast<int64_t>(axis));
      Value* front =
          std::ranges::is_sorted(op.perm) ? from.value : add(std::move(op), {from.value});
      Tensor places(DType::i64, {size, 2});
      for (int64_t i = 0; i < 2 * size; ++i) places.set_integer(i, i / 2);
      Value* where = add_literal(graph_, node_.output()->name + "_places", std::move(places));
      from = {add(GatherND{}, {front, where}), label + rest};
      first = 0;
    }
    return from;
  }

  /// Without the axes that are in `needed` nowhere.
  Labelled summed(const Labelled& from, std::string_view needed) {
    Dims axes;
    for (size_t i = 0; i < from.labels.size(); ++i)
      if (!has(needed, from.labels[i])) axes.push_back(static_cast<int64_t>(i));
    if (axes.empty()) return from;
    return {add(ReduceSum{axes, false}, {from.value}),
            those(from.labels, [&](char label) { return has(needed, label); })};
  }

  Value* ordered(const Labelled& from, std::string_view wanted) {
    if (from.labels == wanted) return from.value;
    Transpose op;
    for (const char label : wanted)
      op.perm.push_back(static_cast<int64_t>(from.labels.find(label)));
    return add(std::move(op), {from.value});
  }

  /// `from`: the sizes that the value has.
  bool can_shape(const Dims& from, const Dims& to) const {
    return from == to || spelled_reshape(graph_, from, to).has_value();
  }
  Value* shaped(Value* value, const Dims& from, const Dims& to) {
    return from == to ? value : add(*spelled_reshape(graph_, from, to), {value});
  }

  /// The value in the result's order takes the node's place.
  bool finish(const Labelled& made) {
    Value* value = ordered(made, result_);
    if (value == node_.inputs[0]) return false;  // the node changes nothing: see remove_identities
    replace_node(graph_, &node_, value);
    return true;
  }

  /// Products of elements that nothing is summed over.
  bool elements(const Labelled& a, const Labelled& b) {
    const auto spread = [&](const Labelled& each) {
      Dims dims;
      for (const char label : result_)
        if (has(each.labels, label)) dims.push_back(sizes_.at(label));
        else if (!dims.empty()) dims.push_back(1);
      return dims;
    };
    const auto order = [&](const Labelled& each) {
      return those(result_, [&](char label) { return has(each.labels, label); });
    };
    for (const Labelled& each : {a, b})
      if (!can_shape(sizes_of(order(each)), spread(each))) return false;
    std::vector<Value*> factors;
    for (const Labelled& each : {summed(a, result_), summed(b, result_)})
      factors.push_back(shaped(ordered(each, order(each)), sizes_of(order(each)), spread(each)));
    replace_node(graph_, &node_, add(Mul{}, std::move(factors)));
    return true;
  }

  /// As the result has its axes: columns last, rows before them.
  Arrangement arrangement(const Labelled& left, const Labelled& right, bool swapped) const {
    Arrangement made;
    made.swapped = swapped;
    std::string rest = result_;
    const auto cut = [&](const Labelled& own, const Labelled& other) {
      size_t begin = rest.size();
      while (begin > 0 && has(own.labels, rest[begin - 1]) && !has(other.labels, rest[begin - 1]))
        --begin;
      const std::string run = rest.substr(begin);
      rest.resize(begin);
      return run;
    };
    made.columns = cut(right, left);
    made.rows = cut(left, right);
    made.outer = rest;
    return made;
  }
  /// Neither side's own axes are all among the outer ones: the matrices would be vectors.
  bool is_good(const Arrangement& made, const Labelled& left, const Labelled& right) const {
    const auto alone = [&](const Labelled& own, const Labelled& other) {
      return std::any_of(result_.begin(), result_.end(), [&](char label) {
        return has(own.labels, label) && !has(other.labels, label);
      });
    };
    return (!made.rows.empty() || !alone(left, right)) &&
           (!made.columns.empty() || !alone(right, left));
  }
  /// Common axes first; the product is put into order then.
  Arrangement sorted(const Labelled& a, const Labelled& b) const {
    const auto in = [&](bool first, bool second) {
      return those(result_, [&](char label) {
        return has(a.labels, label) == first && has(b.labels, label) == second;
      });
    };
    return {in(true, true), in(true, false), in(false, true), false};
  }

  bool product(const Labelled& left, const Labelled& right, const std::string& inner,
               const Arrangement& made) {
    const auto outer_of = [&](const Labelled& each) {
      return those(made.outer, [&](char label) { return has(each.labels, label); });
    };
    // One matrix for all: the rows need not be joined.
    const bool plain = outer_of(right).empty();
    const auto batch = [&](const Labelled& each) {
      Dims dims;
      for (const char label : made.outer)
        if (has(each.labels, label)) dims.push_back(sizes_.at(label));
        else if (!dims.empty()) dims.push_back(1);
      return dims;
    };
    const auto with = [](Dims dims, const Dims& more) {
      dims.insert(dims.end(), more.begin(), more.end());
      return dims;
    };
    const Dims rows = plain && !made.rows.empty() ? sizes_of(made.rows) : Dims{size_of(made.rows)};
    const Dims left_order = sizes_of(outer_of(left) + made.rows + inner),
               right_order = sizes_of(outer_of(right) + inner + made.columns);
    const Dims left_dims = with(with(batch(left), rows), {size_of(inner)});
    const Dims right_dims = with(batch(right), {size_of(inner), size_of(made.columns)});
    const Dims given = with(with(sizes_of(made.outer), rows), {size_of(made.columns)});
    const Dims wanted = sizes_of(made.labels());
    if (!can_shape(left_order, left_dims) || !can_shape(right_order, right_dims) ||
        !can_shape(given, wanted))
      return false;
    const Labelled a = summed(left, result_ + inner), b = summed(right, result_ + inner);
    Value* first = shaped(ordered(a, outer_of(left) + made.rows + inner), left_order, left_dims);
    Value* second =
        shaped(ordered(b, outer_of(right) + inner + made.columns), right_order, right_dims);
    Value* all = shaped(add(MatMul{}, {first, second}), given, wanted);
    return finish({all, made.labels()});
  }

  Graph& graph_;
  Node& node_;
  std::vector<Labelled> operands_;
  std::map<char, Dim> sizes_;
  std::string result_;
};

}  // namespace

bool spell_einsum(Graph& graph, const PassOptions& options) {
  bool changed = false;
  for (auto node = graph.nodes().begin(); node != graph.nodes().end();) {
    Node& current = *node++;
    if (current.op.as<Einsum>() == nullptr || options.keep(current)) continue;
    changed |= EinsumSpelling(graph, current).run();
  }
  return changed;
}

namespace {

/// A vector on the left is a row, one on the right a column.
bool spell_vectors_of(Graph& graph, Node& node) {
  const Dims *left = dims_of(node.inputs[0]), *right = dims_of(node.inputs[1]);
  const Dims* result = dims_of(node.output());
  if (left == nullptr || right == nullptr || result == nullptr) return false;
  const bool row = left->size() == 1, column = right->size() == 1;
  if (!row && !column) return false;
  Dims given = *result;  // with axes of 1 where the vectors have none
  if (row) given.insert(given.end() - (column ? 0 : 1), Dim(1));
  if (column) given.push_back(1);
  const auto to_row = row ? spelled_reshape(graph, *left, {1, left->front()}) : std::nullopt;
  const auto to_column =
      column ? spelled_reshape(graph, *right, {right->front(), 1}) : std::nullopt;
  const auto back = spelled_reshape(graph, given, *result);
  if ((row && !to_row) || (column && !to_column) || !back) return false;
  const auto add = [&](Op op, std::vector<Value*> inputs) {
    return add_before(graph, &node, "spell_vectors", node.origin, std::move(op), std::move(inputs),
                      node.output()->name);
  };
  Value* first = row ? add(*to_row, {node.inputs[0]}) : node.inputs[0];
  Value* second = column ? add(*to_column, {node.inputs[1]}) : node.inputs[1];
  replace_node(graph, &node, add(*back, {add(MatMul{}, {first, second})}));
  return true;
}

}  // namespace

bool spell_vectors(Graph& graph, const PassOptions& options) {
  bool changed = false;
  for (auto node = graph.nodes().begin(); node != graph.nodes().end();) {
    Node& current = *node++;
    if (current.op.as<MatMul>() == nullptr || options.keep(current)) continue;
    changed |= spell_vectors_of(graph, current);
  }
  return changed;
}

}  // namespace hone
