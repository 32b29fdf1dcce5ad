#include <algorithm>

#include "import/onnx/node_reader.hpp"

namespace hone::onnx {

void Importers::add(std::string_view op_type, ImportFunction f, int from, int to,
                    std::string_view domain) {
  auto& rows = domains_[std::string(domain)][std::string(op_type)];
  for (const Row& row : rows)
    if (from <= row.to && row.from <= to)
      fail(Code::internal, "two importers for ", domain, "::", op_type, " v",
           std::max(from, row.from));
  rows.push_back({from, to, f});
  std::sort(rows.begin(), rows.end(), [](const Row& a, const Row& b) { return a.from < b.from; });
}

Importers::Found Importers::find(std::string_view domain, std::string_view op_type,
                                 int opset) const {
  Found found;
  const auto rows_of_domain = domains_.find(domain);
  if (rows_of_domain == domains_.end()) return found;
  const auto rows = rows_of_domain->second.find(op_type);
  if (rows == rows_of_domain->second.end()) return found;
  found.known = true;
  for (const Row& row : rows->second) {
    const bool nearer = found.least == 0 || row.from <= opset;
    if (!nearer) break;
    found.least = row.from;
    found.most = row.to;
    if (row.from <= opset && opset <= row.to) found.f = row.f;
  }
  return found;
}

std::vector<std::string_view> Importers::names(std::string_view domain) const {
  std::vector<std::string_view> names;
  if (const auto found = domains_.find(domain); found != domains_.end())
    for (const auto& [name, rows] : found->second) names.push_back(name);
  return names;
}

}  // namespace hone::onnx
