#include "choose/questions.hpp"

#include <algorithm>

#include "base/text.hpp"
#include "ir/text/structure.hpp"

namespace hone {

uint32_t Answers::number(const std::string& text) {
  return numbers_.emplace(text, static_cast<uint32_t>(numbers_.size())).first->second;
}

const Answer* Answers::find(const std::u32string& question) const {
  const auto found = answers_.find(question);
  return found == answers_.end() ? nullptr : &found->second;
}

void Answers::keep(const std::u32string& question, Answer answer) {
  constexpr size_t kMost = 4096;
  if (answers_.size() >= kMost) answers_.clear();
  answers_.emplace(question, std::move(answer));
}

Questions::Questions(const Graph& body, const Weights& weights, const Orders& orders,
                     Answers& answers)
    : body_(body) {
  const auto add = [&](const Value* value) {
    if (value == nullptr || values_.contains(value)) return;
    std::string text;
    append_contents(text, *value);
    if (value->producer != nullptr && !body.is_output(value)) text += '.';  // at a place of ours
    // Weights outlive the questions: an address is one weight.
    if (const auto found = weights.find(value); found != weights.end() && found->second != nullptr)
      append(text, cat("@", reinterpret_cast<uintptr_t>(found->second.get())));
    if (const auto found = orders.find(value); found != orders.end())
      append(text, cat("^", join(found->second, ",")));
    values_.emplace(value, answers.number(text));
  };
  for (const Node& node : body.nodes()) {
    places_.emplace(&node, ops_.size());
    std::string text;
    append_structure(text, node.op);
    ops_.push_back(answers.number(text));
    for (const Value* input : node.inputs) add(input);
    for (const Value* output : node.outputs) add(output);
  }
  inside_.assign(ops_.size(), 0);
}

std::u32string Questions::about(const std::vector<const Node*>& nodes) {
  uint32_t count = 0;
  for (const Node* node : nodes) inside_[places_.at(node)] = ++count;
  std::u32string question;
  for (const Node* node : nodes) {
    question += ops_[places_.at(node)];
    question += static_cast<char32_t>(node->inputs.size());
    for (const Value* input : node->inputs) add_input(question, input);
    question += static_cast<char32_t>(node->outputs.size());
    for (const Value* output : node->outputs) add_output(question, output);
  }
  for (const Node* node : nodes) inside_[places_.at(node)] = 0;
  operands_.clear();
  return question;
}

/// 0: absent; 1: made by one of the nodes; 2: an operand, 3: the same one again.
void Questions::add_input(std::u32string& question, const Value* input) {
  if (input == nullptr) return question.push_back(0);
  const uint32_t by = input->producer == nullptr ? 0 : inside_[places_.at(input->producer)];
  if (by > 0) {
    question += {1, by, static_cast<char32_t>(input->index)};
    return;
  }
  const auto [place, is_new] = operands_.emplace(input, static_cast<uint32_t>(operands_.size()));
  if (is_new) question += {2, values_.at(input)};
  else question += {3, place->second};
}

/// 0: nobody wants it; 1: it stays inside; 2: others read it.
void Questions::add_output(std::u32string& question, const Value* output) const {
  if (output == nullptr) return question.push_back(0);
  const bool leaves = body_.is_output(output) ||
                      std::any_of(output->users.begin(), output->users.end(),
                                  [&](const Node* user) { return inside_[places_.at(user)] == 0; });
  question += {leaves ? U'\2' : U'\1', values_.at(output)};
}

}  // namespace hone
