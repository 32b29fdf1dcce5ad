#pragma once
// ZIP archives (npz, TorchScript): a reader that trusts nothing in them, and a plain writer.

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"
#include "base/file.hpp"

namespace hone {

struct ZipEntry {
  std::string name;
  uint64_t size, packed_size;  // bytes, unpacked and in the archive
  uint64_t header_offset;      // of the local header, from the start of the archive
  uint32_t crc;
  bool deflated;  // else stored
};

/// The directory of an archive in memory (usually a mapped file, which must outlive this). Stored
/// and deflated entries, zip64; one disk, no encryption. Whatever contradicts itself is refused
/// with Error(damaged) naming the archive and the entry, before memory is taken for it.
class ZipFile {
 public:
  ZipFile(std::span<const std::byte> bytes, std::string name, Code damaged);
  const std::vector<ZipEntry>& entries() const { return entries_; }  // in the directory's order
  const ZipEntry* find(std::string_view name) const;                 // null when absent

  /// The bytes of a stored entry where they lie; not compared with the checksum.
  std::span<const std::byte> stored(const ZipEntry& entry) const;
  /// The unpacked bytes, compared with the checksum. Memory grows with what is really unpacked, at
  /// most `limit` bytes.
  std::vector<std::byte> read(const ZipEntry& entry, uint64_t limit) const;
  /// The first `most` unpacked bytes, fewer where the entry has fewer; compared with nothing.
  std::vector<std::byte> read_start(const ZipEntry& entry, uint64_t most) const;

 private:
  std::span<const std::byte> packed(const ZipEntry& entry) const;
  void read_directory(uint64_t offset, uint64_t size, uint64_t count);
  template <class... Parts>
  void expect(bool condition, const Parts&... parts) const {
    check(condition, damaged_, name_, " is no sound zip archive: ", parts...);
  }

  std::span<const std::byte> bytes_;
  std::string name_;
  Code damaged_;
  std::vector<ZipEntry> entries_;
};

/// Writes stored entries, without times, so that equal contents give equal files.
class ZipWriter {
 public:
  explicit ZipWriter(const std::filesystem::path& path) : file_(path) {}
  /// The entry's bytes are the parts, one after the other. Names must differ.
  void add(const std::string& name, std::span<const std::span<const std::byte>> parts);
  void commit();  // the directory; then as AtomicFile::commit

 private:
  AtomicFile file_;
  std::vector<ZipEntry> entries_;
};

}  // namespace hone
