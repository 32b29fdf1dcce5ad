#pragma once
// Reading protobuf messages that we do not trust, field by field, without copies.

#include <cstdint>
#include <protozero/pbf_reader.hpp>
#include <string_view>
#include <vector>

#include "base/error.hpp"

namespace hone {

/// Walks the fields of one message. A wrong wire type, data that is cut short and any other damage
/// is Error(invalid_model) naming the message.
///
///   for (Message m(bytes, "NodeProto"); m.next();) switch (m.field()) { case kName: ... }
///
/// A field that is neither read nor skipped is skipped by next().
class Message {
 public:
  /// `what` names the message type and lives as long as the object.
  Message(std::string_view bytes, std::string_view what)
      : reader_(bytes.data(), bytes.size()), what_(what), begin_(bytes.data()) {}

  bool next();
  uint32_t field() const { return static_cast<uint32_t>(reader_.tag()); }

  int64_t integer();         // varint
  float real();              // 32 bits
  std::string_view bytes();  // string, bytes or message; points into the data
  /// Repeated numbers, packed or one a field, appended. More than `most` of `what` in all: an
  /// error.
  void integers(std::vector<int64_t>& out, size_t most = SIZE_MAX,
                std::string_view what = "numbers");
  void reals(std::vector<float>& out);
  void doubles(std::vector<double>& out);
  /// The field holds packed data (or a string or message), not a single number.
  bool is_packed() const {
    return reader_.wire_type() == protozero::pbf_wire_type::length_delimited;
  }
  [[noreturn]] void fail(std::string_view reason) const;

 private:
  [[noreturn]] void fail_short(const protozero::data_view& rest) const;
  void want(protozero::pbf_wire_type type) const;
  template <class T>
  void fixed(std::vector<T>& out);

  protozero::pbf_reader reader_;
  std::string_view what_;
  const char* begin_;
  bool pending_ = false;  // the current field is not read yet
};

}  // namespace hone
