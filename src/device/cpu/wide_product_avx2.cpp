#include "device/cpu/wide_product_micro.hpp"

namespace hone::cpu {

extern const WideProducts kWideProductsAvx2;
const WideProducts kWideProductsAvx2 = wide_products_of<32>();

}  // namespace hone::cpu
