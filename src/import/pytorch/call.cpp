#include "import/pytorch/call.hpp"

#include <cmath>

#include "import/pytorch/dim_nodes.hpp"
#include "ops/cast.hpp"
#include "ops/layout.hpp"
#include "ops/shape.hpp"

namespace hone::pytorch {

Call::Call(Caller& caller, const MadeCall& made)
    : NodeBuilder(caller.frame(), {made.site.origin, made.site.kind, {}, made.site.outputs}),
      caller_(caller),
      made_(made) {}

const Item& Call::argument(std::string_view name) const {
  const auto& parameters = made_.overload->parameters;
  for (size_t i = 0; i < parameters.size(); ++i)
    if (parameters[i].name == name) return made_.arguments[i];
  hone::fail(Code::internal, "no parameter ", name, " of ", made_.overload->full_name());
}

bool Call::takes(std::string_view name) const {
  for (const Parameter& each : made_.overload->parameters)
    if (each.name == name) return true;
  return false;
}

template <class T>
const T& Call::argument_as(std::string_view name, std::string_view wanted) const {
  const Item& item = argument(name);
  const T* found = item.as<T>();
  check(found != nullptr, name, " is ", kind_of(item), ", wanted ", wanted);
  return *found;
}

Value* Call::tensor(std::string_view name) {
  return caller_.read(argument_as<TensorRef>(name, "a tensor"));
}

Value* Call::optional_tensor(std::string_view name) { return has(name) ? tensor(name) : nullptr; }

bool Call::is_tensor(std::string_view name) const {
  return argument(name).as<TensorRef>() != nullptr;
}

std::vector<Item> Call::items(std::string_view name) const {
  const Item& item = argument(name);
  check(item.list() != nullptr, name, " is ", kind_of(item), ", wanted a list");
  return *item.list();
}

std::vector<Value*> Call::tensors(std::string_view name) {
  std::vector<Value*> values;
  for (const Item& item : items(name)) {
    const auto* tensor = item.as<TensorRef>();
    check(tensor != nullptr, name, " has ", kind_of(item), ", wanted tensors");
    values.push_back(caller_.read(*tensor));
  }
  return values;
}

std::vector<Value*> Call::optional_tensors(std::string_view name) {
  std::vector<Value*> values;
  for (const Item& item : items(name)) {
    const auto* tensor = item.as<TensorRef>();
    check(tensor != nullptr || item.is_none(), name, " has ", kind_of(item), ", wanted tensors");
    values.push_back(tensor == nullptr ? nullptr : caller_.read(*tensor));
  }
  return values;
}

Dim Call::dim_of(const Item& item, std::string_view name) const {
  if (const auto* dim = item.as<Dim>()) return *dim;
  if (const auto* flag = item.as<bool>()) return *flag ? 1 : 0;
  if (const auto* real = item.as<double>();
      real != nullptr && std::trunc(*real) == *real && std::fabs(*real) < 9e15)
    return static_cast<int64_t>(*real);
  Item known = item;
  if (const auto* late = item.as<LateNumber>()) known = number_of(*late, frame());
  else if (const auto* tensor = item.as<TensorRef>())
    known = number_of(caller_.read(*tensor), frame());
  if (const auto* dim = known.as<Dim>()) return *dim;
  check(item.as<LateNumber>() != nullptr || item.as<TensorRef>() != nullptr, name, " is ",
        kind_of(item), ", wanted an int");
  unsupported(name, " is a number that only running tells");
}

int64_t Call::whole(const Item& item, std::string_view name) const {
  const Dim dim = dim_of(item, name);
  const auto constant = dim.constant();
  if (!constant) unsupported(name, " depends on sizes: ", dim);
  return *constant;
}

int64_t Call::integer(std::string_view name) { return whole(argument(name), name); }

std::optional<int64_t> Call::optional_integer(std::string_view name) {
  return has(name) ? std::optional(integer(name)) : std::nullopt;
}

Dim Call::dim(std::string_view name) { return dim_of(argument(name), name); }

std::vector<int64_t> Call::integers(std::string_view name, size_t count) {
  const Item& item = argument(name);
  std::vector<int64_t> values;
  if (item.list() == nullptr && !item.is_none()) return std::vector(count, whole(item, name));
  if (item.list() != nullptr)
    for (const Item& each : *item.list()) values.push_back(whole(each, name));
  if (values.size() == 1 && count > 1) values.assign(count, values.front());
  check(count == 0 || values.empty() || values.size() == count, name, " has ",
        uint64_t{values.size()}, " entries, wanted ", uint64_t{count});
  return values;
}

Dims Call::dims(std::string_view name) {
  Dims dims;
  if (argument(name).list() == nullptr) return {dim(name)};
  for (const Item& item : items(name)) dims.push_back(dim_of(item, name));
  return dims;
}

Sizes Call::sizes(std::string_view name) {
  return argument(name).list() == nullptr ? sizes(std::vector<Item>{argument(name)})
                                          : sizes(items(name));
}

Sizes Call::sizes(const std::vector<Item>& items) {
  Dims known;
  std::vector<Value*> parts;
  bool is_late = false;
  for (const Item& item : items) {
    Item number = item;
    if (const auto* late = item.as<LateNumber>()) number = number_of(*late, frame());
    if (const auto* tensor = item.as<TensorRef>())
      number = LateNumber{caller_.read(*tensor), &frame()};
    is_late |= number.as<LateNumber>() != nullptr;
    if (!is_late) known.push_back(dim_of(number, "a size"));
  }
  if (!is_late) return {known, nullptr};
  for (const Item& item : items)
    parts.push_back(reshaped(operand(item, DType::i64, "size"), {1}, "size"));
  return {std::nullopt, intermediate(Concat{.axis = 0}, parts, "sizes")};
}

double Call::real(std::string_view name) {
  const Item& item = argument(name);
  if (const auto* value = item.as<double>()) return *value;
  if (const auto* late = item.as<LateNumber>()) {
    const Item known = number_of(*late, frame());
    if (const auto* value = known.as<double>()) return *value;
  }
  if (const auto* tensor = item.as<TensorRef>()) {
    const Item known = number_of(caller_.read(*tensor), frame());
    if (const auto* value = known.as<double>()) return *value;
  }
  return static_cast<double>(integer(name));
}

std::optional<double> Call::optional_real(std::string_view name) {
  return has(name) ? std::optional(real(name)) : std::nullopt;
}

bool Call::flag(std::string_view name) const {
  const Item& item = argument(name);
  if (const auto* value = item.as<bool>()) return *value;
  if (const auto* dim = item.as<Dim>(); dim != nullptr && dim->is_constant()) return !dim->is(0);
  return argument_as<bool>(name, "a bool");
}

std::string Call::text(std::string_view name) const {
  return argument_as<std::string>(name, "a text");
}

std::optional<DType> Call::dtype(std::string_view name) {
  if (!has(name)) return std::nullopt;
  const int64_t number = integer(name);
  const auto found = dtype_of_number(number);
  if (!found) unsupported("elements of type ", number, ", which Hone does not have");
  return found;
}

const Dims& Call::shape(const Value* value) {
  hone::check(value->type.is_tensor() && value->type.tensor().has_rank(), Code::unsupported,
              "a tensor whose number of axes only running tells");
  return value->type.tensor().shape();
}

int64_t Call::axis(int64_t given, int64_t rank) const {
  const int64_t axes = rank == 0 ? 1 : rank;
  check(given >= -axes && given < axes, "axis ", given, " of a tensor of ", rank, " axes");
  return given < 0 ? given + axes : given;
}

int64_t Call::axis(std::string_view name, const Value* value) {
  return axis(integer(name), rank(value));
}

Value* Call::cast(Value* value, DType to, std::string_view hint) {
  return dtype(value) == to ? value : intermediate(Cast{.to = to}, {value}, hint);
}

Value* Call::number(DType dtype, double value, std::string_view hint) {
  return constant(Tensor::scalar(dtype, value), hint);
}

Value* Call::late(const Dim& dim) { return dim_value(*this, dim); }

Value* Call::operand(const Item& item, DType dtype, std::string_view hint) {
  if (const auto* tensor = item.as<TensorRef>()) return cast(caller_.read(*tensor), dtype, hint);
  if (const auto* late = item.as<LateNumber>())
    return cast(frame().bring(late->value, *late->frame), dtype, hint);
  if (const auto* real = item.as<double>()) return number(dtype, *real, hint);
  if (const auto* flag = item.as<bool>()) return number(dtype, *flag ? 1 : 0, hint);
  const auto* dim = item.as<Dim>();
  check(dim != nullptr, "is given ", kind_of(item), ", wanted a tensor or a number");
  if (const auto whole = dim->constant()) {
    Tensor made(dtype, {});
    made.set_integer(0, *whole);
    return constant(std::move(made), hint);
  }
  return cast(this->late(*dim), dtype, hint);
}

Value* Call::reshaped(Value* value, Dims shape, std::string_view hint) {
  bool has_zero = false;
  for (const Dim& dim : shape) has_zero |= dim.is(0);
  return intermediate(Reshape{.shape = std::move(shape), .allowzero = has_zero}, {value}, hint);
}

Value* Call::transposed(Value* value, int64_t a, int64_t b, std::string_view hint) {
  const int64_t axes = rank(value);
  std::vector<int64_t> perm;
  for (int64_t i = 0; i < axes; ++i) perm.push_back(i);
  if (axes < 2) return value;
  std::swap(perm[static_cast<size_t>(axis(a, axes))], perm[static_cast<size_t>(axis(b, axes))]);
  return intermediate(Transpose{.perm = perm}, {value}, hint);
}

Value* Call::expanded(Value* value, const Sizes& sizes, std::string_view hint) {
  if (!sizes.known) return intermediate(Expand{}, {value, sizes.operand}, hint);
  if (value->type.tensor().dims == sizes.known) return value;
  return intermediate(Expand{.shape = *sizes.known}, {value}, hint);
}

Value* Call::emit(Op op, std::vector<Value*> inputs) {
  Value* value = NodeBuilder::emit(std::move(op), std::move(inputs));
  give(value);
  return value;
}

void Call::give_item(Item item) { results_.push_back(std::move(item)); }

void Call::give_nothing() { results_.emplace_back(); }

void Call::give(Value* value) { give_item(caller_.cell(value)); }

void Call::give_list(const std::vector<Value*>& values) {
  std::vector<Item> items;
  for (Value* value : values) items.emplace_back(caller_.cell(value));
  give_item(list_of(std::move(items)));
}

std::vector<Value*> Call::emit_all(Op op, std::vector<Value*> inputs, int results) {
  const auto values = intermediates(std::move(op), std::move(inputs), results, "result");
  for (Value* value : values) give(value);
  return values;
}

Item number_of(const LateNumber& late, const builder::Frame& here) {
  Item known = number_of(late.value, *late.frame);
  const auto* dim = known.as<Dim>();
  // Sizes of another graph have no names here.
  const bool is_foreign = dim != nullptr && !dim->is_constant() && late.frame != &here;
  return is_foreign ? Item(late) : known;
}

Item number_of(const Value* value, const builder::Frame& frame) {
  const bool is_whole = is_integer(value->type.tensor().dtype);
  if (is_whole && value->known && value->known->size() == 1) return value->known->front();
  const bool is_here = value->is_constant() && !value->weight->is_random() &&
                       !value->weight->is_absent() && value->weight->count() == 1;
  if (!is_here) return LateNumber{const_cast<Value*>(value), &frame};
  const Tensor& tensor = value->weight->tensor();
  if (tensor.dtype() == DType::boolean) return tensor.integer(0) != 0;
  if (is_whole) return Dim(tensor.integer(0));
  return tensor.number(0);
}

}  // namespace hone::pytorch
