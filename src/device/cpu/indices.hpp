#pragma once
// Operands of indices (i64 or i32), as gathering and scattering read them.

#include "device/cpu/step.hpp"

namespace hone::cpu {

/// The indices of a step.
class Indices {
 public:
  Indices(const Problem& problem, size_t operand)
      : source_(problem, operand),
        region_(problem.region),
        wide_(operand_type(problem, operand)->dtype == DType::i64) {}

  const std::vector<int64_t>& shape(const Operands& operands) const {
    return source_.shape(operands);
  }
  /// read(numbers): `numbers` as they are stored, int64_t or int32_t.
  template <class Read>
  void read(const Operands& operands, const Read& read) const {
    if (wide_) read(source_.as<int64_t>(operands));
    else read(source_.as<int32_t>(operands));
  }
  /// `index` of an axis of `size` made nonnegative. Error(invalid_model) when it is out of range.
  int64_t place(int64_t index, int64_t size) const {
    const int64_t place = index + ((index >> 63) & size);  // of a negative one: + size
    if (static_cast<uint64_t>(place) >= static_cast<uint64_t>(size)) [[unlikely]]
      out_of_range(index, size);
    return place;
  }

 private:
  [[noreturn]] void out_of_range(int64_t index, int64_t size) const {
    fail(Code::invalid_model, "index ", index, " is out of range for size ", size, " (",
         describe(*region_.single()), ")");
  }
  Source source_;
  Region region_;
  bool wide_;
};

/// run(T{}): T is an unsigned integer of `width` bytes (1, 2, 4 or 8).
template <class Run>
void with_width(int64_t width, const Run& run) {
  if (width == 1) run(uint8_t{});
  else if (width == 2) run(uint16_t{});
  else if (width == 4) run(uint32_t{});
  else run(uint64_t{});
}

}  // namespace hone::cpu
