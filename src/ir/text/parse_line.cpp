#include "ir/text/parse_line.hpp"

#include <algorithm>

#include "base/text.hpp"

namespace hone {

Type read_type(Scanner& s) {
  const std::string_view before = s.next();
  auto type = parse_type(s.rest());
  if (type) return std::move(*type);
  s.rest() = before;
  s.wrong("a type such as f32[n,3]");
}

OperandText read_operand(Scanner& s) {
  OperandText operand;
  if (s.take('%')) {
    operand.kind = OperandText::Kind::value;
    operand.name = s.name("a value's name");
  } else if (s.take('@')) {
    operand.kind = OperandText::Kind::constant;
    operand.name = s.name("a constant's name");
  } else if (!s.take_word("_")) {
    const std::string_view before = s.next();
    auto literal = parse_literal(s.rest());
    if (!literal) {
      s.rest() = before;
      s.wrong("an operand: %value, @constant, a literal such as f32[2]{1,2}, or _");
    }
    if (literal->count() > kLiteralElements)
      s.fail("found a literal of ", literal->count(), " elements, wanted at most ",
             kLiteralElements, "; larger constants are named under \"weights\"");
    operand.kind = OperandText::Kind::literal;
    operand.literal = std::move(*literal);
  }
  return operand;
}

std::vector<std::string> read_results(Scanner& s) {
  std::vector<std::string> results;
  bool wanted = false;
  do {
    if (s.take('%')) {
      results.push_back(s.name("a value's name"));
      wanted = true;
    } else if (s.take_word("_")) {
      results.emplace_back();
    } else {
      s.wrong("a result: %value or _");
    }
  } while (s.take(','));
  if (!wanted) s.fail("found no named result, wanted at least one");
  return results;
}

std::vector<std::optional<Type>> read_types(Scanner& s, const std::vector<std::string>& results) {
  std::vector<std::optional<Type>> types;
  if (!s.take(':')) return types;
  do {
    if (s.take_word("_")) types.emplace_back();
    else types.emplace_back(read_type(s));
  } while (s.take(','));
  if (types.size() != results.size())
    s.fail("found ", types.size(), " types for ", results.size(), " results");
  for (size_t i = 0; i < types.size(); ++i)
    if (types[i].has_value() == results[i].empty())
      s.fail("found ", results[i].empty() ? "a type" : "_", " for result ", i, ", wanted ",
             results[i].empty() ? "_: nobody reads it" : "its type");
  return types;
}

const Field& find_field(const Scanner& s, std::string_view name, std::string_view op_name,
                        const FieldList& fields) {
  std::vector<std::string_view> names;
  for (const Field& field : fields.list()) {
    if (field.name == name) return field;
    names.push_back(field.name);
  }
  const auto near = closest(name, names);
  s.fail("found the field \"", name, "\", which ", op_name, " does not have",
         near ? cat("; did you mean ", *near, "?") : std::string());
}

namespace {

/// What a field may hold, for messages.
std::string kind_text(const FieldRef& ref) {
  if (const auto* field = std::get_if<EnumField>(&ref)) return join(field->names, " or ");
  constexpr std::string_view kKinds[] = {"an integer",
                                         "a number",
                                         "true or false",
                                         "a name or \"quoted text\"",
                                         "a dtype such as f32",
                                         "a type such as seq(f32[*]), or none",
                                         "",
                                         "a dimension such as 2*n+1",
                                         "a literal such as f32[2]{1,2}, or none",
                                         "integers such as [1,2]",
                                         "numbers such as [1,0.5]",
                                         "names such as [a,\"b c\"]",
                                         "dimensions such as [n,3], or none",
                                         "an integer or none",
                                         "a body"};
  static_assert(std::size(kKinds) == std::variant_size_v<FieldRef>);
  return std::string(kKinds[ref.index()]);
}

}  // namespace

void read_fields(Scanner& s, std::string_view op_name, const FieldList& fields) {
  while (!s.done() && !s.at(':') && !s.at('#')) {
    const std::string_view name = s.identifier();
    if (name.empty()) s.wrong("a field, \": types\", \"# origin\" or the end of the line");
    const Field& field = find_field(s, name, op_name, fields);
    if (std::holds_alternative<Body*>(field.ref))
      s.fail("found ", name, " on its node's line, wanted a body on lines of its own");
    s.want('=');
    const std::string_view value = s.next();
    const bool read = parse_field(s.rest(), field.ref);
    if (read && (s.rest().empty() || s.rest().starts_with(' '))) continue;
    std::string found;
    append_quoted(found, value.substr(0, std::min<size_t>(value.find(' '), 32)));
    s.fail("found ", found, " as ", name, " of ", op_name, ", wanted ", kind_text(field.ref));
  }
}

namespace {

/// `+97`: names that are not written.
std::optional<int64_t> count_of_more(std::string_view word) {
  if (word.size() < 2 || word[0] != '+' || word[1] == '-') return std::nullopt;
  return parse_int(word.substr(1));
}

}  // namespace

void read_origin(Scanner& s, Origins& origin, std::string& by) {
  std::vector<std::string> names;
  int64_t more = 0;
  while (!s.done()) {
    std::string_view& rest = s.rest();
    if (rest.starts_with("(by ")) {
      rest.remove_prefix(4);
      if (s.at('"')) {
        by = s.name("the name of a pass");
      } else {
        by = rest.substr(0, rest.find(')'));
        rest.remove_prefix(by.size());
      }
      s.want(')');
    } else if (rest.starts_with('"')) {
      auto name = parse_quoted(rest);
      if (!name) s.fail("found a quoted origin without its end");
      names.push_back(std::move(*name));
    } else {
      const std::string_view word = rest.substr(0, rest.find(' '));
      if (const auto count = count_of_more(word)) more = *count;
      else names.emplace_back(word);
      rest.remove_prefix(word.size());
    }
  }
  origin = Origins(std::move(names), more);
}

Require read_require(Scanner& s) {
  const auto side = [&] {
    const std::string_view before = s.next();
    auto dim = parse_dim(s.rest());
    if (dim) return std::move(*dim);
    s.rest() = before;
    s.wrong("a dimension such as 2*n+1");
  };
  Require require;
  require.a = side();
  if (s.next().starts_with("==")) require.relation = Require::Relation::equal;
  else if (s.next().starts_with("<=")) require.relation = Require::Relation::less_equal;
  else if (s.take_word("broadcasts")) require.relation = Require::Relation::broadcast;
  else s.wrong("== or <= or broadcasts with");
  if (require.relation != Require::Relation::broadcast) s.rest().remove_prefix(2);
  else if (!s.take_word("with")) s.wrong("with");
  require.b = side();
  return require;
}

namespace {

void skip_byte_count(Scanner& s) {
  const std::string_view rest = s.next();
  const size_t digits = std::min(rest.find_first_not_of("0123456789,"), rest.size());
  if (digits == 0 || !rest.substr(digits).starts_with(" bytes")) return;
  s.rest().remove_prefix(digits);
  s.take_word("bytes");
}

void read_random(Scanner& s, WeightText& text) {
  s.want('(');
  const std::string_view seed_text = take_token(s.rest());
  s.want(',');
  const std::string_view gain_text = take_token(s.rest());
  s.want(')');
  const std::string literal = cat("u64{", seed_text, "}");
  std::string_view rest = literal;
  const auto seed = parse_literal(rest);
  const auto gain = parse_double(gain_text);
  if (!seed || !gain)
    s.fail("found random(", seed_text, ", ", gain_text, "), wanted random(seed, gain)");
  text.random = true;
  text.seed = static_cast<uint64_t>(seed->integer(0));
  text.gain = *gain;
}

}  // namespace

WeightText read_weight_text(Scanner& s) {
  WeightText text;
  skip_byte_count(s);
  s.next();
  if (s.take_word("of")) {
    s.next();
    const std::string_view type = s.identifier();
    text.stored = parse_dtype(type);
    if (!text.stored || *text.stored == DType::string || is_complex(*text.stored))
      s.fail("found \"", type, "\", wanted the type of the numbers that are converted");
  }
  if (s.next().starts_with("random(")) {
    s.take_word("random");
    read_random(s, text);
    return text;
  }
  if (s.take_word("hash")) {
    s.next();
    const std::string_view digits = s.identifier();
    const auto hash = parse_hash(digits);
    if (!hash) s.fail("found \"", digits, "\", wanted a hash of 32 hex digits");
    text.hash = *hash;
  }
  if (s.at('"')) {
    auto source = parse_quoted(s.rest());
    if (!source) s.fail("found a quoted source without its end");
    text.source = std::move(*source);
  } else {
    text.source = s.next();
    s.rest() = {};
  }
  return text;
}

}  // namespace hone
