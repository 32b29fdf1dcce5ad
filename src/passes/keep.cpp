#include "passes/keep.hpp"

#include <algorithm>
#include <mutex>
#include <unordered_map>

#include "base/error.hpp"
#include "base/pattern.hpp"

namespace hone {

struct Keep::Patterns {
  std::vector<Pattern> list;
  // Every pass asks about the same names again.
  mutable std::mutex mutex;
  mutable std::unordered_map<std::string, bool> known;

  bool match(const std::string& name) const {
    const std::lock_guard lock(mutex);
    const auto found = known.find(name);
    if (found != known.end()) return found->second;
    const bool matches = std::any_of(
        list.begin(), list.end(), [&](const Pattern& pattern) { return pattern.found_in(name); });
    known.emplace(name, matches);
    return matches;
  }
};

Keep::Keep(const std::vector<std::string>& expressions) {
  if (expressions.empty()) return;
  auto patterns = std::make_shared<Patterns>();
  for (const std::string& each : expressions) {
    try {
      patterns->list.emplace_back(each);
    } catch (const Error& error) {
      fail(Code::usage, "--keep: ", error.message());
    }
  }
  patterns_ = std::move(patterns);
}

bool Keep::matches(const Node& node) const {
  return std::any_of(node.origin.begin(), node.origin.end(),
                     [&](const std::string& origin) { return patterns_->match(origin); });
}

}  // namespace hone
