#pragma once
// The contents of a graph's constants: mapped, in memory, made from a seed, or another weight's in
// another type; hashed when asked.

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>

#include "base/hash.hpp"
#include "ir/tensor.hpp"

namespace hone {

/// Constants of at most this many elements are literals: written into the text, kept in bodies,
/// part of fingerprints.
inline constexpr int64_t kLiteralElements = 16;

/// Immutable contents of one constant; shared by graphs, engines and threads.
class Weight {
 public:
  /// Contents that exist. `source` tells people where from ("net.onnx+0x1a40", "memory").
  static std::shared_ptr<const Weight> of(Tensor tensor, std::string source = "memory");
  /// The same, of a hash that is known: nobody need read the contents for it.
  static std::shared_ptr<const Weight> of(Tensor tensor, std::string source, const Hash& hash);
  /// Those of `stored` as `dtype`, converted when asked: a literal stays one.
  static std::shared_ptr<const Weight> converted(std::shared_ptr<const Weight> stored, DType dtype);
  /// Contents made on first use from `seed`: float dtypes normal with variance gain^2 * 2 / fan_in
  /// (fan_in: the product of all dims but the first; the first for matrices; 1-D: all ones);
  /// integers: zero.
  static std::shared_ptr<const Weight> random(DType dtype, std::vector<int64_t> shape,
                                              uint64_t seed, double gain);
  /// Contents that are not here, known by hash only (text read without its weights; zero: not even
  /// that). `source` is where they were.
  static std::shared_ptr<const Weight> absent(DType dtype, std::vector<int64_t> shape, Hash hash,
                                              std::string source = {});

  DType dtype() const { return dtype_; }
  const std::vector<int64_t>& shape() const { return shape_; }
  int64_t count() const { return count_; }
  size_t bytes() const;
  bool is_literal() const { return count_ <= kLiteralElements && kind_ == Kind::here; }
  bool is_random() const { return kind_ == Kind::random; }
  bool is_absent() const { return stored().kind_ == Kind::absent; }
  bool is_converted() const { return kind_ == Kind::converted; }
  /// What it is converted from, else itself: what files keep.
  const Weight& stored() const { return stored_ == nullptr ? *this : *stored_; }
  const std::shared_ptr<const Weight>& converted_from() const { return stored_; }
  uint64_t seed() const { return seed_; }
  double gain() const { return gain_; }
  const std::string& source() const { return source_; }

  /// The contents. Random and converted ones are made on first use (thread-safe) and stay; absent
  /// ones: Error(io) naming hash and source.
  const Tensor& tensor() const;
  /// The same for who needs them once: what is converted for it goes with the result.
  Tensor contents() const;
  /// Of dtype, shape and bytes; computed on first use (thread-safe). Random: of dtype, shape, seed
  /// and gain. Converted: of the types and the stored weight's hash.
  Hash hash() const;

 private:
  enum class Kind {
    here,
    random,
    absent,
    converted
  };
  Weight() = default;
  Kind kind_ = Kind::here;
  DType dtype_ = DType::f32;
  std::vector<int64_t> shape_;
  int64_t count_ = 0;
  uint64_t seed_ = 0;
  double gain_ = 1;
  std::string source_;
  std::shared_ptr<const Weight> stored_;  // of a converted one
  /// Runs `make` once. No std::call_once: an exception on its way through that ends the program
  /// where the unwinder is linked statically.
  template <class Make>
  void once(std::atomic<bool>& done, const Make& make) const;

  mutable std::mutex mutex_;
  mutable std::atomic<bool> made_ = false, hashed_ = false;
  mutable Tensor tensor_;
  mutable Hash hash_;
};

}  // namespace hone
