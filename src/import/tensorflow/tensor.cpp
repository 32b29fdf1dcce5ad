#include "import/tensorflow/tensor.hpp"

#include <algorithm>
#include <bit>
#include <cstring>

#include "base/size.hpp"
#include "import/protobuf.hpp"
#include "import/tensorflow/proto.hpp"

namespace hone::tensorflow {
namespace {

struct TensorProto {
  int64_t type = 0;
  StatedShape shape = std::vector<int64_t>();
  std::string_view content;
  std::vector<float> floats;
  std::vector<double> doubles;
  std::vector<int64_t> integers;  // of all integer types, of booleans; bits of halves
  std::vector<std::string_view> strings;
  bool is_complex = false;  // numbers are pairs of the numbers above
};

TensorProto decode(std::string_view message, const Limits& limits) {
  TensorProto tensor;
  for (Message m(message, "TensorProto"); m.next();) switch (m.field()) {
      case 1: tensor.type = m.integer(); break;
      case 2: tensor.shape = decode_shape(m.bytes(), limits); break;
      case 4: tensor.content = m.bytes(); break;
      case 5:
      case 9: m.reals(tensor.floats); break;
      case 6:
      case 12: m.doubles(tensor.doubles); break;
      case 7:
      case 10:
      case 11:
      case 13:
      case 16:
      case 17: m.integers(tensor.integers); break;
      case 8: tensor.strings.push_back(m.bytes()); break;
      case 18: {
        for (const char c : m.bytes()) tensor.integers.push_back(static_cast<unsigned char>(c));
        break;
      }
      default: break;
    }
  return tensor;
}

/// The last of the values stands for all that are left out; of none, zeros.
template <class T, class Put>
void spread(const std::vector<T>& values, int64_t count, const Put& put) {
  check(static_cast<int64_t>(values.size()) <= count, Code::invalid_model, values.size(),
        " values for a tensor of ", count);
  if (values.empty()) return;
  for (int64_t i = 0; i < count; ++i)
    put(i, values[std::min(static_cast<size_t>(i), values.size() - 1)]);
}

/// Halves and bytes of small floats are stored by their bits.
bool is_stored_by_bits(DType type) {
  return type == DType::f16 || type == DType::bf16 || type == DType::f8e5m2 ||
         type == DType::f8e4m3fn;
}

void fill(Tensor& tensor, const TensorProto& proto) {
  const DType type = tensor.dtype();
  const int64_t count = tensor.count();
  const size_t given = proto.floats.size() + proto.doubles.size();
  if (proto.is_complex && given != 0 && static_cast<int64_t>(given) != count) {
    check(given == 2, Code::unsupported, given, " numbers for ", count / 2, " complex ones");
    for (int64_t i = 0; i < count; ++i) {  // one pair for all
      const auto part = static_cast<size_t>(i % 2);
      tensor.set_number(i, proto.floats.empty() ? proto.doubles[part] : double{proto.floats[part]});
    }
  } else if (type == DType::f32) {
    spread(proto.floats, count, [&](int64_t i, float value) { tensor.put(i, value); });
  } else if (type == DType::f64) {
    spread(proto.doubles, count, [&](int64_t i, double value) { tensor.put(i, value); });
  } else if (is_stored_by_bits(type)) {
    const size_t width = static_cast<size_t>(bits(type)) / 8;
    std::byte* out = tensor.mutable_bytes().data();
    spread(proto.integers, count, [&](int64_t i, int64_t value) {
      const auto code = static_cast<uint16_t>(value);
      std::memcpy(out + static_cast<size_t>(i) * width, &code, width);
    });
  } else {
    spread(proto.integers, count, [&](int64_t i, int64_t value) { tensor.set_integer(i, value); });
  }
}

Tensor strings_of(const TensorProto& proto, std::vector<int64_t> shape, int64_t count,
                  const Limits& limits) {
  check(count <= limits.tensors, Code::invalid_model, "a constant of ", count, " strings");
  std::vector<std::string> strings(static_cast<size_t>(count));
  size_t bytes = 0;
  spread(proto.strings, count, [&](int64_t i, std::string_view text) {
    bytes += text.size();
    check(bytes <= limits.folded_bytes, Code::invalid_model, "strings of more than ",
          limits.folded_bytes, " bytes in one constant");
    strings[static_cast<size_t>(i)] = text;
  });
  return Tensor::of_strings(std::move(shape), std::move(strings));
}

}  // namespace

Tensor decode_tensor(std::string_view message, const builder::ModelFile& file, const Limits& limits,
                     bool* pairs) {
  TensorProto proto = decode(message, limits);
  auto type = dtype_of(proto.type);
  const bool complex = type.has_value() && is_complex(*type);
  check(type.has_value() && (!complex || pairs != nullptr), Code::unsupported, "a constant of ",
        type_name(proto.type));
  if (pairs != nullptr) *pairs = complex;
  if (complex) {
    proto.is_complex = true;
    type = *type == DType::c64 ? DType::f32 : DType::f64;
    if (proto.shape) proto.shape->push_back(2);
  }
  check(proto.shape.has_value(), Code::invalid_model, "a constant of unknown rank");
  for (const int64_t size : *proto.shape)
    check(size >= 0, Code::invalid_model, "a constant with a dimension of ", size);
  const int64_t count = element_count(*proto.shape);
  if (*type == DType::string) return strings_of(proto, *proto.shape, count, limits);
  const size_t wanted = bytes_for(*type, count);
  if (!proto.content.empty()) {
    check(proto.content.size() == wanted, Code::invalid_model, "a constant of ", *type,
          shape_text(*proto.shape), " with ", proto.content.size(), " bytes, wanted ", wanted);
    return file.borrow(*type, *proto.shape, std::as_bytes(std::span(proto.content.data(), wanted)));
  }
  // One number may stand for many: no more than a limit of them are made of it.
  check(wanted <= limits.folded_bytes || wanted <= message.size(), Code::unsupported,
        "a constant of ", wanted, " bytes that is stored as one number");
  Tensor tensor(*type, *proto.shape);
  fill(tensor, proto);
  return tensor;
}

}  // namespace hone::tensorflow
