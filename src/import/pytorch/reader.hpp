#pragma once

#include <string_view>

#include "import/builder/model_file.hpp"
#include "import/import.hpp"

namespace hone::pytorch {

/// Whether these bytes are an archive as PyTorch saves, a pickle of one of before 1.6, or a file of
/// safetensors.
bool looks_like_file(std::string_view bytes);
/// A program of torch.export. Error(unsupported) telling how to export one for files that hold no
/// program.
Imported import_model(builder::ModelFile file, const ImportOptions& options);

}  // namespace hone::pytorch
