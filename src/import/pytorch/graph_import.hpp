#pragma once
// A graph of torch.export as nodes of a graph of ours.

#include <map>
#include <set>
#include <string>

#include "import/builder/stated_type.hpp"
#include "import/pytorch/call.hpp"
#include "import/pytorch/program.hpp"

namespace hone::pytorch {

class GraphImport {
 public:
  GraphImport(builder::Frame& frame, const Json& graph, const Importers& importers, int depth = 0);

  /// The program's own graph: inputs, parameters and outputs are told apart by its signature.
  void import_main(Program& program);
  /// A graph within an operator: what it gives for these arguments. FailedBefore: it has problems.
  std::vector<Item> import_body(const std::vector<Item>& inputs);

  Caller& caller() { return caller_; }
  const Importers& importers() const { return importers_; }
  int depth() const { return depth_; }
  /// What an argument of a node stands for. FailedBefore: it comes from what failed.
  Item item(const Json& argument);

 private:
  struct Entry {
    Item item;
    bool failed = false;
  };
  void collect_read(const Json& argument);
  void add_inputs(Program& program);
  void add_input(const Json& spec, Program& program);
  void add_user_input(const Json& argument);
  void add_constraints(const Json& constraints);
  void add_outputs(const Json& specs);
  void add_output(const Json& argument, size_t place);
  builder::StatedType stated_type(const std::string& name);
  void import_nodes();
  void import_node(const Json& node);
  void import_call(const Json& node, const std::string& target);
  CallSite site_of(const Json& node, const std::string& target) const;
  void define(const Json& outputs, const std::vector<Item>& results, const std::string& made);
  void define_one(const Json& output, const Item& result, const std::string& made);
  void fail_outputs(const Json& outputs);
  Item named(const std::string& name);
  Item constant_of(const std::string& kind, const Json& value);

  builder::Frame& frame_;
  Caller caller_;
  Json graph_;
  const Importers& importers_;
  int depth_;
  std::map<std::string, Entry, std::less<>> entries_;
  std::set<std::string, std::less<>> read_;  // names that some node or output reads
  builder::SymbolNames symbols_;
  std::map<std::string, int, std::less<>> output_names_;
};

/// Operators that hold graphs: cond, while_loop, scan, and wrappers that change nothing. nullopt:
/// `target` is none of them.
std::optional<std::vector<Item>> import_control(GraphImport& graph, const Json& node,
                                                const std::string& target, const CallSite& site);

}  // namespace hone::pytorch
