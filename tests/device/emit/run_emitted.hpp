#pragma once
// Running generated code in tests.

#include <string>
#include <vector>

#include "device/cpu/emit/emit.hpp"
#include "ir/tensor.hpp"

namespace hone::test {

/// The instruction sets that this machine has.
std::vector<cpu::Isa> sets();

/// The outputs of generated code, whose operands lie at the beginning or the end of fenced pages.
/// Tiles run last to first, each by itself.
std::vector<Tensor> run(const Nest& nest, const cpu::emitter::Emitted& emitted,
                        const Bindings& symbols, const std::vector<Tensor>& inputs, bool at_end);

/// What differs from interpretation by more than 1e-5 of the largest element, in words; empty:
/// nothing.
std::string judge(const Nest& nest, const cpu::emitter::Emitted& emitted, const Bindings& symbols,
                  const std::vector<Tensor>& inputs);

}  // namespace hone::test
