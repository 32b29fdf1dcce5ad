#include "ops/matmul.hpp"

#include "base/size.hpp"
#include "import/caffe/layer_reader.hpp"
#include "ops/arithmetic.hpp"
#include "ops/cast.hpp"
#include "ops/gather.hpp"
#include "ops/shape.hpp"

namespace hone::caffe {
namespace {

/// A matrix product over `axis` and all axes after it.
void import_inner_product(LayerReader& layer) {
  Params params = layer.params("inner_product_param");
  const int64_t count = params.integer("num_output"), axis = params.integer("axis", 1);
  const bool bias = params.flag("bias_term", true), is_transposed = params.flag("transpose", false);
  layer.check(count > 0, "num_output is ", count);
  const int64_t from = layer.axis_of(axis, 0);
  const Dims& dims = layer.input(0)->type.tensor().shape();
  int64_t depth = 1;
  for (size_t i = static_cast<size_t>(from); i < dims.size(); ++i) {
    const auto size = dims[i].constant();
    if (!size) layer.unsupported("the product is over sizes that are not known: ", dims[i]);
    depth = checked_mul(depth, *size);
  }
  const std::vector<int64_t> sizes =
      is_transposed ? std::vector{depth, count} : std::vector{count, depth};
  const bool is_matrix = from == 1 && dims.size() == 2;
  Value* rows = layer.required(0);
  if (!is_matrix) rows = layer.intermediate(Flatten{.axis = from}, {rows}, "rows");
  std::vector<Value*> operands{rows, layer.weight(0, sizes, "weight")};
  if (bias) operands.push_back(layer.weight(1, {count}, "bias"));
  Gemm product{.transB = !is_transposed};
  if (from == 1) return void(layer.emit(product, operands));
  Dims shape(dims.begin(), dims.begin() + from);
  shape.push_back(count);
  layer.emit(Reshape{.shape = std::move(shape)},
             {layer.intermediate(product, operands, "product")});
}

/// The row of a table for each number.
void import_embed(LayerReader& layer) {
  Params params = layer.params("embed_param");
  const int64_t count = params.integer("num_output"), rows = params.integer("input_dim");
  layer.check(count > 0 && rows > 0, "a table of ", rows, " rows of ", count);
  const bool bias = params.flag("bias_term", true);
  Value* table = layer.weight(0, {rows, count}, "weight");
  Value* places = layer.intermediate(Cast{.to = DType::i64}, {layer.required(0)}, "places");
  if (!bias) return void(layer.emit(Gather{}, {table, places}));
  Value* picked = layer.intermediate(Gather{}, {table, places}, "rows");
  layer.emit(Add{}, {picked, layer.weight(1, {count}, "bias")});
}

}  // namespace

void register_inner_product(Importers& importers) {
  importers.add("InnerProduct", import_inner_product);
  importers.add("Embed", import_embed);
}

}  // namespace hone::caffe
