#pragma once
// The readers of a value.

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <memory>
#include <vector>

namespace hone {

struct Node;

/// Nodes that read a value, once per reading operand, in the order in which they began to. A value
/// may have as many readers as a graph has nodes: adding and removing one take constant time.
class Users {
 public:
  struct Use {
    Node* node;  // null: reads no longer
    uint32_t operand;
  };

  class Iterator {
   public:
    using iterator_category = std::forward_iterator_tag;
    using value_type = Node*;
    using difference_type = std::ptrdiff_t;
    using pointer = Node* const*;
    using reference = Node* const&;

    Iterator() = default;
    Iterator(const Use* use, const Use* end) : use_(use), end_(end) {}
    reference operator*() const { return use_->node; }
    Iterator& operator++() {
      do ++use_;
      while (use_ != end_ && use_->node == nullptr);
      return *this;
    }
    Iterator operator++(int) {
      const Iterator before = *this;
      ++*this;
      return before;
    }
    friend bool operator==(const Iterator&, const Iterator&) = default;

   private:
    const Use *use_ = nullptr, *end_ = nullptr;
  };

  size_t size() const { return count_; }
  bool empty() const { return count_ == 0; }
  Node* front() const { return *begin(); }
  Iterator begin() const { return {uses_.data() + first_, uses_.data() + uses_.size()}; }
  Iterator end() const { return {uses_.data() + uses_.size(), uses_.data() + uses_.size()}; }

  /// The operand stands where the node says.
  bool has(const Node* node, size_t operand) const;
  /// Appends; writes down in the node where the operand stands here.
  void add(Node* node, size_t operand);
  /// Takes out what add() put in for this operand.
  void remove(const Node* node, size_t operand);
  /// All of them, with the operands.
  std::vector<Use> all() const;
  /// The same; afterwards none reads.
  std::vector<Use> take();

 private:
  void close_gaps();

  std::vector<Use> uses_;  // the first from first_ on and the last are in use
  uint32_t first_ = 0, count_ = 0;
};

/// Where each operand of a node stands among its value's users; most nodes have few.
class UsePlaces {
 public:
  uint32_t& operator[](size_t operand) {
    return operand < kFew ? few_[operand] : more_[operand - kFew];
  }
  uint32_t operator[](size_t operand) const {
    return operand < kFew ? few_[operand] : more_[operand - kFew];
  }
  /// Makes room for operands up to `count`, where there were `before`.
  void grow(size_t before, size_t count);

 private:
  static constexpr size_t kFew = 2;
  uint32_t few_[kFew] = {};
  std::unique_ptr<uint32_t[]> more_;
};

}  // namespace hone
