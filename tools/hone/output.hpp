#pragma once
// What the tool tells: data on stdout, everything else on stderr.

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "base/text.hpp"

namespace hone::cli {

/// To stdout, each line as printable() has it. Error(io) when it cannot be written.
void print(std::string_view text);
/// To stdout, with a newline; one line whatever the text holds.
void print_line(std::string_view text);
template <class... Parts>
void line(const Parts&... parts) {
  print_line(cat(parts...));
}
/// Everything printed has left; Error(io) else.
void flush_output();

/// -o names a file, as in every verb, or one of the `formats` that --format may have: "json". The
/// extension of a file says its format, too. Error(usage).
void settle_output(std::string& output, std::string& format,
                   std::initializer_list<std::string_view> formats);
/// To the file of -o; empty: to standard output.
void give(const std::string& output, std::string_view text);

/// "532 bytes", "1.4 KiB", "45.3 MiB".
std::string bytes_text(uint64_t bytes);
/// "12.3 us", "4.56 ms", "1.23 s".
std::string seconds_text(double seconds);
/// At most `digits` significant digits: 0.0123, 1.5e-07.
std::string short_number(double value, int digits = 4);
/// A field of a CSV file, in quotes: names may hold commas.
std::string csv_field(std::string_view text);
/// Rows of cells as columns two blanks apart; the last column is not padded. `right`: which columns
/// are aligned to the right. Cells are made printable(): a row is a line.
std::string table(std::vector<std::vector<std::string>> rows, const std::vector<bool>& right = {});

}  // namespace hone::cli
