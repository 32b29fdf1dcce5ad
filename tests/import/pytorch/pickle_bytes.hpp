#pragma once
// Pickles as PyTorch writes them.

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "ir/tensor.hpp"

namespace hone::test {

std::string bytes_of(const Tensor& tensor);
void put_text(std::string& pickle, std::string_view text);
void put_number(std::string& pickle, int64_t value);
/// A call of torch._utils._rebuild_tensor_v2 for the storage of that name; of a quantized tensor
/// what stands before its scale.
void put_tensor(std::string& pickle, const Tensor& tensor, const std::string& key,
                bool is_quantized = false);
void put_real(std::string& pickle, double value);
/// A dictionary of tensors as torch.save writes it.
std::string saved_tensors(const std::vector<std::pair<std::string, Tensor>>& tensors);

}  // namespace hone::test
