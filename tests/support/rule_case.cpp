#include "support/rule_case.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/text.hpp"
#include "ir/inference.hpp"

namespace hone::test {
namespace {

class RuleDraw {
 public:
  RuleDraw(const Rule& rule, const OpRegistry& registry, Rng& rng, int64_t least)
      : rule_(rule), registry_(registry), rng_(rng), least_(least), names_(rule.names.size()) {}

  GraphCase run() {
    case_.graph = std::make_unique<Graph>("drawn");
    for (int64_t rank = rng_.below(4); rank > 0; --rank) shape_.push_back(rng_.between(1, 4));
    for (const RuleCapture& capture : rule_.captures) captures_.push_back(draw_capture(capture));
    for (size_t i = 0; i < rule_.names.size(); ++i)
      if (!rule_.names[i].definition) names_[i] = variable(rule_.names[i]);
    for (const RuleOutput& output : rule_.outputs) {
      Value* value = named(output.name);
      case_.graph->add_output(value->name, value);
    }
    return std::move(case_);
  }

 private:
  struct Capture {
    double number;
    std::string text;
  };

  Capture draw_capture(const RuleCapture& capture) {
    if (!capture.samples.empty()) {
      const std::string& text = rng_.among(capture.samples);
      return {parse_double(text).value_or(0), text};
    }
    const double low = std::max(capture.least, -2.0), high = std::min(capture.most, 2.0);
    const double number =
        static_cast<float>(low + (high - low) * static_cast<double>(rng_.between(1, 1000)) / 1000);
    return {number, cat(static_cast<float>(number))};
  }

  DType dtype_of(const std::string& dtype_class) {
    const auto found = dtypes_.find(dtype_class);
    if (found != dtypes_.end()) return found->second;
    DType dtype = DType::f32;
    if (const auto named = parse_dtype(dtype_class)) dtype = *named;
    else if (dtype_class == "float") dtype = rng_.among({DType::f32, DType::f64, DType::f16});
    else if (dtype_class == "narrow") dtype = rng_.among({DType::f32, DType::f16});
    else if (dtype_class == "int") dtype = rng_.among({DType::i64, DType::i32, DType::u8});
    else if (dtype_class == "number") dtype = rng_.among({DType::f32, DType::f16, DType::i32});
    else dtype = rng_.among({DType::f32, DType::i64, DType::boolean});
    return dtypes_[dtype_class] = dtype;
  }

  int64_t size_of(const Dim& dim) {
    std::set<std::string, std::less<>> symbols;
    dim.collect_symbols(symbols);
    for (const std::string& symbol : symbols)
      if (!sizes_.contains(symbol)) {
        const auto sample = rule_.sizes.find(symbol);
        const int64_t size =
            sample == rule_.sizes.end() ? rng_.between(least_, 5) : size_of(sample->second);
        sizes_[symbol] = size;
      }
    return dim.evaluate(sizes_).value_or(1);
  }

  std::vector<int64_t> sizes_of(const Dims& dims) {
    std::vector<int64_t> sizes;
    for (const Dim& dim : dims) sizes.push_back(size_of(dim));
    return sizes;
  }

  std::vector<int64_t> shape_of(const TypePattern& type) {
    std::vector<int64_t> shape;
    if (type.any_shape || type.open) shape = rule_.front ? sizes_of(*rule_.front) : shape_;
    const std::vector<int64_t> sizes = sizes_of(type.dims);
    shape.insert(shape.end(), sizes.begin(), sizes.end());
    return shape;
  }

  Tensor contents(DType dtype, const std::vector<int64_t>& shape) {
    Tensor tensor(dtype, shape);
    for (int64_t i = 0; i < tensor.count(); ++i) {
      if (dtype == DType::boolean) tensor.set_integer(i, rng_.below(2));
      else if (!is_float(dtype)) tensor.set_integer(i, rng_.between(-9, 9));
      else tensor.set_number(i, number());
    }
    // A contract in ulps is of the largest magnitude: one of ordinary size.
    if (is_float(dtype) && rule_.contract != kExact && tensor.count() > 0)
      tensor.set_number(0, static_cast<double>(rng_.between(200, 400)) / 100);
    return tensor;
  }

  /// Numbers of ordinary size; where the same bits are wanted, special ones too.
  double number() {
    constexpr double kInfinity = std::numeric_limits<double>::infinity();
    if (rule_.contract == kExact && rng_.percent(30))
      return rng_.among({0.0, -0.0, kInfinity, -kInfinity, std::nan(""), 1e30, -1e-30});
    return static_cast<double>(rng_.between(-400, 400)) / 100;
  }

  Value* variable(const RuleName& name) {
    if (const auto given = rule_.contents.find(name.name); given != rule_.contents.end())
      return case_.graph->add_constant(
          name.name, Weight::of(Tensor::scalar(dtype_of(name.type->dtype),
                                               static_cast<double>(size_of(given->second)))));
    const DType dtype = dtype_of(name.type->dtype);
    const std::vector<int64_t> shape = shape_of(*name.type);
    Tensor tensor = contents(dtype, shape);
    if (name.constant) return case_.graph->add_constant(name.name, Weight::of(std::move(tensor)));
    case_.inputs.push_back(std::move(tensor));
    return case_.graph->add_input(name.name, Type::tensor(dtype, Dims(shape.begin(), shape.end())));
  }

  Value* named(int index) {
    Value*& value = names_[static_cast<size_t>(index)];
    if (value == nullptr) value = term(*rule_.names[static_cast<size_t>(index)].definition, index);
    return value;
  }

  /// A constant of one number, sometimes of shape [1].
  Value* constant(double number) {
    std::vector<int64_t> shape;
    if (!shape_.empty() && rng_.percent(30)) shape.push_back(1);
    Tensor tensor(number_dtype(), shape);
    tensor.set_number(0, number);
    return case_.graph->add_constant("c", Weight::of(std::move(tensor)));
  }

  /// Of the last one: the first may be a condition.
  static std::optional<DType> dtype_beside(const std::vector<Value*>& operands) {
    for (auto operand = operands.rbegin(); operand != operands.rend(); ++operand)
      if (*operand != nullptr) return (*operand)->type.tensor().dtype;
    return std::nullopt;
  }

  DType number_dtype() {
    if (beside_) return *beside_;
    for (const char* each : {"float", "narrow", "number", "int", "any"})
      if (dtypes_.contains(each)) return dtypes_[each];
    for (const RuleName& name : rule_.names)
      if (name.type) return dtype_of(name.type->dtype);
    return DType::f32;
  }

  Value* term(const RuleTerm& term, int name = -1) {
    using Kind = RuleTerm::Kind;
    switch (term.kind) {
      case Kind::absent: return nullptr;
      case Kind::name: return named(term.index);
      case Kind::number: {
        if (term.dims.empty()) return constant(term.number);
        Tensor tensor(number_dtype(), sizes_of(term.dims));
        for (int64_t i = 0; i < tensor.count(); ++i) tensor.set_number(i, term.number);
        return case_.graph->add_constant("c", Weight::of(std::move(tensor)));
      }
      case Kind::capture: return constant(captures_[static_cast<size_t>(term.index)].number);
      case Kind::literal: return case_.graph->add_constant("c", Weight::of(term.literal));
      case Kind::either:
        return this->term(term.choices[static_cast<size_t>(
                              rng_.below(static_cast<int64_t>(term.choices.size())))],
                          name);
      case Kind::node: break;
    }
    const RuleNode& node = rule_.nodes[static_cast<size_t>(term.index)];
    if (!node.chain.empty() && node.operands.size() == 2) return chain(node);
    Node*& made = nodes_[term.index];
    if (made == nullptr) {
      std::vector<Value*> operands;
      operands.resize(node.operands.size());
      for (const bool numbers : {false, true})  // which are of the dtype of what stands beside them
        for (size_t i = 0; i < operands.size(); ++i) {
          if ((node.operands[i].kind == Kind::number) != numbers) continue;
          beside_ = numbers ? dtype_beside(operands) : std::nullopt;
          operands[i] = this->term(node.operands[i]);
        }
      beside_.reset();
      if (!node.chain.empty()) shuffle(operands);
      made = add(op_of(node, name), std::move(operands), std::max<size_t>(1, node.results.size()));
    }
    return made->output(static_cast<size_t>(term.result));
  }

  template <class T>
  void shuffle(std::vector<T>& items) {
    for (size_t i = items.size(); i > 1; --i)
      std::swap(items[i - 1], items[static_cast<size_t>(rng_.below(static_cast<int64_t>(i)))]);
  }

  /// The leaves of a chain in any order, joined in any order; a constant sometimes by the op that
  /// undoes this one.
  Value* chain(const RuleNode& node) {
    std::vector<RuleTerm> leaves = node.chain;
    shuffle(leaves);
    return subtree(node, leaves, 0, leaves.size());
  }

  Value* subtree(const RuleNode& node, const std::vector<RuleTerm>& leaves, size_t first,
                 size_t last) {
    if (last - first == 1) return term(leaves[first]);
    const size_t middle =
        first + 1 + static_cast<size_t>(rng_.below(static_cast<int64_t>(last - first) - 1));
    if (const OpClass* other = inverse(node, leaves, middle, last)) {
      const double number = leaves[middle].kind == RuleTerm::Kind::number
                                ? leaves[middle].number
                                : captures_[static_cast<size_t>(leaves[middle].index)].number;
      Value* left = subtree(node, leaves, first, middle);
      return add(Op::of(*other, other->copy(nullptr)),
                 {left, constant(other->algebra.invert(number))}, 1)
          ->output();
    }
    Value* left = subtree(node, leaves, first, middle);
    return add(node.op, {left, subtree(node, leaves, middle, last)}, 1)->output();
  }

  const OpClass* inverse(const RuleNode& node, const std::vector<RuleTerm>& leaves, size_t first,
                         size_t last) {
    const bool constant = leaves[first].kind == RuleTerm::Kind::number ||
                          leaves[first].kind == RuleTerm::Kind::capture;
    if (rule_.contract == kExact || last - first != 1 || !constant || rng_.percent(60) ||
        !is_float(number_dtype()))
      return nullptr;
    for (const OpClass* op : registry_.all())
      if (op->algebra.inverse_of == node.op.name()) return op;
    return nullptr;
  }

  Op op_of(const RuleNode& node, int name) {
    std::shared_ptr<void> copy = node.op.op_class().copy(node.op.data());
    FieldList list;
    node.op.op_class().fields(copy.get(), list);
    for (const RuleField& field : node.fields)
      for (const Field& place : list.list())
        if (place.name == field.name) set_field(field, place.ref, name);
    return Op::of(node.op.op_class(), std::move(copy));
  }

  void set_field(const RuleField& field, const FieldRef& place, int name) {
    auto* const* dims = std::get_if<std::optional<Dims>*>(&place);
    if (field.kind == RuleField::Kind::capture) {
      std::string_view text = captures_[static_cast<size_t>(field.capture)].text;
      check(parse_field(text, place), Code::internal, "the sample ", text, " of rule ", rule_.name,
            " is no ", field.name);
    } else if (field.kind == RuleField::Kind::dims) {
      for (Dim& dim : ***dims) dim = size_of(dim);
    } else if (dims != nullptr && name >= 0 && rule_.names[static_cast<size_t>(name)].type) {
      // Any dimensions that lead to the type that is wanted.
      const auto shape = shape_of(*rule_.names[static_cast<size_t>(name)].type);
      **dims = Dims(shape.begin(), shape.end());
    }
  }

  Node* add(Op op, std::vector<Value*> operands, size_t results) {
    Node* node = case_.graph->add_node(std::move(op), std::move(operands),
                                       std::vector<std::string>(results, "v"), {"/drawn"});
    infer(*case_.graph, *node);
    return node;
  }

  const Rule& rule_;
  const OpRegistry& registry_;
  Rng& rng_;
  int64_t least_;
  GraphCase case_;
  std::vector<int64_t> shape_;  // of [*] and ...
  std::map<std::string, DType> dtypes_;
  std::optional<DType> beside_;
  Bindings sizes_;
  std::vector<Capture> captures_;
  std::vector<Value*> names_;
  std::map<int, Node*> nodes_;
};

}  // namespace

std::optional<GraphCase> draw_rule_case(const Rule& rule, const OpRegistry& registry, Rng& rng,
                                        int64_t least) {
  try {
    return RuleDraw(rule, registry, rng, least).run();
  } catch (const Error& error) {
    if (error.code() != Code::invalid_model) throw;
    return std::nullopt;
  }
}

}  // namespace hone::test
