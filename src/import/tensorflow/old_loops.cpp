#include "import/tensorflow/old_loops.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <unordered_map>

#include "import/report.hpp"
#include "import/tensorflow/attribute.hpp"
#include "import/tensorflow/edge.hpp"

namespace hone::tensorflow {
namespace {

bool is_op(const NodeDef& node, std::string_view op) {
  return node.op == op || (node.op.starts_with("Ref") && node.op.substr(3) == op);
}

void put_varint(std::string& out, size_t value) {
  for (; value >= 0x80; value >>= 7) out += static_cast<char>((value & 0x7f) | 0x80);
  out += static_cast<char>(value);
}

/// An AttrValue that names a function.
std::string function_attribute(std::string_view name) {
  std::string list("\x0a");
  put_varint(list, name.size());
  list += name;
  std::string value("\x52");
  put_varint(value, list.size());
  return value + list;
}

/// A state goes from Enter to Merge, through Switch into the turn and back by NextIteration, or out
/// by Exit.
struct State {
  const NodeDef *enter = nullptr, *merge = nullptr, *branch = nullptr, *next = nullptr;
  std::vector<size_t> exits;
};

class LoopFinder {
 public:
  LoopFinder(GraphFile& file, const Limits& limits) : file_(file), limits_(limits) {
    for (size_t i = 0; i < nodes().size(); ++i) {
      index_.emplace(nodes()[i].name, i);
      if (is_op(nodes()[i], "Enter")) entries_[frame_of(nodes()[i])].push_back(i);
    }
    for (size_t i = 0; i < nodes().size(); ++i) {
      const NodeDef& node = nodes()[i];
      if (is_op(node, "Merge")) merges_.push_back(i);
      if (is_op(node, "Switch") && !node.inputs.empty())
        switches_[parse_edge(node.inputs[0]).node].push_back(i);
      if (is_op(node, "Exit") && !node.inputs.empty())
        exits_[parse_edge(node.inputs[0]).node].push_back(i);
    }
  }

  void rewrite() {
    std::vector<std::string> frames;
    for (const auto& [frame, entries] : entries_) frames.push_back(frame);
    for (const std::string& frame : frames) rewrite_frame(frame);
  }

 private:
  std::vector<NodeDef>& nodes() { return file_.graph.nodes; }
  const NodeDef* find(std::string_view edge) {
    const auto found = index_.find(parse_edge(edge).node);
    return found == index_.end() ? nullptr : &nodes()[found->second];
  }

  static std::string frame_of(const NodeDef& enter) {
    const auto message = enter.attribute("frame_name");
    return message ? std::string(decode_attribute(*message, Limits()).text.value_or("")) : "";
  }

  std::string_view keep(std::string text) { return file_.made.emplace_back(std::move(text)); }

  /// The states of a frame, by its Merges.
  std::vector<State> states_of(const std::vector<size_t>& entries) {
    std::set<const NodeDef*> own;
    for (const size_t i : entries) own.insert(&nodes()[i]);
    std::vector<State> states;
    for (const size_t i : merges_) {
      const NodeDef& merge = nodes()[i];
      if (merge.inputs.size() < 2) continue;
      State state{find(merge.inputs[0]), &merge, nullptr, find(merge.inputs[1]), {}};
      if (!own.contains(state.enter)) continue;
      check(!state.enter->inputs.empty(), Code::invalid_model, shown(state.enter->name),
            " has no input");
      const auto branches = switches_.find(merge.name);
      check(state.next != nullptr && is_op(*state.next, "NextIteration") &&
                !state.next->inputs.empty() && branches != switches_.end(),
            Code::invalid_model, shown(merge.name), " begins no loop that ends");
      state.branch = &nodes()[branches->second.front()];
      if (const auto out = exits_.find(state.branch->name); out != exits_.end())
        state.exits = out->second;
      states.push_back(std::move(state));
    }
    return states;
  }

  /// The nodes that an edge needs, up to the function's own inputs. Loops inside come first.
  std::vector<NodeDef> nodes_for(const std::vector<std::string_view>& edges,
                                 const std::set<std::string_view>& inputs) {
    std::vector<std::string_view> stack;
    std::set<std::string_view> seen;
    std::vector<size_t> found;
    std::vector<NodeDef> inner;
    const auto add = [&](std::string_view edge) {
      const std::string_view name = parse_edge(edge).node;
      if (!inputs.contains(name) && seen.insert(name).second) stack.push_back(name);
    };
    for (const std::string_view edge : edges) add(edge);
    while (!stack.empty()) {
      const std::string_view name = stack.back();
      stack.pop_back();
      const auto at = index_.find(name);
      if (at == index_.end()) {
        const auto loop = std::find_if(loops_.begin(), loops_.end(),
                                       [&](const NodeDef& each) { return each.name == name; });
        if (loop == loops_.end()) continue;
        inner.push_back(*loop);
        for (const std::string_view input : loop->inputs) add(input);
        continue;
      }
      if (is_op(nodes()[at->second], "Exit")) rewrite_frame_of_exit(nodes()[at->second]);
      found.push_back(at->second);
      for (const std::string_view input : nodes()[at->second].inputs)
        if (!parse_edge(input).is_control) add(input);
    }
    std::sort(found.begin(), found.end());
    std::vector<NodeDef> copies;
    for (const size_t i : found) copies.push_back(nodes()[i]);
    copies.insert(copies.end(), inner.begin(), inner.end());
    copied_ += static_cast<int64_t>(copies.size());
    check(copied_ <= 4 * limits_.nodes, Code::invalid_model, "loops of more than ",
          4 * limits_.nodes, " nodes");
    return copies;
  }

  void rewrite_frame_of_exit(const NodeDef& exit) {
    const NodeDef* branch = exit.inputs.empty() ? nullptr : find(exit.inputs[0]);
    const NodeDef* merge =
        branch == nullptr || branch->inputs.empty() ? nullptr : find(branch->inputs[0]);
    const NodeDef* enter =
        merge == nullptr || merge->inputs.empty() ? nullptr : find(merge->inputs[0]);
    if (enter != nullptr && is_op(*enter, "Enter")) rewrite_frame(frame_of(*enter));
  }

  void rewrite_frame(const std::string& frame) {
    if (!done_.insert(frame).second) return;
    check(++depth_ <= limits_.depth, Code::invalid_model, "loops are nested deeper than ",
          limits_.depth);
    make_functions(frame);
    --depth_;
  }

  void make_functions(const std::string& frame) {
    const std::vector<size_t> entries = entries_[frame];
    std::vector<State> states = states_of(entries);
    if (states.empty()) return;
    const NodeDef* condition =
        states[0].branch->inputs.size() < 2 ? nullptr : find(states[0].branch->inputs[1]);
    check(condition != nullptr && condition->op == "LoopCond" && !condition->inputs.empty(),
          Code::invalid_model, shown(states[0].branch->name), " has no LoopCond");
    GraphDef test, turn;
    test.keeps_names = turn.keeps_names = true;
    test.name = keep(cat(frame, "/test")), turn.name = keep(cat(frame, "/turn"));
    NodeDef loop;
    loop.name = keep(cat(frame, "/While")), loop.op = "While";
    const std::string_view again = condition->inputs[0];
    test.results.emplace_back("again", again);
    std::set<std::string_view> test_inputs, turn_inputs;
    std::vector<std::string_view> results;
    const auto add = [&](const NodeDef& of_test, const NodeDef& of_turn, size_t place,
                         std::string_view initial, std::string_view next) {
      test.inputs.push_back({of_test.name, 0, {}, 0});
      turn.inputs.push_back({of_turn.name, 0, {}, place});
      test_inputs.insert(of_test.name), turn_inputs.insert(of_turn.name);
      turn.results.emplace_back("next", next);
      results.push_back(next);
      loop.inputs.push_back(initial);
    };
    for (const State& state : states)
      add(*state.merge, *state.branch, 1, state.enter->inputs[0], state.next->inputs[0]);
    for (const size_t i : entries) {
      const NodeDef& enter = nodes()[i];
      const bool is_state = std::any_of(states.begin(), states.end(),
                                        [&](const State& state) { return state.enter == &enter; });
      if (!is_state && !enter.inputs.empty()) add(enter, enter, 0, enter.inputs[0], enter.name);
    }
    test.nodes = nodes_for({again}, test_inputs);
    turn.nodes = nodes_for(results, turn_inputs);
    loop.attributes = {{"cond", keep(function_attribute(test.name))},
                       {"body", keep(function_attribute(turn.name))}};
    for (size_t k = 0; k < states.size(); ++k)
      for (const size_t i : states[k].exits) {
        nodes()[i].op = "Identity";
        nodes()[i].inputs = {keep(cat(loop.name, ":", uint64_t{k}))};
      }
    file_.functions.push_back(std::move(test));
    file_.functions.push_back(std::move(turn));
    loops_.push_back(std::move(loop));
  }

 public:
  /// The loops themselves, which stand in no file.
  std::vector<NodeDef> take_loops() { return std::move(loops_); }

 private:
  GraphFile& file_;
  const Limits& limits_;
  int64_t copied_ = 0;
  int depth_ = 0;  // of the loop that is looked at
  std::unordered_map<std::string_view, size_t> index_;
  std::map<std::string, std::vector<size_t>> entries_;                // by frame
  std::map<std::string_view, std::vector<size_t>> switches_, exits_;  // by what they read
  std::vector<size_t> merges_;
  std::set<std::string> done_;
  std::vector<NodeDef> loops_;
};

}  // namespace

void make_functions_of_loops(GraphFile& file, const Limits& limits) {
  LoopFinder finder(file, limits);
  finder.rewrite();
  for (NodeDef& loop : finder.take_loops()) file.graph.nodes.push_back(std::move(loop));
}

}  // namespace hone::tensorflow
