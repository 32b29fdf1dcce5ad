#include "report/text.hpp"

#include <algorithm>
#include <cstdio>

#include "base/printable.hpp"

namespace hone::report {
namespace {

std::string formatted(const char* format, double value) {
  char text[64];
  std::snprintf(text, sizeof text, format, value);
  return text;
}

}  // namespace

std::string bytes_text(uint64_t bytes) {
  if (bytes < 1024) return cat(bytes, " bytes");
  constexpr const char* kUnits[] = {"%.1f KiB", "%.1f MiB", "%.1f GiB", "%.1f TiB"};
  double size = static_cast<double>(bytes) / 1024;
  size_t unit = 0;
  for (; size >= 1000 && unit + 1 < std::size(kUnits); ++unit) size /= 1024;
  return formatted(kUnits[unit], size);
}

std::string seconds_text(double seconds) {
  if (seconds < 1e-3) return formatted("%.1f us", seconds * 1e6);
  if (seconds < 1) return formatted("%.2f ms", seconds * 1e3);
  return formatted("%.2f s", seconds);
}

std::string short_number(double value, int digits) {
  char text[64];
  std::snprintf(text, sizeof text, "%.*g", digits, value);
  return text;
}

std::string csv_field(std::string_view text) {
  std::string field = "\"";
  for (const char c : text) field += c == '"' ? std::string("\"\"") : std::string(1, c);
  return field + "\"";
}

std::string table(std::vector<std::vector<std::string>> rows, const std::vector<bool>& right) {
  std::vector<size_t> widths;
  for (auto& row : rows) {
    for (std::string& cell : row) cell = printable(cell);
    widths.resize(std::max(widths.size(), row.size()));
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  std::string text;
  for (const auto& row : rows) {
    std::string made;
    for (size_t i = 0; i < row.size(); ++i) {
      const std::string blanks(widths[i] - row[i].size(), ' ');
      const bool to_right = i < right.size() && right[i];
      made += i == 0 ? "" : "  ";
      made += to_right ? blanks + row[i] : row[i] + blanks;
    }
    made.resize(made.find_last_not_of(' ') + 1);
    text += made + "\n";
  }
  return text;
}

}  // namespace hone::report
