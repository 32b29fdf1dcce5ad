#include "import/builder/box.hpp"

#include <limits>

#include "ops/arithmetic.hpp"
#include "ops/compare.hpp"
#include "ops/shape.hpp"
#include "ops/slice.hpp"

namespace hone::builder {

std::optional<Dims> known_list(const NodeBuilder& node, int i) {
  if (const auto constant = node.constant_ints(i)) return Dims(constant->begin(), constant->end());
  const Value* value = node.input(i);
  return value == nullptr ? std::nullopt : value->known;
}

Box box_of(NodeBuilder& node, Value* data, const std::optional<Dims>& known_begins,
           const std::optional<Dims>& known_sizes, Value* begins, Value* sizes) {
  constexpr int64_t kFar = std::numeric_limits<int64_t>::max();
  if (!known_begins || !known_sizes) {
    Value* zero = node.constant(Tensor::scalar(DType::i64, 0), "zero");
    Value* far = node.constant(Tensor::ints({kFar}), "far");
    Value* open = node.intermediate(Less{}, {sizes, zero}, "open");
    Value* after = node.intermediate(Add{}, {begins, sizes}, "after");
    Value* ends = node.intermediate(Where{}, {open, far, after}, "ends");
    return {Slice{}, {data, begins, ends}};
  }
  node.check(known_begins->size() == known_sizes->size(), known_begins->size(), " begins, ",
             known_sizes->size(), " sizes");
  if (known_begins->empty()) return {Identity{}, {data}};
  Slice slice{.starts = known_begins, .ends = Dims()};
  for (size_t i = 0; i < known_sizes->size(); ++i)
    slice.ends->push_back((*known_sizes)[i].is(-1) ? Dim(kFar)
                                                   : (*known_begins)[i] + (*known_sizes)[i]);
  return {std::move(slice), {data}};
}

}  // namespace hone::builder
