#include "runtime/engine_file.hpp"

#include <cstring>
#include <map>

#include "base/file.hpp"
#include "base/size.hpp"
#include "ir/structural.hpp"
#include "ir/text.hpp"
#include "ir/verify.hpp"
#include "ops/common/registry.hpp"

namespace hone {
namespace {

constexpr std::string_view kMagic("HONE\r\n\x1a\n", 8);
constexpr size_t kHeaderBytes = 40, kHashAt = 24, kEntryBytes = 40, kAlignment = 64;
constexpr uint32_t kMaxSections = 1024;

template <class... Parts>
[[noreturn]] void damaged(const std::filesystem::path& path, const Parts&... parts) {
  fail(Code::incompatible_engine, path.string(), " is not a usable engine file: ", parts...);
}

template <class T>
void put(std::string& out, T value) {
  for (size_t i = 0; i < sizeof(T); ++i) out += static_cast<char>((value >> (8 * i)) & 0xff);
}
void put(std::string& out, const Hash& hash) {
  put(out, hash.low);
  put(out, hash.high);
}

template <class T>
T get(std::span<const std::byte> bytes, size_t at) {
  T value = 0;
  for (size_t i = 0; i < sizeof(T); ++i)
    value = static_cast<T>(value |
                           (static_cast<T>(std::to_integer<uint8_t>(bytes[at + i])) << (8 * i)));
  return value;
}
Hash get_hash(std::span<const std::byte> bytes, size_t at) {
  return {get<uint64_t>(bytes, at + 8), get<uint64_t>(bytes, at)};
}

std::span<const std::byte> as_bytes(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

/// Strings as length and bytes, one after the other; other contents as they are.
std::string string_contents(const Tensor& tensor) {
  std::string bytes;
  for (const std::string& text : tensor.strings()) {
    put(bytes, static_cast<uint64_t>(text.size()));
    bytes += text;
  }
  return bytes;
}

// ---- writing

/// One weight's place in the weights section.
struct StoredWeight {
  const Weight* weight;
  uint64_t offset, length;
};

/// Every large weight once, by content, in the order of first use.
std::vector<StoredWeight> lay_out_weights(const Graph& graph) {
  std::vector<StoredWeight> stored;
  std::set<Hash> seen;
  uint64_t offset = 0;
  for (const Value* constant : graph.constants()) {
    const Weight& weight = *constant->weight;
    if (weight.is_literal() || weight.is_random()) continue;
    check(!weight.is_absent(), Code::usage, "the contents of @", constant->name, " are not here (",
          weight.source(), "): they cannot be saved");
    if (!seen.insert(weight.hash()).second) continue;
    const uint64_t length =
        weight.dtype() == DType::string ? string_contents(weight.tensor()).size() : weight.bytes();
    stored.push_back({&weight, offset, length});
    offset = static_cast<uint64_t>(align_up(static_cast<int64_t>(offset + length), kAlignment));
  }
  return stored;
}

std::string index_text(const std::vector<StoredWeight>& stored) {
  std::string text;
  for (const StoredWeight& each : stored)
    text += cat(each.weight->hash(), " ", each.weight->dtype(), " ",
                shape_text(each.weight->shape()), " ", each.offset, " ", each.length, "\n");
  return text;
}

constexpr std::byte kZeros[kAlignment] = {};

uint64_t padding(uint64_t at) { return (kAlignment - at % kAlignment) % kAlignment; }

/// Gives the weights section piece by piece, gaps included.
void each_piece(const std::vector<StoredWeight>& stored,
                const std::function<void(std::span<const std::byte>)>& take) {
  uint64_t at = 0;
  for (const StoredWeight& each : stored) {
    take({kZeros, each.offset - at});
    if (each.weight->dtype() == DType::string)
      take(as_bytes(string_contents(each.weight->tensor())));
    else take(each.weight->tensor().bytes());
    at = each.offset + each.length;
  }
}

struct SectionBody {
  Section kind;
  std::string text;  // of every section but weights
  uint64_t length = 0;
  Hash hash;
};

SectionBody text_section(Section kind, std::string text) {
  SectionBody body{kind, std::move(text), 0, {}};
  body.length = body.text.size();
  body.hash = hash_bytes(as_bytes(body.text));
  return body;
}

SectionBody weights_section(const std::vector<StoredWeight>& stored) {
  SectionBody body{Section::weights, {}, 0, {}};
  Hasher hasher;
  each_piece(stored, [&](std::span<const std::byte> piece) { hasher.add(piece); });
  body.hash = hasher.digest();
  if (!stored.empty()) body.length = stored.back().offset + stored.back().length;
  return body;
}

std::string header_and_table(const std::vector<SectionBody>& sections, uint64_t& end) {
  std::string table;
  uint64_t at = kHeaderBytes + kEntryBytes * sections.size();
  for (const SectionBody& section : sections) {
    at += padding(at);
    put(table, static_cast<uint32_t>(section.kind));
    put(table, uint32_t{0});  // device 0: the CPU
    put(table, at);
    put(table, section.length);
    put(table, section.hash);
    at += section.length;
  }
  end = at;
  std::string header(kMagic);
  put(header, kEngineVersion);
  put(header, static_cast<uint32_t>(sections.size()));
  put(header, at);
  put(header, hash_text(header + table));
  return header + table;
}

// ---- reading

struct Entry {
  uint32_t kind = 0;
  std::span<const std::byte> bytes;
};

class Reader {
 public:
  Reader(std::shared_ptr<const MappedFile> file, bool verify_weights)
      : file_(std::move(file)), bytes_(file_->bytes()), verify_weights_(verify_weights) {}

  EngineParts read() {
    read_table();
    EngineParts parts;
    parts.about = std::string(text(Section::about));
    read_index();
    try {
      parts.portable = parse(text(Section::portable_graph), all_ops(),
                             [&](std::string_view, DType dtype, const std::vector<int64_t>& shape,
                                 const Hash& hash) { return find_weight(dtype, shape, hash); });
      check_weights_present(*parts.portable);
      verify(*parts.portable, "loading");
    } catch (const Error& error) {
      damaged("its graph is wrong: ", error.message());
    }
    if (find(Section::plan) != nullptr) parts.plan = parse_plan(text(Section::plan));
    return parts;
  }

 private:
  template <class... Parts>
  [[noreturn]] void damaged(const Parts&... parts) const {
    hone::damaged(file_->path(), parts...);
  }
  template <class... Parts>
  void wanted(bool condition, const Parts&... parts) const {
    if (!condition) [[unlikely]]
      damaged(parts...);
  }

  void read_table() {
    wanted(bytes_.size() >= kHeaderBytes, "it has ", bytes_.size(), " bytes, a header has ",
           kHeaderBytes);
    wanted(std::memcmp(bytes_.data(), kMagic.data(), kMagic.size()) == 0,
           "it does not begin with the magic bytes");
    const auto version = get<uint32_t>(bytes_, 8);
    const auto count = get<uint32_t>(bytes_, 12);
    const auto length = get<uint64_t>(bytes_, 16);
    wanted(version >= 1 && version <= kEngineVersion, "its version is ", version,
           ", this Hone reads up to ", kEngineVersion);
    wanted(length == bytes_.size(), "its header says ", length, " bytes, the file has ",
           bytes_.size(), length > bytes_.size() ? " (cut short)" : "");
    wanted(count <= kMaxSections && kHeaderBytes + count * kEntryBytes <= bytes_.size(), "it says ",
           count, " sections");
    const size_t table_end = kHeaderBytes + count * kEntryBytes;
    Hasher hasher;
    hasher.add(bytes_.subspan(0, kHashAt));
    hasher.add(bytes_.subspan(kHeaderBytes, table_end - kHeaderBytes));
    wanted(hasher.digest() == get_hash(bytes_, kHashAt),
           "its header or section table is damaged (hash)");
    uint64_t end = table_end;
    for (uint32_t i = 0; i < count; ++i) read_entry(i, end);
    wanted(end == bytes_.size(), "bytes follow its last section");
  }

  void read_entry(uint32_t index, uint64_t& end) {
    const size_t at = kHeaderBytes + index * kEntryBytes;
    const auto kind = get<uint32_t>(bytes_, at);
    const auto offset = get<uint64_t>(bytes_, at + 8), length = get<uint64_t>(bytes_, at + 16);
    wanted(
        offset == end + padding(end) && offset <= bytes_.size() && length <= bytes_.size() - offset,
        "section ", index, " lies at ", offset, " and has ", length, " bytes");
    for (uint64_t i = end; i < offset; ++i)
      wanted(bytes_[i] == std::byte{0}, "the gap before section ", index, " is not zero");
    const auto section = bytes_.subspan(offset, length);
    if (verify_weights_ || kind != static_cast<uint32_t>(Section::weights))
      wanted(hash_bytes(section) == get_hash(bytes_, at + 24), "section ", index,
             " is damaged (hash)");
    wanted(find(static_cast<Section>(kind)) == nullptr, "section kind ", kind,
           " stands there twice");
    entries_.push_back({kind, section});
    end = offset + length;
  }

  const Entry* find(Section kind) const {
    for (const Entry& entry : entries_)
      if (entry.kind == static_cast<uint32_t>(kind)) return &entry;
    return nullptr;
  }
  std::span<const std::byte> section(Section kind) const {
    const Entry* entry = find(kind);
    wanted(entry != nullptr, "section ", static_cast<uint32_t>(kind), " is missing");
    return entry->bytes;
  }
  std::string_view text(Section kind) const {
    const auto bytes = section(kind);
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  }

  void read_index() {
    const auto weights = section(Section::weights);
    for (const std::string_view line : split(text(Section::weight_index), '\n')) {
      if (line.empty()) continue;
      const auto words = split(line, ' ');
      wanted(words.size() == 5, "weight index line \"", line, "\"");
      const auto hash = parse_hash(words[0]);
      std::string_view type_text_view = words[1];
      const std::string type_text = cat(type_text_view, words[2]);
      std::string_view rest = type_text;
      const auto type = parse_type(rest);
      const auto offset = parse_int(words[3]), length = parse_int(words[4]);
      wanted(hash && type && rest.empty() && type->is_tensor() && type->tensor().has_rank() &&
                 offset && length,
             "weight index line \"", line, "\"");
      const auto shape = type->tensor().concrete();
      const auto size = static_cast<int64_t>(weights.size());
      wanted(shape && *offset >= 0 && *offset % static_cast<int64_t>(kAlignment) == 0 &&
                 *offset <= size && *length >= 0 && *length <= size - *offset,
             "weight index line \"", line, "\"");
      const auto contents =
          weights.subspan(static_cast<size_t>(*offset), static_cast<size_t>(*length));
      Tensor tensor = contents_of(type->tensor().dtype, *shape, contents, line);
      stored_[*hash] =
          Weight::of(std::move(tensor), cat(file_->path().filename().string(), "+", *offset));
    }
  }

  Tensor contents_of(DType dtype, const std::vector<int64_t>& shape,
                     std::span<const std::byte> contents, std::string_view line) const {
    const auto count = try_element_count(shape);
    wanted(count.has_value(), "weight index line \"", line, "\"");
    if (dtype != DType::string) {
      const auto size = try_mul(*count, bits(dtype));
      wanted(size && bytes_for(dtype, *count) == contents.size(), "weight index line \"", line,
             "\" has ", contents.size(), " bytes");
      return Tensor::borrow(dtype, shape, contents, file_);
    }
    std::vector<std::string> strings;
    while (contents.size() >= 8) {
      const auto length = get<uint64_t>(contents, 0);
      wanted(length <= contents.size() - 8, "a string of a weight is cut short");
      strings.emplace_back(reinterpret_cast<const char*>(contents.data()) + 8, length);
      contents = contents.subspan(8 + length);
    }
    wanted(contents.empty() && static_cast<int64_t>(strings.size()) == *count,
           "weight index line \"", line, "\" has ", strings.size(), " strings");
    return Tensor::of_strings(shape, std::move(strings));
  }

  std::shared_ptr<const Weight> find_weight(DType dtype, const std::vector<int64_t>& shape,
                                            const Hash& hash) const {
    const auto found = stored_.find(hash);
    if (found == stored_.end()) return nullptr;
    const bool same = found->second->dtype() == dtype && found->second->shape() == shape;
    return same ? found->second : nullptr;
  }

  void check_weights_present(const Graph& graph) const {
    for (const Value* constant : graph.constants())
      wanted(!constant->weight->is_absent(), "the weight @", constant->name, " is missing");
  }

  std::shared_ptr<const MappedFile> file_;
  std::span<const std::byte> bytes_;
  bool verify_weights_;
  std::vector<Entry> entries_;
  std::map<Hash, std::shared_ptr<const Weight>> stored_;
};

}  // namespace

void write_engine_file(const std::filesystem::path& path, const EngineParts& parts) {
  const std::vector<StoredWeight> stored = lay_out_weights(*parts.portable);
  PrintOptions options;
  options.align = false;
  options.hashes = true;
  std::vector<SectionBody> sections;
  sections.push_back(text_section(Section::about, parts.about));
  sections.push_back(text_section(Section::portable_graph, print(*parts.portable, options)));
  sections.push_back(text_section(Section::weight_index, index_text(stored)));
  if (parts.plan) sections.push_back(text_section(Section::plan, print(*parts.plan)));
  sections.push_back(weights_section(stored));
  uint64_t end = 0;
  const std::string start = header_and_table(sections, end);
  AtomicFile file(path);
  file.write(std::string_view(start));
  for (const SectionBody& section : sections) {
    file.write(std::span(kZeros, padding(file.size())));
    if (section.kind == Section::weights)
      each_piece(stored, [&](std::span<const std::byte> piece) { file.write(piece); });
    else file.write(std::string_view(section.text));
  }
  check(file.size() == end, Code::internal, "an engine file of ", file.size(), " bytes, planned ",
        end);
  file.commit();
}

EngineParts read_engine_file(const std::filesystem::path& path, bool verify_weights) {
  return Reader(MappedFile::open(path), verify_weights).read();
}

bool is_engine_file(const std::filesystem::path& path) {
  const auto file = MappedFile::open(path);
  const auto bytes = file->bytes();
  return bytes.size() >= kMagic.size() &&
         std::memcmp(bytes.data(), kMagic.data(), kMagic.size()) == 0;
}

}  // namespace hone
