#include "ir/verify.hpp"

#include <algorithm>
#include <set>
#include <unordered_map>
#include <unordered_set>

#include "base/text.hpp"
#include "ir/bodies/structural.hpp"
#include "ir/inference.hpp"

namespace hone {
namespace {

using Names = std::set<std::string, std::less<>>;

/// Symbols that a value defines: those that are a whole dimension. What contents name, something
/// else defines.
void add_definitions(const Value& value, Names& names) {
  if (!value.type.is_tensor() || !value.type.tensor().has_rank()) return;
  for (const Dim& dim : value.type.tensor().shape())
    if (const auto symbol = dim.as_symbol()) names.emplace(*symbol);
}

void add_uses(const Value& value, Names& names) {
  collect_symbols(value.type, names);
  if (!value.known) return;
  for (const Dim& dim : *value.known) dim.collect_symbols(names);
}

/// Outputs may share a name: then they are one value. A literal is a constant of its own wherever
/// the text has it.
bool same_output(const Value& a, const Value& b) {
  if (&a == &b) return true;
  return a.is_literal() && b.is_literal() && same_bits(a.weight->tensor(), b.weight->tensor());
}

class Verifier {
 public:
  /// `outer`: of the graph around a region, whose symbols and requirements the region shares.
  /// `own`: the graph, where types may be inferred in it; null: in a clone.
  Verifier(const Graph& graph, std::string_view where, const Verifier* outer, Graph* own = nullptr)
      : graph_(graph), own_(own), where_(where), outer_(outer) {
    if (outer != nullptr) symbols_ = outer->symbols_;
    values_.reserve(graph.value_count());
  }

  void run() {
    collect_values();
    check_values();
    check_nodes();
    check_users();
    check_outputs();
    check_symbols();  // bodies too: they see the symbols defined so far
    // A region's types depend on what is known of its operands: the graph around it tells.
    if (outer_ == nullptr) check_types();
  }

 private:
  template <class... Parts>
  void check(bool condition, const Parts&... parts) const {
    if (!condition) [[unlikely]]
      hone::fail(Code::internal, "after ", where_, ", graph ", graph_.name(), ": ", cat(parts...));
  }

  void add_value(const Value* value) {
    check(value != nullptr, "a list of values holds null");
    check(values_.try_emplace(value).second, "%", value->name, " is defined twice");
  }

  void collect_values() {
    for (const Value* input : graph_.inputs()) add_value(input);
    for (const Value* constant : graph_.constants()) add_value(constant);
    for (const Node& node : graph_.nodes())
      for (const Value* output : node.outputs)
        if (output != nullptr) add_value(output);
    check(values_.size() == graph_.value_count(), "it owns ", graph_.value_count(), " values, but ",
          values_.size(), " are inputs, constants or results");
  }

  void check_values() const {
    for (const Value* input : graph_.inputs())
      check(input->is_input(), "the input %", input->name, " has a producer or contents");
    for (const auto& [value, seen] : values_) {
      check(graph_.find(value->name) == value, "%", value->name, " is not found by its name");
      check_constant(*value);
      check_known(*value);
    }
  }

  void check_constant(const Value& value) const {
    if (!value.is_constant()) return;
    check(value.producer == nullptr, "the constant @", value.name, " has a producer");
    const Weight& weight = *value.weight;
    const Type wanted =
        Type::tensor(weight.dtype(), Dims(weight.shape().begin(), weight.shape().end()));
    check(value.type == wanted, "the constant @", value.name, " has the type ", value.type,
          ", its contents are ", wanted);
  }

  void check_known(const Value& value) const {
    if (!value.known) return;
    check(value.type.is_tensor(), "%", value.name, " has known contents and the type ", value.type);
    const TensorType& type = value.type.tensor();
    check(is_integer(type.dtype) || type.dtype == DType::boolean, "%", value.name, " of type ",
          value.type, " has known contents");
    if (type.has_rank())
      check(product(type.shape()) == Dim(static_cast<int64_t>(value.known->size())), "%",
            value.name, " of type ", value.type, " has ", value.known->size(), " known elements");
  }

  void check_nodes() {
    for (const Node& node : graph_.nodes()) {
      check(static_cast<bool>(node.op), "a node has no op");
      check(&*node.self == &node, describe(node), " does not know its place");
      for (const Value* input : node.inputs) {
        if (input == nullptr) continue;
        const auto found = values_.find(input);
        check(found != values_.end(), describe(node), " reads a value of another graph");
        check(input->producer == nullptr || found->second.defined, describe(node), " reads %",
              input->name, " before it is defined");
        ++found->second.readers;
      }
      for (size_t i = 0; i < node.outputs.size(); ++i) {
        const Value* output = node.outputs[i];
        if (output == nullptr) continue;
        check(output->producer == &node && output->index == static_cast<int>(i), "%", output->name,
              " does not know that it is result ", i, " of ", describe(node));
        check(!output->is_constant(), "%", output->name, " is a constant and a result");
        values_.at(output).defined = true;
      }
      check_arity(node);
      check_parameters(node);
      check_cuts(node);
    }
  }

  void check_arity(const Node& node) const {
    const OpClass& op_class = node.op.op_class();
    const auto fits = [](const Arity& arity, size_t count) {
      return static_cast<size_t>(arity.least) <= count && count <= static_cast<size_t>(arity.most);
    };
    check(node.inputs.empty() || node.inputs.back() != nullptr, describe(node),
          " ends its operands with an absent one");
    check(fits(op_class.inputs, node.inputs.size()), describe(node), " has ", node.inputs.size(),
          " operands");
    check(fits(op_class.outputs, node.outputs.size()), describe(node), " has ", node.outputs.size(),
          " results");
    check(std::any_of(node.outputs.begin(), node.outputs.end(),
                      [](const Value* output) { return output != nullptr; }),
          describe(node), " has no result that is wanted");
  }

  void check_parameters(const Node& node) const {
    const FieldList fields = node.op.fields();
    for (const Parameter& parameter : node.op.op_class().parameters) {
      if (node.input(static_cast<size_t>(parameter.operand)) == nullptr) continue;
      for (const Field& field : fields.list()) {
        if (field.name != parameter.field) continue;
        const auto* dims = std::get_if<std::optional<Dims>*>(&field.ref);
        check(dims != nullptr && !(*dims)->has_value(), describe(node), " is given ", field.name,
              " both as field and as operand ", parameter.operand);
      }
    }
  }

  void check_cuts(const Node& node) const {
    const auto* fused = node.op.as<Fused>();
    if (fused == nullptr || fused->body == nullptr) return;
    for (const std::string& cut : fused->cuts)
      check(fused->body->find(cut) != nullptr, describe(node), " may be cut at %", cut,
            ", which its body does not have");
  }

  /// Each operand stands where its node says among the value's users, and nothing else does.
  bool users_agree() const {
    for (const auto& [value, seen] : values_)
      if (value->users.size() != seen.readers ||
          std::distance(value->users.begin(), value->users.end()) != std::ptrdiff_t(seen.readers))
        return false;
    for (const Node& node : graph_.nodes())
      for (size_t i = 0; i < node.inputs.size(); ++i)
        if (node.inputs[i] != nullptr && !node.inputs[i]->users.has(&node, i)) return false;
    return true;
  }

  void check_users() const {
    if (users_agree()) return;
    std::unordered_map<const Value*, std::vector<const Node*>> readers;
    for (const Node& node : graph_.nodes())
      for (const Value* input : node.inputs)
        if (input != nullptr) readers[input].push_back(&node);
    for (const auto& [value, seen] : values_) {
      std::vector<const Node*> users(value->users.begin(), value->users.end());
      std::vector<const Node*>& wanted = readers[value];
      std::sort(users.begin(), users.end());
      std::sort(wanted.begin(), wanted.end());
      check(users == wanted, "%", value->name, " lists ", users.size(), " users, its readers are ",
            wanted.size(), users.size() == wanted.size() ? " others" : "");
    }
    for (const Node& node : graph_.nodes())
      for (size_t i = 0; i < node.inputs.size(); ++i)
        check(node.inputs[i] == nullptr || node.inputs[i]->users.has(&node, i), "operand ", i,
              " of ", describe(node), " is not where it should be among the users");
  }

  void check_outputs() const {
    std::unordered_map<std::string_view, const Value*> named;
    for (const GraphOutput& output : graph_.outputs()) {
      check(values_.contains(output.value), "the output ", output.name,
            " is no value of the graph");
      const Value* first = named.emplace(output.name, output.value).first->second;
      check(same_output(*first, *output.value), "the output ", output.name, " is both %",
            first->name, " and %", output.value->name);
    }
  }

  template <class... Parts>
  void check_defined(const Names& uses, const Parts&... user) const {
    for (const std::string& name : uses)
      check(symbols_.contains(name), user..., " uses the symbol ", name,
            " before anything defines it");
  }

  void check_symbols() {
    for (const Value* input : graph_.inputs()) add_definitions(*input, symbols_);
    for (const Value* input : graph_.inputs()) {
      Names uses;
      add_uses(*input, uses);
      check_defined(uses, "the input %", input->name);
    }
    for (const Node& node : graph_.nodes()) {
      Names uses;
      collect_symbols(node.op, uses);
      check_defined(uses, describe(node));
      uses.clear();
      for (const Value* output : node.outputs) {
        if (output == nullptr) continue;
        add_definitions(*output, symbols_);
        add_uses(*output, uses);
      }
      check_defined(uses, "the result of ", describe(node));
      check_bodies(node);
    }
    for (const Require& require : graph_.requirements()) {
      Names uses;
      require.a.collect_symbols(uses);
      require.b.collect_symbols(uses);
      check_defined(uses, "require ", require);
    }
  }

  void check_bodies(const Node& node) const {
    const FieldList fields = node.op.fields();
    for (const Field& field : fields.list()) {
      const auto* body = std::get_if<Body*>(&field.ref);
      if (body == nullptr) continue;
      check(**body != nullptr, describe(node), " has no ", field.name);
      // A region shares the surrounding symbols; any other body has its own.
      Verifier(***body, cat(where_, ", in ", describe(node)),
               node.op.as<Fused>() != nullptr ? this : nullptr)
          .run();
    }
  }

  void check_types() const {
    const std::unique_ptr<Graph> copy = own_ == nullptr ? graph_.clone() : nullptr;
    Graph* again = own_ == nullptr ? copy.get() : own_;
    std::vector<std::pair<const Value*, Type>> stated;
    stated.reserve(values_.size());
    for (const auto& [value, seen] : values_) stated.emplace_back(value, value->type);
    std::vector<std::pair<const Value*, Body>> regions;  // by a result
    for (const Node& node : graph_.nodes())
      if (const Fused* fused = node.op.as<Fused>())
        regions.emplace_back(result_of(node), fused->body);
    std::unordered_set<std::string> recorded;
    for (const Require& require : graph_.requirements()) recorded.insert(cat(require));
    try {
      infer(*again);
    } catch (const Error& error) {
      check(false, "inference fails: ", error.message());
    }
    for (const auto& [value, type] : stated) {
      const Type& found = again->find(value->name)->type;
      check(type == found, "%", value->name, " has the type ", type, ", inference finds ", found);
    }
    for (const auto& [result, body] : regions) {
      const Node& node = *again->find(result->name)->producer;
      check_region(*body, *node.op.as<Fused>()->body, describe(node));
    }
    for (const Require& require : again->requirements())
      check(recorded.contains(cat(require)), "the types need ", require, ", which is not recorded");
  }

  static const Value* result_of(const Node& node) {
    return *std::ranges::find_if(node.outputs, [](const Value* each) { return each != nullptr; });
  }

  /// Each value of a region has the type that inference finds.
  void check_region(const Graph& body, const Graph& inferred, const std::string& region) const {
    const auto look = [&](const Value* value) {
      if (value == nullptr) return;
      const Type& found = inferred.find(value->name)->type;
      if (value->type != found) [[unlikely]]
        hone::fail(Code::internal, "after ", where_, ", in ", region, ", graph ", body.name(),
                   ": %", value->name, " has the type ", value->type, ", inference finds ", found);
    };
    for (const Value* input : body.inputs()) look(input);
    for (const Node& node : body.nodes())
      for (const Value* output : node.outputs) look(output);
  }

  struct Seen {
    uint32_t readers = 0;
    bool defined = false;  // a result: by a node that was looked at
  };

  const Graph& graph_;
  Graph* own_;
  std::string where_;
  const Verifier* outer_;
  Names symbols_;
  std::unordered_map<const Value*, Seen> values_;
};

}  // namespace

void verify(const Graph& graph, std::string_view where) { Verifier(graph, where, nullptr).run(); }

void verify_in_place(Graph& graph, std::string_view where) {
  Verifier(graph, where, nullptr, &graph).run();
}

}  // namespace hone
