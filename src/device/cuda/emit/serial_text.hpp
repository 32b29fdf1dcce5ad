#pragma once
// Ops of which one step needs the one before it, as text: a thread or a block takes a line of
// elements.

#include <string>
#include <vector>

#include "device/cuda/emit/emit.hpp"
#include "ir/graph.hpp"

namespace hone {
struct TopK;
struct Recurrence;
}  // namespace hone

namespace hone::cuda::emitter {

/// Functions k0, k1 ..., to be launched one after the other. They take the addresses of the node's
/// operands and results that are there and no literals, and of the scratch, then the values of
/// `symbols`.
struct SerialText {
  struct Function {
    std::string body;
    Dim turns, steps = 1;  // steps: of a turn, one after the other
    int threads = 256;     // of a block
    int turns_a_block = 256;
  };
  Text text;
  std::vector<Function> functions;
  std::vector<std::string> symbols;
  Dim scratch_bytes = 0;
  std::string declined;
};
SerialText serial_text_of(const Node& node);

// By family; a Refusal is thrown where there is none.
SerialText sorted_text(const TopK& op, const Node& node);
SerialText recurrent_text(const Node& node, const Recurrence& recurrence);

}  // namespace hone::cuda::emitter
