#include "ops/sequence.hpp"

#include <algorithm>

#include "base/size.hpp"
#include "ir/evaluation/work.hpp"
#include "ir/op_class.hpp"
#include "ops/common/elements.hpp"
#include "ops/common/indices.hpp"
#include "ops/common/operands.hpp"

namespace hone {
namespace {

/// The type of an operand's elements, which are tensors.
const TensorType& element_type(const Inference& c, int operand) {
  const Type& type = c.type(operand);
  c.check(type.kind() == Type::Kind::sequence && type.element().is_tensor(), "operand ", operand,
          " is ", type, ", wanted a sequence of tensors");
  return type.element().tensor();
}

/// A position is one integer.
void check_position(const Inference& c, int operand) {
  if (!c.has(operand)) return;
  check_index_dtype(c, operand);
  const TensorType& type = c.tensor(operand);
  const auto shape = type.concrete();
  c.check(!shape || (shape->size() <= 1 && (shape->empty() || shape->front() == 1)), "position is ",
          type, ", wanted one integer");
}

int64_t position(const Evaluation& c, int operand, int64_t size) {
  c.check(c.input(operand).count() == 1, "the position is ", describe(c.input(operand)),
          ", wanted one integer");
  return index_position(c, c.input(operand).integer(0), size);
}

void give_sequence(Evaluation& c, std::vector<Tensor> elements) {
  c.give(0, Tensor::sequence(c.input(0).dtype(), std::move(elements)));
}

}  // namespace

void SequenceConstruct::infer(Inference& c) const {
  Type element = c.tensor(0);
  for (int i = 1; i < c.inputs(); ++i) {
    const auto both = join(element, Type(c.tensor(i)));
    c.check(both.has_value(), "element ", i, " is ", c.tensor(i), ", element 0 is ", c.tensor(0),
            ", wanted one dtype");
    element = *both;
  }
  c.set(0, Type::sequence(std::move(element)));
}

void SequenceConstruct::eval(Evaluation& c) const {
  std::vector<Tensor> elements;
  for (int i = 0; i < c.inputs(); ++i) elements.push_back(c.input(i));
  give_sequence(c, std::move(elements));
}

void SequenceEmpty::infer(Inference& c) const { c.set(0, Type::sequence(Type::unranked(dtype))); }

void SequenceEmpty::eval(Evaluation& c) const { c.give(0, Tensor::sequence(dtype, {})); }

void SequenceInsert::infer(Inference& c) const {
  const TensorType& element = element_type(c, 0);
  const auto both = join(Type(element), Type(c.tensor(1)));
  c.check(both.has_value(), "inserts ", c.tensor(1), " into ", c.type(0));
  check_position(c, 2);
  c.set(0, Type::sequence(*both));
}

void SequenceInsert::eval(Evaluation& c) const {
  std::vector<Tensor> elements = c.input(0).elements();
  const auto size = static_cast<int64_t>(elements.size());
  int64_t at = size;
  if (c.has(2)) {
    c.check(c.input(2).count() == 1, "the position is ", describe(c.input(2)),
            ", wanted one integer");
    at = c.input(2).integer(0);
    c.check(at >= -size && at <= size, "position ", at, " is out of range for ", size, " elements");
    if (at < 0) at += size;
  }
  elements.insert(elements.begin() + at, c.input(1));
  give_sequence(c, std::move(elements));
}

void SequenceErase::infer(Inference& c) const {
  (void)element_type(c, 0);
  check_position(c, 1);
  c.set(0, c.type(0));
}

void SequenceErase::eval(Evaluation& c) const {
  std::vector<Tensor> elements = c.input(0).elements();
  const auto size = static_cast<int64_t>(elements.size());
  c.check(size > 0, "the sequence is empty: there is nothing to erase");
  elements.erase(elements.begin() + (c.has(1) ? position(c, 1, size) : size - 1));
  give_sequence(c, std::move(elements));
}

void SequenceAt::infer(Inference& c) const {
  const TensorType element = element_type(c, 0);
  check_position(c, 1);
  c.set(0, element);
}

void SequenceAt::eval(Evaluation& c) const {
  const std::vector<Tensor>& elements = c.input(0).elements();
  c.give(0, elements[static_cast<size_t>(position(c, 1, static_cast<int64_t>(elements.size())))]);
}

void SequenceLength::infer(Inference& c) const {
  (void)element_type(c, 0);
  c.set(0, DType::i64, {});
}

void SequenceLength::eval(Evaluation& c) const {
  c.output(0, DType::i64, {}).set_integer(0, static_cast<int64_t>(c.input(0).elements().size()));
}

namespace {

/// The size that every piece has along the axis; nullopt: not known, or not the same.
std::optional<Dim> piece_size(const Inference& c, const Dim& size) {
  if (!c.has(1)) return Dim(1);
  const Dims* sizes = c.known(1);
  if (sizes == nullptr || sizes->empty()) return std::nullopt;
  const Dim& first = sizes->front();
  const TensorType& type = c.tensor(1);
  if (type.has_rank() && type.rank() == 0) {
    if (!first.constant() || *first.constant() <= 0 || !size.constant()) return std::nullopt;
    return *size.constant() % *first.constant() == 0 ? std::optional(first) : std::nullopt;
  }
  const bool same =
      std::all_of(sizes->begin(), sizes->end(), [&](const Dim& each) { return each == first; });
  return same ? std::optional(first) : std::nullopt;
}

}  // namespace

void SplitToSequence::infer(Inference& c) const {
  const TensorType& x = c.tensor(0);
  if (c.has(1)) {
    check_index_dtype(c, 1);
    const TensorType& sizes = c.tensor(1);
    c.check(!sizes.has_rank() || sizes.rank() <= 1, "the sizes are ", sizes,
            ", wanted a number or a list");
  }
  if (!x.has_rank()) return c.set(0, Type::sequence(Type::unranked(x.dtype)));
  const auto along = static_cast<size_t>(c.axis(axis, x.rank()));
  Dims dims = x.shape();
  const auto piece = piece_size(c, dims[along]);
  if (!piece) return c.set(0, Type::sequence(Type::unranked(x.dtype)));
  if (c.has(1) || keepdims) dims[along] = *piece;
  else dims.erase(dims.begin() + static_cast<std::ptrdiff_t>(along));
  c.set(0, Type::sequence(Type::tensor(x.dtype, std::move(dims))));
}

namespace {

/// A piece takes memory even where it has no elements.
void check_pieces(int64_t count) {
  constexpr int64_t kMost = 1 << 20;
  check(count <= kMost, Code::out_of_memory, "a sequence of ", count, " tensors, at most ", kMost,
        " fit");
  spend_work(count);
}

/// Sizes of the pieces of an axis of `size`.
std::vector<int64_t> piece_sizes(const Evaluation& c, int64_t size) {
  if (!c.has(1)) check_pieces(size);
  if (!c.has(1)) return std::vector<int64_t>(static_cast<size_t>(size), 1);
  std::vector<int64_t> sizes = c.input(1).integers();
  if (c.input(1).rank() == 0) {
    const int64_t each = sizes.front();
    c.check(each > 0, "the pieces' size is ", each, ", wanted at least 1");
    check_pieces(size / each);
    sizes.assign(static_cast<size_t>(size / each), each);
    if (size % each > 0) sizes.push_back(size % each);
    return sizes;
  }
  int64_t total = 0;
  for (const int64_t each : sizes) {
    c.check(each >= 0 && each <= size - total, "the pieces' sizes are [", join(sizes, ","),
            "], the axis has ", size);
    total += each;
  }
  c.check(total == size, "the pieces' sizes add up to ", total, ", the axis has ", size);
  return sizes;
}

/// `count` places along axis `along` of `x` from `start` on, made in the room of result `output`.
Tensor piece(Evaluation& c, int output, const Tensor& x, size_t along, int64_t start,
             int64_t count) {
  std::vector<int64_t> shape = x.shape();
  shape[along] = count;
  ElementWriter writer(c, output, x.dtype(), shape);
  if (writer.count() > 0) {
    ElementMap map;
    const std::vector<int64_t> strides = row_major_strides(x.shape());
    for (size_t d = 0; d < shape.size(); ++d)
      map.offsets.push_back(
          arithmetic_offsets(d == along ? start * strides[d] : 0, shape[d], strides[d]));
    writer.take(x, map);
  }
  writer.finish();
  return std::move(c.results()[static_cast<size_t>(output)]);
}

}  // namespace

void SplitToSequence::eval(Evaluation& c) const {
  const Tensor& x = c.input(0);
  const auto along = static_cast<size_t>(c.axis(axis, x.rank()));
  std::vector<Tensor> pieces;
  int64_t start = 0;
  for (const int64_t size : piece_sizes(c, x.shape()[along])) {
    pieces.push_back(piece(c, 1, x, along, start, size));  // 1: no result of the node's, scratch
    start += size;
    if (c.has(1) || keepdims) continue;
    std::vector<int64_t> shape = x.shape();
    shape.erase(shape.begin() + static_cast<std::ptrdiff_t>(along));
    pieces.back() = pieces.back().reshaped(std::move(shape));
  }
  give_sequence(c, std::move(pieces));
}

void ConcatFromSequence::infer(Inference& c) const {
  const TensorType& element = element_type(c, 0);
  if (!element.has_rank()) return c.set(0, Type::unranked(element.dtype));
  Dims dims = element.shape();
  const int along = c.axis(axis, element.rank() + (new_axis ? 1 : 0));
  if (new_axis) dims.insert(dims.begin() + along, c.fresh(0, along));
  else dims[static_cast<size_t>(along)] = c.fresh(0, along);
  c.set(0, element.dtype, std::move(dims));
}

namespace {

/// The elements' shape outside of `along`, which all of them must have.
void check_alike(const Evaluation& c, const std::vector<Tensor>& elements, size_t along,
                 bool new_axis) {
  for (const Tensor& each : elements) {
    std::vector<int64_t> shape = each.shape(), first = elements.front().shape();
    if (!new_axis && shape.size() == first.size()) shape[along] = first[along];
    c.check(shape == first, "elements of shapes ", shape_text(elements.front().shape()), " and ",
            shape_text(each.shape()), " cannot be joined along axis ", along);
  }
}

}  // namespace

void ConcatFromSequence::eval(Evaluation& c) const {
  const std::vector<Tensor>& elements = c.input(0).elements();
  c.check(!elements.empty(), "the sequence is empty: the result has no shape");
  std::vector<int64_t> shape = elements.front().shape();
  const auto along =
      static_cast<size_t>(c.axis(axis, static_cast<int>(shape.size()) + (new_axis ? 1 : 0)));
  check_alike(c, elements, along, new_axis);
  int64_t total = 0;
  for (const Tensor& each : elements)
    total = checked_add(total, new_axis ? 1 : each.shape()[along]);
  if (new_axis) shape.insert(shape.begin() + static_cast<std::ptrdiff_t>(along), total);
  else shape[along] = total;
  ElementWriter writer(c, 0, c.input(0).dtype(), shape);
  if (writer.count() == 0) return writer.finish();
  const auto axes = std::span<const int64_t>(shape);
  const int64_t outer = element_count(axes.first(along)),
                inner = element_count(axes.subspan(along + 1));
  int64_t to = 0;
  for (int64_t row = 0; row < outer; ++row)
    for (const Tensor& each : elements) {
      const int64_t run = (new_axis ? 1 : each.shape()[along]) * inner;
      writer.copy(to, each, row * run, run);
      to += run;
    }
  writer.finish();
}

void register_sequence(OpRegistry& registry) {
  registry.add<SequenceConstruct>();
  registry.add<SequenceEmpty>();
  registry.add<SequenceInsert>();
  registry.add<SequenceErase>();
  registry.add<SequenceAt>();
  registry.add<SequenceLength>();
  registry.add<SplitToSequence>();
  registry.add<ConcatFromSequence>();
}

}  // namespace hone
