#include "ir/bodies/closed_body.hpp"

#include <algorithm>

#include "ir/dim/sizes.hpp"

namespace hone {

BodyInference::BodyInference(const Body& body, Inference& c) : c_(c), body_(body) {
  c.check(body != nullptr, "a body is missing");
  for (const Value* input : body->inputs()) before_.push_back(input->type);
  for (int i = 0; i < c.inputs(); ++i)
    if (c.has(i)) collect_symbols(c.type(i), taken_);
}

Type BodyInference::inside(const Type& type, size_t i) {
  if (!type.is_tensor()) return without_symbols(type);
  if (!type.tensor().has_rank()) return type;
  Dims dims = type.tensor().shape();
  for (size_t d = 0; d < dims.size(); ++d) {
    if (dims[d].is_constant()) continue;
    const Dim outer = dims[d];
    if (!outer.as_symbol()) {
      std::string name = cat("in", i, "_d", d);
      while (taken_.contains(name)) name += '_';
      dims[d] = Dim::symbol(name);
    }
    outside_.insert_or_assign(std::string(*dims[d].as_symbol()), outer);
  }
  return Type::tensor(type.tensor().dtype, std::move(dims));
}

namespace {

/// Symbols that are the same dimension of an input as before.
SymbolNames unchanged(const std::vector<Type>& before, const std::vector<Value*>& inputs) {
  SymbolNames names;
  for (size_t i = 0; i < before.size(); ++i) {
    const Type& now = inputs[i]->type;
    if (!before[i].is_tensor() || !before[i].tensor().has_rank() || !now.is_tensor() ||
        !now.tensor().has_rank())
      continue;
    const Dims &was = before[i].tensor().shape(), &is = now.tensor().shape();
    for (size_t d = 0; d < std::min(was.size(), is.size()); ++d)
      if (const auto symbol = was[d].as_symbol(); symbol && is[d].as_symbol() == symbol)
        names.emplace(*symbol);
  }
  return names;
}

/// Other names for symbols of the body's nodes that are now names of its inputs' sizes (`fresh`:
/// those that were none before).
void rename_own(const Graph& body, const SymbolNames& fresh, SymbolSizes& sizes) {
  SymbolNames of_inputs;
  for (const Value* input : body.inputs()) collect_symbols(input->type, of_inputs);
  SymbolNames own;
  for (const Node& node : body.nodes())
    for (const Value* output : node.outputs)
      if (output != nullptr) collect_symbols(output->type, own);
  for (const std::string& symbol : own) {
    if (!fresh.contains(symbol) || sizes.contains(symbol)) continue;
    std::string name = symbol;
    do name += '_';
    while (of_inputs.contains(name) || own.contains(name));
    sizes.emplace(symbol, Dim::symbol(name));
  }
}

}  // namespace

void BodyInference::tell_inputs() {
  SymbolSizes sizes;
  SymbolNames before, fresh;
  for (size_t i = 0; i < before_.size(); ++i) {
    collect_symbols(before_[i], before);
    collect_symbols(own_->inputs()[i]->type, fresh);
    learn_sizes(before_[i], own_->inputs()[i]->type, sizes);
  }
  for (const std::string& name : unchanged(before_, own_->inputs())) sizes.erase(name);
  for (const std::string& name : before) fresh.erase(name);
  if (!fresh.empty()) rename_own(*own_, fresh, sizes);
  // Symbols and numbers for symbols: no field grows.
  check(substitute(*own_, sizes).empty(), Code::internal, "a size of a body is too long to write");
  for (size_t i = 0; i < before_.size(); ++i) before_[i] = own_->inputs()[i]->type;
}

void BodyInference::set_input(size_t i, Type type) {
  if (graph().inputs()[i]->type == type) return;
  if (own_ == nullptr) own_ = body_->clone();
  own_->inputs()[i]->type = std::move(type);
}

void BodyInference::infer() {
  if (own_ == nullptr && body_->is_settled()) return;
  if (own_ == nullptr) own_ = body_->clone();
  tell_inputs();
  own_->clear_requirements();
  hone::infer(*own_);
}

namespace {

using Names = std::set<std::string, std::less<>>;

void add_definitions(const Value& value, Names& defined) {
  if (!value.type.is_tensor() || !value.type.tensor().has_rank()) return;
  for (const Dim& dim : value.type.tensor().shape())
    if (const auto symbol = dim.as_symbol()) defined.emplace(*symbol);
}

}  // namespace

bool BodyInference::names_undefined() const {
  Names defined;
  for (const Value* input : graph().inputs()) add_definitions(*input, defined);
  for (const Node& node : graph().nodes()) {
    Names used, in_types;
    collect_symbols(node.op, used);
    if (!std::ranges::includes(defined, used)) return true;
    for (const Value* output : node.outputs) {
      if (output == nullptr) continue;
      add_definitions(*output, defined);
      collect_symbols(output->type, in_types);
    }
    if (!std::ranges::includes(defined, in_types)) return true;
  }
  return false;
}

void BodyInference::keep_as_given() {
  own_ = nullptr;
  given_ = true;
}

Body BodyInference::take() {
  if (own_ == nullptr) return body_;
  own_->set_settled();
  return std::move(own_);
}

std::optional<Dim> BodyInference::translate(const Dim& dim) const {
  std::set<std::string, std::less<>> names;
  dim.collect_symbols(names);
  for (const std::string& name : names)
    if (given_ || !outside_.contains(name)) return std::nullopt;
  return dim.substitute([&](std::string_view name) { return outside_.find(name)->second; });
}

Type outside_type(Inference& c, int output, const Type& a, const BodyInference& of_a, const Type& b,
                  const BodyInference& of_b) {
  const auto both = join(a, b);
  if (!a.is_tensor() || !b.is_tensor()) {
    c.check(both.has_value(), "the bodies give ", a, " and ", b, " as result ", output);
    return without_symbols(*both);
  }
  c.check(a.tensor().dtype == b.tensor().dtype, "the bodies give ", a, " and ", b, " as result ",
          output);
  if (!a.tensor().has_rank() || !b.tensor().has_rank() || a.tensor().rank() != b.tensor().rank())
    return Type::unranked(a.tensor().dtype);
  Dims dims;
  for (int i = 0; i < a.tensor().rank(); ++i) {
    const auto left = of_a.translate(a.tensor().shape()[static_cast<size_t>(i)]);
    const auto right = of_b.translate(b.tensor().shape()[static_cast<size_t>(i)]);
    dims.push_back(left && right && *left == *right ? *left : c.fresh(output, i));
  }
  return Type::tensor(a.tensor().dtype, std::move(dims));
}

}  // namespace hone
