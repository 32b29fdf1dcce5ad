#include "import/mxnet/node_reader.hpp"

#include <algorithm>

#include "ops/shape.hpp"

namespace hone::mxnet {
namespace {

/// What says how a network is trained, where it runs, or by which library it is computed.
bool changes_nothing(std::string_view name) {
  static constexpr std::string_view kNames[] = {"ctx_group",
                                                "lr_mult",
                                                "wd_mult",
                                                "force_mirroring",
                                                "mirror_stage",
                                                "cudnn_tune",
                                                "cudnn_off",
                                                "num_args",
                                                "workspace",
                                                "cudnn_algo_verbose",
                                                "cudnn_tensor_core_only",
                                                "momentum",
                                                "__layout__"};
  return name.starts_with("__") || name.ends_with("_lr_mult") || name.ends_with("_wd_mult") ||
         std::find(std::begin(kNames), std::end(kNames), name) != std::end(kNames);
}

std::optional<int64_t> whole(std::string_view text) {
  if (const auto value = parse_int(text)) return value;
  if (text == "True" || text == "true") return 1;
  if (text == "False" || text == "false") return 0;
  // Some writers state whole numbers as 2.0.
  const auto value = parse_double(text);
  if (!value || !(*value >= -1e15 && *value <= 1e15)) return std::nullopt;
  const auto number = static_cast<int64_t>(*value);
  return static_cast<double>(number) == *value ? std::optional(number) : std::nullopt;
}

}  // namespace

std::vector<std::string_view> tuple_of(std::string_view text) {
  text = trim(text);
  const bool framed = text.size() >= 2 && (text.front() == '(' || text.front() == '[') &&
                      (text.back() == ')' || text.back() == ']');
  if (framed) text = trim(text.substr(1, text.size() - 2));
  std::vector<std::string_view> entries;
  if (text.empty()) return entries;
  for (std::string_view entry : split(text, ',')) {
    entry = trim(entry);
    if (entry.size() > 1 && entry.back() == 'L') entry.remove_suffix(1);  // of Python 2
    if (!entry.empty()) entries.push_back(entry);                         // "(3,)"
  }
  return entries;
}

std::vector<int64_t> stated_sizes(const Node& variable) {
  const auto found = variable.attributes.find("__shape__");
  std::vector<int64_t> sizes;
  if (found == variable.attributes.end()) return sizes;
  for (const std::string_view entry : tuple_of(found->second)) {
    const auto size = parse_int(entry);
    if (!size) return {};
    sizes.push_back(std::max<int64_t>(*size, 0));
  }
  return sizes;
}

std::vector<int64_t> WeightSource::sizes(const Symbol& symbol, const Node& node, size_t i) const {
  if (i >= node.inputs.size()) return {};
  const Node& variable = symbol.nodes[node.inputs[i].node];
  if (!variable.is_variable()) return {};
  const auto* weight = stored == nullptr ? nullptr : stored->find(variable.name);
  return weight == nullptr ? stated_sizes(variable) : (*weight)->shape();
}

void Importers::add(std::string_view op, const Importer& importer) {
  if (!importers_.emplace(std::string(op), importer).second)
    fail(Code::internal, "two importers for the operator ", op);
}

void Importers::add(std::initializer_list<std::string_view> ops, const Importer& importer) {
  for (const std::string_view op : ops) add(op, importer);
}

const Importer* Importers::find(std::string_view op) const {
  const auto found = importers_.find(op);
  return found == importers_.end() ? nullptr : &found->second;
}

std::vector<std::string_view> Importers::names() const {
  std::vector<std::string_view> names;
  for (const auto& [name, importer] : importers_) names.push_back(name);
  return names;
}

const std::string* NodeReader::find(std::string_view name) {
  const auto found = node_.attributes.find(name);
  if (found == node_.attributes.end()) return nullptr;
  read_.insert(std::string(name));
  return found->second == "None" ? nullptr : &found->second;
}

bool NodeReader::has(std::string_view name) const {
  const auto found = node_.attributes.find(name);
  return found != node_.attributes.end() && found->second != "None";
}

void NodeReader::wrong(std::string_view name, std::string_view wanted) const {
  const auto found = node_.attributes.find(name);
  invalid(name, " is ", builder::quoted(found->second), ", wanted ", wanted);
}

std::optional<int64_t> NodeReader::optional_integer(std::string_view name) {
  const std::string* text = find(name);
  if (text == nullptr) return std::nullopt;
  const auto entries = tuple_of(*text);
  const auto value = entries.size() == 1 ? whole(entries.front()) : std::nullopt;
  if (!value) wrong(name, "a whole number");
  return value;
}

int64_t NodeReader::integer(std::string_view name, int64_t otherwise) {
  return optional_integer(name).value_or(otherwise);
}

int64_t NodeReader::integer(std::string_view name) {
  const auto value = optional_integer(name);
  check(value.has_value(), name, " is missing");
  return *value;
}

double NodeReader::real(std::string_view name, double otherwise) {
  const std::string* text = find(name);
  if (text == nullptr) return otherwise;
  if (*text == "True" || *text == "False") return *text == "True" ? 1 : 0;
  const auto value = parse_double(*text);
  if (!value) wrong(name, "a number");
  return *value;
}

bool NodeReader::flag(std::string_view name, bool otherwise) {
  const std::string* text = find(name);
  if (text == nullptr) return otherwise;
  const auto value = whole(*text);
  if (!value || *value < 0 || *value > 1) wrong(name, "True or False");
  return *value == 1;
}

std::string_view NodeReader::word(std::string_view name, std::string_view otherwise) {
  const std::string* text = find(name);
  return text == nullptr ? otherwise : std::string_view(*text);
}

size_t NodeReader::choice(std::string_view name, const std::vector<std::string_view>& names,
                          std::string_view otherwise) {
  const std::string_view text = word(name, otherwise);
  for (size_t i = 0; i < names.size(); ++i)
    if (names[i] == text) return i;
  if (!has(name)) invalid(name, " is missing");
  wrong(name, cat("one of ", join(names, ", ")));
}

std::vector<std::string_view> NodeReader::entries(std::string_view name) {
  const std::string* text = find(name);
  return text == nullptr ? std::vector<std::string_view>() : tuple_of(*text);
}

std::vector<std::optional<int64_t>> NodeReader::optional_integers(std::string_view name) {
  std::vector<std::optional<int64_t>> values;
  for (const std::string_view entry : entries(name)) {
    values.push_back(entry == "None" ? std::nullopt : whole(entry));
    if (entry != "None" && !values.back()) wrong(name, "whole numbers");
  }
  return values;
}

std::vector<int64_t> NodeReader::integers(std::string_view name) {
  std::vector<int64_t> values;
  for (const auto& value : optional_integers(name)) {
    if (!value) wrong(name, "whole numbers");
    values.push_back(*value);
  }
  return values;
}

std::vector<double> NodeReader::reals(std::string_view name) {
  std::vector<double> values;
  for (const std::string_view entry : entries(name)) {
    const auto value = parse_double(entry);
    if (!value) wrong(name, "numbers");
    values.push_back(*value);
  }
  return values;
}

DType NodeReader::dtype(std::string_view name, DType otherwise) {
  static const std::map<std::string_view, DType> kTypes = {
      {"float32", DType::f32},   {"float64", DType::f64}, {"float16", DType::f16},
      {"bfloat16", DType::bf16}, {"uint8", DType::u8},    {"int8", DType::i8},
      {"int32", DType::i32},     {"int64", DType::i64},   {"bool", DType::boolean}};
  const std::string* text = find(name);
  if (text == nullptr) return otherwise;
  const auto found = kTypes.find(*text);
  if (found == kTypes.end()) wrong(name, "a type of elements");
  return found->second;
}

void NodeReader::ignore(std::initializer_list<std::string_view> names) {
  for (const std::string_view name : names) find(name);
}

int NodeReader::rank_of(int i) const {
  required(i);
  const auto known = rank(i);
  if (!known && input(i)->is_input())
    unsupported("nothing tells how many axes the network's input ", shown(input(i)->name),
                " has: state it in the description, as \"attrs\": {\"__shape__\": \"(0, 0, 0)\"}");
  if (!known) unsupported("input ", i, " has a number of axes that is not known");
  return *known;
}

const Dims& NodeReader::dims(int i) const {
  rank_of(i);
  return input(i)->type.tensor().shape();
}

int64_t NodeReader::axis_of(int64_t axis, int i, int64_t most) const {
  const int64_t count = rank_of(i), end = most == 0 ? count : most + 1;
  const int64_t from_start = axis < 0 ? axis + end : axis;
  check(from_start >= 0 && from_start < end, "axis ", axis, " of a tensor of ", count, " axes");
  return from_start;
}

Value* NodeReader::weight(int i, std::string_view name) {
  if (Value* given = input(i)) return given;
  const std::string full = cat(node_.name, "_", name);
  const auto* found = weights_.stored == nullptr ? nullptr : weights_.stored->find(full);
  check(found != nullptr, "has no ", name, ": neither as input ", i, " nor stored as ",
        builder::quoted(full));
  return frame().constant(full, *found);
}

Value* NodeReader::scalar(double value, std::string_view hint, int like) {
  return constant(Tensor::scalar(dtype_in(like).value_or(DType::f32), value), hint);
}

Value* NodeReader::number(int64_t value, std::string_view hint) {
  return constant(Tensor::scalar(DType::i64, static_cast<double>(value)), hint);
}

Value* NodeReader::reshaped(Value* value, Dims shape, std::string_view hint) {
  return intermediate(Reshape{.shape = std::move(shape)}, {value}, hint);
}

std::vector<std::string> NodeReader::unread() const {
  std::vector<std::string> names;
  for (const auto& [name, text] : node_.attributes)
    if (!read_.contains(name) && !changes_nothing(name)) names.push_back(name);
  return names;
}

}  // namespace hone::mxnet
