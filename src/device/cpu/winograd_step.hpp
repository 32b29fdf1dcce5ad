#pragma once
// What the steps of Winograd's convolutions of f32 and of integers have in common: how workers
// share out chunks of tiles. Where there are fewer chunks than workers, all workers transform the
// input of every chunk together, and then share out its filters, or, where these are few, too, its
// products. Both kinds have 4 bytes for each element of the depth: a float, or two words.

#include "device/cpu/winograd_plan.hpp"

namespace hone::cpu {

/// Derive as `struct Mine : WinogradStep<Mine>` with
///   void transform_input(g, operands, area, Range of the depth, float* work, float* to) const;
///   Call call(g) const;  void multiply(Call&, int rows, int vectors, int64_t tiles) const;
///   const void* factors(int64_t product, int64_t block) const;
///   void transform_output(g, operands, area, Range filters, Range some, from, lines) const;
/// where an area is a chunk of tiles of an image and `work` is a worker's own memory. If it can
/// tell what tiles touch, also
///   Box seen(g, operands, area, Range of the depth) const;         of the input
///   Touched written(g, operands, area, Range filters) const;       results, and what they read
template <class Mine>
struct WinogradStep : Shared<Mine> {
  using Geometry = WinogradGeometry;
  using Range = WinogradRange;
  static constexpr int64_t kProducts = WinogradPlan::kProducts;
  static constexpr bool kLaunches = true;

  WinogradStep(const WinogradPlan& plan, int workers) : plan(plan), workers(workers) {}
  WinogradPlan plan;
  int workers;

  void run(const Geometry& g, const Operands& operands, std::span<std::byte> scratch,
           Stream& stream) const {
    const int64_t areas = g.images * g.chunks;
    if (g.parts == 1 && !g.by_products) {
      launch(
          stream, areas,
          [=, this, &g, &operands](int64_t area) {
            float* work = scratch_of(scratch, plan.floats());
            mine().transform_input(g, operands, area, Range{0, plan.depth}, work, work);
            run_part(g, operands, area, 0, work, work);
          },
          [&](const auto& own, int64_t area) {
            Touched all = own.written(g, operands, area, Range{0, plan.filters});
            all.reads.push_back(own.seen(g, operands, area, Range{0, plan.depth}));
            return all;
          });
      return;
    }
    const int64_t groups =
        std::clamp(ceil_div(4 * int64_t{workers}, areas), int64_t{1}, ceil_div(plan.depth, 4));
    const auto some_of = [groups, this](int64_t item) {
      const int64_t group = item % groups;
      return Range{group * plan.depth / groups, (group + 1) * plan.depth / groups};
    };
    launch(
        stream, areas * groups,
        [=, this, &g, &operands](int64_t item) {
          mine().transform_input(g, operands, item / groups, some_of(item),
                                 scratch_of(scratch, plan.floats()),
                                 area_of(scratch, item / groups));
        },
        [&](const auto& own, int64_t item) {
          return Touched{{own.seen(g, operands, item / groups, some_of(item))}, {}};
        });
    if (g.by_products) return run_by_products(g, operands, scratch, stream);
    launch(
        stream, areas * g.parts,
        [=, this, &g, &operands](int64_t item) {
          run_part(g, operands, item / g.parts, item % g.parts, area_of(scratch, item / g.parts),
                   scratch_of(scratch, plan.floats()));
        },
        [&](const auto& own, int64_t item) {
          const int64_t part = item % g.parts;
          return own.written(g, operands, item / g.parts,
                             Range{plan.first(part * plan.blocks() / g.parts),
                                   plan.first((part + 1) * plan.blocks() / g.parts)});
        });
  }

 private:
  const Mine& mine() const { return static_cast<const Mine&>(*this); }

  /// An area's transformed input and products.
  float* area_of(std::span<std::byte> scratch, int64_t area) const {
    return reinterpret_cast<float*>(scratch.data()) + area * plan.floats();
  }

  /// touch(mine(), tile) where what tiles touch is told; else others wait for all of them.
  template <class Tile, class TouchOf>
  void launch(Stream& stream, int64_t tiles, const Tile& tile, const TouchOf& touch) const {
    if constexpr (requires { &Mine::written; })
      stream.launch(tiles, tile, [&](int64_t item) { return touch(mine(), item); });
    else stream.launch(tiles, tile);
  }

  /// The products, then the results, of areas whose inputs are transformed.
  void run_by_products(const Geometry& g, const Operands& operands, std::span<std::byte> scratch,
                       Stream& stream) const {
    const int64_t areas = g.images * g.chunks, shares = ceil_div(int64_t{workers}, areas);
    const int64_t some = std::min<int64_t>(shares, kProducts);
    stream.launch(areas * some, [=, this, &g](int64_t item) {
      const int64_t share = item % some;
      float* area = area_of(scratch, item / some);
      multiply_all(g, item / some % g.chunks, {0, plan.blocks()},
                   {share * kProducts / some, (share + 1) * kProducts / some}, area,
                   plan.products(area));
    });
    const int64_t several = std::min(shares, plan.filters);
    const auto some_of = [several, this](int64_t item) {
      const int64_t share = item % several;
      return Range{share * plan.filters / several, (share + 1) * plan.filters / several};
    };
    launch(
        stream, areas * several,
        [=, this, &g, &operands](int64_t item) {
          mine().transform_output(g, operands, item / several, Range{0, plan.filters},
                                  some_of(item), plan.products(area_of(scratch, item / several)),
                                  plan.lines_of(scratch_of(scratch, plan.floats())));
        },
        [&](const auto& own, int64_t item) {
          return own.written(g, operands, item / several, some_of(item));
        });
  }

  /// Some filters of a chunk of tiles whose transformed input is in `inputs`.
  void run_part(const Geometry& g, const Operands& operands, int64_t area, int64_t part,
                const float* inputs, float* work) const {
    const int64_t last = (part + 1) * plan.blocks() / g.parts;
    for (int64_t block = part * plan.blocks() / g.parts; block < last;) {
      int64_t end = block + 1;
      while (end < last && plan.first(end + 1) - plan.first(block) <= plan.kFilters) ++end;
      multiply_all(g, area % g.chunks, {block, end}, {0, kProducts}, inputs, plan.products(work));
      const Range filters{plan.first(block), plan.first(end)};
      mine().transform_output(g, operands, area, filters, filters, plan.products(work),
                              plan.lines_of(work));
      block = end;
    }
  }

  /// Some products of some blocks of filters: to[product][filter of the blocks][tile].
  void multiply_all(const Geometry& g, int64_t chunk, const Range& blocks, const Range& some,
                    const float* inputs, float* to) const {
    const int64_t step = plan.step(plan.first(blocks.end) - plan.first(blocks.begin), g.stride);
    const int64_t input_step = plan.step(plan.depth, g.stride);
    inputs += some.begin * input_step;
    to += some.begin * step;
    const int64_t vectors = ceil_div(g.size(chunk), plan.lanes);
    const int64_t runs = ceil_div(vectors, int64_t{plan.kVectors});
    int64_t starts[plan.kMostVectors + 1];  // of runs
    for (int64_t run = 0; run <= runs; ++run) starts[run] = run * vectors / runs;
    auto call = mine().call(g);
    call.c_stride = g.stride * int64_t{sizeof(float)};
    for (int64_t product = some.begin; product < some.end;
         ++product, inputs += input_step, to += step) {
      float* rows_to = to;
      for (int64_t block = blocks.begin; block < blocks.end; ++block) {
        const int64_t* first = g.filters.data() + block;
        const int64_t rows = first[1] - first[0];
        call.a = mine().factors(product, block);
        for (int64_t run = 0; run < runs; ++run) {
          call.b = inputs + starts[run] * plan.lanes;
          call.c = rows_to + starts[run] * plan.lanes;
          mine().multiply(call, static_cast<int>(rows),
                          static_cast<int>(starts[run + 1] - starts[run]),
                          g.size(chunk) - starts[run] * plan.lanes);
        }
        rows_to += rows * g.stride;
      }
    }
  }
};

}  // namespace hone::cpu
