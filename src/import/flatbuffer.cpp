#include "import/flatbuffer.hpp"

#include <cstring>

namespace hone {

void FlatFile::fail(std::string_view reason) const {
  hone::fail(Code::invalid_model, what_, ": ", reason);
}

std::span<const std::byte> FlatFile::at(uint64_t at, uint64_t count) const {
  if (at > bytes_.size() || count > bytes_.size() - at)
    hone::fail(Code::invalid_model, what_, ": cut short, or damaged: ", count, " bytes at ", at,
               " of ", bytes_.size());
  return bytes_.subspan(static_cast<size_t>(at), static_cast<size_t>(count));
}

template <class T>
T FlatFile::load(uint64_t place) const {
  T value;
  std::memcpy(&value, at(place, sizeof value).data(), sizeof value);
  return value;
}

void FlatFile::spend(uint64_t bytes) const {
  if (bytes > left_) fail("its parts overlap: they are far larger together than the file");
  left_ -= bytes;
}

FlatTable FlatTable::root(const FlatFile& file) { return {file, file.load<uint32_t>(0)}; }

FlatTable::FlatTable(const FlatFile& file, uint64_t at) : file_(&file), at_(at) {
  file.spend(sizeof(FlatTable));
  const int64_t fields = static_cast<int64_t>(at) - file.load<int32_t>(at);
  if (fields < 0) file.fail("a table whose list of fields lies before the file");
  fields_ = static_cast<uint64_t>(fields);
  fields_bytes_ = file.load<uint16_t>(fields_);
  if (fields_bytes_ < 4) file.fail("a table with a list of fields that is too short");
  file.at(fields_, fields_bytes_);
}

uint64_t FlatTable::place(int field) const {
  const uint64_t entry = 4 + 2 * static_cast<uint64_t>(field);
  if (entry + 2 > fields_bytes_) return 0;
  const auto offset = file_->load<uint16_t>(fields_ + entry);
  return offset == 0 ? 0 : at_ + offset;
}

int64_t FlatTable::i8(int field, int64_t otherwise) const {
  const uint64_t at = place(field);
  return at == 0 ? otherwise : file_->load<int8_t>(at);
}
int64_t FlatTable::u8(int field, int64_t otherwise) const {
  const uint64_t at = place(field);
  return at == 0 ? otherwise : file_->load<uint8_t>(at);
}
int64_t FlatTable::i32(int field, int64_t otherwise) const {
  const uint64_t at = place(field);
  return at == 0 ? otherwise : file_->load<int32_t>(at);
}
int64_t FlatTable::u32(int field, int64_t otherwise) const {
  const uint64_t at = place(field);
  return at == 0 ? otherwise : file_->load<uint32_t>(at);
}
uint64_t FlatTable::u64(int field, uint64_t otherwise) const {
  const uint64_t at = place(field);
  return at == 0 ? otherwise : file_->load<uint64_t>(at);
}
float FlatTable::f32(int field, float otherwise) const {
  const uint64_t at = place(field);
  return at == 0 ? otherwise : file_->load<float>(at);
}

uint64_t FlatTable::target(uint64_t at) const { return at + file_->load<uint32_t>(at); }

std::pair<uint64_t, uint64_t> FlatTable::vector(int field, uint64_t width) const {
  const uint64_t at = place(field);
  if (at == 0) return {0, 0};
  const uint64_t start = target(at);
  const uint64_t count = file_->load<uint32_t>(start);
  file_->at(start + 4, count * width);
  return {start + 4, count};
}

std::string_view FlatTable::text(int field) const {
  const auto [at, count] = vector(field, 1);
  file_->spend(count);
  return {reinterpret_cast<const char*>(file_->at(at, count).data()), static_cast<size_t>(count)};
}

std::optional<FlatTable> FlatTable::table(int field) const {
  const uint64_t at = place(field);
  if (at == 0) return std::nullopt;
  return FlatTable(*file_, target(at));
}

std::vector<FlatTable> FlatTable::tables(int field) const {
  const auto [at, count] = vector(field, 4);
  file_->spend(count * sizeof(FlatTable));
  std::vector<FlatTable> found;
  found.reserve(static_cast<size_t>(count));
  for (uint64_t i = 0; i < count; ++i) found.push_back(FlatTable(*file_, target(at + 4 * i)));
  return found;
}

std::vector<int64_t> FlatTable::ints32(int field) const {
  const auto [at, count] = vector(field, 4);
  file_->spend(count * sizeof(int64_t));
  std::vector<int64_t> found(static_cast<size_t>(count));
  for (uint64_t i = 0; i < count; ++i) found[i] = file_->load<int32_t>(at + 4 * i);
  return found;
}

std::vector<int64_t> FlatTable::ints64(int field) const {
  const auto [at, count] = vector(field, 8);
  file_->spend(count * sizeof(int64_t));
  std::vector<int64_t> found(static_cast<size_t>(count));
  for (uint64_t i = 0; i < count; ++i) found[i] = file_->load<int64_t>(at + 8 * i);
  return found;
}

std::vector<int64_t> FlatTable::words(int field) const {
  const auto [at, count] = vector(field, 2);
  file_->spend(count * sizeof(int64_t));
  std::vector<int64_t> found(static_cast<size_t>(count));
  for (uint64_t i = 0; i < count; ++i) found[i] = file_->load<uint16_t>(at + 2 * i);
  return found;
}

std::vector<float> FlatTable::floats(int field) const {
  const auto [at, count] = vector(field, 4);
  file_->spend(count * sizeof(float));
  std::vector<float> found(static_cast<size_t>(count));
  for (uint64_t i = 0; i < count; ++i) found[i] = file_->load<float>(at + 4 * i);
  return found;
}

std::span<const std::byte> FlatTable::bytes(int field) const {
  const auto [at, count] = vector(field, 1);
  return file_->at(at, count);
}

}  // namespace hone
