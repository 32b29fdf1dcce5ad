#include "import/pytorch/windows.hpp"

#include "ops/arithmetic.hpp"
#include "ops/generate.hpp"

namespace hone::pytorch {
namespace {

Value* multiples(Call& call, const Dim& count, int64_t by, Dims shape) {
  Value* end = call.late(count * Dim(by));
  Value* numbers = call.intermediate(Range{}, {call.late(0), end, call.late(by)}, "places");
  return call.reshaped(numbers, std::move(shape), "places");
}

}  // namespace

Value* window_places(Call& call, const Windows& w) {
  const auto known = w.windows.constant();
  constexpr int64_t kMost = 1 << 24;
  if (known) {
    call.check(*known >= 0, "no window fits: ", *known);
    call.check(*known < kMost && *known * w.elements < kMost, "makes ", *known, " windows of ",
               w.elements, " elements");
    Tensor places(DType::i64, {*known, w.elements});
    for (int64_t i = 0; i < places.count(); ++i)
      places.set_integer(i, i / w.elements * w.stride + i % w.elements * w.dilation);
    return call.constant(std::move(places), "places");
  }
  Value* starts = multiples(call, w.windows, w.stride, {w.windows, 1});
  Value* offsets = multiples(call, w.elements, w.dilation, {1, w.elements});
  return call.intermediate(Add{}, {starts, offsets}, "places");
}

std::vector<int64_t> both_ends(const std::vector<int64_t>& pads) {
  std::vector<int64_t> all = pads;
  all.insert(all.end(), pads.begin(), pads.end());
  return all;
}

}  // namespace hone::pytorch
