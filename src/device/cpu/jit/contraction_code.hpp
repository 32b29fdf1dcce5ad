#pragma once
// Emits the kernels of contraction.hpp.

#include "device/cpu/jit/assembler.hpp"
#include "device/cpu/jit/contraction.hpp"

namespace hone::cpu {

class ContractionCode final : public Assembler {
 public:
  ContractionCode(Isa isa, const ContractionForm& form, size_t bytes);
  /// Emits the kernel of a block; returns where it lies in code(). `narrow`: of the last vector
  /// only the first half is computed.
  size_t emit(int rows, int vectors, bool narrow = false);

 private:
  // Registers: sums first, then a vector of columns each, then one for elements of a.
  Xbyak::Xmm sum(int set, int row, int column) const;
  Xbyak::Xmm column_of_b(int column) const;
  Xbyak::Xmm element_of_a() const;
  Xbyak::Xmm in_column(int index, int column) const;  // the register in the column's width
  Xbyak::Reg64 row_pointer(int row) const;

  int panel_bytes() const;  // of one d in a panel of b

  void run_depth();
  void products(int step, int set);
  void advance(int steps);
  void add_sets();
  void finish(bool partial);
  template <class Each>
  void each_row_of_c(const Each& each);
  void add_memory(const Xbyak::Xmm& sum, const Xbyak::Address& from, bool masked);
  void follow();
  void store(bool partial);

  const ContractionForm form_;
  int rows_ = 0, vectors_ = 0;
  bool narrow_ = false;
  int sets_ = 1;    // of sums, each over some of the depth: enough products that wait for none
  int unroll_ = 8;  // elements of the depth in a turn of the loop
};

}  // namespace hone::cpu
