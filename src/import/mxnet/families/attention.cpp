// Self-attention as GluonNLP writes it: queries, keys and values of all heads in one tensor
// [steps, batch, heads * 3 * depth]. (Source: apache/mxnet 1.9, src/operator/contrib/
// transformer.cc.)

#include "ops/matmul.hpp"

#include <cmath>

#include "import/mxnet/node_reader.hpp"
#include "ops/arithmetic.hpp"
#include "ops/gather.hpp"
#include "ops/layout.hpp"
#include "ops/shape.hpp"

namespace hone::mxnet {
namespace {

struct Heads {
  Dim steps, batch;
  int64_t heads, depth;
};

Heads read_heads(NodeReader& node) {
  const int64_t heads = node.integer("heads");
  node.check(node.rank_of(0) == 3, "an input of ", node.rank_of(0), " axes, wanted 3");
  const Dims& dims = node.dims(0);
  const auto width = dims[2].constant();
  if (!width) node.unsupported("a width that is not known");
  node.check(heads > 0 && heads <= *width && *width % (3 * heads) == 0, *width, " numbers for ",
             heads, " heads");
  return {dims[0], dims[1], heads, *width / (3 * heads)};
}

/// Queries (0), keys (1) or values (2) as [batch * heads, steps, depth].
Value* part(NodeReader& node, const Heads& of, int64_t which, std::string_view name) {
  Value* all = node.reshaped(node.required(0), {of.steps, of.batch, of.heads, 3, of.depth},
                             cat(name, "_of_all"));
  Value* one =
      node.intermediate(Gather{.axis = 3}, {all, node.number(which, name)}, cat(name, "_by_step"));
  Value* moved = node.intermediate(Transpose{.perm = {1, 2, 0, 3}}, {one}, cat(name, "_by_head"));
  return node.reshaped(moved, {of.batch * of.heads, of.steps, of.depth}, cat(name, "s"));
}

void import_scores(NodeReader& node) {
  const Heads of = read_heads(node);
  Value* query = part(node, of, 0, "query");
  const double factor = 1 / std::sqrt(static_cast<double>(of.depth));
  query = node.intermediate(Mul{}, {query, node.scalar(factor, "factor")}, "scaled");
  Value* keys = part(node, of, 1, "key");
  Value* turned = node.intermediate(Transpose{.perm = {0, 2, 1}}, {keys}, "keys_turned");
  node.emit(MatMul{}, {query, turned});
}

void import_mix(NodeReader& node) {
  const Heads of = read_heads(node);
  Value* values = part(node, of, 2, "value");
  Value* mixed = node.intermediate(MatMul{}, {node.required(1), values}, "mixed");
  Value* cut = node.reshaped(mixed, {of.batch, of.heads, of.steps, of.depth}, "mixed_by_head");
  Value* moved = node.intermediate(Transpose{.perm = {2, 0, 1, 3}}, {cut}, "mixed_by_step");
  node.emit(Reshape{.shape = Dims{of.steps, of.batch, of.heads * of.depth}}, {moved});
}

/// Over the root of the last axis' size.
void import_div_sqrt_dim(NodeReader& node) {
  const int rank = node.rank_of(0);
  node.check(rank >= 1, "an input without axes");
  const auto size = node.dims(0).back().constant();
  if (!size) node.unsupported("a last axis whose size is not known");
  node.check(*size > 0, "a last axis of size 0");
  const double factor = 1 / std::sqrt(static_cast<double>(*size));
  node.emit(Mul{}, {node.required(0), node.scalar(factor, "factor")});
}

std::vector<int64_t> three_axes(const Symbol&, const Node&, size_t, const WeightSource&) {
  return {0, 0, 0};
}

}  // namespace

void register_attention(Importers& importers) {
  importers.add("_contrib_interleaved_matmul_selfatt_qk",
                {.run = import_scores, .sizes = three_axes});
  importers.add("_contrib_interleaved_matmul_selfatt_valatt",
                {.run = import_mix, .sizes = three_axes});
  importers.add("_contrib_div_sqrt_dim",
                {.run = import_div_sqrt_dim, .like = Importer::Like::sizes});
}

}  // namespace hone::mxnet
