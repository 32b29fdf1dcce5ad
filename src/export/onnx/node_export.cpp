#include "export/onnx/node_export.hpp"

#include <algorithm>

#include "export/onnx/graph_export.hpp"
#include "export/onnx/operators.hpp"

namespace hone::onnx {
namespace {

uint32_t type_bit(const Value* value) {
  if (value == nullptr || !value->type.is_tensor()) return 0;
  return uint32_t{1} << data_type(value->type.tensor().dtype);
}

template <class T>
AttributeModel::Data data_of(const T* place) {
  if constexpr (std::is_same_v<T, bool>) return int64_t{*place ? 1 : 0};
  else if constexpr (std::is_same_v<T, DType>) return data_type(*place);
  else return *place;
}

AttributeModel::Data data_of(const Dim* place) {
  const auto number = place->constant();
  check(number.has_value(), Code::unsupported, "the attribute would be ", *place,
        ", which is no number");
  return *number;
}

AttributeModel::Data data_of(const std::optional<Dims>* place) {
  std::vector<int64_t> numbers;
  if (*place)
    for (const Dim& dim : **place) numbers.push_back(std::get<int64_t>(data_of(&dim)));
  return numbers;
}

std::string_view domain_of(std::string_view op_type) {
  for (const std::string_view domain : {"", "ai.onnx.ml", "ai.onnx.preview", "com.microsoft"})
    if (!versions_of(domain, op_type).empty()) return domain;
  fail(Code::unsupported, "ONNX has no operator of this name");
}

}  // namespace

void Exporters::add(std::string_view op, ExportFunction f) {
  check(functions_.emplace(op, f).second, Code::internal, "two exporters of ", op);
}

void Exporters::since(std::string_view op, int version) {
  check(versions_.emplace(op, version).second, Code::internal, "two oldest versions of ", op);
}

void Exporters::scalar(std::string_view op, std::string_view field) { scalars_.emplace(op, field); }

bool Exporters::is_scalar(std::string_view op, std::string_view field) const {
  return scalars_.contains({std::string(op), std::string(field)});
}

ExportFunction Exporters::find(std::string_view op) const {
  const auto found = functions_.find(op);
  return found == functions_.end() ? nullptr : found->second;
}

int Exporters::since(std::string_view op) const {
  const auto found = versions_.find(op);
  return found == versions_.end() ? 1 : found->second;
}

void NodeModel::set(std::string_view attribute, AttributeModel::Data data) {
  drop(attribute);
  attributes.push_back({std::string(attribute), std::move(data), false});
}

void NodeModel::drop(std::string_view attribute) {
  std::erase_if(attributes, [&](const AttributeModel& each) { return each.name == attribute; });
}

std::string NodeExport::input(size_t i) const {
  const Value* value = node_.input(i);
  return value == nullptr ? "" : graph_.name(value);
}

std::string NodeExport::output(size_t i) const {
  const Value* value = node_.output(i);
  return value == nullptr ? "" : graph_.name(value);
}

std::optional<DType> NodeExport::dtype_in(size_t i) const {
  const Value* value = node_.input(i);
  if (value == nullptr || !value->type.is_tensor()) return std::nullopt;
  return value->type.tensor().dtype;
}

std::optional<int> NodeExport::rank_in(size_t i) const {
  const Value* value = node_.input(i);
  if (value == nullptr || !value->type.is_tensor() || !value->type.tensor().has_rank())
    return std::nullopt;
  return value->type.tensor().rank();
}

void NodeExport::add_fields(NodeModel& model) {
  const OpClass& op_class = node_.op.op_class();
  const std::shared_ptr<void> plain = op_class.copy(nullptr);
  FieldList fields, defaults;
  op_class.fields(node_.op.data(), fields);
  op_class.fields(plain.get(), defaults);
  const auto operand_of = [&](std::string_view field) {
    for (const Parameter& parameter : op_class.parameters)
      if (parameter.field == field) return std::optional(parameter.operand);
    return std::optional<int>();
  };
  for (size_t i = 0; i < fields.list().size(); ++i) {
    const Field& field = fields.list()[i];
    const bool is_default = equal(field.ref, defaults.list()[i].ref);
    if (const auto operand = operand_of(field.name)) {
      const auto& given = *std::get<std::optional<Dims>*>(field.ref);
      if (!given) continue;
      const auto at = static_cast<size_t>(*operand);
      if (model.inputs.size() <= at) model.inputs.resize(at + 1), model.input_types.resize(at + 1);
      const bool is_scalar = graph_.model().exporters.is_scalar(op_class.name, field.name);
      model.inputs[at] = is_scalar && given->size() == 1 ? scalar(given->front(), field.name)
                                                         : dims(*given, field.name);
      model.input_types[at] = uint32_t{1} << data_type(DType::i64);
      continue;
    }
    AttributeModel attribute{std::string(field.name), int64_t{0}, is_default};
    const bool written = std::visit(
        [&]<class T>(const T& place) {
          if constexpr (std::is_same_v<T, EnumField>) {
            attribute.data = Choice{std::string(place.names[*place.value]), *place.value};
          } else if constexpr (std::is_same_v<T, Body*>) {
            if (*place == nullptr) return false;
            unsupported("holds a graph, and nothing says how ONNX passes values to it");
          } else if constexpr (std::is_same_v<T, std::optional<int64_t>*>) {
            if (!*place) return false;
            attribute.data = **place;
          } else {
            attribute.data = data_of(place);
          }
          // The standard's default follows the operands where it has none of its own.
          if constexpr (std::is_same_v<T, DType*>) attribute.is_default = false;
          return true;
        },
        field.ref);
    if (written) model.attributes.push_back(std::move(attribute));
  }
}

NodeModel& NodeExport::plain(std::string_view op_type, std::string_view domain) {
  NodeModel model;
  model.op_type = op_type.empty() ? node_.op.name() : op_type;
  model.domain = domain.empty() ? domain_of(model.op_type) : domain;
  model.since = model.domain.empty() ? since_ : 1;
  for (size_t i = 0; i < node_.inputs.size(); ++i) {
    model.inputs.push_back(input(i));
    model.input_types.push_back(type_bit(node_.inputs[i]));
  }
  for (size_t i = 0; i < node_.outputs.size(); ++i) {
    model.outputs.push_back(output(i));
    model.output_types.push_back(type_bit(node_.outputs[i]));
  }
  add_fields(model);
  model.name = graph_.node_name(node_);
  return graph_.add(std::move(model));
}

NodeModel& NodeExport::add(std::string_view op_type, std::vector<std::string> inputs,
                           size_t output) {
  NodeModel model;
  model.op_type = op_type;
  model.domain = domain_of(op_type);
  model.since = 1;
  model.inputs = std::move(inputs);
  model.outputs = {this->output(output)};
  model.name = graph_.node_name(node_);
  return graph_.add(std::move(model));
}

std::string NodeExport::intermediate(std::string_view op_type, std::vector<std::string> inputs,
                                     std::vector<AttributeModel> attributes,
                                     std::string_view hint) {
  NodeModel model;
  model.op_type = op_type;
  model.domain = domain_of(op_type);
  model.inputs = std::move(inputs);
  model.outputs = {graph_.fresh(cat(output(0), ".", hint))};
  model.attributes = std::move(attributes);
  model.name = graph_.node_name(node_);
  return graph_.add(std::move(model)).outputs.front();
}

std::string NodeExport::constant(Tensor tensor, std::string_view hint) {
  return graph_.constant(std::move(tensor), cat(output(0), ".", hint));
}

std::string NodeExport::dims(const Dims& dims, std::string_view hint) {
  return graph_.dims(dims, cat(output(0), ".", hint));
}

std::string NodeExport::scalar(const Dim& dim, std::string_view hint) {
  if (const auto number = dim.constant()) {
    Tensor tensor(DType::i64, {});
    tensor.put(0, *number);
    return constant(std::move(tensor), hint);
  }
  const std::string vector = dims({dim}, hint);
  return intermediate("Reshape", {vector, constant(Tensor(DType::i64, {0}), "scalar")}, {}, hint);
}

AttributeModel::Data NodeExport::body(const Body& body, size_t first, size_t own_inputs,
                                      size_t result) {
  check(body != nullptr, Code::internal, "a body is missing");
  std::vector<std::string> captured;
  for (size_t i = first; i < node_.inputs.size(); ++i) captured.push_back(input(i));
  std::vector<Type> results(result);
  for (const Value* value : node_.outputs)
    results.push_back(value == nullptr ? Type() : value->type);
  GraphExport inner(graph_.model(), *body, &graph_);
  return std::make_shared<const GraphModel>(inner.body(own_inputs, captured, results));
}

namespace {

constexpr size_t kNamedOps = 6;  // in the name of a function

/// "Conv_Add_Relu".
std::string function_name(const Graph& body) {
  std::vector<std::string_view> ops;
  for (const Node& node : body.nodes()) ops.push_back(node.op.name());
  if (ops.size() <= kNamedOps) return join(ops, "_");
  return cat(join(std::span(ops).first(kNamedOps), "_"), "_and_", ops.size() - kNamedOps, "_more");
}

}  // namespace

NodeModel& NodeExport::call(const Graph& body) {
  std::vector<std::string> sizes;
  GraphExport inner(graph_.model(), body, nullptr);
  NodeModel model;
  model.op_type = inner.function(function_name(body), sizes);
  model.domain = kRegionDomain;
  for (size_t i = 0; i < node_.inputs.size(); ++i) model.inputs.push_back(input(i));
  for (const std::string& size : sizes) model.inputs.push_back(graph_.dim(Dim::symbol(size)));
  for (size_t i = 0; i < node_.outputs.size(); ++i) model.outputs.push_back(output(i));
  model.name = graph_.node_name(node_);
  return graph_.add(std::move(model));
}

}  // namespace hone::onnx
