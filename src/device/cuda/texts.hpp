#pragma once
#include <string_view>

namespace hone::cuda {

/// The text src/device/cuda/texts/STEM.cu (generated from the folder).
std::string_view embedded_text(std::string_view stem);

}  // namespace hone::cuda
