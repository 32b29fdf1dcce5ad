#pragma once
// Numbers of the messages of an ONNX file, as its reader and its writer need them: fields by
// message, element types. (Source: onnx.proto of the ONNX standard, IR version 14.)

#include <array>
#include <cstdint>

#include "base/dtype.hpp"

namespace hone::onnx {

struct ModelField {
  static constexpr uint32_t ir_version = 1, producer = 2, producer_version = 3, graph = 7,
                            opset = 8, metadata = 14, function = 25;
};
struct OpsetField {
  static constexpr uint32_t domain = 1, version = 2;
};
struct EntryField {
  static constexpr uint32_t key = 1, value = 2;
};
struct GraphField {
  static constexpr uint32_t node = 1, name = 2, tensor = 5, input = 11, output = 12, value = 13,
                            sparse_tensor = 15;
};
struct NodeField {
  static constexpr uint32_t input = 1, output = 2, name = 3, op_type = 4, attribute = 5, domain = 7,
                            overload = 8;
};
struct FunctionField {
  static constexpr uint32_t name = 1, input = 4, output = 5, attribute = 6, node = 7, opset = 9,
                            domain = 10, default_attribute = 11, overload = 13;
};
struct AttributeField {
  static constexpr uint32_t name = 1, real = 2, integer = 3, text = 4, tensor = 5, graph = 6,
                            reals = 7, integers = 8, texts = 9, type_value = 14, type = 20,
                            reference = 21, sparse_tensor = 22;
};
struct TensorField {
  static constexpr uint32_t dims = 1, data_type = 2, segment = 3, floats = 4, int32s = 5,
                            strings = 6, int64s = 7, name = 8, raw = 9, doubles = 10, uint64s = 11,
                            external = 13, location = 14;
};
struct SparseField {
  static constexpr uint32_t values = 1, indices = 2, dims = 3;
};
struct InfoField {
  static constexpr uint32_t name = 1, type = 2;
};
struct TypeField {
  static constexpr uint32_t tensor = 1, sequence = 4, map = 5, opaque = 7, sparse = 8, optional = 9;
};
/// Of TypeProto.Sequence and TypeProto.Optional.
struct ElementField {
  static constexpr uint32_t type = 1;
};
struct TensorTypeField {
  static constexpr uint32_t element = 1, shape = 2;
};
struct ShapeField {
  static constexpr uint32_t dim = 1;
};
struct DimField {
  static constexpr uint32_t value = 1, name = 2;
};

/// TensorProto.DataType; 0 is UNDEFINED.
inline constexpr std::array<DType, 29> kDataTypes = {
    DType::f32,        DType::f32,  DType::u8,       DType::i8,         DType::u16,
    DType::i16,        DType::i32,  DType::i64,      DType::string,     DType::boolean,
    DType::f16,        DType::f64,  DType::u32,      DType::u64,        DType::c64,
    DType::c128,       DType::bf16, DType::f8e4m3fn, DType::f8e4m3fnuz, DType::f8e5m2,
    DType::f8e5m2fnuz, DType::u4,   DType::i4,       DType::f4e2m1,     DType::f8e8m0,
    DType::u2,         DType::i2,   DType::f6e2m3,   DType::f6e3m2};

}  // namespace hone::onnx
