#pragma once
// The graph that nodes go into. Bodies are closed: what they read from outside becomes an input.

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "import/builder/model_build.hpp"

namespace hone::builder {

class Frame {
 public:
  Frame(ModelBuild& model, Graph& graph, Frame* outer)
      : model_(model), graph_(graph), outer_(outer) {}
  ModelBuild& model() const { return model_; }
  Graph& graph() const { return graph_; }
  /// `value` of the frame `of` (this one or an outer one) as this graph sees it.
  Value* bring(Value* value, const Frame& of);
  /// A constant for this graph: small ones stay here, large ones live in the outermost graph.
  Value* constant(std::string_view name, std::shared_ptr<const Weight> weight);
  /// Values of the outer graph that are inputs here, in order.
  const std::vector<Value*>& captures() const { return captures_; }
  void capture_all(const std::vector<Value*>& values);

 private:
  Value* capture(Value* outer);

  ModelBuild& model_;
  Graph& graph_;
  Frame* outer_;
  std::unordered_map<const Value*, Value*> inside_;  // by value of the outer graph
  std::vector<Value*> captures_;
};

/// The closed bodies of a control flow node. Every body takes `captures` after its own inputs.
struct Bodies {
  std::vector<Body> bodies;      // in the order asked
  std::vector<Value*> captures;  // operands of the node for what the bodies read from outside
};

/// A body to be made: `declare` gives the empty graph its own inputs, `fill` the nodes and outputs.
/// FailedBefore, from `fill`: its problems are told.
struct BodySource {
  std::string name;
  std::function<void(Graph&)> declare;
  std::function<void(Frame&)> fill;
};
/// Large constants become captures, small ones are copied in. FailedBefore when a body has
/// problems; those of the other bodies are told, too.
Bodies make_bodies(Frame& outer, const std::vector<BodySource>& sources);

}  // namespace hone::builder
