// Expressions.

#include <cmath>

#include "import/pytorch/script/interpreter.hpp"

namespace hone::pytorch {
namespace {

constexpr int64_t kMostTurns = 100'000;

/// "torch.add" of names with points; "": it is another expression.
std::string dotted(const Expression& expression) {
  if (expression.kind == Expression::Kind::name) return expression.text;
  if (expression.kind != Expression::Kind::attribute) return {};
  const std::string base = dotted(*expression.parts[0]);
  return base.empty() ? base : cat(base, ".", expression.text);
}

Item number(const Expression& expression) {
  if (expression.kind == Expression::Kind::whole) {
    const auto value = parse_int(expression.text);
    check(value.has_value(), Code::invalid_model, "the number ", expression.text);
    return *value;
  }
  std::string text = expression.text;
  if (text.ends_with('.')) text += '0';
  const auto value = parse_double(text);
  check(value.has_value(), Code::invalid_model, "the number ", expression.text);
  return *value;
}

}  // namespace

Item Interpreter::evaluate(const Expression& expression, Variables& variables) {
  std::vector<Item> items;
  switch (expression.kind) {
    case Expression::Kind::whole:
    case Expression::Kind::real: return number(expression);
    case Expression::Kind::text: return expression.text;
    case Expression::Kind::constant:
      if (expression.text == "None") return None{};
      return expression.text == "True";
    case Expression::Kind::call: return evaluate_call(expression, variables);
    case Expression::Kind::index: return evaluate_index(expression, variables);
    case Expression::Kind::binary: return evaluate_binary(expression, variables);
    case Expression::Kind::list:
    case Expression::Kind::tuple:
      for (const ExpressionRef& part : expression.parts)
        items.push_back(evaluate(*part, variables));
      return list_of(std::move(items), expression.kind == Expression::Kind::tuple);
    case Expression::Kind::dict: {
      auto dict = std::make_shared<Dict>();
      for (size_t i = 0; i + 1 < expression.parts.size(); i += 2)
        dict->entries.emplace_back(evaluate(*expression.parts[i], variables),
                                   evaluate(*expression.parts[i + 1], variables));
      return dict;
    }
    case Expression::Kind::unary: {
      const Item value = evaluate(*expression.parts[0], variables);
      if (expression.text == "not") return call_operator("aten::__not__", {value});
      if (expression.text == "+") return value;
      return call_operator(expression.text == "-" ? "aten::neg" : "aten::bitwise_not", {value});
    }
    case Expression::Kind::conditional: {
      const auto known = truth(evaluate(*expression.parts[1], variables));
      check(known.has_value(), Code::unsupported, "a choice that only running decides");
      return evaluate(*expression.parts[*known ? 0 : 2], variables);
    }
    case Expression::Kind::name:
    case Expression::Kind::attribute: break;
  }
  const std::string name = dotted(expression);
  const std::string_view root = std::string_view(name).substr(0, name.find('.'));
  if (expression.kind == Expression::Kind::name) {
    if (const auto found = variables.find(name); found != variables.end()) return found->second;
    if (name == "inf") return static_cast<double>(INFINITY);
    if (name == "nan") return static_cast<double>(NAN);
    fail(Code::unsupported, "reads ", shown(name),
         ", which has no value here, or one in one branch alone");
  }
  if (!variables.contains(root)) {
    if (root == "CONSTANTS") {
      const Pickled* stored = program_.constant(expression.text);
      check(stored != nullptr, Code::invalid_model, "there is no constant ", expression.text);
      return item_of(*stored, name, "constants/", 0);
    }
    if (root == "__torch__") return Function{name};
    if (name == "torch.inf" || name == "math.inf") return static_cast<double>(INFINITY);
    if (name == "torch.nan" || name == "math.nan") return static_cast<double>(NAN);
    if (root == "torch" || root == "ops") return Function{name};
  }
  return attribute(evaluate(*expression.parts[0], variables), expression.text);
}

Item Interpreter::attribute(const Item& of, const std::string& name) {
  if (const auto* object = of.as<std::shared_ptr<Object>>()) {
    if (const Item* found = (*object)->find(name)) return *found;
    if (const ClassDefinition* made = program_.find_class((*object)->type))
      for (const auto& [own, value] : made->attributes)
        if (own == name && value != nullptr) {
          Variables none;
          return evaluate(*value, none);
        }
    fail(Code::invalid_model, (*object)->type, " has no attribute ", shown(name));
  }
  return call_operator(cat("prim::", name), {of});
}

std::vector<Item> Interpreter::arguments_of(const Expression& call, Variables& variables,
                                            NamedItems& named) {
  std::vector<Item> arguments;
  const size_t by_place = call.parts.size() - call.names.size();
  for (size_t i = 1; i < call.parts.size(); ++i) {
    Item item = evaluate(*call.parts[i], variables);
    if (i < by_place) arguments.push_back(std::move(item));
    else named.emplace_back(call.names[i - by_place], std::move(item));
  }
  return arguments;
}

namespace {

/// What the type in isinstance() means, as far as items show it.
bool is_of_type(const Item& item, const Expression& type) {
  if (type.kind == Expression::Kind::tuple || type.kind == Expression::Kind::list) {
    for (const ExpressionRef& each : type.parts)
      if (is_of_type(item, *each)) return true;
    return false;
  }
  const std::string& name = type.kind == Expression::Kind::index ? type.parts[0]->text : type.text;
  const bool is_number = item.as<LateNumber>() != nullptr;
  if (name == "Tensor") return item.as<TensorRef>() != nullptr;
  if (name == "int") return item.as<Dim>() != nullptr || is_number;
  if (name == "float") return item.as<double>() != nullptr;
  if (name == "bool") return item.as<bool>() != nullptr;
  if (name == "str") return item.as<std::string>() != nullptr;
  if (name == "NoneType") return item.is_none();
  if (name == "Optional") return item.is_none() || is_of_type(item, *type.parts[1]);
  const auto* list = item.as<std::shared_ptr<List>>();
  if (name == "Tuple") return list != nullptr && (*list)->is_tuple;
  if (name == "List")
    return list != nullptr && !(*list)->is_tuple &&
           ((*list)->items.empty() || type.kind != Expression::Kind::index ||
            is_of_type((*list)->items.front(), *type.parts[1]));
  if (name == "Dict") return item.as<std::shared_ptr<Dict>>() != nullptr;
  return false;
}

}  // namespace

/// Words of the language itself. nullopt: the name is none of them.
std::optional<Item> Interpreter::call_word(const std::string& name, const Expression& call,
                                           Variables& variables) {
  const auto argument = [&](size_t i) -> Item {
    check(i + 1 < call.parts.size(), Code::invalid_model, name, " lacks an argument");
    return evaluate(*call.parts[i + 1], variables);
  };
  if (name == "annotate" || name == "unchecked_cast") return argument(1);
  if (name == "uninitialized") return Item();
  if (name == "isinstance") {
    check(call.parts.size() == 3, Code::invalid_model, "isinstance lacks a type");
    return Item(is_of_type(argument(0), *call.parts[2]));
  }
  if (name == "getattr") {
    const Item attribute_name = argument(1);
    check(attribute_name.as<std::string>() != nullptr, Code::invalid_model, "getattr of no name");
    return attribute(argument(0), *attribute_name.as<std::string>());
  }
  if (name == "print") return Item();
  if (name == "range") {
    const Item count = argument(0);
    const auto* dim = count.as<Dim>();
    const auto known = dim == nullptr ? std::nullopt : dim->constant();
    check(known.has_value(), Code::unsupported,
          "a loop whose number of turns is open: give sizes by --shape");
    check(*known <= kMostTurns, Code::unsupported, "a loop of ", *known, " turns");
    std::vector<Item> numbers;
    for (int64_t i = 0; i < *known; ++i) numbers.emplace_back(i);
    return list_of(std::move(numbers));
  }
  if (name == "int") return call_operator("aten::Int", {argument(0)});
  if (name == "float") return call_operator("aten::Float", {argument(0)});
  if (name == "bool") return call_operator("aten::Bool", {argument(0)});
  if (name == "str") return Item(text_of(argument(0)));
  if (name == "len") return call_operator("aten::len", {argument(0)});
  if (name == "list") return call_operator("aten::list", {argument(0)});
  return std::nullopt;
}

Item Interpreter::evaluate_call(const Expression& call, Variables& variables) {
  count_step();
  const Expression& callee = *call.parts[0];
  const std::string name = dotted(callee);
  const std::string_view root = std::string_view(name).substr(0, name.find('.'));
  NamedItems named;
  if (!name.empty() && !variables.contains(root)) {
    if (auto word = call_word(name, call, variables)) return *std::move(word);
    if (root == "torch" && name.size() > 6) {
      auto arguments = arguments_of(call, variables, named);
      return call_operator(cat("aten::", name.substr(6)), std::move(arguments), named);
    }
    if (root == "ops") {
      const auto parts = split(name, '.');
      check(parts.size() == 3, Code::unsupported, "calls ", shown(name));
      auto arguments = arguments_of(call, variables, named);
      return call_operator(cat(parts[1], "::", parts[2]), std::move(arguments), named);
    }
    if (root == "__torch__") {
      auto arguments = arguments_of(call, variables, named);
      return call_named(name, std::move(arguments), named);
    }
  }
  if (callee.kind == Expression::Kind::attribute) {
    const Item of = evaluate(*callee.parts[0], variables);
    auto arguments = arguments_of(call, variables, named);
    if (const auto* object = of.as<std::shared_ptr<Object>>())
      return call_method(*object, callee.text, std::move(arguments), named);
    arguments.insert(arguments.begin(), of);
    return call_operator(cat("aten::", callee.text), std::move(arguments), named);
  }
  const Item function = evaluate(callee, variables);
  auto arguments = arguments_of(call, variables, named);
  if (const auto* object = function.as<std::shared_ptr<Object>>())
    return call_method(*object, "forward", std::move(arguments), named);
  const auto* called = function.as<Function>();
  check(called != nullptr, Code::invalid_model, "calls ", kind_of(function));
  return call_named(called->name, std::move(arguments), named);
}

Item Interpreter::evaluate_index(const Expression& index, Variables& variables) {
  const Item of = evaluate(*index.parts[0], variables);
  const Item at = evaluate(*index.parts[1], variables);
  if (of.as<TensorRef>() != nullptr) return call_operator("aten::select", {of, 0, at});
  return call_operator("aten::__getitem__", {of, at});
}

Item Interpreter::evaluate_binary(const Expression& binary, Variables& variables) {
  static const std::map<std::string_view, std::string_view> kNames = {
      {"+", "add"},           {"-", "sub"},         {"*", "mul"},    {"/", "div"},
      {"//", "floordiv"},     {"%", "remainder"},   {"**", "pow"},   {"==", "eq"},
      {"!=", "ne"},           {"<", "lt"},          {"<=", "le"},    {">", "gt"},
      {">=", "ge"},           {"&", "__and__"},     {"|", "__or__"}, {"^", "__xor__"},
      {"<<", "__lshift__"},   {">>", "__rshift__"}, {"@", "matmul"}, {"is", "__is__"},
      {"is not", "__isnot__"}};
  const std::string& op = binary.text;
  if (op == "and" || op == "or") {
    const Item left = evaluate(*binary.parts[0], variables);
    const auto known = truth(left);
    if (known && *known == (op == "or")) return left;
    const Item right = evaluate(*binary.parts[1], variables);
    return known ? right
                 : call_operator(op == "and" ? "aten::__and__" : "aten::__or__", {left, right});
  }
  const Item left = evaluate(*binary.parts[0], variables);
  const Item right = evaluate(*binary.parts[1], variables);
  if (op == "in" || op == "not in") {
    Item found = call_operator("aten::__contains__", {right, left});
    return op == "in" ? found : call_operator("aten::__not__", {found});
  }
  const auto name = kNames.find(op);
  check(name != kNames.end(), Code::unsupported, "the operator ", op);
  return call_operator(cat("aten::", name->second), {left, right});
}

}  // namespace hone::pytorch
