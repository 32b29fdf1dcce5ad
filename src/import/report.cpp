#include "import/report.hpp"

#include <algorithm>

#include "base/printable.hpp"

namespace hone {
namespace {

constexpr size_t kShownCharacters = 120;
constexpr size_t kColumn = 48;  // a longer entry does not push the others to the right

std::string place(const Report::Group& group) {
  return group.count > 1 ? cat("first: ", group.first.node) : group.first.node;
}

void pad(std::string& line, std::string_view entry, size_t width) {
  line += entry;
  line.append(entry.size() < width ? width - entry.size() : 0, ' ');
}

std::string heading(const Report::Model& model, int64_t total, bool only_nodes) {
  std::string about = cat(model.file, model.version.empty() ? "" : ", ", model.version);
  if (!model.producer.empty()) about += cat(", made by ", model.producer);
  if (only_nodes) return cat(total, " of ", model.nodes, " nodes cannot be run (", about, "):");
  return cat(total, total == 1 ? " problem (" : " problems (", about, "):");
}

}  // namespace

std::string shown(std::string_view name) {
  size_t end = std::min(name.size(), kShownCharacters);
  const auto continues = [&](size_t at) {
    return (static_cast<unsigned char>(name[at]) & 0xc0) == 0x80;
  };
  // Not in the middle of a character.
  for (int i = 0; i < 3 && end < name.size() && end > 0 && continues(end); ++i) --end;
  return cat(printable(name.substr(0, end)), end < name.size() ? "..." : "");
}

void Report::add(ModelProblem problem) {
  ++total_;
  ++codes_[problem.code];
  if (!problem.op.empty()) ++nodes_;
  Key key{problem.op, problem.what, problem.suggestion};
  if (const auto found = index_.find(key); found != index_.end()) {
    Group& group = groups_[found->second];
    ++group.count;
    if (group.nodes.size() < Group::kNodes) group.nodes.push_back(problem.node);
  } else if (groups_.size() < kGroups) {
    index_.emplace(std::move(key), groups_.size());
    std::vector<std::string> nodes{problem.node};
    groups_.push_back({std::move(problem), 1, std::move(nodes)});
  }
}

ModelError Report::error(const Model& model) const {
  Code code = Code::unsupported;
  for (const Code severe :
       {Code::out_of_memory, Code::io, Code::usage, Code::invalid_model, Code::internal})
    if (codes_.contains(severe)) code = severe;

  std::vector<const Group*> order;
  for (const Group& group : groups_) order.push_back(&group);
  std::stable_sort(order.begin(), order.end(),
                   [](const Group* a, const Group* b) { return a->count > b->count; });
  order.resize(std::min(order.size(), kShown));

  size_t subjects = 0, places = 0;
  for (const Group* group : order) {
    subjects = std::max(subjects, std::min(group->first.op.size(), kColumn));
    places = std::max(places, std::min(place(*group).size(), kColumn));
  }
  std::string message = heading(model, total_, nodes_ == total_);
  int64_t told = 0;
  for (const Group* group : order) {
    std::string line;
    pad(line, cat("\n  ", group->count, "x  "), 7);
    if (subjects > 0) {
      pad(line, group->first.op, subjects);
      line += "  ";
    }
    pad(line, place(*group), places);
    line += cat("  ", group->first.what);
    if (!group->first.suggestion.empty()) line += cat(": ", group->first.suggestion);
    message += line;
    told += group->count;
  }
  if (told < total_) message += cat("\n  and ", total_ - told, " more");
  return ModelError(code, message, groups_);
}

}  // namespace hone
