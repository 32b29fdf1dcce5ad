#include "files/zip.hpp"

#include <zlib.h>

#include <algorithm>
#include <cstring>
#include <optional>
#include <set>

namespace hone {
namespace {

// Signatures and the sizes of their fixed parts (PKWARE APPNOTE 4.3).
constexpr uint32_t kLocal = 0x04034b50, kDirectory = 0x02014b50, kEnd = 0x06054b50;
constexpr uint32_t kEnd64 = 0x06064b50, kLocator64 = 0x07064b50;
constexpr uint64_t kLocalBytes = 30, kDirectoryBytes = 46, kEndBytes = 22;
constexpr uint64_t kEnd64Bytes = 56, kLocator64Bytes = 20;
constexpr uint16_t kEncrypted = 1, kUtf8 = 1 << 11, kStored = 0, kDeflated = 8, kZip64 = 1;
constexpr uint32_t kIn64 = 0xFFFFFFFF;  // the value stands in the zip64 field
constexpr uint64_t kBestRatio = 1032;   // deflate cannot do better

/// Little-endian fields one after the other; the caller has checked that they are there.
class Reader {
 public:
  Reader(std::span<const std::byte> bytes, uint64_t at) : bytes_(bytes.subspan(at)) {}
  template <class T>
  T take() {
    T value;
    std::memcpy(&value, bytes_.data(), sizeof value);
    bytes_ = bytes_.subspan(sizeof value);
    return value;
  }
  void skip(size_t count) { bytes_ = bytes_.subspan(count); }
  std::span<const std::byte> rest() const { return bytes_; }

 private:
  std::span<const std::byte> bytes_;
};

template <class T>
T field(std::span<const std::byte> bytes, uint64_t at) {
  return Reader(bytes, at).take<T>();
}

bool fits(uint64_t offset, uint64_t size, uint64_t within) {
  return size <= within && offset <= within - size;
}

/// The values of the zip64 field stand only for those that are 0xFFFFFFFF, in this order. False
/// where one is missing.
bool widen(ZipEntry& entry, std::span<const std::byte> extra) {
  std::span<const std::byte> wide;
  while (extra.size() >= 4) {
    const auto id = field<uint16_t>(extra, 0);
    const auto size = field<uint16_t>(extra, 2);
    if (size > extra.size() - 4) return false;
    if (id == kZip64) wide = extra.subspan(4, size);
    extra = extra.subspan(size_t{4} + size);
  }
  for (uint64_t* value : {&entry.size, &entry.packed_size, &entry.header_offset}) {
    if (*value != kIn64) continue;
    if (wide.size() < sizeof *value) return false;
    *value = field<uint64_t>(wide, 0);
    wide = wide.subspan(sizeof *value);
  }
  return true;
}

uint32_t checksum(uint32_t before, std::span<const std::byte> bytes) {
  if (bytes.empty()) return before;  // zlib starts anew for a null pointer
  return static_cast<uint32_t>(
      ::crc32_z(before, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size()));
}

class Inflater {
 public:
  Inflater() { check(::inflateInit2(&stream_, -MAX_WBITS) == Z_OK, Code::out_of_memory, "zlib"); }
  ~Inflater() { ::inflateEnd(&stream_); }
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;

  /// Exactly `size` bytes from all of `packed`; nullopt when it is damaged or holds another number.
  std::optional<std::vector<std::byte>> all(std::span<const std::byte> packed, uint64_t size) {
    constexpr uint64_t kFirst = uint64_t{1} << 20;
    const uint64_t most = size + 1;  // room for a byte too many
    std::vector<std::byte> out(std::min(most, kFirst));
    uint64_t done = 0;
    for (;;) {
      const uint64_t input = std::min<uint64_t>(packed.size(), kMostAtOnce);
      const uint64_t room = std::min<uint64_t>(out.size() - done, kMostAtOnce);
      stream_.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(packed.data()));
      stream_.avail_in = static_cast<uInt>(input);
      stream_.next_out = reinterpret_cast<Bytef*>(out.data() + done);
      stream_.avail_out = static_cast<uInt>(room);
      const int status = ::inflate(&stream_, Z_NO_FLUSH);
      packed = packed.subspan(input - stream_.avail_in);
      done += room - stream_.avail_out;
      if (status == Z_STREAM_END) {
        if (done != size || !packed.empty()) return std::nullopt;
        out.resize(size);
        return out;
      }
      if (status != Z_OK || done == most) return std::nullopt;
      if (done == out.size()) out.resize(std::min(most, 2 * done));
    }
  }

  /// The first bytes that `packed` (up to kMostAtOnce of it) unpacks to, `most` of them at most;
  /// fewer where it is damaged.
  std::vector<std::byte> start(std::span<const std::byte> packed, uint64_t most) {
    std::vector<std::byte> out(std::min(most, kMostAtOnce));
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(packed.data()));
    stream_.avail_in = static_cast<uInt>(std::min<uint64_t>(packed.size(), kMostAtOnce));
    stream_.next_out = reinterpret_cast<Bytef*>(out.data());
    stream_.avail_out = static_cast<uInt>(out.size());
    ::inflate(&stream_, Z_SYNC_FLUSH);
    out.resize(out.size() - stream_.avail_out);
    return out;
  }

 private:
  static constexpr uint64_t kMostAtOnce = uint64_t{1} << 30;
  z_stream stream_ = {};
};

}  // namespace

ZipFile::ZipFile(std::span<const std::byte> bytes, std::string name, Code damaged)
    : bytes_(bytes), name_(std::move(name)), damaged_(damaged) {
  expect(bytes.size() >= kEndBytes, "only ", bytes.size(), " bytes");
  // The end record is the last thing, but for a comment of up to 64 KiB.
  uint64_t end = bytes.size() - kEndBytes;
  const uint64_t lowest = end > 0xFFFF ? end - 0xFFFF : 0;
  const auto is_end = [&](uint64_t at) {
    return field<uint32_t>(bytes, at) == kEnd &&
           field<uint16_t>(bytes, at + 20) == bytes.size() - at - kEndBytes;
  };
  while (!is_end(end)) {
    expect(end > lowest, "no directory at its end");
    --end;
  }
  uint64_t disk = field<uint16_t>(bytes, end + 4);
  uint64_t count = field<uint16_t>(bytes, end + 10);
  uint64_t size = field<uint32_t>(bytes, end + 12);
  uint64_t offset = field<uint32_t>(bytes, end + 16);
  if (end >= kLocator64Bytes && field<uint32_t>(bytes, end - kLocator64Bytes) == kLocator64) {
    const auto wide = field<uint64_t>(bytes, end - kLocator64Bytes + 8);
    expect(fits(wide, kEnd64Bytes, end - kLocator64Bytes) && field<uint32_t>(bytes, wide) == kEnd64,
           "its zip64 record is not at byte ", wide);
    end = wide;
    disk = field<uint32_t>(bytes, wide + 16);
    count = field<uint64_t>(bytes, wide + 32);
    size = field<uint64_t>(bytes, wide + 40);
    offset = field<uint64_t>(bytes, wide + 48);
  }
  expect(disk == 0, "it is one of several disks");
  expect(fits(offset, size, end), "a directory of ", size, " bytes at byte ", offset,
         " is outside the file");
  expect(count <= size / kDirectoryBytes, count, " entries in a directory of ", size, " bytes");
  read_directory(offset, size, count);
}

void ZipFile::read_directory(uint64_t offset, uint64_t size, uint64_t count) {
  const auto directory = bytes_.subspan(offset, size);
  std::set<std::string_view> names;
  uint64_t at = 0, packed_total = 0;
  entries_.reserve(count);
  for (uint64_t i = 0; i < count; ++i) {
    expect(fits(at, kDirectoryBytes, size) && field<uint32_t>(directory, at) == kDirectory,
           "entry ", i, " of its directory is damaged");
    Reader reader(directory, at + 8);
    const auto flags = reader.take<uint16_t>(), method = reader.take<uint16_t>();
    reader.skip(4);  // time, date
    ZipEntry entry = {};
    entry.crc = reader.take<uint32_t>();
    entry.packed_size = reader.take<uint32_t>();
    entry.size = reader.take<uint32_t>();
    const uint64_t name_size = reader.take<uint16_t>(), extra_size = reader.take<uint16_t>();
    const uint64_t comment_size = reader.take<uint16_t>();
    reader.skip(8);  // disk, attributes
    entry.header_offset = reader.take<uint32_t>();
    at += kDirectoryBytes;
    expect(fits(at, name_size + extra_size + comment_size, size), "entry ", i, " is cut off");
    const auto name = directory.subspan(at, name_size);
    entry.name.assign(reinterpret_cast<const char*>(name.data()), name.size());
    expect(widen(entry, directory.subspan(at + name_size, extra_size)), "entry \"", entry.name,
           "\" lacks its zip64 sizes");
    at += name_size + extra_size + comment_size;
    expect((flags & kEncrypted) == 0, "entry \"", entry.name, "\" is encrypted");
    expect(method == kStored || method == kDeflated, "entry \"", entry.name,
           "\" is packed by method ", method, ", wanted stored or deflated");
    entry.deflated = method == kDeflated;
    expect(fits(entry.header_offset, kLocalBytes, offset) && entry.packed_size <= offset,
           "entry \"", entry.name, "\" is outside the file");
    expect(entry.deflated ? entry.size / kBestRatio <= entry.packed_size
                          : entry.size == entry.packed_size,
           "entry \"", entry.name, "\" cannot hold ", entry.size, " bytes in ", entry.packed_size);
    packed_total += entry.packed_size;
    expect(packed_total <= offset, "its entries overlap");
    entries_.push_back(std::move(entry));  // reserved: the names stay where they are
    expect(names.insert(entries_.back().name).second, "two entries \"", entries_.back().name, "\"");
  }
}

const ZipEntry* ZipFile::find(std::string_view name) const {
  const auto found = std::find_if(entries_.begin(), entries_.end(),
                                  [&](const ZipEntry& entry) { return entry.name == name; });
  return found == entries_.end() ? nullptr : &*found;
}

std::span<const std::byte> ZipFile::packed(const ZipEntry& entry) const {
  const uint64_t at = entry.header_offset;
  expect(fits(at, kLocalBytes, bytes_.size()) && field<uint32_t>(bytes_, at) == kLocal,
         "no header of entry \"", entry.name, "\" at byte ", at);
  const uint64_t name_size = field<uint16_t>(bytes_, at + 26);
  const uint64_t start = at + kLocalBytes + name_size + field<uint16_t>(bytes_, at + 28);
  expect(fits(start, entry.packed_size, bytes_.size()), "entry \"", entry.name, "\" is cut off");
  const auto* name = reinterpret_cast<const char*>(bytes_.data()) + at + kLocalBytes;
  expect(std::string_view(name, name_size) == entry.name, "entry \"", entry.name,
         "\" has another name in its header");
  return bytes_.subspan(start, entry.packed_size);
}

std::span<const std::byte> ZipFile::stored(const ZipEntry& entry) const {
  expect(!entry.deflated, "entry \"", entry.name, "\" is deflated, wanted stored");
  return packed(entry);
}

std::vector<std::byte> ZipFile::read(const ZipEntry& entry, uint64_t limit) const {
  check(entry.size <= limit, damaged_, name_, ": entry \"", entry.name, "\" holds ", entry.size,
        " bytes, wanted at most ", limit);
  const auto source = packed(entry);
  std::optional<std::vector<std::byte>> out;
  if (entry.deflated) out = Inflater().all(source, entry.size);
  else out.emplace(source.begin(), source.end());
  expect(out.has_value(), "entry \"", entry.name, "\" does not unpack to ", entry.size, " bytes");
  expect(checksum(0, *out) == entry.crc, "entry \"", entry.name, "\" has a wrong checksum");
  return std::move(*out);
}

std::vector<std::byte> ZipFile::read_start(const ZipEntry& entry, uint64_t most) const {
  const auto source = packed(entry);
  const uint64_t size = std::min(most, entry.size);
  if (entry.deflated) return Inflater().start(source, size);
  return {source.begin(), source.begin() + static_cast<std::ptrdiff_t>(size)};
}

namespace {

class Fields {
 public:
  template <class T>
  Fields& put(T value) {
    out_.append(reinterpret_cast<const char*>(&value), sizeof value);
    return *this;
  }
  Fields& put(const std::string& text) {
    out_ += text;
    return *this;
  }
  const std::string& text() const { return out_; }

 private:
  std::string out_;
};

uint32_t narrow(uint64_t value) { return static_cast<uint32_t>(std::min<uint64_t>(value, kIn64)); }

constexpr uint16_t kVersion = 45;       // zip64
constexpr uint32_t kNoTime = 0x210000;  // 1980-01-01 00:00

}  // namespace

void ZipWriter::add(const std::string& name, std::span<const std::span<const std::byte>> parts) {
  check(!name.empty() && name.size() <= 0xFFFF, Code::usage, "an archive entry's name has ",
        name.size(), " bytes");
  for (const ZipEntry& other : entries_)
    check(other.name != name, Code::usage, "two archive entries \"", name, "\"");
  ZipEntry entry = {name, 0, 0, file_.size(), 0, false};
  for (const auto part : parts) {
    entry.size += part.size();
    entry.crc = checksum(entry.crc, part);
  }
  entry.packed_size = entry.size;
  const bool wide = entry.size >= kIn64;
  Fields header;
  header.put(kLocal).put(kVersion).put(kUtf8).put(kStored).put(kNoTime).put(entry.crc);
  header.put(narrow(entry.size)).put(narrow(entry.size));
  header.put(static_cast<uint16_t>(name.size()))
      .put(static_cast<uint16_t>(wide ? 20 : 0))
      .put(name);
  if (wide) header.put(kZip64).put(uint16_t{16}).put(entry.size).put(entry.size);
  file_.write(header.text());
  for (const auto part : parts) file_.write(part);
  entries_.push_back(std::move(entry));
}

void ZipWriter::commit() {
  const uint64_t offset = file_.size();
  for (const ZipEntry& entry : entries_) {
    Fields extra;
    if (entry.size >= kIn64) extra.put(entry.size).put(entry.size);
    if (entry.header_offset >= kIn64) extra.put(entry.header_offset);
    const auto extra_size = static_cast<uint16_t>(extra.text().size());
    Fields record;
    record.put(kDirectory).put(kVersion).put(kVersion).put(kUtf8).put(kStored).put(kNoTime);
    record.put(entry.crc).put(narrow(entry.size)).put(narrow(entry.size));
    record.put(static_cast<uint16_t>(entry.name.size()));
    record.put(static_cast<uint16_t>(extra_size > 0 ? extra_size + 4 : 0));
    record.put(uint16_t{0}).put(uint16_t{0}).put(uint16_t{0});  // comment, disk, attributes
    record.put(uint32_t{0}).put(narrow(entry.header_offset)).put(entry.name);
    if (extra_size > 0) record.put(kZip64).put(extra_size).put(extra.text());
    file_.write(record.text());
  }
  const uint64_t end = file_.size(), size = end - offset;
  const uint64_t count = entries_.size();
  const bool wide = count >= 0xFFFF || offset >= kIn64 || size >= kIn64;
  Fields last;
  if (wide) {
    last.put(kEnd64).put(kEnd64Bytes - 12).put(kVersion).put(kVersion).put(uint32_t{0});
    last.put(uint32_t{0}).put(count).put(count).put(size).put(offset);
    last.put(kLocator64).put(uint32_t{0}).put(end).put(uint32_t{1});
  }
  const auto short_count = static_cast<uint16_t>(std::min<uint64_t>(count, 0xFFFF));
  last.put(kEnd).put(uint16_t{0}).put(uint16_t{0}).put(short_count).put(short_count);
  last.put(narrow(size)).put(narrow(offset)).put(uint16_t{0});
  file_.write(last.text());
  file_.commit();
}

}  // namespace hone
