#pragma once
// A TFLite model, decoded but for the contents of tensors and the options of operators.
// (Source: tensorflow/lite/schema/schema.fbs, versions 3 to 3c.)

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/dtype.hpp"
#include "import/flatbuffer.hpp"
#include "ir/limits.hpp"

namespace hone::tflite {

/// real = (stored - zero) * scale, for all elements or for each index of `axis`.
struct Quantization {
  std::vector<float> scales;  // empty: not quantized
  std::vector<int64_t> zeros;
  int64_t axis = 0;
  friend bool operator==(const Quantization&, const Quantization&) = default;
};

struct TensorInfo {
  std::string name;
  std::optional<DType> dtype;  // nullopt: a resource, or of a type that Hone does not know
  std::vector<int64_t> shape;
  std::vector<int64_t> signature;  // -1: open; empty: the shape says all
  std::span<const std::byte> data;
  Quantization quantization;
  bool has_data = false, is_variable = false;
  std::optional<FlatTable> sparsity;  // which elements `data` holds; nullopt: all
};

struct OperatorInfo {
  std::string kind;  // "CONV_2D"; of a custom one its own name
  bool is_custom = false;
  std::vector<int64_t> inputs, outputs;  // indices of tensors; -1: absent
  std::optional<FlatTable> options;
  std::span<const std::byte> custom_options;
};

struct Subgraph {
  std::string name;
  std::vector<TensorInfo> tensors;
  std::vector<int64_t> inputs, outputs;
  std::vector<OperatorInfo> operators;
};

struct Model {
  int64_t version = 0;
  std::string description;
  std::vector<Subgraph> subgraphs;
};

/// The file's identifier is TFL3.
bool looks_like_model(std::string_view bytes);
/// Error(invalid_model) naming what is damaged. Everything points into the file.
Model read_model(const FlatFile& file, const Limits& limits);

/// "CONV_2D" of 3; "" for numbers without an operator.
std::string_view operator_name(int64_t code);

}  // namespace hone::tflite
