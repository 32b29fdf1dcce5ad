#include "export/onnx/model.hpp"

#include <algorithm>

#include "base/onnx_fields.hpp"
#include "export/onnx/graph_export.hpp"

namespace hone::onnx {
namespace {

constexpr size_t kNamedNodes = 8;  // of one problem, in a message

const Exporters& exporters() {
  static const Exporters all = [] {
    Exporters made;
    register_all_exporters(made);
    return made;
  }();
  return all;
}

[[noreturn]] void fail_with(const ModelExport& model) {
  size_t count = 0;
  std::string lines;
  for (const auto& [why, nodes] : model.problems) {
    count += nodes.size();
    const size_t shown = std::min(nodes.size(), kNamedNodes);
    lines += cat("\n  ", why, " (", join(std::span(nodes).first(shown), ", "));
    if (shown < nodes.size()) lines += cat(" and ", nodes.size() - shown, " more");
    lines += ')';
  }
  fail(Code::unsupported, count, count == 1 ? " node" : " nodes", " cannot be written as ONNX",
       lines);
}

}  // namespace

int64_t data_type(DType dtype) {
  const auto found = std::find(kDataTypes.begin() + 1, kDataTypes.end(), dtype);  // 0: undefined
  return found - kDataTypes.begin();
}

Model model_of(const Graph& graph) {
  ModelExport shared{exporters(), {}, {}, {{"", 18}}, {}, {}, {}};
  Model model;
  model.graph = GraphExport(shared, graph, nullptr).main();
  if (!shared.problems.empty()) fail_with(shared);
  model.functions = std::move(shared.functions);
  model.opsets = std::move(shared.opsets);
  return model;
}

}  // namespace hone::onnx
