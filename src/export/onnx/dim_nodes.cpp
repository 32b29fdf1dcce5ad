// Symbolic dimensions as nodes that compute them from the shapes of values.

#include "export/onnx/graph_export.hpp"
#include "ir/dim/dim_terms.hpp"

namespace hone::onnx {

std::string GraphExport::numbers(std::vector<int64_t> values) {
  std::string& name = numbers_[values];
  if (name.empty()) name = constant(Tensor::ints(values), cat("sizes.", join(values, "_")));
  return name;
}

std::string GraphExport::arithmetic(std::string_view op_type, std::vector<std::string> inputs) {
  NodeModel node;
  node.op_type = op_type;
  node.inputs = std::move(inputs);
  node.input_types.assign(node.inputs.size(), uint32_t{1} << data_type(DType::i64));
  node.outputs = {fresh("size")};
  return add(std::move(node)).outputs.front();
}

std::string GraphExport::symbol(std::string_view name) {
  const auto found = symbols_.find(name);
  if (found == symbols_.end() && sizes_ != nullptr) {
    sizes_->emplace_back(name);
    return fresh(cat("size.", name));
  }
  if (found == symbols_.end())
    fail(Code::unsupported, "the size ", name, " is that of no dimension");
  const SymbolDefinition& place = found->second;
  NodeModel node;
  node.op_type = "Shape";
  node.inputs = {this->name(place.value)};
  node.input_types = {0};
  node.outputs = {fresh(cat("size.", name))};
  node.set("start", int64_t{place.dim});
  node.set("end", int64_t{place.dim} + 1);
  return add(std::move(node)).outputs.front();
}

std::string GraphExport::dim(const Dim& dim) {
  if (dim.is_constant()) return numbers({*dim.constant()});
  const std::string text = cat(dim);
  if (const auto found = dims_.find(text); found != dims_.end()) return found->second;
  const std::string made = dim.as_symbol() ? symbol(*dim.as_symbol()) : sum(dim);
  dims_.emplace(text, made);
  return made;
}

std::string GraphExport::sum(const Dim& dim) {
  const auto atom = [&](const DimAtom& a) -> std::string {
    if (a.kind == DimAtom::Kind::symbol) return this->dim(Dim::symbol(a.name));
    std::vector<std::string> args;
    for (const Dim& arg : a.args) args.push_back(this->dim(arg));
    if (a.kind == DimAtom::Kind::min) return arithmetic("Min", std::move(args));
    if (a.kind == DimAtom::Kind::max) return arithmetic("Max", std::move(args));
    if (a.kind == DimAtom::Kind::broadcast) {  // the largest, but 0 where one is
      const std::string largest = arithmetic("Max", std::vector<std::string>(args));
      args.push_back(numbers({1}));
      return arithmetic("Mul", {largest, arithmetic("Min", std::move(args))});
    }
    // Div truncates; less its remainder (of the divisor's sign) the dividend divides exactly.
    const std::string rest = arithmetic("Mod", {args[0], args[1]});
    return arithmetic("Div", {arithmetic("Sub", {args[0], rest}), args[1]});
  };
  std::string total;
  for (const DimTerm& term : DimAccess::terms(dim)) {
    std::string product;
    for (const DimAtomRef& factor : term.factors) {
      std::string next = atom(*factor);
      product = product.empty() ? std::move(next) : arithmetic("Mul", {product, std::move(next)});
    }
    if (term.coefficient != 1) product = arithmetic("Mul", {product, numbers({term.coefficient})});
    total = total.empty() ? std::move(product) : arithmetic("Add", {total, std::move(product)});
  }
  const int64_t offset = DimAccess::offset(dim);
  return offset == 0 ? total : arithmetic("Add", {total, numbers({offset})});
}

std::string GraphExport::dims(const Dims& dims, std::string_view wanted) {
  std::vector<std::string> parts;
  std::vector<int64_t> run;
  const auto end_run = [&] {
    if (!run.empty()) parts.push_back(numbers(std::exchange(run, {})));
  };
  for (const Dim& each : dims) {
    if (each.is_constant()) {
      run.push_back(*each.constant());
      continue;
    }
    end_run();
    parts.push_back(dim(each));
  }
  if (parts.empty()) return constant(Tensor::ints(run), wanted);
  end_run();
  if (parts.size() == 1) return parts.front();
  const std::string made = arithmetic("Concat", std::move(parts));
  made_.nodes.back().set("axis", int64_t{0});
  return made;
}

}  // namespace hone::onnx
