#pragma once
// Concrete contents of a value: of nearly all of them a dtype, sizes and bytes, owned or borrowed,
// possibly misaligned; of a sequence a list of tensors; of an empty optional nothing.

#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/dtype.hpp"
#include "base/error.hpp"

namespace hone {

/// A dense row-major tensor. Copies share the same storage. Bytes may be borrowed from a mapped
/// file at any alignment, so elements are read and written through memcpy-based accessors. The two
/// other forms that contents take, sequence() and nothing(), have no shape and no bytes.
class Tensor {
 public:
  Tensor() = default;  // no tensor: empty() is true
  /// Zeroed storage of its own, 64-byte aligned. Error(invalid_model) on overflow,
  /// Error(out_of_memory) when it cannot be had.
  Tensor(DType dtype, std::vector<int64_t> shape);
  /// Borrows: `owner` (may be null) keeps the bytes alive. `bytes` must be bytes_for(dtype, count).
  static Tensor borrow(DType dtype, std::vector<int64_t> shape, std::span<const std::byte> bytes,
                       std::shared_ptr<const void> owner);
  static Tensor borrow_mutable(DType dtype, std::vector<int64_t> shape, std::span<std::byte> bytes,
                               std::shared_ptr<const void> owner);
  static Tensor of_strings(std::vector<int64_t> shape, std::vector<std::string> strings);
  /// Contents of a sequence of tensors of `dtype`. Elements are shared, never written to.
  static Tensor sequence(DType dtype, std::vector<Tensor> elements);
  /// Contents of an optional that holds nothing.
  static Tensor nothing();
  /// Small tensors for tests and literals: i64 and f32 of rank 1, or any shape.
  static Tensor ints(const std::vector<int64_t>& values, DType dtype = DType::i64);
  static Tensor scalar(DType dtype, double value);

  bool empty() const { return count_ < 0 && elements_ == nullptr && !is_nothing_; }
  bool is_sequence() const { return elements_ != nullptr; }
  bool is_nothing() const { return is_nothing_; }
  /// Dense or of strings: has a shape.
  bool is_tensor() const { return count_ >= 0; }
  DType dtype() const { return dtype_; }
  const std::vector<int64_t>& shape() const { return shape_; }
  int rank() const { return static_cast<int>(shape_.size()); }
  int64_t dim(int i) const { return shape_[static_cast<size_t>(i)]; }
  int64_t count() const { return count_ < 0 ? 0 : count_; }
  std::span<const std::byte> bytes() const { return {data_, size_}; }
  /// The bytes lie at a multiple of the element's size, as kernels want them.
  bool is_aligned() const;
  /// Some byte belongs to both.
  bool overlaps(const Tensor& other) const;
  /// Error(internal) for tensors borrowed read-only.
  std::span<std::byte> mutable_bytes();
  const std::vector<std::string>& strings() const;  // Error(internal) for other dtypes
  const std::vector<Tensor>& elements() const;      // Error(internal) for what is no sequence

  /// Element `i` in row-major order. Unchecked index.
  double number(int64_t i) const { return load_double(dtype_, data_, i); }
  int64_t integer(int64_t i) const { return load_int(dtype_, data_, i); }
  void set_number(int64_t i, double value) { store_double(dtype_, data_, i, value); }
  void set_integer(int64_t i, int64_t value) { store_int(dtype_, data_, i, value); }
  /// Element of a C++ type of exactly the dtype's width (float for f32, int32_t for i32 ...).
  template <class T>
  T at(int64_t i) const {
    T value;
    std::memcpy(&value, data_ + static_cast<size_t>(i) * sizeof(T), sizeof(T));
    return value;
  }
  template <class T>
  void put(int64_t i, T value) {
    std::memcpy(data_ + static_cast<size_t>(i) * sizeof(T), &value, sizeof(T));
  }
  /// All elements as int64 (floats truncate).
  std::vector<int64_t> integers() const;

  /// The same bytes under another shape of the same count.
  Tensor reshaped(std::vector<int64_t> shape) const;
  /// A copy with storage of its own.
  Tensor clone() const;

 private:
  DType dtype_ = DType::f32;
  bool writable_ = false;
  std::vector<int64_t> shape_;
  int64_t count_ = -1;
  size_t size_ = 0;
  std::byte* data_ = nullptr;
  std::shared_ptr<const void> owner_;
  std::shared_ptr<const std::vector<std::string>> strings_;
  std::shared_ptr<const std::vector<Tensor>> elements_;
  bool is_nothing_ = false;
};

/// "[2,3]". The text is built where it is wanted: as an argument of check() it costs nothing.
struct ShapeText {
  const std::vector<int64_t>& shape;
  operator std::string() const { return cat(*this); }  // NOLINT: it is a text
};
void append(std::string& out, const ShapeText& text);
inline ShapeText shape_text(const std::vector<int64_t>& shape) { return {shape}; }

/// "f32[2,3]", "a sequence of 4 f32 tensors", "nothing": what it is, for messages. Built where it
/// is wanted.
struct ContentsText {
  const Tensor& contents;
  operator std::string() const { return cat(*this); }  // NOLINT: it is a text
};
void append(std::string& out, const ContentsText& text);
inline ContentsText describe(const Tensor& contents) { return {contents}; }

/// Same dtype, shape and bytes (floats by bits); sequences element by element.
bool same_bits(const Tensor& a, const Tensor& b);

}  // namespace hone
