#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/file.hpp"
#include "import/builder/model_file.hpp"
#include "import/import.hpp"

namespace hone::mxnet {

/// A network whose description is `text`, called `file_name` in messages. `weights`: the stored
/// tensors; nullopt: there are none, for the reason `absence`, which matters to what reads some.
Imported import_network(std::string_view text, const std::string& file_name,
                        std::optional<builder::ModelFile> weights, const std::string& absence,
                        const ImportOptions& options);

/// A network by one of its two files; the other one is ImportOptions::weights, or lies beside it.
Imported import_files(const std::filesystem::path& path,
                      const std::shared_ptr<const MappedFile>& file, const ImportOptions& options);

}  // namespace hone::mxnet
