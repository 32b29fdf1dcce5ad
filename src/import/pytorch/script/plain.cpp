// What programs do with lists, dictionaries, texts and numbers.

#include <algorithm>
#include <cmath>

#include "import/pytorch/script/interpreter.hpp"

namespace hone::pytorch {
namespace {

using Items = std::vector<Item>;
using Plain = std::optional<Item> (*)(Interpreter&, Items&);

List* list_in(const Items& a, size_t i = 0) {
  if (i >= a.size()) return nullptr;
  const auto* found = a[i].as<std::shared_ptr<List>>();
  return found == nullptr ? nullptr : found->get();
}
Dict* dict_in(const Items& a, size_t i = 0) {
  if (i >= a.size()) return nullptr;
  const auto* found = a[i].as<std::shared_ptr<Dict>>();
  return found == nullptr ? nullptr : found->get();
}
const std::string* text_in(const Items& a, size_t i = 0) {
  return i < a.size() ? a[i].as<std::string>() : nullptr;
}
bool is_tensor(const Item& item) { return item.as<TensorRef>() != nullptr; }

int64_t whole(const Items& a, size_t i) {
  check(i < a.size(), Code::invalid_model, "lacks an argument");
  const auto* dim = a[i].as<Dim>();
  const auto known = dim == nullptr ? std::nullopt : dim->constant();
  check(known.has_value(), Code::unsupported, "a place that only running tells");
  return *known;
}

size_t place_in(const Items& items, int64_t at) {
  const auto count = static_cast<int64_t>(items.size());
  check(at >= -count && at < count, Code::invalid_model, "place ", at, " of a list of ", count);
  return static_cast<size_t>(at < 0 ? at + count : at);
}

std::optional<Item> length(Interpreter& in, Items& a) {
  if (const List* list = list_in(a)) return Dim(static_cast<int64_t>(list->items.size()));
  if (const Dict* dict = dict_in(a)) return Dim(static_cast<int64_t>(dict->entries.size()));
  if (const std::string* text = text_in(a)) return Dim(static_cast<int64_t>(text->size()));
  if (a.size() == 1 && is_tensor(a[0])) return in.call_operator("aten::size", {a[0], 0});
  return std::nullopt;
}

std::optional<Item> get_item(Interpreter&, Items& a) {
  if (Dict* dict = dict_in(a)) {
    const Item* found = a.size() > 1 ? dict->find(a[1]) : nullptr;
    check(found != nullptr, Code::invalid_model, "a key that the dictionary does not have");
    return *found;
  }
  if (const auto* text = text_in(a)) {
    const auto count = static_cast<int64_t>(text->size());
    const int64_t at = whole(a, 1), from = at < 0 ? at + count : at;
    check(from >= 0 && from < count, Code::invalid_model, "place ", at, " of a text of ", count);
    return Item(std::string(1, (*text)[static_cast<size_t>(from)]));
  }
  const List* list = list_in(a);
  if (list == nullptr) return std::nullopt;
  return list->items[place_in(list->items, whole(a, 1))];
}

std::optional<Item> set_item(Interpreter&, Items& a) {
  check(a.size() == 3, Code::invalid_model, "sets no item");
  if (Dict* dict = dict_in(a)) {
    if (Item* found = dict->find(a[1])) *found = a[2];
    else dict->entries.emplace_back(a[1], a[2]);
    return Item();
  }
  List* list = list_in(a);
  if (list == nullptr) return std::nullopt;
  list->items[place_in(list->items, whole(a, 1))] = a[2];
  return Item();
}

std::optional<Item> append(Interpreter&, Items& a) {
  List* list = list_in(a);
  if (list == nullptr || a.size() != 2) return std::nullopt;
  list->items.push_back(a[1]);
  return a[0];
}
std::optional<Item> extend(Interpreter&, Items& a) {
  List *list = list_in(a), *more = list_in(a, 1);
  if (list == nullptr || more == nullptr) return std::nullopt;
  const Items items = more->items;
  list->items.insert(list->items.end(), items.begin(), items.end());
  check(list->items.size() < 10'000'000, Code::invalid_model, "a list that grows without end");
  return Item();
}
std::optional<Item> insert(Interpreter&, Items& a) {
  List* list = list_in(a);
  if (list == nullptr || a.size() != 3) return std::nullopt;
  const auto count = static_cast<int64_t>(list->items.size());
  int64_t at = whole(a, 1);
  at = std::clamp(at < 0 ? at + count : at, int64_t{0}, count);
  list->items.insert(list->items.begin() + at, a[2]);
  return Item();
}
std::optional<Item> pop(Interpreter&, Items& a) {
  List* list = list_in(a);
  if (list == nullptr) return std::nullopt;
  const size_t at = place_in(list->items, a.size() > 1 ? whole(a, 1) : -1);
  Item item = list->items[at];
  list->items.erase(list->items.begin() + static_cast<int64_t>(at));
  return item;
}
std::optional<Item> reverse(Interpreter&, Items& a) {
  List* list = list_in(a);
  if (list == nullptr) return std::nullopt;
  std::reverse(list->items.begin(), list->items.end());
  return Item();
}
std::optional<Item> copy(Interpreter&, Items& a) {
  const List* list = list_in(a);
  return list == nullptr || a.size() != 1 ? std::nullopt : std::optional(list_of(list->items));
}

std::optional<Item> slice(Interpreter&, Items& a) {
  const List* list = list_in(a);
  if (list == nullptr) return std::nullopt;
  const auto count = static_cast<int64_t>(list->items.size());
  const auto bound = [&](size_t i, int64_t otherwise) {
    if (i >= a.size() || a[i].is_none()) return otherwise;
    const int64_t at = whole(a, i);
    return std::clamp(at < 0 ? at + count : at, int64_t{0}, count);
  };
  const int64_t step = a.size() > 3 ? whole(a, 3) : 1;
  check(step > 0, Code::unsupported, "a list in steps of ", step);
  Items part;
  for (int64_t i = bound(1, 0); i < bound(2, count); i += step)
    part.push_back(list->items[static_cast<size_t>(i)]);
  return list_of(std::move(part), list->is_tuple);
}

std::optional<Item> contains(Interpreter&, Items& a) {
  if (a.size() != 2) return std::nullopt;
  if (Dict* dict = dict_in(a)) return Item(dict->find(a[1]) != nullptr);
  if (const auto* text = text_in(a); text != nullptr && text_in(a, 1) != nullptr)
    return Item(text->find(*text_in(a, 1)) != std::string::npos);
  const List* list = list_in(a);
  if (list == nullptr) return std::nullopt;
  return Item(std::any_of(list->items.begin(), list->items.end(),
                          [&](const Item& item) { return same_key(item, a[1]); }));
}

std::optional<Item> keys(Interpreter&, Items& a) {
  const Dict* dict = dict_in(a);
  if (dict == nullptr) return std::nullopt;
  Items items;
  for (const auto& [key, value] : dict->entries) items.push_back(key);
  return list_of(std::move(items));
}
std::optional<Item> values(Interpreter&, Items& a) {
  const Dict* dict = dict_in(a);
  if (dict == nullptr) return std::nullopt;
  Items items;
  for (const auto& [key, value] : dict->entries) items.push_back(value);
  return list_of(std::move(items));
}
std::optional<Item> entries(Interpreter&, Items& a) {
  const Dict* dict = dict_in(a);
  if (dict == nullptr) return std::nullopt;
  Items items;
  for (const auto& [key, value] : dict->entries) items.push_back(list_of({key, value}, true));
  return list_of(std::move(items));
}
std::optional<Item> get(Interpreter&, Items& a) {
  Dict* dict = dict_in(a);
  if (dict == nullptr || a.size() < 2) return std::nullopt;
  const Item* found = dict->find(a[1]);
  return found != nullptr ? *found : a.size() > 2 ? a[2] : Item();
}

/// Lists joined, repeated, compared; else operators on tensors and numbers.
std::optional<Item> add_lists(Interpreter&, Items& a) {
  const List *x = list_in(a), *y = list_in(a, 1);
  if (x != nullptr && y != nullptr) {
    Items items = x->items;
    items.insert(items.end(), y->items.begin(), y->items.end());
    return list_of(std::move(items), x->is_tuple);
  }
  if (text_in(a) != nullptr && text_in(a, 1) != nullptr) return Item(*text_in(a) + *text_in(a, 1));
  return std::nullopt;
}
std::optional<Item> repeat_list(Interpreter&, Items& a) {
  const List* list = list_in(a);
  if (list == nullptr) return std::nullopt;
  const int64_t times = whole(a, 1);
  check(times < 100'000, Code::unsupported, "a list ", times, " times");
  Items items;
  for (int64_t i = 0; i < times; ++i)
    items.insert(items.end(), list->items.begin(), list->items.end());
  return list_of(std::move(items));
}
std::optional<bool> equal_lists(const Items& a) {
  const List *x = list_in(a), *y = list_in(a, 1);
  if (x == nullptr || y == nullptr) return std::nullopt;
  return std::equal(x->items.begin(), x->items.end(), y->items.begin(), y->items.end(), same_key);
}

std::optional<Item> is_same(Interpreter&, Items& a) {
  if (a.size() != 2) return std::nullopt;
  if (a[0].is_none() || a[1].is_none()) return Item(a[0].is_none() && a[1].is_none());
  return Item(same_key(a[0], a[1]));
}
std::optional<Item> is_other(Interpreter& in, Items& a) {
  const auto same = is_same(in, a);
  return same ? std::optional(Item(!*same->as<bool>())) : std::nullopt;
}

std::optional<Item> range_length(Interpreter&, Items& a) {
  const int64_t start = whole(a, 0), stop = whole(a, 1), step = whole(a, 2);
  check(step != 0, Code::invalid_model, "a loop in steps of 0");
  const int64_t span = step > 0 ? stop - start : start - stop;
  const int64_t width = step > 0 ? step : -step;
  return Dim(span <= 0 ? 0 : (span + width - 1) / width);
}
std::optional<Item> derive_index(Interpreter&, Items& a) {
  return Dim(whole(a, 1) + whole(a, 0) * whole(a, 2));
}

std::optional<Item> rank(Interpreter& in, Items& a) {
  if (a.size() != 1 || !is_tensor(a[0])) return std::nullopt;
  const TensorRef& tensor = *a[0].as<TensorRef>();
  return Dim(int64_t{Call::rank(in.caller().held(tensor))} - (tensor->complex ? 1 : 0));
}
std::optional<Item> dtype(Interpreter& in, Items& a) {
  if (a.size() != 1 || !is_tensor(a[0])) return std::nullopt;
  const TensorRef& tensor = *a[0].as<TensorRef>();
  DType type = Call::dtype(in.caller().held(tensor));
  if (tensor->complex) type = type == DType::f64 ? DType::c128 : DType::c64;
  const auto number = number_of_dtype(type);
  check(number.has_value(), Code::unsupported, "a type that PyTorch does not have");
  return Dim(*number);
}
std::optional<Item> is_floating(Interpreter& in, Items& a) {
  if (a.size() != 1 || !is_tensor(a[0])) return std::nullopt;
  const TensorRef& tensor = *a[0].as<TensorRef>();
  return Item(!tensor->complex && is_float(Call::dtype(in.caller().held(tensor))));
}

std::optional<Item> same(Interpreter&, Items& a) {
  return a.empty() ? std::nullopt : std::optional(a[0]);
}
std::optional<Item> nothing(Interpreter&, Items&) { return Item(); }
std::optional<Item> no(Interpreter&, Items&) { return Item(false); }
std::optional<Item> quantized(Interpreter&, Items& a) {
  const auto* tensor = a.empty() ? nullptr : a[0].as<TensorRef>();
  return Item(tensor != nullptr && (*tensor)->quantized.has_value());
}
std::optional<Item> zero(Interpreter&, Items&) { return Dim(0); }
std::optional<Item> processor(Interpreter&, Items&) { return Item("cpu"); }
std::optional<Item> device(Interpreter&, Items& a) {
  return text_in(a) != nullptr ? a[0] : Item("cpu");
}

/// "{}" replaced by what is given.
std::optional<Item> format(Interpreter&, Items& a) {
  const std::string* pattern = text_in(a);
  if (pattern == nullptr) return std::nullopt;
  std::string text;
  size_t next = 1;
  for (size_t i = 0; i < pattern->size(); ++i) {
    if (pattern->compare(i, 2, "{}") != 0) {
      text += (*pattern)[i];
      continue;
    }
    text += next < a.size() ? text_of(a[next]) : "{}";
    ++next, ++i;
  }
  return Item(text);
}

std::optional<Item> raise(Interpreter&, Items& a) {
  fail(Code::invalid_model, "the program ends with an error for these inputs: ",
       shown(a.empty() ? std::string() : text_of(a[0])));
}

/// A number as a tensor without axes.
std::optional<Item> as_tensor(Interpreter& in, Items& a) {
  if (a.empty() || is_tensor(a[0]) || list_in(a) != nullptr) return std::nullopt;
  const Overload none{.name = "number"};
  const MadeCall made{&none, {"number", "number", {cat(in.place(), ".number")}}, {}};
  Call call(in.caller(), made);
  const DType type = a[0].as<bool>() != nullptr     ? DType::boolean
                     : a[0].as<double>() != nullptr ? DType::f32
                                                    : DType::i64;
  return Item(in.caller().cell(call.operand(a[0], type, "number")));
}

/// To a number: of a tensor its one element.
template <int kTo>
std::optional<Item> to_number(Interpreter& in, Items& a) {
  if (a.empty()) return std::nullopt;
  Item item = a[0];
  if (is_tensor(item)) item = in.call_operator("aten::item", {item});
  if (const std::string* text = item.as<std::string>()) {
    if (kTo == 1 && (*text == "inf" || *text == "-inf"))
      return Item((*text)[0] == '-' ? -INFINITY : INFINITY);
    const auto real = parse_double(*text);
    check(real.has_value(), Code::invalid_model, "the number ", shown(*text));
    item = *real;
  }
  if constexpr (kTo == 0) {
    if (const bool* flag = item.as<bool>()) return Dim(*flag ? 1 : 0);
    return in.call_operator("math::trunc", {item});
  }
  if constexpr (kTo == 1) return in.call_operator("torch::sym_float", {item});
  if (item.as<bool>() != nullptr) return item;
  const auto* late = item.as<LateNumber>();
  if (late != nullptr && Call::dtype(late->value) == DType::boolean) return item;
  if (const auto known = in.truth(item)) return Item(*known);
  return in.call_operator("operator::ne", {item, 0});
}

/// Numbers from a list, with lists within.
struct Numbers {
  std::vector<int64_t> shape;
  std::vector<double> values;
  DType dtype = DType::boolean;
  bool late = false;

  void add(const Item& item, size_t level) {
    check(level < 16, Code::invalid_model, "lists within lists, more than 16 deep");
    if (const auto* list = item.list()) {
      if (shape.size() <= level) shape.push_back(static_cast<int64_t>(list->size()));
      for (const Item& each : *list) add(each, level + 1);
      return;
    }
    if (const auto* real = item.as<double>()) {
      dtype = DType::f32;
      values.push_back(*real);
    } else if (const auto* dim = item.as<Dim>(); dim != nullptr && dim->is_constant()) {
      if (dtype == DType::boolean) dtype = DType::i64;
      values.push_back(static_cast<double>(*dim->constant()));
    } else if (const auto* flag = item.as<bool>()) {
      values.push_back(*flag ? 1 : 0);
    } else {
      late = true;
    }
  }
};

std::optional<Item> largest(Interpreter& in, Items& a) {
  if (const List* list = list_in(a); list != nullptr && a.size() == 1 && !list->items.empty()) {
    Item found = list->items[0];
    for (const Item& item : list->items) {
      if (is_tensor(item)) return std::nullopt;
      found = in.call_operator("torch::sym_max", {found, item});
    }
    return found;
  }
  return std::nullopt;
}
std::optional<Item> smallest(Interpreter& in, Items& a) {
  if (const List* list = list_in(a); list != nullptr && a.size() == 1 && !list->items.empty()) {
    Item found = list->items[0];
    for (const Item& item : list->items) {
      if (is_tensor(item)) return std::nullopt;
      found = in.call_operator("torch::sym_min", {found, item});
    }
    return found;
  }
  return std::nullopt;
}

const std::map<std::string_view, Plain>& plain_functions() {
  static const std::map<std::string_view, Plain> kFunctions = {
      {"len", length},
      {"__getitem__", get_item},
      {"_set_item", set_item},
      {"append", append},
      {"extend", extend},
      {"insert", insert},
      {"pop", pop},
      {"reverse", reverse},
      {"list", copy},
      {"copy", copy},
      {"slice", slice},
      {"__contains__", contains},
      {"keys", keys},
      {"values", values},
      {"items", entries},
      {"get", get},
      {"__is__", is_same},
      {"__isnot__", is_other},
      {"__range_length", range_length},
      {"__derive_index", derive_index},
      {"dim", rank},
      {"ndim", rank},
      {"dtype", dtype},
      {"is_floating_point", is_floating},
      {"data", same},
      {"unchecked_unwrap_optional", same},
      {"_unwrap_optional", same},
      {"cpu", same},
      {"cuda", same},
      {"requires_grad_", same},
      {"set_grad_enabled", nothing},
      {"warn", nothing},
      {"is_grad_enabled", no},
      {"is_complex", no},
      {"is_cuda", no},
      {"is_scripting", no},
      {"is_quantized", quantized},
      {"is_mkldnn", no},
      {"is_sparse", no},
      {"is_nested", no},
      {"requires_grad", no},
      {"layout", zero},
      {"device", device},
      {"get_device", processor},
      {"format", format},
      {"RaiseException", raise},
      {"NumToTensor", as_tensor},
      {"Int", to_number<0>},
      {"IntImplicit", to_number<0>},
      {"Float", to_number<1>},
      {"FloatImplicit", to_number<1>},
      {"Bool", to_number<2>},
      {"max", largest},
      {"min", smallest},
  };
  return kFunctions;
}

/// Operators on numbers under the names that operators on tensors have.
std::string_view number_operator(std::string_view name) {
  static const std::map<std::string_view, std::string_view> kNames = {
      {"add", "operator::add"},
      {"sub", "operator::sub"},
      {"mul", "operator::mul"},
      {"div", "operator::truediv"},
      {"floordiv", "operator::floordiv"},
      {"floor_divide", "operator::floordiv"},
      {"remainder", "operator::mod"},
      {"pow", "operator::pow"},
      {"neg", "operator::neg"},
      {"abs", "operator::abs"},
      {"eq", "operator::eq"},
      {"ne", "operator::ne"},
      {"lt", "operator::lt"},
      {"le", "operator::le"},
      {"gt", "operator::gt"},
      {"ge", "operator::ge"},
      {"__and__", "operator::and_"},
      {"__or__", "operator::or_"},
      {"__not__", "operator::not_"},
      {"ceil", "math::ceil"},
      {"floor", "math::floor"},
      {"sqrt", "math::sqrt"},
      {"round", "builtins::round"},
      {"max", "torch::sym_max"},
      {"min", "torch::sym_min"}};
  const auto found = kNames.find(name);
  return found == kNames.end() ? std::string_view() : found->second;
}

/// Numbers, some of which only running tells, as tensors.
Item tensor_list(Interpreter& in, const Item& item) {
  Items tensors;
  for (const Item& each : *item.list()) {
    Items one{each};
    tensors.push_back(as_tensor(in, one).value_or(each));
  }
  return list_of(std::move(tensors));
}

/// torch.tensor and the like of lists of numbers.
std::optional<Item> tensor_of(Interpreter& in, std::string_view name, Items& a) {
  const bool makes = name == "tensor" || name == "as_tensor" || name == "scalar_tensor";
  if (!makes || a.empty() || is_tensor(a[0])) return std::nullopt;
  std::optional<DType> asked;
  if (a.size() > 1 && a[1].as<Dim>() != nullptr) asked = dtype_of_number(whole(a, 1));
  Numbers numbers;
  numbers.add(a[0], 0);
  if (numbers.late) {
    if (a[0].list() != nullptr) return in.call_operator("aten::stack", {tensor_list(in, a[0]), 0});
    const auto one = as_tensor(in, a);
    return asked ? in.call_operator("aten::to", {*one, a[1]}) : *one;
  }
  Tensor made(asked.value_or(numbers.dtype), numbers.shape);
  check(static_cast<size_t>(made.count()) == numbers.values.size(), Code::invalid_model,
        "lists of different lengths");
  for (int64_t i = 0; i < made.count(); ++i)
    made.set_number(i, numbers.values[static_cast<size_t>(i)]);
  builder::Frame& frame = in.caller().frame();
  return Item(
      in.caller().cell(frame.constant(cat(in.place(), ".tensor"), Weight::of(std::move(made)))));
}

}  // namespace

std::optional<Item> call_plain(Interpreter& in, std::string_view name, Items& a) {
  if (name == "eq" || name == "ne")
    if (const auto equal = equal_lists(a)) return Item(*equal == (name == "eq"));
  if (name == "add" || name == "__add__")
    if (auto joined = add_lists(in, a)) return joined;
  if (name == "mul")
    if (auto repeated = repeat_list(in, a)) return repeated;
  if (auto made = tensor_of(in, name, a)) return made;
  if (const auto found = plain_functions().find(name); found != plain_functions().end())
    if (auto result = found->second(in, a)) return result;
  const std::string_view number = number_operator(name);
  const bool all_numbers = std::none_of(a.begin(), a.end(), [](const Item& item) {
    return is_tensor(item) || item.list() != nullptr;
  });
  if (!number.empty() && all_numbers) return in.call_operator(std::string(number), a);
  return std::nullopt;
}

bool is_plain(std::string_view name) {
  return plain_functions().contains(name) || !number_operator(name).empty() || name == "tensor" ||
         name == "as_tensor";
}

std::string text_of(const Item& item) {
  if (const auto* text = item.as<std::string>()) return *text;
  if (const auto* dim = item.as<Dim>()) return cat(*dim);
  if (const auto* real = item.as<double>()) return cat(*real);
  if (const auto* flag = item.as<bool>()) return *flag ? "True" : "False";
  if (const auto* list = item.list()) {
    std::vector<std::string> parts;
    for (const Item& each : *list) parts.push_back(text_of(each));
    return cat("[", join(parts, ", "), "]");
  }
  return kind_of(item);
}

}  // namespace hone::pytorch
