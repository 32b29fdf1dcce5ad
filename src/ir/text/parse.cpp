#include <algorithm>
#include <unordered_map>
#include <unordered_set>

#include "base/size.hpp"
#include "base/text.hpp"
#include "ir/inference.hpp"
#include "ir/text/parse_line.hpp"
#include "ir/text/text.hpp"

namespace hone {
namespace {

/// What every graph of one text shares.
struct Context {
  const OpRegistry& registry;
  const WeightResolver& resolver;
  const Limits& limits;
  const std::vector<Line>& lines;
  int64_t nodes = 0, captures = 0;  // in all graphs so far
};

void count(int64_t& number, int64_t most, std::string_view what, const Scanner& s) {
  if (++number > most) s.fail("found more than ", most, " ", what, ", wanted fewer");
}

void check_rank(const Type& type, const Limits& limits) {
  const Type* inner = &type;
  while (!inner->is_tensor() && !inner->is_none()) inner = &inner->element();
  if (inner->is_none() || !inner->tensor().has_rank()) return;
  check(inner->tensor().rank() <= limits.rank, Code::invalid_model, "found a tensor of ",
        inner->tensor().rank(), " dimensions, wanted at most ", limits.rank);
}

[[noreturn]] void fail_unknown_op(const Scanner& scanner, std::string_view name,
                                  const OpRegistry& registry) {
  std::vector<std::string_view> names;
  for (const OpClass* each : registry.all()) names.push_back(each->name);
  const auto near = closest(name, names);
  scanner.fail("found the op \"", name, "\", which is not known",
               near ? cat("; did you mean ", *near, "?") : std::string());
}

/// Reads one graph, or one body, from a block of lines.
class GraphParser {
 public:
  GraphParser(Context& context, int depth) : context_(context), depth_(depth) {}

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
  struct Pending {
    std::string name;
    OperandText operand;
    Scanner line;
  };

  const std::vector<Line>& lines() const { return context_.lines; }
  static bool is_weights(const Line& line) { return line.text == "weights"; }

  void check_rank_at(const Type& type, const Scanner& s) const {
    try {
      check_rank(type, context_.limits);
    } catch (const Error& error) {
      rethrow(error, s.line());
    }
  }

  Type read_checked_type(Scanner& s) const {
    Type type = read_type(s);
    check_rank_at(type, s);
    return type;
  }

  void read_header(Scanner& s) {
    s.want('(');
    int64_t ports = 0;
    for (bool first = true; !s.ends(')', first); first = false) {
      s.want('%');
      const std::string name = s.name("a value's name");
      s.want(':');
      define(name, s);
      graph_->add_input(name, read_checked_type(s));
      if (depth_ > 0) count(context_.captures, context_.limits.captures, "inputs of bodies", s);
      else count(ports, context_.limits.interface, "inputs", s);
    }
    s.next();
    s.want_text("->");
    s.want('(');
    ports = 0;
    for (bool first = true; !s.ends(')', first); first = false) {
      outputs_.push_back(read_output(s));
      count(ports, context_.limits.interface, "outputs", s);
    }
    if (!s.done()) s.wrong("the end of the line");
  }

  Pending read_output(Scanner& s) {
    s.next();
    if (s.at('%') || s.at('@')) {
      OperandText operand = read_operand(s);
      std::string name = operand.name;
      return {std::move(name), std::move(operand), s};
    }
    std::string name = s.name("an output: name = %value, or %value");
    s.want('=');
    OperandText operand = read_operand(s);
    if (operand.kind == OperandText::Kind::none) s.fail("found _, wanted the output's value");
    return {std::move(name), std::move(operand), s};
  }

  Value* resolve(OperandText& operand, const Scanner& s) {
    if (operand.kind == OperandText::Kind::none) return nullptr;
    if (operand.kind == OperandText::Kind::literal) {
      Value* value =
          graph_->add_constant(free_literal_name(), Weight::of(std::move(operand.literal)));
      literals_.insert(value);
      return value;
    }
    const bool constant = operand.kind == OperandText::Kind::constant;
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
    if (name.size() > context_.limits.name_bytes)
      s.fail("found a name of ", name.size(), " bytes, wanted at most ",
             context_.limits.name_bytes);
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
    const Type type = read_checked_type(s);
    count(weights_, context_.limits.tensors, "weights", s);
    const auto shape = type.is_tensor() ? type.tensor().concrete() : std::nullopt;
    if (!shape || std::any_of(shape->begin(), shape->end(), [](int64_t d) { return d < 0; }))
      s.fail("found the type ", type, ", wanted a tensor whose sizes are numbers >= 0");
    define(name, s);
    try {
      const DType dtype = type.tensor().dtype;
      if (dtype != DType::string) bytes_for(dtype, element_count(*shape));
      graph_->add_constant(name, find_contents(s, name, dtype, *shape));
    } catch (const Error& error) {
      rethrow(error, s.line());
    }
    if (!s.done()) s.wrong("the end of the line");
  }

  std::shared_ptr<const Weight> find_contents(Scanner& s, std::string_view name, DType dtype,
                                              const std::vector<int64_t>& shape) {
    const WeightText text = read_weight_text(s);
    if (!text.stored) return find_stored(s, text, name, dtype, shape);
    if (dtype == DType::string || is_complex(dtype))
      s.fail("found numbers of ", *text.stored, " converted to ", dtype);
    return Weight::converted(find_stored(s, text, name, *text.stored, shape), dtype);
  }

  std::shared_ptr<const Weight> find_stored(Scanner& s, const WeightText& text,
                                            std::string_view name, DType dtype,
                                            const std::vector<int64_t>& shape) {
    if (text.random) return Weight::random(dtype, shape, text.seed, text.gain);
    auto found = context_.resolver ? context_.resolver(name, dtype, shape, text.hash) : nullptr;
    if (found == nullptr) return Weight::absent(dtype, shape, text.hash, text.source);
    if (found->dtype() != dtype || found->shape() != shape)
      s.fail("found contents of ", found->dtype(), shape_text(found->shape()), " for ", name,
             ", wanted ", dtype, shape_text(shape));
    return found;
  }

  void read_block(size_t at, size_t end) {
    if (at == end) return;
    const int indent = lines()[at].indent;
    while (at < end) {
      Scanner s(lines()[at]);
      if (lines()[at].indent != indent)
        s.fail("found an indentation of ", lines()[at].indent, ", wanted ", indent);
      if (s.take_word("require")) {
        graph_->add_requirement(read_require(s));
        if (!s.done()) s.wrong("the end of the line");
        ++at;
      } else {
        read_node(s, at, end);
      }
    }
  }

  /// `%a, _ = Op(operands) field=value : types  # origin`, then the blocks of its bodies.
  void read_node(Scanner& s, size_t& at, size_t end) {
    count(context_.nodes, context_.limits.nodes, "nodes", s);
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
    for (const auto& type : types)
      if (type) check_rank_at(*type, s);
    Origins origin;
    std::string by;
    if (s.take('#')) read_origin(s, origin, by);
    if (!s.done()) s.wrong("a field, \": types\", \"# origin\" or the end of the line");
    const int indent = lines()[at].indent;
    ++at;
    while (at < end && lines()[at].indent > indent) read_body(at, op_name, fields);

    define_all(results, s);
    Node* node = graph_->add_node(Op::of(*op_class, data), std::move(operands), results,
                                  std::move(origin), std::move(by));
    if (types.empty()) untyped_ = true;
    for (size_t i = 0; i < types.size(); ++i)
      if (node->outputs[i] != nullptr && types[i]) node->outputs[i]->type = std::move(*types[i]);
    node_lines_.push_back({s.line(), !types.empty()});
  }

  void define_all(const std::vector<std::string>& results, const Scanner& s) {
    std::unordered_set<std::string_view> own;
    for (const std::string& result : results) {
      if (result.empty()) continue;
      if (!own.insert(result).second)
        s.fail("found the result ", result, " twice, wanted a new name");
      define(result, s);
    }
  }

  std::vector<Value*> read_operands(Scanner& s) {
    std::vector<Value*> operands;
    s.want('(');
    for (bool first = true; !s.ends(')', first); first = false) {
      OperandText operand = read_operand(s);
      if (operand.literal.rank() > context_.limits.rank)
        s.fail("found a literal of ", operand.literal.rank(), " dimensions, wanted at most ",
               context_.limits.rank);
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

  void read_body(size_t& at, std::string_view op_name, const FieldList& fields) {
    Scanner s(lines()[at]);
    const std::string_view name = s.identifier();
    auto* const* place = std::get_if<Body*>(&find_field(s, name, op_name, fields).ref);
    if (place == nullptr) s.fail("found ", name, " on a line of its own, wanted ", name, "=...");
    if (**place != nullptr) s.fail("found ", name, " of ", op_name, " twice");
    if (depth_ >= context_.limits.depth)
      s.fail("found bodies nested deeper than ", context_.limits.depth, ", wanted fewer");
    **place = GraphParser(context_, depth_ + 1).run(at, s, std::string(name));
  }

  /// Types that the text left out. Written ones are kept; their nodes' rules run as well, because
  /// later ones may need the contents that they find. Where none is written, what a later node
  /// learns of a size reaches the earlier ones.
  void infer_missing() {
    size_t i = 0;
    bool any_written = false;
    for (Node& node : graph_->nodes()) {
      const auto [line, typed] = node_lines_[i++];
      std::vector<Type> written;
      any_written |= typed;
      if (typed)
        for (const Value* output : node.outputs)
          written.push_back(output == nullptr ? Type() : output->type);
      try {
        infer(*graph_, node);
        for (const Value* output : node.outputs)
          if (output != nullptr) check_rank(output->type, context_.limits);
      } catch (const Error& error) {
        rethrow(error, line);
      }
      for (size_t k = 0; k < written.size(); ++k)
        if (node.outputs[k] != nullptr) node.outputs[k]->type = std::move(written[k]);
    }
    if (depth_ == 0 && !any_written) infer(*graph_);
  }

  [[noreturn]] static void rethrow(const Error& error, int line) {
    if (error.message().starts_with("line ")) throw error;
    throw Error(error.code(), cat("line ", line, ": ", error.message()));
  }

  struct NodeLine {
    int number;
    bool typed;
  };

  Context& context_;
  int depth_;
  std::unique_ptr<Graph> graph_;
  std::vector<Pending> outputs_;
  std::vector<NodeLine> node_lines_;  // one per node
  std::unordered_set<const Value*> literals_;
  int literal_count_ = 0;
  int64_t weights_ = 0;
  bool untyped_ = false;
};

}  // namespace

std::unique_ptr<Graph> parse(std::string_view text, const OpRegistry& registry,
                             const WeightResolver& weights, const Limits& limits) {
  const std::vector<Line> lines = lines_of(text);
  check(!lines.empty(), Code::invalid_model, "found an empty text, wanted \"graph NAME(...)\"");
  Context context{registry, weights, limits, lines};
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
