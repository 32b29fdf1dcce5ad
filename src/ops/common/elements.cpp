#include "ops/common/elements.hpp"

#include <cstring>

#include <algorithm>

#include "base/size.hpp"

namespace hone {

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
    : evaluation_(evaluation),
      output_(output),
      dtype_(dtype),
      shape_(shape),
      count_(element_count(shape)) {
  if (dtype == DType::string) {
    constexpr int64_t kMostStrings = int64_t{1} << 31;
    check(count_ <= kMostStrings, Code::out_of_memory, "a tensor of ", count_, " strings, at most ",
          kMostStrings, " fit");
    strings_.resize(static_cast<size_t>(count_));
    return;
  }
  room_ = &evaluation.output(output, dtype, shape);
  bytes_ = room_->mutable_bytes().data();
  // A place of an arena holds old bytes; padding bits of packed types must be zero.
  if (!room_->mutable_bytes().empty()) std::memset(bytes_, 0, room_->mutable_bytes().size());
}

void ElementWriter::copy(int64_t to, const Tensor& source, int64_t from, int64_t count) {
  if (count == 0) return;
  if (dtype_ == DType::string) {
    const auto begin = source.strings().begin() + from;
    std::copy(begin, begin + count, strings_.begin() + to);
  } else {
    copy_elements(dtype_, source.bytes().data(), from, count, bytes_, to);
  }
}

void ElementWriter::fill(int64_t to, const Tensor& source, int64_t from, int64_t count) {
  if (count == 0) return;
  copy(to, source, from, 1);
  if (dtype_ == DType::string) {
    std::fill_n(strings_.begin() + to + 1, count - 1, strings_[static_cast<size_t>(to)]);
    return;
  }
  // What is there already is copied behind itself.
  for (int64_t done = 1, more = 0; done < count; done += more) {
    more = std::min(done, count - done);
    copy_elements(dtype_, bytes_, to, more, bytes_, to + done);
  }
}

void ElementWriter::take(const Tensor& source, const ElementMap& map, const Tensor* outside) {
  map.for_each_run([&](int64_t to, int64_t from, int64_t count) {
    if (from >= 0) copy(to, source, from, count);
    else if (outside != nullptr) fill(to, *outside, 0, count);
  });
}

void ElementWriter::finish() {
  if (dtype_ == DType::string)
    evaluation_.give(output_, Tensor::of_strings(shape_, std::move(strings_)));
}

}  // namespace hone
