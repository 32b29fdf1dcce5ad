#include "files/npy.hpp"

#include <algorithm>
#include <array>
#include <cstring>

#include "base/error.hpp"
#include "base/size.hpp"
#include "base/text.hpp"
#include "files/npy_header.hpp"
#include "files/npy_text.hpp"

namespace hone {
namespace {

struct NpyType {
  std::string_view code;
  DType dtype;
};
constexpr std::array<NpyType, 14> kNpyTypes = {{
    {"f2", DType::f16},
    {"f4", DType::f32},
    {"f8", DType::f64},
    {"i1", DType::i8},
    {"i2", DType::i16},
    {"i4", DType::i32},
    {"i8", DType::i64},
    {"u1", DType::u8},
    {"u2", DType::u16},
    {"u4", DType::u32},
    {"u8", DType::u64},
    {"b1", DType::boolean},
    {"c8", DType::c64},
    {"c16", DType::c128},
}};

/// Bytes of one element in a file: packed types take a byte each.
int64_t bytes_each(DType dtype) { return std::max(1, bits(dtype) / 8); }

DType dtype_of(std::string_view descr, std::string_view name, std::optional<DType> voids) {
  const char order = descr.empty() ? '?' : descr[0];
  const std::string_view code = descr.substr(descr.empty() ? 0 : 1);
  const char kind = code.empty() ? '?' : code[0];
  if (kind == 'O' || kind == 'M' || kind == 'm')
    refuse_npy(name, "holds ", kind == 'O' ? "objects" : "times", " (", descr,
               "), wanted numbers or text",
               kind == 'O' ? "; a.astype(str) makes text of Python's strings" : "");
  if (kind == 'U' || kind == 'S') {
    if (!npy_text_of(descr))
      refuse_npy(name, "holds text as ", descr, ", wanted <U or |S and a width");
    return DType::string;
  }
  if (order != '<' && order != '|' && order != '=' && order != '>')
    refuse_npy(name, "unknown type ", descr);
  if (order == '>' && !code.ends_with('1'))
    refuse_npy(name, "is big-endian (", descr, "); save it with little-endian numbers: a.astype('<",
               code, "')");
  // ml_dtypes calls its e5m2 "f1".
  if (kind == 'V' || code == "f1") {
    const auto width = parse_int(code.substr(1));
    if (!voids)
      refuse_npy(name, "holds the void type ", descr,
                 ": it must be said which type that is (bf16, ...)");
    if (!is_float(*voids) || width != bytes_each(*voids) || *width > 2)
      refuse_npy(name, "holds the void type ", descr, ", which cannot be ", *voids);
    return *voids;
  }
  const auto row = std::find_if(kNpyTypes.begin(), kNpyTypes.end(),
                                [&](const NpyType& row) { return row.code == code; });
  if (row == kNpyTypes.end()) refuse_npy(name, "unknown type ", descr);
  return row->dtype;
}

/// C order from the order whose first dimension varies fastest.
std::vector<std::byte> transpose(std::span<const std::byte> from, const std::vector<int64_t>& shape,
                                 size_t width) {
  std::vector<std::byte> out(from.size());
  std::vector<size_t> index(shape.size()), stride(shape.size(), width);
  for (size_t i = 1; i < shape.size(); ++i)
    stride[i] = stride[i - 1] * static_cast<size_t>(shape[i - 1]);
  size_t source = 0;
  for (size_t at = 0; at < out.size(); at += width) {
    std::memcpy(out.data() + at, from.data() + source, width);
    for (size_t i = shape.size(); i-- > 0;) {
      source += stride[i];
      if (++index[i] < static_cast<size_t>(shape[i])) break;
      source -= stride[i] * index[i];
      index[i] = 0;
    }
  }
  return out;
}

std::string npy_name(const std::string& name) {
  return name.ends_with(".npy") ? name.substr(0, name.size() - 4) : name;
}

/// The elements as a file holds them, where that differs from packed.
std::vector<std::byte> unpack(const Array& array, int64_t count) {
  std::vector<std::byte> out(static_cast<size_t>(count));
  const DType wide = is_signed(array.dtype) ? DType::i8 : DType::u8;
  if (is_integer(array.dtype)) {
    convert(array.dtype, array.data.data(), count, wide, out.data());
    return out;
  }
  for (int64_t i = 0; i < count; ++i)
    out[static_cast<size_t>(i)] =
        static_cast<std::byte>(load_code(array.dtype, array.data.data(), i));
  return out;
}

std::string descr_of(DType dtype) {
  if (bits(dtype) < 8 && is_integer(dtype)) return is_signed(dtype) ? "|i1" : "|u1";
  const auto row = std::find_if(kNpyTypes.begin(), kNpyTypes.end(),
                                [&](const NpyType& row) { return row.dtype == dtype; });
  if (row != kNpyTypes.end()) return cat(bits(dtype) == 8 ? "|" : "<", row->code);
  return cat("|V", bytes_each(dtype));
}

/// All that a file says before its elements.
struct Head {
  ArrayHeader array;
  bool fortran_order;
  std::optional<NpyText> text;  // of strings: how they are written
  int64_t each;                 // bytes of one element
  size_t start;                 // of the elements, from the start of the file
  int64_t bytes;                // of the elements
};

/// From a file, or as much from its start as the header takes.
Head read_head(std::span<const std::byte> bytes, std::string_view name,
               std::optional<DType> voids) {
  const std::string_view file(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  NpyHeader header = read_npy_header(file, name);
  const DType dtype = dtype_of(header.descr, name, voids);
  const auto count = try_element_count(header.shape);
  const auto written = dtype == DType::string ? npy_text_of(header.descr) : std::nullopt;
  const int64_t each = written ? written->bytes_each() : bytes_each(dtype);
  const auto wanted = count ? try_mul(*count, each) : std::nullopt;
  if (!wanted) refuse_npy(name, "its shape (", join(header.shape, ","), ") overflows");
  const bool fortran = header.fortran_order;
  return {{dtype, std::move(header.shape)}, fortran, written, each, header.size, *wanted};
}

[[noreturn]] void refuse_size(std::string_view name, const Head& head, uint64_t size) {
  refuse_npy(name, "holds ", size, " bytes of data, wanted ", head.bytes, " for ", head.array.dtype,
             "[", join(head.array.shape, ","), "]");
}

/// Calls `take(header, data)` with the two parts of the file.
template <class Take>
void with_parts(const Array& array, const Take& take) {
  check(array.shape.size() <= kMostNpyDims, Code::usage, "npy files have at most ", kMostNpyDims,
        " dimensions, found ", array.shape.size());
  const int64_t count = element_count(array.shape);
  if (array.dtype == DType::string) {
    check(array.strings.size() == static_cast<size_t>(count), Code::internal, "an array of ",
          array.strings.size(), " strings, wanted ", count);
    const WrittenText text = write_npy_text(array.strings);
    return take(npy_header(text.descr, array.shape), std::span<const std::byte>(text.data));
  }
  check(array.data.size() == bytes_for(array.dtype, count), Code::internal, "an array of ",
        array.data.size(), " bytes, wanted ", bytes_for(array.dtype, count));
  const std::string header = npy_header(descr_of(array.dtype), array.shape);
  if (bits(array.dtype) >= 8) return take(header, std::span<const std::byte>(array.data));
  const std::vector<std::byte> unpacked = unpack(array, count);
  take(header, std::span<const std::byte>(unpacked));
}

}  // namespace

Array parse_npy(std::span<const std::byte> bytes, std::string_view name,
                std::optional<DType> voids) {
  Head head = read_head(bytes, name, voids);
  const auto data = bytes.subspan(head.start);
  if (static_cast<uint64_t>(head.bytes) != data.size()) refuse_size(name, head, data.size());
  Array array;
  array.dtype = head.array.dtype;
  array.shape = std::move(head.array.shape);
  // Only a shape with a zero may have dimensions that do not fit the file; there is no data then.
  if (head.fortran_order && array.shape.size() > 1)
    array.data = transpose(data, array.shape, static_cast<size_t>(head.each));
  else array.data.assign(data.begin(), data.end());
  if (head.text) {
    auto strings = read_npy_text(array.data, *head.text);
    if (!strings) refuse_npy(name, "holds text with a character that Unicode does not have");
    array.strings = std::move(*strings);
    array.data.clear();
    return array;
  }
  if (bits(array.dtype) >= 8) return array;
  const int64_t count = element_count(array.shape);
  std::vector<std::byte> packed(bytes_for(array.dtype, count));
  for (int64_t i = 0; i < count; ++i)
    store_code(array.dtype, packed.data(), i,
               std::to_integer<unsigned>(array.data[static_cast<size_t>(i)]));
  array.data = std::move(packed);
  return array;
}

Array read_npy(const std::filesystem::path& path, std::optional<DType> voids) {
  return parse_npy(MappedFile::open(path)->bytes(), path.string(), voids);
}

NpzFile::NpzFile(const std::filesystem::path& path)
    : file_(MappedFile::open(path)),
      name_(path.string()),
      zip_(file_->bytes(), name_, Code::usage) {}

NpzFile::NpzFile(std::span<const std::byte> bytes, std::string_view name)
    : name_(name), zip_(bytes, name_, Code::usage) {}

std::string NpzFile::name(size_t i) const { return npy_name(zip_.entries()[i].name); }

std::string NpzFile::where(size_t i) const { return cat(name_, " (", zip_.entries()[i].name, ")"); }

std::optional<size_t> NpzFile::find(std::string_view name) const {
  for (const std::string& each : {cat(name, ".npy"), std::string(name)})
    if (const ZipEntry* entry = zip_.find(each); entry != nullptr)
      return static_cast<size_t>(entry - zip_.entries().data());
  return std::nullopt;
}

ArrayHeader NpzFile::header(size_t i, std::optional<DType> voids) const {
  const ZipEntry& entry = zip_.entries()[i];
  return read_head(zip_.read_start(entry, kLongestNpyHeader), where(i), voids).array;
}

Array NpzFile::read(size_t i, std::optional<DType> voids, uint64_t limit) const {
  const ZipEntry& entry = zip_.entries()[i];
  const std::string name = where(i);
  const Head head = read_head(zip_.read_start(entry, kLongestNpyHeader), name, voids);
  // Before memory is taken for it.
  if (entry.size - head.start != static_cast<uint64_t>(head.bytes))
    refuse_size(name, head, entry.size - head.start);
  return parse_npy(zip_.read(entry, entry.deflated ? limit : entry.size), name, voids);
}

NamedArrays parse_npz(std::span<const std::byte> bytes, std::string_view name,
                      std::optional<DType> voids, uint64_t limit) {
  const NpzFile file(bytes, name);
  NamedArrays arrays;
  for (size_t i = 0; i < file.size(); ++i) {
    arrays.emplace_back(file.name(i), file.read(i, voids, limit));
    if (file.is_deflated(i)) limit -= file.unpacked_bytes(i);
  }
  return arrays;
}

NamedArrays read_npz(const std::filesystem::path& path, std::optional<DType> voids,
                     uint64_t limit) {
  return parse_npz(MappedFile::open(path)->bytes(), path.string(), voids, limit);
}

std::string npy_bytes(const Array& array) {
  std::string out;
  with_parts(array, [&](const std::string& header, std::span<const std::byte> data) {
    out = header;
    out.append(reinterpret_cast<const char*>(data.data()), data.size());
  });
  return out;
}

void write_npy(const std::filesystem::path& path, const Array& array) {
  AtomicFile file(path);
  with_parts(array, [&](const std::string& header, std::span<const std::byte> data) {
    file.write(header);
    file.write(data);
  });
  file.commit();
}

void NpzWriter::add(const std::string& name, const Array& array) {
  with_parts(array, [&](const std::string& header, std::span<const std::byte> data) {
    const std::array<std::span<const std::byte>, 2> parts = {std::as_bytes(std::span(header)),
                                                             data};
    zip_.add(name + ".npy", parts);
  });
}

void write_npz(const std::filesystem::path& path,
               std::span<const std::pair<std::string, Array>> arrays) {
  NpzWriter writer(path);
  for (const auto& [name, array] : arrays) writer.add(name, array);
  writer.commit();
}

}  // namespace hone
