#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace hone::pytorch {

struct Token {
  enum class Kind : uint8_t {
    name,
    number,
    text,      ///< without its quotes, escapes read
    sign,      ///< ( ) [ ] , : = + -> ...
    new_line,  ///< the end of a line that is not inside brackets
    indent,
    dedent,
    end
  };
  Kind kind = Kind::end;
  std::string text;
  int line = 0;
};

/// Error(invalid_model) naming file and line.
std::vector<Token> tokens_of(std::string_view source, const std::string& file);

}  // namespace hone::pytorch
