#pragma once
// Row functions made of those of device/cpu/doubles.hpp.

#include "device/cpu/doubles.hpp"
#include "device/cpu/elementwise.hpp"

namespace hone::cpu {

template <auto kFunction>
void map_doubles(const void*, const RowFunctions&, const Row& row) {
  (double_functions().*kFunction)(row.count, row.in<double>(0), row.out<double>());
}

}  // namespace hone::cpu
