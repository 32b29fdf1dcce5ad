#pragma once
// Convolutions of halves, or of integers of 8 bits, whose channels fall into groups, channels
// innermost, as text: a thread takes 8 filters (of integers 16) of some neighbouring results.

#include <string>

#include "device/cuda/emit/contract_text.hpp"
#include "device/cuda/emit/half_product.hpp"

namespace hone::cuda::emitter {

/// One axis of the picture.
struct GroupedAxis {
  Dim input, output;
  int64_t taps = 1, stride = 1, dilation = 1, pad = 0;
};

struct Grouped {
  HalfProduct product;                                // its contraction: filters are columns
  const Value *picture = nullptr, *weight = nullptr;  // of the region's inputs
  int64_t channels = 0, filters = 0;                  // of each group
  int64_t zero = 0;  // of the picture's integers; its own product has none
  GroupedAxis down, across;
  std::string declined;  // why it is none, in words; empty: it is
  int64_t depth() const { return down.taps * across.taps * channels; }
};
std::shared_ptr<const Grouped> grouped_of(const Problem& problem);

/// A unit: product.run() filters of `pixels` results side by side. Either a thread sums one alone,
/// or as many warps as the filter has rows part them: 7 by 7 taps are more than a thread of few
/// reads at once.
struct GroupedTile {
  /// A thread of one result reads its operands at once, if these are for so many taps at most.
  static constexpr int kMostAtOnce = 25;
  int pixels = 1, parts = 1;
  int units() const { return parts == 1 ? 256 : 32; }  // of a block
  int threads() const { return units() * parts; }
};

/// Function "grouped", blocks of tile.threads() threads for images * rows * ceil(columns / pixels)
/// * filters / product.run() units. It takes addresses of `parameters` in order, of the scratch,
/// and the values of `symbols`. The weight is in the kernel's own form.
ContractText text_of(const Grouped& grouped, const GroupedTile& tile);
/// The weight [filters, channels of a group, taps down, across] with its filters innermost: [taps
/// down, across, channels of a group, filters].
Tensor filters_innermost(const Tensor& weight);

}  // namespace hone::cuda::emitter
