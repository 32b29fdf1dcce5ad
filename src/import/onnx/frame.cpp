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
    inside = graph_.add_input(outer->name, closed(outer->type, graph_.inputs().size()));
    captures_.push_back(outer);
  }
  return inside;
}

void Frame::capture_all(const std::vector<Value*>& values) {
  for (Value* value : values) capture(value);
}

Value* Frame::constant(std::string_view name, std::shared_ptr<const Weight> weight) {
  if (outer_ == nullptr || weight->is_literal())
    return graph_.add_constant(name, std::move(weight));
  Frame* root = outer_;
  while (root->outer_ != nullptr) root = root->outer_;
  return bring(root->graph_.add_constant(name, std::move(weight)), *root);
}

}  // namespace hone::onnx
