#pragma once
// What follows from sizes and costs something to make, kept by a prepared kernel for the sizes that
// it was last bound to: a step whose sizes are open is bound anew for every run.

#include <cstdint>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

namespace hone::cpu {

template <class Made>
class Recent {
 public:
  using Key = std::vector<int64_t>;

  /// That of these sizes, or make(). Any thread may call this.
  template <class Make>
  std::shared_ptr<const Made> get(const Key& key, const Make& make) const {
    const std::lock_guard lock(mutex_);
    for (const auto& [known, made] : kept_)
      if (known == key) return made;
    auto made = std::make_shared<const Made>(make());
    if (kept_.size() == kMost) kept_.erase(kept_.begin());
    kept_.emplace_back(key, made);
    return made;
  }

 private:
  static constexpr size_t kMost = 8;
  mutable std::mutex mutex_;
  mutable std::vector<std::pair<Key, std::shared_ptr<const Made>>> kept_;
};

}  // namespace hone::cpu
