#pragma once
// The text form of a graph: what people read and tests compare. parse(print(g)) prints the same
// text.

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "ir/graph.hpp"

namespace hone {

struct PrintOptions {
  bool types = true;    // results' types
  bool origins = true;  // "# /stem/Conv (by fold_batch_norm)"
  bool weights = true;  // the list of large constants at the end
  bool align = true;    // pad so that types and origins stand in columns
};
std::string print(const Graph& graph, const PrintOptions& options = {});
/// One node as print() writes it, without alignment.
std::string print(const Node& node, const PrintOptions& options = {});

/// Finds the contents of a large constant named in the text, by name, dtype, shape and hash (zero
/// when the text has none). Null: keep it absent.
using WeightResolver = std::function<std::shared_ptr<const Weight>(
    std::string_view name, DType, const std::vector<int64_t>& shape, const Hash&)>;

/// Reads one graph. Types that the text leaves out are inferred. Error(invalid_model) "line 3: ..."
/// with what was found and wanted.
std::unique_ptr<Graph> parse(std::string_view text, const OpRegistry& registry,
                             const WeightResolver& weights = nullptr);

}  // namespace hone
