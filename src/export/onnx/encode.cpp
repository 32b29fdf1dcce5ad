#include "export/onnx/encode.hpp"

#include <array>
#include <protozero/pbf_writer.hpp>

#include "base/error.hpp"
#include "base/onnx_fields.hpp"
#include "export/onnx/versions.hpp"

namespace hone::onnx {
namespace {

using protozero::pbf_writer;
using Opsets = std::map<std::string, int>;

constexpr int64_t kProtobufBytes = (int64_t{1} << 31) - 1;

void append_type(pbf_writer& out, const Type& type, bool symbols) {
  if (!type.is_tensor()) {
    check(!type.is_none(), Code::internal, "a value without a type");
    pbf_writer holder(
        out, type.kind() == Type::Kind::sequence ? TypeField::sequence : TypeField::optional);
    pbf_writer element(holder, ElementField::type);
    append_type(element, type.element(), symbols);
    return;
  }
  pbf_writer tensor(out, TypeField::tensor);
  tensor.add_int32(TensorTypeField::element, static_cast<int32_t>(data_type(type.tensor().dtype)));
  if (!type.tensor().has_rank()) return;
  std::string dims;  // an empty message too: the shape of a scalar
  pbf_writer shape(dims);
  for (const Dim& dim : type.tensor().shape()) {
    std::string text;
    pbf_writer entry(text);
    if (const auto size = dim.constant()) entry.add_int64(DimField::value, *size);
    else if (const auto name = dim.as_symbol(); name && symbols)
      entry.add_string(DimField::name, name->data(), name->size());
    else if (symbols) entry.add_string(DimField::name, cat(dim));
    shape.add_message(ShapeField::dim, text);
  }
  tensor.add_message(TensorTypeField::shape, dims);
}

std::string value_message(const ValueModel& value, bool symbols) {
  std::string text;
  pbf_writer out(text);
  out.add_string(InfoField::name, value.name);
  if (value.type.is_none()) return text;
  pbf_writer type(out, InfoField::type);
  append_type(type, value.type, symbols);
  return text;
}

/// All of a TensorProto but its raw data.
std::string tensor_head(std::string_view name, const Weight& weight,
                        const std::optional<DataPlace>& place) {
  std::string text;
  pbf_writer out(text);
  out.add_packed_int64(TensorField::dims, weight.shape().begin(), weight.shape().end());
  out.add_int32(TensorField::data_type, static_cast<int32_t>(data_type(weight.dtype())));
  if (!name.empty()) out.add_string(TensorField::name, name.data(), name.size());
  if (weight.dtype() == DType::string)
    for (const std::string& string : weight.tensor().strings())
      out.add_bytes(TensorField::strings, string);
  if (!place) return text;
  const std::pair<const char*, std::string> entries[] = {
      {"location", place->file}, {"offset", cat(place->offset)}, {"length", cat(place->length)}};
  for (const auto& [key, value] : entries) {
    pbf_writer entry(out, TensorField::external);
    entry.add_string(EntryField::key, key);
    entry.add_string(EntryField::value, value);
  }
  out.add_int32(TensorField::location, 1);
  return text;
}

void append_varint(std::string& out, uint64_t value) {
  protozero::write_varint(std::back_inserter(out), value);
}

void append_key(std::string& out, uint32_t field, uint64_t length) {
  append_varint(out, field << 3 | 2);
  append_varint(out, length);
}

/// Text and weights one after the other.
class Pieces {
 public:
  std::string& text() { return pieces_.back().text; }
  void weight(std::shared_ptr<const Weight> weight) {
    pieces_.back().weight = std::move(weight);
    pieces_.emplace_back();
  }
  void message(uint32_t field, const std::string& text) {
    append_key(this->text(), field, text.size());
    this->text() += text;
  }
  void message(uint32_t field, std::vector<Piece> inner) {
    append_key(text(), field, static_cast<uint64_t>(size(inner)));
    for (Piece& piece : inner) {
      text() += piece.text;
      if (piece.weight != nullptr) weight(std::move(piece.weight));
    }
  }
  std::vector<Piece> take() { return std::move(pieces_); }
  static int64_t size(const std::vector<Piece>& pieces) {
    int64_t bytes = 0;
    for (const Piece& piece : pieces) {
      bytes += static_cast<int64_t>(piece.text.size());
      if (piece.weight != nullptr) bytes += static_cast<int64_t>(piece.weight->bytes());
      check(bytes <= kProtobufBytes, Code::usage,
            "the model would be larger than 2 GiB, more than an ONNX file can hold; let its "
            "weights be external");
    }
    return bytes;
  }

 private:
  std::vector<Piece> pieces_ = std::vector<Piece>(1);
};

void append_opsets(pbf_writer& out, uint32_t field, const Opsets& opsets) {
  for (const auto& [domain, version] : opsets) {
    pbf_writer opset(out, field);
    opset.add_string(OpsetField::domain, domain);
    opset.add_int64(OpsetField::version, version);
  }
}

class Encoder {
 public:
  Encoder(const Opsets& opsets, const PlaceOf& place_of) : opsets_(opsets), place_of_(place_of) {}

  std::vector<Piece> graph(const GraphModel& graph) const {
    Pieces out;
    for (const NodeModel& each : graph.nodes) out.message(GraphField::node, node(each));
    {
      pbf_writer name(out.text());
      name.add_string(GraphField::name, graph.name);
    }
    for (const auto& [name, weight] : graph.constants)
      out.message(GraphField::tensor, tensor(name, weight));
    const bool symbols = !graph.is_body;
    for (const ValueModel& value : graph.inputs)
      out.message(GraphField::input, value_message(value, symbols));
    for (const ValueModel& value : graph.outputs)
      out.message(GraphField::output, value_message(value, symbols));
    for (const ValueModel& value : graph.values)
      if (!value.type.is_none()) out.message(GraphField::value, value_message(value, symbols));
    return out.take();
  }

  std::vector<Piece> function(const FunctionModel& function) const {
    Pieces out;
    pbf_writer(out.text()).add_string(FunctionField::name, function.name);
    for (const ValueModel& value : function.graph.inputs)
      pbf_writer(out.text()).add_string(FunctionField::input, value.name);
    for (const ValueModel& value : function.graph.outputs)
      pbf_writer(out.text()).add_string(FunctionField::output, value.name);
    for (const NodeModel& each : function.graph.nodes) out.message(FunctionField::node, node(each));
    pbf_writer last(out.text());
    append_opsets(last, FunctionField::opset, opsets_);
    last.add_string(FunctionField::domain, kRegionDomain.data(), kRegionDomain.size());
    return out.take();
  }

 private:
  std::vector<Piece> tensor(std::string_view name,
                            const std::shared_ptr<const Weight>& weight) const {
    Pieces out;
    const bool is_text = weight->dtype() == DType::string;
    const std::optional<DataPlace> place = is_text ? std::nullopt : place_of_(*weight);
    out.text() = tensor_head(name, *weight, place);
    if (is_text || place) return out.take();
    append_key(out.text(), TensorField::raw, weight->bytes());
    out.weight(weight);
    return out.take();
  }

  std::vector<Piece> node(const NodeModel& node) const {
    Pieces out;
    {
      pbf_writer fields(out.text());
      for (const std::string& input : node.inputs) fields.add_string(NodeField::input, input);
      for (const std::string& output : node.outputs) fields.add_string(NodeField::output, output);
      if (!node.name.empty()) fields.add_string(NodeField::name, node.name);
      fields.add_string(NodeField::op_type, node.op_type);
      if (!node.domain.empty()) fields.add_string(NodeField::domain, node.domain);
    }
    for (const AttributeModel& each : attributes_at(node, opsets_.at(node.domain)))
      out.message(NodeField::attribute, attribute(each));
    return out.take();
  }

  std::vector<Piece> attribute(const AttributeModel& attribute) const {
    // AttributeProto.AttributeType by the variant's index.
    constexpr std::array<int32_t, 10> kTypes = {2, 1, 3, 3, 7, 6, 8, 4, 13, 5};
    Pieces out;
    pbf_writer(out.text()).add_string(AttributeField::name, attribute.name);
    if (const auto* tensor_value = std::get_if<Tensor>(&attribute.data))
      out.message(AttributeField::tensor, tensor("", Weight::of(*tensor_value)));
    else if (const auto* body = std::get_if<std::shared_ptr<const GraphModel>>(&attribute.data))
      out.message(AttributeField::graph, graph(**body));
    else plain(out.text(), attribute.data);
    pbf_writer(out.text()).add_int32(AttributeField::type, kTypes[attribute.data.index()]);
    return out.take();
  }

  static void plain(std::string& text, const AttributeModel::Data& data) {
    pbf_writer out(text);
    std::visit(
        [&]<class T>(const T& value) {
          if constexpr (std::is_same_v<T, int64_t>) out.add_int64(AttributeField::integer, value);
          else if constexpr (std::is_same_v<T, float>) out.add_float(AttributeField::real, value);
          else if constexpr (std::is_same_v<T, std::string>)
            out.add_bytes(AttributeField::text, value);
          else if constexpr (std::is_same_v<T, std::vector<int64_t>>)
            out.add_packed_int64(AttributeField::integers, value.begin(), value.end());
          else if constexpr (std::is_same_v<T, std::vector<float>>)
            out.add_packed_float(AttributeField::reals, value.begin(), value.end());
          else if constexpr (std::is_same_v<T, std::vector<std::string>>)
            for (const std::string& each : value) out.add_bytes(AttributeField::texts, each);
          else if constexpr (std::is_same_v<T, Type>) {
            pbf_writer type(out, AttributeField::type_value);
            append_type(type, value, false);
          }
        },
        data);
  }

  const Opsets& opsets_;
  const PlaceOf& place_of_;
};

/// The oldest IR version whose files may state this opset of ai.onnx.
int64_t ir_version(int opset) {
  if (opset <= 18) return 8;
  if (opset <= 20) return 9;
  if (opset <= 22) return 10;
  if (opset <= 23) return 11;
  if (opset <= 24) return 12;
  return opset <= 27 ? 13 : 14;
}

}  // namespace

std::vector<Piece> encode(const Model& model, const PlaceOf& place_of) {
  Pieces out;
  {
    pbf_writer fields(out.text());
    fields.add_int64(ModelField::ir_version, ir_version(model.opsets.at("")));
    fields.add_string(ModelField::producer, "hone");
    fields.add_string(ModelField::producer_version, HONE_VERSION);
    append_opsets(fields, ModelField::opset, model.opsets);
  }
  const Encoder encoder(model.opsets, place_of);
  out.message(ModelField::graph, encoder.graph(model.graph));
  for (const FunctionModel& each : model.functions)
    out.message(ModelField::function, encoder.function(each));
  return out.take();
}

Tensor contents(const Weight& weight) {
  if (!weight.is_random()) return weight.contents();
  return Weight::random(weight.dtype(), weight.shape(), weight.seed(), weight.gain())->tensor();
}

}  // namespace hone::onnx
