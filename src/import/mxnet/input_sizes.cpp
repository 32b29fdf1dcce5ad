#include "import/mxnet/input_sizes.hpp"

#include <algorithm>

namespace hone::mxnet {
Needed needed_nodes(const Symbol& symbol, const Importers& importers) {
  Needed needed{std::vector<bool>(symbol.nodes.size())};
  for (const Entry& head : symbol.heads) needed.nodes[head.node] = true;
  for (size_t i = symbol.nodes.size(); i-- > 0;) {
    if (!needed.nodes[i]) continue;
    const Node& node = symbol.nodes[i];
    const Importer* importer = importers.find(node.op);
    const size_t read =
        importer == nullptr ? node.inputs.size() : std::min(node.inputs.size(), importer->labels);
    for (size_t k = 0; k < read; ++k) needed.nodes[node.inputs[k].node] = true;
  }
  return needed;
}

std::vector<std::vector<int64_t>> input_sizes(const Symbol& symbol, const Importers& importers,
                                              const Needed& needed, const WeightSource& weights) {
  // From the last node to the first: what a result must look like is known before what is read.
  std::vector<std::vector<int64_t>> sizes(symbol.nodes.size());
  for (size_t i = symbol.nodes.size(); i-- > 0;) {
    const Node& node = symbol.nodes[i];
    if (node.is_variable()) {
      if (auto stated = stated_sizes(node); !stated.empty()) sizes[i] = std::move(stated);
      continue;
    }
    const Importer* importer = needed.nodes[i] ? importers.find(node.op) : nullptr;
    if (importer == nullptr) continue;
    for (size_t k = 0; k < std::min(node.inputs.size(), importer->labels); ++k) {
      std::vector<int64_t> told;
      if (importer->sizes != nullptr) told = importer->sizes(symbol, node, k, weights);
      if (told.empty() && importer->like != Importer::Like::nothing) told = sizes[i];
      if (importer->like == Importer::Like::rank) std::fill(told.begin(), told.end(), 0);
      std::vector<int64_t>& known = sizes[node.inputs[k].node];
      if (node.inputs[k].output == 0 && told.size() >= known.size() && !told.empty())
        known = std::move(told);
    }
  }
  return sizes;
}

}  // namespace hone::mxnet
