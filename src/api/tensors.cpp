#include "api/tensors.hpp"

#include <algorithm>

#include "base/size.hpp"

namespace hone::api {

void check_place(const hone_tensor& tensor, const char* name, const Places& places) {
  const auto place = static_cast<int>(tensor.place);
  const bool on_host = place == HONE_HOST && tensor.device == 0;
  const bool on_device = place == HONE_ON_DEVICE && tensor.device == places.device;
  check(on_host || on_device, Code::device, "tensor \"", name, "\" lies on device ", tensor.device,
        " of kind ", place, "; the engine takes the host's memory (HONE_HOST, 0)",
        places.device < 0 ? "" : cat(" and its GPU's (HONE_ON_DEVICE, ", places.device, ")"));
  const bool zero = std::all_of(std::begin(tensor.reserved), std::end(tensor.reserved),
                                [](uint64_t each) { return each == 0; });
  check(zero, Code::usage, "tensor \"", name,
        "\" has something in its reserved fields: zero the struct before it is filled");
}

namespace {

/// Row-major without gaps; a dimension of size 1 may have any stride, so may a tensor of nothing.
void check_strides(const hone_tensor& tensor, const char* name) {
  const int64_t* end = tensor.shape + tensor.rank;
  if (tensor.strides == nullptr || std::find(tensor.shape, end, 0) != end) return;
  int64_t dense = 1;
  for (int32_t i = tensor.rank; i-- > 0;) {
    const int64_t size = tensor.shape[i];
    check(size == 1 || tensor.strides[i] == dense, Code::unsupported, "tensor \"", name,
          "\" has the stride ", tensor.strides[i], " in dimension ", i,
          ": this version takes dense row-major tensors, ", dense, " there (or NULL)");
    dense *= size;
  }
}

/// `name`: for messages.
Tensor borrow_dense(const hone_tensor& tensor, const char* name, bool write, const Places& places) {
  constexpr int32_t kMostDims = 64;
  const auto type = static_cast<int>(tensor.dtype);
  check(type >= 0 && type < static_cast<int>(DType::string), Code::usage, "tensor \"", name,
        "\" has dtype ", type);
  check(tensor.rank >= 0 && tensor.rank <= kMostDims, Code::usage, "tensor \"", name,
        "\" has rank ", tensor.rank, ", wanted 0 to ", kMostDims);
  check(tensor.rank == 0 || tensor.shape != nullptr, Code::usage, "tensor \"", name, "\" has rank ",
        tensor.rank, " and no shape (NULL)");
  check_place(tensor, name, places);
  const auto dtype = static_cast<DType>(type);
  std::vector<int64_t> shape(tensor.shape, tensor.shape + tensor.rank);
  for (const int64_t size : shape)
    check(size >= 0, Code::usage, "tensor \"", name, "\" has shape ", shape_text(shape));
  const auto count = try_element_count(shape);
  const auto bits = count ? try_mul(*count, hone::bits(dtype)) : std::nullopt;
  check(bits.has_value(), Code::usage, "tensor \"", name, "\" has shape ", shape_text(shape),
        ", more than can be counted");
  check_strides(tensor, name);
  const size_t needed = bytes_for(dtype, *count);
  check(tensor.bytes >= needed, Code::usage, "tensor \"", name, "\" has ", tensor.bytes, " bytes, ",
        dtype, shape_text(shape), " wants ", needed);
  check(tensor.data != nullptr || needed == 0, Code::usage, "tensor \"", name,
        "\" has no data (NULL), ", dtype, shape_text(shape), " wants ", needed, " bytes");
  const std::span<std::byte> bytes(static_cast<std::byte*>(tensor.data), needed);
  if (write) return Tensor::borrow_mutable(dtype, std::move(shape), bytes, nullptr);
  return Tensor::borrow(dtype, std::move(shape), bytes, nullptr);
}

}  // namespace

Tensor borrow(const hone_tensor& tensor, bool write, const Places& places) {
  wanted(tensor.name, "the name of a tensor");
  if (tensor.kind == HONE_TENSOR) return borrow_dense(tensor, tensor.name, write, places);
  check(!write, Code::usage, "output \"", tensor.name, "\" is given a place that is no tensor");
  if (tensor.kind == HONE_NOTHING) return Tensor::nothing();
  check(tensor.kind == HONE_SEQUENCE, Code::usage, "tensor \"", tensor.name, "\" is of kind ",
        static_cast<int>(tensor.kind));
  check(tensor.elements != nullptr || tensor.count == 0, Code::usage, "sequence \"", tensor.name,
        "\" has ", tensor.count, " elements at NULL");
  std::vector<Tensor> elements;
  for (size_t i = 0; i < tensor.count; ++i) {
    check(tensor.elements[i].kind == HONE_TENSOR && tensor.elements[i].dtype == tensor.dtype,
          Code::usage, "element ", i, " of sequence \"", tensor.name,
          "\" is no tensor of the sequence's dtype");
    elements.push_back(borrow_dense(tensor.elements[i], tensor.name, false, {}));
  }
  const auto type = static_cast<int>(tensor.dtype);
  check(type >= 0 && type < kDTypeCount, Code::usage, "sequence \"", tensor.name, "\" has dtype ",
        type);
  return Tensor::sequence(static_cast<DType>(type), std::move(elements));
}

/// A result in C's terms; its elements are kept by the context.
void give(const Tensor& result, hone_tensor& to, Elements& kept) {
  to.kind = result.is_sequence() ? HONE_SEQUENCE : result.is_nothing() ? HONE_NOTHING : HONE_TENSOR;
  to.dtype = static_cast<hone_dtype>(result.dtype());
  to.rank = result.rank();
  to.shape = result.shape().data();
  to.data = const_cast<std::byte*>(result.bytes().data());
  to.bytes = result.bytes().size();
  to.elements = nullptr;
  to.count = 0;
  to.strides = nullptr;
  if (!result.is_sequence()) return;
  std::vector<hone_tensor>& elements = kept.emplace_back(result.elements().size(), hone_tensor{});
  for (size_t i = 0; i < elements.size(); ++i) give(result.elements()[i], elements[i], kept);
  to.elements = elements.data();
  to.count = elements.size();
}

}  // namespace hone::api
