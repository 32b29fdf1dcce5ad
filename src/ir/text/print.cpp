#include <algorithm>

#include "base/text.hpp"
#include "ir/text/scanner.hpp"
#include "ir/text/text.hpp"

namespace hone {
namespace {

// Longer lines do not push the others' columns.
constexpr size_t kTypeColumn = 100, kOriginColumn = 140;

void append_operand(std::string& out, const Value* value) {
  if (value == nullptr) {
    out += '_';
  } else if (value->is_literal()) {
    append_literal(out, value->weight->tensor());
  } else {
    out += value->is_constant() ? '@' : '%';
    append_name(out, value->name);
  }
}

void append_call(std::string& out, const Node& node) {
  for (size_t i = 0; i < node.outputs.size(); ++i) {
    if (i > 0) out += ", ";
    append_operand(out, node.outputs[i]);
  }
  out += " = ";
  out += node.op.name();
  out += '(';
  for (size_t i = 0; i < node.inputs.size(); ++i) {
    if (i > 0) out += ", ";
    append_operand(out, node.inputs[i]);
  }
  out += ')';
  append_changed_fields(out, node.op);
}

void append_types(std::string& out, const Node& node) {
  for (size_t i = 0; i < node.outputs.size(); ++i) {
    out += i > 0 ? ", " : ": ";
    if (node.outputs[i] != nullptr) append(out, node.outputs[i]->type);
    else out += '_';
  }
}

bool is_plain_origin(std::string_view text) {
  const auto special = [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte <= ' ' || byte >= 0x7f || c == '"' || c == '(';
  };
  return !text.empty() && text.front() != '+' && std::none_of(text.begin(), text.end(), special);
}

void append_origin(std::string& out, const Node& node) {
  if (node.origin.empty() && node.by.empty()) return;
  out += '#';
  for (const std::string& name : node.origin) {
    if (node.origin.more() > 0 && &name == &node.origin.back())
      out += cat(" +", node.origin.more());
    out += ' ';
    if (is_plain_origin(name)) out += name;
    else append_quoted(out, name);
  }
  if (node.by.empty()) return;
  out += " (by ";
  const auto special = [](char c) { return !is_name_char(c) && c != ' ' && c != ','; };
  if (node.by.starts_with(' ') || node.by.ends_with(' ') ||
      std::any_of(node.by.begin(), node.by.end(), special))
    append_quoted(out, node.by);
  else out += node.by;
  out += ')';
}

void append_weight(std::string& out, const Value& value, const PrintOptions& options) {
  const Weight& weight = *value.weight;
  append_operand(out, &value);
  out += " : ";
  append(out, weight.dtype());
  out += shape_text(weight.shape());
  if (weight.dtype() != DType::string) {
    out += ' ';
    out += with_commas(weight.bytes());
    out += " bytes";
  }
  const Weight& stored = weight.stored();
  if (weight.is_converted()) out += cat(" of ", stored.dtype());
  if (stored.is_random()) {
    out += cat(" random(", stored.seed(), ", ", stored.gain(), ")");
    return;
  }
  if (stored.is_absent() ? stored.hash() != Hash{} : options.hashes)
    out += cat(" hash ", stored.hash());
  if (weight.source().empty()) return;
  out += ' ';
  const auto plain = [](char c) { return is_name_char(c) || c == '+'; };
  if (weight.source() != "hash" && weight.source() != "of" &&
      std::all_of(weight.source().begin(), weight.source().end(), plain))
    out += weight.source();
  else append_quoted(out, weight.source());
}

/// One node's line, in the three parts that stand in columns.
struct Row {
  const Node* node;
  std::string call, types, origin;
};

class Printer {
 public:
  explicit Printer(const PrintOptions& options) : options_(options) {}

  /// `title`: "graph NAME", or the field that holds a body.
  void graph(const Graph& graph, std::string_view title, size_t indent) {
    header(graph, title, indent);
    for (const Require& require : graph.requirements()) {
      pad(indent + 2);
      append(out_, "require ");
      append(out_, require);
      out_ += '\n';
    }
    nodes(graph.nodes(), indent + 2);
    if (options_.weights) weights(graph, indent);
  }

  void node(const Node& node) { row(row_of(node), 0, 0, 0); }

  std::string take() { return std::move(out_); }

 private:
  void pad(size_t columns) { out_.append(columns, ' '); }

  void header(const Graph& graph, std::string_view title, size_t indent) {
    pad(indent);
    out_ += title;
    out_ += '(';
    std::string_view between;
    for (const Value* input : graph.inputs()) {
      out_ += between;
      append_operand(out_, input);
      out_ += ": ";
      append(out_, input->type);
      between = ", ";
    }
    out_ += ") -> (";
    between = "";
    for (const GraphOutput& output : graph.outputs()) {
      out_ += between;
      if (output.value->is_literal() || output.name != output.value->name) {
        append_name(out_, output.name);
        out_ += " = ";
      }
      append_operand(out_, output.value);
      between = ", ";
    }
    out_ += ")\n";
  }

  Row row_of(const Node& node) const {
    Row row{&node, {}, {}, {}};
    append_call(row.call, node);
    if (options_.types) append_types(row.types, node);
    if (options_.origins) append_origin(row.origin, node);
    return row;
  }

  void nodes(const std::list<Node>& nodes, size_t indent) {
    std::vector<Row> rows;
    rows.reserve(nodes.size());
    size_t type_column = 0, origin_column = 0;
    for (const Node& node : nodes) {
      rows.push_back(row_of(node));
      const size_t length = rows.back().call.size();
      if (options_.align && length <= kTypeColumn) type_column = std::max(type_column, length);
    }
    for (const Row& row : rows) {
      const size_t length = std::max(type_column, row.call.size()) + 1 + row.types.size();
      if (options_.align && length <= kOriginColumn)
        origin_column = std::max(origin_column, length);
    }
    for (const Row& each : rows) row(each, type_column, origin_column, indent);
  }

  void row(const Row& row, size_t type_column, size_t origin_column, size_t indent) {
    pad(indent);
    const size_t start = out_.size();
    const auto pad_to = [&](size_t column) {
      const size_t length = out_.size() - start;
      if (length < column) pad(column - length);
    };
    out_ += row.call;
    if (!row.types.empty()) {
      pad_to(type_column);
      out_ += ' ';
      out_ += row.types;
    }
    if (!row.origin.empty()) {
      pad_to(origin_column);
      out_ += "  ";
      out_ += row.origin;
    }
    out_ += '\n';
    const FieldList fields = row.node->op.fields();
    for (const Field& field : fields.list())
      if (const auto* body = std::get_if<Body*>(&field.ref); body != nullptr && **body != nullptr)
        graph(***body, field.name, indent + 2);
  }

  void weights(const Graph& graph, size_t indent) {
    bool first = true;
    for (const Value* constant : graph.constants()) {
      if (constant->is_literal()) continue;
      if (first) {
        pad(indent);
        out_ += "weights\n";
        first = false;
      }
      pad(indent + 2);
      append_weight(out_, *constant, options_);
      out_ += '\n';
    }
  }

  const PrintOptions& options_;
  std::string out_;
};

}  // namespace

std::string print(const Graph& graph, const PrintOptions& options) {
  Printer printer(options);
  std::string title = "graph ";
  append_name(title, graph.name());
  printer.graph(graph, title, 0);
  return printer.take();
}

std::string print(const Node& node, const PrintOptions& options) {
  Printer printer(options);
  printer.node(node);
  return printer.take();
}

}  // namespace hone
