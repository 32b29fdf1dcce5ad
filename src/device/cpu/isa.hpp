#pragma once
// Which of the instruction sets that our kernels are compiled for is used.

#include <cstdint>

namespace hone::cpu {

enum class Isa : uint8_t {
  generic,
  avx2,   ///< AVX2 and FMA
  avx512  ///< AVX-512 F, BW, DQ, VL
};

/// The best that this processor has, at most what $HONE_ISA (generic, avx2, avx512) and limit_isa
/// say. Weights packed under one limit do not fit another.
Isa isa();
/// For tests: from now on at most `most`. Not while anything runs.
void limit_isa(Isa most);
/// Under AVX-512, this processor multiplies groups of bytes and adds them at once (VNNI).
bool has_vnni();
/// "generic", "avx2", "avx512".
const char* name(Isa isa);

}  // namespace hone::cpu
