#pragma once

#include "import/import.hpp"
#include "import/pytorch/script/program.hpp"

namespace hone::pytorch {

/// A program of TorchScript. Sizes of inputs are those of ImportOptions::shapes, else those that it
/// was traced with, else what reads them tells; numbers are those of ImportOptions::numbers.
Imported import_script(const Archive& archive, const ImportOptions& options);

}  // namespace hone::pytorch
