// Any bytes as an archive of PyTorch: an Error, or a graph. Bytes that do not begin as an archive
// are a program's description, or its code, which is put into one.

#include "graph_run.hpp"
#include "import/pytorch/pickle.hpp"
#include "import/pytorch/reader.hpp"
#include "support/zip_bytes.hpp"

namespace {

void try_archive(std::string_view bytes) {
  hone::test::try_import(bytes.size(), [&](const hone::ImportOptions& given) {
    hone::ImportOptions options = given;
    options.shapes["x"] = {2, 3};
    return hone::pytorch::import_model({std::as_bytes(std::span(bytes)), nullptr, "net"}, options);
  });
}

/// The code of a network, which holds a weight and a quantized one.
void try_code(std::string_view code) {
  const auto stored = [](std::string_view callee, std::string_view storage, std::string_view more) {
    return hone::cat("ctorch._utils\n", callee, "\n((X\x07", std::string(3, '\0'),
                     "storagectorch\n", storage, "\nX\x01", std::string(3, '\0'), "0X\x03",
                     std::string(3, '\0'), "cpuK\x06tQK", std::string(1, '\0'),
                     "(K\x02K\x03t(K\x03K\x01t", more, "\x89NtR");
  };
  const std::string scale = hone::cat("(ctorch\nper_tensor_affine\nG\x3f\xe0", std::string(6, '\0'),
                                      "K", std::string(1, '\0'), "t");
  const std::string name = hone::cat("X\x01", std::string(3, '\0'));
  const std::string network = hone::cat("\x80\x02c__torch__\nNet\n)\x81}(", name, "w",
                                        stored("_rebuild_tensor_v2", "FloatStorage", ""), name, "q",
                                        stored("_rebuild_qtensor", "QInt8Storage", scale), "ub.");
  try_archive(hone::test::zip_of({{"net/data.pkl", network},
                                  {"net/data/0", std::string(24, '\1')},
                                  {"net/constants.pkl", "\x80\x02)."},
                                  {"net/code/__torch__.py", std::string(code)},
                                  {"net/version", "3\n"}}));
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
  } else if (bytes.starts_with("class ")) {
    try_code(bytes);
  } else if (bytes.starts_with("\x80\x02")) {
    try_pickle(bytes);
  } else {
    try_archive(bytes);
  }
  return 0;
}
