#pragma once
// Which nodes of the source model a node stands for.

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string>
#include <vector>

namespace hone {

struct Node;

/// Names of the source model's nodes that a node stands for, each once, in order. Copies share
/// them. One node may stand for all of a long chain: of more names than kMost the first ones and
/// the last are kept, and how many lie between them.
class Origins {
 public:
  static constexpr size_t kMost = 32;

  Origins() = default;
  Origins(std::vector<std::string> names, int64_t more = 0);  // NOLINT: names are origins
  Origins(std::initializer_list<std::string> names) : Origins(std::vector<std::string>(names)) {}

  const std::vector<std::string>& names() const;
  /// Names before the last that are not kept. One that two nodes had left out counts twice.
  int64_t more() const { return held_ == nullptr ? 0 : held_->more; }

  bool empty() const { return held_ == nullptr; }
  size_t size() const { return names().size(); }
  const std::string& front() const { return held_->names.front(); }
  const std::string& back() const { return held_->names.back(); }
  std::vector<std::string>::const_iterator begin() const { return names().begin(); }
  std::vector<std::string>::const_iterator end() const { return names().end(); }

 private:
  struct Held {
    std::vector<std::string> names;
    int64_t more;
  };
  std::shared_ptr<const Held> held_;  // null: none
};

/// The origins of all of these nodes, each once, in order; null ones are passed over.
Origins origins_of(const std::vector<const Node*>& nodes);

/// For people: "a b", "a b and 97 more".
std::string origins_text(const Origins& origins);

}  // namespace hone
