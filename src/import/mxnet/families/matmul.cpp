#include "ops/matmul.hpp"

#include "import/mxnet/node_reader.hpp"
#include "ops/arithmetic.hpp"
#include "ops/layout.hpp"
#include "ops/shape.hpp"

namespace hone::mxnet {
namespace {

/// Of all axes but the first, or of the last one alone.
void import_fully_connected(NodeReader& node) {
  const int64_t count = node.integer("num_hidden");
  const bool flattens = node.flag("flatten", true), no_bias = node.flag("no_bias", false);
  const int rank = node.rank_of(0);
  node.check(rank >= 1, "an input without axes");
  std::vector<Value*> operands{node.required(0), node.weight(1, "weight")};
  if (!no_bias) operands.push_back(node.weight(2, "bias"));
  const auto stored = operands[1]->type.tensor().concrete();
  if (stored)
    node.check(stored->size() == 2 && stored->front() == count, "weights are stored as ",
               shape_text(*stored), " for num_hidden ", count);
  const int64_t axis = flattens ? 1 : rank - 1;
  if (rank != 2) operands[0] = node.intermediate(Flatten{.axis = axis}, {operands[0]}, "rows");
  const Gemm product{.transB = true};
  if (axis == 1) return void(node.emit(product, operands));
  Dims shape(node.dims(0).begin(), node.dims(0).end() - 1);
  shape.push_back(count);
  node.emit(Reshape{.shape = std::move(shape)}, {node.intermediate(product, operands, "product")});
}

/// Numbers of a batch, or of each step of it, where nothing else tells it.
std::vector<int64_t> connected_sizes(const Symbol& symbol, const Node& node, size_t i,
                                     const WeightSource& weights) {
  const std::vector<int64_t> stored = weights.sizes(symbol, node, 1);
  if (i != 0 || stored.size() != 2) return {};
  const auto flattens = node.attributes.find("flatten");
  if (flattens != node.attributes.end() && flattens->second == "False") return {0, 0, stored[1]};
  return {0, stored[1]};
}

/// The axes of a matrix, or of each matrix of a batch, exchanged where the node says so.
Value* exchanged(NodeReader& node, int i, bool exchanges) {
  if (!exchanges) return node.required(i);
  const int rank = node.rank_of(i);
  node.check(rank >= 2, "transposes input ", i, " of ", rank, " axes");
  std::vector<int64_t> perm;
  for (int axis = 0; axis < rank; ++axis) perm.push_back(axis);
  std::swap(perm[perm.size() - 1], perm[perm.size() - 2]);
  return node.intermediate(Transpose{.perm = perm}, {node.required(i)}, cat("transposed", i));
}

struct Operands {
  Value *a, *b;
};
Operands read_operands(NodeReader& node) {
  const bool first = node.flag("transpose_a", false), second = node.flag("transpose_b", false);
  node.ignore({"forward_stype"});
  return {exchanged(node, 0, first), exchanged(node, 1, second)};
}

/// Over the last axis of the one and the first of the other.
void import_dot(NodeReader& node) {
  const auto [a, b] = read_operands(node);
  const int rank_a = node.rank_of(0), rank_b = node.rank_of(1);
  if (rank_b > 2) node.unsupported("a second operand of ", rank_b, " axes, wanted at most 2");
  if (rank_a != 1 || rank_b != 1) return void(node.emit(MatMul{}, {a, b}));
  node.emit(Reshape{.shape = Dims{1}}, {node.intermediate(MatMul{}, {a, b}, "product")});
}

void import_batch_dot(NodeReader& node) {
  const auto [a, b] = read_operands(node);
  node.emit(MatMul{}, {a, b});
}

void import_gemm2(NodeReader& node) {
  const double alpha = node.real("alpha", 1);
  if (node.integer("axis", -2) != -2) node.unsupported("rows on an axis other than -2");
  const auto [a, b] = read_operands(node);
  if (alpha == 1) return void(node.emit(MatMul{}, {a, b}));
  Value* product = node.intermediate(MatMul{}, {a, b}, "product");
  node.emit(Mul{}, {product, node.scalar(alpha, "alpha")});
}

std::vector<int64_t> matrices(const Symbol&, const Node&, size_t, const WeightSource&) {
  return {0, 0, 0};
}

}  // namespace

void register_matmul(Importers& importers) {
  importers.add("FullyConnected",
                {.run = import_fully_connected, .weights = 1, .sizes = connected_sizes});
  importers.add("dot", {.run = import_dot});
  importers.add("batch_dot", {.run = import_batch_dot, .sizes = matrices});
  importers.add({"_linalg_gemm2", "linalg_gemm2"}, {.run = import_gemm2});
}

}  // namespace hone::mxnet
