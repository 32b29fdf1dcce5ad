#pragma once
// What a node can be in a region, told from its stages and never from its op.

#include "ir/stages/stages.hpp"

namespace hone {

enum class Role : uint8_t {
  excluded,  ///< never in a region: control flow, random, sizes only running tells, no dense tensor
  constant,  ///< reads constants only: computed once
  host,      ///< arithmetic of sizes: small integers that inference follows
  view,      ///< moves elements: every result is loads through index maps
  join,      ///< a view of several operands, one behind the other (concat)
  pointwise,  ///< one map
  reduction,  ///< one fold along whole axes
  anchor,     ///< everything else: contractions, windows, several stages, opaque ops
};

struct NodeRole {
  Role role = Role::excluded;
  Stages stages;

  bool is_light() const {
    return role == Role::view || role == Role::join || role == Role::pointwise;
  }
  /// Every load of `value` reads the element of the loops themselves, in stages of its shape.
  bool reads_here(const Value* value) const;
};

using Roles = std::unordered_map<const Node*, NodeRole>;
Roles roles_of(const Graph& graph);

}  // namespace hone
