#pragma once
// NVRTC, the compiler of CUDA C++ texts, opened while the program runs. It needs no GPU.

#include <future>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "device/cuda/library.hpp"

namespace hone::cuda {

struct Compilation {
  std::string image;  // what a driver loads: machine code of one GPU, or PTX for later ones
  std::string log;
};

/// The architecture that texts are compiled for on a GPU of this compute capability (90): "sm_90a";
/// a compiler that does not know the GPU gives PTX of the last one that it knows: "compute_120".
/// Error(device) where there is no compiler.
std::string architecture(int capability);

/// Begins to compile on a thread of its own, a few at a time, what was not begun before. The errors
/// are those of compile().
std::shared_future<std::shared_ptr<const Compilation>> compile_later(
    const std::string& text, const std::string& architecture);

/// Compiles a text without headers; kept in memory by text, so that equal kernels are compiled
/// once. Safe for several threads. Error(device) without a compiler, Error(internal) with the log
/// where the text is wrong.
std::shared_ptr<const Compilation> compile(const std::string& text,
                                           const std::string& architecture);

}  // namespace hone::cuda
