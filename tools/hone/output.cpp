#include "output.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <utility>

#include "base/error.hpp"
#include "base/file.hpp"
#include "base/printable.hpp"

namespace hone::cli {

void print(std::string_view text) {
  const std::string shown = printable(text, true);
  text = shown;
  if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size())
    fail(Code::io, "cannot write to standard output: ", std::strerror(errno));
}

void print_line(std::string_view text) { print(printable(text) + "\n"); }

void flush_output() {
  if (std::fflush(stdout) != 0)
    fail(Code::io, "cannot write to standard output: ", std::strerror(errno));
}

void settle_output(std::string& output, std::string& format,
                   std::initializer_list<std::string_view> formats) {
  const auto is_format = [&](std::string_view word) {
    return std::find(formats.begin(), formats.end(), word) != formats.end();
  };
  if (is_format(output)) format = std::exchange(output, "");
  check(output.find_first_of("./") != std::string::npos || output.empty(), Code::usage, "-o ",
        output, ": wanted ", join(formats, ", "), ", or a file's name with an extension");
  const size_t dot = output.rfind('.');
  if (dot != std::string::npos && is_format(std::string_view(output).substr(dot + 1)))
    format = output.substr(dot + 1);
  check(is_format(format), Code::usage, "--format ", format, ": wanted ", join(formats, " or "));
}

void give(const std::string& output, std::string_view text) {
  if (output.empty()) return print(text);
  AtomicFile file(output);
  file.write(text);
  file.commit();
}

}  // namespace hone::cli
