#pragma once
// Contents of stored tensors: mapped where they lie in a file as they are needed, else decoded
// once.

#include <filesystem>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/file.hpp"
#include "import/builder/model_file.hpp"
#include "import/import.hpp"
#include "import/onnx/proto.hpp"
#include "ir/weight.hpp"

namespace hone::onnx {

class TensorReader {
 public:
  TensorReader(builder::ModelFile file, std::filesystem::path folder, const ImportOptions& options)
      : file_(std::move(file)), folder_(std::move(folder)), options_(options) {}

  const builder::ModelFile& file() const { return file_; }

  /// Element type and shape, sizes checked. Error(invalid_model).
  TensorType type(const TensorProto& tensor) const;
  /// The contents as a constant. Error(invalid_model) when data and shape disagree, Error(io) when
  /// an external file is absent and no seed is given.
  std::shared_ptr<const Weight> weight(const TensorProto& tensor);
  Tensor tensor(const TensorProto& tensor);
  /// Bounded by Limits::folded_bytes.
  Tensor dense(const SparseTensorProto& sparse);

 private:
  struct Shape {
    DType dtype;
    std::vector<int64_t> dims;
    int64_t count;
  };
  Shape checked_shape(const TensorProto& tensor) const;
  Tensor stored(const TensorProto& tensor, const Shape& shape) const;
  Tensor typed(const TensorProto& tensor, const Shape& shape) const;
  Tensor borrow(const Shape& shape, std::span<const std::byte> bytes) const;
  /// Null: the file is absent and weights are to be made from the seed.
  std::shared_ptr<const MappedFile> open(std::string_view location);
  Tensor external(const TensorProto& tensor, const Shape& shape, const MappedFile& file,
                  std::shared_ptr<const MappedFile> owner) const;

  builder::ModelFile file_;
  std::filesystem::path folder_;
  const ImportOptions& options_;
  std::map<std::string, std::shared_ptr<const MappedFile>, std::less<>> files_;
};

}  // namespace hone::onnx
