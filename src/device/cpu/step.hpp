#pragma once
// The common shape of our CPU kernels: a step that is rebound by taking new operands.

#include <concepts>
#include <memory>
#include <utility>

#include "device/cpu/stream.hpp"

namespace hone::cpu {

/// A bound step of a kernel whose shared part is `Prepared`: it has run(operands, scratch, stream).
template <class Shared>
class Step final : public Bound {
 public:
  Step(std::shared_ptr<const Shared> shared, Operands operands, std::span<std::byte> scratch)
      : shared_(std::move(shared)), operands_(std::move(operands)), scratch_(scratch) {}
  void enqueue(hone::Stream& stream) override {
    shared_->run(operands_, scratch_, static_cast<Stream&>(stream));
  }
  void rebind(const Operands& operands) override { operands_ = operands; }

 private:
  std::shared_ptr<const Shared> shared_;
  Operands operands_;
  std::span<std::byte> scratch_;
};

/// Derive as `struct Mine : Shared<Mine>` with
///   void run(const Operands&, std::span<std::byte> scratch, Stream&) const;
template <class Mine>
struct Shared : Prepared, std::enable_shared_from_this<Mine> {
  std::unique_ptr<Bound> bind(const Operands& operands,
                              std::span<std::byte> scratch) const override {
    return std::make_unique<Step<Mine>>(this->shared_from_this(), operands, scratch);
  }
};

/// For kernels without settings.
inline std::vector<Tuning> no_tunings(const Problem&) { return {{}}; }

/// Working memory of every worker: `floats` each.
inline Dim worker_scratch(const Share& share, const Dim& floats) {
  return Dim(int64_t{share.workers} * static_cast<int64_t>(sizeof(float))) * floats;
}
inline float* scratch_of(std::span<std::byte> scratch, int64_t floats) {
  return reinterpret_cast<float*>(scratch.data()) + Team::worker() * floats;
}

/// Rough speeds of one core for estimates, until records tell.
inline constexpr double kFlopsPerSecond = 2e10, kBytesPerSecond = 5e9;
/// A stand-in for symbolic sizes in estimates.
inline constexpr int64_t kTypicalSize = 64;
double typical(const Dim& dim);
double typical_count(const Type& type);

/// All of the region's tensor operands and results have this dtype and a rank.
bool all_are(const Problem& problem, DType dtype);

/// Where an operand of a single-op region comes from: an input of the region (its index), a
/// literal in it (-1), or nowhere (-2).
int region_input(const Problem& problem, size_t operand);

}  // namespace hone::cpu
