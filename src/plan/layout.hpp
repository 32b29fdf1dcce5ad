#pragma once
// Which planned values share bytes: views, results over a dying operand, parts of a concatenation.

#include <optional>
#include <string>
#include <vector>

#include "ir/graph.hpp"
#include "plan/memory/demand.hpp"

namespace hone {

struct Plan;

/// Bytes that one value may share with another. The plan lists what the ops and kernels allow;
/// lay_out() decides when sizes are known.
struct Sharing {
  enum class Kind : uint8_t {
    view,  ///< `value` is the bytes of `of` from `offset` on: its step has nothing to do
    over,  ///< the step of `value` may write it over `of` when nothing reads that later
    part,  ///< `value` may be made at `offset` of its concatenation `of`
  };
  Kind kind = Kind::view;
  std::string value, of;
  Dim offset;
  Dim rows = 1;  // where this is not 1, the bytes are not in one piece
  friend bool operator==(const Sharing&, const Sharing&) = default;
};

/// What sharing the node allows, in the order in which it is decided; `overwritable`: operands that
/// its kernel may write the first result over.
void add_sharings(const Node& node, const std::vector<const Value*>& overwritable,
                  std::vector<Sharing>& sharings);

struct Layout {
  Demand demand;                 // one buffer for all values that share bytes
  std::vector<int> buffers;      // by planned buffer: its buffer in `demand`
  std::vector<int64_t> offsets;  // by planned buffer: where in that one it lies
  std::vector<int64_t> bytes;    // by planned buffer: its own size
  std::vector<bool> idle;        // by step: its results are in place already
  std::vector<int> rooms;        // by step: the buffer in `demand` that its bodies run in; -1: none

  int64_t at(size_t planned, const Placement& placement) const {
    return placement.offsets[static_cast<size_t>(buffers[planned])] + offsets[planned];
  }
};

/// Error(usage) when a symbol that a size needs is not bound. No rooms for bodies.
Layout lay_out(const Plan& plan, const Bindings& symbols);

/// The same with a room for the bodies of each control step whose sizes these symbols tell and no
/// turn changes: as large as the largest arena of them. The others make arenas of their own.
Layout lay_out(const Graph& graph, const Plan& plan, const Bindings& symbols);

/// Follows the contents of the arena through the steps, byte by byte: in words, the first operand
/// that is not there any more when it is read, or is written over while it is read.
std::optional<std::string> check_contents(const Graph& graph, const Plan& plan,
                                          const Layout& layout, const Placement& placement);

}  // namespace hone
