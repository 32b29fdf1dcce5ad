#include "import/pytorch/indices.hpp"

#include "ops/slice.hpp"

namespace hone::pytorch {

Value* cut_to_places(Call& call, Value* data, const Value* places, int64_t axis) {
  const Dims &own = Call::shape(data), &wanted = Call::shape(places);
  call.check(own.size() == wanted.size(), "data of ", uint64_t{own.size()}, " axes, places of ",
             uint64_t{wanted.size()});
  Dims starts, ends, axes;
  for (size_t i = 0; i < own.size(); ++i) {
    if (static_cast<int64_t>(i) == axis || provably_equal(own[i], wanted[i]) != false) continue;
    starts.emplace_back(0), ends.push_back(wanted[i]), axes.emplace_back(static_cast<int64_t>(i));
  }
  if (axes.empty()) return data;
  return call.intermediate(Slice{.starts = starts, .ends = ends, .axes = axes}, {data}, "cut");
}

}  // namespace hone::pytorch
