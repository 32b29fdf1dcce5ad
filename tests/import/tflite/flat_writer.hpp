#pragma once
// Writes small flatbuffers for tests.

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace hone::test {

/// A table under construction: fields by number.
class Flat {
 public:
  template <class T>
  Flat& number(int field, T value) {
    parts_[field] = {Kind::inline_bytes, raw(std::vector<T>{value}), 1, {}};
    return *this;
  }
  Flat& text(int field, std::string_view value) { return bytes(field, value, value.size()); }
  template <class T>
  Flat& numbers(int field, const std::vector<T>& values) {
    return bytes(field, raw(values), values.size());
  }
  Flat& table(int field, const Flat& value) {
    parts_[field] = {Kind::table, {}, 1, {value}};
    return *this;
  }
  Flat& tables(int field, const std::vector<Flat>& values) {
    parts_[field] = {Kind::tables, {}, values.size(), values};
    return *this;
  }

  /// The file whose root this table is.
  std::string file(std::string_view identifier) const;

 private:
  enum class Kind {
    inline_bytes,
    vector,
    table,
    tables
  };
  struct Part {
    Kind kind;
    std::string bytes;
    size_t count;
    std::vector<Flat> children;
  };
  template <class T>
  static std::string raw(const std::vector<T>& values) {
    return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T)};
  }
  Flat& bytes(int field, std::string_view value, size_t count) {
    parts_[field] = {Kind::vector, std::string(value), count, {}};
    return *this;
  }
  /// Appends the table with all that hangs on it; where it begins.
  size_t append_to(std::string& out) const;

  std::map<int, Part> parts_;
};

}  // namespace hone::test
