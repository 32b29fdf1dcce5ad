// The two files of a net: one is given, the other is named or lies beside it.

#include "import/builder/partner.hpp"
#include "import/caffe/blobs.hpp"
#include "import/caffe/net.hpp"
#include "import/caffe/reader.hpp"

namespace hone::caffe {
namespace {

namespace fs = std::filesystem;

using builder::name_of;
using builder::Partner;

std::string_view text_of(const MappedFile& file) {
  return {reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size()};
}

std::string stem_of(const fs::path& path) { return path.stem().string(); }

builder::ModelFile model_file(const std::shared_ptr<const MappedFile>& file) {
  return {file->bytes(), file, name_of(file->path())};
}

}  // namespace

Imported import_files(const fs::path& path, const std::shared_ptr<const MappedFile>& file,
                      const ImportOptions& options) {
  const bool is_description = looks_like_net(text_of(*file));
  const Partner partner =
      options.weights.empty()
          ? builder::partner_of(path, is_description ? ".caffemodel" : ".prototxt", stem_of)
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
