#include "ir/weight.hpp"

#include <cmath>
#include <numbers>

#include "base/size.hpp"

namespace hone {
namespace {

/// SplitMix64 (Steele, Lea, Flood 2014): a counter-based generator, the same everywhere.
uint64_t mix(uint64_t counter) {
  uint64_t z = counter + 0x9e3779b97f4a7c15u;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

/// In (0, 1): never 0, so that its logarithm exists.
double uniform(uint64_t bits) { return (static_cast<double>(bits >> 11) + 0.5) * 0x1p-53; }

double standard_deviation(const std::vector<int64_t>& shape, double gain) {
  int64_t fan_in = 1;
  if (shape.size() == 2) fan_in = shape[0];
  else fan_in = element_count(std::span(shape).subspan(1));
  return gain * std::sqrt(2.0 / static_cast<double>(fan_in));
}

Tensor make_random(DType dtype, const std::vector<int64_t>& shape, uint64_t seed, double gain) {
  Tensor tensor(dtype, shape);
  if (!is_float(dtype)) return tensor;
  const int64_t count = tensor.count();
  if (shape.size() <= 1) {
    for (int64_t i = 0; i < count; ++i) tensor.set_number(i, 1.0);
    return tensor;
  }
  const double deviation = count == 0 ? 0 : standard_deviation(shape, gain);
  const uint64_t stream = mix(seed);
  for (int64_t i = 0; i < count; i += 2) {  // Box-Muller: two normals from two uniforms
    const auto place = static_cast<uint64_t>(i);
    const double radius = std::sqrt(-2.0 * std::log(uniform(mix(stream + place))));
    const double angle = 2.0 * std::numbers::pi * uniform(mix(stream + place + 1));
    tensor.set_number(i, static_cast<float>(deviation * radius * std::cos(angle)));
    if (i + 1 < count)
      tensor.set_number(i + 1, static_cast<float>(deviation * radius * std::sin(angle)));
  }
  return tensor;
}

}  // namespace

std::shared_ptr<const Weight> Weight::of(Tensor tensor, std::string source) {
  auto weight = std::shared_ptr<Weight>(new Weight());
  weight->kind_ = Kind::here;
  weight->dtype_ = tensor.dtype();
  weight->shape_ = tensor.shape();
  weight->count_ = tensor.count();
  weight->source_ = std::move(source);
  weight->tensor_ = std::move(tensor);
  return weight;
}

std::shared_ptr<const Weight> Weight::random(DType dtype, std::vector<int64_t> shape, uint64_t seed,
                                             double gain) {
  auto weight = std::shared_ptr<Weight>(new Weight());
  weight->kind_ = Kind::random;
  weight->dtype_ = dtype;
  weight->count_ = element_count(shape);
  weight->shape_ = std::move(shape);
  weight->seed_ = seed;
  weight->gain_ = gain;
  weight->source_ = cat("random(", seed, ",", gain, ")");
  return weight;
}

std::shared_ptr<const Weight> Weight::absent(DType dtype, std::vector<int64_t> shape, Hash hash,
                                             std::string source) {
  auto weight = std::shared_ptr<Weight>(new Weight());
  weight->kind_ = Kind::absent;
  weight->dtype_ = dtype;
  weight->count_ = element_count(shape);
  weight->shape_ = std::move(shape);
  weight->source_ = std::move(source);
  weight->hash_ = hash;
  return weight;
}

std::shared_ptr<const Weight> Weight::of(Tensor tensor, std::string source, const Hash& hash) {
  const auto weight = std::const_pointer_cast<Weight>(of(std::move(tensor), std::move(source)));
  weight->hash_ = hash;
  weight->hashed_ = true;
  return weight;
}

namespace {

Tensor converted_tensor(const Tensor& from, DType dtype) {
  Tensor made(dtype, from.shape());
  convert(from.dtype(), from.bytes().data(), from.count(), dtype, made.mutable_bytes().data());
  return made;
}

}  // namespace

std::shared_ptr<const Weight> Weight::converted(std::shared_ptr<const Weight> stored, DType dtype) {
  check(!stored->is_converted(), Code::internal, "a weight is converted twice");
  if (stored->is_literal()) return of(converted_tensor(stored->tensor(), dtype));
  auto weight = std::shared_ptr<Weight>(new Weight());
  weight->kind_ = Kind::converted;
  weight->dtype_ = dtype;
  weight->shape_ = stored->shape();
  weight->count_ = stored->count();
  weight->source_ = stored->source();
  weight->stored_ = std::move(stored);
  return weight;
}

size_t Weight::bytes() const { return dtype_ == DType::string ? 0 : bytes_for(dtype_, count_); }

template <class Make>
void Weight::once(std::atomic<bool>& done, const Make& make) const {
  if (done.load(std::memory_order_acquire)) return;
  const std::lock_guard lock(mutex_);
  if (done.load(std::memory_order_relaxed)) return;
  make();
  done.store(true, std::memory_order_release);
}

const Tensor& Weight::tensor() const {
  if (kind_ == Kind::converted)
    once(made_, [this] { tensor_ = converted_tensor(stored_->tensor(), dtype_); });
  check(kind_ != Kind::absent, Code::io, "the contents of a weight are not here: hash ", hash_,
        source_.empty() ? "" : ", from ", source_);
  if (kind_ == Kind::random)
    once(made_, [this] { tensor_ = make_random(dtype_, shape_, seed_, gain_); });
  return tensor_;
}

Tensor Weight::contents() const {
  const bool is_made = made_.load(std::memory_order_acquire);
  if (kind_ != Kind::converted || is_made) return tensor();
  return converted_tensor(stored_->tensor(), dtype_);
}

Hash Weight::hash() const {
  if (kind_ == Kind::absent) return hash_;
  once(hashed_, [this] {
    Hasher hasher;
    hasher.add(name(dtype_));
    hasher.add(static_cast<uint64_t>(shape_.size()));
    for (const int64_t dim : shape_) hasher.add(static_cast<uint64_t>(dim));
    if (kind_ == Kind::converted) {
      hasher.add(stored_->hash().high);
      hasher.add(stored_->hash().low);
    } else if (kind_ == Kind::random) {
      hasher.add(source_);
    } else if (dtype_ == DType::string) {
      for (const std::string& text : tensor_.strings()) hasher.add(text);
    } else {
      hasher.add(tensor_.bytes());
    }
    hash_ = hasher.digest();
  });
  return hash_;
}

}  // namespace hone
