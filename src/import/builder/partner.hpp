#pragma once
// Formats that keep a net in two files: the one beside the other.

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/file.hpp"
#include "import/builder/model_file.hpp"
#include "import/import.hpp"

namespace hone::builder {

/// The file's name without its folder, for messages.
std::string name_of(const std::filesystem::path& path);

/// A format whose networks are two files, a description and the stored weights, and what messages
/// say of them.
struct TwoFiles {
  std::string_view description_ending, weights_ending;     // ".prototxt", ".caffemodel"
  std::string (*stem)(const std::filesystem::path& path);  // what the names of both have in common
  bool (*describes)(std::string_view bytes);
  bool (*stores)(std::string_view bytes);
  std::string_view description;  // "Caffe net": what a description describes
  std::string_view stored;       // "Caffe net": what weights store
  std::string_view wanted;       // "a Caffe net; its description": what weights alone lack
  /// `weights`: absent, then `absence` says why.
  Imported (*import)(std::string_view text, const std::string& file_name,
                     std::optional<ModelFile> weights, const std::string& absence,
                     const ImportOptions& options);
};

/// A network by one of its two files, `file` at `path`. The other one is ImportOptions::weights, or
/// lies beside it: the one of the same stem, else the only one one of whose stems begins with the
/// other (snapshots have their number behind it), else the only one there is. Weights may be
/// absent.
Imported import_two_files(const TwoFiles& format, const std::filesystem::path& path,
                          const std::shared_ptr<const MappedFile>& file,
                          const ImportOptions& options);

}  // namespace hone::builder
