#include "ops/tree.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "import/onnx/scores.hpp"

namespace hone::onnx {
namespace {

/// Trees as TreeEnsemble's operands have them, while they are gathered.
struct Trees {
  std::vector<int64_t> roots, nodes, leaves, targets;
  std::vector<double> splits, weights, members, base;
  DType dtype = DType::f32;  // of splits and weights

  void add_node(int64_t feature, int64_t mode, bool missing_true, int64_t if_true,
                int64_t if_false) {
    const auto end = static_cast<int64_t>(members.size());
    nodes.insert(nodes.end(), {feature, mode, missing_true, if_true, if_false, end, end});
  }
};

Value* numbers(NodeReader& node, const std::vector<double>& values, DType dtype,
               std::string_view hint) {
  Tensor tensor(dtype, {static_cast<int64_t>(values.size())});
  for (size_t i = 0; i < values.size(); ++i) tensor.set_number(static_cast<int64_t>(i), values[i]);
  return node.constant(std::move(tensor), hint);
}

Value* integers(NodeReader& node, const std::vector<int64_t>& values, int64_t columns,
                std::string_view hint) {
  const Tensor flat = Tensor::ints(values);
  if (columns == 1) return node.constant(flat, hint);
  return node.constant(flat.reshaped({flat.count() / columns, columns}), hint);
}

Value* emit_trees(NodeReader& node, const TreeEnsemble& op, const Trees& trees) {
  std::vector<Value*> operands = {node.required(0),
                                  integers(node, trees.roots, 1, "roots"),
                                  integers(node, trees.nodes, TreeEnsemble::kColumns, "nodes"),
                                  numbers(node, trees.splits, trees.dtype, "splits"),
                                  integers(node, trees.leaves, 2, "leaves"),
                                  integers(node, trees.targets, 1, "targets"),
                                  numbers(node, trees.weights, trees.dtype, "weights")};
  if (!trees.members.empty() || !trees.base.empty())
    operands.push_back(
        trees.members.empty() ? nullptr : numbers(node, trees.members, trees.dtype, "members"));
  if (!trees.base.empty()) operands.push_back(numbers(node, trees.base, trees.dtype, "base"));
  return node.intermediate(op, operands, "scores");
}

/// NAME as floats, or NAME_as_tensor.
std::vector<double> read_numbers(NodeReader& node, const std::string& name, DType& dtype) {
  std::vector<double> values;
  for (const float value : node.reals(name)) values.push_back(static_cast<double>(value));
  if (const auto tensor = node.tensor(name + "_as_tensor")) {
    node.check(values.empty(), "has both ", name, " and ", name, "_as_tensor");
    node.check(is_float(tensor->dtype()), name, "_as_tensor is ", tensor->dtype());
    if (bits(tensor->dtype()) > 32) dtype = DType::f64;
    for (int64_t i = 0; i < tensor->count(); ++i) values.push_back(tensor->number(i));
  }
  return values;
}

TreeEnsemble::Aggregate read_aggregate(NodeReader& node) {
  const std::string name = node.text("aggregate_function", "SUM");
  const auto* found =
      std::find(std::begin(TreeEnsemble::kAggregates), std::end(TreeEnsemble::kAggregates), name);
  node.check(found != std::end(TreeEnsemble::kAggregates), "aggregate_function is \"", name, "\"");
  return static_cast<TreeEnsemble::Aggregate>(found - std::begin(TreeEnsemble::kAggregates));
}

int64_t branch_mode(NodeReader& node, std::string_view name) {
  constexpr std::string_view kModes[] = {"BRANCH_LEQ", "BRANCH_LT", "BRANCH_GTE",
                                         "BRANCH_GT",  "BRANCH_EQ", "BRANCH_NEQ"};
  for (size_t i = 0; i < std::size(kModes); ++i)
    if (kModes[i] == name) return static_cast<int64_t>(i);
  node.invalid("nodes_modes has \"", name, "\"");
}

using NodeId = std::pair<int64_t, int64_t>;  // tree, node

/// Versions 1 and 3: nodes, leaves among them, and votes by the numbers of tree and node. `prefix`
/// names the votes' attributes: class or target.
class OldTrees {
 public:
  OldTrees(NodeReader& node, const std::string& prefix) : node_(node) {
    tree_ids_ = list("nodes_treeids", 0), node_ids_ = list("nodes_nodeids", tree_ids_.size());
    features_ = list("nodes_featureids", tree_ids_.size());
    if_true_ = list("nodes_truenodeids", tree_ids_.size());
    if_false_ = list("nodes_falsenodeids", tree_ids_.size());
    missing_ = node.ints("nodes_missing_value_tracks_true");
    modes_ = node.strings("nodes_modes");
    splits_ = read_numbers(node, "nodes_values", trees_.dtype);
    node.ignore("nodes_hitrates"), node.ignore("nodes_hitrates_as_tensor");
    check_size("nodes_modes", modes_.size()), check_size("nodes_values", splits_.size());
    if (!missing_.empty()) check_size("nodes_missing_value_tracks_true", missing_.size());
    read_votes(prefix);
    trees_.base = read_numbers(node, "base_values", trees_.dtype);
  }

  Trees read() {
    for (size_t i = 0; i < tree_ids_.size(); ++i) number_node(i);
    for (size_t i = 0; i < tree_ids_.size(); ++i)
      if (!is_leaf(i)) add_branch(i);
    for (size_t i = 0; i < tree_ids_.size(); ++i)
      if (!children_.contains({tree_ids_[i], node_ids_[i]}))
        add_root(tree_ids_[i], places_.at({tree_ids_[i], node_ids_[i]}));
    std::set<int64_t> names(tree_ids_.begin(), tree_ids_.end());
    node_.check(names.size() == roots_.size(), "a tree has no root");
    return std::move(trees_);
  }

 private:
  std::vector<int64_t> list(const std::string& name, size_t size) {
    std::vector<int64_t> values = node_.ints(name);
    if (size != 0) check_size(name, values.size());
    return values;
  }
  void check_size(std::string_view name, size_t size) {
    node_.check(size == tree_ids_.size(), name, " has ", size, " entries, nodes_treeids ",
                tree_ids_.size());
  }
  bool is_leaf(size_t i) const { return modes_[i] == "LEAF"; }

  void read_votes(const std::string& prefix) {
    const std::vector<int64_t> trees = node_.ints(prefix + "_treeids");
    const std::vector<int64_t> nodes = node_.ints(prefix + "_nodeids");
    const std::vector<int64_t> ids = node_.ints(prefix + "_ids");
    const std::vector<double> weights = read_numbers(node_, prefix + "_weights", trees_.dtype);
    node_.check(trees.size() == nodes.size() && trees.size() == ids.size() &&
                    trees.size() == weights.size(),
                "the votes' attributes have ", trees.size(), ", ", nodes.size(), ", ", ids.size(),
                " and ", weights.size(), " entries");
    for (size_t i = 0; i < trees.size(); ++i)
      votes_[{trees[i], nodes[i]}].emplace_back(ids[i], weights[i]);
  }

  void number_node(size_t i) {
    const NodeId id{tree_ids_[i], node_ids_[i]};
    const auto leaves = static_cast<int64_t>(trees_.leaves.size() / 2);
    const bool added = places_.emplace(id, is_leaf(i) ? -1 - leaves : branches_).second;
    node_.check(added, "node ", id.second, " of tree ", id.first, " is there twice");
    if (!is_leaf(i)) return void(++branches_);
    trees_.leaves.push_back(static_cast<int64_t>(trees_.targets.size()));
    if (const auto found = votes_.find(id); found != votes_.end())
      for (const auto& [target, weight] : found->second)
        trees_.targets.push_back(target), trees_.weights.push_back(weight);
    trees_.leaves.push_back(static_cast<int64_t>(trees_.targets.size()));
  }

  int64_t child(size_t i, int64_t id) {
    const auto found = places_.find({tree_ids_[i], id});
    node_.check(found != places_.end(), "tree ", tree_ids_[i], " has no node ", id);
    children_.insert(found->first);
    return found->second;
  }

  void add_branch(size_t i) {
    const int64_t if_true = child(i, if_true_[i]), if_false = child(i, if_false_[i]);
    trees_.splits.push_back(splits_[i]);
    trees_.add_node(features_[i], branch_mode(node_, modes_[i]),
                    !missing_.empty() && missing_[i] != 0, if_true, if_false);
  }

  void add_root(int64_t tree, int64_t place) {
    node_.check(roots_.insert(tree).second, "tree ", tree, " has two roots");
    trees_.roots.push_back(place);
  }

  NodeReader& node_;
  Trees trees_;
  std::vector<int64_t> tree_ids_, node_ids_, features_, if_true_, if_false_, missing_;
  std::vector<std::string> modes_;
  std::vector<double> splits_;
  std::map<NodeId, std::vector<std::pair<int64_t, double>>> votes_;
  std::map<NodeId, int64_t> places_;
  std::set<NodeId> children_;
  std::set<int64_t> roots_;
  int64_t branches_ = 0;
};

void import_tree_ensemble_regressor(NodeReader& node) {
  const std::string transform = read_post_transform(node);
  const TreeEnsemble op{.n_targets = node.integer("n_targets", 1),
                        .aggregate_function = read_aggregate(node)};
  const Trees trees = OldTrees(node, "target").read();
  node.give(0, transform_scores(node, emit_trees(node, op, trees), transform));
}

/// Votes for one class only of two: its score s makes [1 - s, s] when it cannot be negative, and
/// [-s, s] else. (That is the first class in the files of sklearn's and boosters' converters.) Base
/// values of both classes make it two scores like any.
void import_tree_ensemble_classifier(NodeReader& node) {
  const std::string transform = read_post_transform(node);
  const Tensor labels = read_class_labels(node, "classlabels_int64s");
  Trees trees = OldTrees(node, "class").read();
  const std::set<int64_t> voted(trees.targets.begin(), trees.targets.end());
  const bool positive = std::all_of(trees.weights.begin(), trees.weights.end(),
                                    [](double weight) { return weight >= 0; });
  if (labels.count() == 2 && voted == std::set<int64_t>{0} && trees.base.size() < 2) {
    Value* score = emit_trees(node, TreeEnsemble{}, trees);
    return give_one_of_two(node, labels, score, positive ? 0.5 : 0, !positive, transform);
  }
  if (static_cast<int64_t>(trees.base.size()) != labels.count()) {
    node.check(trees.base.empty(), "has ", trees.base.size(), " base values for ", labels.count(),
               " classes");
  }
  give_best(node, labels, emit_trees(node, TreeEnsemble{.n_targets = labels.count()}, trees),
            transform);
}

/// Version 5's attributes that are tensors.
Tensor read_vector(NodeReader& node, std::string_view name, size_t size) {
  const auto tensor = node.tensor(name);
  node.check(tensor.has_value(), "attribute ", name, " is missing");
  node.check(static_cast<size_t>(tensor->count()) == size, name, " has ", tensor->count(),
             " entries, wanted ", size);
  return *tensor;
}

/// Members of all nodes that ask for membership, each node's list ended by a NaN.
void read_members(NodeReader& node, Trees& trees) {
  const auto tensor = node.tensor("membership_values");
  int64_t next = 0;
  for (size_t at = 0; at < trees.nodes.size(); at += TreeEnsemble::kColumns) {
    if (trees.nodes[at + 1] != TreeEnsemble::member) continue;
    node.check(tensor.has_value(), "attribute membership_values is missing");
    trees.nodes[at + 5] = static_cast<int64_t>(trees.members.size());
    for (; next < tensor->count() && !std::isnan(tensor->number(next)); ++next)
      trees.members.push_back(tensor->number(next));
    ++next;  // the NaN
    trees.nodes[at + 6] = static_cast<int64_t>(trees.members.size());
  }
}

/// The trees of version 5.
Trees read_trees(NodeReader& node) {
  const std::vector<int64_t> features = node.ints("nodes_featureids");
  const size_t count = features.size();
  const auto list = [&](std::string_view name, bool required) {
    std::vector<int64_t> values = node.ints(name);
    node.check(values.size() == count || (!required && values.empty()), name, " has ",
               values.size(), " entries, wanted ", count);
    return values;
  };
  const auto true_ids = list("nodes_truenodeids", true),
             false_ids = list("nodes_falsenodeids", true);
  const auto true_leafs = list("nodes_trueleafs", true),
             false_leafs = list("nodes_falseleafs", true);
  const auto missing = list("nodes_missing_value_tracks_true", false);
  const Tensor modes = read_vector(node, "nodes_modes", count);
  const Tensor splits = read_vector(node, "nodes_splits", count);
  Trees trees;
  trees.roots = node.ints("tree_roots");
  trees.targets = node.ints("leaf_targetids");
  trees.dtype = splits.dtype();
  const Tensor weights = read_vector(node, "leaf_weights", trees.targets.size());
  node.ignore("nodes_hitrates");
  const auto child = [](int64_t id, int64_t leaf) { return leaf != 0 ? -1 - id : id; };
  for (size_t i = 0; i < count; ++i) {
    node.check(true_ids[i] >= 0 && false_ids[i] >= 0, "node ", i, " has a negative child");
    trees.splits.push_back(splits.number(static_cast<int64_t>(i)));
    trees.add_node(features[i], modes.integer(static_cast<int64_t>(i)),
                   !missing.empty() && missing[i] != 0, child(true_ids[i], true_leafs[i]),
                   child(false_ids[i], false_leafs[i]));
  }
  for (int64_t i = 0; i < weights.count(); ++i) {
    trees.weights.push_back(weights.number(i));
    trees.leaves.insert(trees.leaves.end(), {i, i + 1});
  }
  read_members(node, trees);
  return trees;
}

void import_tree_ensemble(NodeReader& node) {
  const Trees trees = read_trees(node);
  constexpr std::string_view kTransforms[] = {"NONE", "SOFTMAX", "LOGISTIC", "SOFTMAX_ZERO",
                                              "PROBIT"};
  const int64_t transform = node.integer("post_transform", 0);
  const int64_t aggregate = node.integer("aggregate_function", 1);
  node.check(transform >= 0 && transform < 5, "post_transform is ", transform);
  node.check(aggregate >= 0 && aggregate < 4, "aggregate_function is ", aggregate);
  const TreeEnsemble op{.n_targets = node.integer("n_targets", 1),
                        .aggregate_function = static_cast<TreeEnsemble::Aggregate>(aggregate),
                        .dtype = node.dtype_in(0).value_or(DType::f32)};
  node.give(0, transform_scores(node, emit_trees(node, op, trees),
                                kTransforms[static_cast<size_t>(transform)]));
}

}  // namespace

void register_tree(Importers& importers) {
  constexpr int kAny = Importers::kAnyVersion;
  constexpr std::string_view kMl = "ai.onnx.ml";
  importers.add("TreeEnsemble", import_tree_ensemble, 5, kAny, kMl);
  importers.add("TreeEnsembleClassifier", import_tree_ensemble_classifier, 1, kAny, kMl);
  importers.add("TreeEnsembleRegressor", import_tree_ensemble_regressor, 1, kAny, kMl);
}

}  // namespace hone::onnx
