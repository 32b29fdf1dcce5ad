#include "build/compare_values.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <unordered_set>

namespace hone {
namespace {

constexpr double kFar = std::numeric_limits<double>::infinity();

bool is_tensor(const Value* value) {
  return value != nullptr && value->producer != nullptr && value->type.is_tensor();
}

/// One may stand for the other.
bool alike(const Value* a, const Value* b) {
  const TensorType &x = a->type.tensor(), &y = b->type.tensor();
  if (x.dtype != y.dtype) return false;
  if (!x.has_rank() || !y.has_rank()) return true;
  return std::equal(x.shape().begin(), x.shape().end(), y.shape().begin(), y.shape().end(),
                    [](const Dim& one, const Dim& other) {
                      return !one.is_constant() || !other.is_constant() || one == other;
                    });
}

/// A value may keep its name and mean another: of a convolution, then of the batch norm behind it.
bool ends_alike(const Origins& a, const Origins& b) {
  return a.empty() || b.empty() || a.back() == b.back();
}

using ByOrigin = std::map<std::pair<std::string, int>, const Value*>;

/// Results by the last node of the model that they stand for; null: several have it.
ByOrigin by_origin(const Graph& graph) {
  ByOrigin found;
  for (const Node& node : graph.nodes()) {
    if (node.origin.empty()) continue;
    for (const Value* output : node.outputs) {
      if (!is_tensor(output)) continue;
      const auto [place, is_new] =
          found.emplace(std::pair(node.origin.back(), output->index), output);
      if (!is_new) place->second = nullptr;
    }
  }
  return found;
}

class Pairs {
 public:
  Pairs(const Graph& a, const Graph& b)
      : a_(a), b_(b), first_(by_origin(a)), second_(by_origin(b)) {
    const size_t outputs = std::min(a.outputs().size(), b.outputs().size());
    for (size_t i = 0; i < outputs; ++i)
      outputs_.emplace(a.outputs()[i].value, b.outputs()[i].value);
  }

  std::vector<ValuePair> all() {
    for (const Node& node : a_.nodes())
      for (const Value* value : node.outputs)
        if (is_tensor(value)) add(value, partner(value));
    for (const GraphOutput& output : a_.outputs())
      if (output.value->producer == nullptr) add(output.value, outputs_[output.value]);
    return std::move(pairs_);
  }

 private:
  const Value* partner(const Value* value) const {
    if (const auto output = outputs_.find(value); output != outputs_.end()) return output->second;
    const Value* same = b_.find(value->name);
    const Origins& origin = value->producer->origin;
    if (is_tensor(same) && alike(value, same) && ends_alike(origin, same->producer->origin))
      return same;
    if (origin.empty()) return nullptr;
    const std::pair key(origin.back(), value->index);
    const auto own = first_.find(key), other = second_.find(key);
    if (own->second == nullptr || other == second_.end() || other->second == nullptr)
      return nullptr;
    return alike(value, other->second) ? other->second : nullptr;
  }

  void add(const Value* a, const Value* b) {
    if (b != nullptr && taken_.insert(b).second) pairs_.push_back({a, b});
  }

  const Graph &a_, &b_;
  const ByOrigin first_, second_;
  std::map<const Value*, const Value*> outputs_;
  std::unordered_set<const Value*> taken_;
  std::vector<ValuePair> pairs_;
};

double apart(double a, double b) {
  if (a == b || (std::isnan(a) && std::isnan(b))) return 0;
  const double apart = std::abs(a - b);
  return std::isnan(apart) ? kFar : apart;
}

Distance of_elements(const Tensor& a, const Tensor& b) {
  Distance found;
  double farthest = 0;
  for (int64_t i = 0; i < a.count(); ++i) {
    const double one = a.number(i);
    if (std::isfinite(one)) found.largest = std::max(found.largest, std::abs(one));
    if (const double distance = apart(one, b.number(i)); distance > farthest)
      farthest = distance, found.at = i;
  }
  if (farthest > 0) found.share = found.largest > 0 ? farthest / found.largest : kFar;
  return found;
}

}  // namespace

std::vector<ValuePair> common_values(const Graph& a, const Graph& b) { return Pairs(a, b).all(); }

Distance distance(const Tensor& a, const Tensor& b) {
  Distance found;
  if (!a.is_tensor() || !b.is_tensor() || a.dtype() != b.dtype() || a.shape() != b.shape()) {
    found.share = same_bits(a, b) ? 0 : kFar;
    if (found.share > 0) found.incomparable = cat(describe(a), " and ", describe(b));
    return found;
  }
  if (a.dtype() != DType::string && !is_complex(a.dtype())) return of_elements(a, b);
  if (same_bits(a, b)) return found;
  found.share = kFar;
  found.incomparable = cat("two of ", describe(a), " that differ");
  return found;
}

}  // namespace hone
