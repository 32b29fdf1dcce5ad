#include "ops/group_query.hpp"

#include <algorithm>
#include <cmath>

#include "base/size.hpp"
#include "ir/op_class.hpp"
#include "ops/common/operands.hpp"
#include "ops/common/quantization.hpp"
#include "ops/common/rotary.hpp"
#include "ops/common/rows.hpp"

namespace hone {
namespace {

using enum GroupQueryAttention::Operand;

/// Caches of i8 hold codes, those of u8 two of four bits an element, less 8.
bool is_quantized(DType cache) { return cache == DType::i8 || cache == DType::u8; }

void check_types(Inference& c, const GroupQueryAttention& op) {
  for (const int operand : {kKeyLengths, kTotal})
    c.check(c.has(operand), "operand ", operand, " is missing");
  float_operand(c, kQ);
  for (const int operand : {kK, kV, kCos, kSin, kScoreBias, kSink}) same_dtype(c, kQ, operand);
  if (c.has(kPastKey) && is_quantized(c.dtype(kPastKey))) {
    same_dtype(c, kPastKey, kPastValue);
    for (const int operand : {kKeyScale, kValueScale})
      c.check(c.has(operand) && is_float(c.dtype(operand)), "a cache of ", c.dtype(kPastKey),
              " needs floats as operand ", operand, ", its scales");
  } else if (c.has(kPastKey)) {
    float_operand(c, kPastKey);
    same_dtype(c, kPastKey, kPastValue);
  }
  for (const int operand : {kKeyLengths, kTotal, kPositions})
    if (c.has(operand))
      c.check(is_integer(c.dtype(operand)), "operand ", operand, " is ", c.dtype(operand),
              ", wanted integers");
  c.check(c.has(kPastKey) == c.has(kPastValue), "past_key and past_value go together");
  c.check(!op.do_rotary || (c.has(kCos) && c.has(kSin)), "do_rotary without cosines and sines");
  c.check(op.num_heads > 0 && op.kv_num_heads > 0 && op.num_heads % op.kv_num_heads == 0,
          "num_heads=", op.num_heads, " kv_num_heads=", op.kv_num_heads, ", wanted a multiple");
  c.check(op.local_window_size >= -1, "local_window_size=", op.local_window_size,
          ": wanted -1 or more");
}

/// What is said of each sample's place in the cache.
struct Places {
  int64_t total = 0;
  std::vector<int64_t> first, valid;  // keys before the new ones, and with them
};

Places places_of(const Evaluation& c, const ByHead& k) {
  Places places;
  c.check(c.input(kTotal).count() == 1, "total_sequence_length has ", c.input(kTotal).count(),
          " elements, wanted one");
  places.total = c.input(kTotal).integer(0);
  c.check(places.total >= k.sequence, "total_sequence_length is ", places.total, " with ",
          k.sequence, " new keys");
  const int64_t past = c.has(kPastKey) ? c.input(kPastKey).dim(2) : 0;
  c.check(places.total <= checked_add(past, k.sequence), "total_sequence_length is ", places.total,
          " with ", past, " keys of the past and ", k.sequence, " new ones");
  const std::vector<int64_t> lengths = c.input(kKeyLengths).integers();
  c.check(static_cast<int64_t>(lengths.size()) == k.batch, "seqlens_k has ", lengths.size(),
          " elements for ", k.batch, " samples");
  for (const int64_t length : lengths) {
    c.check(length >= 0 && length < places.total, "seqlens_k has ", length,
            " with a total_sequence_length of ", places.total);
    // Where all keys are new, samples may be shorter than the longest: padding follows.
    const int64_t first = k.sequence == places.total ? 0 : length + 1 - k.sequence;
    c.check(first >= 0 && first <= past, "a sample has ", first, " keys before the new ones, and ",
            past, " are there");
    places.first.push_back(first);
    places.valid.push_back(length + 1);
  }
  return places;
}

/// Turns every head by its place in its sample.
void turn(const Evaluation& c, ByHead& x, const Places& places, bool interleaved) {
  const Tensor &cosine = c.input(kCos), &sine = c.input(kSin);
  c.check(cosine.rank() == 2 && cosine.shape() == sine.shape() && cosine.dim(1) <= x.head / 2,
          "the cosines are ", shape_text(cosine.shape()), ", the sines ", shape_text(sine.shape()),
          ", for heads of ", x.head);
  const bool given = c.has(kPositions);
  if (given)
    c.check(c.input(kPositions).count() == checked_mul(x.batch, x.sequence), "position_ids is ",
            shape_text(c.input(kPositions).shape()), ", wanted [", x.batch, ",", x.sequence, "]");
  if (x.values.empty()) return;
  const int64_t half = cosine.dim(1);
  std::vector<double> cosines(static_cast<size_t>(half)), sines(static_cast<size_t>(half));
  for (int64_t b = 0; b < x.batch; ++b)
    for (int64_t s = 0; s < x.sequence; ++s) {
      const int64_t position = given ? c.input(kPositions).integer(b * x.sequence + s)
                                     : places.first[static_cast<size_t>(b)] + s;
      c.check(position >= 0 && position < cosine.dim(0), "position ", position,
              " is out of range for ", cosine.dim(0), " positions");
      load_row(cosine, position * half, 1, half, cosines.data());
      load_row(sine, position * half, 1, half, sines.data());
      for (int64_t h = 0; h < x.heads; ++h)
        rotate(x.values.data() + ((b * x.heads + h) * x.sequence + s) * x.head, cosines.data(),
               sines.data(), half, interleaved);
    }
}

/// Keys or values as a cache holds them: numbers, or codes of numbers that are multiples of a
/// scale.
class CacheFormat {
 public:
  CacheFormat(const Evaluation& c, int past, int scale, const ByHead& more)
      : past_(c.has(past) ? &c.input(past) : nullptr), head_(more.head) {
    if (past_ == nullptr) return;
    if (past_->dtype() != c.input(kQ).dtype()) rounds_ = past_->dtype();
    if (!is_quantized(past_->dtype())) return;
    packed_ = past_->dtype() == DType::u8;
    range_ = packed_ ? IntegerRange{-8, 7} : integer_range(DType::i8);
    scales_ = elements<double>(c.input(scale));
    const auto count = static_cast<int64_t>(scales_.size());
    c.check(count == 1 || count == checked_mul(more.heads, more.head), "operand ", scale, " has ",
            count, " scales, wanted one, or one for each of ", more.heads, " heads of ", more.head);
    for (const double each : scales_)
      c.check(each > 0 && std::isfinite(each), "a scale is ", each, ", wanted a positive number");
    heads_ = more.heads;
  }

  bool quantizes() const { return !scales_.empty(); }
  /// Elements of the cache that one row of a head takes.
  int64_t width() const { return packed_ ? head_ / 2 : head_; }

  /// `count` rows of the past from element `at` (of numbers) on.
  void load(int64_t at, int64_t count, double* to) const {
    if (!quantizes()) return load_row(*past_, at, 1, count * head_, to);
    const int64_t per_head = past_->dim(2) * head_;
    for (int64_t i = 0; i < count * head_; ++i)
      to[i] = code(at + i) * scale((at + i) / per_head, (at + i) % head_);
  }
  /// What is left of a new number in row `row` of heads.
  double kept(double x, int64_t row, int64_t place) const {
    if (!quantizes()) return rounds_ ? rounded_to(*rounds_, x) : x;
    const double step = scale(row, place);
    return quantized(rounded_to(DType::f32, x / step), 0, range_) * step;
  }
  /// Numbers that the cache holds exactly.
  void store(Tensor& to, const std::vector<double>& numbers, int64_t keys) const {
    if (!quantizes()) return hone::store(to, numbers);
    for (int64_t i = 0; i < static_cast<int64_t>(numbers.size()); ++i) {
      const double number = numbers[static_cast<size_t>(i)] / scale(i / (keys * head_), i % head_);
      const auto found = static_cast<int64_t>(std::nearbyint(number));
      if (!packed_) to.set_integer(i, found);
      else if (i % 2 == 0) to.set_integer(i / 2, found + 8);
      else to.set_integer(i / 2, to.integer(i / 2) | (found + 8) << 4);
    }
  }

 private:
  double code(int64_t at) const {
    if (!packed_) return static_cast<double>(past_->integer(at));
    return static_cast<double>((past_->integer(at / 2) >> (at % 2 * 4) & 15) - 8);
  }
  /// Of a place of a head; `row` counts the heads of all samples.
  double scale(int64_t row, int64_t place) const {
    const bool one = scales_.size() == 1;
    return scales_[static_cast<size_t>(one ? 0 : row % heads_ * head_ + place)];
  }

  const Tensor* past_;
  std::optional<DType> rounds_;  // new numbers to this
  int64_t head_, heads_ = 0;
  bool packed_ = false;
  IntegerRange range_{};
  std::vector<double> scales_;  // none: numbers
};

/// The cache [batch, heads, keys, head] with the new rows of each sample in their place.
std::vector<double> cached(const CacheFormat& format, int64_t old, const ByHead& more,
                           const Places& places, int64_t keys) {
  const int64_t shape[] = {more.batch, more.heads, keys, more.head};
  std::vector<double> cache(static_cast<size_t>(element_count(shape)));
  if (cache.empty()) return cache;
  for (int64_t row = 0; row < more.batch * more.heads; ++row) {
    double* to = cache.data() + row * keys * more.head;
    if (old > 0) format.load(row * old * more.head, old, to);
    const double* from = more.values.data() + row * more.sequence * more.head;
    to += places.first[static_cast<size_t>(row / more.heads)] * more.head;
    for (int64_t i = 0; i < more.sequence * more.head; ++i)
      to[i] = format.kept(from[i], row, i % more.head);
  }
  return cache;
}

/// The first `count` of `keys` rows of each head.
std::vector<double> first_rows(const std::vector<double>& cache, int64_t keys, int64_t count,
                               int64_t head) {
  if (keys == count || cache.empty()) return cache;
  std::vector<double> result;
  for (auto row = cache.begin(); row != cache.end(); row += keys * head)
    result.insert(result.end(), row, row + count * head);
  return result;
}

}  // namespace

void GroupQueryAttention::infer(Inference& c) const {
  check_types(c, *this);
  const DType dtype = c.dtype(kQ);
  for (const int operand : {kQ, kK, kV}) rank_is(c, operand, 3);
  for (const int operand : {kPastKey, kPastValue})
    if (c.has(operand)) rank_is(c, operand, 4);
  const TensorType &q = c.tensor(kQ), &k = c.tensor(kK), &v = c.tensor(kV);
  const bool past_known = !c.has(kPastKey) || c.tensor(kPastKey).has_rank();
  if (!q.has_rank() || !k.has_rank() || !v.has_rank() || !past_known) {
    const DType cache = c.has(kPastKey) ? c.dtype(kPastKey) : dtype;
    for (int i = 0; i < 4; ++i) c.set(i, Type::unranked(i == 1 || i == 2 ? cache : dtype));
    return;
  }
  const Dim batch = c.same(q.shape()[0], c.same(k.shape()[0], v.shape()[0]));
  const Dim fresh = c.same(q.shape()[1], c.same(k.shape()[1], v.shape()[1]));
  c.require_equal(k.shape()[2], v.shape()[2]);
  c.require_equal(q.shape()[2] * kv_num_heads, k.shape()[2] * num_heads);
  c.check(!q.shape()[2].is_constant() || *q.shape()[2].constant() % num_heads == 0, "q is ", q,
          ", wanted ", num_heads, " heads in its last dimension");
  const Dim head = floor_div(q.shape()[2], num_heads);
  const Dim past = c.has(kPastKey) ? c.tensor(kPastKey).shape()[2] : Dim(0);
  vector_of(c, kSink, num_heads);
  const Dims* known = c.known(kTotal);
  const bool told = known != nullptr && known->size() == 1;
  c.set(0, q);
  Dim keys;
  if (told) keys = max(past, known->front());
  else if (c.wants(1)) keys = c.fresh(1, 2);
  else if (c.wants(2)) keys = c.fresh(2, 2);
  DType cache = dtype;
  Dim width = head;
  if (c.has(kPastKey)) {
    cache = c.dtype(kPastKey);
    if (cache == DType::u8) width = c.tensor(kPastKey).shape()[3];
  }
  for (int i = 1; i <= 2; ++i) c.set(i, cache, {batch, kv_num_heads, keys, width});
  if (c.wants(3)) c.set(3, dtype, {batch, num_heads, fresh, told ? known->front() : c.fresh(3, 3)});
}

void GroupQueryAttention::eval(Evaluation& c) const {
  ByHead q(c, kQ, num_heads), k(c, kK, kv_num_heads);
  const ByHead v(c, kV, kv_num_heads);
  c.check(k.batch == q.batch && v.batch == q.batch && k.sequence == q.sequence &&
              v.sequence == q.sequence && k.head == q.head && v.head == q.head,
          "q is ", shape_text(c.input(kQ).shape()), ", k ", shape_text(c.input(kK).shape()), ", v ",
          shape_text(c.input(kV).shape()), ": they do not fit");
  const CacheFormat key_format(c, kPastKey, kKeyScale, k);
  const CacheFormat value_format(c, kPastValue, kValueScale, v);
  int64_t past = 0;
  if (c.has(kPastKey)) {
    past = c.input(kPastKey).rank() == 4 ? c.input(kPastKey).dim(2) : 0;
    const std::vector<int64_t> wanted{k.batch, k.heads, past, key_format.width()};
    c.check(key_format.width() == k.head || k.head % 2 == 0, "heads of ", k.head,
            " elements do not fit into a cache of pairs");
    for (const int operand : {kPastKey, kPastValue})
      c.check(c.input(operand).shape() == wanted, "operand ", operand, " is ",
              shape_text(c.input(operand).shape()), ", wanted ", shape_text(wanted));
  }
  const Places places = places_of(c, k);
  if (do_rotary) turn(c, q, places, rotary_interleaved), turn(c, k, places, rotary_interleaved);
  const int64_t keys = std::max(past, places.total);
  const DType dtype = c.input(kQ).dtype();
  const std::vector<double> key = cached(key_format, past, k, places, keys);
  const std::vector<double> value = cached(value_format, past, v, places, keys);
  const AttentionSizes sizes{q.batch, q.heads, k.heads, q.sequence, places.total, q.head, v.head};
  AttentionTerms terms;
  terms.scale = std::isnan(scale) ? 1 / std::sqrt(static_cast<double>(sizes.head)) : double{scale};
  terms.softcap = softcap;
  terms.bias = AttentionBias(c, kScoreBias, sizes);
  terms.window = {places.first, places.valid, causal};
  if (local_window_size > 0) terms.window.left = local_window_size - 1;
  if (smooth_softmax) terms.sinks.assign(static_cast<size_t>(num_heads), 0);
  if (c.has(kSink)) {
    c.check(c.input(kSink).count() == num_heads, "head_sink has ", c.input(kSink).count(),
            " elements for ", num_heads, " heads");
    terms.sinks = elements<double>(c.input(kSink));
  }
  Tensor* qk =
      c.wants(3) ? &c.output(3, dtype, {q.batch, q.heads, q.sequence, places.total}) : nullptr;
  const std::vector<double> y =
      attend(sizes, terms, q.values, first_rows(key, keys, places.total, q.head),
             first_rows(value, keys, places.total, q.head), qk_output, qk);
  store_by_head(c.output(0, dtype, c.input(kQ).shape()), y, q.heads);
  const DType cache = c.has(kPastKey) ? c.input(kPastKey).dtype() : dtype;
  const std::vector<int64_t> present{k.batch, k.heads, keys, key_format.width()};
  if (c.wants(1)) key_format.store(c.output(1, cache, present), key, keys);
  if (c.wants(2)) value_format.store(c.output(2, cache, present), value, keys);
}

void register_group_query(OpRegistry& registry) { registry.add<GroupQueryAttention>(); }

}  // namespace hone
