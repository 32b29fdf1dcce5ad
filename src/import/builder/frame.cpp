#include "import/builder/frame.hpp"

namespace hone::builder {
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

Bodies make_bodies(Frame& outer, const std::vector<BodySource>& sources) {
  Bodies result;
  std::vector<std::shared_ptr<Graph>> graphs;
  std::vector<std::unique_ptr<Frame>> frames;
  bool failed = false;
  for (const BodySource& source : sources) try {
      graphs.push_back(std::make_shared<Graph>(source.name));
      frames.push_back(std::make_unique<Frame>(outer.model(), *graphs.back(), &outer));
      source.declare(*graphs.back());
      frames.back()->capture_all(result.captures);
      source.fill(*frames.back());
      result.captures = frames.back()->captures();
    } catch (const FailedBefore&) {
      failed = true;  // the problems of the other bodies are told too
    }
  if (failed) throw FailedBefore();
  for (size_t i = 0; i < graphs.size(); ++i) {
    frames[i]->capture_all(result.captures);
    result.bodies.push_back(std::move(graphs[i]));
  }
  return result;
}

}  // namespace hone::builder
