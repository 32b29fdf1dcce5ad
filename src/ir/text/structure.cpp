#include "ir/text/structure.hpp"

#include <algorithm>
#include <unordered_map>

#include "base/text.hpp"

namespace hone {
namespace {

class Writing {
 public:
  Writing(const Graph& graph, Literals literals) : graph_(graph), literals_(literals) {
    numbers_.reserve(graph.value_count());
  }

  Structure run() {
    for (const Value* input : graph_.inputs()) define(input);
    for (const Node& node : graph_.nodes()) {
      append_structure(text() += '\n', node.op);
      text() += '(';
      for (const Value* input : node.inputs) read(input);
      text() += '>';
      for (const Value* output : node.outputs) {
        if (output == nullptr) text() += '_';
        else define(output);
      }
    }
    text() += '=';
    for (const GraphOutput& output : graph_.outputs()) read(output.value);
    for (const Require& require : graph_.requirements()) append(text() += ';', require);
    return std::move(made_);
  }

 private:
  std::string& text() { return made_.text; }

  size_t add(const Value* value) {
    numbers_.emplace(value, made_.values.size());
    made_.values.push_back(value);
    return made_.values.size() - 1;
  }

  void define(const Value* value) {
    add(value);
    append_contents(text(), *value);
  }

  void read(const Value* value) {
    if (value == nullptr) return void(text() += '_');
    text() += '%';
    if (const auto found = numbers_.find(value); found != numbers_.end())
      return append(text(), found->second);
    append(text(), add(value));
    if (literals_ == Literals::by_equality && value->is_literal() &&
        is_float(value->type.tensor().dtype))
      return append(text(), cat("~", value->type, " ", same_as(*value)));
    append_contents(text(), *value);
    if (value->is_constant() && !value->is_literal())
      append(text(), cat("@", value->weight->hash()));
  }

  /// The number among literals that differ.
  size_t same_as(const Value& value) {
    const Hash hash = value.weight->hash();  // of the type, too
    const auto found = std::find(floats_.begin(), floats_.end(), hash);
    if (found == floats_.end()) return floats_.push_back(hash), floats_.size() - 1;
    return static_cast<size_t>(found - floats_.begin());
  }

  const Graph& graph_;
  const Literals literals_;
  std::vector<Hash> floats_;
  std::unordered_map<const Value*, size_t> numbers_;
  Structure made_;
};

}  // namespace

void append_structure(std::string& out, const Op& op) {
  out += op.name();
  const FieldList fields = op.fields();
  for (const Field& field : fields.list()) {
    out += ' ';
    if (const auto* body = std::get_if<Body*>(&field.ref))
      append(out, cat("{", **body == nullptr ? std::string() : structure_of(***body).text, "}"));
    else append_field(out, field.ref);
  }
}

void append_outline(std::string& out, const Op& op) {
  const auto add = [&out](const Op& of, const auto& add_body) {
    out += of.name();
    const FieldList fields = of.fields();
    for (const Field& field : fields.list()) {
      out += ' ';
      if (const auto* body = std::get_if<Body*>(&field.ref)) add_body(**body);
      else append_field(out, field.ref);
    }
  };
  add(op, [&](const Body& body) {
    if (body == nullptr) return;
    for (const Value* constant : body->constants())
      if (constant->is_literal()) append_literal(out += '=', constant->weight->tensor());
    for (const Node& node : body->nodes()) add(node.op, [](const Body&) {});
  });
}

void append_contents(std::string& out, const Value& value) {
  if (value.is_literal()) return append_literal(out += '=', value.weight->tensor());
  append(out += ':', value.type);
  if (value.known) append(out, cat("[", join(*value.known, ","), "]"));
}

size_t Structure::number(const Value* value) const {
  return static_cast<size_t>(std::find(values.begin(), values.end(), value) - values.begin());
}

Structure structure_of(const Graph& graph, Literals literals) {
  return Writing(graph, literals).run();
}

}  // namespace hone
