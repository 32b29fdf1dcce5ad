#include "import/onnx/node_reader.hpp"

#include <algorithm>

#include "base/onnx_fields.hpp"
#include "import/onnx/free_names.hpp"
#include "import/onnx/graph_import.hpp"
#include "import/protobuf.hpp"
#include "ir/inference.hpp"

namespace hone::onnx {
namespace {

/// Calls read(message) for every value field `field` of the attribute.
template <class Read>
void read_values(const Attribute& attribute, uint32_t field, const Read& read) {
  for (Message m(attribute.message, "AttributeProto"); m.next();)
    if (m.field() == field) read(m);
}

void check_type(const Attribute& attribute, AttributeType wanted) {
  check(attribute.type == wanted, Code::invalid_model, "attribute \"", shown(attribute.name),
        "\" is ", describe(attribute.type), ", wanted ", describe(wanted));
}

}  // namespace

NodeReader::NodeReader(GraphImport& import, const NodeProto& node, int opset,
                       const CallContext* call)
    : NodeBuilder(import.frame(), import.place(node)),
      import_(import),
      node_(node),
      call_(call),
      opset_(opset),
      read_(node.attributes.size(), false) {}

std::string_view NodeReader::op_type() const { return node_.op_type; }
std::string_view NodeReader::domain() const { return node_.domain; }

const Attribute* NodeReader::find(std::string_view name) {
  const Attribute* found = nullptr;
  for (size_t i = 0; i < node_.attributes.size(); ++i) {
    if (node_.attributes[i].name != name) continue;
    check(found == nullptr, "attribute \"", name, "\" is given twice");
    read_[i] = true;
    found = &node_.attributes[i];
  }
  return found == nullptr ? nullptr : resolve(*found, call_);
}

const Attribute* NodeReader::find(std::string_view name, AttributeType type) {
  const Attribute* attribute = find(name);
  if (attribute != nullptr) check_type(*attribute, type);
  return attribute;
}

bool NodeReader::has(std::string_view name) const {
  return std::any_of(node_.attributes.begin(), node_.attributes.end(),
                     [&](const Attribute& attribute) {
                       return attribute.name == name && resolve(attribute, call_) != nullptr;
                     });
}

void NodeReader::ignore(std::string_view name) {
  for (size_t i = 0; i < node_.attributes.size(); ++i)
    if (node_.attributes[i].name == name) read_[i] = true;
}

std::optional<int64_t> NodeReader::optional_integer(std::string_view name) {
  const Attribute* attribute = find(name, AttributeType::integer);
  if (attribute == nullptr) return std::nullopt;
  int64_t value = 0;
  read_values(*attribute, AttributeField::integer, [&](Message& m) { value = m.integer(); });
  return value;
}

int64_t NodeReader::integer(std::string_view name, int64_t otherwise) {
  return optional_integer(name).value_or(otherwise);
}

int64_t NodeReader::integer(std::string_view name) {
  const auto value = optional_integer(name);
  check(value.has_value(), "attribute \"", name, "\" is missing");
  return *value;
}

bool NodeReader::flag(std::string_view name, bool otherwise) {
  return optional_integer(name).value_or(otherwise ? 1 : 0) != 0;
}

float NodeReader::real(std::string_view name, float otherwise) {
  const Attribute* attribute = find(name, AttributeType::real);
  if (attribute == nullptr) return otherwise;
  float value = 0;
  read_values(*attribute, AttributeField::real, [&](Message& m) { value = m.real(); });
  return value;
}

std::string NodeReader::text(std::string_view name, std::string_view otherwise) {
  const Attribute* attribute = find(name, AttributeType::text);
  if (attribute == nullptr) return std::string(otherwise);
  std::string_view value;
  read_values(*attribute, AttributeField::text, [&](Message& m) { value = m.bytes(); });
  return std::string(value);
}

DType NodeReader::dtype(std::string_view name, DType otherwise) {
  const auto number = optional_integer(name);
  if (!number) return otherwise;
  const auto dtype = dtype_of(*number);
  check(dtype.has_value(), "attribute \"", name, "\" is ", *number,
        ", which is no element type of ONNX");
  return *dtype;
}

std::vector<int64_t> NodeReader::ints(std::string_view name, std::vector<int64_t> otherwise) {
  const Attribute* attribute = find(name, AttributeType::integers);
  if (attribute == nullptr) return otherwise;
  std::vector<int64_t> values;
  read_values(*attribute, AttributeField::integers, [&](Message& m) { m.integers(values); });
  return values;
}

std::optional<Dims> NodeReader::dims(std::string_view name) {
  if (!has(name)) return std::nullopt;
  const std::vector<int64_t> values = ints(name);
  return Dims(values.begin(), values.end());
}

std::vector<float> NodeReader::reals(std::string_view name, std::vector<float> otherwise) {
  const Attribute* attribute = find(name, AttributeType::reals);
  if (attribute == nullptr) return otherwise;
  std::vector<float> values;
  read_values(*attribute, AttributeField::reals, [&](Message& m) { m.reals(values); });
  return values;
}

std::vector<std::string> NodeReader::strings(std::string_view name,
                                             std::vector<std::string> otherwise) {
  const Attribute* attribute = find(name, AttributeType::texts);
  if (attribute == nullptr) return otherwise;
  std::vector<std::string> values;
  read_values(*attribute, AttributeField::texts,
              [&](Message& m) { values.emplace_back(m.bytes()); });
  return values;
}

std::optional<Tensor> NodeReader::tensor(std::string_view name) {
  const Attribute* attribute = find(name, AttributeType::tensor);
  if (attribute == nullptr) return std::nullopt;
  std::string_view message;
  read_values(*attribute, AttributeField::tensor, [&](Message& m) { message = m.bytes(); });
  ModelImport& model = import_.model();
  return model.tensors.tensor(decode_tensor(message, model.build.options.limits));
}

std::optional<Tensor> NodeReader::sparse_tensor(std::string_view name) {
  const Attribute* attribute = find(name, AttributeType::sparse_tensor);
  if (attribute == nullptr) return std::nullopt;
  std::string_view message;
  read_values(*attribute, AttributeField::sparse_tensor, [&](Message& m) { message = m.bytes(); });
  ModelImport& model = import_.model();
  return model.tensors.dense(decode_sparse_tensor(message, model.build.options.limits));
}

std::optional<Type> NodeReader::type(std::string_view name) {
  const Attribute* attribute = find(name, AttributeType::type);
  if (attribute == nullptr) return std::nullopt;
  std::string_view message;
  read_values(*attribute, AttributeField::type_value, [&](Message& m) { message = m.bytes(); });
  return builder::closed_type(decode_type(message, import_.model().build.options.limits));
}

GraphProto NodeReader::body_proto(std::string_view name) {
  const Attribute* attribute = find(name, AttributeType::graph);
  check(attribute != nullptr, "attribute \"", name, "\" is missing");
  const auto message = graph_of(*attribute);
  check(message.has_value(), "attribute \"", name, "\" holds no graph");
  return decode_graph(*message, import_.model().build.options.limits);
}

NodeReader::Signature NodeReader::signature(std::string_view name) {
  const auto found =
      std::find_if(node_.attributes.begin(), node_.attributes.end(),
                   [&](const Attribute& attribute) { return attribute.name == name; });
  check(found != node_.attributes.end(), "attribute \"", name, "\" is missing");
  check_type(*found, AttributeType::graph);
  const auto message = graph_of(*found);
  check(message.has_value(), "attribute \"", name, "\" holds no graph");
  const Limits& limits = import_.model().build.options.limits;
  const GraphProto proto = decode_graph(*message, limits);
  Signature signature;
  for (const NamedType& input : proto.inputs)
    signature.inputs.push_back(decode_type(input.type, limits));
  for (const NamedType& output : proto.outputs)
    signature.outputs.push_back(decode_type(output.type, limits));
  return signature;
}

Bodies NodeReader::bodies(std::initializer_list<std::string_view> names,
                          const std::vector<Type>& own_types) {
  std::vector<builder::BodySource> sources;
  std::vector<GraphProto> protos(names.size());
  for (const std::string_view name : names) {
    GraphProto& proto = protos[sources.size()];
    const auto declare = [&, name](Graph& graph) {
      proto = body_proto(name);
      for (size_t i = 0; i < own_types.size(); ++i)
        graph.add_input(i < proto.inputs.size() ? proto.inputs[i].name : "", own_types[i]);
    };
    const auto fill = [&](builder::Frame& frame) {
      const auto& inputs = frame.graph().inputs();
      GraphImport body(import_.model(), frame, import_.opsets(), &import_, call_,
                       import_.depth() + 1);
      const std::vector<Value*> outputs = body.import_body(
          proto, {inputs.begin(), inputs.begin() + static_cast<ptrdiff_t>(own_types.size())});
      for (size_t i = 0; i < outputs.size(); ++i)
        frame.graph().add_output(proto.outputs[i].name, outputs[i]);
    };
    sources.push_back({std::string(name), declare, fill});
  }
  return builder::make_bodies(frame(), sources);
}

std::vector<Value*> NodeReader::inline_body(std::string_view name, const std::vector<Value*>& own) {
  const GraphProto proto = body_proto(name);
  GraphImport body(import_.model(), import_.frame(), import_.opsets(), &import_, call_,
                   import_.depth() + 1);
  return body.import_body(proto, own);
}

std::vector<std::string_view> NodeReader::unread_attributes() const {
  std::vector<std::string_view> names;
  for (size_t i = 0; i < node_.attributes.size(); ++i)
    if (!read_[i]) names.push_back(node_.attributes[i].name);
  return names;
}

}  // namespace hone::onnx
