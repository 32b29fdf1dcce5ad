#pragma once
// Ops of which one step needs the one before it, as text: a thread takes a line of elements.

#include <string>
#include <vector>

#include "device/cuda/emit/emit.hpp"
#include "ir/graph.hpp"

namespace hone::cuda::emitter {

/// Functions k0, k1 ..., to be launched one after the other with blocks of 256 threads, a thread
/// for each turn. They take the addresses of the node's inputs, of its result and of the scratch,
/// then the values of `symbols`.
struct SerialText {
  struct Function {
    std::string body;
    Dim turns, steps = 1;  // steps: of a turn, one after the other
  };
  Text text;
  std::vector<Function> functions;
  std::vector<std::string> symbols;
  std::string declined;
};
SerialText serial_text_of(const Node& node);

}  // namespace hone::cuda::emitter
