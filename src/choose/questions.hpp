#pragma once
// Questions to kernels about nodes of a region. Layers of a network, and links of a chain, are the
// same question over and over: it is asked once.

#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "device/problem.hpp"

namespace hone {

/// What kernels say of some nodes as one region.
struct Answer {
  bool yes = false;
  double seconds = 0;  // of a yes: the least
  /// Of a no: which result of which of the nodes would end a part that begins with the same ones.
  std::vector<std::pair<size_t, size_t>> ends;
};

/// Answers by question, up to a bound, and the numbers that questions are written in.
class Answers {
 public:
  /// Of a text: equal ones have one number.
  uint32_t number(const std::string& text);
  /// Null: it was not asked, or is forgotten.
  const Answer* find(const std::u32string& question) const;
  void keep(const std::u32string& question, Answer answer);

 private:
  std::unordered_map<std::string, uint32_t> numbers_;
  std::unordered_map<std::u32string, Answer> answers_;
};

/// Writes questions about nodes of one body down. Two are equal where the problems differ in what
/// values are called, and in nothing else.
class Questions {
 public:
  /// `weights`: of the body's inputs that are constants; `orders`: in which the axes of values may
  /// lie in memory, other than their own.
  using Weights = std::unordered_map<const Value*, std::shared_ptr<const Weight>>;
  using Orders = std::unordered_map<const Value*, std::vector<int>>;
  Questions(const Graph& body, const Weights& weights, const Orders& orders, Answers& answers);

  /// `nodes` in the body's order.
  std::u32string about(const std::vector<const Node*>& nodes);

 private:
  void add_input(std::u32string& question, const Value* input);
  void add_output(std::u32string& question, const Value* output) const;

  const Graph& body_;
  std::unordered_map<const Value*, uint32_t> values_;  // type, contents, where in memory it lies
  std::unordered_map<const Node*, size_t> places_;     // in the body
  std::vector<uint32_t> ops_;                          // by place
  // While a question is written:
  std::vector<uint32_t> inside_;  // by place: 1 + the place among the nodes asked about
  std::unordered_map<const Value*, uint32_t> operands_;
};

}  // namespace hone
