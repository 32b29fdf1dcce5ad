#pragma once
// Where a loop stands in a nest, for the rewrites.

#include "ir/nest/crossing.hpp"

namespace hone {

struct Site {
  Block* block = nullptr;        // that has the loop
  size_t at = 0;                 // where in it
  Around around;                 // loops around it, outermost first
  std::vector<NestLoop*> loops;  // the same

  NestLoop& loop() const { return *(*block)[at].as<NestLoop>(); }
  Axis axis() const { return {Dim::variable(loop().variable), loop().extent}; }
  /// The loops around and this one.
  Around within() const;
};
std::optional<Site> find_loop(Nest& nest, std::string_view variable);
/// The loop that is all there is in a loop; null: there is more, or none.
NestLoop* only_loop(NestLoop& loop);
/// "there is no loop $i"
std::string no_loop(std::string_view variable);

inline bool runs_in_order(const NestLoop& loop) {
  return loop.mode == Mode::serial || loop.mode == Mode::unrolled;
}

/// Takes `before` back where verify() refuses what was made of it, because something can no longer
/// be proved: places may have become too long for that. Why, in its words; empty: nothing is
/// refused.
std::string keep_if_proved(Nest& nest, const Nest& before);

}  // namespace hone
