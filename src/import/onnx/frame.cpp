#include "import/onnx/graph_import.hpp"

namespace hone::onnx {
namespace {

/// A type of the outer graph as a closed body states it: its own symbols, none of them compound.
Type closed(const Type& type, size_t input) {
  if (!type.is_tensor() || !type.tensor().has_rank()) return type;
  Dims dims = type.tensor().shape();
  for (size_t i = 0; i < dims.size(); ++i)
    if (!dims[i].is_constant() && !dims[i].as_symbol())
      dims[i] = Dim::symbol(cat("in", input, "_d", i));
  return Type::tensor(type.tensor().dtype, std::move(dims));
}

}  // namespace

void ModelImport::count_name(std::string_view name) {
  name_bytes += name.size();
  if (name_bytes > most_name_bytes)
    throw BeyondLimit{cat("the names of nodes and values take more than ", most_name_bytes,
                          " bytes, calls of functions inlined")};
}

void ModelImport::count_capture(const Value& value) {
  count_name(value.name);
  if (++captures > options.limits.captures)
    throw BeyondLimit{cat("bodies read more than ", options.limits.captures,
                          " values of graphs around them, each body counted")};
}

Value* Frame::bring(Value* value, const Frame& of) {
  if (this == &of) return value;
  return capture(outer_->bring(value, of));
}

Value* Frame::capture(Value* outer) {
  Value*& inside = inside_[outer];
  if (inside != nullptr) return inside;
  if (outer->is_literal()) {
    inside = graph_.add_constant(outer->name, outer->weight);
  } else {
    model_.count_capture(*outer);
    inside = graph_.add_input(outer->name, closed(outer->type, graph_.inputs().size()));
    captures_.push_back(outer);
  }
  return inside;
}

void Frame::capture_all(const std::vector<Value*>& values) {
  for (Value* value : values) capture(value);
}

Value* Frame::constant(std::string_view name, std::shared_ptr<const Weight> weight) {
  model_.count_name(name);
  if (outer_ == nullptr || weight->is_literal())
    return graph_.add_constant(name, std::move(weight));
  Frame* root = outer_;
  while (root->outer_ != nullptr) root = root->outer_;
  return bring(root->graph_.add_constant(name, std::move(weight)), *root);
}

}  // namespace hone::onnx
