#pragma once
// Code for x86 from a nest.

#include <string>
#include <vector>

#include "device/cpu/isa.hpp"
#include "ir/nest/nest.hpp"

namespace hone::cpu::emitter {

/// What generated code is called with.
struct Call {
  void* const* parameters;  // addresses of the nest's parameters, in order; of any alignment
  const int64_t* numbers;   // of Emitted::numbers
  int64_t begin, end;       // the tiles to run
  std::byte* scratch;       // Emitted::scratch_bytes of memory of this call's own
};
using Entry = void (*)(const Call*);

/// One function, position independent.
struct Emitted {
  std::vector<uint8_t> code;
  /// To be computed from the sizes at hand. One that divides by 0 is of a loop without turns: 0.
  std::vector<Dim> numbers;
  /// Nothing of these may be above 0, or places lie outside: what could not be proved for all
  /// sizes.
  std::vector<Dim> limits;
  /// Turns of the parallel loops that are all there is in one another, from the outermost one on.
  Dim tiles = 1;
  Dim scratch_bytes = 0;  // for one call at a time
  std::string declined;   // why there is none, in words; empty: there is
};

/// Emits loops of any kind around stores of f32: arithmetic, comparisons and selections of loads
/// whose places are sums of loops' variables. Vector loops take as many lanes as the instruction
/// set has, whatever their width, and want elements side by side, or one for all. Floats are
/// computed in f32: each call rounds. Nothing looks at places while the code runs: those that
/// cannot be proved to lie inside are for the caller to check. Declines everything else. `isa`:
/// avx2 or avx512; emitting needs no such machine.
Emitted emit(const Nest& nest, Isa isa);

}  // namespace hone::cpu::emitter
