#pragma once
// Models from files, made small enough to be evaluated after every pass, with inputs.

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "ir/graph.hpp"
#include "ir/tensor.hpp"

namespace hone::test {

struct SmallModel {
  std::unique_ptr<Graph> graph;  // imported, symbols as they were
  std::vector<Tensor> inputs;
  std::string sizes;  // of the inputs, for people
};

/// What the graph gives by the engine's kernels, no pass having touched it; its regions are taken
/// apart first.
std::vector<Tensor> by_kernels(const Graph& graph, const std::vector<Tensor>& inputs);

/// The model with absent weights made from a seed, its pictures as small as it takes (of 32, 64 ...
/// 192 pixels an edge; else as large as it says), two in a batch where `batch` is 2 and it lets
/// that open, sequences of 8. Numbers drawn from a seed.
SmallModel small_model(const std::filesystem::path& path, int64_t batch);

/// The model as it is with the inputs of a file of arrays "in_NAME". Error(usage) when one is
/// missing.
SmallModel model_with(const std::filesystem::path& path, const std::filesystem::path& arrays);

}  // namespace hone::test
