#include "ir/closed_body.hpp"

namespace hone {

BodyInference::BodyInference(const Body& body, Inference& c) : c_(c) {
  c.check(body != nullptr, "a body is missing");
  graph_ = body->clone();
  graph_->clear_requirements();
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

void BodyInference::infer() {
  graph_->clear_requirements();
  hone::infer(*graph_);
}

std::optional<Dim> BodyInference::translate(const Dim& dim) const {
  std::set<std::string, std::less<>> names;
  dim.collect_symbols(names);
  for (const std::string& name : names)
    if (!outside_.contains(name)) return std::nullopt;
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
