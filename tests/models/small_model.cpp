#include "models/small_model.hpp"

#include "build/build.hpp"
#include "files/npy.hpp"
#include "ir/bodies/structural.hpp"
#include "ir/inference.hpp"
#include "passes/fusion/fuse.hpp"
#include "runtime/context.hpp"
#include "support/rng.hpp"

namespace hone::test {
namespace {

constexpr int64_t kSequence = 8;
constexpr int64_t kVocabulary = 100;  // token ids are below

std::unique_ptr<Graph> imported(const std::filesystem::path& path) {
  ImportOptions options;
  options.random_weights = 1;
  // As in ../shared/README.md: sums of residual blocks keep their size.
  const std::string name = path.stem().string();
  if (name.starts_with("resnet") || name.starts_with("resnext")) options.random_gain = 0.7;
  return import_file(path, options).graph;
}

/// The graph with the edges of its pictures so long; false: it has none that are longer.
bool set_edges(Graph& graph, int64_t edge) {
  bool changed = false;
  for (Value* input : graph.inputs()) {
    if (!input->type.is_tensor() || !input->type.tensor().has_rank()) continue;
    const TensorType& type = input->type.tensor();
    Dims shape = type.shape();
    if (shape.size() != 4 || !is_float(type.dtype)) continue;
    for (size_t i = 2; i < 4; ++i)
      if (const auto size = shape[i].constant(); size && *size > edge)
        shape[i] = edge, changed = true;
    input->type = Type::tensor(type.dtype, shape);
  }
  if (changed) infer(graph);
  return changed;
}

Tensor drawn(const Value& input, const Bindings& symbols, Rng& rng) {
  const TensorType& type = input.type.tensor();
  std::vector<int64_t> shape;
  for (const Dim& dim : type.shape()) shape.push_back(dim.evaluate(symbols).value());
  Tensor tensor(type.dtype, shape);
  const bool mask = input.name.find("mask") != std::string::npos;
  for (int64_t i = 0; i < tensor.count(); ++i)
    tensor.set_number(i, is_float(type.dtype) ? static_cast<double>(rng.between(-128, 128)) / 64
                         : mask               ? 1
                                              : static_cast<double>(rng.below(kVocabulary)));
  return tensor;
}

std::vector<Tensor> draw_all(const Graph& graph, int64_t batch) {
  Bindings symbols;
  for (const auto& [name, definition] : symbol_definitions(graph))
    if (definition.value->producer == nullptr)
      symbols[name] = definition.dim == 0 ? batch : kSequence;
  Rng rng(1);
  std::vector<Tensor> inputs;
  for (const Value* input : graph.inputs()) inputs.push_back(drawn(*input, symbols, rng));
  return inputs;
}

std::string sizes_text(const std::vector<Tensor>& inputs) {
  std::string text;
  for (const Tensor& input : inputs)
    text += cat(text.empty() ? "" : " ", shape_text(input.shape()));
  return text;
}

}  // namespace

std::vector<Tensor> by_kernels(const Graph& graph, const std::vector<Tensor>& inputs) {
  std::unique_ptr<Graph> flat = graph.clone();
  cut_regions(*flat, [](const Node&) { return false; });
  BuildOptions options;
  options.passes.disabled = {"all"};
  Context context(build(std::move(flat), options));
  NamedTensors given;
  for (size_t i = 0; i < inputs.size(); ++i) given.emplace_back(graph.inputs()[i]->name, inputs[i]);
  std::vector<Tensor> results;
  for (auto& [name, tensor] : context.run(given)) results.push_back(std::move(tensor));
  return results;
}

SmallModel small_model(const std::filesystem::path& path, int64_t batch) {
  const std::unique_ptr<Graph> whole = imported(path);
  for (const int64_t edge : {32, 64, 96, 128, 192}) {
    std::unique_ptr<Graph> graph = whole->clone();
    try {
      if (!set_edges(*graph, edge)) break;
      std::vector<Tensor> inputs = draw_all(*graph, batch);
      (void)by_kernels(*graph, inputs);
      const std::string sizes = sizes_text(inputs);
      return {std::move(graph), std::move(inputs), sizes};
    } catch (const Error&) {
      continue;  // it has the size in its shapes, or nothing is left of so small a picture
    }
  }
  std::vector<Tensor> inputs = draw_all(*whole, batch);
  const std::string sizes = sizes_text(inputs);
  return {whole->clone(), std::move(inputs), sizes};
}

SmallModel model_with(const std::filesystem::path& path, const std::filesystem::path& arrays) {
  SmallModel model{imported(path), {}, ""};
  const NamedArrays found = read_npz(arrays);
  for (const Value* input : model.graph->inputs()) {
    const auto array = std::find_if(found.begin(), found.end(), [&](const auto& each) {
      return each.first == "in_" + input->name;
    });
    check(array != found.end(), Code::usage, arrays.string(), " has no in_", input->name);
    Tensor tensor(array->second.dtype, array->second.shape);
    std::copy(array->second.data.begin(), array->second.data.end(), tensor.mutable_bytes().begin());
    model.inputs.push_back(std::move(tensor));
  }
  model.sizes = sizes_text(model.inputs);
  return model;
}

}  // namespace hone::test
