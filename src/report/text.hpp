#pragma once
// How reports write sizes, times, tables and CSV.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/text.hpp"

namespace hone::report {

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

}  // namespace hone::report
