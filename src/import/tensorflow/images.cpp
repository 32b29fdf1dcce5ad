#include "import/tensorflow/images.hpp"

#include "import/builder/channels_last.hpp"
#include "import/builder/same_padding.hpp"
#include "ops/arithmetic.hpp"
#include "ops/convolution.hpp"
#include "ops/layout.hpp"

namespace hone::tensorflow {
namespace {

std::vector<int64_t> unless_ones(std::vector<int64_t> list) {
  for (const int64_t number : list)
    if (number != 1) return list;
  return {};
}

AutoPad padding_of(const NodeReader& node) {
  const std::string_view word = node.word("padding", "VALID");
  if (word == "SAME") return AutoPad::same_upper;
  if (word == "VALID") return AutoPad::valid;
  node.check(word == "EXPLICIT", "padding ", builder::quoted(word));
  return AutoPad::notset;
}

}  // namespace

Images::Images(NodeReader& node, int i, int axes)
    : input_(i),
      axes_(axes),
      last_(!node.word("data_format", "NHWC").starts_with("NC")),
      dims_(node.dims(i)) {
  const std::string_view format = node.word("data_format", "NHWC");
  if (format.find("VECT") != std::string_view::npos)
    node.unsupported("the layout ", builder::quoted(format));
  node.check(dims_.size() == static_cast<size_t>(axes) + 2, "an image of rank ", dims_.size(),
             ", wanted ", axes + 2);
}

Dims Images::sizes() const {
  Dims sizes;
  for (size_t i = 0; i < static_cast<size_t>(axes_); ++i) sizes.push_back(size(i));
  return sizes;
}

std::vector<int64_t> Images::spatial(const NodeReader& node, const std::vector<int64_t>& list,
                                     std::string_view name) const {
  std::vector<int64_t> found(static_cast<size_t>(axes_), 1);
  if (list.empty()) return found;
  node.check(list.size() == dims_.size(), name, " has ", list.size(), " entries for ", dims_.size(),
             " axes");
  for (size_t i = 0; i < found.size(); ++i) found[i] = list[axis(i)];
  for (const int64_t number : found)
    node.check(number > 0 && number < (1 << 24), name, " of ", number);
  const int64_t of_channels = list[last_ ? list.size() - 1 : 1];
  if (list[0] != 1 || of_channels != 1) node.unsupported(name, " over batch or channels");
  return found;
}

std::vector<int64_t> Images::spatial(const NodeReader& node, std::string_view attribute) const {
  return spatial(node, node.integers(attribute), attribute);
}

Window Images::window(const NodeReader& node, std::vector<int64_t> shape,
                      const Dims& kernel) const {
  Window window{.kernel_shape = std::move(shape),
                .strides = unless_ones(spatial(node, "strides")),
                .dilations = unless_ones(spatial(node, "dilations")),
                .auto_pad = padding_of(node)};
  if (window.auto_pad == AutoPad::notset) {
    const std::vector<int64_t> pairs = node.integers("explicit_paddings");
    node.check(pairs.size() == 2 * dims_.size(), "explicit_paddings has ", pairs.size(),
               " entries for ", dims_.size(), " axes");
    for (size_t end = 0; end < 2; ++end)
      for (size_t i = 0; i < static_cast<size_t>(axes_); ++i)
        window.pads.push_back(pairs[2 * axis(i) + end]);
    for (const int64_t pad : window.pads)
      node.check(pad >= 0 && pad < (1 << 24), "a padding of ", pad);
    window.pads = window.pads == std::vector<int64_t>(window.pads.size()) ? std::vector<int64_t>()
                                                                          : window.pads;
  }
  return builder::with_known_pads(std::move(window), sizes(), kernel);
}

Value* Images::first(NodeReader& node) const {
  Value* value = node.required(input_);
  return last_ ? builder::channels_first(node, value, rank()) : value;
}

void Images::emit(NodeReader& node, Op op, std::vector<Value*> inputs) const {
  if (!last_) return void(node.emit(std::move(op), std::move(inputs)));
  Value* made = node.intermediate(std::move(op), std::move(inputs), "channels_first_result");
  builder::emit_channels_last(node, made, rank());
}

namespace {

/// A vector as channels of an image have it: [channels, 1, 1].
bool lies_along_channels(const Value* value, size_t rank) {
  if (value == nullptr || !value->type.tensor().has_rank()) return false;
  const Dims& dims = value->type.tensor().shape();
  return dims.size() + 1 == rank &&
         std::all_of(dims.begin() + 1, dims.end(), [](const Dim& size) { return size.is(1); });
}

/// What a convolution gave, channels added or multiplied since, before these went last; null:
/// `image` is none such.
Value* before_channels_last(const Value* image) {
  const Node* turn = image->producer;
  const auto* order = turn == nullptr ? nullptr : turn->op.as<Transpose>();
  if (order == nullptr || order->perm.size() < 3 || order->perm.back() != 1) return nullptr;
  for (size_t i = 0; i + 1 < order->perm.size(); ++i)
    if (order->perm[i] != static_cast<int64_t>(i == 0 ? 0 : i + 1)) return nullptr;
  Value* first = turn->inputs[0];
  const Node* made = first->producer;
  if (made == nullptr || !first->type.tensor().has_rank()) return nullptr;
  if (made->op.as<Conv>() != nullptr || made->op.as<ConvTranspose>() != nullptr) return first;
  const bool is_affine = made->op.as<Add>() != nullptr || made->op.as<Mul>() != nullptr;
  const size_t rank = first->type.tensor().shape().size();
  return is_affine && rank > 2 && lies_along_channels(made->inputs[1], rank) ? first : nullptr;
}

}  // namespace

bool emit_to_channels(NodeReader& node, Op op, int image, int vector) {
  Value *last = node.required(image), *channels = node.required(vector);
  Value* first = before_channels_last(last);
  if (first == nullptr || node.rank(vector) != 1) return false;
  const Dims& sizes = first->type.tensor().shape();
  if (provably_equal(sizes[1], node.dims(vector)[0]) != true) return false;
  Dims shape(sizes.size() - 1, 1);
  shape[0] = sizes[1];
  channels = node.reshaped(channels, std::move(shape), "of_channels");
  Value* made = node.intermediate(std::move(op), {first, channels}, "channels_first_result");
  node.emit(Transpose(*last->producer->op.as<Transpose>()), {made});
  return true;
}

}  // namespace hone::tensorflow
