#include "import/pytorch/archive.hpp"

#include "import/report.hpp"

namespace hone::pytorch {
namespace {

/// What may be unpacked of a file in all: twice its size, but a little in any case.
uint64_t most_unpacked(size_t file_bytes) {
  constexpr uint64_t kLittle = uint64_t{64} << 20;
  return kLittle + 2 * uint64_t{file_bytes};
}

}  // namespace

Archive::Archive(builder::ModelFile file)
    : file_(std::move(file)),
      zip_(std::make_shared<const ZipFile>(file_.bytes, file_.name, Code::invalid_model)),
      unpacked_(std::make_shared<Unpacked>()) {
  std::string_view folder;
  if (!zip_->entries().empty()) {
    const std::string_view first = zip_->entries().front().name;
    if (const size_t slash = first.find('/'); slash != std::string_view::npos)
      folder = first.substr(0, slash + 1);
  }
  for (const ZipEntry& entry : zip_->entries())
    if (!entry.name.starts_with(folder)) folder = {};
  for (const ZipEntry& entry : zip_->entries())
    entries_.emplace(entry.name.substr(folder.size()), &entry);
}

std::span<const std::byte> Archive::bytes(std::string_view name) const {
  const auto found = entries_.find(name);
  check(found != entries_.end(), Code::invalid_model, file_.name, " has no ", shown(name));
  const ZipEntry& entry = *found->second;
  if (!entry.deflated) return zip_->stored(entry);
  auto& kept = unpacked_->contents[std::string(name)];
  if (kept == nullptr) {
    const uint64_t left = most_unpacked(file_.bytes.size()) - unpacked_->bytes;
    check(entry.size <= left, Code::invalid_model, shown(name), " in ", file_.name, " unpacks to ",
          entry.size, " bytes, too many for a file of ", uint64_t{file_.bytes.size()});
    kept = std::make_shared<const std::vector<std::byte>>(zip_->read(entry, left));
    unpacked_->bytes += kept->size();
  }
  return *kept;
}

std::string_view Archive::text(std::string_view name) const {
  const auto found = bytes(name);
  return {reinterpret_cast<const char*>(found.data()), found.size()};
}

Tensor Archive::borrow(DType dtype, std::vector<int64_t> shape,
                       std::span<const std::byte> bytes) const {
  for (const auto& [name, contents] : unpacked_->contents)
    if (contents != nullptr && bytes.data() >= contents->data() &&
        bytes.data() < contents->data() + contents->size())
      return Tensor::borrow(dtype, std::move(shape), bytes, contents);
  return file_.borrow(dtype, std::move(shape), bytes);
}

Archive Archive::within(std::string_view name) const {
  const auto part = bytes(name);
  std::shared_ptr<const void> owner = file_.owner;
  const auto found = unpacked_->contents.find(name);
  if (found != unpacked_->contents.end()) owner = found->second;
  return Archive({part, owner, cat(shown(name), " in ", file_.name)});
}

}  // namespace hone::pytorch
