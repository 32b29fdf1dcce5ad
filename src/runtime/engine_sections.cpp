#include "runtime/engine_sections.hpp"

#include <algorithm>
#include <cstring>

#include "runtime/little_endian.hpp"

namespace hone {
namespace {

constexpr std::string_view kMagic("HONE\r\n\x1a\n", 8);
constexpr size_t kHeaderBytes = 40, kHashAt = 24, kEntryBytes = 40;
constexpr uint32_t kMaxSections = 1024, kMaxParts = 64;
constexpr std::byte kZeros[kSectionAlignment] = {};

uint64_t padding(uint64_t at) {
  return (kSectionAlignment - at % kSectionAlignment) % kSectionAlignment;
}

bool is_of_part(Section kind) {
  switch (kind) {
    case Section::typed_graph:
    case Section::choice:
    case Section::packed_weights:
    case Section::pack_index:
    case Section::plan:
    case Section::records:
    case Section::gpu_binaries:
    case Section::device: return true;
    default: return false;
  }
}

}  // namespace

std::string_view name(Section kind) {
  constexpr std::string_view kNames[] = {"",
                                         "about",
                                         "portable_graph",
                                         "weight_index",
                                         "weights",
                                         "calibration",
                                         "typed_graph",
                                         "choice",
                                         "packed_weights",
                                         "plan",
                                         "records",
                                         "gpu_binaries",
                                         "device",
                                         "open_graph",
                                         "default_values",
                                         "pack_index"};
  const auto number = static_cast<uint32_t>(kind);
  return number < std::size(kNames) ? kNames[number] : "";
}

SectionReader::SectionReader(std::shared_ptr<const MappedFile> file) : file_(std::move(file)) {
  read_table();
}

void SectionReader::read_table() {
  const auto bytes = file_->bytes();
  const auto wanted = [&](bool condition, const auto&... parts) {
    if (!condition) damaged(file_->path(), parts...);
  };
  wanted(bytes.size() >= kHeaderBytes, "it has ", bytes.size(), " bytes, a header has ",
         kHeaderBytes);
  wanted(std::memcmp(bytes.data(), kMagic.data(), kMagic.size()) == 0,
         "it does not begin with the magic bytes");
  version_ = get<uint32_t>(bytes, 8);
  const auto count = get<uint32_t>(bytes, 12);
  const auto length = get<uint64_t>(bytes, 16);
  wanted(version_ >= 1 && version_ <= kEngineVersion, "its version is ", version_,
         ", this Hone reads up to ", kEngineVersion);
  wanted(length == bytes.size(), "its header says ", length, " bytes, the file has ", bytes.size(),
         length > bytes.size() ? " (cut short)" : "");
  wanted(count <= kMaxSections && kHeaderBytes + count * kEntryBytes <= bytes.size(), "it says ",
         count, " sections");
  const size_t table_end = kHeaderBytes + count * kEntryBytes;
  Hasher hasher;
  hasher.add(bytes.subspan(0, kHashAt));
  hasher.add(bytes.subspan(kHeaderBytes, table_end - kHeaderBytes));
  wanted(hasher.digest() == get_hash(bytes, kHashAt),
         "its header or section table is damaged (hash)");
  uint64_t end = table_end;
  for (uint32_t i = 0; i < count; ++i) {
    const SectionEntry entry = read_entry(i, end);
    if (entry.kind != Section::weights && entry.kind != Section::packed_weights)
      wanted(hash_bytes(bytes.subspan(entry.offset, entry.length)) == entry.hash, "section ", i,
             " (", name(entry.kind), ") is damaged (hash)");
    entries_.push_back(entry);
    end = entry.offset + entry.length;
  }
  wanted(end == bytes.size(), "bytes follow its last section");
}

SectionEntry SectionReader::read_entry(uint32_t index, uint64_t end) const {
  const auto bytes = file_->bytes();
  const size_t at = kHeaderBytes + index * kEntryBytes;
  const SectionEntry entry{static_cast<Section>(get<uint32_t>(bytes, at)),
                           get<uint32_t>(bytes, at + 4), get<uint64_t>(bytes, at + 8),
                           get<uint64_t>(bytes, at + 16), get_hash(bytes, at + 24)};
  check_place(index, entry);
  if (entry.offset != end + padding(end) || entry.offset > bytes.size() ||
      entry.length > bytes.size() - entry.offset)
    damaged(file_->path(), "section ", index, " lies at ", entry.offset, " and has ", entry.length,
            " bytes; wanted it at ", end + padding(end), " of ", bytes.size());
  for (uint64_t i = end; i < entry.offset; ++i)
    if (bytes[i] != std::byte{0})
      damaged(file_->path(), "the gap before section ", index, " is not zero");
  return entry;
}

void SectionReader::check_place(uint32_t index, const SectionEntry& entry) const {
  const auto kind = static_cast<uint32_t>(entry.kind);
  if (name(entry.kind).empty() || (version_ == 1 && kind > 11) || (version_ < 4 && kind > 14))
    damaged(file_->path(), "section ", index, " is of kind ", kind, ", version ", version_,
            " has none such");
  const bool of_part = version_ >= 2 && is_of_part(entry.kind);
  if (of_part ? entry.part == 0 || entry.part > kMaxParts : entry.part != 0)
    damaged(file_->path(), "section ", index, " (", name(entry.kind), ") is of part ", entry.part);
  if (find(entry.kind, entry.part) != nullptr)
    damaged(file_->path(), "section ", index, ": ", name(entry.kind), " of part ", entry.part,
            " stands there twice");
}

const SectionEntry* SectionReader::find(Section kind, uint32_t part) const {
  const auto found = std::find_if(entries_.begin(), entries_.end(), [&](const auto& entry) {
    return entry.kind == kind && entry.part == part;
  });
  return found == entries_.end() ? nullptr : &*found;
}

std::span<const std::byte> SectionReader::bytes(Section kind, uint32_t part) const {
  const SectionEntry* entry = find(kind, part);
  if (entry == nullptr)
    damaged(file_->path(), "the section ", name(kind),
            part == 0 ? std::string() : cat(" of part ", part), " is missing");
  return file_->bytes().subspan(entry->offset, entry->length);
}

std::string_view SectionReader::text(Section kind, uint32_t part) const {
  const auto found = bytes(kind, part);
  return {reinterpret_cast<const char*>(found.data()), found.size()};
}

namespace {

std::string header_and_table(std::vector<SectionEntry>& entries, uint64_t& end) {
  std::string table;
  uint64_t at = kHeaderBytes + kEntryBytes * entries.size();
  for (SectionEntry& entry : entries) {
    at += padding(at);
    entry.offset = at;
    put(table, static_cast<uint32_t>(entry.kind));
    put(table, entry.part);
    put(table, entry.offset);
    put(table, entry.length);
    put(table, entry.hash);
    at += entry.length;
  }
  end = at;
  std::string header(kMagic);
  put(header, kEngineVersion);
  put(header, static_cast<uint32_t>(entries.size()));
  put(header, at);
  put(header, hash_text(header + table));
  return header + table;
}

void each_piece(const SectionBody& section, const SectionBody::Take& take) {
  if (section.pieces) section.pieces(take);
  else take(as_bytes(section.text));
}

}  // namespace

void write_sections(const std::filesystem::path& path, std::vector<SectionBody> sections,
                    const std::function<void(const std::filesystem::path& written)>& check) {
  std::vector<SectionEntry> entries;
  for (const SectionBody& section : sections) {
    SectionEntry entry{section.kind, section.part, 0, 0, {}};
    Hasher hasher;
    each_piece(section, [&](std::span<const std::byte> piece) {
      hasher.add(piece);
      entry.length += piece.size();
    });
    entry.hash = hasher.digest();
    entries.push_back(entry);
  }
  uint64_t end = 0;
  const std::string start = header_and_table(entries, end);
  AtomicFile file(path);
  file.write(std::string_view(start));
  for (const SectionBody& section : sections) {
    file.write(std::span(kZeros, padding(file.size())));
    each_piece(section, [&](std::span<const std::byte> piece) { file.write(piece); });
  }
  hone::check(file.size() == end, Code::internal, "an engine file of ", file.size(),
              " bytes, planned ", end);
  sections.clear();  // what is read back takes as much again
  if (check) check(file.temporary());
  file.commit();
}

bool is_engine_file(const std::filesystem::path& path) {
  std::error_code unknown;
  if (std::filesystem::is_directory(path, unknown)) return false;  // of a model, perhaps
  const auto file = MappedFile::open(path);
  const auto bytes = file->bytes();
  return bytes.size() >= kMagic.size() &&
         std::memcmp(bytes.data(), kMagic.data(), kMagic.size()) == 0;
}

}  // namespace hone
