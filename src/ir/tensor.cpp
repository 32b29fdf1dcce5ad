#include "ir/tensor.hpp"

#include <sys/mman.h>

#include <algorithm>
#include <cstdlib>
#include <functional>
#include <new>

#include "base/size.hpp"

namespace hone {
namespace {

constexpr size_t kTensorAlignment = 64;

/// From here on memory comes from the system, in pages of 2 MiB where it has such: packed weights
/// and arenas are written once through, and a page of 4 KiB costs a fault each.
constexpr size_t kLarge = size_t{4} << 20;

struct Allocation {
  std::byte* data = nullptr;
  explicit Allocation(size_t size) : size_(size) {
    if (size_ >= kLarge) {
      raw_ = ::mmap(nullptr, size_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
      if (raw_ == MAP_FAILED) fail_without(size);
      ::madvise(raw_, size_, MADV_HUGEPAGE);  // a wish
      data = static_cast<std::byte*>(raw_);
      return;
    }
    // calloc gets zero pages lazily from the system, which aligned_alloc + memset would touch.
    raw_ = std::calloc(size + kTensorAlignment, 1);
    if (raw_ == nullptr) fail_without(size);
    const auto address = reinterpret_cast<uintptr_t>(raw_);
    const size_t skip = (kTensorAlignment - address % kTensorAlignment) % kTensorAlignment;
    data = static_cast<std::byte*>(raw_) + skip;
  }
  ~Allocation() {
    if (size_ >= kLarge) ::munmap(raw_, size_);
    else std::free(raw_);
  }
  Allocation(const Allocation&) = delete;
  Allocation& operator=(const Allocation&) = delete;

 private:
  [[noreturn]] static void fail_without(size_t size) {
    fail(Code::out_of_memory, "no memory for a tensor of ", size, " bytes");
  }
  size_t size_;
  void* raw_;
};

}  // namespace

Tensor::Tensor(DType dtype, std::vector<int64_t> shape)
    : dtype_(dtype), writable_(true), shape_(std::move(shape)), count_(element_count(shape_)) {
  if (dtype == DType::string) {
    strings_ = std::make_shared<const std::vector<std::string>>(static_cast<size_t>(count_));
    return;
  }
  size_ = bytes_for(dtype, count_);
  if (size_ > static_cast<size_t>(INT64_MAX) - kTensorAlignment)
    fail(Code::out_of_memory, "no memory for a tensor of ", size_, " bytes");
  auto allocation = std::make_shared<Allocation>(size_);
  data_ = allocation->data;
  owner_ = std::move(allocation);
}

Tensor Tensor::borrow(DType dtype, std::vector<int64_t> shape, std::span<const std::byte> bytes,
                      std::shared_ptr<const void> owner) {
  // Nobody writes through it: writable_ stays false.
  Tensor tensor =
      borrow_mutable(dtype, std::move(shape), {const_cast<std::byte*>(bytes.data()), bytes.size()},
                     std::move(owner));
  tensor.writable_ = false;
  return tensor;
}

Tensor Tensor::borrow_mutable(DType dtype, std::vector<int64_t> shape, std::span<std::byte> bytes,
                              std::shared_ptr<const void> owner) {
  Tensor tensor;
  tensor.dtype_ = dtype;
  tensor.writable_ = true;
  tensor.shape_ = std::move(shape);
  tensor.count_ = element_count(tensor.shape_);
  tensor.size_ = bytes_for(dtype, tensor.count_);
  check(bytes.size() >= tensor.size_, Code::internal, "a ", dtype, shape_text(tensor.shape_),
        " tensor wants ", tensor.size_, " bytes, given ", bytes.size());
  tensor.data_ = bytes.data();
  tensor.owner_ = std::move(owner);
  return tensor;
}

Tensor Tensor::of_strings(std::vector<int64_t> shape, std::vector<std::string> strings) {
  Tensor tensor;
  tensor.dtype_ = DType::string;
  tensor.shape_ = std::move(shape);
  tensor.count_ = element_count(tensor.shape_);
  check(static_cast<size_t>(tensor.count_) == strings.size(), Code::internal, "a str",
        shape_text(tensor.shape_), " tensor given ", strings.size(), " strings");
  tensor.strings_ = std::make_shared<const std::vector<std::string>>(std::move(strings));
  return tensor;
}

Tensor Tensor::sequence(DType dtype, std::vector<Tensor> elements) {
  Tensor tensor;
  tensor.dtype_ = dtype;
  tensor.elements_ = std::make_shared<const std::vector<Tensor>>(std::move(elements));
  return tensor;
}

Tensor Tensor::nothing() {
  Tensor tensor;
  tensor.is_nothing_ = true;
  return tensor;
}

Tensor Tensor::ints(const std::vector<int64_t>& values, DType dtype) {
  Tensor tensor(dtype, {static_cast<int64_t>(values.size())});
  for (size_t i = 0; i < values.size(); ++i) tensor.set_integer(static_cast<int64_t>(i), values[i]);
  return tensor;
}

Tensor Tensor::scalar(DType dtype, double value) {
  Tensor tensor(dtype, {});
  tensor.set_number(0, value);
  return tensor;
}

std::span<std::byte> Tensor::mutable_bytes() {
  check(writable_, Code::internal, "a read-only tensor is written to");
  return {data_, size_};
}

bool Tensor::is_aligned() const {
  if (dtype_ == DType::string) return true;
  const auto element = static_cast<uintptr_t>(std::max(8, bits(dtype_)) / 8);
  return reinterpret_cast<uintptr_t>(data_) % element == 0;
}

bool Tensor::overlaps(const Tensor& other) const {
  if (is_sequence())
    return std::any_of(elements_->begin(), elements_->end(),
                       [&](const Tensor& element) { return element.overlaps(other); });
  if (other.is_sequence()) return other.overlaps(*this);
  const std::less<const std::byte*> before;
  return size_ > 0 && other.size_ > 0 && before(data_, other.data_ + other.size_) &&
         before(other.data_, data_ + size_);
}

const std::vector<std::string>& Tensor::strings() const {
  check(strings_ != nullptr, Code::internal, "strings wanted of a ", dtype_, " tensor");
  return *strings_;
}

const std::vector<Tensor>& Tensor::elements() const {
  if (elements_ == nullptr) fail(Code::internal, "elements wanted of ", describe(*this));
  return *elements_;
}

std::vector<int64_t> Tensor::integers() const {
  std::vector<int64_t> values(static_cast<size_t>(count()));
  for (size_t i = 0; i < values.size(); ++i) values[i] = integer(static_cast<int64_t>(i));
  return values;
}

Tensor Tensor::reshaped(std::vector<int64_t> shape) const {
  const int64_t wanted = element_count(shape);
  check(wanted == count(), Code::internal, "reshape of ", count(), " elements to ",
        shape_text(shape));
  Tensor tensor = *this;
  tensor.shape_ = std::move(shape);
  return tensor;
}

Tensor Tensor::clone() const {
  if (is_sequence()) {
    std::vector<Tensor> copies;
    for (const Tensor& element : *elements_) copies.push_back(element.clone());
    return sequence(dtype_, std::move(copies));
  }
  if (dtype_ == DType::string || is_nothing_) return *this;
  Tensor copy(dtype_, shape_);
  if (size_ > 0) std::memcpy(copy.data_, data_, size_);
  return copy;
}

void append(std::string& out, const ShapeText& text) {
  out += cat("[", join(text.shape, ","), "]");
}

void append(std::string& out, const ContentsText& text) {
  const Tensor& contents = text.contents;
  if (contents.is_sequence())
    out += cat("a sequence of ", contents.elements().size(), " ", contents.dtype(), " tensors");
  else if (!contents.is_tensor()) out += "nothing";
  else out += cat(contents.dtype(), shape_text(contents.shape()));
}

bool same_bits(const Tensor& a, const Tensor& b) {
  if (a.is_sequence() && b.is_sequence())
    return a.dtype() == b.dtype() &&
           std::equal(a.elements().begin(), a.elements().end(), b.elements().begin(),
                      b.elements().end(), same_bits);
  if (a.is_tensor() != b.is_tensor() || a.is_sequence() != b.is_sequence()) return false;
  if (a.dtype() != b.dtype() || a.shape() != b.shape()) return false;
  if (a.dtype() == DType::string) return a.strings() == b.strings();
  return a.bytes().empty() ||
         std::memcmp(a.bytes().data(), b.bytes().data(), a.bytes().size()) == 0;
}

}  // namespace hone
