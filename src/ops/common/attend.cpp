#include "ops/common/attend.hpp"

#include <algorithm>
#include <cmath>

#include "base/size.hpp"
#include "ir/evaluation/work.hpp"
#include "ops/common/operands.hpp"
#include "ops/common/quantization.hpp"

namespace hone {
namespace {

constexpr double kHidden = -std::numeric_limits<double>::infinity();

/// The place of element [b, s, h, 0] in a tensor of rank 3, [b, h, s, 0] in one of rank 4.
struct HeadStrides {
  int64_t batch, heads, sequence;
  HeadStrides(int rank, int64_t heads_, int64_t sequence_, int64_t head)
      : batch(heads_ * sequence_ * head),
        heads(rank == 3 ? head : sequence_ * head),
        sequence(rank == 3 ? heads_ * head : head) {}
};

}  // namespace

void check_heads(const Evaluation& c, const AttentionSizes& sizes) {
  c.check(sizes.kv_heads > 0 ? sizes.heads % sizes.kv_heads == 0 : sizes.heads == 0, sizes.heads,
          " query heads for ", sizes.kv_heads, " key heads, wanted a multiple");
}

AttentionBias::AttentionBias(const Evaluation& c, int operand, const AttentionSizes& sizes,
                             double fill, DType sum)
    : sum_(sum), fill_(fill) {
  if (!c.has(operand)) return;
  const Tensor& tensor = c.input(operand);
  const int64_t wanted[] = {sizes.batch, sizes.heads, sizes.queries, sizes.keys};
  c.check(tensor.rank() <= 4, "the mask is ", shape_text(tensor.shape()),
          ", wanted rank 4 at most");
  keys_ = sizes.keys;
  int64_t stride = 1;
  for (int d = tensor.rank() - 1; d >= 0; --d) {
    const auto place = static_cast<size_t>(d + 4 - tensor.rank());
    const int64_t size = tensor.dim(d);
    const bool repeats = size == 1 && place < 3;
    c.check(repeats || size == wanted[place] || (place == 3 && size < wanted[3]), "the mask is ",
            shape_text(tensor.shape()), ", wanted to broadcast to [", sizes.batch, ",", sizes.heads,
            ",", sizes.queries, ",", sizes.keys, "]");
    if (!repeats) strides_[place] = stride;
    if (place == 3) keys_ = size;
    stride *= size;
  }
  tensor_ = &tensor;
}

double AttentionBias::at(int64_t b, int64_t h, int64_t i, int64_t j) const {
  return tensor_->number(b * strides_[0] + h * strides_[1] + i * strides_[2] + j * strides_[3]);
}

double AttentionBias::applied(double score, int64_t b, int64_t h, int64_t i, int64_t j) const {
  if (tensor_ == nullptr) return score;
  if (j >= keys_) return kHidden;
  const double bias = at(b, h, i, j);
  if (tensor_->dtype() == DType::boolean) return bias != 0 ? score : fill_;
  return tensor_->dtype() == sum_ && bias != 0 ? rounded_to(sum_, score + bias) : score + bias;
}

bool AttentionBias::hides(int64_t b, int64_t h, int64_t i, int64_t j) const {
  if (tensor_ == nullptr) return false;
  if (j >= keys_) return true;
  const double bias = at(b, h, i, j);
  return tensor_->dtype() == DType::boolean ? bias == 0 && fill_ == kHidden : bias == kHidden;
}

int64_t AttentionWindow::keys(int64_t b, int64_t all) const {
  if (valid.empty()) return all;
  return std::clamp<int64_t>(valid[static_cast<size_t>(b)], 0, all);
}

bool AttentionWindow::sees(int64_t b, int64_t i, int64_t j) const {
  const int64_t position = (first.empty() ? 0 : first[static_cast<size_t>(b)]) + i;
  if (causal && j > position) return false;
  if (left >= 0 && position - j > left) return false;
  return right < 0 || j - position <= right;
}

void dot_keys(const double* query, const double* keys, int64_t count, int64_t head, double scale,
              double* out) {
  for (int64_t j = 0; j < count; ++j, keys += head) {
    double sum = 0;
    for (int64_t d = 0; d < head; ++d) sum += query[d] * keys[d];
    out[j] = scale * sum;
  }
}

void softmax_row(double* row, int64_t count, double sink, bool zero_unseen) {
  double most = sink;
  for (int64_t j = 0; j < count; ++j) most = std::isnan(row[j]) ? row[j] : std::max(most, row[j]);
  if (most == kHidden && zero_unseen) return std::fill(row, row + count, 0);
  double sum = std::exp(sink - most);
  for (int64_t j = 0; j < count; ++j) sum += row[j] = std::exp(row[j] - most);
  for (int64_t j = 0; j < count; ++j) row[j] /= sum;
}

void mix_values(const double* weights, const double* values, int64_t count, int64_t size,
                double* out) {
  std::fill(out, out + size, 0);
  for (int64_t j = 0; j < count; ++j)
    for (int64_t d = 0; d < size; ++d) out[d] += weights[j] * *values++;
}

namespace {

/// One query of one head: its row of scores on its way through the stages.
class Row {
 public:
  Row(const AttentionSizes& sizes, const AttentionTerms& terms, AttentionStage stage, Tensor* qk)
      : sizes_(sizes), terms_(terms), stage_(stage), qk_(qk) {
    values_.resize(static_cast<size_t>(sizes.keys));
  }

  void score(int64_t b, int64_t h, int64_t i, const double* query, const double* keys) {
    place_ = ((b * sizes_.heads + h) * sizes_.queries + i) * sizes_.keys;
    dot_keys(query, keys, sizes_.keys, sizes_.head, terms_.scale, values_.data());
    note(AttentionStage::scores);
    if (terms_.softcap != 0)
      for (double& value : values_) value = terms_.softcap * std::tanh(value / terms_.softcap);
    note(AttentionStage::capped);
    bool hidden = true;
    const int64_t valid = terms_.window.keys(b, sizes_.keys);
    for (int64_t j = 0; j < sizes_.keys; ++j) {
      const bool seen = j < valid && terms_.window.sees(b, i, j);
      double& value = values_[static_cast<size_t>(j)];
      value = seen ? terms_.bias.applied(value, b, h, i, j) : kHidden;
      hidden = hidden && (!seen || terms_.bias.hides(b, h, i, j));
    }
    note(AttentionStage::biased);
    // Decided by what is added, so that a query without keys gets zeros whatever its scores are.
    if (hidden && terms_.zero_unseen) std::fill(values_.begin(), values_.end(), 0);
    else
      softmax_row(values_.data(), sizes_.keys,
                  terms_.sinks.empty() ? kHidden : terms_.sinks[static_cast<size_t>(h)],
                  terms_.zero_unseen);
    for (double& value : values_)
      if (terms_.zero_nan && std::isnan(value)) value = 0;
    note(AttentionStage::probabilities);
  }
  const double* weights() const { return values_.data(); }

 private:
  void note(AttentionStage stage) {
    if (qk_ == nullptr || stage != stage_) return;
    for (int64_t j = 0; j < sizes_.keys; ++j)
      qk_->set_number(place_ + j, values_[static_cast<size_t>(j)]);
  }

  const AttentionSizes& sizes_;
  const AttentionTerms& terms_;
  AttentionStage stage_;
  Tensor* qk_;
  std::vector<double> values_;
  int64_t place_ = 0;
};

}  // namespace

std::vector<double> attend(const AttentionSizes& sizes, const AttentionTerms& terms,
                           const std::vector<double>& q, const std::vector<double>& k,
                           const std::vector<double>& v, AttentionStage stage, Tensor* qk) {
  const int64_t shape[] = {sizes.batch, sizes.heads, sizes.queries, sizes.value_head};
  std::vector<double> y(static_cast<size_t>(element_count(shape)));
  if (y.empty() && (qk == nullptr || qk->count() == 0)) return y;
  spend_work({sizes.batch, sizes.heads, sizes.queries, sizes.keys, sizes.head + sizes.value_head});
  Row row(sizes, terms, stage, qk);
  for (int64_t b = 0; b < sizes.batch; ++b)
    for (int64_t h = 0; h < sizes.heads; ++h)
      for (int64_t i = 0; i < sizes.queries; ++i) {
        const int64_t query = (b * sizes.heads + h) * sizes.queries + i;
        const int64_t shared = sizes.kv_head(b, h) * sizes.keys;
        row.score(b, h, i, q.data() + query * sizes.head, k.data() + shared * sizes.head);
        mix_values(row.weights(), v.data() + shared * sizes.value_head,
                   terms.window.keys(b, sizes.keys), sizes.value_head,
                   y.data() + query * sizes.value_head);
      }
  return y;
}

ByHead::ByHead(const Evaluation& c, int operand, int64_t heads_given) {
  const Tensor& tensor = c.input(operand);
  c.check(tensor.rank() == 3 || tensor.rank() == 4, "operand ", operand, " is ",
          shape_text(tensor.shape()), ", wanted rank 3 or 4");
  batch = tensor.dim(0);
  heads = tensor.rank() == 4 ? tensor.dim(1) : heads_given;
  sequence = tensor.dim(tensor.rank() - 2);
  head = tensor.dim(tensor.rank() - 1);
  if (tensor.rank() == 3) {
    c.check(heads > 0 && head % heads == 0, "operand ", operand, " is ", shape_text(tensor.shape()),
            ", wanted ", heads, " heads in its last dimension");
    head /= heads;
  }
  values.resize(static_cast<size_t>(tensor.count()));
  if (tensor.rank() == 4) {
    values = elements<double>(tensor);
    return;
  }
  if (values.empty()) return;
  const HeadStrides strides(tensor.rank(), heads, sequence, head);
  double* value = values.data();
  for (int64_t b = 0; b < batch; ++b)
    for (int64_t h = 0; h < heads; ++h)
      for (int64_t s = 0; s < sequence; ++s)
        for (int64_t d = 0; d < head; ++d)
          *value++ =
              tensor.number(b * strides.batch + h * strides.heads + s * strides.sequence + d);
}

void store_by_head(Tensor& tensor, const std::vector<double>& values, int64_t heads) {
  if (tensor.rank() == 4) return store(tensor, values);
  if (values.empty()) return;
  const int64_t batch = tensor.dim(0), sequence = tensor.dim(1), head = tensor.dim(2) / heads;
  const HeadStrides strides(tensor.rank(), heads, sequence, head);
  const double* value = values.data();
  for (int64_t b = 0; b < batch; ++b)
    for (int64_t h = 0; h < heads; ++h)
      for (int64_t s = 0; s < sequence; ++s)
        for (int64_t d = 0; d < head; ++d)
          tensor.set_number(b * strides.batch + h * strides.heads + s * strides.sequence + d,
                            *value++);
}

void append_sequence(const Evaluation& c, ByHead& past, const ByHead& more) {
  c.check(past.batch == more.batch && past.heads == more.heads && past.head == more.head,
          "the past is [", past.batch, ",", past.heads, ",", past.sequence, ",", past.head,
          "], what follows [", more.batch, ",", more.heads, ",", more.sequence, ",", more.head,
          "]");
  past.sequence = checked_add(past.sequence, more.sequence);
  if (past.values.empty() && more.values.empty()) return;
  std::vector<double> both;
  both.reserve(past.values.size() + more.values.size());
  const auto rows = static_cast<size_t>(past.batch * past.heads);
  const size_t old = past.values.size() / rows, fresh = more.values.size() / rows;
  for (size_t row = 0; row < rows; ++row) {
    const auto past_at = past.values.begin() + static_cast<std::ptrdiff_t>(row * old);
    const auto more_at = more.values.begin() + static_cast<std::ptrdiff_t>(row * fresh);
    both.insert(both.end(), past_at, past_at + static_cast<std::ptrdiff_t>(old));
    both.insert(both.end(), more_at, more_at + static_cast<std::ptrdiff_t>(fresh));
  }
  past.values = std::move(both);
}

}  // namespace hone
