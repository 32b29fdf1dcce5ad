#pragma once
// Loops: which states change from turn to turn, which lists are written an element a turn.

#include <functional>
#include <string>
#include <vector>

#include "import/tensorflow/node_reader.hpp"

namespace hone::tensorflow {

/// What a loop repeats, written into a graph's frame for these states.
struct LoopParts {
  std::function<Item(builder::Frame&, const std::vector<Item>&)> test;               // one bool
  std::function<std::vector<Item>(builder::Frame&, const std::vector<Item>&)> turn;  // next states
};

/// The states when the test fails, from these on.
std::vector<Item> import_loop(NodeReader& node, const std::vector<Item>& states,
                              const LoopParts& parts);

}  // namespace hone::tensorflow
