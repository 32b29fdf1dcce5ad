#include "device/cpu/prologue.hpp"

#include <algorithm>
#include <cmath>

#include "base/size.hpp"
#include "device/cpu/rows.hpp"
#include "ops/arithmetic.hpp"
#include "ops/normalization.hpp"

namespace hone::cpu {
namespace {

constexpr size_t kChannel = 1;  // the axis

/// One number, or one for each channel, for all images or for each.
bool is_by_channel(const Value* value, const Dims& data) {
  const Dims& shape = value->type.tensor().shape();
  if (std::ranges::all_of(shape, [](const Dim& dim) { return dim.is(1); })) return true;
  const size_t lacking = data.size() - std::min(data.size(), shape.size());
  if (shape.size() > data.size() || lacking > kChannel) return false;
  for (size_t axis = lacking; axis < data.size(); ++axis) {
    const Dim& dim = shape[axis - lacking];
    const bool is_whole = axis <= kChannel && dim == data[axis];
    if (!is_whole && !dim.is(1)) return false;
  }
  return true;
}

bool is_norm(const Problem& problem, const Node& node, const Value* data) {
  if (node.op.as<BatchNormalization>() == nullptr || node.inputs[0] != data) return false;
  return std::all_of(node.inputs.begin() + 1, node.inputs.end(),
                     [&](const Value* value) { return constant_of(problem, value) != nullptr; });
}

/// What a product or a sum of `data` has beside it; null: the node is none by channel.
const Value* other_of(const Node& node, const Value* data) {
  if (node.op.as<Mul>() == nullptr && node.op.as<Add>() == nullptr) return nullptr;
  const Value* other = node.inputs[node.inputs[0] == data ? 1 : 0];
  if (other == data || (!other->is_input() && !other->is_literal())) return nullptr;
  const Dims& shape = data->type.tensor().shape();
  return node.output()->type.tensor().shape() == shape && is_by_channel(other, shape) ? other
                                                                                      : nullptr;
}

/// Which operand of the first node has the elements: the other one is by channel.
const Value* data_of(const Problem& problem, const Chain& chain) {
  if (chain.before.empty()) return chain.anchor->inputs[0];
  const Node& first = *chain.before.front();
  for (const Value* each : first.inputs) {
    if (each == nullptr || !each->is_input()) continue;
    const auto rank = each->type.tensor().rank();
    if (rank < 3 || !(each->type.tensor().shape() == first.output()->type.tensor().shape()))
      continue;
    if (first.inputs.size() == 1 || is_norm(problem, first, each) || clipping_of(first, each) ||
        other_of(first, each) != nullptr)
      return each;
  }
  return nullptr;
}

}  // namespace

std::string_view Prologue::refuses(const Problem& problem, const Chain& chain) {
  const Value* data = data_of(problem, chain);
  if (data == nullptr) return "nothing before it works on its channels";
  bool clips = false, applies = false;
  for (const Node* node : chain.before) {
    const bool affine = is_norm(problem, *node, data) || other_of(*node, data) != nullptr;
    const bool clipping = !affine && clipping_of(*node, data).has_value();
    if ((affine || clipping) && (clips || applies))
      return "only factors and shifts, then clipping, then functions come before it";
    clips |= clipping;
    applies |= !affine && !clipping;
    if (applies && !applied_of(*node)) return "what comes before it has no function of rows";
    data = node->output();
  }
  return {};
}

Prologue::Prologue(const Problem& problem, const Chain& chain)
    : is_empty_(chain.before.empty()),
      input_(problem, data_of(problem, chain)),
      rank_(data_of(problem, chain)->type.tensor().rank()) {
  const Value* data = data_of(problem, chain);
  for (const Node* node : chain.before) {
    if (is_norm(problem, *node, data)) {
      add_norm(problem, *node);
    } else if (const Value* other = other_of(*node, data)) {
      numbers_.push_back({node->op.as<Add>() != nullptr, Source(problem, other), {}});
    } else if (const auto clipping = clipping_of(*node, data)) {
      clips_ = true;
      clipping_ = *clipping;
    } else {
      applied_.push_back(*applied_of(*node));
    }
    data = node->output();
  }
}

void Prologue::add_norm(const Problem& problem, const Node& node) {
  const double epsilon = double{node.op.as<BatchNormalization>()->epsilon};
  std::vector<Tensor> all;
  for (size_t i = 1; i < 5; ++i)
    all.push_back(aligned(constant_of(problem, node.inputs[i])->tensor()));
  const auto number = [&](size_t operand, int64_t channel) {
    return all[operand - 1].number(channel);
  };
  std::vector<float> factors, shifts;
  for (int64_t c = 0; c < all[0].count(); ++c) {
    const double factor = number(1, c) / std::sqrt(number(4, c) + epsilon);
    factors.push_back(static_cast<float>(factor));
    shifts.push_back(static_cast<float>(number(2, c) - number(3, c) * factor));
  }
  const Source nowhere(problem, static_cast<const Value*>(nullptr));
  numbers_.push_back({false, nowhere, std::move(factors)});
  numbers_.push_back({true, nowhere, std::move(shifts)});
}

Prologue::Numbers::Line Prologue::Numbers::line(const Operands& operands, size_t rank,
                                                int64_t image) const {
  if (!known.empty()) return {known.data(), 1};
  const std::vector<int64_t>& shape = source.shape(operands);
  const float* numbers = source.as<float>(operands);
  if (shape.size() + kChannel < rank) return {numbers, 0};
  const int64_t channels = shape[shape.size() + kChannel - rank];
  if (shape.size() == rank && shape[0] > 1) numbers += image * channels;
  return {numbers, channels == 1 ? 0 : 1};
}

void Prologue::run(const Operands& operands, const Planes& planes) const {
  const RowFunctions& rows = row_functions();
  constexpr int64_t kChannels = 64;  // at a time
  for (int64_t first = 0; first < planes.channels; first += kChannels) {
    const int64_t channels = std::min(kChannels, planes.channels - first);
    float factors[kChannels], shifts[kChannels];
    std::fill_n(factors, channels, 1.0F);
    std::fill_n(shifts, channels, 0.0F);
    for (const Numbers& each : numbers_) {
      const auto [numbers, stride] = each.line(operands, rank_, planes.image);
      for (int64_t c = 0; c < channels; ++c) {
        const float number = numbers[(planes.first + first + c) * stride];
        if (each.adds) {
          shifts[c] += number;
        } else {
          factors[c] *= number;
          shifts[c] *= number;
        }
      }
    }
    for (int64_t c = 0; c < channels; ++c) {
      const float* from = planes.from + (first + c) * planes.from_stride;
      float* to = planes.to + (first + c) * planes.to_stride;
      if (clips_ || !numbers_.empty())
        rows.affine_clipped(planes.count, factors[c], shifts[c], clipping_.low, clipping_.high,
                            from, to);
      else if (from != to) std::copy_n(from, planes.count, to);
      apply(applied_, planes.count, to);
    }
  }
}

void Prologue::read(const Operands& operands, Touched& all) const {
  for (const Numbers& each : numbers_)
    if (const float* numbers = each.source.as<float>(operands))
      all.reads.push_back(Box::of(numbers, 0, element_count(each.source.shape(operands))));
}

}  // namespace hone::cpu
