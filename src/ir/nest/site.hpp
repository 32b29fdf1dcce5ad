#pragma once
// Where a loop stands in a nest, for the rewrites.

#include "ir/nest/crossing.hpp"

namespace hone {

struct Site {
  Block* block = nullptr;    // that has the loop
  size_t at = 0;             // where in it
  Around around;             // loops around it, outermost first
  std::vector<Loop*> loops;  // the same

  Loop& loop() const { return *(*block)[at].as<Loop>(); }
  Axis axis() const { return {Dim::variable(loop().variable), loop().extent}; }
  /// The loops around and this one.
  Around within() const;
};
std::optional<Site> find_loop(Nest& nest, std::string_view variable);
/// The loop that is all there is in a loop; null: there is more, or none.
Loop* only_loop(Loop& loop);
/// "there is no loop $i"
std::string no_loop(std::string_view variable);

inline bool runs_in_order(const Loop& loop) {
  return loop.mode == Mode::serial || loop.mode == Mode::unrolled;
}

/// Takes `before` back where turns that run at once cannot be proved to stay apart any more, as
/// where places became too long for that: why, in words; empty: they can.
std::string keep_if_apart(Nest& nest, const Nest& before);

}  // namespace hone
