#pragma once
// Immediate operands of vector instructions, and bits of floats. (Source: Intel's instruction set
// reference, CMPPS and ROUNDPS.)

#include <cstdint>

namespace hone::cpu::emitter {

// Predicates of comparisons, quiet about NaN, and roundings without exceptions.
inline constexpr uint8_t kEqual = 0x00, kUnordered = 0x03, kNotLess = 0x05, kLess = 0x11,
                         kLessEqual = 0x12;
inline constexpr uint8_t kToEven = 0x08, kDown = 0x09, kUp = 0x0A;
inline constexpr uint32_t kSign = 0x80000000;

}  // namespace hone::cpu::emitter
