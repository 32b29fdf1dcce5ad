#pragma once
// What the tool tells: data on stdout, everything else on stderr.

#include <chrono>
#include <initializer_list>
#include <string>
#include <string_view>

#include "report/text.hpp"

namespace hone::cli {

using report::bytes_text;
using report::csv_field;
using report::seconds_text;
using report::short_number;
using report::table;

inline double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

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

}  // namespace hone::cli
