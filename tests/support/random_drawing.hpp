#pragma once
// A random graph in the making, or a body of one of its nodes.

#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "support/random_operands.hpp"

namespace hone::test {

/// What all graphs and bodies of one seed share.
struct DrawingSource {
  Rng rng;
  std::vector<const OpClass*> classes;  // by name
  OpCounts& counts;
  RandomGraphOptions options;
  int64_t constants = 0;  // drawn so far
};

class Drawing {
 public:
  /// `depth`: 0, or how many bodies this one is within.
  Drawing(DrawingSource& source, int depth);

  /// Draws nodes, up to so many; fewer where many are refused.
  void add_nodes(int64_t wanted);
  /// A node with results of these names ("": nobody wants it). Null: it is not to be, as judge()
  /// has it, or its types contradict.
  Node* add(Op op, std::vector<Value*> operands, const std::vector<std::string>& names);
  /// The op as a default-made one.
  Op op_named(std::string_view name) const;
  /// An input of a body, for which `contents` stand.
  Value* take(std::string_view name, const Tensor& contents, bool rounded);

  DrawnGraph& drawn() { return drawn_; }
  DrawingSource& source() { return source_; }
  int depth() const { return depth_; }
  std::unique_ptr<Graph> finish() { return std::move(graph_); }
  /// Values that are outputs of the graph, whoever else reads them.
  const std::set<const Value*>& wanted() const { return wanted_; }

 private:
  void add_some_op();
  bool add_drawn(const OpClass& op_class, const Hint* hint);
  /// As far as its nodes are not refused; what each gave.
  std::vector<std::vector<Value*>> add_motif(const Motif& motif);
  void add_join();
  std::vector<std::string> result_names(const OpClass& op_class);
  bool keep(Node& node);
  bool requirements_hold() const;
  bool is_small(const Node& node) const;
  void accept(const Node& node, std::vector<Tensor> results, bool exact);

  std::unique_ptr<Graph> graph_ = std::make_unique<Graph>("random");
  DrawingSource& source_;
  int depth_;
  DrawnGraph drawn_;
  std::set<const Value*> wanted_;
};

/// Draws an If, Loop or Scan with its bodies. Null: refused.
Node* add_control(Drawing& drawing, std::string_view op);

/// Draws sizes that only folding tells, an op that reads them, and nodes that read the result's
/// sizes, as far as they are not refused.
void add_size_chain(Drawing& drawing);

}  // namespace hone::test
