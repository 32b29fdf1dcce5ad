#include "import/caffe/layer_reader.hpp"

#include <algorithm>
#include <charconv>

#include "base/hash.hpp"
#include "base/size.hpp"

namespace hone::caffe {
namespace {

using Kind = TextField::Kind;

/// What says how a net is trained, or by which library a layer is computed.
bool changes_nothing(std::string_view field) {
  static constexpr std::string_view kNames[] = {"engine", "force_nd_im2col", "stable_prod_grad"};
  return field.ends_with("filler") ||
         std::find(std::begin(kNames), std::end(kNames), field) != std::end(kNames);
}

/// Old files store four sizes of everything.
std::vector<int64_t> without_ones(std::vector<int64_t> dims) {
  std::erase(dims, 1);
  return dims;
}

}  // namespace

void Importers::add(std::string_view type, ImportFunction f) {
  if (!functions_.emplace(std::string(type), f).second)
    fail(Code::internal, "two importers for layers of type ", type);
}

ImportFunction Importers::find(std::string_view type) const {
  const auto found = functions_.find(type);
  return found == functions_.end() ? nullptr : found->second;
}

std::vector<std::string_view> Importers::names() const {
  std::vector<std::string_view> names;
  for (const auto& [name, f] : functions_) names.push_back(name);
  return names;
}

void Params::wrong(const TextField& field, std::string_view wanted) const {
  layer_.invalid(
      shown(field.name), " is ",
      field.kind == Kind::message ? std::string("a message") : cat("\"", shown(field.value), "\""),
      ", wanted ", wanted);
}

std::vector<const TextField*> Params::all(std::string_view name) {
  std::vector<const TextField*> found;
  if (fields_ == nullptr) return found;
  for (const TextField& field : *fields_) {
    if (field.name != name) continue;
    layer_.mark(field);
    found.push_back(&field);
  }
  return found;
}

const TextField* Params::last(std::string_view name) {
  const auto found = all(name);
  return found.empty() ? nullptr : found.back();
}

bool Params::has(std::string_view name) const {
  if (fields_ == nullptr) return false;
  return std::any_of(fields_->begin(), fields_->end(),
                     [&](const TextField& field) { return field.name == name; });
}

void Params::ignore(std::string_view name) { all(name); }

int64_t Params::integer_of(const TextField& field) const {
  const auto value = whole_number(field);
  if (!value) wrong(field, "a whole number");
  return *value;
}

float Params::real_of(const TextField& field) const {
  const std::string_view text = field.value;
  const bool is_name = text == "inf" || text == "-inf" || text == "nan" || text == "infinity";
  if (field.kind != Kind::number && !is_name) wrong(field, "a number");
  if (text.find_first_of("xX") != std::string_view::npos)
    return static_cast<float>(integer_of(field));
  float value = 0;
  const auto end = text.data() + text.size();
  const auto read = std::from_chars(text.data(), end, value);
  if (read.ptr != end || read.ec == std::errc::invalid_argument) wrong(field, "a number");
  if (read.ec == std::errc::result_out_of_range)  // too small, or too large
    value = static_cast<float>(parse_double(text).value_or(0));
  return value;
}

std::optional<int64_t> Params::optional_integer(std::string_view name) {
  const TextField* field = last(name);
  return field == nullptr ? std::nullopt : std::optional(integer_of(*field));
}

int64_t Params::integer(std::string_view name, int64_t otherwise) {
  return optional_integer(name).value_or(otherwise);
}

int64_t Params::integer(std::string_view name) {
  const auto value = optional_integer(name);
  layer_.check(value.has_value(), name, " is missing");
  return *value;
}

std::vector<int64_t> Params::integers(std::string_view name) {
  std::vector<int64_t> values;
  for (const TextField* field : all(name)) values.push_back(integer_of(*field));
  return values;
}

float Params::real(std::string_view name, float otherwise) {
  const TextField* field = last(name);
  return field == nullptr ? otherwise : real_of(*field);
}

std::vector<float> Params::reals(std::string_view name) {
  std::vector<float> values;
  for (const TextField* field : all(name)) values.push_back(real_of(*field));
  return values;
}

bool Params::flag(std::string_view name, bool otherwise) {
  const TextField* field = last(name);
  if (field == nullptr) return otherwise;
  const std::string_view text = field->value;
  if (text == "true" || text == "True" || text == "t" || text == "1") return true;
  if (text == "false" || text == "False" || text == "f" || text == "0") return false;
  wrong(*field, "true or false");
}

size_t Params::choice(std::string_view name, const std::vector<std::string_view>& names,
                      std::string_view otherwise, int64_t first) {
  const TextField* field = last(name);
  const std::string_view text = field == nullptr ? otherwise : std::string_view(field->value);
  for (size_t i = 0; i < names.size(); ++i)
    if (names[i] == text || parse_int(text) == static_cast<int64_t>(i) + first) return i;
  wrong(*field, cat("one of ", join(names, ", ")));
}

Params Params::message(std::string_view name) {
  const auto found = all(name);
  layer_.check(found.size() <= 1, name, " is given twice");
  if (found.empty()) return Params(layer_, nullptr);
  if (found.front()->kind != Kind::message) wrong(*found.front(), "a message");
  layer_.ask(*found.front());
  return Params(layer_, &found.front()->fields);
}

std::vector<std::vector<int64_t>> Params::shapes(std::string_view name) {
  std::vector<std::vector<int64_t>> shapes;
  for (const TextField* field : all(name)) {
    if (field->kind != Kind::message) wrong(*field, "a message");
    shapes.emplace_back();
    for (const TextField& dim : field->fields)
      if (dim.name == "dim") shapes.back().push_back(integer_of(dim));
  }
  return shapes;
}

LayerReader::LayerReader(builder::Frame& frame, builder::NodePlace place, const Layer& layer,
                         const WeightSource& weights)
    : NodeBuilder(frame, std::move(place)), layer_(layer), weights_(weights) {}

Params LayerReader::params(std::string_view message) {
  const TextField* found = nullptr;
  for (const TextField& field : layer_.fields) {
    if (field.name != message) continue;
    check(found == nullptr, message, " is given twice");
    check(field.kind == Kind::message, message, " is no message");
    found = &field;
  }
  if (found != nullptr) asked_.push_back(found);
  return Params(*this, found == nullptr ? nullptr : &found->fields);
}

std::vector<std::string> LayerReader::unread() const {
  std::vector<std::string> names;
  for (const TextField* message : asked_)
    for (const TextField& field : message->fields)
      if (!read_.contains(&field) && !changes_nothing(field.name))
        names.push_back(cat(message->name, ".", field.name));
  return names;
}

int LayerReader::rank_of(int i) const {
  required(i);
  const auto known = rank(i);
  if (!known) unsupported("a blob of unknown rank");
  return *known;
}

std::vector<int64_t> LayerReader::sizes(int i) const {
  rank_of(i);
  const auto known = input(i)->type.tensor().concrete();
  if (!known) unsupported("bottom ", i, " has sizes that are not known: ", input(i)->type);
  return *known;
}

int64_t LayerReader::axis_of(int64_t axis, int i, int64_t most) const {
  const int64_t count = rank_of(i), end = most == 0 ? count : most + 1;
  const int64_t from_start = axis < 0 ? axis + count : axis;
  check(from_start >= 0 && from_start < end, "axis ", axis, " of a blob of ", count, " axes");
  return from_start;
}

std::optional<size_t> LayerReader::stored() const {
  if (weights_.blobs == nullptr) {
    hone::check(frame().model().options.random_weights.has_value(), Code::io, weights_.absence);
    return std::nullopt;
  }
  const auto* found = weights_.blobs->of(layer_.name);
  return found == nullptr ? 0 : found->size();
}

Blob LayerReader::stored_blob(size_t i) const {
  const auto count = stored();
  if (!count) unsupported("weights that have to be known cannot be made from a seed");
  check(i < *count, weights_.blobs->file().name, " has ", *count,
        " blobs of a layer of this name, wanted more than ", i,
        ": does it belong to this net? --weights names another file");
  return weights_.blobs->decode((*weights_.blobs->of(layer_.name))[i]);
}

std::vector<int64_t> LayerReader::blob_sizes(size_t i) const { return stored_blob(i).dims; }

Tensor LayerReader::blob(size_t i, const std::vector<int64_t>& dims) const {
  const Blob blob = stored_blob(i);
  check(blob.dims.empty() || without_ones(blob.dims) == without_ones(dims), "blob ", i,
        " is stored as ", shape_text(blob.dims), ", the layer needs ", shape_text(dims));
  return weights_.blobs->tensor(blob, dims);
}

Value* LayerReader::weight(size_t i, std::vector<int64_t> dims, std::string_view hint) {
  if (stored()) return constant(blob(i, dims), hint);
  const ImportOptions& options = frame().model().options;
  const std::string name = cat(layer_.name, ".", hint);
  element_count(dims);
  return frame().constant(
      name, Weight::random(DType::f32, std::move(dims),
                           hash_text(name).low ^ *options.random_weights, options.random_gain));
}

Value* LayerReader::scalar(double value, std::string_view hint) {
  return constant(Tensor::scalar(DType::f32, value), hint);
}

}  // namespace hone::caffe
