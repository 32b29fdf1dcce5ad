// The two files of a network: one is given, the other is named or lies beside it.

#include "import/builder/partner.hpp"
#include "import/mxnet/reader.hpp"
#include "import/mxnet/stored.hpp"
#include "import/mxnet/symbol.hpp"

namespace hone::mxnet {
namespace {

namespace fs = std::filesystem;
using builder::name_of;
using builder::Partner;

std::string_view text_of(const MappedFile& file) {
  return {reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size()};
}

/// NAME of NAME-symbol.json and of NAME-0001.params.
std::string network_of(const fs::path& path) {
  const std::string stem = path.stem().string();
  const size_t dash = stem.rfind('-');
  if (dash == std::string::npos) return stem;
  const std::string_view behind = std::string_view(stem).substr(dash + 1);
  const bool is_epoch =
      !behind.empty() && behind.find_first_not_of("0123456789") == std::string_view::npos;
  return behind == "symbol" || is_epoch ? stem.substr(0, dash) : stem;
}

builder::ModelFile model_file(const std::shared_ptr<const MappedFile>& file) {
  return {file->bytes(), file, name_of(file->path())};
}

}  // namespace

Imported import_files(const fs::path& path, const std::shared_ptr<const MappedFile>& file,
                      const ImportOptions& options) {
  const bool is_description = looks_like_symbol(text_of(*file));
  const Partner partner =
      options.weights.empty()
          ? builder::partner_of(path, is_description ? ".params" : "-symbol.json", network_of)
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
      return import_network(text_of(*file), name_of(path), std::nullopt, absence, options);
    check(looks_like_stored(text_of(*other)), Code::invalid_model, name_of(other->path()),
          " stores no tensors of MXNet, which ", name_of(path), " needs for weights");
    return import_network(text_of(*file), name_of(path), model_file(other), {}, options);
  }
  check(looks_like_stored(text_of(*file)), Code::invalid_model, name_of(path),
        " stores no tensors of MXNet");
  check(other != nullptr, Code::io, name_of(path),
        " stores the weights of an MXNet network; its description (NAME-symbol.json) is needed, "
        "too: ",
        absence);
  check(looks_like_symbol(text_of(*other)), Code::invalid_model, name_of(other->path()),
        " describes no MXNet network, which ", name_of(path), " needs beside its weights");
  return import_network(text_of(*other), name_of(other->path()), model_file(file), {}, options);
}

}  // namespace hone::mxnet
