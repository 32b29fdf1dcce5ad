#include <algorithm>
#include <unordered_map>
#include <unordered_set>

#include "base/size.hpp"
#include "base/text.hpp"
#include "ir/inference.hpp"
#include "ir/scanner.hpp"
#include "ir/text.hpp"

namespace hone {
namespace {

constexpr std::string_view kOperand =
    "an operand: %value, @constant, a literal such as f32[2]{1,2}, or _";

/// What every graph of one text shares.
struct Context {
  const OpRegistry& registry;
  const WeightResolver& resolver;
  const std::vector<Line>& lines;
};

[[noreturn]] void fail_unknown_op(const Scanner& scanner, std::string_view name,
                                  const OpRegistry& registry) {
  std::vector<std::string_view> names;
  for (const OpClass* each : registry.all()) names.push_back(each->name);
  const auto near = closest(name, names);
  scanner.fail("found the op \"", name, "\", which is not known",
               near ? cat("; did you mean ", *near, "?") : std::string());
}

[[noreturn]] void fail_unknown_field(const Scanner& scanner, std::string_view name,
                                     std::string_view op, const FieldList& fields) {
  std::vector<std::string_view> names;
  for (const Field& field : fields.list()) names.push_back(field.name);
  const auto near = closest(name, names);
  scanner.fail("found the field \"", name, "\", which ", op, " does not have",
               near ? cat("; did you mean ", *near, "?") : std::string());
}

Type read_type(Scanner& scanner) {
  scanner.next();
  const std::string_view before = scanner.rest();
  auto type = parse_type(scanner.rest());
  if (type) return std::move(*type);
  scanner.rest() = before;
  scanner.wrong("a type such as f32[n,3]");
}

/// A number with commas and "bytes": what print() writes for people. Not checked against the type.
void skip_byte_count(Scanner& scanner) {
  std::string_view rest = scanner.next();
  const size_t digits = std::min(rest.find_first_not_of("0123456789,"), rest.size());
  if (digits == 0 || !rest.substr(digits).starts_with(" bytes")) return;
  scanner.rest().remove_prefix(digits);
  scanner.take_word("bytes");
}

/// `random(seed, gain)`.
std::shared_ptr<const Weight> read_random(Scanner& scanner, DType dtype,
                                          std::vector<int64_t> shape) {
  scanner.want('(');
  const std::string_view seed_text = take_token(scanner.rest());
  scanner.want(',');
  const std::string_view gain_text = take_token(scanner.rest());
  scanner.want(')');
  const std::string literal = cat("u64{", seed_text, "}");
  std::string_view rest = literal;
  const auto seed = parse_literal(rest);
  const auto gain = parse_double(gain_text);
  if (!seed || !gain)
    scanner.fail("found random(", seed_text, ", ", gain_text, "), wanted random(seed, gain)");
  return Weight::random(dtype, std::move(shape), static_cast<uint64_t>(seed->integer(0)), *gain);
}

Hash read_hash(Scanner& scanner) {
  const std::string_view digits = scanner.identifier();
  const auto hash = parse_hash(digits);
  if (!hash) scanner.fail("found \"", digits, "\", wanted a hash of 32 hex digits");
  return *hash;
}

std::string read_source(Scanner& scanner) {
  if (!scanner.at('"')) {
    const std::string source(scanner.rest());
    scanner.rest() = {};
    return source;
  }
  auto source = parse_quoted(scanner.rest());
  if (!source) scanner.fail("found a quoted source without its end");
  return std::move(*source);
}

/// Reads one graph, or one body, from a block of lines.
class GraphParser {
 public:
  GraphParser(const Context& context, int depth) : context_(context), depth_(depth) {}

  /// `at`: the header's line; moved behind the graph. `scanner`: behind the header's title.
  std::unique_ptr<Graph> run(size_t& at, Scanner& scanner, std::string name) {
    graph_ = std::make_unique<Graph>(std::move(name));
    const int indent = context_.lines[at].indent;
    const size_t first = at + 1;
    size_t end = first;
    while (end < lines().size() && lines()[end].indent > indent) ++end;
    at = end;
    if (at < lines().size() && lines()[at].indent == indent && is_weights(lines()[at])) {
      ++at;
      while (at < lines().size() && lines()[at].indent > indent) read_weight(lines()[at++]);
    }
    read_header(scanner);
    read_block(first, end);
    for (Pending& output : outputs_)
      graph_->add_output(output.name, resolve(output.operand, output.line));
    if (untyped_) infer_missing();
    return std::move(graph_);
  }

 private:
  /// An operand as it stands in the text.
  struct Operand {
    enum class Kind {
      none,
      value,
      constant,
      literal
    } kind = Kind::none;
    std::string name;
    Tensor literal;
  };
  struct Pending {
    std::string name;
    Operand operand;
    Scanner line;
  };

  const std::vector<Line>& lines() const { return context_.lines; }
  static bool is_weights(const Line& line) { return line.text == "weights"; }

  void read_header(Scanner& s) {
    s.want('(');
    for (bool first = true; !s.take(')'); first = false) {
      if (!first) s.want(',');
      s.want('%');
      const std::string name = s.name("a value's name");
      s.want(':');
      define(name, s);
      graph_->add_input(name, read_type(s));
    }
    s.next();
    s.want_text("->");
    s.want('(');
    for (bool first = true; !s.take(')'); first = false) {
      if (!first) s.want(',');
      outputs_.push_back(read_output(s));
    }
    if (!s.done()) s.wrong("the end of the line");
  }

  Pending read_output(Scanner& s) {
    s.next();
    if (s.at('%') || s.at('@')) {
      Operand operand = read_operand(s);
      std::string name = operand.name;
      return {std::move(name), std::move(operand), s};
    }
    std::string name = s.name("an output: name = %value, or %value");
    s.want('=');
    Operand operand = read_operand(s);
    if (operand.kind == Operand::Kind::none) s.fail("found _, wanted the output's value");
    return {std::move(name), std::move(operand), s};
  }

  Operand read_operand(Scanner& s) {
    Operand operand;
    if (s.take('%')) {
      operand.kind = Operand::Kind::value;
      operand.name = s.name("a value's name");
    } else if (s.take('@')) {
      operand.kind = Operand::Kind::constant;
      operand.name = s.name("a constant's name");
    } else if (!s.take_word("_")) {
      const std::string_view before = s.next();
      auto literal = parse_literal(s.rest());
      if (!literal) {
        s.rest() = before;
        s.wrong(kOperand);
      }
      if (literal->count() > kLiteralElements)
        s.fail("found a literal of ", literal->count(), " elements, wanted at most ",
               kLiteralElements, "; larger constants are named under \"weights\"");
      operand.kind = Operand::Kind::literal;
      operand.literal = std::move(*literal);
    }
    return operand;
  }

  Value* resolve(Operand& operand, const Scanner& s) {
    if (operand.kind == Operand::Kind::none) return nullptr;
    if (operand.kind == Operand::Kind::literal) {
      Value* value =
          graph_->add_constant(free_literal_name(), Weight::of(std::move(operand.literal)));
      literals_.insert(value);
      return value;
    }
    const bool constant = operand.kind == Operand::Kind::constant;
    Value* value = graph_->find(operand.name);
    if (value == nullptr || literals_.contains(value) || value->is_constant() != constant)
      fail_undefined(operand.name, constant, s);
    return value;
  }

  [[noreturn]] void fail_undefined(const std::string& name, bool constant, const Scanner& s) {
    std::vector<std::string_view> names;
    const auto add = [&](const Value* value) {
      if (value != nullptr && !literals_.contains(value) && value->is_constant() == constant)
        names.push_back(value->name);
    };
    for (const Value* value : graph_->inputs()) add(value);
    for (const Value* value : graph_->constants()) add(value);
    for (const Node& node : graph_->nodes())
      for (const Value* value : node.outputs) add(value);
    const auto near = closest(name, names);
    std::string shown(constant ? "@" : "%"), hint;
    append_name(shown, name);
    if (near) {
      hint = constant ? "; did you mean @" : "; did you mean %";
      append_name(hint, *near);
      hint += '?';
    }
    s.fail("found ", shown, ", wanted ",
           constant ? "a constant listed under \"weights\"" : "a value that is defined above",
           hint);
  }

  /// A name that the text defines. Literals have none in the text and make way.
  void define(const std::string& name, const Scanner& s) {
    Value* taken = graph_->find(name);
    if (taken == nullptr) return;
    if (literals_.contains(taken)) return graph_->rename(taken, free_literal_name());
    std::string shown;
    append_name(shown, name);
    s.fail("found a second definition of ", shown, ", wanted a new name");
  }

  std::string free_literal_name() {
    std::string name;
    do name = cat("literal.", literal_count_++);
    while (graph_->find(name) != nullptr);
    return name;
  }

  void read_weight(const Line& line) {
    Scanner s(line);
    s.want('@');
    const std::string name = s.name("a constant's name");
    s.want(':');
    const Type type = read_type(s);
    const auto shape = type.is_tensor() ? type.tensor().concrete() : std::nullopt;
    if (!shape || std::any_of(shape->begin(), shape->end(), [](int64_t d) { return d < 0; }))
      s.fail("found the type ", type, ", wanted a tensor whose sizes are numbers >= 0");
    define(name, s);
    try {
      const DType dtype = type.tensor().dtype;
      if (dtype != DType::string) bytes_for(dtype, element_count(*shape));
      graph_->add_constant(name, read_contents(s, name, dtype, *shape));
    } catch (const Error& error) {
      rethrow(error, s.line());
    }
    if (!s.done()) s.wrong("the end of the line");
  }

  std::shared_ptr<const Weight> read_contents(Scanner& s, std::string_view name, DType dtype,
                                              const std::vector<int64_t>& shape) {
    skip_byte_count(s);
    if (s.next().starts_with("random(")) {
      s.take_word("random");
      return read_random(s, dtype, shape);
    }
    const Hash hash = s.take_word("hash") ? read_hash(s) : Hash{};
    std::string source = s.done() ? std::string() : read_source(s);
    if (context_.resolver) {
      auto found = context_.resolver(name, dtype, shape, hash);
      if (found != nullptr && (found->dtype() != dtype || found->shape() != shape))
        s.fail("found contents of ", found->dtype(), shape_text(found->shape()), " for ", name,
               ", wanted ", dtype, shape_text(shape));
      if (found != nullptr) return found;
    }
    return Weight::absent(dtype, shape, hash, std::move(source));
  }

  void read_block(size_t at, size_t end) {
    if (at == end) return;
    const int indent = lines()[at].indent;
    while (at < end) {
      Scanner s(lines()[at]);
      if (lines()[at].indent != indent)
        s.fail("found an indentation of ", lines()[at].indent, ", wanted ", indent);
      if (s.take_word("require")) {
        read_require(s);
        ++at;
      } else {
        read_node(s, at, end);
      }
    }
  }

  void read_require(Scanner& s) {
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
    else s.wrong("== or <=");
    s.rest().remove_prefix(2);
    require.b = side();
    if (!s.done()) s.wrong("the end of the line");
    graph_->add_requirement(std::move(require));
  }

  /// `%a, _ = Op(operands) field=value : types  # origin`, then the blocks of its bodies.
  void read_node(Scanner& s, size_t& at, size_t end) {
    const std::vector<std::string> results = read_results(s);
    s.want('=');
    s.next();
    const std::string_view op_name = s.identifier();
    if (op_name.empty()) s.wrong("the name of an op");
    const OpClass* op_class = context_.registry.find(op_name);
    if (op_class == nullptr) fail_unknown_op(s, op_name, context_.registry);
    std::vector<Value*> operands = read_operands(s);
    check_arity(*op_class, operands, results, s);

    const std::shared_ptr<void> data = op_class->copy(nullptr);
    FieldList fields;
    op_class->fields(data.get(), fields);
    read_fields(s, op_name, fields);
    std::vector<std::optional<Type>> types = read_types(s, results);
    std::vector<std::string> origin;
    std::string by;
    if (s.take('#')) read_origin(s, origin, by);
    if (!s.done()) s.wrong("a field, \": types\", \"# origin\" or the end of the line");
    const int indent = lines()[at].indent;
    ++at;
    while (at < end && lines()[at].indent > indent) read_body(at, op_name, fields);

    for (const std::string& result : results)
      if (!result.empty()) define(result, s);
    Node* node = graph_->add_node(Op::of(*op_class, data), std::move(operands), results,
                                  std::move(origin), std::move(by));
    if (types.empty()) untyped_ = true;
    for (size_t i = 0; i < types.size(); ++i)
      if (node->outputs[i] != nullptr && types[i]) node->outputs[i]->type = std::move(*types[i]);
    node_lines_.push_back({s.line(), !types.empty()});
  }

  std::vector<std::string> read_results(Scanner& s) {
    std::vector<std::string> results;
    bool wanted = false;
    do {
      if (s.take('%')) {
        results.push_back(s.name("a value's name"));
        wanted = true;
        if (std::find(results.begin(), results.end() - 1, results.back()) != results.end() - 1)
          s.fail("found the result ", results.back(), " twice, wanted a new name");
      } else if (s.take_word("_")) {
        results.emplace_back();
      } else {
        s.wrong("a result: %value or _");
      }
    } while (s.take(','));
    if (!wanted) s.fail("found no named result, wanted at least one");
    return results;
  }

  std::vector<Value*> read_operands(Scanner& s) {
    std::vector<Value*> operands;
    s.want('(');
    for (bool first = true; !s.take(')'); first = false) {
      if (!first) s.want(',');
      Operand operand = read_operand(s);
      operands.push_back(resolve(operand, s));
    }
    return operands;
  }

  static void check_arity(const OpClass& op_class, const std::vector<Value*>& operands,
                          const std::vector<std::string>& results, const Scanner& s) {
    const auto wanted = [](const Arity& arity) {
      if (arity.least == arity.most) return cat(arity.least);
      if (arity.most == Arity::kMany) return cat("at least ", arity.least);
      return cat(arity.least, " to ", arity.most);
    };
    const auto fits = [](const Arity& arity, size_t count) {
      return static_cast<size_t>(arity.least) <= count && count <= static_cast<size_t>(arity.most);
    };
    size_t given = operands.size();
    while (given > 0 && operands[given - 1] == nullptr) --given;
    if (!fits(op_class.inputs, given))
      s.fail("found ", given, " operands of ", op_class.name, ", wanted ", wanted(op_class.inputs));
    if (!fits(op_class.outputs, results.size()))
      s.fail("found ", results.size(), " results of ", op_class.name, ", wanted ",
             wanted(op_class.outputs));
  }

  static const Field* find(const FieldList& fields, std::string_view name) {
    for (const Field& field : fields.list())
      if (field.name == name) return &field;
    return nullptr;
  }

  static void read_fields(Scanner& s, std::string_view op_name, const FieldList& fields) {
    while (!s.done() && !s.at(':') && !s.at('#')) {
      const std::string_view name = s.identifier();
      if (name.empty()) s.wrong("a field, \": types\", \"# origin\" or the end of the line");
      const Field* field = find(fields, name);
      if (field == nullptr) fail_unknown_field(s, name, op_name, fields);
      if (std::holds_alternative<Body*>(field->ref))
        s.fail("found the body ", name, " on its node's line, wanted it on a line of its own");
      s.want('=');
      const std::string_view value = s.next();
      if (!parse_field(s.rest(), field->ref) ||
          (!s.rest().empty() && !s.rest().starts_with(' ') && !s.rest().starts_with('#'))) {
        std::string found;
        append_quoted(found, value.substr(0, std::min<size_t>(value.find(' '), 32)));
        s.fail("found ", found, " as ", name, " of ", op_name, ", wanted ", kind_text(field->ref));
      }
    }
  }

  /// What a field may hold, for messages.
  static std::string kind_text(const FieldRef& ref) {
    if (const auto* field = std::get_if<EnumField>(&ref)) return join(field->names, " or ");
    constexpr std::string_view kKinds[] = {"an integer",
                                           "a number",
                                           "true or false",
                                           "a name or \"quoted text\"",
                                           "a dtype such as f32",
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

  static std::vector<std::optional<Type>> read_types(Scanner& s,
                                                     const std::vector<std::string>& results) {
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

  static void read_origin(Scanner& s, std::vector<std::string>& origin, std::string& by) {
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
        origin.push_back(std::move(*name));
      } else {
        origin.emplace_back(rest.substr(0, rest.find(' ')));
        rest.remove_prefix(origin.back().size());
      }
    }
  }

  void read_body(size_t& at, std::string_view op_name, const FieldList& fields) {
    Scanner s(lines()[at]);
    const std::string_view name = s.identifier();
    const Field* field = find(fields, name);
    if (field == nullptr) fail_unknown_field(s, name, op_name, fields);
    auto* const* place = std::get_if<Body*>(&field->ref);
    if (place == nullptr) s.fail("found ", name, " on a line of its own, wanted ", name, "=...");
    if (**place != nullptr) s.fail("found ", name, " of ", op_name, " twice");
    if (depth_ >= kParseDepth)
      s.fail("found bodies nested deeper than ", kParseDepth, ", wanted fewer");
    **place = GraphParser(context_, depth_ + 1).run(at, s, std::string(name));
  }

  /// Types that the text left out. Written ones are kept; their nodes' rules run as well, because
  /// later ones may need the contents that they find.
  void infer_missing() {
    size_t i = 0;
    for (Node& node : graph_->nodes()) {
      const auto [line, typed] = node_lines_[i++];
      std::vector<Type> written;
      if (typed)
        for (const Value* output : node.outputs)
          written.push_back(output == nullptr ? Type() : output->type);
      try {
        infer(*graph_, node);
      } catch (const Error& error) {
        rethrow(error, line);
      }
      for (size_t k = 0; k < written.size(); ++k)
        if (node.outputs[k] != nullptr) node.outputs[k]->type = std::move(written[k]);
    }
  }

  [[noreturn]] static void rethrow(const Error& error, int line) {
    if (error.message().starts_with("line ")) throw error;
    throw Error(error.code(), cat("line ", line, ": ", error.message()));
  }

  struct NodeLine {
    int number;
    bool typed;
  };

  const Context& context_;
  int depth_;
  std::unique_ptr<Graph> graph_;
  std::vector<Pending> outputs_;
  std::vector<NodeLine> node_lines_;  // one per node
  std::unordered_set<const Value*> literals_;
  int literal_count_ = 0;
  bool untyped_ = false;
};

}  // namespace

std::unique_ptr<Graph> parse(std::string_view text, const OpRegistry& registry,
                             const WeightResolver& weights) {
  const std::vector<Line> lines = lines_of(text);
  check(!lines.empty(), Code::invalid_model, "found an empty text, wanted \"graph NAME(...)\"");
  const Context context{registry, weights, lines};
  Scanner scanner(lines.front());
  if (!scanner.take_word("graph")) scanner.wrong("\"graph NAME(%input: type) -> (%output)\"");
  scanner.next();
  std::string name = scanner.name("the graph's name");
  size_t at = 0;
  auto graph = GraphParser(context, 0).run(at, scanner, std::move(name));
  if (at < lines.size()) Scanner(lines[at]).wrong("the end of the graph");
  return graph;
}

}  // namespace hone
