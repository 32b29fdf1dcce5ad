#pragma once
// The archive that PyTorch saves to: a zip, mostly with one folder that all names begin with.

#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "files/zip.hpp"
#include "import/builder/model_file.hpp"

namespace hone::pytorch {

class Archive {
 public:
  /// Error(invalid_model) for what is no sound archive.
  explicit Archive(builder::ModelFile file);

  const builder::ModelFile& file() const { return file_; }
  /// Names without the folder that all have.
  const std::map<std::string, const ZipEntry*, std::less<>>& entries() const { return entries_; }
  bool has(std::string_view name) const { return entries_.contains(name); }

  /// The entry's bytes: where they lie, else unpacked once for all. Error(invalid_model) naming
  /// what is not there, or is larger than what a file of this size may hold.
  std::span<const std::byte> bytes(std::string_view name) const;
  std::string_view text(std::string_view name) const;
  /// A tensor of `bytes`, which bytes() gave or a part of it: it keeps alive what they lie in.
  Tensor borrow(DType dtype, std::vector<int64_t> shape, std::span<const std::byte> bytes) const;
  std::string source(const Tensor& tensor) const { return file_.source(tensor); }
  /// An archive within this one.
  Archive within(std::string_view name) const;

 private:
  builder::ModelFile file_;
  std::shared_ptr<const ZipFile> zip_;
  std::map<std::string, const ZipEntry*, std::less<>> entries_;
  struct Unpacked {
    std::map<std::string, std::shared_ptr<const std::vector<std::byte>>, std::less<>> contents;
    uint64_t bytes = 0;
  };
  std::shared_ptr<Unpacked> unpacked_;
};

}  // namespace hone::pytorch
