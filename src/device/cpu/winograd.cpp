#include "device/cpu/winograd.hpp"

#include <algorithm>

#include "device/cpu/isa.hpp"
#include "device/cpu/winograd_plan.hpp"

namespace hone::cpu {

extern const WinogradFunctions kWinograd_generic, kWinograd_avx2, kWinograd_avx512;
extern const IntegerWinogradFunctions kIntegerWinograd_avx2, kIntegerWinograd_avx512;

const WinogradFunctions& winograd_functions() {
  switch (isa()) {
    case Isa::avx512: return kWinograd_avx512;
    case Isa::avx2: return kWinograd_avx2;
    case Isa::generic: break;
  }
  return kWinograd_generic;
}

const IntegerWinogradFunctions& integer_winograd_functions() {
  return isa() == Isa::avx512 ? kIntegerWinograd_avx512 : kIntegerWinograd_avx2;
}

const char* winograd_refusal(const Window& window, int64_t group,
                             const std::vector<int64_t>& weight) {
  const auto are_ones = [](const std::vector<int64_t>& numbers) {
    return std::all_of(numbers.begin(), numbers.end(), [](int64_t number) { return number == 1; });
  };
  if (weight.size() != 4 || weight[2] != 3 || weight[3] != 3) return "windows of 3x3 only";
  if (!are_ones(window.strides) || !are_ones(window.dilations) || group != 1)
    return "strides, dilations or groups";
  if (weight[0] < 16 || weight[1] < 16) return "few channels or filters";
  if (weight[1] > 4096) return "too many channels";
  return nullptr;
}

WinogradGeometry::WinogradGeometry(const WinogradPlan& plan, const Window& window,
                                   const std::vector<int64_t>& in, const std::vector<int64_t>& out,
                                   int workers) {
  if (element_count(out) == 0) return;
  images = in[0];
  y = window_axis_of(window, 0, in[2], out[2], 3);
  x = window_axis_of(window, 1, in[3], out[3], 3);
  in_row = ceil_div(x.output, plan.kOut);
  tiles = ceil_div(y.output, plan.kOut) * in_row;
  chunks = ceil_div(tiles, plan.most_tiles);
  if (workers > 1) {
    SharedWork work{.pieces = images, .columns = tiles, .unit = plan.lanes};
    work.least_tiles = chunks;
    work.most_tiles = ceil_div(tiles, plan.lanes);
    work.blocks = plan.blocks();
    work.rows = ceil_div(plan.filters, plan.blocks());
    work.depth = plan.kProducts * plan.depth;
    work.lanes = plan.lanes;
    work.workers = work.most_divided = workers;  // each worker has room for one
    const Shares shares = share_out(work);
    by_products = images * shares.tiles * shares.parts < workers && images * chunks <= workers &&
                  plan.filters <= plan.kFilters;
    if (!by_products) chunks = shares.tiles;
    parts = shares.parts;
  }
  stride = ceil_div(ceil_div(tiles, chunks), plan.lanes) * plan.lanes;
  for (int64_t i = 0; i < plan.depth; ++i)
    offsets.push_back(static_cast<int32_t>(i * stride * int64_t{sizeof(float)}));
  for (int64_t block = 0; block <= plan.blocks(); ++block) filters.push_back(plan.first(block));
}

}  // namespace hone::cpu
