// The two files of a net: one is given, the other is named or lies beside it.

#include <algorithm>

#include "import/caffe/blobs.hpp"
#include "import/caffe/net.hpp"
#include "import/caffe/reader.hpp"
#include "import/report.hpp"

namespace hone::caffe {
namespace {

namespace fs = std::filesystem;

constexpr size_t kMostFiles = 10'000;  // that are looked at in one folder

std::string name_of(const fs::path& path) { return shown(path.filename().string()); }

/// The files of a folder that have this extension, sorted.
std::vector<std::string> files_in(const fs::path& folder, std::string_view extension) {
  std::vector<std::string> names;
  std::error_code error;
  size_t looked = 0;
  for (fs::directory_iterator at(folder, error), end; !error && at != end && looked < kMostFiles;
       at.increment(error), ++looked)
    if (at->path().extension() == extension) names.push_back(at->path().filename().string());
  std::sort(names.begin(), names.end());
  return names;
}

/// The one of the same name, else the only one whose name begins so (snapshots have their number
/// behind it), else the only one there is. Or why there is none.
struct Partner {
  std::string name, problem;
};
Partner partner_of(const fs::path& path, std::string_view extension) {
  const fs::path folder = path.has_parent_path() ? path.parent_path() : ".";
  const std::vector<std::string> names = files_in(folder, extension);
  const std::string stem = path.stem().string();
  std::vector<std::string> alike;
  for (const std::string& name : names) {
    const std::string other = fs::path(name).stem().string();
    if (other == stem) return {name, {}};
    if (other.starts_with(stem) || stem.starts_with(other)) alike.push_back(name);
  }
  if (alike.size() == 1) return {alike.front(), {}};
  if (names.size() == 1) return {names.front(), {}};
  if (names.empty()) return {{}, cat("there is no *", extension, " beside ", name_of(path))};
  return {{},
          cat("several *", extension, " lie beside ", name_of(path),
              ", none of its name: ", shown(join(names, ", ")))};
}

std::string_view text_of(const MappedFile& file) {
  return {reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size()};
}

builder::ModelFile model_file(const std::shared_ptr<const MappedFile>& file) {
  return {file->bytes(), file, name_of(file->path())};
}

}  // namespace

Imported import_files(const fs::path& path, const std::shared_ptr<const MappedFile>& file,
                      const ImportOptions& options) {
  const bool is_description = looks_like_net(text_of(*file));
  const Partner partner = options.weights.empty()
                              ? partner_of(path, is_description ? ".caffemodel" : ".prototxt")
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
      return import_net(text_of(*file), name_of(path), std::nullopt, absence, options);
    check(looks_like_stored_net(text_of(*other)), Code::invalid_model, name_of(other->path()),
          " stores no Caffe net, which ", name_of(path), " needs for weights");
    return import_net(text_of(*file), name_of(path), model_file(other), {}, options);
  }
  check(other != nullptr, Code::io, name_of(path),
        " stores the weights of a Caffe net; its description is needed, too: ", absence);
  check(looks_like_net(text_of(*other)), Code::invalid_model, name_of(other->path()),
        " describes no Caffe net, which ", name_of(path), " needs beside its weights");
  return import_net(text_of(*other), name_of(other->path()), model_file(file), {}, options);
}

}  // namespace hone::caffe
