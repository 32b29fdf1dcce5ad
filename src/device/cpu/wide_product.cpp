#include "device/cpu/wide_product.hpp"

#include "device/cpu/isa.hpp"

namespace hone::cpu {

// Defined in wide_product_ISA.cpp, each compiled for its instruction set.
extern const WideProducts kWideProductsAvx512, kWideProductsAvx2, kWideProductsGeneric;

const WideProducts& wide_products() {
  switch (isa()) {
    case Isa::avx512: return kWideProductsAvx512;
    case Isa::avx2: return kWideProductsAvx2;
    case Isa::generic: break;
  }
  return kWideProductsGeneric;
}

}  // namespace hone::cpu
