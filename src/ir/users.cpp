#include "ir/users.hpp"

#include <algorithm>
#include <bit>

#include "ir/graph.hpp"

namespace hone {

bool Users::has(const Node* node, size_t operand) const {
  if (node->places[operand] >= uses_.size()) return false;
  const Use& use = uses_[node->places[operand]];
  return use.node == node && use.operand == operand;
}

void Users::add(Node* node, size_t operand) {
  node->places[operand] = static_cast<uint32_t>(uses_.size());
  uses_.push_back({node, static_cast<uint32_t>(operand)});
  ++count_;
}

void Users::remove(const Node* node, size_t operand) {
  uses_[node->places[operand]].node = nullptr;
  if (--count_ == 0) {
    uses_.clear();
    first_ = 0;
    return;
  }
  while (uses_[first_].node == nullptr) ++first_;
  while (uses_.back().node == nullptr) uses_.pop_back();
  // Each time half of them are gone: of every removal, a constant part.
  constexpr size_t kFew = 16;
  if (uses_.size() > 2 * count_ + kFew) close_gaps();
}

std::vector<Users::Use> Users::all() const {
  std::vector<Use> all;
  all.reserve(count_);
  for (const Use& use : uses_)
    if (use.node != nullptr) all.push_back(use);
  return all;
}

std::vector<Users::Use> Users::take() {
  std::vector<Use> taken = all();
  *this = {};
  return taken;
}

void UsePlaces::grow(size_t before, size_t count) {
  if (count <= kFew || count <= before) return;
  // As many as the next power of two: one after the other does not copy all each time.
  const size_t held = before > kFew ? std::bit_ceil(before - kFew) : 0;
  const size_t wanted = std::bit_ceil(count - kFew);
  if (wanted == held) return;
  auto more = std::make_unique<uint32_t[]>(wanted);
  if (before > kFew) std::copy_n(more_.get(), before - kFew, more.get());
  more_ = std::move(more);
}

void Users::close_gaps() {
  size_t to = 0;
  for (const Use& use : uses_) {
    if (use.node == nullptr) continue;
    use.node->places[use.operand] = static_cast<uint32_t>(to);
    uses_[to++] = use;
  }
  uses_.resize(to);
  first_ = 0;
}

}  // namespace hone
