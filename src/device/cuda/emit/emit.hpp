#pragma once
// CUDA C++ of a nest: a text without headers, for NVRTC.

#include <string>
#include <vector>

#include "ir/nest/nest.hpp"
#include "ir/tensor.hpp"

namespace hone::cuda::emitter {

/// Places are computed in 32 bits where all of `counts` are known to be small, else in 64.
struct Text {
  std::string body;
  std::vector<Dim> counts{};  // of elements, of turns
  std::string narrow() const;
  std::string wide() const;
  bool fits(const Bindings& symbols) const;
};

/// One function of the text, to be launched after those before it.
struct Launch {
  std::string function;
  Dim turns;              // of the parallel loops, all together
  int threads = 256;      // of a block
  int turns_a_block = 1;  // that a block takes at a time
};

/// Every function takes the addresses of the nest's parameters in order, but of those with
/// contents; the address of the scratch; and the values of `symbols`, of which a text
/// whose places have 32 bits takes the lower half.
struct Emitted {
  Text text;
  std::vector<Launch> launches;
  std::vector<std::string> symbols;
  Dim scratch_bytes;     // a multiple of 256 begins each arena buffer
  std::string declined;  // why there is none, in words; empty: there is
};

/// Each statement of the nest's body is a function. The turns of its outermost parallel loops are
/// spread over threads; where there are vector loops inside, over groups of `lanes` threads, which
/// share the turns of these loops: what they fold into a register is folded among them, in an
/// order that depends on nothing but sizes; fewer may do where each takes several elements at a
/// time (elements.hpp). `contents`: of parameters that become a part of the
/// text, by parameter; empty tensors: of none. `aligned`: parameters whose addresses are multiples
/// of 16; of others that is looked at while it runs.
Emitted emit(const Nest& nest, const std::vector<Tensor>& contents, int lanes,
             const std::vector<bool>& aligned = {});

}  // namespace hone::cuda::emitter
