#include "device/cuda/emit/integer_sums.hpp"

#include <algorithm>

#include "base/text.hpp"
#include "ir/graph.hpp"

namespace hone::cuda::emitter {
namespace {

constexpr const char* kSum = "sum_of_32_bits";
constexpr const char* kEdge = "edge";
constexpr const char* kRows = "sums_of_rows";
constexpr const char* kColumns = "sums_of_columns";
constexpr const char* kTaps = "sums_of_taps";

/// Registers differ from row to row.
bool is_buffer(const Expr& load) {
  const std::string& name = std::get<BufferName>(load.source()).text;
  return name[0] == 'b' || name[0] == 'c' || name == kColumns;
}

bool is_of_columns(const Expr& expr) {
  bool loads = false, others = false;
  visit(expr, [&](const Expr& inner) {
    if (inner.kind() == Expr::Kind::load) {
      loads = true;
      others |= !is_buffer(inner);
    }
    if (inner.kind() != Expr::Kind::index) return;
    std::set<std::string, std::less<>> names;
    inner.dim().collect_variables(names);
    others |= std::ranges::any_of(names, [](const std::string& name) { return name != "n"; });
  });
  return loads && !others && (expr.dtype() == DType::f32 || expr.dtype() == DType::i32);
}

}  // namespace

IntegerSums::IntegerSums(const HalfProduct& product, ContractBuffers& buffers, PackedSums sums)
    : product_(product), buffers_(buffers), sums_(std::move(sums)) {
  if (!product.adds_up) a_zero_ = product.a.zero, b_zero_ = product.b.zero;
  if (!a_zero_ || product.taps == 0) sums_.find_outside = nullptr;
  const auto name = [&](const char* called, const char* text) {
    buffers.places.emplace(called, Place{text, DType::i32, {}, {}, true});
  };
  name(kSum, "sum");
  name(kEdge, "edge[e]");
  if (a_zero_)
    buffers.places.emplace(kColumns, Place{kColumns, DType::i32, {rows_of(product.b)}, {}});
  if (b_zero_) buffers.places.emplace(kRows, Place{kRows, DType::i32, {rows_of(product.a)}, {}});
}

void IntegerSums::declare(ExprText& text) const {
  for (const auto& [zero, other, name] :
       {std::tuple{&a_zero_, &product_.b, kColumns}, std::tuple{&b_zero_, &product_.a, kRows}}) {
    if (!*zero) continue;
    const Value* value = std::get<const Value*>(other->operand->source());
    text.line(cat("const int* __restrict__ ", name, " = (const int*)((const char*)",
                  buffers_.names.at(value), " + ", sums_.begin, ");"));
  }
  if (has_edges())
    text.line(
        cat("const int* __restrict__ ", kTaps, " = ", kColumns, " + ", rows_of(product_.b), ";"));
}

void IntegerSums::find_edges(ExprText& text, DimText& dims, const std::string& outside,
                             int count) const {
  text.line(cat("int edge[", count, "] = {};"));
  text.open(cat("for (unsigned long long rest = ", outside, "; rest != 0; rest &= rest - 1) {"));
  text.line(cat("const int* of_tap = ", kTaps, " + (__ffsll((long long)rest) - 1) * ",
                rows_of(product_.b), " + ", dims.variable("n"), ";"));
  text.line("#pragma unroll");
  text.line(cat("for (int e = 0; e < ", count, "; ++e) edge[e] += of_tap[e];"));
  text.close();
}

namespace {

Expr load_of(const char* name, std::vector<Expr> indices) {
  return Expr::load(BufferName{name}, DType::i32, std::move(indices));
}

}  // namespace

/// What is subtracted from a column's sums.
Expr IntegerSums::of_columns() const {
  return buffers_.in_text(*a_zero_, buffers_.indices()) *
         load_of(kColumns, {Expr::index(Dim::variable("n"))});
}

/// The sum with what depends on rows, too.
Expr IntegerSums::of_rows() const {
  const Indices at = buffers_.indices();
  Expr sum = load_of(kSum, {});
  if (has_edges()) sum = sum + buffers_.in_text(*a_zero_, at) * load_of(kEdge, {});
  if (b_zero_)
    sum = sum - buffers_.in_text(*b_zero_, at) * load_of(kRows, {Expr::index(Dim::variable("m"))});
  return sum;
}

Expr IntegerSums::corrected() const {
  const Expr sum = a_zero_ ? of_rows() - of_columns() : of_rows();
  const DType dtype = product_.contraction.sum->dtype();
  return dtype == DType::i32 ? sum : Expr::cast(dtype, sum);
}

Expr IntegerSums::narrowed(const Expr& expr) const {
  if (!product_.sums_are_narrow) return expr;
  const Expr sum = Expr::cast(DType::i64, a_zero_ ? of_rows() - of_columns() : of_rows());
  return replace(expr, [&](const Expr& inner) -> std::optional<Expr> {
    if (inner.kind() != Expr::Kind::cast || inner.dtype() != DType::f32) return std::nullopt;
    const Expr& added = inner.operands()[0];
    if (added.kind() != Expr::Kind::call || added.function() != Function::add) return std::nullopt;
    for (const size_t i : {0, 1}) {
      const Expr &one = added.operands()[i], &other = added.operands()[1 - i];
      const bool is_wide = other.kind() == Expr::Kind::cast && other.dtype() == DType::i64 &&
                           other.operands()[0].dtype() == DType::i32;
      if (!(one == sum) || !is_wide) continue;
      const Expr& constant = other.operands()[0];
      return Expr::cast(DType::f32, of_rows() + (a_zero_ ? constant - of_columns() : constant));
    }
    return std::nullopt;
  });
}

std::vector<IntegerSums::Word> IntegerSums::words_in(const Expr& expr) {
  std::vector<Word> words;
  const std::function<void(const Expr&)> look = [&](const Expr& inner) {
    if (words.size() == kMostWords) return;
    if (is_of_columns(inner)) {
      if (std::ranges::find(words, inner, &Word::expr) == words.end())
        words.push_back({inner, cat("w", words.size())});
      return;
    }
    if (inner.kind() == Expr::Kind::load) return;
    for (const Expr& operand : inner.operands()) look(operand);
  };
  look(expr);
  return words;
}

Place IntegerSums::place_of(const Word& word) {
  const bool real = word.expr.dtype() == DType::f32;
  return {cat(real ? "__int_as_float(" : "(", word.name, "[e])"), word.expr.dtype(), {}, {}, true};
}

}  // namespace hone::cuda::emitter
