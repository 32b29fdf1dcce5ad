#pragma once
// Scaled dot product attention in double, shared by every op that attends.

#include <cstdint>
#include <limits>
#include <optional>
#include <vector>

#include "ir/evaluation/evaluation.hpp"

namespace hone {

/// Queries are [batch, heads, queries, head], keys [batch, kv_heads, keys, head], values
/// [batch, kv_heads, keys, value_head]; heads / kv_heads neighbouring heads share keys and values.
struct AttentionSizes {
  int64_t batch = 0, heads = 0, kv_heads = 0, queries = 0, keys = 0, head = 0, value_head = 0;

  int64_t kv_head(int64_t b, int64_t h) const { return b * kv_heads + h / (heads / kv_heads); }
};
/// Fails unless heads are a multiple of kv_heads.
void check_heads(const Evaluation& c, const AttentionSizes& sizes);

/// What is added to the scores [batch, heads, queries, keys]: a tensor that broadcasts to them.
/// Booleans: the score stays where true and becomes `fill` where false. Keys past a last dimension
/// that is shorter get -inf.
class AttentionBias {
 public:
  AttentionBias() = default;  // adds nothing
  AttentionBias(const Evaluation& c, int operand, const AttentionSizes& sizes,
                double fill = -std::numeric_limits<double>::infinity(), DType sum = DType::f64);
  /// `score` as this makes it. Where the bias has the type `sum`, sums are rounded to it: beside a
  /// number that is large for it (-1e9 for f32) a small score counts for nothing.
  double applied(double score, int64_t b, int64_t h, int64_t i, int64_t j) const;
  /// The score is -inf whatever it was.
  bool hides(int64_t b, int64_t h, int64_t i, int64_t j) const;

 private:
  double at(int64_t b, int64_t h, int64_t i, int64_t j) const;

  const Tensor* tensor_ = nullptr;
  DType sum_ = DType::f64;
  double fill_ = 0;
  int64_t strides_[4] = {0, 0, 0, 0}, keys_ = 0;
};

/// The keys that a query sees. Query i of sample b stands at position first[b] + i.
struct AttentionWindow {
  std::vector<int64_t> first;     ///< by sample; empty: 0
  std::vector<int64_t> valid;     ///< keys that are there, by sample; empty: all
  bool causal = false;            ///< none after the query
  int64_t left = -1, right = -1;  ///< at most so far before and after the query; -1: any

  int64_t keys(int64_t b, int64_t all) const;  ///< in [0, all]
  bool sees(int64_t b, int64_t i, int64_t j) const;
};

/// What becomes of the scores on the way to probabilities.
enum class AttentionStage : uint8_t {
  scores,        ///< scaled products
  capped,        ///< after softcap
  biased,        ///< after bias and window (hidden: -inf)
  probabilities  ///< after softmax
};

struct AttentionTerms {
  double scale = 1, softcap = 0;  ///< softcap 0: none
  AttentionWindow window;
  AttentionBias bias;
  std::vector<double> sinks;  ///< a logit by head that only swells the denominator; empty: none
  bool zero_unseen = true;    ///< the shares of a query that sees no key are 0, else NaN
  bool zero_nan = false;      ///< shares that are NaN are 0
};

/// y [batch, heads, queries, value_head]. Where `qk` is not null it becomes the scores [batch,
/// heads, queries, keys] of a stage.
std::vector<double> attend(const AttentionSizes& sizes, const AttentionTerms& terms,
                           const std::vector<double>& q, const std::vector<double>& k,
                           const std::vector<double>& v,
                           AttentionStage stage = AttentionStage::scores, Tensor* qk = nullptr);

/// out[j] = scale * (query . keys[j]) for `count` keys of `head` elements.
void dot_keys(const double* query, const double* keys, int64_t count, int64_t head, double scale,
              double* out);
/// exp(row[j]) over the sum of all and of exp(sink). Where every exponent is -inf: zeros for
/// `zero_unseen`, else NaN.
void softmax_row(double* row, int64_t count, double sink = -std::numeric_limits<double>::infinity(),
                 bool zero_unseen = true);
/// out = sum of weights[j] * values[j] for `count` values of `size` elements.
void mix_values(const double* weights, const double* values, int64_t count, int64_t size,
                double* out);

/// A tensor [batch, heads, sequence, head] or [batch, sequence, heads * head], as the former.
struct ByHead {
  int64_t batch = 0, heads = 0, sequence = 0, head = 0;
  std::vector<double> values;

  /// `heads`: of rank 3. Fails for other ranks and for a width that is no such heads.
  ByHead(const Evaluation& c, int operand, int64_t heads);
};
/// Writes values [batch, heads, sequence, head] into a tensor of rank 4, or of rank 3 as
/// [batch, sequence, heads * head].
void store_by_head(Tensor& tensor, const std::vector<double>& values, int64_t heads);
/// [batch, heads, past, head] followed by [batch, heads, more, head] along the sequence.
void append_sequence(const Evaluation& c, ByHead& past, const ByHead& more);

}  // namespace hone
