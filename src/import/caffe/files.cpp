// The two files of a net: one is given, the other is named or lies beside it.

#include "import/builder/partner.hpp"
#include "import/caffe/blobs.hpp"
#include "import/caffe/net.hpp"
#include "import/caffe/reader.hpp"

namespace hone::caffe {

Imported import_files(const std::filesystem::path& path,
                      const std::shared_ptr<const MappedFile>& file, const ImportOptions& options) {
  static constexpr builder::TwoFiles kFormat{
      .description_ending = ".prototxt",
      .weights_ending = ".caffemodel",
      .stem = [](const std::filesystem::path& name) { return name.stem().string(); },
      .describes = looks_like_net,
      .stores = looks_like_stored_net,
      .description = "Caffe net",
      .stored = "Caffe net",
      .wanted = "a Caffe net; its description",
      .import = import_net};
  return builder::import_two_files(kFormat, path, file, options);
}

}  // namespace hone::caffe
