#include "import/import.hpp"

#include "base/file.hpp"
#include "import/onnx/reader.hpp"
#include "import/report.hpp"
#include "import/text.hpp"

namespace hone {
namespace {

/// The first field of a ModelProto is its IR version in every file that a framework writes.
bool looks_like_onnx(std::span<const std::byte> bytes) {
  return bytes.size() > 2 && bytes[0] == std::byte{0x08} && bytes[1] < std::byte{0x20};
}

}  // namespace

Imported import_file(const std::filesystem::path& path, const ImportOptions& options) {
  const auto file = MappedFile::open(path);
  const std::string name = path.filename().string();
  const std::filesystem::path folder = path.has_parent_path() ? path.parent_path() : ".";
  const std::string_view text(reinterpret_cast<const char*>(file->bytes().data()),
                              file->bytes().size());
  if (path.extension() == ".graph" || looks_like_text(text))
    return import_text(text, folder, options, shown(name));
  check(path.extension() == ".onnx" || looks_like_onnx(file->bytes()), Code::unsupported,
        shown(name), " is of no format that Hone reads: ONNX, or its own text (.graph)");
  return import_onnx_bytes(file->bytes(), folder, options, file, name);
}

Imported import_onnx_bytes(std::span<const std::byte> bytes, const std::filesystem::path& folder,
                           const ImportOptions& options, std::shared_ptr<const void> owner,
                           const std::string& file_name) {
  const std::string name = shown(file_name);
  onnx::TensorReader tensors({bytes, std::move(owner), name}, folder, options);
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  return onnx::import_model(text, tensors, name, options);
}

}  // namespace hone
