// ScatterND: a copy of the data, then slices of updates in their order. Workers take a part of
// every slice; where slices are small, updates to a part of the data each.

#include "base/size.hpp"
#include "device/cpu/indices.hpp"
#include "device/cpu/moves.hpp"
#include "device/cpu/scatter.hpp"

namespace hone::cpu {
namespace scatter_nd_kernel {
namespace {

constexpr int64_t kTile = 16 * 1024;  // elements that are worth a worker
constexpr int64_t kPart = 64;         // elements of a slice that are worth a worker
constexpr int64_t kChunk = 1024;      // places that are computed before elements are written

Verdict supports(const Problem& problem) {
  const auto* op = op_of<ScatterND>(problem);
  if (op == nullptr) return Verdict::no("ScatterND only");
  for (size_t i = 0; i < 3; ++i)
    if (!operand_type(problem, i)->has_rank()) return Verdict::no("an operand of unknown rank");
  if (operand_type(problem, 1)->rank() == 0) return Verdict::no("the indices are a scalar");
  if (const char* why = scatter_refusal(op->reduction, operand_type(problem, 0)->dtype))
    return Verdict::no(why);
  return {};
}

struct ScatterNdShared final : Shared<ScatterNdShared> {
  Region region;
  Source data, updates;
  Indices indices;
  ScatterReduction reduction = ScatterReduction::none;
  DType dtype = DType::f32;
  int64_t workers = 1;

  explicit ScatterNdShared(const Problem& problem)
      : region(problem.region), data(problem, 0), updates(problem, 2), indices(problem, 1) {}

  struct Geometry {
    int64_t bytes = 0, elements = 0;      // of the data
    int64_t tuples = 0, slice = 0;        // coordinates; elements that one takes
    std::vector<int64_t> sizes, strides;  // of the axes that coordinates name
    int64_t parts = 1;                    // of each slice
  };
  Geometry geometry(const Operands& operands) const {
    const std::vector<int64_t>&in = data.shape(operands), &at = indices.shape(operands);
    const auto numbers = static_cast<size_t>(at.back());
    std::vector<int64_t> wanted(at.begin(), at.end() - 1);
    check(numbers <= in.size(), Code::invalid_model, "coordinates of ", numbers,
          " numbers for data of rank ", in.size(), " (", describe(*region.single()), ")");
    wanted.insert(wanted.end(), in.begin() + static_cast<std::ptrdiff_t>(numbers), in.end());
    check(updates.shape(operands) == wanted, Code::invalid_model, "the updates have shape ",
          shape_text(updates.shape(operands)), ", wanted ", shape_text(wanted), " (",
          describe(*region.single()), ")");
    const std::vector<int64_t> strides = dense_strides(in);
    Geometry g;
    g.elements = element_count(in);
    g.bytes = g.elements * (bits(dtype) / 8);
    g.slice = element_count(std::span(in).subspan(numbers));
    if (g.slice == 0) return g;
    g.tuples = element_count(std::span(at).first(at.size() - 1));
    for (size_t d = 0; d < numbers; ++d) g.sizes.push_back(in[d]), g.strides.push_back(strides[d]);
    const int64_t most = std::min(2 * workers, g.tuples * g.slice / kTile);
    g.parts = std::max<int64_t>(1, std::min(most, g.slice / kPart));
    return g;
  }

  void run(const Geometry& g, const Operands& operands, std::span<std::byte>,
           Stream& stream) const {
    copy_bytes(data.data(operands), operands.outputs[0].data, g.bytes, stream);
    if (g.tuples == 0) return;
    indices.read(operands, [&](const auto* numbers) {
      with_reduction(reduction, dtype, [&]<class T, ScatterReduction kReduction>() {
        scatter<T, kReduction>(g, operands, numbers, stream);
      });
    });
  }

  template <class T, ScatterReduction kReduction, class I>
  void scatter(const Geometry& g, const Operands& operands, const I* numbers,
               Stream& stream) const {
    const T* from = updates.as<T>(operands);
    T* to = operands.outputs[0].as<T>();
    stream.parallel(g.parts, [&](int64_t part) {
      const int64_t begin = g.slice * part / g.parts, end = g.slice * (part + 1) / g.parts;
      int64_t places[kChunk];
      for (int64_t first = 0; first < g.tuples; first += kChunk) {
        const int64_t count = std::min(kChunk, g.tuples - first);
        find_places(g, numbers, first, count, places);
        for (int64_t i = 0; i < count; ++i) {
          T* slice = to + places[i];
          const T* own = from + (first + i) * g.slice;
          if constexpr (kReduction == ScatterReduction::none)
            std::copy(own + begin, own + end, slice + begin);
          else
            for (int64_t j = begin; j < end; ++j) slice[j] = combined<kReduction>(slice[j], own[j]);
        }
      }
    });
  }

  template <class I>
  void find_places(const Geometry& g, const I* numbers, int64_t first, int64_t count,
                   int64_t* places) const {
    const size_t axes = g.sizes.size();
    std::fill_n(places, count, int64_t{0});
    const I* own = numbers + first * static_cast<int64_t>(axes);
    for (size_t d = 0; d < axes; ++d) {
      const int64_t size = g.sizes[d], stride = g.strides[d];
      for (int64_t i = 0; i < count; ++i)
        places[i] +=
            indices.place(int64_t{own[i * static_cast<int64_t>(axes) + static_cast<int64_t>(d)]},
                          size) *
            stride;
    }
  }
};

std::shared_ptr<const Prepared> prepare(const Recipe& recipe, std::vector<Tensor>, hone::Device&) {
  const Problem& problem = *recipe.problem;
  auto shared = std::make_shared<ScatterNdShared>(problem);
  shared->reduction = op_of<ScatterND>(problem)->reduction;
  shared->dtype = operand_type(problem, 0)->dtype;
  shared->workers = problem.share.workers;
  return shared;
}

}  // namespace
}  // namespace scatter_nd_kernel

namespace tensor_scatter_kernel {
namespace {

Verdict supports(const Problem& problem) {
  if (op_of<TensorScatter>(problem) == nullptr) return Verdict::no("TensorScatter only");
  for (size_t i = 0; i < 3; ++i)
    if (const TensorType* type = operand_type(problem, i); type != nullptr && !type->has_rank())
      return Verdict::no("an operand of unknown rank");
  if (const char* why = width_refusal(operand_type(problem, 0)->dtype)) return Verdict::no(why);
  const TensorType* places = operand_type(problem, 2);
  if (places != nullptr && places->dtype != DType::i64 && places->dtype != DType::i32)
    return Verdict::no("places in i32 or i64 only");
  return {};
}

Recipe recipe(std::shared_ptr<const Problem> problem, const Tuning& tuning) {
  const int cache = region_input(*problem, 0);
  Recipe made = streaming_recipe<>(std::move(problem), tuning);
  if (cache >= 0) {
    made.may_overwrite.push_back(static_cast<size_t>(cache));
    made.in_place.emplace_back(static_cast<size_t>(cache), size_t{0});
  }
  return made;
}

struct TensorScatterShared final : Shared<TensorScatterShared> {
  static constexpr bool kLaunches = true;
  TensorScatter op;
  Region region;
  Source cache, update, places;
  bool wide_places = true;
  int64_t width = 1;

  explicit TensorScatterShared(const Problem& problem)
      : op(*op_of<TensorScatter>(problem)),
        region(problem.region),
        cache(problem, 0),
        update(problem, 1),
        places(problem, 2),
        wide_places(places.present() && operand_type(problem, 2)->dtype == DType::i64),
        width(bits(operand_type(problem, 0)->dtype) / 8) {}

  struct Geometry {
    int64_t bytes = 0;                            // of the cache
    int64_t outer = 0, per_sample = 1, size = 0;  // lanes; of one sample; places of a lane
    int64_t count = 0, step = 0;                  // places that are written; bytes of one
  };
  Geometry geometry(const Operands& operands) const {
    const std::vector<int64_t>&all = cache.shape(operands), &some = update.shape(operands);
    const size_t axis = axis_index(op.axis, all.size());
    std::vector<int64_t> wanted = some;
    if (wanted.size() == all.size() && wanted[axis] < all[axis]) wanted[axis] = all[axis];
    check(axis > 0 && wanted == all, Code::invalid_model, "the update is ", shape_text(some),
          ", the cache ", shape_text(all), " (", describe(*region.single()), ")");
    check(!places.present() || element_count(places.shape(operands)) == all[0], Code::invalid_model,
          "write_indices is ", shape_text(places.shape(operands)), " for ", all[0], " samples (",
          describe(*region.single()), ")");
    Geometry g;
    g.bytes = element_count(all) * width;
    if (element_count(some) == 0) return g;
    g.outer = element_count(std::span(all).first(axis));
    g.per_sample = g.outer / all[0];
    g.size = all[axis];
    g.count = some[axis];
    g.step = element_count(std::span(all).subspan(axis + 1)) * width;
    return g;
  }

  void run(const Geometry& g, const Operands& operands, std::span<std::byte>,
           Stream& stream) const {
    copy_bytes(cache.data(operands), operands.outputs[0].data, g.bytes, stream);
    stream.launch(g.outer, [this, &g, &operands](int64_t lane) {
      const int64_t start = start_of(g, operands, lane / g.per_sample);
      const std::byte* from = update.data(operands) + lane * g.count * g.step;
      std::byte* to = operands.outputs[0].data + lane * g.size * g.step;
      const int64_t before_end = std::min(g.count, g.size - start);
      std::memcpy(to + start * g.step, from, static_cast<size_t>(before_end * g.step));
      std::memcpy(to, from + before_end * g.step,
                  static_cast<size_t>((g.count - before_end) * g.step));
    });
  }

  int64_t start_of(const Geometry& g, const Operands& operands, int64_t sample) const {
    if (!places.present()) return 0;
    const int64_t start =
        wide_places ? places.as<int64_t>(operands)[sample] : places.as<int32_t>(operands)[sample];
    if (op.mode == TensorScatter::Mode::circular) return floor_mod(start, g.size);
    check(start >= 0 && start <= g.size - g.count, Code::invalid_model, "write index ", start,
          " + ", g.count, " runs over a cache of ", g.size, " (", describe(*region.single()), ")");
    return start;
  }
};

std::shared_ptr<const Prepared> prepare(const Recipe& recipe, std::vector<Tensor>, hone::Device&) {
  return std::make_shared<TensorScatterShared>(*recipe.problem);
}

}  // namespace
}  // namespace tensor_scatter_kernel

void register_scatter_nd(KernelRegistry& registry) {
  {
    using namespace tensor_scatter_kernel;
    registry.add({"cpu.tensor_scatter", 1, supports, no_tunings, recipe, prepare});
  }
  using namespace scatter_nd_kernel;
  registry.add({"cpu.scatter_nd", 1, supports, no_tunings, scatter_recipe, prepare});
}

}  // namespace hone::cpu
