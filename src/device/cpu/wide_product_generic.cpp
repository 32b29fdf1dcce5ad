#include "device/cpu/wide_product_micro.hpp"

namespace hone::cpu {

extern const WideProducts kWideProductsGeneric;
const WideProducts kWideProductsGeneric = wide_products_of<16>();

}  // namespace hone::cpu
