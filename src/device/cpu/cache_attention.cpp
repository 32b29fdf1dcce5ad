#include "device/cpu/cache_attention.hpp"

#include <algorithm>
#include <cmath>

#include "device/cpu/gemm.hpp"
#include "device/cpu/half_rows.hpp"
#include "device/cpu/rows.hpp"

namespace hone::cpu {
namespace {

constexpr int64_t kFew = 12;      // rows that are not worth packing keys for
constexpr int64_t kAtOnce = 256;  // keys that stay in the first-level cache for all rows

void multiply(const Product& product, float* working, float* to, int64_t stride) {
  const Tiling tiling = tile_product(gemm_core(), product.m, product.n, 1 << 10, 1);
  for (int64_t tile = 0; tile < tiling.tiles(); ++tile)
    run_tile(product, tiling, tile, working, to, stride);
}

}  // namespace

void turn_head(int64_t head, int64_t half, bool interleaved, const float* cosines,
               const float* sines, const float* from, float* to) {
  for (int64_t i = 0; i < half; ++i) {
    const int64_t first = interleaved ? 2 * i : i, second = interleaved ? 2 * i + 1 : half + i;
    const float a = from[first], b = from[second];
    to[first] = a * cosines[i] - b * sines[i];
    to[second] = b * cosines[i] + a * sines[i];
  }
  if (to != from) std::copy(from + 2 * half, from + head, to + 2 * half);
}

int64_t cache_tile_floats(int64_t rows, int64_t head, int64_t keys, bool widened) {
  return kTileScratch + rows * (1 + 2 * head + keys) + (widened ? keys * head : 0);
}
Dim cache_tile_floats(const Dim& rows, const Dim& head, const Dim& keys, bool widened) {
  return Dim(kTileScratch) + rows * (Dim(1) + Dim(2) * head + keys) +
         (widened ? keys * head : Dim(0));
}

// In working memory: that of products, queries, results, sums, scores, what is no f32 as floats.
float* CacheTile::queries() const { return working + kTileScratch; }
float* CacheTile::sums() const { return queries() + 2 * rows * head; }
float* CacheTile::scores() const { return sums() + rows; }
float* CacheTile::widened() const { return scores() + rows * (end - begin); }
bool CacheTile::few() const { return rows <= kFew; }

const float* CacheTile::seen(const CacheRows& from) const {
  if (from.floats != nullptr) return from.floats + begin * head;
  if (from.halves != nullptr)
    row_functions().widen_f16((end - begin) * head, from.halves + begin * head, widened());
  else
    half_functions()->widen_codes({from.codes + begin * (from.pairs ? head / 2 : head), from.pairs,
                                   end - begin, head, from.scales, from.one_scale, widened()});
  return widened();
}

void CacheTile::score() const {
  const int64_t count = end - begin;
  const float factor = softcap == 0 ? scale : scale / softcap;
  const float* from = seen(keys);
  if (count > 0 && few()) {
    for (int64_t at = 0; at < count; at += kAtOnce)
      row_functions().dots_of(rows, std::min(kAtOnce, count - at), head, factor, from + at * head,
                              head, queries(), scores() + at, count);
  } else if (count > 0) {
    Product product{.m = rows, .n = count, .depth = head};
    product.a = queries();
    product.a_row = head;
    product.a_depth = 1;
    product.b = from;
    product.b_column = head;
    product.b_depth = 1;
    product.alpha = factor;
    product.starts = false;
    multiply(product, working, scores(), count);
  }
  if (softcap == 0) return;
  row_functions().tanh(rows * count, scores(), scores());
  row_functions().affine(rows * count, softcap, 0, scores(), scores());
}

void CacheTile::add(int64_t row, const float* terms, int64_t count) const {
  float* scored = scores() + row * (end - begin);
  const int64_t known = std::clamp(count, begin, end);
  for (int64_t key = begin; key < known; ++key) scored[key - begin] += terms[key];
  std::fill(scored + known - begin, scored + end - begin, kNoSink);
}

void CacheTile::share(int64_t row, int64_t first, int64_t last, float sink) const {
  const RowFunctions& functions = row_functions();
  float* scored = scores() + row * (end - begin);
  std::fill(scored, scored + first - begin, 0.0F);
  std::fill(scored + last - begin, scored + end - begin, 0.0F);
  scored += first - begin;
  const int64_t count = last - first;
  const float most = std::max(functions.max(count, scored), sink);
  if (most == kNoSink && std::none_of(scored, scored + count, [](float x) { return x != x; })) {
    std::fill_n(scored, count, 0.0F);
    sums()[row] = 1;
    return;
  }
  sums()[row] = functions.exp_shifted(count, most, scored, scored) + std::exp(sink - most);
}

void CacheTile::sum_values() const {
  const int64_t count = end - begin;
  float* results = queries() + rows * head;
  const float* from = seen(values);
  if (count == 0) {
    std::fill_n(results, rows * head, 0.0F);
  } else if (few()) {
    row_functions().weighted_sums(rows, count, head, scores(), count, from, head, results);
  } else {
    Product product{.m = rows, .n = head, .depth = count};
    product.a = scores();
    product.a_row = count;
    product.a_depth = 1;
    product.b = from;
    product.b_column = 1;
    product.b_depth = head;
    product.starts = false;
    multiply(product, working, results, head);
  }
}

void CacheTile::give(int64_t row, float* to) const {
  row_functions().affine(head, 1 / sums()[row], 0, queries() + (rows + row) * head, to);
}

}  // namespace hone::cpu
