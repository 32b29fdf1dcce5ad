#include "device/cpu/wide_product_micro.hpp"

namespace hone::cpu {

extern const WideProducts kWideProductsAvx512;
const WideProducts kWideProductsAvx512 = wide_products_of<64>();

}  // namespace hone::cpu
