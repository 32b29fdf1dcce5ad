#include "support/truth.hpp"

#include <algorithm>
#include <cmath>

#include "base/text.hpp"
#include "ir/bodies/structural.hpp"
#include "ir/evaluation/evaluation.hpp"
#include "ir/evaluation/work.hpp"
#include "ir/inference.hpp"
#include "ir/text/text.hpp"
#include "ir/verify.hpp"
#include "ops/common/registry.hpp"

namespace hone::test {
namespace {

/// The distance of 1 from the next larger number.
double last_place(DType type) {
  switch (type) {
    case DType::f64: return 0x1p-52;
    case DType::f32: return 0x1p-23;
    case DType::f16: return 0x1p-10;
    case DType::bf16: return 0x1p-7;
    default: return 0x1p-2;  // the narrow ones
  }
}

double largest_of(const Tensor& tensor) {
  double largest = 0;
  if (tensor.is_sequence())
    for (const Tensor& element : tensor.elements())
      largest = std::max(largest, largest_of(element));
  for (int64_t i = 0; i < tensor.count(); ++i)
    if (const double size = std::abs(tensor.number(i)); std::isfinite(size))
      largest = std::max(largest, size);
  return largest;
}

/// `place`: the last place of 1 in which units of Contract::Kind::half count.
double allowed(const Contract& contract, double share, double place, const Tensor& wanted) {
  if (contract.kind == Contract::Kind::exact) return 0;
  if (!is_float(wanted.dtype()))
    return contract.kind == Contract::Kind::quantum ? contract.units : 0;
  if (contract.kind != Contract::Kind::half) place = 0;
  return std::max(contract.units * std::max(place, last_place(wanted.dtype())) * largest_of(wanted),
                  share * std::max(1.0, largest_of(wanted)));
}

bool same_number(double a, double b, double most) {
  return a == b || (std::isnan(a) && std::isnan(b)) || std::abs(a - b) <= most;
}

std::string difference_of(const Tensor& wanted, const Tensor& got, double most) {
  if (wanted.is_tensor() != got.is_tensor() || wanted.dtype() != got.dtype() ||
      wanted.shape() != got.shape())
    return cat("is ", describe(got), ", wanted ", describe(wanted));
  if (wanted.is_sequence()) {
    const auto &a = wanted.elements(), &b = got.elements();
    if (a.size() != b.size()) return cat("is ", describe(got), ", wanted ", describe(wanted));
    for (size_t i = 0; i < a.size(); ++i)
      if (const std::string what = difference_of(a[i], b[i], most); !what.empty())
        return cat("place ", i, " ", what);
    return "";
  }
  if (!wanted.is_tensor() || wanted.dtype() == DType::string || same_bits(wanted, got))
    return same_bits(wanted, got) ? "" : "has other elements";
  for (int64_t i = 0; i < wanted.count(); ++i)
    if (!same_number(got.number(i), wanted.number(i), most))
      return cat("element ", i, " is ", got.number(i), ", wanted ", wanted.number(i));
  return "";
}

bool has_bodies(const Graph& graph) {
  return std::any_of(graph.nodes().begin(), graph.nodes().end(),
                     [](const Node& node) { return !control_bodies(node.op).empty(); });
}

/// Of 1, in the half with the fewest digits that the graph has; 0: it has none.
double coarsest_place(const Graph& graph) {
  double place = 0;
  const auto look = [&](const Value* value) {
    if (value == nullptr || !value->type.is_tensor()) return;
    const DType type = value->type.tensor().dtype;
    if (type == DType::f16 || type == DType::bf16) place = std::max(place, last_place(type));
  };
  for (const Value* input : graph.inputs()) look(input);
  for (const Value* constant : graph.constants()) look(constant);
  for (const Node& node : graph.nodes()) {
    for (const Value* output : node.outputs) look(output);
    for (const Body& body : control_bodies(node.op)) place = std::max(place, coarsest_place(*body));
  }
  return place;
}

/// What may be asked of results when one step has this contract and the next that one.
Contract together(const Contract& a, const Contract& b) {
  return {std::max(a.kind, b.kind), a.units + b.units};
}

/// Of what the passes may do within bodies, all together.
constexpr Contract kLoosest = ulp(64);

}  // namespace

std::string difference(const Contract& contract, double share, const std::vector<Tensor>& wanted,
                       const std::vector<Tensor>& got, double place) {
  if (wanted.size() != got.size()) return cat(got.size(), " results, wanted ", wanted.size());
  for (size_t i = 0; i < wanted.size(); ++i) {
    const double most = allowed(contract, share, place, wanted[i]);
    if (const std::string what = difference_of(wanted[i], got[i], most); !what.empty())
      return cat("output ", i, " ", what);
  }
  return "";
}

namespace {

/// The constant of this name and contents, in the graph or in a body.
std::shared_ptr<const Weight> weight_of(const Graph& graph, std::string_view name,
                                        const Hash& hash) {
  if (const Value* value = graph.find(name); value != nullptr && value->is_constant())
    if (value->weight->hash() == hash) return value->weight;
  for (const Node& node : graph.nodes())
    for (const Body& body : control_bodies(node.op))
      if (auto found = weight_of(*body, name, hash); found != nullptr) return found;
  return nullptr;
}

}  // namespace

std::string round_trip(const Graph& graph) {
  const std::string text = print(graph, {.hashes = true});
  const auto weights = [&](std::string_view name, DType, const std::vector<int64_t>&,
                           const Hash& hash) { return weight_of(graph, name, hash); };
  const auto read = parse(text, all_ops(), weights);
  verify(*read, "reading its text");
  if (const std::string again = print(*read, {.hashes = true}); again != text)
    return cat("its text reads back as\n", again);
  return same_structure(graph, *read) ? "" : "its text reads back as another graph";
}

Truth::Truth(const Graph& graph, std::vector<Tensor> inputs, Judge judge)
    : inputs_(std::move(inputs)),
      judge_(std::move(judge)),
      first_(evaluate(graph)),
      last_(first_),
      bodies_(has_bodies(graph)),
      place_(coarsest_place(graph)) {}

std::vector<Tensor> Truth::evaluate(const Graph& graph) const {
  const WorkBudget own(INT64_MAX);  // passes that are watched have one for what they fold
  return judge_.evaluate ? judge_.evaluate(graph, inputs_) : hone::evaluate(graph, inputs_);
}

std::string Truth::check(std::string_view name, const Contract& contract, const Graph& graph) {
  const std::unique_ptr<Graph> copy = graph.clone();
  const auto after = [&](std::string_view what) {
    return cat("after ", name, ": ", what, "\n", print(*copy, {.align = false}));
  };
  try {
    infer(*copy);
    verify(*copy, name);
    if (std::string what = round_trip(*copy); !what.empty()) return after(what);
    std::vector<Tensor> results = evaluate(*copy);
    // All passes have run within bodies, whichever has changed the graph around them.
    const bool exact = contract == kExact && judge_.any_order;
    const bool loose = bodies_ && contract.kind != Contract::Kind::half;
    const Contract allowed = loose ? kLoosest : exact ? ulp(1) : contract;
    if (const std::string what = difference(allowed, judge_.share, last_, results, place_);
        !what.empty())
      return after(what);
    last_ = std::move(results);
    bodies_ = has_bodies(*copy);
    moved_ = together(moved_, allowed);
  } catch (const std::exception& error) {
    return after(error.what());
  }
  return "";
}

std::string Truth::check_all() const {
  // An integer that is one off grows on its way through the graph.
  if (moved_.kind == Contract::Kind::quantum) return "";
  const std::string what = difference(moved_, judge_.share, first_, last_, place_);
  return what.empty() ? "" : cat("after all passes: ", what);
}

}  // namespace hone::test
