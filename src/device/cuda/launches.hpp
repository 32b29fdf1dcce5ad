#pragma once
// Steps that launch functions of texts one after the other.

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "device/cuda/module.hpp"
#include "ir/tensor.hpp"

namespace hone::cuda {

/// A constant in the kernel's own form, on the device. Its last tile may reach behind its last row.
Buffer uploaded(const Tensor& tensor, hone::Device& device);

/// The number of `size`. Error(internal): a symbol in it has no value.
int64_t known_size(const Dim& size, const Bindings& symbols);

/// Which input of a region's body an operand is. Error(internal): none.
int input_of(const Graph& body, const Value* operand);

/// Where the address of a parameter of a text comes from: one of the three.
struct Parameter {
  int input = -1, output = -1;
  std::byte* fixed = nullptr;  // of a constant in the kernel's own form
};

/// Each launch has arguments of its own, which a class derived from this sets.
class OwnLaunches : public Bound {
 public:
  void rebind(const Operands& operands) override {
    for (auto& [launch, arguments] : launches_) arguments(launch, operands);
  }
  void enqueue(hone::Stream& stream) override {
    for (auto& [launch, arguments] : launches_) launch.enqueue(static_cast<Stream&>(stream));
  }

 protected:
  using Arguments = std::function<void(Launching& launch, const Operands& operands)>;
  std::vector<std::pair<Launching, Arguments>> launches_;
};

/// All launches have the same arguments: the addresses of the parameters and of the working memory,
/// then the sizes of `symbols`; one that is not bound is 0, and no function reads it.
class Launches final : public Bound {
 public:
  /// `prepared` keeps the functions; `parameters` are its own.
  Launches(std::shared_ptr<const Prepared> prepared, const std::vector<Parameter>& parameters,
           std::vector<Launching> launches, const std::vector<std::string>& symbols,
           const Operands& operands, std::span<std::byte> scratch);
  void rebind(const Operands& operands) override;
  void enqueue(hone::Stream& stream) override;

 private:
  std::shared_ptr<const Prepared> prepared_;
  const std::vector<Parameter>& parameters_;
  std::vector<Launching> launches_;
  std::vector<uint64_t> numbers_;
  std::span<std::byte> scratch_;
};

}  // namespace hone::cuda
