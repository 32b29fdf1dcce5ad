#include "ops/common/elements.hpp"

#include <cstring>

#include "base/size.hpp"

namespace hone {
namespace {

/// Element `from` of packed data (2 or 4 bits each) over element `to`.
void copy_packed(int bits, const std::byte* source, int64_t from, std::byte* result, int64_t to) {
  const int64_t per_byte = 8 / bits;
  const auto mask = static_cast<unsigned>((1 << bits) - 1);
  const auto shift_from = static_cast<int>(from % per_byte) * bits;
  const auto shift_to = static_cast<int>(to % per_byte) * bits;
  const unsigned element =
      (std::to_integer<unsigned>(source[from / per_byte]) >> shift_from) & mask;
  const unsigned kept = std::to_integer<unsigned>(result[to / per_byte]) & ~(mask << shift_to);
  result[to / per_byte] = static_cast<std::byte>(kept | (element << shift_to));
}

}  // namespace

std::vector<int64_t> row_major_strides(const std::vector<int64_t>& shape) {
  std::vector<int64_t> strides(shape.size(), 1);
  for (size_t i = shape.size(); i-- > 1;) strides[i - 1] = checked_mul(strides[i], shape[i]);
  return strides;
}

std::vector<int64_t> arithmetic_offsets(int64_t start, int64_t count, int64_t step) {
  std::vector<int64_t> offsets(static_cast<size_t>(count));
  for (int64_t i = 0; i < count; ++i) offsets[static_cast<size_t>(i)] = start + i * step;
  return offsets;
}

Dims select(const ElementMap& map, const Dims& source, const Dim& outside) {
  Dims result;
  map.for_each_run([&](int64_t, int64_t from, int64_t count) {
    for (int64_t i = 0; i < count; ++i)
      result.push_back(from < 0 ? outside : source[static_cast<size_t>(from + i)]);
  });
  return result;
}

ElementWriter::ElementWriter(Evaluation& evaluation, int output, DType dtype,
                             const std::vector<int64_t>& shape)
    : evaluation_(evaluation), output_(output), shape_(shape), count_(element_count(shape)) {
  if (dtype == DType::string) {
    constexpr int64_t kMostStrings = int64_t{1} << 31;
    check(count_ <= kMostStrings, Code::out_of_memory, "a tensor of ", count_, " strings, at most ",
          kMostStrings, " fit");
    strings_.resize(static_cast<size_t>(count_));
    return;
  }
  bits_ = bits(dtype);
  room_ = &evaluation.output(output, dtype, shape);
  bytes_ = room_->mutable_bytes().data();
  // A place of an arena holds old bytes; padding bits of packed types must be zero.
  if (!room_->mutable_bytes().empty()) std::memset(bytes_, 0, room_->mutable_bytes().size());
}

void ElementWriter::copy(int64_t to, const Tensor& source, int64_t from, int64_t count) {
  if (count == 0) return;
  if (bits_ == 0) {
    const auto begin = source.strings().begin() + from;
    std::copy(begin, begin + count, strings_.begin() + to);
  } else if (bits_ < 8) {
    for (int64_t i = 0; i < count; ++i)
      copy_packed(bits_, source.bytes().data(), from + i, bytes_, to + i);
  } else {
    const int64_t width = bits_ / 8;
    std::memcpy(bytes_ + to * width, source.bytes().data() + from * width,
                static_cast<size_t>(count * width));
  }
}

void ElementWriter::fill(int64_t to, const Tensor& source, int64_t from, int64_t count) {
  for (int64_t i = 0; i < count; ++i) copy(to + i, source, from, 1);
}

void ElementWriter::take(const Tensor& source, const ElementMap& map, const Tensor* outside) {
  map.for_each_run([&](int64_t to, int64_t from, int64_t count) {
    if (from >= 0) copy(to, source, from, count);
    else if (outside != nullptr) fill(to, *outside, 0, count);
  });
}

void ElementWriter::finish() {
  if (bits_ == 0) evaluation_.give(output_, Tensor::of_strings(shape_, std::move(strings_)));
}

}  // namespace hone
