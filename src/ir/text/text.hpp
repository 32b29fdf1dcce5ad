#pragma once
// The text form of a graph: what people read and tests compare. parse(print(g)) prints the same
// text. One node a line:
//   graph net(%image: f32[n,3,32,32]) -> (probs = %y, %v)
//     require 1 <= n
//     %c = Conv(%image, @conv.weight) pads=[1,1,1,1] : f32[n,64,32,32]  # /stem/Conv (by some_pass)
//     %v, _ = TopK(%c, i64[1]{3}) axis=1             : f32[n,3], _
//     %y = If(%flag, %c)                             : f32[n,64,32,32]
//       then_branch(%x: f32[n,64,32,32]) -> (%x)
//       else_branch(%x: f32[n,64,32,32]) -> (%r)
//         %r = Relu(%x)                              : f32[n,64,32,32]
//   weights
//     @conv.weight : f32[64,3,3,3] 6,912 bytes net.onnx+0x1a40
// %a a value, @a a large constant, f32[2]{1,2} a literal, _ an absent operand or a result nobody
// wants. Names with other characters than [A-Za-z0-9_./|:-] are quoted: %"a b". An output that has
// its value's name shows it once. A body is a graph under the name of its field, below its node.
// Lines that begin with # are skipped. Known contents of values are not written: infer(graph)
// finds them again.

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "ir/graph.hpp"
#include "ir/limits.hpp"

namespace hone {

struct PrintOptions {
  bool types = true;    // results' types
  bool origins = true;  // "# /stem/Conv (by fold_batch_norm)"
  bool weights = true;  // the list of large constants at the end
  bool align = true;    // pad so that types and origins stand in columns
  bool hashes = false;  // content hashes of large constants: reads all of them
};
std::string print(const Graph& graph, const PrintOptions& options = {});
/// One node as print() writes it, without alignment.
std::string print(const Node& node, const PrintOptions& options = {});

/// Finds the contents of a large constant named in the text, by name, dtype, shape and hash (zero
/// when the text has none). Null: keep it absent.
using WeightResolver = std::function<std::shared_ptr<const Weight>(
    std::string_view name, DType, const std::vector<int64_t>& shape, const Hash&)>;

/// Reads one graph. A type that the text leaves out is inferred, a written one is kept. Large
/// constants that are neither random nor found by `weights` are absent, with the hash the text
/// gives. Error(invalid_model) "line 3: ..." with what was found and wanted, also for what is
/// beyond the limits.
std::unique_ptr<Graph> parse(std::string_view text, const OpRegistry& registry,
                             const WeightResolver& weights = nullptr, const Limits& limits = {});

}  // namespace hone
