#include "ir/rules/rule_terms.hpp"

#include <algorithm>
#include <limits>

#include "base/text.hpp"
#include "ir/text/parse_line.hpp"

namespace hone {

TypePattern read_type_pattern(Scanner& s) {
  TypePattern type;
  s.next();
  type.dtype = s.identifier();
  constexpr std::string_view kClasses[] = {"float", "narrow", "int", "number", "any"};
  if (!parse_dtype(type.dtype) &&
      std::find(std::begin(kClasses), std::end(kClasses), type.dtype) == std::end(kClasses))
    s.fail("found the type \"", type.dtype,
           "\", wanted float, narrow, int, number, any or a dtype");
  s.want('[');
  if (s.take('*')) {
    s.want(']');
    type.any_shape = true;
    return type;
  }
  for (bool first = true; !s.ends(']', first); first = false) {
    if (first && s.next().starts_with("...")) {
      s.rest().remove_prefix(3);
      type.open = true;
      continue;
    }
    s.next();
    auto dim = parse_dim(s.rest());
    if (!dim) s.wrong("a dimension such as 2*n+1");
    type.dims.push_back(std::move(*dim));
  }
  return type;
}

int capture_index(Rule& rule, std::string_view name) {
  for (size_t i = 0; i < rule.captures.size(); ++i)
    if (rule.captures[i].name == name) return static_cast<int>(i);
  constexpr double kAny = std::numeric_limits<double>::infinity();
  rule.captures.push_back({std::string(name), -kAny, kAny, {}, {}});
  return static_cast<int>(rule.captures.size()) - 1;
}

RuleCapture& capture_named(Rule& rule, std::string_view name) {
  return rule.captures[static_cast<size_t>(capture_index(rule, name))];
}

std::optional<size_t> find_name(const Rule& rule, std::string_view name) {
  for (size_t i = 0; i < rule.names.size(); ++i)
    if (rule.names[i].name == name) return i;
  return std::nullopt;
}

void RuleTerms::read_statement(Scanner& s) {
  const std::vector<std::string> results = read_results(s);
  s.want('=');
  const RuleTerm value = read_term(s);
  if (results.size() > 1 && value.kind != RuleTerm::Kind::node)
    s.fail("found ", results.size(), " results of what is no op");
  if (side_ == Side::match) define_match(s, results, value);
  else define_give(s, results, value);
  if (!s.done() && !s.at('#')) s.wrong("a field, \": types\" or the end of the line");
}

void RuleTerms::define_match(Scanner& s, const std::vector<std::string>& results,
                             const RuleTerm& value) {
  std::vector<std::optional<TypePattern>> types(results.size());
  if (s.take(':'))
    for (size_t i = 0; i < results.size(); ++i) {
      if (i > 0) s.want(',');
      if (!s.take_word("_")) types[i] = read_type_pattern(s);
    }
  for (size_t i = 0; i < results.size(); ++i) {
    if (results[i].empty()) continue;
    if (find_name(rule_, results[i]))
      s.fail("found a second definition of %", results[i], ", wanted a new name");
    RuleName name;
    name.name = results[i];
    name.type = types[i];
    name.definition = value;
    name.definition->result = static_cast<int>(i);
    rule_.names.push_back(std::move(name));
  }
  if (value.kind == RuleTerm::Kind::node)
    rule_.nodes[static_cast<size_t>(value.index)].results = results;
}

void RuleTerms::define_give(const Scanner& s, const std::vector<std::string>& results,
                            const RuleTerm& value) {
  for (size_t i = 0; i < results.size(); ++i) {
    if (results[i].empty()) continue;
    RuleTerm term = value;
    term.result = static_cast<int>(i);
    if (!given_.emplace(results[i], term).second)
      s.fail("found a second definition of %", results[i], ", wanted a new name");
    const auto name = find_name(rule_, results[i]);
    if (!name) continue;
    if (!rule_.names[*name].definition)
      s.fail("found %", results[i], ", a variable, wanted a value that the match defines");
    rule_.outputs.push_back({static_cast<int>(*name), term});
  }
  if (value.kind == RuleTerm::Kind::node)
    rule_.give[static_cast<size_t>(value.index)].results = results;
}

RuleTerm RuleTerms::read_term(Scanner& s) {
  RuleTerm term;
  s.next();
  if (s.at('%') || s.at('@')) return read_value(s);
  if (s.take('$')) {
    term.kind = RuleTerm::Kind::capture;
    term.index = capture_index(rule_, s.name("a capture's name"));
    return term;
  }
  if (s.take_word("_")) return term;
  if (s.at('(')) return read_choices(s);
  const std::string_view before = s.next();
  if (auto literal = parse_literal(s.rest())) {
    term.kind = RuleTerm::Kind::literal;
    term.literal = std::move(*literal);
    return term;
  }
  s.rest() = before;
  const char c = before.empty() ? ' ' : before.front();
  if (c == '-' || (c >= '0' && c <= '9')) return read_number(s);
  return read_node(s);
}

RuleTerm RuleTerms::read_choices(Scanner& s) {
  RuleTerm term;
  term.kind = RuleTerm::Kind::either;
  s.want('(');
  do term.choices.push_back(read_term(s));
  while (s.take('|'));
  s.want(')');
  return term;
}

RuleTerm RuleTerms::read_value(Scanner& s) {
  s.rest().remove_prefix(1);
  const std::string name = s.name("a value's name");
  const auto given = given_.find(name);
  if (given != given_.end()) return given->second;
  const auto index = find_name(rule_, name);
  if (!index) s.fail("found %", name, ", wanted a variable or a value that is defined above");
  RuleTerm term;
  term.kind = RuleTerm::Kind::name;
  term.index = static_cast<int>(*index);
  return term;
}

RuleTerm RuleTerms::read_number(Scanner& s) {
  RuleTerm term;
  term.kind = RuleTerm::Kind::number;
  const std::string_view digits = s.next().substr(
      0, std::min(s.next().find_first_not_of("0123456789.eE+-inf"), s.next().size()));
  const auto number = parse_double(digits);
  if (!number) s.wrong("a number");
  s.rest().remove_prefix(digits.size());
  term.number = *number;
  term.rounded = s.take('~');
  if (!s.take('[')) return term;
  for (bool first = true; !s.ends(']', first); first = false) {
    s.next();
    auto dim = parse_dim(s.rest());
    if (!dim) s.wrong("a dimension such as 2*n+1");
    term.dims.push_back(std::move(*dim));
  }
  return term;
}

RuleTerm RuleTerms::read_node(Scanner& s) {
  const std::string_view op_name = s.identifier();
  if (op_name.empty()) s.wrong("a term: %value, $capture, a number, (a | b), _ or Op(...)");
  const OpClass* op_class = registry_.find(op_name);
  if (op_class == nullptr) s.fail("found the op \"", op_name, "\", which is not known");
  RuleNode node;
  node.line = s.line();
  s.want('(');
  for (bool first = true; !s.ends(')', first); first = false) node.operands.push_back(read_term(s));
  while (!node.operands.empty() && node.operands.back().kind == RuleTerm::Kind::absent)
    node.operands.pop_back();
  const auto count = static_cast<int>(node.operands.size());
  if (count < op_class->inputs.least || count > op_class->inputs.most)
    s.fail("found ", count, " operands of ", op_name, ", wanted ", op_class->inputs.least, " to ",
           op_class->inputs.most);
  const std::shared_ptr<void> data = op_class->copy(nullptr);
  node.op = Op::of(*op_class, data);
  read_fields(s, node);
  auto& nodes = side_ == Side::match ? rule_.nodes : rule_.give;
  nodes.push_back(std::move(node));
  RuleTerm term;
  term.kind = RuleTerm::Kind::node;
  term.index = static_cast<int>(nodes.size()) - 1;
  return term;
}

void RuleTerms::read_fields(Scanner& s, RuleNode& node) {
  const FieldList fields = node.op.fields();
  for (;;) {
    const std::string_view before = s.next();
    const std::string_view name = s.identifier();
    if (name.empty() || !s.at('=')) {
      s.rest() = before;
      return;
    }
    s.want('=');
    const Field& field = find_field(s, name, node.op.name(), fields);
    read_field(s, node.op.name(), field.name, field.ref, node);
  }
}

void RuleTerms::read_field(Scanner& s, std::string_view op, std::string_view name,
                           const FieldRef& place, RuleNode& node) {
  RuleField field;
  field.name = name;
  if (s.take_word("_")) {
    node.fields.push_back(std::move(field));
    return;
  }
  const std::string_view before = s.next();
  const auto ends = [&] {
    return s.rest().empty() || std::string_view(" ,)|").find(s.rest().front()) != std::string::npos;
  };
  if (side_ == Side::match && s.take('$')) {
    field.kind = RuleField::Kind::capture;
    field.capture = capture_index(rule_, s.name("a capture's name"));
    node.fields.push_back(std::move(field));
    return;
  }
  if (parse_field(s.rest(), place) && ends()) {
    auto* const* dims = std::get_if<std::optional<Dims>*>(&place);
    const bool symbolic = dims != nullptr && (*dims)->has_value() &&
                          std::any_of((**dims)->begin(), (**dims)->end(),
                                      [](const Dim& dim) { return !dim.is_constant(); });
    if (!symbolic) return;
    field.kind = RuleField::Kind::dims;
    node.fields.push_back(std::move(field));
    return;
  }
  s.rest() = before;
  if (side_ == Side::match) s.fail("found ", name, "=", before, ", which ", op, " cannot have");
  field.kind = RuleField::Kind::expression;
  field.expression = read_sum(s);
  if (!ends()) s.wrong("the end of the expression");
  node.fields.push_back(std::move(field));
}

RuleExpression RuleTerms::read_sum(Scanner& s) {
  RuleExpression sum = read_product(s);
  while (s.rest().starts_with('+') || s.rest().starts_with('-')) {
    RuleExpression whole;
    whole.op = s.rest().front();
    s.rest().remove_prefix(1);
    whole.operands = {std::move(sum), read_product(s)};
    sum = std::move(whole);
  }
  return sum;
}

RuleExpression RuleTerms::read_product(Scanner& s) {
  RuleExpression product = read_factor(s);
  while (s.rest().starts_with('*') || s.rest().starts_with('/')) {
    RuleExpression whole;
    whole.op = s.rest().front();
    s.rest().remove_prefix(1);
    whole.operands = {std::move(product), read_factor(s)};
    product = std::move(whole);
  }
  return product;
}

int RuleTerms::read_capture(Scanner& s) const {
  const std::string_view name = s.identifier();
  for (size_t i = 0; i < rule_.captures.size(); ++i)
    if (rule_.captures[i].name == name) return static_cast<int>(i);
  s.fail("found $", name, ", wanted a capture of the match");
}

RuleExpression RuleTerms::read_factor(Scanner& s) {
  RuleExpression factor;
  if (s.take('(')) {
    factor = read_sum(s);
    s.want(')');
  } else if (s.rest().starts_with("sqrt(")) {
    s.rest().remove_prefix(5);
    factor.op = 's';
    factor.operands = {read_sum(s)};
    s.want(')');
  } else if (s.rest().starts_with("count($")) {
    s.rest().remove_prefix(7);
    factor.op = 'n';
    factor.capture = read_capture(s);
    s.want(')');
  } else if (s.take('$')) {
    factor.op = '$';
    factor.capture = read_capture(s);
  } else if (!s.rest().empty() && s.rest().front() >= '0' && s.rest().front() <= '9') {
    const std::string_view rest = s.rest();
    const std::string_view digits =
        rest.substr(0, std::min(rest.find_first_not_of("0123456789.e"), rest.size()));
    const auto number = parse_double(digits);
    if (!number) s.wrong("a number");
    s.rest().remove_prefix(digits.size());
    factor.number = *number;
  } else {
    factor.op = 'd';
    const std::string_view name = s.identifier();
    if (name.empty()) s.wrong("a number, $capture, dimension or sqrt(...)");
    factor.dim = Dim::symbol(name);
  }
  return factor;
}

}  // namespace hone
