#pragma once
// Formats that keep a net in two files: the one beside the other.

#include <filesystem>
#include <string>
#include <string_view>

namespace hone::builder {

/// The file's name without its folder, for messages.
std::string name_of(const std::filesystem::path& path);

/// The file found, or why there is none.
struct Partner {
  std::string name, problem;
};
/// Of the files beside `path` whose names end like this: the one of the same stem, else the only
/// one one of whose stems begins with the other (snapshots have their number behind it), else the
/// only one there is.
Partner partner_of(const std::filesystem::path& path, std::string_view ending,
                   std::string (*stem)(const std::filesystem::path& path));

}  // namespace hone::builder
