#include "device/cpu/depthwise_plan.hpp"

#include <algorithm>
#include <cstring>

#include "base/size.hpp"
#include "device/cpu/jit/contraction.hpp"

namespace hone::cpu {
namespace {

constexpr int64_t kMostOutputs = 1 << 15;  // of a plane: the table shall stay in the caches

/// One entry of the table, filled mask by mask.
class Entry {
 public:
  Entry(Isa isa, std::byte* to, int64_t in, int64_t out)
      : isa_(isa), in_(static_cast<int32_t>(in)), places_(to), masks_(to + 8) {
    const int32_t places[] = {in_, static_cast<int32_t>(out)};
    std::memcpy(to, places, sizeof(places));
  }
  void set(int mask, int64_t lane) {
    std::byte* at = masks_ + static_cast<size_t>(mask) * DepthwiseEntry::mask_bytes(isa_);
    if (isa_ == Isa::avx512) at[lane / 8] |= std::byte{1} << (lane % 8);
    else at[lane] = std::byte{0xFF};
    ++set_;
  }
  /// All were set that there are.
  void finish(int64_t all) {
    const int32_t in = in_ + DepthwiseEntry::kWhole;
    if (set_ == all) std::memcpy(places_, &in, sizeof(in));
  }

 private:
  Isa isa_;
  int32_t in_;
  std::byte *places_, *masks_;
  int64_t set_ = 0;
};

}  // namespace

std::optional<DepthwiseForm> depthwise_form(const Filters& filters) {
  if (filters.count != 1 || filters.depth != filters.taps()) return std::nullopt;
  const size_t x = filters.one_dimensional ? 0 : 1;
  const int64_t stride = filters.window.stride(x), dilation = filters.window.dilation(x);
  if (filters.kernel[0] > Depthwise::kMostRows || filters.kernel[1] > Depthwise::kMostColumns ||
      stride > 2 || dilation > 100)
    return std::nullopt;
  return DepthwiseForm{static_cast<int8_t>(filters.kernel[0]),
                       static_cast<int8_t>(filters.kernel[1]), static_cast<int8_t>(stride),
                       static_cast<int8_t>(dilation)};
}

bool DepthwisePlan::takes(const ConvGeometry& g) {
  return g.images > 0 && g.pixels() <= kMostOutputs && g.height * g.width <= 8 * kMostOutputs;
}

DepthwisePlan::DepthwisePlan(Isa isa, const DepthwiseForm& form, const ConvGeometry& g) {
  const int64_t outputs = g.pixels();
  if (!takes(g)) return;
  // Where a row of outputs is as long as one of inputs, vectors go on from row to row.
  const bool flat = form.stride == 1 && g.y.stride == 1 && g.columns == g.width;
  lanes = Contraction::lanes(isa);
  line = flat ? outputs : g.columns;
  in_line = ceil_div(line, lanes);
  vectors = (flat ? 1 : g.rows) * in_line;
  entry_bytes = DepthwiseEntry::bytes(isa, form);
  table.resize(static_cast<size_t>(vectors) * entry_bytes);
  for (int64_t v = 0; v < vectors; ++v) {
    const int64_t out = place(v);
    const int64_t most = std::min(lanes, line - v % in_line * lanes);
    const int64_t y = out / g.columns, x = out % g.columns;
    const int64_t in = g.y.start(y) * g.width + g.x.start(x);
    constexpr auto kFloat = static_cast<int64_t>(sizeof(float));
    Entry entry(isa, table.data() + static_cast<size_t>(v) * entry_bytes, in * kFloat,
                out * kFloat);
    bool reads_on = false;
    for (int64_t lane = 0; lane < most; ++lane) {
      entry.set(0, lane);
      const int64_t row = (out + lane) / g.columns, column = (out + lane) % g.columns;
      for (int tap = 0; tap < form.taps(); ++tap) {
        const int64_t from = g.y.start(row) + tap / form.columns * g.y.dilation;
        const int64_t at = g.x.start(column) + tap % form.columns * g.x.dilation;
        if (from < 0 || from >= g.height || at < 0 || at >= g.width) continue;
        const int64_t place = lane * form.stride;
        entry.set(1 + tap * form.stride + static_cast<int>(place / lanes), place % lanes);
        // At a stride of 2 vectors read one element more than they use.
        reads_on |= lane + 1 == lanes && at + form.stride > g.width;
      }
    }
    if (!reads_on) entry.finish(lanes * (1 + form.taps()));
  }
}

}  // namespace hone::cpu
