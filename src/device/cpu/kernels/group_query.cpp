// GroupQueryAttention of f32, over caches of f32, f16 or codes: new keys and values go into the
// cache, then tiles of queries attend to it. All heads that share keys are one tile, so that a
// cache is read once for them. Where the cache that comes and the one that goes are the same
// memory, nothing of it is copied.

#include "ops/group_query.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>
#include <type_traits>

#include "base/size.hpp"
#include "device/cpu/cache_attention.hpp"
#include "device/cpu/half_rows.hpp"
#include "device/cpu/rows.hpp"
#include "device/cpu/step.hpp"

namespace hone::cpu {
namespace group_query_kernel {
namespace {

using enum GroupQueryAttention::Operand;

constexpr size_t kOperands = kValueScale + 1;

constexpr int64_t kCopied = 64;    // rows of a cache that a worker copies at a time
constexpr int64_t kTurned = 1024;  // elements of a head that is rounded for a cache, at most

/// How a cache holds numbers.
enum class Cache {
  floats,
  halves,
  bytes,  // codes of i8
  pairs,  // of 4 bits, two in a byte
};

bool is_integers(const TensorType* type) {
  return type->has_rank() && (type->dtype == DType::i64 || type->dtype == DType::i32);
}

/// nullopt: no kernel reads it.
std::optional<Cache> cache_of(const Problem& problem) {
  const TensorType* past = operand_type(problem, kPastKey);
  if (past == nullptr || past->dtype == DType::f32) return Cache::floats;
  if (half_functions() == nullptr || !past->has_rank()) return std::nullopt;
  switch (past->dtype) {
    case DType::f16: return Cache::halves;
    case DType::i8: return Cache::bytes;
    case DType::u8: return Cache::pairs;
    default: return std::nullopt;
  }
}
bool is_quantized(Cache cache) { return cache == Cache::bytes || cache == Cache::pairs; }

Verdict supports(const Problem& problem) {
  const auto* op = op_of<GroupQueryAttention>(problem);
  if (op == nullptr) return Verdict::no("GroupQueryAttention only");
  const auto cache = cache_of(problem);
  for (const size_t i :
       {kQ, kK, kV, kPastKey, kPastValue, kCos, kSin, kScoreBias, kSink, kKeyScale, kValueScale}) {
    const TensorType* type = operand_type(problem, i);
    const bool is_cache = i == kPastKey || i == kPastValue;
    if (type == nullptr) continue;
    if (is_cache ? !cache || !type->has_rank() : type->dtype != DType::f32 || !type->has_rank())
      return Verdict::no("f32 of a known rank only, and caches of f16, i8 and u8");
  }
  for (const size_t i : {kKeyLengths, kTotal, kPositions})
    if (const TensorType* type = operand_type(problem, i); type != nullptr && !is_integers(type))
      return Verdict::no("lengths and positions in i32 or i64 only");
  if (const TensorType* bias = operand_type(problem, kScoreBias))
    if (bias->rank() > 4 || bias->rank() == 0) return Verdict::no("a bias of rank 1 to 4 only");
  const Dim head = floor_div(operand_type(problem, kQ)->shape()[2], op->num_heads);
  if (*cache != Cache::floats && !(head.is_constant() && *head.constant() <= kTurned))
    return Verdict::no("heads of an open size, or of more than 1024, in caches of other than f32");
  if (wanted_output(problem, 3) >= 0) return Verdict::no("the scores are wanted");
  if (op->num_heads / op->kv_num_heads > kCacheRows)
    return Verdict::no("more than 192 heads share keys");
  return {};
}

/// Of a cache, the rows of a head.
Dim rows_of_cache(const Problem& problem) {
  const Node& node = *problem.region.single();
  for (const size_t i : {1, 2})
    if (const Value* present = node.output(i)) return present->type.tensor().shape()[2];
  const TensorType* past = operand_type(problem, kPastKey);
  const Dim& fresh = operand_type(problem, kK)->shape()[1];
  return past == nullptr ? fresh : past->shape()[2] + fresh;
}

/// Floats of a cache that nobody wants.
Dim unwanted_floats(const Problem& problem, size_t result) {
  if (wanted_output(problem, result) >= 0) return 0;
  const Dims& k = operand_type(problem, kK)->shape();
  return k[0] * k[2] * rows_of_cache(problem);
}

Recipe recipe(std::shared_ptr<const Problem> problem, const Tuning& tuning) {
  Recipe made;
  made.tuning = tuning;
  const auto& op = *op_of<GroupQueryAttention>(*problem);
  const Dims& q = operand_type(*problem, kQ)->shape();
  const Dim keys = rows_of_cache(*problem);
  made.seconds = 4 * typical_count(*problem, problem->region.single()->outputs[0]->type) *
                     typical(*problem, keys) / problem->target->flops_per_second +
                 streaming_seconds(*problem);
  const Dim rows = min(Dim(kCacheRows), q[1] * (op.num_heads / op.kv_num_heads));
  made.scratch_bytes =
      worker_scratch(problem->share, cache_tile_floats(rows, floor_div(q[2], op.num_heads), keys,
                                                       *cache_of(*problem) != Cache::floats)) +
      (unwanted_floats(*problem, 1) + unwanted_floats(*problem, 2)) * Dim(int64_t{sizeof(float)});
  for (const size_t past : {kPastKey, kPastValue}) {
    const int input = region_input(*problem, past);
    const int output = wanted_output(*problem, past - kPastKey + 1);
    if (input >= 0 && output >= 0)
      made.in_place.emplace_back(static_cast<size_t>(input), static_cast<size_t>(output));
  }
  made.problem = std::move(problem);
  return made;
}

struct GroupQueryShared final : Shared<GroupQueryShared> {
  static constexpr bool kLaunches = true;
  GroupQueryAttention op;
  Region region;
  std::vector<Source> operands_of;
  bool is_wide[kOperands] = {};  // integers: of 64 bits
  int present[2];                // among the outputs; -1: not wanted
  int y;
  int workers;
  Cache cache;

  explicit GroupQueryShared(const Problem& problem)
      : op(*op_of<GroupQueryAttention>(problem)),
        region(problem.region),
        present{wanted_output(problem, 1), wanted_output(problem, 2)},
        y(wanted_output(problem, 0)),
        workers(problem.share.workers),
        cache(*cache_of(problem)) {
    for (size_t i = 0; i < kOperands; ++i) {
      operands_of.emplace_back(problem, i);
      const TensorType* type = operand_type(problem, i);
      is_wide[i] = type != nullptr && type->dtype == DType::i64;
    }
  }

  struct Geometry {
    int64_t batch = 0, fresh = 0, head = 0, past = 0, keys = 0, group = 1;
    int64_t half = 0, positions = 0;
    int64_t tile = 1, tiles = 0;  // queries of a tile; tiles of a sample's head of keys
    int64_t own = 0;              // floats of a worker
    int64_t bias_strides[4] = {}, bias_keys = 0;
    float scale = 1;
    bool at_once = false;  // who attends puts the keys into the cache as well
  };

  template <class... Parts>
  void expect(bool condition, const Parts&... parts) const {
    if (!condition) [[unlikely]]
      fail(Code::invalid_model, cat(parts...), " (", describe(*region.single()), ")");
  }

  /// Elements of a cache that a row takes.
  int64_t width(const Geometry& g) const { return cache == Cache::pairs ? g.head / 2 : g.head; }

  Geometry geometry(const Operands& operands) const {
    Geometry g;
    const std::vector<int64_t>&q = operands_of[kQ].shape(operands),
          &k = operands_of[kK].shape(operands);
    g.batch = q[0], g.fresh = q[1], g.head = q[2] / op.num_heads;
    g.group = op.num_heads / op.kv_num_heads;
    const std::vector<int64_t> wanted{g.batch, g.fresh, g.head * op.kv_num_heads};
    expect(g.head * op.num_heads == q[2] && k == wanted && operands_of[kV].shape(operands) == k,
           "q is ", shape_text(q), ", k ", shape_text(k), ", v ",
           shape_text(operands_of[kV].shape(operands)), ": they do not fit");
    if (operands_of[kPastKey].present()) {
      g.past = operands_of[kPastKey].shape(operands)[2];
      expect(cache != Cache::pairs || g.head % 2 == 0, "heads of ", g.head,
             " elements do not fit into a cache of pairs");
      const std::vector<int64_t> wanted_past{g.batch, op.kv_num_heads, g.past, width(g)};
      for (const size_t i : {kPastKey, kPastValue})
        expect(operands_of[i].shape(operands) == wanted_past, "operand ", i, " is ",
               shape_text(operands_of[i].shape(operands)), ", wanted ", shape_text(wanted_past));
    }
    for (const size_t i : {kKeyScale, kValueScale}) {
      if (!is_quantized(cache)) continue;
      const int64_t count = element_count(operands_of[i].shape(operands));
      expect(count == 1 || count == op.kv_num_heads * g.head, "operand ", i, " has ", count,
             " scales, wanted one, or one for each of ", op.kv_num_heads, " heads of ", g.head);
    }
    g.keys = g.past + g.fresh;
    for (const int each : present)
      if (each >= 0) g.keys = operands.outputs[static_cast<size_t>(each)].shape[2];
    g.scale = std::isnan(op.scale) ? 1 / std::sqrt(static_cast<float>(g.head)) : op.scale;
    if (element_count(q) == 0) return g;
    place_angles(g, operands);
    place_bias(g, operands);
    const int64_t rows = std::min(kCacheRows, g.fresh * g.group);
    g.own = cache_tile_floats(rows, g.head, g.keys, cache != Cache::floats);
    g.tile = std::max<int64_t>(1, rows / g.group);
    const int64_t heads = g.batch * op.kv_num_heads;
    while (g.tile * g.group > 24 && heads * ceil_div(g.fresh, g.tile) < 2 * workers) g.tile /= 2;
    g.tiles = ceil_div(g.fresh, g.tile);
    g.at_once = g.tiles == 1 && heads >= workers;
    return g;
  }

  void place_angles(Geometry& g, const Operands& operands) const {
    if (!op.do_rotary) return;
    const std::vector<int64_t>& cosines = operands_of[kCos].shape(operands);
    expect(cosines.size() == 2 && cosines == operands_of[kSin].shape(operands) &&
               cosines[1] <= g.head / 2,
           "the cosines are ", shape_text(cosines), ", the sines ",
           shape_text(operands_of[kSin].shape(operands)), ", for heads of ", g.head);
    g.positions = cosines[0], g.half = cosines[1];
    if (!operands_of[kPositions].present()) return;
    const std::vector<int64_t>& ids = operands_of[kPositions].shape(operands);
    expect(element_count(ids) == g.batch * g.fresh, "position_ids is ", shape_text(ids),
           ", wanted [", g.batch, ",", g.fresh, "]");
  }

  void place_bias(Geometry& g, const Operands& operands) const {
    if (!operands_of[kScoreBias].present()) return;
    const std::vector<int64_t>& shape = operands_of[kScoreBias].shape(operands);
    const int64_t wanted[] = {g.batch, op.num_heads, g.fresh};
    int64_t stride = 1;
    for (size_t d = shape.size(); d-- > 0;) {
      const size_t place = d + 4 - shape.size();
      const bool repeats = place < 3 && shape[d] == 1;
      expect(place == 3 || repeats || shape[d] == wanted[place], "the bias is ", shape_text(shape),
             ", wanted to broadcast to [", g.batch, ",", op.num_heads, ",", g.fresh, ",total]");
      if (!repeats) g.bias_strides[place] = stride;
      stride *= shape[d];
    }
    g.bias_keys = shape.back();
  }

  int64_t integer(const Operands& operands, size_t operand, int64_t at) const {
    const Source& from = operands_of[operand];
    return is_wide[operand] ? from.as<int64_t>(operands)[at] : from.as<int32_t>(operands)[at];
  }

  /// Where the new keys of a sample begin, and how many there are with them.
  struct Place {
    int64_t first, valid, total;
  };
  Place place_of(const Geometry& g, const Operands& operands, int64_t b) const {
    expect(element_count(operands_of[kTotal].shape(operands)) == 1, "total_sequence_length has ",
           element_count(operands_of[kTotal].shape(operands)), " elements, wanted one");
    expect(element_count(operands_of[kKeyLengths].shape(operands)) == g.batch, "seqlens_k has ",
           element_count(operands_of[kKeyLengths].shape(operands)), " elements for ", g.batch,
           " samples");
    const int64_t total = integer(operands, kTotal, 0);
    expect(total >= g.fresh && total <= g.past + g.fresh && total <= g.keys,
           "total_sequence_length is ", total, " with ", g.past, " keys of the past and ", g.fresh,
           " new ones");
    const int64_t length = integer(operands, kKeyLengths, b);
    expect(length >= 0 && length < total, "seqlens_k has ", length,
           " with a total_sequence_length of ", total);
    const int64_t first = g.fresh == total ? 0 : length + 1 - g.fresh;
    expect(first >= 0 && first <= g.past, "a sample has ", first, " keys before the new ones, and ",
           g.past, " are there");
    expect(!operands_of[kScoreBias].present() || g.bias_keys <= total, "the bias has ", g.bias_keys,
           " keys, and ", total, " are there");
    return {first, length + 1, total};
  }

  void run(const Geometry& g, const Operands& operands, std::span<std::byte> scratch,
           Stream& stream) const {
    std::byte* caches[2];
    auto* room = reinterpret_cast<float*>(scratch.data()) + workers * g.own;
    for (size_t i = 0; i < 2; ++i) {
      if (present[i] >= 0) {
        caches[i] = operands.outputs[static_cast<size_t>(present[i])].data;
      } else {
        caches[i] = reinterpret_cast<std::byte*>(room);
        room += g.batch * op.kv_num_heads * g.keys * g.head;  // a type of fewer bytes leaves some
      }
    }
    const int64_t heads = g.batch * op.kv_num_heads;
    const auto attend = [=, this, &g, &operands, k = caches[0], v = caches[1]](int64_t index) {
      const int64_t head = index / g.tiles, first = index % g.tiles * g.tile;
      const std::byte* both[] = {k, v};
      attend_tile(g, operands, both, head, first, std::min(g.tile, g.fresh - first),
                  scratch_of(scratch, g.own));
    };
    const auto fill = [this, &g, &operands, k = caches[0], v = caches[1]](
                          int64_t head, int64_t first, int64_t last) {
      for (const size_t i : {0, 1}) {
        std::byte* to = i == 0 ? k : v;
        if (cache == Cache::floats)
          fill_rows(g, operands, i, head, first, last, reinterpret_cast<float*>(to));
        else if (cache == Cache::halves)
          fill_rows(g, operands, i, head, first, last, reinterpret_cast<uint16_t*>(to));
        else fill_rows(g, operands, i, head, first, last, reinterpret_cast<uint8_t*>(to));
      }
    };
    if (g.at_once)
      return stream.launch(heads, [=, &g](int64_t head) {
        fill(head, 0, g.keys);
        attend(head);
      });
    const int64_t parts = ceil_div(g.keys, kCopied);
    stream.launch(heads * parts, [=, &g](int64_t index) {
      const int64_t first = index % parts * kCopied;
      fill(index / parts, first, std::min(g.keys, first + kCopied));
    });
    if (g.tiles > 0) stream.launch(heads * g.tiles, attend);
  }

  /// Rows of a head's keys (0) or values (1) in the cache: new ones, else those of the past.
  template <class T>
  void fill_rows(const Geometry& g, const Operands& operands, size_t which, int64_t head,
                 int64_t first, int64_t last, T* rows_of_all) const {
    const int64_t b = head / op.kv_num_heads, h = head % op.kv_num_heads, row_width = width(g);
    const Place place = place_of(g, operands, b);
    T* to = rows_of_all + head * g.keys * row_width;
    const T nothing = cache == Cache::pairs ? T(0x88) : T(0);
    const T* past = operands_of[kPastKey + which].as<T>(operands);
    const auto keep = [&](int64_t from, int64_t end) {
      const int64_t old = past == nullptr ? 0 : g.past, known = std::clamp(old, from, end);
      const T* rows = past + (head * old + from) * row_width;
      if (from < known && rows != to + from * row_width)
        std::copy_n(rows, (known - from) * row_width, to + from * row_width);
      if (known < end) std::fill(to + known * row_width, to + end * row_width, nothing);
    };
    const int64_t begin = std::clamp(place.first, first, last);
    const int64_t end = std::clamp(place.first + g.fresh, first, last);
    if (first < begin) keep(first, begin);
    for (int64_t row = begin; row < end; ++row)
      put_row(g, operands, which, place, b, h, row - place.first, to + row * row_width);
    if (end < last) keep(std::max(first, end), last);
  }

  /// The new key or value `i` of a sample.
  template <class T>
  void put_row(const Geometry& g, const Operands& operands, size_t which, const Place& place,
               int64_t b, int64_t h, int64_t i, T* to) const {
    const float* from = operands_of[kK + which].as<float>(operands) +
                        ((b * g.fresh + i) * op.kv_num_heads + h) * g.head;
    if constexpr (std::is_same_v<T, float>) {
      if (which == 0) turn(g, operands, place, b, i, from, to);
      else std::copy_n(from, g.head, to);
    } else {
      std::array<float, kTurned> turned;
      if (which == 0 && op.do_rotary) {
        turn(g, operands, place, b, i, from, turned.data());
        from = turned.data();
      }
      if constexpr (std::is_same_v<T, uint16_t>) row_functions().narrow_f16(g.head, from, to);
      else put_codes(scales_of(g, operands, which, h), g.head, from, to);
    }
  }

  /// Of the places of a head in a quantized cache.
  struct Scales {
    const float* values;
    bool one;
    float at(int64_t place) const { return values[one ? 0 : place]; }
  };
  Scales scales_of(const Geometry& g, const Operands& operands, size_t which, int64_t h) const {
    const Source& scales = operands_of[kKeyScale + which];
    const bool one = element_count(scales.shape(operands)) == 1;
    return {scales.as<float>(operands) + (one ? 0 : h * g.head), one};
  }

  void put_codes(const Scales& scales, int64_t head, const float* from, uint8_t* to) const {
    const float least = cache == Cache::pairs ? -8 : -128, most = cache == Cache::pairs ? 7 : 127;
    for (int64_t i = 0; i < head; ++i) {
      const float scale = scales.at(i);
      expect(scale > 0 && std::isfinite(scale), "a scale is ", scale, ", wanted a positive number");
      const auto code = static_cast<int>(std::lrint(std::clamp(from[i] / scale, least, most)));
      if (cache == Cache::bytes) to[i] = static_cast<uint8_t>(code);
      else if (i % 2 == 0) to[i / 2] = static_cast<uint8_t>(code + 8);
      else to[i / 2] = static_cast<uint8_t>(to[i / 2] | (code + 8) << 4);
    }
  }

  /// A head of a query or key by its place, where heads turn.
  void turn(const Geometry& g, const Operands& operands, const Place& place, int64_t b, int64_t i,
            const float* from, float* to) const {
    if (!op.do_rotary) {
      std::copy_n(from, g.head, to);
      return;
    }
    const int64_t position = operands_of[kPositions].present()
                                 ? integer(operands, kPositions, b * g.fresh + i)
                                 : place.first + i;
    expect(position >= 0 && position < g.positions, "position ", position, " is out of range for ",
           g.positions, " positions");
    turn_head(g.head, g.half, op.rotary_interleaved,
              operands_of[kCos].as<float>(operands) + position * g.half,
              operands_of[kSin].as<float>(operands) + position * g.half, from, to);
  }

  CacheRows rows_of(const Geometry& g, const Operands& operands, size_t which, const std::byte* all,
                    int64_t head) const {
    const int64_t at = head * g.keys * width(g);
    CacheRows rows;
    if (cache == Cache::floats) rows.floats = reinterpret_cast<const float*>(all) + at;
    else if (cache == Cache::halves) rows.halves = reinterpret_cast<const uint16_t*>(all) + at;
    if (!is_quantized(cache)) return rows;
    const Scales scales = scales_of(g, operands, which, head % op.kv_num_heads);
    rows.codes = reinterpret_cast<const uint8_t*>(all) + at;
    rows.pairs = cache == Cache::pairs;
    rows.scales = scales.values;
    rows.one_scale = scales.one;
    return rows;
  }

  /// `count` queries from `first` on, of all heads that share the keys of `head`.
  void attend_tile(const Geometry& g, const Operands& operands, const std::byte* const* caches,
                   int64_t head, int64_t first, int64_t count, float* working) const {
    const int64_t b = head / op.kv_num_heads, h = head % op.kv_num_heads * g.group;
    const Place place = place_of(g, operands, b);
    CacheTile tile;
    tile.rows = g.group * count;
    tile.head = g.head;
    tile.scale = g.scale;
    tile.softcap = op.softcap;
    tile.keys = rows_of(g, operands, 0, caches[0], head);
    tile.values = rows_of(g, operands, 1, caches[1], head);
    tile.working = working;
    const auto range = [&](int64_t i) {
      int64_t begin = 0, end = place.valid;
      const int64_t position = place.first + i;
      if (op.causal) end = std::min(end, position + 1);
      if (op.local_window_size > 0)
        begin = std::max<int64_t>(0, position + 1 - op.local_window_size);
      return std::pair(std::min(begin, end), end);
    };
    tile.begin = range(first).first;
    tile.end = std::max(range(first + count - 1).second, tile.begin);
    const int64_t width = op.num_heads * g.head;
    const float* q = operands_of[kQ].as<float>(operands) + b * g.fresh * width;
    for (int64_t row = 0; row < tile.rows; ++row)
      turn(g, operands, place, b, first + row % count,
           q + (first + row % count) * width + (h + row / count) * g.head, tile.query(row));
    tile.score();
    for (int64_t row = 0; row < tile.rows; ++row) {
      const int64_t i = first + row % count, own = h + row / count;
      const auto [begin, end] = range(i);
      if (operands_of[kScoreBias].present())
        tile.add(row,
                 operands_of[kScoreBias].as<float>(operands) + b * g.bias_strides[0] +
                     own * g.bias_strides[1] + i * g.bias_strides[2],
                 g.bias_keys);
      tile.share(row, begin, end, sink(operands, own));
    }
    float* to = operands.outputs[static_cast<size_t>(y)].as<float>() + b * g.fresh * width;
    tile.mix([&](int64_t row) {
      return to + (first + row % count) * width + (h + row / count) * g.head;
    });
  }

  /// A score that only swells the sum of the shares; -inf: there is none.
  float sink(const Operands& operands, int64_t head) const {
    if (operands_of[kSink].present()) return operands_of[kSink].as<float>(operands)[head];
    return op.smooth_softmax ? 0.0F : kNoSink;
  }
};

std::shared_ptr<const Prepared> prepare(const Recipe& recipe, std::vector<Tensor>, hone::Device&) {
  return std::make_shared<GroupQueryShared>(*recipe.problem);
}

}  // namespace
}  // namespace group_query_kernel

void register_group_query(KernelRegistry& registry) {
  using namespace group_query_kernel;
  registry.add({"cpu.group_query", 1, supports, no_tunings, recipe, prepare});
}

}  // namespace hone::cpu
