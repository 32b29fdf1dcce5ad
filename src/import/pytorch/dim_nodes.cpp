#include "import/pytorch/dim_nodes.hpp"

#include "ir/dim/dim_terms.hpp"
#include "ops/arithmetic.hpp"
#include "ops/layout.hpp"
#include "ops/shape.hpp"

namespace hone::pytorch {
namespace {

class DimWriter {
 public:
  explicit DimWriter(builder::NodeBuilder& node) : node_(node) {}

  Value* write(const Dim& dim) {
    if (const auto constant = dim.constant()) return number(*constant);
    if (dim.is_too_long()) node_.unsupported("a size is too long to write");
    Value* total = nullptr;
    for (const DimTerm& term : DimAccess::terms(dim)) {
      Value* product = nullptr;
      for (const DimAtomRef& factor : term.factors) {
        Value* next = atom(*factor);
        product = product == nullptr ? next : node_.intermediate(Mul{}, {product, next}, "size");
      }
      if (term.coefficient != 1)
        product = node_.intermediate(Mul{}, {product, number(term.coefficient)}, "size");
      total = total == nullptr ? product : node_.intermediate(Add{}, {total, product}, "size");
    }
    const int64_t offset = DimAccess::offset(dim);
    return offset == 0 ? total : node_.intermediate(Add{}, {total, number(offset)}, "size");
  }

 private:
  Value* number(int64_t value) {
    Tensor made(DType::i64, {});
    made.set_integer(0, value);
    return node_.constant(std::move(made), "number");
  }

  Value* atom(const DimAtom& atom) {
    if (atom.kind == DimAtom::Kind::symbol) return symbol(atom.name);
    std::vector<Value*> args;
    for (const Dim& arg : atom.args) args.push_back(write(arg));
    if (atom.kind == DimAtom::Kind::min) return node_.intermediate(Min{}, args, "size");
    if (atom.kind == DimAtom::Kind::max) return node_.intermediate(Max{}, args, "size");
    if (atom.kind == DimAtom::Kind::broadcast) {  // the largest, but 0 where one is
      Value* largest = node_.intermediate(Max{}, args, "size");
      args.push_back(number(1));
      return node_.intermediate(Mul{}, {largest, node_.intermediate(Min{}, args, "size")}, "size");
    }
    // Div truncates; less its remainder (of the divisor's sign) the dividend divides exactly.
    Value* rest = node_.intermediate(Mod{}, {args[0], args[1]}, "size");
    Value* whole = node_.intermediate(Sub{}, {args[0], rest}, "size");
    return node_.intermediate(Div{}, {whole, args[1]}, "size");
  }

  Value* symbol(std::string_view name) {
    const auto places = symbol_definitions(node_.graph());
    const auto found = places.find(name);
    if (found == places.end()) node_.unsupported("the size ", name, " is that of no dimension");
    const SymbolDefinition& place = found->second;
    Value* value = const_cast<Value*>(place.value);
    Value* size =
        node_.intermediate(Shape{.start = place.dim, .end = place.dim + 1}, {value}, "size");
    return node_.intermediate(Squeeze{.axes = Dims{Dim(0)}}, {size}, "size");
  }

  builder::NodeBuilder& node_;
};

}  // namespace

Value* dim_value(builder::NodeBuilder& node, const Dim& dim) { return DimWriter(node).write(dim); }

Value* dims_value(builder::NodeBuilder& node, const Dims& dims) {
  std::vector<Value*> parts;
  for (const Dim& dim : dims)
    parts.push_back(
        node.intermediate(Reshape{.shape = Dims{Dim(1)}}, {dim_value(node, dim)}, "size"));
  if (parts.size() == 1) return parts.front();
  return node.intermediate(Concat{.axis = 0}, parts, "sizes");
}

}  // namespace hone::pytorch
