#include "ops/common/registry.hpp"

#include "ir/bodies/structural.hpp"

namespace hone {

const OpRegistry& all_ops() {
  static const OpRegistry kRegistry = [] {
    OpRegistry registry;
    register_structural(registry);
    register_all_ops(registry);
    return registry;
  }();
  return kRegistry;
}

}  // namespace hone
