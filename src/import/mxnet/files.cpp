// The two files of a network: one is given, the other is named or lies beside it.

#include "import/builder/partner.hpp"
#include "import/mxnet/reader.hpp"
#include "import/mxnet/stored.hpp"
#include "import/mxnet/symbol.hpp"

namespace hone::mxnet {
namespace {

/// NAME of NAME-symbol.json and of NAME-0001.params.
std::string network_of(const std::filesystem::path& path) {
  const std::string stem = path.stem().string();
  const size_t dash = stem.rfind('-');
  if (dash == std::string::npos) return stem;
  const std::string_view behind = std::string_view(stem).substr(dash + 1);
  const bool is_epoch =
      !behind.empty() && behind.find_first_not_of("0123456789") == std::string_view::npos;
  return behind == "symbol" || is_epoch ? stem.substr(0, dash) : stem;
}

}  // namespace

Imported import_files(const std::filesystem::path& path,
                      const std::shared_ptr<const MappedFile>& file, const ImportOptions& options) {
  static constexpr builder::TwoFiles kFormat{
      .description_ending = "-symbol.json",
      .weights_ending = ".params",
      .stem = network_of,
      .describes = looks_like_symbol,
      .stores = looks_like_stored,
      .description = "MXNet network",
      .stored = "tensors of MXNet",
      .wanted = "an MXNet network; its description (NAME-symbol.json)",
      .import = import_network};
  return builder::import_two_files(kFormat, path, file, options);
}

}  // namespace hone::mxnet
