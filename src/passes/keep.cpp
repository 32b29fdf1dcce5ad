#include "passes/keep.hpp"

#include <algorithm>
#include <regex>

#include "base/error.hpp"

namespace hone {

struct Keep::Patterns {
  std::vector<std::regex> list;
};

Keep::Keep(const std::vector<std::string>& expressions) {
  if (expressions.empty()) return;
  auto patterns = std::make_shared<Patterns>();
  for (const std::string& each : expressions) {
    try {
      patterns->list.emplace_back(each);
    } catch (const std::regex_error&) {
      fail(Code::usage, "--keep: \"", each, "\" is no regular expression (of ECMAScript's kind)");
    }
  }
  patterns_ = std::move(patterns);
}

bool Keep::matches(const Node& node) const {
  return std::any_of(node.origin.begin(), node.origin.end(), [&](const std::string& origin) {
    return std::any_of(
        patterns_->list.begin(), patterns_->list.end(),
        [&](const std::regex& pattern) { return std::regex_search(origin, pattern); });
  });
}

}  // namespace hone
