// Any bytes as an archive of PyTorch: an Error, or a graph. Bytes that do not begin as an archive
// are a program's description, which is put into one.

#include "graph_run.hpp"
#include "import/pytorch/pickle.hpp"
#include "import/pytorch/reader.hpp"
#include "support/zip_bytes.hpp"

namespace {

void try_archive(std::string_view bytes) {
  hone::test::try_import(bytes.size(), [&](const hone::ImportOptions& options) {
    return hone::pytorch::import_model({std::as_bytes(std::span(bytes)), nullptr, "net"}, options);
  });
}

void try_pickle(std::string_view bytes) {
  try {
    const hone::pytorch::Pickle pickle(std::as_bytes(std::span(bytes)), "pickle");
    (void)pickle.root().find("key");
  } catch (const hone::Error& error) {
    if (error.code() == hone::Code::internal) std::abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  if (bytes.starts_with("{")) {
    // Weights of the first names, all of the same bytes.
    const std::string config =
        R"({"config": {"w": {"path_name": "weight_0", "is_param": true, "use_pickle": false,
        "tensor_meta": {"dtype": 7, "sizes": [{"as_int": 2}, {"as_int": 3}], "strides":
        [{"as_int": 3}, {"as_int": 1}], "storage_offset": {"as_int": 0}}}}})";
    try_archive(hone::test::zip_of({{"net/models/model.json", std::string(bytes)},
                                    {"net/archive_format", "pt2"},
                                    {"net/data/weights/model_weights_config.json", config},
                                    {"net/data/weights/weight_0", std::string(24, '\0')}}));
  } else if (bytes.starts_with("\x80\x02")) {
    try_pickle(bytes);
  } else {
    try_archive(bytes);
  }
  return 0;
}
