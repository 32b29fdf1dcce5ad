#pragma once
// Products of matrices of elements that the generated kernels do not take: f64, and integers of 32
// and 64 bits, which wrap. Included by files that are compiled for one instruction set each:
// includes nothing, as gemm_micro.hpp.

namespace hone::cpu {

/// c[rows][columns] (+)= a * panel. The panel is [depth][columns of a whole panel]; a and c lie at
/// strides, counted in elements. At most kWideRows rows.
struct WideBlock {
  const void* a;
  long a_row, a_depth;
  const void* panel;
  void* c;
  long c_row;
  long rows, columns, depth;
  bool accumulates;
};
constexpr long kWideRows = 6;

struct WideProducts {
  long panel_bytes;  // of a line of a panel
  void (*f64)(const WideBlock& block);
  void (*b64)(const WideBlock& block);  // integers, signed or not
  void (*b32)(const WideBlock& block);
};

const WideProducts& wide_products();

}  // namespace hone::cpu
