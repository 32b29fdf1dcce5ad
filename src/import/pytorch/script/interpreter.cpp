#include "import/pytorch/script/interpreter.hpp"

#include "import/pytorch/quantization.hpp"
#include "import/pytorch/script/late.hpp"
#include "import/pytorch/stored.hpp"

namespace hone::pytorch {
namespace {

constexpr int kDepth = 100;  // of calls, and of what is stored within one another
constexpr int64_t kMostSteps = 2'000'000;

}  // namespace

struct Interpreter::Deeper {
  explicit Deeper(Interpreter& interpreter) : depth(interpreter.depth_) {
    check(++depth <= 4 * kDepth, Code::invalid_model, "calls are nested too deep");
  }
  ~Deeper() { --depth; }
  int& depth;
};

Interpreter::Interpreter(ScriptProgram& program, builder::Frame& frame, const Importers& importers,
                         Materialize materialize)
    : program_(program),
      importers_(importers),
      materialize_(std::move(materialize)),
      outermost_(frame),
      caller_(&outermost_) {}

std::string Interpreter::place() const {
  return paths_.empty() || paths_.back().empty() ? "forward" : paths_.back();
}

void Interpreter::count_step() {
  check(++steps_ <= kMostSteps, Code::invalid_model, "the program takes more than ", kMostSteps,
        " steps");
}

Item Interpreter::stored_root() { return item_of(program_.root(), "", "data/", 0); }

Item Interpreter::item_of(const Pickled& value, const std::string& path, const std::string& folder,
                          int depth) {
  check(depth <= kDepth, Code::invalid_model, "what is stored is nested too deep");
  using Kind = Pickled::Kind;
  switch (value.kind) {
    case Kind::none: return None{};
    case Kind::boolean: return value.integer != 0;
    case Kind::integer: return value.integer;
    case Kind::real: return value.real;
    case Kind::text: return value.text;
    case Kind::list:
    case Kind::tuple:
    case Kind::dict:
    case Kind::object: break;
    default: fail(Code::unsupported, "something stored that is neither a number nor a tensor");
  }
  if (const auto found = items_.find(&value); found != items_.end()) return found->second;
  count_step();
  if (value.is(Kind::object)) return object_of(value, path, folder, depth);
  if (value.is(Kind::dict)) {
    auto dict = std::make_shared<Dict>();
    items_[&value] = dict;
    for (size_t i = 0; i + 1 < value.items.size(); i += 2)
      dict->entries.emplace_back(item_of(*value.items[i], path, folder, depth + 1),
                                 item_of(*value.items[i + 1], path, folder, depth + 1));
    return dict;
  }
  auto list = std::make_shared<List>();
  list->is_tuple = value.is(Kind::tuple);
  items_[&value] = list;
  for (size_t i = 0; i < value.items.size(); ++i)
    list->items.push_back(item_of(*value.items[i], cat(path, ".", uint64_t{i}), folder, depth + 1));
  return list;
}

Item Interpreter::object_of(const Pickled& value, const std::string& path,
                            const std::string& folder, int depth) {
  const std::string type(value.callee());
  const Limits& limits = caller_->frame().model().options.limits;
  if (StoredTensors::is_tensor(value)) {
    auto weight = StoredTensors(program_.archive(), limits, folder).tensor(value);
    const std::string name = path.empty() ? "constant" : path;
    Value* stored = outermost_.frame().constant(name, std::move(weight));
    const auto grid = StoredTensors::grid(value);
    const TensorRef cell = grid ? quantized(stored, *grid, folder) : outermost_.cell(stored);
    cell->complex = is_complex(StoredTensors::layout(value).dtype);
    return items_[&value] = cell;
  }
  const auto& arguments = value.items[1]->items;
  if (type.starts_with("torch.jit._pickle.") || type == "torch.device") {
    check(!arguments.empty(), Code::invalid_model, type, " of nothing");
    return items_[&value] = item_of(*arguments[0], path, folder, depth + 1);
  }
  if (type == "collections.OrderedDict") {
    auto dict = std::make_shared<Dict>();
    items_[&value] = dict;
    for (size_t i = 2; i + 1 < value.items.size(); i += 2)
      dict->entries.emplace_back(item_of(*value.items[i], path, folder, depth + 1),
                                 item_of(*value.items[i + 1], path, folder, depth + 1));
    return dict;
  }
  check(type.starts_with("__torch__."), Code::unsupported, "an object of ", shown(type));
  auto object = std::make_shared<Object>();
  object->type = type;
  object->path = path;
  items_[&value] = object;
  if (value.state == nullptr) return object;
  if (program_.find_method(type, "__setstate__") != nullptr) {
    call_method(object, "__setstate__", {item_of(*value.state, path, folder, depth + 1)});
    return object;
  }
  if (!value.state->is(Pickled::Kind::dict)) {  // of a class of the library
    Item state = item_of(*value.state, path, folder, depth + 1);
    if (auto packed = packed_weights(type, state)) return items_[&value] = *std::move(packed);
    object->attributes.emplace_back("state", std::move(state));
    return object;
  }
  const auto& state = value.state->items;
  for (size_t i = 0; i + 1 < state.size(); i += 2) {
    const std::string& name = state[i]->text;
    const std::string full = path.empty() ? name : cat(path, ".", name);
    object->attributes.emplace_back(name, item_of(*state[i + 1], full, folder, depth + 1));
  }
  return object;
}

/// A stored tensor of integers as the numbers that these stand for.
TensorRef Interpreter::quantized(Value* integers, const StoredGrid& grid,
                                 const std::string& folder) {
  const Overload none{.name = "stored"};
  const MadeCall made{&none, {integers->name, "quantized", {integers->name}}, {}};
  Call call(outermost_, made);
  const DType dtype = Call::dtype(integers);
  if (grid.scales == nullptr) {
    const Quantization found{grid.scale, grid.zero_point, dtype};
    const TensorRef cell = outermost_.cell(
        from_integers(call, integers, call.number(DType::f32, found.scale, "scale"),
                      call.number(dtype, static_cast<double>(found.zero_point), "zero_point"), 1));
    cell->quantized = found;
    return cell;
  }
  const StoredTensors tensors(program_.archive(), caller_->frame().model().options.limits, folder);
  const auto channels = [&](const Pickled& stored, DType to, std::string_view hint) {
    const auto weight = tensors.tensor(stored);
    const Tensor& from = weight->tensor();
    Tensor numbers(to, from.shape());
    for (int64_t i = 0; i < from.count(); ++i) numbers.set_number(i, from.number(i));
    return call.constant(std::move(numbers), hint);
  };
  return outermost_.cell(from_integers(call, integers, channels(*grid.scales, DType::f32, "scales"),
                                       channels(*grid.zero_points, dtype, "zero_points"),
                                       call.axis(grid.axis, Call::rank(integers))));
}

Item Interpreter::call_method(const std::shared_ptr<Object>& self, std::string_view name,
                              std::vector<Item> arguments, const NamedItems& named) {
  const Definition* method = program_.find_method(self->type, name);
  check(method != nullptr, Code::unsupported, shown(self->type), " has no method ", shown(name));
  return call_definition(*method, self, std::move(arguments), named);
}

Item Interpreter::call_definition(const Definition& definition, const std::shared_ptr<Object>& self,
                                  std::vector<Item> arguments, const NamedItems& named) {
  const Deeper deeper(*this);
  if (self != nullptr) arguments.insert(arguments.begin(), Item(self));
  const auto& parameters = definition.parameters;
  check(arguments.size() <= parameters.size(), Code::invalid_model, definition.name, " takes ",
        uint64_t{parameters.size()}, " arguments, is given ", uint64_t{arguments.size()});
  Variables variables;
  for (size_t i = 0; i < arguments.size(); ++i)
    variables[parameters[i].name] = std::move(arguments[i]);
  for (const auto& [name, item] : named) variables[name] = item;
  for (const auto& parameter : parameters) {
    if (variables.contains(parameter.name)) continue;
    check(parameter.otherwise != nullptr, Code::invalid_model, definition.name, " lacks ",
          parameter.name);
    variables[parameter.name] = evaluate(*parameter.otherwise, variables);
  }
  paths_.push_back(self != nullptr ? self->path : paths_.empty() ? std::string() : paths_.back());
  const int line = line_;
  auto returned = run(definition.body, variables);
  paths_.pop_back();
  line_ = line;
  return returned ? std::move(returned->item) : Item();
}

Item Interpreter::call_named(const std::string& name, std::vector<Item> arguments,
                             const NamedItems& named) {
  if (const Definition* function = program_.find_function(name))
    return call_definition(*function, nullptr, std::move(arguments), named);
  if (program_.find_class(name) != nullptr) return make_object(name, std::move(arguments), named);
  fail(Code::unsupported, "the program has no function ", shown(name));
}

Item Interpreter::make_object(const std::string& type, std::vector<Item> arguments,
                              const NamedItems& named) {
  auto object = std::make_shared<Object>();
  object->type = type;
  object->path = place();
  const ClassDefinition* made = program_.find_class(type);
  if (made->methods.contains("__init__")) {
    call_method(object, "__init__", std::move(arguments), named);
    return object;
  }
  // A tuple with names.
  check(arguments.size() <= made->attributes.size(), Code::unsupported, "an object of ",
        shown(type));
  for (size_t i = 0; i < arguments.size(); ++i)
    object->attributes.emplace_back(made->attributes[i].first, arguments[i]);
  return object;
}

std::optional<bool> Interpreter::truth(const Item& item) {
  if (const auto* flag = item.as<bool>()) return *flag;
  if (const auto* dim = item.as<Dim>()) {
    if (const auto whole = dim->constant()) return *whole != 0;
    return std::nullopt;
  }
  if (const auto* real = item.as<double>()) return *real != 0;
  if (const auto* text = item.as<std::string>()) return !text->empty();
  if (item.is_none()) return false;
  if (const auto* list = item.list()) return !list->empty();
  if (const auto* late = item.as<LateNumber>()) {
    const Item known = number_of(*late, caller_->frame());
    return known.as<LateNumber>() != nullptr ? std::nullopt : truth(known);
  }
  if (const auto* tensor = item.as<TensorRef>()) {
    const Item known = number_of(caller_->read(*tensor), caller_->frame());
    return known.as<LateNumber>() != nullptr ? std::nullopt : truth(known);
  }
  fail(Code::unsupported, "a condition that is ", kind_of(item));
}

void Interpreter::materialize(const std::string& name, const std::vector<Item>& arguments,
                              const NamedItems& named) {
  const std::function<void(const Item&)> each = [&](const Item& item) {
    if (const auto* list = item.list())
      for (const Item& one : *list) each(one);
    const auto* tensor = item.as<TensorRef>();
    if (tensor != nullptr && (*tensor)->value == nullptr) materialize_(*tensor, name, arguments);
  };
  for (const Item& item : arguments) each(item);
  for (const auto& [parameter, item] : named) each(item);
}

namespace {

/// Whether an item may stand for a parameter. Leniently: a tensor of one element for a number, a
/// whole number for a real one.
bool fits_one(char kind, const Item& item, bool leniently) {
  const bool is_number = item.as<Dim>() != nullptr || item.as<LateNumber>() != nullptr;
  const bool is_tensor = item.as<TensorRef>() != nullptr;
  switch (kind) {
    case 'T': return is_tensor;
    case 'i': return is_number || (leniently && (is_tensor || item.as<bool>() != nullptr));
    case 'f': return item.as<double>() != nullptr || (leniently && (is_number || is_tensor));
    case 's':
      return is_number || item.as<double>() != nullptr || item.as<bool>() != nullptr ||
             (leniently && is_tensor);
    case 'b': return item.as<bool>() != nullptr || (leniently && is_number);
    case 't': return item.as<std::string>() != nullptr;
    default: return true;
  }
}

bool fits(const Parameter& parameter, const Item& item, bool leniently) {
  if (item.is_none()) return parameter.may_be_none || parameter.kind == 'a';
  if (!parameter.is_list) return fits_one(parameter.kind, item, leniently);
  const auto* list = item.list();
  if (list == nullptr) return parameter.kind == 'i' && fits_one('i', item, leniently);
  for (const Item& each : *list)
    if (!(each.is_none() || fits_one(parameter.kind, each, leniently))) return false;
  return true;
}

}  // namespace

const Overload* Interpreter::overload_for(const std::string& name,
                                          const std::vector<Item>& arguments,
                                          const NamedItems& named, bool leniently,
                                          std::vector<Item>& bound) const {
  const auto* overloads = importers_.find(name);
  if (overloads == nullptr) return nullptr;
  for (const Overload& overload : *overloads) {
    const auto& parameters = overload.parameters;
    if (arguments.size() > parameters.size()) continue;
    std::vector<std::optional<Item>> given(parameters.size());
    for (size_t i = 0; i < arguments.size(); ++i) given[i] = arguments[i];
    bool fitting = true;
    for (const auto& [key, item] : named) {
      size_t at = 0;
      while (at < parameters.size() && parameters[at].name != key) ++at;
      fitting = fitting && at < parameters.size() && !given[at];
      if (fitting) given[at] = item;
    }
    for (size_t i = 0; fitting && i < parameters.size(); ++i) {
      if (!given[i]) given[i] = parameters[i].otherwise;
      else fitting = fits(parameters[i], *given[i], leniently);
      fitting = fitting && given[i].has_value();
    }
    if (!fitting) continue;
    bound.clear();
    for (auto& item : given) bound.push_back(*std::move(item));
    return &overload;
  }
  return nullptr;
}

Item Interpreter::call_operator(const std::string& name, std::vector<Item> arguments,
                                const NamedItems& named) {
  count_step();
  materialize(name, arguments, named);
  if (auto made = call_late_list(*this, name, arguments)) return *std::move(made);
  const std::string_view short_name = std::string_view(name).substr(name.find("::") + 2);
  if (name.starts_with("aten::") || name.starts_with("prim::"))
    if (named.empty())
      if (auto plain = call_plain(*this, short_name, arguments)) return *std::move(plain);
  std::vector<Item> bound;
  std::string_view lookup = name;
  bool in_place = false;
  if (importers_.find(name) == nullptr && !out_of_place(name).empty()) {
    lookup = out_of_place(name);
    in_place = true;
  }
  const Overload* overload = nullptr;
  for (const bool leniently : {false, true})
    if (overload == nullptr)
      overload = overload_for(std::string(lookup), arguments, named, leniently, bound);
  MadeCall made;
  made.site.kind = name.starts_with("aten::") ? cat("torch.", short_name) : name;
  const std::string path = place();
  made.site.origin = path == "forward" ? std::string(short_name) : cat(path, "/", short_name);
  made.site.outputs = {path == "forward" ? std::string(short_name) : cat(path, ".", short_name)};
  builder::ModelBuild& model = caller_->frame().model();
  model.count_node(caller_->frame().graph());
  std::vector<Item> results;
  const auto tell = [&](const Error& error) {
    model.report.add(builder::problem_of(made.site.origin, made.site.kind, error));
  };
  const bool good = model.attempt(
      [&] {
        if (importers_.find(lookup) == nullptr)
          fail(Code::unsupported, "not among the operators that Hone runs");
        if (overload == nullptr) {
          std::vector<std::string> kinds;
          for (const Item& item : arguments) kinds.push_back(kind_of(item));
          for (const auto& [key, item] : named) kinds.push_back(cat(key, " ", kind_of(item)));
          fail(Code::unsupported, "not for ", join(kinds, ", "));
        }
        made.overload = overload;
        made.arguments = std::move(bound);
        results = caller_->call(made, in_place);
      },
      tell);
  if (!good) throw builder::FailedBefore();
  if (results.empty()) return None{};
  if (results.size() == 1) return results.front();
  return list_of(std::move(results), true);
}

}  // namespace hone::pytorch
