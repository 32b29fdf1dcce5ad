#pragma once
// NVRTC, the compiler of CUDA C++ texts, opened while the program runs. It needs no GPU.

#include <future>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "device/cuda/library.hpp"
#include "device/device.hpp"

namespace hone::cuda {

struct Compilation {
  std::string image;  // what a driver loads: machine code of one GPU, or PTX for later ones
  std::string log;
};

/// The architecture that texts are compiled for on a GPU of this compute capability (90): "sm_90a";
/// a compiler that does not know the GPU gives PTX of the last one that it knows: "compute_120".
/// Where there is no compiler, machine code of the GPU may be offered all the same.
std::string architecture(int capability);

/// Names what would be compiled of a text.
Hash source_of(const std::string& text, const std::string& architecture);
/// From now on compile() takes these for what it would compile, where it did not do so before.
void offer_code(std::vector<MachineCode> code);

/// Begins to compile on a thread of its own, a few at a time, what was not begun before. The errors
/// are those of compile().
std::shared_future<std::shared_ptr<const Compilation>> compile_later(
    const std::string& text, const std::string& architecture);

/// Compiles a text without headers, unless its code was offered or is kept on disk
/// (code_cache.hpp); kept in memory by text, so that equal kernels are compiled once. Safe for
/// several threads. Error(device) without a compiler, Error(internal) with the log where the text
/// is wrong.
std::shared_ptr<const Compilation> compile(const std::string& text,
                                           const std::string& architecture);

}  // namespace hone::cuda
