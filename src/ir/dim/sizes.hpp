#pragma once
// What symbols have become: sizes that are known by another expression now.

#include <map>
#include <optional>
#include <string>

#include "ir/bodies/structural.hpp"

namespace hone {

/// A value's name as the begin of the symbols that it defines: of a long one not all, because a
/// symbol stands in the types of many values.
std::string name_in_symbols(const std::string& value_name);

/// What is to stand for symbols.
using SymbolSizes = std::map<std::string, Dim, std::less<>>;
/// A pass puts sizes of at most so many parts in a symbol's place, that nothing becomes too long.
inline constexpr int kShortSize = 16;

/// Adds each symbol that is a whole dimension of `before` and another size in `now`. The first word
/// holds.
void learn_sizes(const Type& before, const Type& now, SymbolSizes& sizes);

/// The value's dimension is the symbol by that name.
void say_symbol(Value& value, size_t dim, std::string_view symbol);

Replacement replacement_by(const SymbolSizes& sizes);

/// The op with these sizes in its fields, and in a region's body; nullopt: one of them would be too
/// long to write.
std::optional<Op> substitute(const Op& op, const SymbolSizes& sizes);

/// The fact in these sizes, perhaps too long to write; nullopt: these sizes alone prove it.
std::optional<Require> substitute(const Require& require, const SymbolSizes& sizes);

/// The nodes' fields, the types of their results and the requirements say the sizes instead of the
/// symbols; the inputs stay. A requirement that these sizes prove goes; one that they contradict
/// stays, so that whatever relies on it is not run as planned. Given back: sizes with which a field
/// would be too long to write; their symbols stay, and need a value that defines them.
[[nodiscard]] SymbolSizes substitute(Graph& graph, const SymbolSizes& sizes);

}  // namespace hone
