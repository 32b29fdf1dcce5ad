#include "import/values.hpp"

#include <algorithm>
#include <cmath>

#include "base/error.hpp"
#include "ir/evaluation/evaluation.hpp"

namespace hone::test {
namespace {

std::string rounded(double value) {
  const double four = std::round(value * 1e4) / 1e4;
  return cat(four == 0 ? 0 : four);
}

}  // namespace

std::string values_of(const Graph& graph, const std::vector<Tensor>& inputs) {
  const std::vector<Tensor> results = evaluate(graph, inputs);
  std::string text;
  for (size_t i = 0; i < results.size(); ++i) {
    text += cat(graph.outputs()[i].name, " ", describe(results[i]), ":");
    for (int64_t at = 0; at < results[i].count(); ++at)
      text += cat(" ", rounded(results[i].number(at)));
    text += "\n";
  }
  return text;
}

std::string values_of(const Graph& graph,
                      const std::vector<std::pair<std::string, Tensor>>& inputs) {
  std::vector<Tensor> given;
  for (const Value* input : graph.inputs()) {
    const auto found =
        std::ranges::find(inputs, input->name, &std::pair<std::string, Tensor>::first);
    check(found != inputs.end(), Code::usage, "there is no @in ", input->name);
    given.push_back(found->second);
  }
  return values_of(graph, given);
}

}  // namespace hone::test
