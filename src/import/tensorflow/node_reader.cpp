#include "import/tensorflow/node_reader.hpp"

#include "import/builder/box.hpp"
#include "import/tensorflow/graph_import.hpp"
#include "ops/cast.hpp"
#include "ops/shape.hpp"

namespace hone::tensorflow {

void Importers::add(std::string_view op, Importer importer) {
  if (!importers_.emplace(std::string(op), std::move(importer)).second)
    fail(Code::internal, "two importers for the operator ", op);
}

const Importer* Importers::find(std::string_view op) const {
  const auto found = importers_.find(op);
  return found == importers_.end() ? nullptr : &found->second;
}

void Importers::add_complex(std::string_view op, ImportFunction run) {
  if (!complex_.emplace(std::string(op), run).second)
    fail(Code::internal, "two importers for the operator ", op, " of complex numbers");
}

ImportFunction Importers::find_complex(std::string_view op) const {
  const auto found = complex_.find(op);
  return found == complex_.end() ? nullptr : found->second;
}

std::vector<std::string_view> Importers::names() const {
  std::vector<std::string_view> names;
  for (const auto& [name, importer] : importers_) names.push_back(name);
  return names;
}

NodeReader::NodeReader(GraphImport& import, const NodeDef& def, std::vector<Item> items,
                       builder::NodePlace place)
    : NodeBuilder(import.frame(), std::move(place)),
      import_(import),
      def_(def),
      items_(std::move(items)) {}

const Item& NodeReader::item(int i) const {
  check(i >= 0 && static_cast<size_t>(i) < items_.size(), "input ", i, " is missing");
  return items_[static_cast<size_t>(i)];
}

void NodeReader::give_item(int i, Item item) { given_[i] = std::move(item); }

Item NodeReader::result(int i) const {
  if (const auto found = given_.find(i); found != given_.end()) return found->second;
  Value* value = i < outputs() ? bound(i) : nullptr;
  check(value != nullptr, "has no result ", i);
  return Item::of(value, frame());
}

Attribute NodeReader::attribute(std::string_view name) const {
  const auto message = def_.attribute(name);
  if (!message) return {};
  Attribute made = decode_attribute(*message, frame().model().options.limits);
  if (made.placeholder) unsupported("the attribute ", name, " is that of the function's caller");
  return made;
}

int64_t NodeReader::integer(std::string_view name, int64_t otherwise) const {
  return attribute(name).integer.value_or(otherwise);
}
float NodeReader::real(std::string_view name, float otherwise) const {
  return attribute(name).real.value_or(otherwise);
}
bool NodeReader::flag(std::string_view name, bool otherwise) const {
  return attribute(name).flag.value_or(otherwise);
}
std::string_view NodeReader::word(std::string_view name, std::string_view otherwise) const {
  return attribute(name).text.value_or(otherwise);
}
std::vector<int64_t> NodeReader::integers(std::string_view name) const {
  return attribute(name).integers;
}

DType NodeReader::dtype(std::string_view name, DType otherwise) const {
  const auto type = attribute(name).type;
  if (!type) return otherwise;
  const auto known = dtype_of(*type);
  if (!known) unsupported("elements of ", type_name(*type));
  return *known;
}

std::string_view NodeReader::function(std::string_view name) const {
  const auto found = attribute(name).function;
  check(found.has_value(), "the attribute ", name, " names no function");
  return *found;
}

std::optional<Dims> NodeReader::known(int i) const { return builder::known_list(*this, i); }

std::optional<std::vector<int64_t>> NodeReader::known_ints(int i) const {
  if (auto constant = constant_ints(i)) return constant;
  const Value* value = input(i);
  if (value == nullptr || !value->known) return std::nullopt;
  std::vector<int64_t> list;
  for (const Dim& dim : *value->known) {
    if (!dim.constant()) return std::nullopt;
    list.push_back(*dim.constant());
  }
  return list;
}

std::vector<int64_t> NodeReader::ints(int i) const {
  required(i);
  auto list = known_ints(i);
  if (!list) unsupported("input ", i, " is computed from data");
  return *std::move(list);
}

int64_t NodeReader::one_int(int i) const {
  const std::vector<int64_t> list = ints(i);
  check(list.size() == 1, "input ", i, " has ", list.size(), " elements, wanted 1");
  return list.front();
}

int NodeReader::rank_of(int i) const {
  required(i);
  const auto known = rank(i);
  if (!known) unsupported("input ", i, " has a number of axes that is not known");
  return *known;
}

const Dims& NodeReader::dims(int i) const {
  rank_of(i);
  return input(i)->type.tensor().shape();
}

DType NodeReader::type_of(int i) const {
  required(i);
  const auto known = dtype_in(i);
  check(known.has_value(), "input ", i, " is no tensor");
  return *known;
}

int64_t NodeReader::axis_of(int64_t axis, int64_t rank) const {
  const int64_t from_start = axis < 0 ? axis + rank : axis;
  check(from_start >= 0 && from_start < rank, "axis ", axis, " of ", rank);
  return from_start;
}

Value* NodeReader::as_i64(int i) {
  Value* value = required(i);
  if (const auto constant = constant_ints(i); constant && dtype_in(i) != DType::i64) {
    Tensor wide(DType::i64, constant_tensor(i)->shape());
    for (size_t at = 0; at < constant->size(); ++at)
      wide.set_integer(static_cast<int64_t>(at), (*constant)[at]);
    return this->constant(std::move(wide), cat("wide", i));
  }
  return cast(value, DType::i64, cat("wide", i));
}

Value* NodeReader::scalar(double value, std::string_view hint, int like) {
  return number(value, type_of(like), hint);
}

Value* NodeReader::number(double value, DType dtype, std::string_view hint) {
  if (dtype == DType::string || is_complex(dtype)) unsupported("elements of ", dtype);
  return constant(Tensor::scalar(dtype, value), hint);
}

Value* NodeReader::reshaped(Value* value, Dims shape, std::string_view hint) {
  return intermediate(Reshape{.shape = std::move(shape)}, {value}, hint);
}

Value* NodeReader::cast(Value* value, DType to, std::string_view hint) {
  if (value->type.is_tensor() && value->type.tensor().dtype == to) return value;
  return intermediate(Cast{.to = to}, {value}, hint);
}

void NodeReader::emit_as(DType to, Op op, std::vector<Value*> inputs) {
  Value* made = intermediate(std::move(op), std::move(inputs), "made");
  if (made->type.tensor().dtype == to) give(0, made);
  else emit(Cast{.to = to}, {made});
}

const Dims& sizes_of(const NodeReader& node, const Value* value) {
  if (!value->type.is_tensor() || !value->type.tensor().has_rank())
    node.unsupported("a number of axes that is not known");
  return value->type.tensor().shape();
}

}  // namespace hone::tensorflow
