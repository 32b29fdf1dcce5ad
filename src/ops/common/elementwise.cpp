#include "ops/common/elementwise.hpp"

#include "base/size.hpp"

namespace hone {
namespace {

std::string_view describe(Elements elements) {
  switch (elements) {
    case Elements::floats: return "floating point";
    case Elements::integers: return "integer";
    case Elements::numbers: return "numeric";
    case Elements::signed_numbers: return "signed numeric";
    case Elements::booleans: return "bool";
  }
  return {};
}

}  // namespace

bool accepts(Elements elements, DType type) {
  switch (elements) {
    case Elements::floats: return is_float(type);
    case Elements::integers: return is_integer(type);
    case Elements::numbers: return is_float(type) || is_integer(type);
    case Elements::signed_numbers: return is_float(type) || (is_integer(type) && is_signed(type));
    case Elements::booleans: return type == DType::boolean;
  }
  return false;
}

DType check_elements(const Inference& c, Elements elements, int first, int last) {
  const DType type = c.dtype(first);
  c.check(accepts(elements, type), "operand ", first, " is ", type, ", wanted a ",
          describe(elements), " type");
  for (int i = first + 1; i <= last; ++i)
    if (c.has(i))
      c.check(c.dtype(i) == type, "operands are ", type, " and ", c.dtype(i), ", wanted one type");
  return type;
}

void infer_broadcast(Inference& c, DType result) {
  std::vector<const TensorType*> types;
  for (int i = 0; i < c.inputs(); ++i) types.push_back(&c.tensor(i));
  std::optional<Dims> dims = c.broadcast(types);
  c.set(0, dims ? Type::tensor(result, *std::move(dims)) : Type::unranked(result));
}

void infer_same_shape(Inference& c, DType result) {
  c.set(0, TensorType{result, c.tensor(0).dims});
}

void known_broadcast(Inference& c, KnownElement f) {
  std::vector<const Dims*> contents;
  std::vector<Sizes> shapes;
  for (int i = 0; i < c.inputs(); ++i) {
    contents.push_back(c.known(i));
    const auto shape = c.tensor(i).concrete();
    const DType type = c.dtype(i);  // narrower ones may wrap where a Dim does not
    const bool exact = type == DType::i64 || type == DType::i32 || type == DType::boolean;
    if (contents.back() == nullptr || !shape || !exact) return;
    shapes.push_back(*shape);
  }
  const auto result = broadcast_shape(shapes);
  if (!result || try_element_count(*result).value_or(kKnownElements + 1) > kKnownElements) return;
  Dims known;
  bool all = true;
  std::vector<const Dim*> operands(contents.size());
  broadcast_walk(*result, shapes).elements([&](int64_t, const int64_t* at) {
    if (!all) return;
    for (size_t k = 0; k < operands.size(); ++k)
      operands[k] = &(*contents[k])[static_cast<size_t>(at[k])];
    const std::optional<Dim> element = f(operands, c);
    if (element) known.push_back(*element);
    else all = false;
  });
  if (all) c.set_known(0, std::move(known));
}

}  // namespace hone
