#include "support/pass_check.hpp"

#include "ir/evaluation/evaluation.hpp"
#include "ir/evaluation/rest.hpp"
#include "ir/inference.hpp"
#include "passes/prepare_fusion.hpp"
#include "passes/widen_halves.hpp"
#include "support/fusion_check.hpp"
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

std::string check_pass(const Pass& pass, const GraphCase& graph_case) {
  const std::unique_ptr<Graph> graph = graph_case.graph->clone();
  infer(*graph);
  if (!pass.run(*graph, {})) return "";
  return Truth(*graph_case.graph, graph_case.inputs, {}).check(pass.name, pass.contract, *graph);
}

std::string check_passes(const GraphCase& graph_case, const PassCheck& how) {
  Truth truth(*graph_case.graph, graph_case.inputs, how.judge);
  std::string wrong;
  const std::unique_ptr<Graph> graph = graph_case.graph->clone();
  const AfterPass check = [&](const Pass& pass, const Graph& changed) {
    if (wrong.empty()) wrong = truth.check(pass.name, pass.contract, changed);
    if (how.seen) how.seen(pass, changed);
  };
  canonicalize(*graph, how.options, check);
  const auto prepare_device = [&](Graph& changed) {
    bool any = false;
    for (const Pass& pass : device_preparation()) {
      if (is_disabled(pass.name, how.options) || !pass.run(changed, how.options)) continue;
      check(pass, changed);
      any = true;
    }
    return any;
  };
  if (prepare_device(*graph)) {
    canonicalize(*graph, how.options, check);
    if (const auto again = graph->clone(); prepare_device(*again) && wrong.empty())
      wrong = cat("what prepares for a device changes it twice:\n", print(*graph));
  }
  prepare_fusion(*graph, how.options, check);
  if (wrong.empty()) wrong = check_fusion(*graph, how, truth);
  return wrong.empty() ? truth.check_all() : wrong;
}

}  // namespace hone::test
