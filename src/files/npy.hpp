#pragma once
// NumPy's array files: .npy (one array) and .npz (a zip archive of them).
//
// Types that NumPy lacks: bf16 and the 8-bit floats and scales are written as void types, |V2 and
// |V1, their bits unchanged (`.view(ml_dtypes.bfloat16)` in Python); f6 and f4 as |V1, a code per
// byte; i4 and i2 as i8, u4 and u2 as u8. Reading takes a void type only from a caller that says
// what it is. Strings are text of a fixed width (files/npy_text.hpp); zeros at their ends are lost.

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/dtype.hpp"
#include "files/zip.hpp"

namespace hone {

/// Elements in C order, packed as base/dtype.hpp says.
struct Array {
  DType dtype = DType::f32;
  std::vector<int64_t> shape;
  std::vector<std::byte> data;
  std::vector<std::string> strings = {};  // of dtype string, instead of data
};
using NamedArrays = std::vector<std::pair<std::string, Array>>;

/// What an array's file says of it before its elements.
struct ArrayHeader {
  DType dtype = DType::f32;
  std::vector<int64_t> shape;
};

/// Fortran order is transposed. Error(usage) with the file's name for what is damaged or not
/// neither numbers nor text (objects, structures, times), or big-endian; Error(io) when unreadable.
/// `voids` is what a void type of its width holds.
Array read_npy(const std::filesystem::path& path, std::optional<DType> voids = {});
/// The same from memory; `name` is for messages.
Array parse_npy(std::span<const std::byte> bytes, std::string_view name,
                std::optional<DType> voids = {});
/// In the archive's order, the names without ".npy". Deflated entries may unpack to at most `limit`
/// bytes in all.
NamedArrays read_npz(const std::filesystem::path& path, std::optional<DType> voids = {},
                     uint64_t limit = uint64_t{1} << 33);
NamedArrays parse_npz(std::span<const std::byte> bytes, std::string_view name,
                      std::optional<DType> voids = {}, uint64_t limit = uint64_t{1} << 33);

/// An .npz file whose arrays are unpacked when they are asked for, one by one. Errors as above.
class NpzFile {
 public:
  explicit NpzFile(const std::filesystem::path& path);
  /// In memory that must outlive this; `name` is for messages.
  NpzFile(std::span<const std::byte> bytes, std::string_view name);

  size_t size() const { return zip_.entries().size(); }
  std::string name(size_t i) const;  // without ".npy", in the archive's order
  std::optional<size_t> find(std::string_view name) const;
  /// Of array `i`; unpacks no more than its first bytes.
  ArrayHeader header(size_t i, std::optional<DType> voids = {}) const;
  /// Array `i`. One that is deflated may unpack to at most `limit` bytes.
  Array read(size_t i, std::optional<DType> voids = {}, uint64_t limit = uint64_t{1} << 33) const;
  uint64_t unpacked_bytes(size_t i) const { return zip_.entries()[i].size; }
  bool is_deflated(size_t i) const { return zip_.entries()[i].deflated; }

 private:
  std::string where(size_t i) const;

  std::shared_ptr<const MappedFile> file_;  // null: the caller keeps the bytes
  std::string name_;
  ZipFile zip_;
};

/// A whole .npy file.
std::string npy_bytes(const Array& array);
void write_npy(const std::filesystem::path& path, const Array& array);

/// Arrays one by one into an .npz, which replaces `path` at commit() (see AtomicFile).
class NpzWriter {
 public:
  explicit NpzWriter(const std::filesystem::path& path) : zip_(path) {}
  void add(const std::string& name, const Array& array);
  void commit() { zip_.commit(); }

 private:
  ZipWriter zip_;
};
void write_npz(const std::filesystem::path& path,
               std::span<const std::pair<std::string, Array>> arrays);

}  // namespace hone
