#pragma once
// Compiled texts on a GPU.

#include <memory>
#include <string>
#include <vector>

#include "device/cuda/device.hpp"
#include "device/cuda/emit/emit.hpp"

namespace hone::cuda {

/// Code that was loaded; its functions live as long as it does.
class Module {
 public:
  /// Compiles where it must. Error(device), Error(out_of_memory).
  Module(std::shared_ptr<Gpu> gpu, const std::string& text);
  ~Module();
  Module(const Module&) = delete;
  Module& operator=(const Module&) = delete;
  /// `shared_bytes`: dynamic shared memory that it is launched with.
  FunctionHandle* function(const std::string& name, int shared_bytes = 0) const;

 private:
  std::shared_ptr<Gpu> gpu_;
  ModuleHandle* handle_ = nullptr;
};

/// A module by text, shared by all that has the same on one GPU. It is compiled beside, and loaded
/// when it is asked for.
class LateModule {
 public:
  LateModule(std::shared_ptr<Gpu> gpu, std::string text);
  const Module& get() const;
  MachineCode code() const;

 private:
  const std::shared_ptr<Gpu> gpu_;
  const std::string text_;
  mutable std::mutex mutex_;
  mutable std::shared_ptr<const Module> module_;
};

/// The narrow text, and the wide one once it is asked for.
class Modules {
 public:
  Modules(std::shared_ptr<Gpu> gpu, emitter::Text text);
  /// The one for these sizes.
  const Module& at(const Bindings& symbols) const;
  std::vector<MachineCode> code() const;

 private:
  const std::shared_ptr<Gpu> gpu_;
  const emitter::Text text_;
  const LateModule narrow_;
  mutable std::mutex mutex_;
  mutable std::unique_ptr<const LateModule> wide_;
};

/// A kernel that runs by such a text.
struct ByText : Prepared {
  virtual std::vector<MachineCode> code() const = 0;
};

/// A function with arguments: addresses and 64-bit integers, as kernels' texts take them.
class Launching {
 public:
  Launching(FunctionHandle* function, int threads, int shared_bytes)
      : function_(function), threads_(threads), shared_bytes_(shared_bytes) {}
  /// `more`: where further arguments are; they stay there.
  void set(std::vector<uint64_t> arguments, const std::vector<void*>& more = {}) {
    arguments_ = std::move(arguments);
    places_.clear();
    for (uint64_t& each : arguments_) places_.push_back(&each);
    places_.insert(places_.end(), more.begin(), more.end());
  }
  void set_grid(int64_t x, int64_t y = 1, int64_t z = 1) {
    grid_[0] = static_cast<unsigned>(x);
    grid_[1] = static_cast<unsigned>(y);
    grid_[2] = static_cast<unsigned>(z);
  }
  void enqueue(Stream& stream);

 private:
  FunctionHandle* function_;
  int threads_, shared_bytes_;
  unsigned grid_[3] = {1, 1, 1};
  std::vector<uint64_t> arguments_;
  std::vector<void*> places_;
};

}  // namespace hone::cuda
