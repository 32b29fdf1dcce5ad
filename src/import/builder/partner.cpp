#include "import/builder/partner.hpp"

#include <algorithm>
#include <vector>

#include "base/text.hpp"
#include "import/report.hpp"

namespace hone::builder {
namespace {

namespace fs = std::filesystem;

constexpr size_t kMostFiles = 10'000;  // that are looked at in one folder

/// The files of a folder whose names end so, sorted.
std::vector<std::string> files_in(const fs::path& folder, std::string_view ending) {
  std::vector<std::string> names;
  std::error_code error;
  size_t looked = 0;
  for (fs::directory_iterator at(folder, error), end; !error && at != end && looked < kMostFiles;
       at.increment(error), ++looked) {
    std::string name = at->path().filename().string();
    if (name.size() > ending.size() && name.ends_with(ending)) names.push_back(std::move(name));
  }
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace

std::string name_of(const fs::path& path) { return shown(path.filename().string()); }

Partner partner_of(const fs::path& path, std::string_view ending,
                   std::string (*stem)(const fs::path& path)) {
  const fs::path folder = path.has_parent_path() ? path.parent_path() : ".";
  std::vector<std::string> names = files_in(folder, ending);
  const std::string own = stem(path);
  std::vector<std::string> same, alike;
  for (const std::string& name : names) {
    const std::string other = stem(name);
    if (other == own) same.push_back(name);
    if (other.starts_with(own) || own.starts_with(other)) alike.push_back(name);
  }
  for (std::vector<std::string>* found : {&same, &alike, &names})
    if (found->size() == 1) return {found->front(), {}};
  if (names.empty()) return {{}, cat("there is no *", ending, " beside ", name_of(path))};
  return {{},
          cat("several *", ending, " lie beside ", name_of(path),
              same.empty() ? ", none of its name: " : ", more than one of its name: ",
              shown(join(same.empty() ? names : same, ", ")))};
}

}  // namespace hone::builder
