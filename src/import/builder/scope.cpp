#include "import/builder/scope.hpp"

namespace hone::builder {

bool Scope::define(std::string_view name, Slot slot) { return names_.emplace(name, slot).second; }

bool Scope::store(std::string_view name, std::shared_ptr<const Weight> weight) {
  const auto index = static_cast<uint32_t>(stored_.size());
  const auto state = weight == nullptr ? Slot::State::failed : Slot::State::stored;
  stored_.push_back(std::move(weight));
  return define(name, {state, nullptr, index});
}

Slot Scope::look(std::string_view name) const {
  const auto found = names_.find(name);
  return found == names_.end() ? Slot() : found->second;
}

Slot Scope::find(std::string_view name) {
  const auto found = names_.find(name);
  if (found == names_.end()) {
    if (outer_ == nullptr) return {};
    Slot slot = outer_->find(name);
    if (slot.state == Slot::State::value) slot.value = frame_.bring(slot.value, outer_->frame_);
    return slot;
  }
  Slot& slot = found->second;
  if (slot.state == Slot::State::stored)
    slot = {Slot::State::value, frame_.constant(prefix_ + std::string(name), weight(slot))};
  return slot;
}

}  // namespace hone::builder
