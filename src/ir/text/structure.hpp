#pragma once
// What a graph computes, as a text that does not depend on what its values are called.

#include <string>
#include <vector>

#include "ir/graph.hpp"

namespace hone {

/// Which literals of floats a text tells apart.
enum class Literals : uint8_t {
  by_contents,
  by_equality  ///< in one graph alone: 2x + 2 is as 3y + 3 and not as 2x + 3
};

/// Graphs with equal texts are equal up to the names of their values: types, ops with all fields,
/// literals, what is known of contents, outputs. Large weights count by their hash. Values that
/// stand for each other have one place in `values`.
struct Structure {
  std::string text;
  std::vector<const Value*>
      values;  // inputs; then constants where they are first read, and results

  /// The place of a value of the graph.
  size_t number(const Value* value) const;
};
Structure structure_of(const Graph& graph, Literals literals = Literals::by_contents);

/// The parts of such texts: an op with all its fields; a value's type and what is known of its
/// contents.
void append_structure(std::string& out, const Op& op);
/// The same for an op without bodies. Of bodies it says less: their literals and their nodes'
/// fields, and nothing of bodies within them. So it takes time in proportion to the body alone.
void append_outline(std::string& out, const Op& op);
void append_contents(std::string& out, const Value& value);

}  // namespace hone
