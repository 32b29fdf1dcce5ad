#pragma once
// Graphs in our own text form, as `hone convert -o net.graph` and `hone inspect --graph` write
// them.

#include <string>
#include <string_view>

#include "import/import.hpp"

namespace hone {

/// Behind lines of comment it begins as a graph's text does.
bool looks_like_text(std::string_view text);

/// Contents that the text names only are read from the files below `folder` that it names, and
/// compared with its hashes. Error(io) for those that are not there and no seed is given,
/// Error(invalid_model) for what is no graph.
Imported import_text(std::string_view text, const std::filesystem::path& folder,
                     const ImportOptions& options, const std::string& file_name);

}  // namespace hone
