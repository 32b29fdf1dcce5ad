#pragma once
// A file of the model in memory, in which the contents of constants lie.

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "ir/tensor.hpp"

namespace hone::builder {

struct ModelFile {
  std::span<const std::byte> bytes;
  std::shared_ptr<const void> owner;  // keeps the bytes alive; null: contents are copied
  std::string name;                   // for people: "net.onnx"

  /// A tensor of bytes of this file: where they lie, but for small ones and bytes nobody keeps.
  Tensor borrow(DType dtype, std::vector<int64_t> shape, std::span<const std::byte> part) const;
  /// "net.onnx+0x1a40" for contents within the file, else "memory".
  std::string source(const Tensor& tensor) const;
};

}  // namespace hone::builder
