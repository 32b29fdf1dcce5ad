#pragma once
// Names out of files may hold anything. What is written to a terminal, a log or a drawing passes
// here: nothing in it moves a cursor, sets a title, turns the direction of writing or forges a
// line.

#include <cstddef>
#include <string>
#include <string_view>

namespace hone {

/// Bytes of the character that `text` (not empty) begins with, where people may see it as it is;
/// 0: its first byte is no valid UTF-8, or the character is a control (C0, DEL, C1), separates
/// lines, turns the direction of text, is invisible, or is none of Unicode's.
size_t printable_length(std::string_view text);

/// The text with every other byte as \xNN; "\n" too, unless `newlines`.
std::string printable(std::string_view text, bool newlines = false);

}  // namespace hone
