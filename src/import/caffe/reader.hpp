#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/file.hpp"
#include "import/builder/model_file.hpp"
#include "import/import.hpp"

namespace hone::caffe {

/// A net whose description is `text`, called `file_name` in messages. `weights`: the stored net;
/// nullopt: there is none, for the reason `absence`, which matters to layers that have weights.
Imported import_net(std::string_view text, const std::string& file_name,
                    std::optional<builder::ModelFile> weights, const std::string& absence,
                    const ImportOptions& options);

/// A net by one of its two files; the other one is ImportOptions::weights, or lies beside it.
Imported import_files(const std::filesystem::path& path,
                      const std::shared_ptr<const MappedFile>& file, const ImportOptions& options);

}  // namespace hone::caffe
