#include "device/cpu/stream.hpp"

namespace hone::cpu {

const KernelRegistry& kernels() {
  static const KernelRegistry kRegistry = [] {
    KernelRegistry registry;
    register_all_kernels(registry);
    return registry;
  }();
  return kRegistry;
}

}  // namespace hone::cpu
