#include "import/mxnet/positions.hpp"

#include "ops/cast.hpp"
#include "ops/generate.hpp"
#include "ops/shape.hpp"

namespace hone::mxnet {

Value* positions(NodeReader& node, int i, int64_t axis) {
  Value* x = node.required(i);
  Value* count = nullptr;
  if (axis == -1) {
    count = node.intermediate(Size{}, {x}, "count");
  } else {
    Value* size = node.intermediate(Shape{.start = axis, .end = axis + 1}, {x}, "size");
    count = node.intermediate(Squeeze{.axes = Dims{0}}, {size}, "count");
  }
  Value* numbers =
      node.intermediate(Range{}, {node.number(0, "zero"), count, node.number(1, "one")}, "numbers");
  return node.intermediate(Cast{.to = DType::f32}, {numbers}, "positions");
}

}  // namespace hone::mxnet
