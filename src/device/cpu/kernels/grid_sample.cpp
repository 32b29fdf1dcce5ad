// GridSample of f32: where a block of places reads is found once for all channels.

#include <cstring>

#include "base/size.hpp"
#include "device/cpu/step.hpp"
#include "ops/common/grid.hpp"

namespace hone::cpu {
namespace grid_sample_kernel {
namespace {

constexpr int64_t kTile = 16 * 1024;  // elements that one worker reads at a time
constexpr int64_t kBlock = 64;        // places that are looked at together
constexpr int64_t kMostTaps = 16;     // elements that one place is made of

int64_t taps_of(const GridSample& op, int64_t axes) {
  const int64_t along = op.mode == GridSample::Mode::nearest  ? 1
                        : op.mode == GridSample::Mode::linear ? 2
                                                              : 4;
  int64_t taps = 1;
  for (int64_t i = 0; i < axes && taps <= kMostTaps; ++i) taps *= along;
  return taps;
}

Verdict supports(const Problem& problem) {
  const auto* op = op_of<GridSample>(problem);
  if (op == nullptr) return Verdict::no("GridSample only");
  if (!all_are(problem, DType::f32)) return Verdict::no("f32 only");
  const auto rank = static_cast<int64_t>(operand_type(problem, 0)->shape().size());
  if (rank > 5 || taps_of(*op, rank - 2) > kMostTaps)
    return Verdict::no("more axes, or elements for each place, than it takes");
  return {};
}

/// Where a block of places reads in a plane.
struct Block {
  int64_t offsets[kMostTaps][kBlock];  // -1: a zero
  float weights[kMostTaps][kBlock];
  bool inside = true;  // none is -1
};

/// Where a block of places of planes of two axes reads, when each is made of two rows' neighbours.
struct PairBlock {
  int64_t offsets[2][kBlock];  // of the first of two neighbours in each row
  float weights[2][kBlock][2];
  uint32_t masks[2][kBlock][2];  // all bits where the element counts, else 0
  bool inside = true;            // all of them do
};

/// Which neighbours along the inner axis, of `size` >= 2, a place is made of.
struct Neighbours {
  int64_t first = 0;
  double weights[2] = {};
  bool counts[2] = {};

  /// false: they are no neighbours.
  bool set(const GridTaps& taps, int64_t size) {
    first = size - 2;
    for (const GridTap& tap : taps.all())
      if (tap.element >= 0) first = std::min(first, tap.element);
    for (const GridTap& tap : taps.all()) {
      if (tap.element < 0) continue;
      if (tap.element > first + 1) return false;
      weights[tap.element - first] += tap.weight;
      counts[tap.element - first] = true;
    }
    return true;
  }
};

struct GridSampleShared final : Shared<GridSampleShared> {
  Region region;
  GridSample op;
  Source data, grid;

  explicit GridSampleShared(const Problem& problem)
      : region(problem.region),
        op(*op_of<GridSample>(problem)),
        data(problem, 0),
        grid(problem, 1) {}

  struct Geometry {
    int64_t batch = 0, channels = 0;  // 0: nothing to do
    int64_t inputs = 0, outputs = 0;  // elements of a plane
    std::vector<int64_t> sizes;       // of the axes
    int64_t taps = 1;
    bool pairs = false;  // see PairBlock
  };
  Geometry geometry(const Operands& operands) const {
    const std::vector<int64_t>&x = data.shape(operands), &places = grid.shape(operands);
    const auto axes = static_cast<int64_t>(x.size()) - 2;
    check(places.size() == x.size() && places.back() == axes && places[0] == x[0],
          Code::invalid_model, "data ", shape_text(x), " and grid ", shape_text(places),
          " do not fit (", describe(*region.single()), ")");
    Geometry g;
    if (element_count(operands.outputs[0].shape) == 0) return g;
    g.sizes.assign(x.begin() + 2, x.end());
    g.inputs = element_count(g.sizes);
    g.outputs = element_count(std::span(places).subspan(1)) / axes;
    check(g.inputs > 0 || op.padding_mode == GridSample::Padding::zeros, Code::invalid_model,
          "there is nothing to repeat in ", shape_text(x), " (", describe(*region.single()), ")");
    g.batch = x[0], g.channels = x[1];
    g.taps = taps_of(op, axes);
    g.pairs = op.mode == GridSample::Mode::linear && axes == 2 && g.sizes[1] >= 2;
    return g;
  }

  void run(const Geometry& g, const Operands& operands, std::span<std::byte>,
           Stream& stream) const {
    if (g.batch == 0) return;
    const auto* from = data.as<float>(operands);
    const auto* places = grid.as<float>(operands);
    auto* to = operands.outputs[0].as<float>();
    const auto axes = static_cast<int64_t>(g.sizes.size());
    const int64_t blocks = ceil_div(g.outputs, kBlock);
    const int64_t reads = kBlock * g.taps * (g.channels + 8);
    parallel_ranges(stream, g.batch * blocks, kTile / reads, [&](int64_t first, int64_t last) {
      Block block;
      PairBlock pairs;
      for (int64_t i = first; i < last; ++i) {
        const int64_t sample = i / blocks, at = i % blocks * kBlock;
        const int64_t count = std::min(kBlock, g.outputs - at);
        if (g.inputs == 0) {
          for (int64_t c = 0; c < g.channels; ++c)
            std::fill_n(to + (sample * g.channels + c) * g.outputs + at, count, 0.0f);
          continue;
        }
        const float* where = places + (sample * g.outputs + at) * axes;
        const bool paired = g.pairs && find_pairs(g, where, count, pairs);
        if (!paired) find(g, where, count, block);
        for (int64_t c = 0; c < g.channels; ++c) {
          const int64_t plane = sample * g.channels + c;
          const float* own = from + plane * g.inputs;
          float* results = to + plane * g.outputs + at;
          if (!paired) read(g.taps, block, count, own, results);
          else if (pairs.inside) read_pairs<false>(pairs, count, own, results);
          else read_pairs<true>(pairs, count, own, results);
        }
      }
    });
  }

  void find(const Geometry& g, const float* places, int64_t count, Block& block) const {
    const size_t axes = g.sizes.size();
    block.inside = true;
    for (int64_t i = 0; i < count; ++i, places += axes) {
      int64_t taps = 1;
      block.offsets[0][i] = 0;
      double weights[kMostTaps] = {1};
      for (size_t d = 0; d < axes; ++d) {  // the grid names the innermost axis first
        const GridTaps along =
            grid_taps({op, g.sizes[d]}, static_cast<double>(places[axes - 1 - d]));
        const auto own = static_cast<int64_t>(along.count);
        for (int64_t k = taps; k-- > 0;)  // from the back: what is read is not yet written over
          for (int64_t j = own; j-- > 0;) {
            const int64_t before = block.offsets[k][i],
                          element = along.tap[static_cast<size_t>(j)].element;
            block.offsets[k * own + j][i] =
                before < 0 || element < 0 ? -1 : before * g.sizes[d] + element;
            weights[k * own + j] = weights[k] * along.tap[static_cast<size_t>(j)].weight;
          }
        taps *= own;
      }
      for (int64_t k = 0; k < taps; ++k) {
        block.weights[k][i] = static_cast<float>(weights[k]);
        block.inside &= block.offsets[k][i] >= 0;
      }
    }
  }

  /// false: a place is made of elements that are no neighbours.
  bool find_pairs(const Geometry& g, const float* places, int64_t count, PairBlock& block) const {
    block.inside = true;
    for (int64_t i = 0; i < count; ++i, places += 2) {
      Neighbours across;
      if (!across.set(grid_taps({op, g.sizes[1]}, double{places[0]}), g.sizes[1])) return false;
      const GridTaps down = grid_taps({op, g.sizes[0]}, double{places[1]});
      for (size_t row = 0; row < 2; ++row) {
        const GridTap& tap = down.tap[row];
        block.offsets[row][i] = std::max<int64_t>(tap.element, 0) * g.sizes[1] + across.first;
        for (size_t k = 0; k < 2; ++k) {
          const bool counts = tap.element >= 0 && across.counts[k];
          block.weights[row][i][k] = static_cast<float>(tap.weight * across.weights[k]);
          block.masks[row][i][k] = counts ? ~0U : 0U;
          block.inside &= counts;
        }
      }
    }
    return true;
  }

  typedef float Floats __attribute__((vector_size(16)));
  typedef uint32_t Bits __attribute__((vector_size(16)));
  typedef int64_t Two __attribute__((vector_size(16)));

  template <bool kMasked>
  static void read_pairs(const PairBlock& block, int64_t count, const float* plane, float* to) {
    // The neighbours that places i and i + 1 see, weighted.
    const auto two = [&](int64_t i, int64_t next) {
      Floats sum{};
      for (int row = 0; row < 2; ++row) {
        Two pairs;
        Floats weights;
        int64_t first, second;
        std::memcpy(&first, plane + block.offsets[row][i], sizeof first);
        std::memcpy(&second, plane + block.offsets[row][next], sizeof second);
        pairs = Two{first, second};
        std::memcpy(&weights, block.weights[row][i], sizeof weights);
        if constexpr (kMasked) {
          Bits masks;
          std::memcpy(&masks, block.masks[row][i], sizeof masks);
          pairs &= reinterpret_cast<Two>(masks);
        }
        sum += reinterpret_cast<Floats>(pairs) * weights;
      }
      return sum;
    };
    int64_t i = 0;
    for (; i + 4 <= count; i += 4) {
      const Floats a = two(i, i + 1), b = two(i + 2, i + 3);
      const Floats sums =
          __builtin_shufflevector(a, b, 0, 2, 4, 6) + __builtin_shufflevector(a, b, 1, 3, 5, 7);
      std::memcpy(to + i, &sums, sizeof sums);
    }
    for (; i < count; ++i) {
      float sum = 0;
      for (int row = 0; row < 2; ++row)
        for (int k = 0; k < 2; ++k)
          if (!kMasked || block.masks[row][i][k] != 0)
            sum += block.weights[row][i][k] * plane[block.offsets[row][i] + k];
      to[i] = sum;
    }
  }

  static void read(int64_t taps, const Block& block, int64_t count, const float* plane, float* to) {
    switch (taps) {
      case 1: return read_taps<1>(block, count, plane, to);
      case 2: return read_taps<2>(block, count, plane, to);
      case 4: return read_taps<4>(block, count, plane, to);
      case 8: return read_taps<8>(block, count, plane, to);
      default: return read_taps<16>(block, count, plane, to);
    }
  }

  template <int kTaps>
  static void read_taps(const Block& block, int64_t count, const float* plane, float* to) {
    const auto each = [&](const auto& element) {
      for (int64_t i = 0; i < count; ++i) {
        if constexpr (kTaps == 1) {
          to[i] = element(block.offsets[0][i]);  // its bits, not a product
        } else {
          float sum = 0;
          for (int k = 0; k < kTaps; ++k)
            if (block.inside || block.offsets[k][i] >= 0)
              sum += block.weights[k][i] * element(block.offsets[k][i]);
          to[i] = sum;
        }
      }
    };
    if (block.inside) each([&](int64_t at) { return plane[at]; });
    else each([&](int64_t at) { return at < 0 ? 0.0f : plane[at]; });
  }
};

std::shared_ptr<const Prepared> prepare(const Recipe& recipe, std::vector<Tensor>, hone::Device&) {
  return std::make_shared<GridSampleShared>(*recipe.problem);
}

}  // namespace
}  // namespace grid_sample_kernel

void register_grid_sample(KernelRegistry& registry) {
  using namespace grid_sample_kernel;
  registry.add({"cpu.grid_sample", 1, supports, no_tunings, streaming_recipe<100>, prepare});
}

}  // namespace hone::cpu
