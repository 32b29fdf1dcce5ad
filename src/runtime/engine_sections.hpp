#pragma once
// The container of an engine file: header, table of sections with a hash each, aligned sections.
// Little-endian. What the sections say is engine_file.hpp's. docs/engine-file.md has the layout.
//
//   0    magic "HONE\r\n\x1a\n"          8 bytes
//   8    version                         u32
//   12   number of sections              u32
//   16   length of the file              u64
//   24   hash of bytes 0..23 and of the section table   16 bytes (low u64, high u64)
//   40   section table: per section kind u32, part u32, offset u64, length u64, hash 16 bytes
//   ...  sections, each at a multiple of 64 bytes, in the table's order, the gaps zero
//
// Hashes are XXH3-128: they detect damage, not malice.

#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"
#include "base/file.hpp"
#include "base/hash.hpp"
#include "base/size.hpp"

namespace hone {

/// 4: weights may be converted ones, packed ones may be stored. 3: plans say what is expected,
/// which candidates were taken and why kernels were refused. 2: device parts with their typed
/// graphs. 1: the portable graph and one plan.
inline constexpr uint32_t kEngineVersion = 4;
inline constexpr size_t kSectionAlignment = 64;

/// `at` rounded up to a multiple of kSectionAlignment.
inline uint64_t aligned(uint64_t at) {
  return static_cast<uint64_t>(
      align_up(static_cast<int64_t>(at), static_cast<int64_t>(kSectionAlignment)));
}
inline std::span<const std::byte> as_bytes(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

/// Kinds of section; the numbers stay.
enum class Section : uint32_t {
  about = 1,            ///< text: who made the file
  portable_graph = 2,   ///< text form; left out by --drop-portable
  weight_index = 3,     ///< text: hash, dtype, shape, offset and length of each weight
  weights = 4,          ///< contents, each once, at a multiple of 64 bytes
  calibration = 5,      ///< text, when there is one
  typed_graph = 6,      ///< of a part: the graph that its plan is of, text
  choice = 7,           ///< reserved; the plan says kernels and tunings
  packed_weights = 8,   ///< of a part: weights in its kernels' forms, where they were asked for
  plan = 9,             ///< of a part: text form
  records = 10,         ///< reserved
  gpu_binaries = 11,    ///< reserved
  device = 12,          ///< of a part: text: what it is for, the hashes of what it was made of
  open_graph = 13,      ///< text form: inputs that have a value of their own are inputs
  default_values = 14,  ///< these values, as a graph of constants, text form
  pack_index = 15,      ///< of a part: text: what each packed weight is of, and where it lies
};
/// "portable_graph"; empty for a number that is no kind.
std::string_view name(Section kind);

struct SectionEntry {
  Section kind = Section::about;
  uint32_t part = 0;  // 0: of the whole file; 1 and up: of a device's part
  uint64_t offset = 0, length = 0;
  Hash hash;
};

/// The sections of a file, checked for structure: a reader that trusts nothing.
class SectionReader {
 public:
  /// Error(incompatible_engine) saying what is damaged or too new. The hashes of weights, packed
  /// ones too, are left to who reads them: each has one of its own.
  explicit SectionReader(std::shared_ptr<const MappedFile> file);

  const std::shared_ptr<const MappedFile>& file() const { return file_; }
  uint32_t version() const { return version_; }
  const std::vector<SectionEntry>& entries() const { return entries_; }
  const SectionEntry* find(Section kind, uint32_t part = 0) const;
  /// Error(incompatible_engine) where there is none.
  std::span<const std::byte> bytes(Section kind, uint32_t part = 0) const;
  std::string_view text(Section kind, uint32_t part = 0) const;

 private:
  void read_table();
  SectionEntry read_entry(uint32_t index, uint64_t end) const;
  void check_place(uint32_t index, const SectionEntry& entry) const;

  std::shared_ptr<const MappedFile> file_;
  uint32_t version_ = 0;
  std::vector<SectionEntry> entries_;
};

/// One section to write: text, or bytes that `pieces` gives one after the other.
struct SectionBody {
  using Take = std::function<void(std::span<const std::byte>)>;
  Section kind;
  uint32_t part = 0;
  std::string text;
  std::function<void(const Take&)> pieces;  // empty: `text` is the section
};

/// Writes the file whole or not at all. `check` may look at what is written before it stands under
/// its name, and throw. Error(io).
void write_sections(const std::filesystem::path& path, std::vector<SectionBody> sections,
                    const std::function<void(const std::filesystem::path& written)>& check = {});

/// Error(incompatible_engine): "PATH is not a usable engine file: ...".
template <class... Parts>
[[noreturn]] void damaged(const std::filesystem::path& path, const Parts&... parts) {
  fail(Code::incompatible_engine, path.string(), " is not a usable engine file: ", parts...);
}

/// The file begins as an engine file does.
bool is_engine_file(const std::filesystem::path& path);

}  // namespace hone
