#include "ops/random.hpp"

#include <bit>
#include <cmath>

#include "base/hash.hpp"
#include "import/onnx/node_reader.hpp"
#include "ops/generate.hpp"
#include "ops/shape.hpp"

namespace hone::onnx {
namespace {

/// Nodes without a seed get different ones that stay the same from run to run, and that the
/// attribute, a float, can hold.
int64_t seed_of_name(const NodeReader& node) {
  return static_cast<int64_t>(hash_text(node.origin()).low & 0xFFFFFF);
}

/// A float for most operators; a whole number counts as itself.
int64_t read_seed(NodeReader& node) {
  if (!node.has("seed")) return seed_of_name(node);
  const float seed = node.real("seed", 0);
  if (std::trunc(seed) == seed && std::fabs(seed) < 0x1p62f) return static_cast<int64_t>(seed);
  return std::bit_cast<int32_t>(seed);
}

void read(NodeReader& node, NormalNumbers& numbers) {
  numbers.seed = read_seed(node);
  numbers.mean = node.real("mean", 0);
  numbers.scale = node.real("scale", 1);
}

void read(NodeReader& node, UniformNumbers& numbers) {
  numbers.seed = read_seed(node);
  numbers.low = node.real("low", 0);
  numbers.high = node.real("high", 1);
}

template <class T>
void import_random(NodeReader& node) {
  T op;
  node.check(node.has("shape"), "attribute shape is missing");
  op.shape = node.ints("shape");
  op.numbers.dtype = node.dtype("dtype", DType::f32);
  read(node, op.numbers);
  node.emit(std::move(op), {});
}

template <class T>
void import_random_like(NodeReader& node) {
  T op;
  op.numbers.dtype = node.dtype("dtype", node.dtype_in(0).value_or(DType::f32));
  read(node, op.numbers);
  node.emit(op, {node.required(0)});
}

void import_bernoulli(NodeReader& node) {
  Bernoulli op;
  op.dtype = node.dtype("dtype", node.dtype_in(0).value_or(DType::f32));
  op.seed = read_seed(node);
  node.emit(op, {node.required(0)});
}

void import_multinomial(NodeReader& node) {
  Multinomial op;
  op.dtype = node.dtype("dtype", DType::i32);
  op.sample_size = node.integer("sample_size", 1);
  op.seed = read_seed(node);
  node.emit(op, {node.required(0)});
}

/// Outside of training everything is kept: the operand, and a mask of ones.
void import_inference_dropout(NodeReader& node, DType mask) {
  node.emit(Identity{}, {node.required(0)});
  if (!node.wants(1)) return;
  Value* shape = node.intermediate(Shape{}, {node.required(0)}, "shape");
  const ConstantOfShape ones{.value = Tensor::scalar(mask, 1)};
  node.give(1, node.intermediate(ones, {shape}, "mask"));
}

/// Before opset 12 the ratio is an attribute and training another operator's affair (before opset 7
/// is_test says so); before opset 10 the mask has the data's type.
void import_dropout(NodeReader& node) {
  if (node.opset() < 12) {
    node.ignore("ratio");
    if (node.opset() < 7 && !node.flag("is_test", false))
      return node.problem("drops at random, for training: is_test is 0",
                          "export the model for inference (is_test=1)");
    const DType data = node.dtype_in(0).value_or(DType::f32);
    return import_inference_dropout(node, node.opset() < 10 ? data : DType::boolean);
  }
  const bool seeded = node.has("seed");
  const Dropout op{.seed = seeded ? node.integer("seed") : seed_of_name(node)};
  if (node.input(2) == nullptr || node.known_scalar(2) == 0)
    return import_inference_dropout(node, DType::boolean);
  node.required(0);
  node.emit_all(op, node.all_inputs());
}

}  // namespace

void register_random(Importers& importers) {
  importers.add("RandomNormal", import_random<RandomNormal>);
  importers.add("RandomNormalLike", import_random_like<RandomNormalLike>);
  importers.add("RandomUniform", import_random<RandomUniform>);
  importers.add("RandomUniformLike", import_random_like<RandomUniformLike>);
  importers.add("Bernoulli", import_bernoulli, 15);
  importers.add("Multinomial", import_multinomial, 7);
  importers.add("Dropout", import_dropout);
}

}  // namespace hone::onnx
