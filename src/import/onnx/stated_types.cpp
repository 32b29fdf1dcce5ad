// What a file states of the types of results. Inference knows better; where it knows no rank, the
// file is believed, and held to it when the model runs.

#include "base/log.hpp"
#include "import/onnx/graph_import.hpp"
#include "ir/inference.hpp"
#include "ops/shape.hpp"

namespace hone::onnx {
namespace {

/// The stated type; nullopt: none that can be read (nobody relied on it before).
std::optional<StatedType> read_stated(std::string_view message, const Limits& limits) {
  try {
    return decode_type(message, limits);
  } catch (const Error&) {
    return std::nullopt;
  }
}

bool contradicts(const Dims& inferred, const std::vector<StatedDim>& stated) {
  if (inferred.size() != stated.size()) return true;
  for (size_t i = 0; i < stated.size(); ++i)
    if (inferred[i].is_constant() && stated[i].value && !inferred[i].is(*stated[i].value))
      return true;
  return false;
}

}  // namespace

Value* GraphImport::as_stated(std::string_view name, Value* value, const std::string& origin) {
  const auto found = stated_.find(name);
  if (found == stated_.end() || !value->type.is_tensor()) return value;
  const auto stated = read_stated(found->second, model_.build.options.limits);
  if (!stated || stated->kind != Type::Kind::tensor) return value;
  const TensorType& type = value->type.tensor();
  check(type.dtype == stated->dtype, Code::invalid_model, "gives \"", shown(name), "\" as ",
        type.dtype, ", the file states ", stated->dtype);
  if (!stated->dims) return value;
  if (type.has_rank()) {
    if (contradicts(type.shape(), *stated->dims))
      log(Level::detail, "the file states other sizes for \"", shown(name), "\" than its ", type);
    return value;
  }
  Dims sizes;
  for (const StatedDim& dim : *stated->dims) {
    if (dim.value) sizes.emplace_back(*dim.value);
    else if (symbols_.contains(dim.name)) sizes.push_back(Dim::symbol(dim.name));
    else sizes.emplace_back(-1);
  }
  Graph& graph = frame().graph();
  Node* node = graph.add_node(EnsureShape{.shape = std::move(sizes)}, {value},
                              {cat(value->name, ".stated")}, {origin});
  infer(graph, *node);
  return node->output();
}

}  // namespace hone::onnx
