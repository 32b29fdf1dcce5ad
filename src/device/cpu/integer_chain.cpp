#include "device/cpu/integer_chain.hpp"

#include <algorithm>
#include <cmath>

#include "base/size.hpp"
#include "device/cpu/chain.hpp"
#include "device/cpu/gemm.hpp"
#include "device/cpu/integer_weights.hpp"
#include "device/cpu/requantize.hpp"
#include "ops/activation.hpp"
#include "ops/common/quantization.hpp"
#include "ops/qlinear.hpp"
#include "ops/quantized.hpp"

namespace hone::cpu {
namespace {

/// So that no sum, with its bias and what a zero point adds, leaves 32 bits.
constexpr int64_t kMostWords = 1 << 14, kMostBytes = 1 << 15;  // of the depth
constexpr double kMostBias = 0x1p30;

std::optional<IntegerOperands> places_of(const Op& op) {
  if (op.as<QLinearConv>() != nullptr) return IntegerOperands{0, 1, 2, 3, 4, 5, 6, 7, 8};
  if (op.as<QLinearMatMul>() != nullptr) return IntegerOperands{0, 1, 2, 3, 4, 5, 6, 7, -1};
  if (op.as<QGemm>() != nullptr) return IntegerOperands{0, 1, 2, 3, 4, 5, 7, 8, 6};
  if (op.as<ConvInteger>() != nullptr || op.as<MatMulInteger>() != nullptr)
    return IntegerOperands{0, -1, 2, 1, -1, 3, -1, -1, -1};
  return std::nullopt;
}

DType dtype_of(const Value* value) { return value->type.tensor().dtype; }

/// A bound of Clip that is a literal or absent.
bool find_bound(const Node& clip, size_t operand, double& bound) {
  const Value* value = clip.input(operand);
  if (value == nullptr) return true;
  if (!value->is_literal() || value->weight->count() != 1) return false;
  const double number = value->weight->tensor().number(0);
  bound = operand == 1 ? std::max(bound, number) : std::min(bound, number);
  return true;
}

/// The node clips the chain's result.
bool clips(const Node& node, IntegerChain& chain) {
  if (node.op.as<Clip>() == nullptr || node.inputs[0] != chain.result) return false;
  double low = chain.sum == nullptr ? chain.low : chain.sum_low;
  double high = chain.sum == nullptr ? chain.high : chain.sum_high;
  if (!find_bound(node, 1, low) || !find_bound(node, 2, high) || low > high) return false;
  (chain.sum == nullptr ? chain.low : chain.sum_low) = low;
  (chain.sum == nullptr ? chain.high : chain.sum_high) = high;
  return true;
}

/// The number of a constant of one element; nullopt: it is none.
std::optional<double> constant_number(const Problem& problem, const Value* value) {
  const Weight* weight = constant_of(problem, value);
  if (weight == nullptr || weight->count() != 1) return std::nullopt;
  return weight->tensor().number(0);
}

/// The node adds another quantized tensor to the chain's result.
bool adds(const Problem& problem, const Node& node, IntegerChain& chain) {
  if (node.op.as<QLinearAdd>() == nullptr || chain.sum != nullptr || chain.places.y_scale < 0)
    return false;
  const int other = node.inputs[0] == chain.result ? 3 : 0;
  const Value* added = node.input(static_cast<size_t>(other));
  if (added == chain.result || added == nullptr || !added->type.tensor().has_rank()) return false;
  const Dims &shape = added->type.tensor().shape(), &wanted = chain.result->type.tensor().shape();
  const Op& op = chain.anchor->op;
  const bool multiplies = op.as<QLinearMatMul>() != nullptr || op.as<QGemm>() != nullptr;
  const bool row = multiplies && shape.size() == 1 && shape != wanted && shape[0] == wanted.back();
  if (!row && (!added->is_input() || shape != wanted)) return false;
  for (const size_t scale : {1, 4, 6})
    if (dtype_of(node.input(scale)) != DType::f32 || !constant_number(problem, node.input(scale)))
      return false;
  for (const size_t zero : {2, 5, 7})
    if (node.input(zero) != nullptr && !constant_number(problem, node.input(zero))) return false;
  chain.sum = &node;
  chain.added = other;
  chain.adds_row = row;
  const IntegerRange range = integer_range(dtype_of(added));
  chain.sum_low = range.least;
  chain.sum_high = range.most;
  return true;
}

/// Why zero points or scales (of `filters`, or of all) are not for these kernels; empty: they are.
std::string refused(const Problem& problem, const Value* value, int64_t filters,
                    std::string_view what) {
  if (value == nullptr) return {};
  const Weight* weight = constant_of(problem, value);
  if (weight == nullptr) return cat(what, " is computed");
  if (weight->count() != 1 && weight->count() != filters) return cat(what, " is not one a filter");
  return {};
}

std::string refused_parameters(const Problem& problem, const IntegerChain& chain, int64_t filters) {
  const IntegerOperands& p = chain.places;
  for (const int scale : {p.x_scale, p.w_scale, p.y_scale})
    if (const Value* value = chain.operand(scale); value != nullptr)
      if (dtype_of(value) != DType::f32) return "scales of f32 only";
  const bool quantizes = p.x_scale >= 0;
  for (const auto& [place, most, what] : {std::tuple{p.x_scale, int64_t{1}, "a scale"},
                                          {p.w_scale, filters, "the weight's scale"},
                                          {p.y_scale, int64_t{1}, "a scale"},
                                          {quantizes ? p.x_zero : -1, int64_t{1}, "a zero point"},
                                          {p.y_zero, int64_t{1}, "a zero point"},
                                          {p.w_zero, filters, "the weight's zero point"}})
    if (std::string why = refused(problem, chain.operand(place), most, what); !why.empty())
      return why;
  if (const Value* zero = chain.operand(p.x_zero); zero != nullptr)
    for (const Dim& dim : zero->type.tensor().shape())
      if (!dim.is(1)) return "more than one zero point";
  const Value* bias = chain.operand(p.bias);
  if (bias == nullptr) return {};
  const Weight* weight = constant_of(problem, bias);
  if (weight == nullptr) return "the bias is computed";
  if (weight->count() != filters) return "the bias is not one a filter";
  for (int64_t i = 0; i < weight->count(); ++i)
    if (std::abs(weight->tensor().number(i)) > kMostBias) return "sums may leave 32 bits";
  return {};
}

/// Of pairs of neighbours along the depth, as a sample of them has it: those of whose weights
/// further groups must be made.
double share_of_large_pairs(const IntegerChain& chain, const Weight& weight, double middle) {
  constexpr int64_t kSample = 512;
  if (weight.is_absent() || weight.is_random() || weight.count() == 0) return 1;
  const std::vector<int64_t>& shape = weight.shape();
  int64_t distance = 1;  // from one to its neighbour
  const auto* gemm = chain.anchor->op.as<QGemm>();
  if (shape.size() == 2) {
    distance = gemm != nullptr && gemm->transB ? 1 : shape[1];
  } else {
    for (size_t i = shape.size() - (shape[1] == 1 ? 1 : shape.size() - 2); i < shape.size(); ++i)
      distance *= shape[i];
  }
  const int64_t pairs = weight.count() - distance;
  int64_t large = 0, sampled = 0;
  for (int64_t k = 0; k < std::min(kSample, pairs); ++k, ++sampled) {
    const int64_t i = k * pairs / std::min(kSample, pairs);
    const double first = weight.tensor().number(i) - middle;
    large += is_large_pair(first, weight.tensor().number(i + distance) - middle) ? 1 : 0;
  }
  return sampled == 0 ? 0 : static_cast<double>(large) / static_cast<double>(sampled);
}

/// Bytes multiplied in pairs take less time than words, with the further groups that large pairs
/// make. One of them is enough for another group of all weights that share it.
bool pairs_pay(double large, const IntegerSharing& sharing) {
  constexpr double kWords = 0.63;  // of the time of a group of bytes, as measured
  const auto pairs = static_cast<double>(sharing.weights * std::min<int64_t>(2, sharing.along / 2));
  const double further = 1 - std::pow(1 - large, pairs);
  const auto bytes = static_cast<double>(ceil_div(sharing.along, int64_t{4})) * (1 + further);
  return bytes <= kWords * static_cast<double>(ceil_div(sharing.along, int64_t{2}));
}

/// Of each filter: what its sums are multiplied by. Empty: a scale is no constant.
std::vector<float> scales_of(const Problem& problem, const IntegerChain& chain, int64_t filters) {
  const IntegerOperands& p = chain.places;
  for (const int place : {p.x_scale, p.w_scale, p.y_scale})
    if (const Value* value = chain.operand(place); value != nullptr)
      if (const Weight* weight = constant_of(problem, value);
          weight == nullptr || (weight->count() != 1 && weight->count() != filters))
        return {};
  const auto number = [&](int place, int64_t at) {
    const Value* value = chain.operand(place);
    if (value == nullptr) return 1.0;
    const Tensor& tensor = constant_of(problem, value)->tensor();
    return tensor.number(tensor.count() == 1 ? 0 : at);
  };
  double x_scale = number(p.x_scale, 0);
  if (const auto* gemm = chain.anchor->op.as<QGemm>())
    x_scale = rounded_to(DType::f32, double{gemm->alpha} * x_scale);
  const double y_scale = number(p.y_scale, 0);
  std::vector<float> scales;
  for (int64_t i = 0; i < filters; ++i)
    scales.push_back(
        static_cast<float>(rounded_to(DType::f32, x_scale * number(p.w_scale, i)) / y_scale));
  return scales;
}

/// Sums, which fit 32 bits, fit them scaled, and nothing narrower is wanted than the result's type.
bool saturates(const Problem& problem, const IntegerChain& chain) {
  const IntegerRange range = integer_range(dtype_of(chain.result));
  const auto least = static_cast<double>(range.least), most = static_cast<double>(range.most);
  if (chain.sum != nullptr || chain.low != least || chain.high != most) return false;
  const Weight* each = constant_of(problem, chain.operand(chain.places.w_scale));
  const std::vector<float> scales = scales_of(problem, chain, each == nullptr ? 1 : each->count());
  return !scales.empty() && std::all_of(scales.begin(), scales.end(),
                                        [](float scale) { return std::abs(scale) <= 0.5F; });
}

}  // namespace

const Value* IntegerChain::operand(int place) const {
  return place < 0 ? nullptr : anchor->input(static_cast<size_t>(place));
}

std::optional<IntegerChain> integer_chain(const Problem& problem) {
  const Node& first = problem.region.body->nodes().front();
  const auto places = places_of(first.op);
  if (!places || first.outputs.size() != 1) return std::nullopt;
  for (const Value* input : first.inputs)
    if (input != nullptr && !(input->type.is_tensor() && input->type.tensor().has_rank()))
      return std::nullopt;
  IntegerChain chain;
  chain.anchor = &first;
  chain.places = *places;
  chain.result = first.output();
  chain.nodes = 1;
  for (const int place : {places->x, places->weight})
    if (!is_byte(chain.operand(place)->type.tensor())) return std::nullopt;
  const TensorType& result = first.output()->type.tensor();
  if (!result.has_rank()) return std::nullopt;
  if (places->y_scale < 0 || chain.operand(places->y_scale) == nullptr) return chain;
  if (!is_byte(result)) return std::nullopt;
  const IntegerRange range = integer_range(result.dtype);
  chain.low = range.least;
  chain.high = range.most;
  while (chain.result->first_output < 0 && chain.result->users.size() == 1) {
    const Node& next = *chain.result->users.front();
    if (!clips(next, chain) && !adds(problem, next, chain)) break;
    chain.result = next.output();
    ++chain.nodes;
  }
  return chain;
}

Verdict verdict_on(const Problem& problem, const IntegerChain& chain, const IntegerForm& form,
                   int64_t filters, int64_t depth) {
  if (gemm_core().isa == Isa::generic) return Verdict::no("no code can be generated");
  if (std::string why = refused_parameters(problem, chain, filters); !why.empty())
    return Verdict::no(std::move(why));
  if (depth > (form.groups == IntegerForm::Groups::bytes ? kMostBytes : kMostWords))
    return Verdict::no("sums may leave 32 bits");
  if (chain.nodes == problem.region.body->nodes().size()) return {};
  return Verdict::yes_up_to(chain.result->name,
                            "only clipping and the sum with a quantized tensor follow in one step");
}

IntegerForm integer_form(const Problem& problem, const IntegerChain& chain, IntegerForm::Kind kind,
                         const IntegerSharing& sharing) {
  using Groups = IntegerForm::Groups;
  using Result = IntegerForm::Result;
  IntegerForm form{.kind = kind, .vnni = has_vnni()};
  const Value* operand = chain.operand(chain.places.weight);
  const Weight* weight = constant_of(problem, operand);
  if (weight != nullptr) {
    const double middle = dtype_of(operand) == DType::u8 ? 128 : 0;
    const Weight* zero = constant_of(problem, chain.operand(chain.places.w_zero));
    bool fits = zero != nullptr || middle == 0;
    for (int64_t i = 0; zero != nullptr && i < zero->count(); ++i)
      fits &= zero->tensor().number(i) == middle;
    if (fits && (form.vnni || pairs_pay(share_of_large_pairs(chain, *weight, middle), sharing)))
      form.groups = Groups::bytes;
  }
  const DType type = dtype_of(chain.result);
  form.result = type == DType::u8    ? Result::u8
                : type == DType::i8  ? Result::i8
                : type == DType::f32 ? Result::floats
                                     : Result::sums;
  form.adds = chain.sum != nullptr;
  form.saturates = form.quantizes() && saturates(problem, chain);
  return form;
}

std::string packing_text(const IntegerForm& form) {
  return cat(name(isa()), form.vnni ? "+vnni/" : "/", form.in_group(),
             form.in_pairs() ? " in pairs" : "");
}

double integer_speed(const Problem&, const IntegerForm& form) {
  if (form.groups == IntegerForm::Groups::bytes) return form.vnni ? 3 : 1.8;
  return form.vnni ? 1.8 : 1.4;
}

std::vector<int16_t> centered_weight(const Tensor& weight, const Weight* zero, int64_t inner,
                                     int64_t filters) {
  std::vector<int16_t> values(static_cast<size_t>(weight.count()));
  const auto* bytes = reinterpret_cast<const uint8_t*>(weight.bytes().data());
  const bool is_signed = weight.dtype() == DType::i8;
  for (size_t i = 0; i < values.size(); ++i)
    values[i] = is_signed ? int16_t{static_cast<int8_t>(bytes[i])} : int16_t{bytes[i]};
  if (zero == nullptr) return values;
  const bool each = zero->count() > 1;
  for (int64_t i = 0; i < weight.count(); i += inner) {
    const auto shift = static_cast<int16_t>(zero->tensor().integer(each ? i / inner % filters : 0));
    if (shift == 0) continue;
    for (int64_t k = i; k < std::min(weight.count(), i + inner); ++k) {
      int16_t& value = values[static_cast<size_t>(k)];
      value = static_cast<int16_t>(value - shift);
    }
  }
  return values;
}

IntegerFollow::IntegerFollow(const Problem& problem, const IntegerChain& chain, int64_t filters,
                             IntegerForm::Groups groups)
    : x_zero_(problem, chain.operand(chain.places.x_zero)),
      signed_(dtype_of(chain.operand(chain.places.x)) == DType::i8),
      words_(groups == IntegerForm::Groups::words) {
  moved_ = signed_ && !words_;
  const IntegerOperands& p = chain.places;
  const auto number = [&](const Value* value, double otherwise) {
    return value == nullptr ? otherwise : constant_of(problem, value)->tensor().number(0);
  };
  const auto bias_of = [&](int64_t filter) {
    const Value* value = chain.operand(p.bias);
    if (value == nullptr) return 0.0;
    const Tensor& tensor = constant_of(problem, value)->tensor();
    return tensor.number(tensor.count() == 1 ? 0 : filter);
  };
  constexpr size_t kMore = 16 * IntegerContraction::kMostVectors;
  scales_ = scales_of(problem, chain, filters);
  scales_.resize(static_cast<size_t>(filters) + kMore);
  bias_.resize(static_cast<size_t>(filters) + kMore);
  for (int64_t i = 0; i < filters; ++i)
    bias_[static_cast<size_t>(i)] = static_cast<int32_t>(bias_of(i));
  const double zero = number(chain.operand(p.y_zero), 0);
  zero_ = static_cast<int32_t>(zero);
  low_ = static_cast<float>(chain.low - zero);
  high_ = static_cast<float>(chain.high - zero);
  if (chain.sum == nullptr) return;
  const size_t own = chain.added == 0 ? 3 : 0;
  const double scale = number(chain.sum->input(6), 1);
  const auto ratio = [&](const Value* of) { return rounded_to(DType::f32, number(of, 1) / scale); };
  sum_ = IntegerSum::of({ratio(chain.sum->input(own + 1)), ratio(chain.operand_of_sum(1)),
                         number(chain.sum->input(7), 0), chain.sum_low, chain.sum_high,
                         static_cast<int32_t>(number(chain.sum->input(own + 2), 0)),
                         static_cast<int32_t>(number(chain.operand_of_sum(2), 0))});
}

int32_t IntegerFollow::zero_of_x(const Operands& operands) const {
  const std::byte* at = x_zero_.data(operands);
  int32_t zero = 0;
  if (x_zero_.present())
    zero = signed_ ? int32_t{*reinterpret_cast<const int8_t*>(at)}
                   : int32_t{*reinterpret_cast<const uint8_t*>(at)};
  return zero + (moved_ ? 128 : 0);
}

void IntegerFollow::prepare(IntegerCall& call) const {
  call.low = low_;
  call.high = high_;
  call.zero = zero_;
  call.sum = &sum_;
}

void IntegerFollow::biases(int64_t first, int64_t count, int32_t zero, const int32_t* sums,
                           int32_t* bias) const {
  for (int64_t i = 0; i < count; ++i)
    bias[i] = bias_[static_cast<size_t>(first + i)] - (words_ ? 0 : zero * sums[i]);
}

}  // namespace hone::cpu
