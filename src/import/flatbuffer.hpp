#pragma once
// Reading flatbuffers that we do not trust, without copies and without a schema compiler.
// (Source: flatbuffers.dev, "FlatBuffers Internals".)

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"

namespace hone {

/// A file, and how much of it may still be read: tables and vectors may overlap, and a small file
/// must not unfold into a large one.
class FlatFile {
 public:
  /// `what` is its name for messages.
  FlatFile(std::span<const std::byte> bytes, std::string what)
      : bytes_(bytes), what_(std::move(what)), left_(16 * bytes.size() + (1 << 20)) {}
  FlatFile(const FlatFile&) = delete;
  FlatFile& operator=(const FlatFile&) = delete;

  /// The bytes [at, at + count). Error(invalid_model).
  std::span<const std::byte> at(uint64_t at, uint64_t count) const;
  template <class T>
  T load(uint64_t at) const;
  void spend(uint64_t bytes) const;
  [[noreturn]] void fail(std::string_view reason) const;
  uint64_t size() const { return bytes_.size(); }

 private:
  std::span<const std::byte> bytes_;
  std::string what_;
  mutable uint64_t left_;
};

/// A table: fields by their numbers, those that are absent have their defaults. Every read is
/// checked against the file's bounds.
class FlatTable {
 public:
  /// The file's root table.
  static FlatTable root(const FlatFile& file);

  bool has(int field) const { return place(field) != 0; }
  int64_t i8(int field, int64_t otherwise = 0) const;
  int64_t u8(int field, int64_t otherwise = 0) const;
  int64_t i32(int field, int64_t otherwise = 0) const;
  int64_t u32(int field, int64_t otherwise = 0) const;
  uint64_t u64(int field, uint64_t otherwise = 0) const;
  float f32(int field, float otherwise = 0) const;
  bool flag(int field, bool otherwise = false) const { return u8(field, otherwise ? 1 : 0) != 0; }

  std::string_view text(int field) const;           // "": absent
  std::optional<FlatTable> table(int field) const;  // of a union, too
  std::vector<FlatTable> tables(int field) const;   // empty: absent
  std::vector<int64_t> ints32(int field) const;
  std::vector<int64_t> ints64(int field) const;
  std::vector<int64_t> words(int field) const;  // of 16 bits, without a sign
  std::vector<float> floats(int field) const;
  std::span<const std::byte> bytes(int field) const;

 private:
  FlatTable(const FlatFile& file, uint64_t at);
  /// Where a field lies; 0: it is absent.
  uint64_t place(int field) const;
  uint64_t target(uint64_t at) const;  // of the offset that lies there
  /// Where a vector's elements of so many bytes begin, and how many there are.
  std::pair<uint64_t, uint64_t> vector(int field, uint64_t width) const;

  const FlatFile* file_;
  uint64_t at_, fields_;   // of the table and of its list of fields
  uint16_t fields_bytes_;  // of the list
};

}  // namespace hone
