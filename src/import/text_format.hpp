#pragma once
// Protobuf's text format, as people write it by hand: fields by name, without a schema.
// (Source: protobuf.dev, "Text Format Language Specification".)

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace hone {

/// A field: a number, a word, a string or a message.
struct TextField {
  enum class Kind : uint8_t {
    word,     ///< an enum's name, true, false, inf, nan
    number,   ///< as it is written, a sign before it, no suffix
    text,     ///< a string, its escapes read, its pieces joined
    message,  ///< fields in the order of the file
  };
  std::string_view name;  // points into the text
  Kind kind = Kind::word;
  int line = 0;
  std::string value;              // of what is no message
  std::vector<TextField> fields;  // of a message
};

/// A number without a fraction, in any form of the format (10, 0xa, 012); nullopt: it is none.
std::optional<int64_t> whole_number(const TextField& field);

/// The fields of the file. `what` is the file's name for messages, `depth` how deep messages may be
/// nested. Error(invalid_model) naming the line.
std::vector<TextField> parse_text_format(std::string_view text, std::string_view what, int depth);

/// Whether the first field of the file is one of these; comments may stand before it.
bool begins_with_field(std::string_view text, const std::vector<std::string_view>& names);

}  // namespace hone
