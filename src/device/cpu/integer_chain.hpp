#pragma once
// Regions of a product of 8-bit integers (a convolution or a matrix product, quantized again or
// not) and what follows: clipping, and the sum with another quantized tensor.

#include <optional>
#include <string>
#include <vector>

#include "device/cpu/groups.hpp"
#include "device/cpu/jit/integer_contraction.hpp"
#include "device/cpu/step.hpp"

namespace hone::cpu {

/// Those of isa().
const GroupFunctions& group_functions();

/// Which operand of the product is what; -1: it has none such.
struct IntegerOperands {
  int x = 0, x_scale = -1, x_zero = -1;
  int weight = 1, w_scale = -1, w_zero = -1;
  int y_scale = -1, y_zero = -1, bias = -1;
};

struct IntegerChain {
  const Node* anchor = nullptr;
  IntegerOperands places;
  double low = 0, high = 0;   // integers that the product's result is clipped to
  const Node* sum = nullptr;  // the QLinearAdd, if there is one
  int added = 0;              // which of its operands is the other tensor
  bool adds_row = false;      // it is one row, the same for each row of a product of matrices
  double sum_low = 0, sum_high = 0;
  const Value* result = nullptr;  // what the last node of the chain makes
  size_t nodes = 0;               // of the region that belong to it

  const Value* operand(int place) const;
  /// The other tensor of the sum; null: there is no sum.
  const Value* added_value() const { return sum == nullptr ? nullptr : operand_of_sum(0); }
  /// Of the other tensor: itself, its scale, its zero point.
  const Value* operand_of_sum(size_t i) const { return sum->input(static_cast<size_t>(added) + i); }
};

/// The chain at the first node of the region, which is a product of bytes: nullopt: it is none.
std::optional<IntegerChain> integer_chain(const Problem& problem);

/// Who is in a group of weights with whom.
struct IntegerSharing {
  int64_t along = 0;    // elements of the depth that may stand in one group, or in the next ones
  int64_t weights = 1;  // groups of so many filters, or columns, are multiplied at a time
};

/// The kernels that the chain wants: groups of bytes where the weight is constant and, less its
/// zero points, fits i8; where bytes are multiplied in pairs, few of them need to be parted.
IntegerForm integer_form(const Problem& problem, const IntegerChain& chain, IntegerForm::Kind kind,
                         const IntegerSharing& sharing);

/// Yes; no; or yes up to the end of the chain: `filters` and `depth` are those of the weight.
/// Scales and zero points are constants, but for the zero point of x where nothing is quantized.
Verdict verdict_on(const Problem& problem, const IntegerChain& chain, const IntegerForm& form,
                   int64_t filters, int64_t depth);

/// What tells how weights of this form are packed on this processor, as a part of a packing's name.
std::string packing_text(const IntegerForm& form);

/// How much faster than in f32 products of this form are, by estimate.
double integer_speed(const Problem& problem, const IntegerForm& form);

/// The element of a weight less its zero point, for each element in order: element i belongs to
/// filter i / inner % filters.
std::vector<int16_t> centered_weight(const Tensor& weight, const Weight* zero, int64_t inner,
                                     int64_t filters);

/// What follows the sums, as calls want it.
class IntegerFollow {
 public:
  IntegerFollow(const Problem& problem, const IntegerChain& chain, int64_t filters,
                IntegerForm::Groups groups);

  /// The zero point of x while a step runs, as groups have it: moved up by 128 where x is signed
  /// and groups are of bytes.
  int32_t zero_of_x(const Operands& operands) const;
  /// The same as x has it.
  uint8_t stored_zero_of_x(const Operands& operands) const {
    return x_zero_.present() ? *x_zero_.as<uint8_t>(operands) : uint8_t{0};
  }
  /// All but places and biases.
  void prepare(IntegerCall& call) const;
  /// bias[i] for filters [first, first + count), whose weights sum up to sums[i].
  void biases(int64_t first, int64_t count, int32_t zero, const int32_t* sums, int32_t* bias) const;
  const float* scales(int64_t first) const { return scales_.data() + first; }
  bool is_signed() const { return signed_; }  // x

 private:
  Source x_zero_;
  bool signed_ = false, moved_ = false;
  std::vector<float> scales_;  // a whole vector more
  std::vector<int32_t> bias_;
  float low_ = 0, high_ = 0;
  int32_t zero_ = 0;
  bool words_ = false;
  IntegerSum sum_{};
};

}  // namespace hone::cpu
