#include "import/tflite/model.hpp"

#include <algorithm>

#include "import/report.hpp"

namespace hone::tflite {
namespace {

// Fields of tables by number. (Source: tensorflow/lite/schema/schema.fbs.)
struct ModelField {
  static constexpr int version = 0, codes = 1, subgraphs = 2, description = 3, buffers = 4;
};
struct CodeField {
  static constexpr int old_code = 0, custom = 1, code = 3;
};
struct SubgraphField {
  static constexpr int tensors = 0, inputs = 1, outputs = 2, operators = 3, name = 4;
};
struct TensorField {
  static constexpr int shape = 0, type = 1, buffer = 2, name = 3, quantization = 4, is_variable = 5,
                       sparsity = 6, signature = 7;
};
struct QuantizationField {
  static constexpr int scale = 2, zero_point = 3, axis = 6;
};
struct OperatorField {
  static constexpr int code = 0, inputs = 1, outputs = 2, options = 4, custom_options = 5;
};
struct BufferField {
  static constexpr int data = 0, offset = 1, size = 2;
};
constexpr int64_t kCustom = 32;

/// By TensorType's number.
std::optional<DType> dtype_of(int64_t type) {
  static constexpr std::optional<DType> kTypes[] = {
      DType::f32,     DType::f16,   DType::i32,   DType::u8,  DType::i64, DType::string,
      DType::boolean, DType::i16,   DType::c64,   DType::i8,  DType::f64, DType::c128,
      DType::u64,     std::nullopt, std::nullopt, DType::u32, DType::u16, DType::i4};
  if (type < 0 || type >= static_cast<int64_t>(std::size(kTypes))) return std::nullopt;
  return kTypes[type];
}

struct OperatorCode {
  std::string kind;
  bool is_custom;
};

class ModelReader {
 public:
  ModelReader(const FlatFile& file, const Limits& limits)
      : file_(file), limits_(limits), root_(FlatTable::root(file)) {}

  Model read() {
    Model model;
    model.version = root_.u32(ModelField::version);
    check(model.version == 3, hone::Code::unsupported, "version ", model.version,
          " of the schema: Hone reads version 3");
    model.description = shown(root_.text(ModelField::description));
    read_codes();
    read_buffers();
    for (const FlatTable& graph : root_.tables(ModelField::subgraphs))
      model.subgraphs.push_back(subgraph(graph));
    check(!model.subgraphs.empty(), hone::Code::invalid_model, "the file holds no graph");
    return model;
  }

 private:
  void read_codes() {
    for (const FlatTable& code : root_.tables(ModelField::codes)) {
      const int64_t number = std::max(code.i8(CodeField::old_code), code.i32(CodeField::code));
      if (number == kCustom) {
        codes_.push_back({shown(code.text(CodeField::custom)), true});
        continue;
      }
      const std::string_view name = operator_name(number);
      codes_.push_back({name.empty() ? cat("operator ", number) : std::string(name), false});
    }
  }

  void read_buffers() {
    for (const FlatTable& buffer : root_.tables(ModelField::buffers)) {
      const uint64_t offset = buffer.u64(BufferField::offset);
      const uint64_t size = buffer.u64(BufferField::size);
      if (offset > 1) buffers_.push_back(file_.at(offset, size));
      else buffers_.push_back(buffer.bytes(BufferField::data));
    }
  }

  Subgraph subgraph(const FlatTable& table) {
    Subgraph graph;
    graph.name = shown(table.text(SubgraphField::name));
    const auto tensors = table.tables(SubgraphField::tensors);
    count("tensors", tensors.size(), limits_.tensors);
    for (const FlatTable& each : tensors) graph.tensors.push_back(tensor(each));
    graph.inputs = table.ints32(SubgraphField::inputs);
    graph.outputs = table.ints32(SubgraphField::outputs);
    count("inputs", graph.inputs.size(), limits_.interface);
    count("outputs", graph.outputs.size(), limits_.interface);
    const auto operators = table.tables(SubgraphField::operators);
    count("operators", operators.size(), limits_.nodes);
    for (const FlatTable& each : operators) graph.operators.push_back(operation(each));
    return graph;
  }

  void count(std::string_view what, size_t found, int64_t most) const {
    check(found <= static_cast<size_t>(most), hone::Code::invalid_model, found, " ", what,
          " in one graph (at most ", most, ")");
  }

  TensorInfo tensor(const FlatTable& table) const {
    TensorInfo info;
    info.name = table.text(TensorField::name);
    info.dtype = dtype_of(table.i8(TensorField::type));
    info.shape = table.ints32(TensorField::shape);
    info.signature = table.ints32(TensorField::signature);
    count("dimensions", info.shape.size(), limits_.rank);
    const auto buffer = static_cast<uint64_t>(table.u32(TensorField::buffer));
    check(buffer == 0 || buffer < buffers_.size(), hone::Code::invalid_model, "a tensor in buffer ",
          buffer, " of ", buffers_.size());
    if (buffer != 0) info.data = buffers_[buffer];
    info.has_data = !info.data.empty();
    info.is_variable = table.flag(TensorField::is_variable);
    info.sparsity = table.table(TensorField::sparsity);
    if (const auto quantization = table.table(TensorField::quantization)) {
      info.quantization.scales = quantization->floats(QuantizationField::scale);
      info.quantization.zeros = quantization->ints64(QuantizationField::zero_point);
      // Older converters state the weights' axis for biases, too.
      const bool is_list = info.shape.size() == 1;
      info.quantization.axis = is_list ? 0 : quantization->i32(QuantizationField::axis);
      const bool fits = info.quantization.zeros.size() == info.quantization.scales.size() ||
                        info.quantization.zeros.empty();
      check(fits, hone::Code::invalid_model, info.quantization.zeros.size(), " zero points for ",
            info.quantization.scales.size(), " scales");
    }
    return info;
  }

  OperatorInfo operation(const FlatTable& table) const {
    OperatorInfo info;
    const auto code = static_cast<uint64_t>(table.u32(OperatorField::code));
    check(code < codes_.size(), hone::Code::invalid_model, "an operator of code ", code, " of ",
          codes_.size());
    info.kind = codes_[code].kind;
    info.is_custom = codes_[code].is_custom;
    info.inputs = table.ints32(OperatorField::inputs);
    info.outputs = table.ints32(OperatorField::outputs);
    info.options = table.table(OperatorField::options);
    if (info.is_custom) info.custom_options = table.bytes(OperatorField::custom_options);
    return info;
  }

  const FlatFile& file_;
  const Limits& limits_;
  FlatTable root_;
  std::vector<OperatorCode> codes_;
  std::vector<std::span<const std::byte>> buffers_;
};

}  // namespace

bool looks_like_model(std::string_view bytes) {
  return bytes.size() >= 8 && bytes.substr(4, 4) == "TFL3";
}

Model read_model(const FlatFile& file, const Limits& limits) {
  return ModelReader(file, limits).read();
}

}  // namespace hone::tflite
