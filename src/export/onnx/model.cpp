#include "export/onnx/model.hpp"

#include <array>

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
  // By DType.
  constexpr std::array<uint8_t, kDTypeCount> kNumbers = {11, 1,  10, 16, 17, 18,
                                                         19, 20, 24, 27, 28, 23,  // f64 ... f4e2m1
                                                         7,  6,  5,  3,  22, 26,  // i64 ... i2
                                                         13, 12, 4,  2,  21, 25,  // u64 ... u2
                                                         9,  14, 15, 8};  // bool, c64, c128, string
  return kNumbers[static_cast<size_t>(dtype)];
}

Model model_of(const Graph& graph) {
  ModelExport shared{exporters(), {}, {}, {{"", 18}}, {}};
  Model model;
  model.graph = GraphExport(shared, graph, nullptr).main();
  if (!shared.problems.empty()) fail_with(shared);
  model.opsets = std::move(shared.opsets);
  return model;
}

}  // namespace hone::onnx
