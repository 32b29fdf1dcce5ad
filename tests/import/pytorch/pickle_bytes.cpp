#include "import/pytorch/pickle_bytes.hpp"

#include <cstring>
#include <map>

#include "support/zip_bytes.hpp"

namespace hone::test {
namespace {

std::string storage_of(DType dtype) {
  const std::map<DType, std::string> names = {
      {DType::f32, "FloatStorage"},    {DType::i64, "LongStorage"}, {DType::i32, "IntStorage"},
      {DType::boolean, "BoolStorage"}, {DType::u8, "ByteStorage"},  {DType::i8, "CharStorage"},
      {DType::f64, "DoubleStorage"},   {DType::i16, "ShortStorage"}};
  return names.at(dtype);
}

}  // namespace

std::string bytes_of(const Tensor& tensor) {
  return {reinterpret_cast<const char*>(tensor.bytes().data()), tensor.bytes().size()};
}

void put_text(std::string& pickle, std::string_view text) {
  pickle += 'X';
  for (int i = 0; i < 4; ++i) pickle += static_cast<char>(text.size() >> (8 * i) & 0xFF);
  pickle += text;
}

void put_number(std::string& pickle, int64_t value) {
  pickle += 'J';
  for (int i = 0; i < 4; ++i) pickle += static_cast<char>(value >> (8 * i) & 0xFF);
}

/// A call of torch._utils._rebuild_tensor_v2.
void put_real(std::string& pickle, double value) {
  uint64_t bits = 0;
  std::memcpy(&bits, &value, sizeof bits);
  pickle += 'G';
  for (int shift = 56; shift >= 0; shift -= 8) pickle += static_cast<char>(bits >> shift & 255);
}

void put_tensor(std::string& pickle, const Tensor& tensor, const std::string& key,
                bool is_quantized) {
  pickle +=
      cat("ctorch._utils\n", is_quantized ? "_rebuild_qtensor" : "_rebuild_tensor_v2", "\n((");
  put_text(pickle, "storage");
  pickle += cat("ctorch\n",
                !is_quantized                 ? storage_of(tensor.dtype())
                : tensor.dtype() == DType::i8 ? "QInt8Storage"
                                              : "QUInt8Storage",
                "\n");
  put_text(pickle, key);
  put_text(pickle, "cpu");
  put_number(pickle, tensor.count());
  pickle += "tQ";
  put_number(pickle, 0);
  pickle += '(';
  for (const int64_t dim : tensor.shape()) put_number(pickle, dim);
  pickle += "t(";
  for (int i = 0; i < tensor.rank(); ++i) {
    int64_t stride = 1;
    for (int k = i + 1; k < tensor.rank(); ++k) stride *= tensor.dim(k);
    put_number(pickle, stride);
  }
  if (is_quantized) return void(pickle += 't');
  pickle += "t\x89N";  // no gradient, no hooks
  pickle += "tR";
}

std::string saved_tensors(const std::vector<std::pair<std::string, Tensor>>& tensors) {
  std::string pickle = "\x80\x02}(";
  std::vector<std::pair<std::string, std::string>> entries{{"archive/data.pkl", ""}};
  for (size_t i = 0; i < tensors.size(); ++i) {
    put_text(pickle, tensors[i].first);
    put_tensor(pickle, tensors[i].second, cat(uint64_t{i}));
    entries.emplace_back(cat("archive/data/", uint64_t{i}), bytes_of(tensors[i].second));
  }
  entries[0].second = pickle + "u.";
  entries.emplace_back("archive/version", "3\n");
  return zip_of(entries);
}

}  // namespace hone::test
