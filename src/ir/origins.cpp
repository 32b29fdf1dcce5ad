#include "ir/origins.hpp"

#include <algorithm>
#include <string_view>
#include <unordered_set>

#include "base/text.hpp"
#include "ir/graph.hpp"

namespace hone {

Origins::Origins(std::vector<std::string> names, int64_t more) {
  if (names.empty()) return;
  if (names.size() > kMost) {
    more += static_cast<int64_t>(names.size() - kMost);
    names[kMost - 1] = std::move(names.back());
    names.resize(kMost);
  }
  names.shrink_to_fit();
  held_ = std::make_shared<const Held>(Held{std::move(names), more});
}

const std::vector<std::string>& Origins::names() const {
  static const std::vector<std::string> kNone;
  return held_ == nullptr ? kNone : held_->names;
}

Origins origins_of(const std::vector<const Node*>& nodes) {
  std::vector<const Origins*> all;
  std::unordered_set<const std::vector<std::string>*> held;  // of copies of a node once
  for (const Node* node : nodes)
    if (node != nullptr && !node->origin.empty() && held.insert(&node->origin.names()).second)
      all.push_back(&node->origin);
  if (all.empty()) return {};
  if (all.size() == 1) return *all.front();
  std::unordered_set<std::string_view> seen;
  std::vector<std::string> names;
  int64_t more = 0;
  for (const Origins* origins : all) {
    more += origins->more();
    for (const std::string& name : *origins) {
      if (!seen.insert(name).second) continue;
      if (names.size() < Origins::kMost) {
        names.push_back(name);
      } else {  // the last one is kept
        names.back() = name;
        ++more;
      }
    }
  }
  return {std::move(names), more};
}

std::string origins_text(const Origins& origins) {
  if (origins.more() == 0) return join(origins, " ");
  return cat(join(origins, " "), " and ", with_commas(static_cast<uint64_t>(origins.more())),
             " more");
}

}  // namespace hone
