#pragma once
// Emits the kernels of integer_contraction.hpp.

#include "device/cpu/jit/assembler.hpp"
#include "device/cpu/jit/integer_contraction.hpp"

namespace hone::cpu {

class IntegerContractionCode final : public Assembler {
 public:
  IntegerContractionCode(Isa isa, const IntegerForm& form, size_t bytes);
  /// Emits the kernel of a block; returns where it lies in code().
  size_t emit(int rows, int vectors);

  /// Registers that are no sums: what follows the sums has as many for itself.
  static int other_registers(const IntegerForm& form, int vectors);

 private:
  static constexpr int kUnroll = 4;  // groups in a turn of the loop

  // Registers: sums first, then a vector of columns each, then one for elements of a, then one for
  // products, where they are not added at once. What follows the sums uses all but the sums.
  Xbyak::Xmm sum(int row, int column, int set) const;
  Xbyak::Xmm column_of_b(int column) const;
  Xbyak::Xmm element_of_a() const;
  Xbyak::Xmm product() const;
  Xbyak::Xmm ones() const;
  Xbyak::Xmm spare(int index) const;
  Xbyak::Xmm half(const Xbyak::Xmm& vector) const;
  Xbyak::Reg64 row_pointer(int row) const;
  bool is_filters() const { return form_.kind == IntegerForm::Kind::filters; }
  int panel_bytes() const;  // of one group in a panel of b

  void begin_sums();
  void run_depth();
  void run_more();
  void products(int step, int set, const Xbyak::Reg64* further = nullptr);
  void multiply(const Xbyak::Xmm& sum, const Xbyak::Xmm& b, bool last);
  void advance(int steps);
  template <class Each>
  void each_row_of_c(const Each& each);
  template <class Apply>
  void with_parameters(const Xbyak::Reg64& from, const Apply& apply);
  void finish();
  void quantize();
  void add_quantized(const Xbyak::Xmm& sum, int column);
  void add_in_f64(const Xbyak::Xmm& sum);
  void store();
  void store_bytes(const Xbyak::Address& to, const Xbyak::Xmm& sum, bool masked);

  const IntegerForm form_;
  int rows_ = 0, vectors_ = 0;
  int sets_ = 1;  // of sums, each over some of the depth: enough products that wait for none
};

}  // namespace hone::cpu
