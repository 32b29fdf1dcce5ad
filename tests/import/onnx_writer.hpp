#pragma once
// Writes small ONNX models for tests, wrong ones too.

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "import/import.hpp"

namespace hone::test {

/// A protobuf message under construction; fields in the order they are added.
class Proto {
 public:
  Proto& number(uint32_t field, int64_t value);
  Proto& real(uint32_t field, float value);
  Proto& bytes(uint32_t field, std::string_view value);
  Proto& message(uint32_t field, const Proto& value) { return bytes(field, value.data_); }
  Proto& fields(const std::vector<Proto>& messages, uint32_t field);
  const std::string& data() const { return data_; }

 private:
  std::string data_;
};

/// AttributeProto
Proto integer(std::string_view name, int64_t value);
Proto real(std::string_view name, float value);
Proto text(std::string_view name, std::string_view value);
Proto integers(std::string_view name, const std::vector<int64_t>& values);
Proto tensor(std::string_view name, const Proto& tensor);
Proto body(std::string_view name, const Proto& graph);
/// Refers to an attribute of the surrounding function; `type` is an AttributeType.
Proto reference(std::string_view name, std::string_view of, int64_t type);

using Names = std::vector<std::string>;
/// NodeProto
Proto node(std::string_view op, const Names& inputs, const Names& outputs,
           std::string_view name = "", const std::vector<Proto>& attributes = {},
           std::string_view domain = "");

/// TensorProto with raw data of f32 or i64
Proto floats(std::string_view name, const std::vector<int64_t>& dims,
             const std::vector<float>& values);
Proto int64s(std::string_view name, const std::vector<int64_t>& values);
/// TensorProto without data
Proto header(std::string_view name, const std::vector<int64_t>& dims, int64_t data_type);
Proto external(std::string_view name, const std::vector<int64_t>& dims, std::string_view location,
               int64_t offset = 0);

/// ValueInfoProto of a tensor; "" is a dimension without name and number, "3" a number
Proto value(std::string_view name, const Names& dims = {"2"}, int64_t data_type = 1);

/// ValueInfoProto that states no type
Proto untyped(std::string_view name);

struct GraphParts {
  std::vector<Proto> nodes;
  std::vector<Proto> inputs{value("x")};
  std::vector<Proto> outputs{untyped("y")};
  std::vector<Proto> tensors = {};
};
Proto graph(const GraphParts& parts);

struct ModelParts {
  Proto graph;
  std::vector<std::pair<std::string, int64_t>> opsets{{"", 17}};
  std::vector<Proto> functions = {};
  int64_t ir_version = 8;
};
std::string model(const ModelParts& parts);
/// y = nodes(x) over f32[2], opset 17
std::string model_of(const std::vector<Proto>& nodes);

Imported import_text(std::string_view file, const ImportOptions& options = {});
/// The text of the imported graph.
std::string printed(std::string_view file, const ImportOptions& options = {});
/// Code and message of the import's error: "unsupported: ..."; "" when it succeeds.
std::string error_of(std::string_view file, const ImportOptions& options = {});

}  // namespace hone::test
