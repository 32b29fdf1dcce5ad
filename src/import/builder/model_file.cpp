#include "import/builder/model_file.hpp"

#include <charconv>
#include <functional>

#include "ir/weight.hpp"

namespace hone::builder {

Tensor ModelFile::borrow(DType dtype, std::vector<int64_t> shape,
                         std::span<const std::byte> part) const {
  Tensor tensor = Tensor::borrow(dtype, std::move(shape), part, owner);
  const bool is_small = tensor.count() <= kLiteralElements;
  return owner == nullptr || is_small ? tensor.clone() : tensor;
}

std::string ModelFile::source(const Tensor& tensor) const {
  const std::byte* at = tensor.bytes().data();
  if (at == nullptr || std::less<>()(at, bytes.data()) ||
      !std::less<>()(at, bytes.data() + bytes.size()))
    return "memory";
  char digits[16];
  const auto end =
      std::to_chars(digits, digits + sizeof digits, static_cast<uint64_t>(at - bytes.data()), 16)
          .ptr;
  return cat(name, "+0x", std::string_view(digits, static_cast<size_t>(end - digits)));
}

}  // namespace hone::builder
