#include "support/pass_check.hpp"

#include <algorithm>
#include <cmath>

#include "base/text.hpp"
#include "ir/evaluation.hpp"
#include "ir/inference.hpp"
#include "ir/rest.hpp"
#include "ir/structural.hpp"
#include "ir/verify.hpp"
#include "ops/common/registry.hpp"
#include "passes/prepare_fusion.hpp"
#include "support/random_operands.hpp"

namespace hone::test {
namespace {

/// Draws contents for one graph's inputs, again and again.
class InputDraw {
 public:
  InputDraw(const Graph& graph, Rng& rng) : graph_(graph), rng_(rng) {}

  /// nullopt: this time nothing came of it.
  std::optional<std::vector<Tensor>> once() {
    symbols_.clear();
    std::vector<Tensor> inputs;
    for (const Value* input : graph_.inputs()) {
      if (!input->type.is_tensor()) return std::nullopt;
      auto tensor = contents(input->type.tensor());
      if (!tensor) return std::nullopt;
      inputs.push_back(*std::move(tensor));
    }
    if (broken_requirement(graph_, symbols_)) return std::nullopt;
    try {
      (void)evaluate(graph_, inputs);
    } catch (const Error& error) {
      if (error.code() == Code::internal) throw;
      return std::nullopt;
    }
    return inputs;
  }

 private:
  std::optional<Tensor> contents(const TensorType& type) {
    std::vector<int64_t> shape;
    if (!type.has_rank()) shape = drawn_.any_shape();
    else if (auto sizes = sizes_of(type.shape())) shape = *std::move(sizes);
    else return std::nullopt;
    if (type.dtype == DType::string || is_complex(type.dtype)) return std::nullopt;
    return drawn_.numbers(type.dtype, shape);
  }

  std::optional<std::vector<int64_t>> sizes_of(const Dims& dims) {
    std::vector<int64_t> sizes;
    for (const Dim& dim : dims) {
      std::set<std::string, std::less<>> names;
      dim.collect_symbols(names);
      for (const std::string& name : names)
        symbols_.try_emplace(name, rng_.among({1, 2, 2, 3, 3, 4, 5, 6, 8}));
      const auto size = dim.evaluate(symbols_);
      if (!size || *size < 0) return std::nullopt;
      sizes.push_back(*size);
    }
    return sizes;
  }

  const Graph& graph_;
  Rng& rng_;
  Bindings symbols_;
  Graph unused_{"unused"};
  RandomGraphOptions options_;
  DrawnGraph drawn_{unused_, rng_, options_};
};

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

double allowed(const Contract& contract, double share, const Tensor& wanted) {
  if (contract.kind == Contract::Kind::exact) return 0;
  if (!is_float(wanted.dtype()))
    return contract.kind == Contract::Kind::quantum ? contract.units : 0;
  return std::max(contract.units * last_place(wanted.dtype()) * largest_of(wanted),
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

/// Of one graph and of those that passes make of it.
class Truth {
 public:
  Truth(const GraphCase& graph_case, double share)
      : inputs_(graph_case.inputs),
        share_(share),
        results_(evaluate(*graph_case.graph, graph_case.inputs)),
        bodies_(has_bodies(*graph_case.graph)) {}

  /// What is wrong with the graph that the pass left.
  std::string check(const Pass& pass, const Graph& graph) {
    const std::unique_ptr<Graph> copy = graph.clone();
    try {
      infer(*copy);
      verify(*copy, pass.name);
      if (std::string what = round_trip(*copy); !what.empty()) return after(pass, what, *copy);
      std::vector<Tensor> results = evaluate(*copy, inputs_);
      // All passes have run within bodies, whichever has changed the graph around them.
      const std::string what =
          difference(bodies_ ? kLoosest : pass.contract, share_, results_, results);
      if (!what.empty()) return after(pass, what, *copy);
      results_ = std::move(results);
      bodies_ = has_bodies(*copy);
    } catch (const std::exception& error) {
      return after(pass, error.what(), *copy);
    }
    return "";
  }

 private:
  /// Of what the passes may do together.
  static constexpr Contract kLoosest = ulp(64);
  static bool has_bodies(const Graph& graph) {
    return std::any_of(graph.nodes().begin(), graph.nodes().end(),
                       [](const Node& node) { return !control_bodies(node.op).empty(); });
  }

  static std::string after(const Pass& pass, std::string_view what, const Graph& graph) {
    return cat("after ", pass.name, ": ", what, "\n", print(graph, {.align = false}));
  }

  const std::vector<Tensor>& inputs_;
  double share_;
  std::vector<Tensor> results_;
  bool bodies_;  // the graph had them when it was judged last
};

}  // namespace

std::optional<std::vector<Tensor>> draw_inputs(const Graph& graph, Rng& rng) {
  constexpr int kTries = 2000;
  InputDraw draw(graph, rng);
  for (int i = 0; i < kTries; ++i)
    if (auto inputs = draw.once()) return inputs;
  return std::nullopt;
}

WeightResolver dyadic_weights() {
  return [](std::string_view name, DType type, const std::vector<int64_t>& shape,
            const Hash&) -> std::shared_ptr<const Weight> {
    uint64_t seed = 1;
    for (const char letter : name) seed = seed * 131 + static_cast<unsigned char>(letter);
    Rng rng(seed);
    Graph unused("unused");
    const RandomGraphOptions options;
    DrawnGraph drawn{unused, rng, options};
    return Weight::of(drawn.numbers(type, shape), "drawn");
  };
}

std::string difference(const Contract& contract, double share, const std::vector<Tensor>& wanted,
                       const std::vector<Tensor>& got) {
  if (wanted.size() != got.size()) return cat(got.size(), " results, wanted ", wanted.size());
  for (size_t i = 0; i < wanted.size(); ++i) {
    const double most = allowed(contract, share, wanted[i]);
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

std::string check_pass(const Pass& pass, const GraphCase& graph_case) {
  const std::unique_ptr<Graph> graph = graph_case.graph->clone();
  infer(*graph);
  if (!pass.run(*graph, {})) return "";
  return Truth(graph_case, 0).check(pass, *graph);
}

std::string check_passes(const GraphCase& graph_case, const PassOptions& options, double share) {
  Truth truth(graph_case, share);
  std::string wrong;
  const std::unique_ptr<Graph> graph = graph_case.graph->clone();
  const AfterPass check = [&](const Pass& pass, const Graph& changed) {
    if (wrong.empty()) wrong = truth.check(pass, changed);
  };
  canonicalize(*graph, options, check);
  prepare_fusion(*graph, options, check);
  return wrong;
}

}  // namespace hone::test
