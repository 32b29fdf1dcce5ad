#include "import/onnx_writer.hpp"

#include <cstring>
#include <memory>

#include "ir/text/text.hpp"
#include "ir/verify.hpp"

namespace hone::test {
namespace {

void append_varint(std::string& out, uint64_t value) {
  for (; value > 127; value >>= 7) out += static_cast<char>((value & 127) | 128);
  out += static_cast<char>(value);
}

template <class T>
std::string raw(const std::vector<T>& values) {
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T)};
}

Proto attribute(std::string_view name, int64_t type) {
  return Proto().bytes(1, name).number(20, type);
}

}  // namespace

Proto& Proto::number(uint32_t field, int64_t value) {
  append_varint(data_, uint64_t{field} << 3);
  append_varint(data_, static_cast<uint64_t>(value));
  return *this;
}

Proto& Proto::real(uint32_t field, float value) {
  append_varint(data_, uint64_t{field} << 3 | 5);
  data_.append(reinterpret_cast<const char*>(&value), sizeof value);
  return *this;
}

Proto& Proto::bytes(uint32_t field, std::string_view value) {
  append_varint(data_, uint64_t{field} << 3 | 2);
  append_varint(data_, value.size());
  data_ += value;
  return *this;
}

Proto& Proto::fields(const std::vector<Proto>& messages, uint32_t field) {
  for (const Proto& each : messages) message(field, each);
  return *this;
}

Proto integer(std::string_view name, int64_t value) { return attribute(name, 2).number(3, value); }
Proto real(std::string_view name, float value) { return attribute(name, 1).real(2, value); }
Proto text(std::string_view name, std::string_view value) {
  return attribute(name, 3).bytes(4, value);
}
Proto integers(std::string_view name, const std::vector<int64_t>& values) {
  Proto made = attribute(name, 7);
  for (const int64_t value : values) made.number(8, value);
  return made;
}
Proto tensor(std::string_view name, const Proto& tensor) {
  return attribute(name, 4).message(5, tensor);
}
Proto body(std::string_view name, const Proto& graph) {
  return attribute(name, 5).message(6, graph);
}
Proto reference(std::string_view name, std::string_view of, int64_t type) {
  return attribute(name, type).bytes(21, of);
}

Proto node(std::string_view op, const Names& inputs, const Names& outputs, std::string_view name,
           const std::vector<Proto>& attributes, std::string_view domain) {
  Proto made;
  for (const std::string& input : inputs) made.bytes(1, input);
  for (const std::string& output : outputs) made.bytes(2, output);
  if (!name.empty()) made.bytes(3, name);
  made.bytes(4, op).fields(attributes, 5);
  if (!domain.empty()) made.bytes(7, domain);
  return made;
}

Proto header(std::string_view name, const std::vector<int64_t>& dims, int64_t data_type) {
  Proto made;
  for (const int64_t dim : dims) made.number(1, dim);
  return made.number(2, data_type).bytes(8, name);
}

Proto floats(std::string_view name, const std::vector<int64_t>& dims,
             const std::vector<float>& values) {
  return header(name, dims, 1).bytes(9, raw(values));
}

Proto int64s(std::string_view name, const std::vector<int64_t>& values) {
  return header(name, {static_cast<int64_t>(values.size())}, 7).bytes(9, raw(values));
}

Proto external(std::string_view name, const std::vector<int64_t>& dims, std::string_view location,
               int64_t offset) {
  const auto entry = [](std::string_view key, std::string_view value) {
    return Proto().bytes(1, key).bytes(2, value);
  };
  return header(name, dims, 1)
      .message(13, entry("location", location))
      .message(13, entry("offset", std::to_string(offset)))
      .number(14, 1);
}

Proto value(std::string_view name, const Names& dims, int64_t data_type) {
  Proto shape;
  for (const std::string& dim : dims) {
    Proto made;
    if (const auto number = parse_int(dim)) made.number(1, *number);
    else if (!dim.empty()) made.bytes(2, dim);
    shape.message(1, made);
  }
  const Proto type = Proto().number(1, data_type).message(2, shape);
  return Proto().bytes(1, name).message(2, Proto().message(1, type));
}

Proto untyped(std::string_view name) { return Proto().bytes(1, name); }

Proto graph(const GraphParts& parts) {
  Proto made;
  made.fields(parts.nodes, 1).bytes(2, "g").fields(parts.tensors, 5);
  return made.fields(parts.inputs, 11).fields(parts.outputs, 12);
}

std::string model(const ModelParts& parts) {
  Proto made;
  made.number(1, parts.ir_version).bytes(2, "acme-export").bytes(3, "2.1").message(7, parts.graph);
  for (const auto& [domain, version] : parts.opsets) {
    Proto opset;
    if (!domain.empty()) opset.bytes(1, domain);
    made.message(8, opset.number(2, version));
  }
  return made.fields(parts.functions, 25).data();
}

std::string model_of(const std::vector<Proto>& nodes) { return model({graph({nodes})}); }

Imported import_text(std::string_view file, const ImportOptions& options) {
  // A buffer of its own size, so that a read past the end is seen by the sanitizers.
  const auto copy = std::make_shared<std::vector<std::byte>>(file.size());
  if (!file.empty()) std::memcpy(copy->data(), file.data(), file.size());
  return import_onnx_bytes(*copy, {}, options, copy, "net.onnx");
}

std::string printed(std::string_view file, const ImportOptions& options) {
  const Imported imported = import_text(file, options);
  verify(*imported.graph, "import");
  return print(*imported.graph, {.types = true, .origins = true, .weights = true, .align = false});
}

std::string error_of(std::string_view file, const ImportOptions& options) {
  try {
    import_text(file, options);
  } catch (const Error& error) {
    return cat(name(error.code()), ": ", error.message());
  }
  return {};
}

}  // namespace hone::test
