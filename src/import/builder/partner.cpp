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

/// The file found, or why there is none.
struct Partner {
  std::string name, problem;
};

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

std::string_view text_of(const MappedFile& file) {
  return {reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size()};
}

ModelFile model_file(const std::shared_ptr<const MappedFile>& file) {
  return {file->bytes(), file, name_of(file->path())};
}

}  // namespace

std::string name_of(const fs::path& path) { return shown(path.filename().string()); }

Imported import_two_files(const TwoFiles& format, const fs::path& path,
                          const std::shared_ptr<const MappedFile>& file,
                          const ImportOptions& options) {
  const bool is_description = format.describes(text_of(*file));
  check(is_description || format.stores(text_of(*file)), Code::invalid_model, name_of(path),
        " stores no ", format.stored);
  const Partner partner =
      options.weights.empty()
          ? partner_of(path, is_description ? format.weights_ending : format.description_ending,
                       format.stem)
          : Partner{};
  const std::string absence = cat(partner.problem, ": --weights FILE names it");
  std::shared_ptr<const MappedFile> other;
  const fs::path folder = path.has_parent_path() ? path.parent_path() : ".";
  if (!options.weights.empty()) other = MappedFile::open(options.weights);
  else if (!partner.name.empty())
    other = MappedFile::open_below(folder, partner.name,
                                   options.follow_links ? Links::all : Links::hub);
  if (is_description) {
    if (other == nullptr)
      return format.import(text_of(*file), name_of(path), std::nullopt, absence, options);
    check(format.stores(text_of(*other)), Code::invalid_model, name_of(other->path()),
          " stores no ", format.stored, ", which ", name_of(path), " needs for weights");
    return format.import(text_of(*file), name_of(path), model_file(other), {}, options);
  }
  check(other != nullptr, Code::io, name_of(path), " stores the weights of ", format.wanted,
        " is needed, too: ", absence);
  check(format.describes(text_of(*other)), Code::invalid_model, name_of(other->path()),
        " describes no ", format.description, ", which ", name_of(path),
        " needs beside its weights");
  return format.import(text_of(*other), name_of(other->path()), model_file(file), {}, options);
}

}  // namespace hone::builder
