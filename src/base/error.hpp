#pragma once
// Errors: one exception type with a code and a message that says what was found, what was wanted
// and where. "No" is not an error: use std::optional or a verdict for that.

#include <exception>
#include <string>
#include <string_view>

#include "base/text.hpp"

namespace hone {

/// What went wrong, coarse enough for a caller to act on. The CLI's exit code is the value.
enum class Code : int {
  usage = 2,                ///< wrong arguments, names or shapes given by the caller
  unsupported = 3,          ///< a valid model that Hone cannot run yet
  invalid_model = 4,        ///< the model file contradicts itself or its format
  incompatible_engine = 5,  ///< a damaged or foreign engine file
  out_of_memory = 6,
  device = 7,
  io = 8,
  accuracy = 9,   ///< an accuracy budget cannot be met
  internal = 10,  ///< a bug of ours
};

/// "usage", "unsupported", ...
std::string_view name(Code code);

class Error : public std::exception {
 public:
  Error(Code code, std::string message) : code_(code), message_(std::move(message)) {}
  Code code() const { return code_; }
  const std::string& message() const { return message_; }
  const char* what() const noexcept override { return message_.c_str(); }

  /// The same error with "; PARTS" appended: where it happened, added by whoever knows.
  template <class... Parts>
  Error with(const Parts&... parts) const {
    return Error(code_, cat(message_, "; ", parts...));
  }

 private:
  Code code_;
  std::string message_;
};

/// Throws Error(code, cat(parts...)).
template <class... Parts>
[[noreturn]] void fail(Code code, const Parts&... parts) {
  throw Error(code, cat(parts...));
}

/// Throws Error(code, cat(parts...)) unless `condition`. The parts are evaluated always; keep them
/// cheap (pass names and numbers, not built strings).
template <class... Parts>
void check(bool condition, Code code, const Parts&... parts) {
  if (!condition) [[unlikely]]
    fail(code, parts...);
}

}  // namespace hone
