#pragma once
// Ops that move whole elements of any type: each is a list of strided boxes (device/cpu/moves.hpp).

#include <optional>
#include <string_view>

#include "device/cpu/moves.hpp"
#include "ir/graph.hpp"

namespace hone::cpu {

/// What the boxes of an op are made from.
struct Moving {
  using Sizes = std::vector<int64_t>;
  const Node& node;
  std::vector<Sizes> ins;                  // of its operands; absent ones: empty
  std::vector<std::optional<Sizes>> outs;  // of its results; nullopt: nobody wants it
  const Bindings& symbols;

  const Sizes& in(size_t i = 0) const { return ins[i]; }
  const Sizes& out(size_t i = 0) const { return *outs[i]; }
  Sizes numbers(const std::optional<Dims>& field) const;
  template <class T>
  const T& op() const {
    return *node.op.as<T>();
  }
};

/// Why the op is none, or not for these operands; empty: it is one.
std::string_view refuses_to_move(const Node& node);
/// Its boxes do not fill the result: what is around them is another operand's.
bool fills_around(const Node& node);
/// Of one that is not refused, simplified; Move::operand and result count those of the node.
/// nullopt: sizes do not fit each other.
std::optional<std::vector<Move>> fitting_moves_of(const Moving& moving);
/// The same, or Error(usage).
std::vector<Move> moves_of(const Moving& moving);

}  // namespace hone::cpu
