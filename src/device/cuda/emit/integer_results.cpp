// Results of integers: numbers of columns, which shared memory has, and what a result takes.

#include <algorithm>

#include "base/text.hpp"
#include "device/cuda/emit/instructions.hpp"
#include "device/cuda/emit/quantized_text.hpp"
#include "device/cuda/emit/tensor_results.hpp"
#include "ir/graph.hpp"

namespace hone::cuda::emitter {

std::vector<IntegerSums::Word> TensorResults::words() const {
  if (!integers_) return {};
  std::string out;
  ExprText text(buffers_.places, dims_, out, 0);
  return IntegerSums::words_in(whole(eights(text)));
}

void TensorResults::keep_words(std::string& out, int indent, const std::string& thread,
                               int threads) {
  const auto all = words();
  if (all.empty()) return;
  ExprText text(buffers_.places, dims_, out, indent);
  const std::string n = dims_.variable("n");
  text.open(cat("for (int c = ", thread, "; c < ", tile_.columns, "; c += ", threads, ") {"));
  text.line(cat("const I ", n, " = n0 + c;"));
  text.open(cat("if (", n, " < n_count) {"));
  for (size_t i = 0; i < all.size(); ++i) {
    const std::string value = text.value(all[i].expr);
    text.line(cat("keep_word(columns + (", i * static_cast<size_t>(tile_.columns), " + c) * 4, ",
                  value, ");"));
  }
  text.close();
  text.close();
}

void TensorResults::read_words(ExprText& text, int count) const {
  const auto all = words();
  for (size_t i = 0; i < all.size(); ++i) {
    text.line(cat("int ", all[i].name, "[", count, "];"));
    text.line(cat(count == 2 ? "load_two(" : "load_words(", all[i].name, ", columns + (",
                  i * static_cast<size_t>(tile_.columns), " + at_column) * 4);"));
  }
}

bool TensorResults::integers_read_alone(const std::vector<Eight>& read) const {
  const auto kept = words();
  bool others = false;
  const std::function<void(const Expr&)> look = [&](const Expr& expr) {
    if (std::ranges::find(kept, expr, &IntegerSums::Word::expr) != kept.end()) return;
    others |= expr.kind() == Expr::Kind::load &&
              buffers_.names.end() != std::ranges::find_if(buffers_.names, [&](const auto& named) {
                return named.second == std::get<BufferName>(expr.source()).text;
              });
    for (const Expr& operand : expr.operands()) look(operand);
  };
  look(whole(read));
  return !others;
}

bool TensorResults::rounds_nearly() const {
  if (!integers_) return false;
  bool found = false;
  visit(given_.stage->expr, [&](const Expr& expr) {
    const auto clamped = found ? std::nullopt : clamped_in(expr);
    const auto rounded = clamped ? rounded_in(*clamped) : std::nullopt;
    found |= rounded && nearly_rounded(rounded->x).has_value();
  });
  return found;
}

int words_of(const HalfProduct& product) {
  if (!product.integers()) return 0;
  const TensorTile tile;
  ContractBuffers buffers(product.contraction);
  DimText dims;
  return static_cast<int>(TensorResults(product, tile, buffers, dims).words().size());
}

double TensorResults::instructions() const {
  constexpr double kStore = 4, kQuotient = 10, kNearly = 5, kClamp = 3;
  std::string out;
  ExprText text(buffers_.places, dims_, out, 0);
  const auto kept = words();
  std::vector<Expr> seen;
  double all = kStore;
  const std::function<void(const Expr&)> look = [&](const Expr& expr) {
    if (std::ranges::find(kept, expr, &IntegerSums::Word::expr) != kept.end() ||
        std::ranges::find(seen, expr) != seen.end() || expr.kind() == Expr::Kind::load)
      return;
    seen.push_back(expr);
    if (const auto clamped = clamped_in(expr)) {
      const auto rounded = rounded_in(*clamped);
      const auto fast = rounded ? nearly_rounded(rounded->x) : std::nullopt;
      all += kClamp + (fast ? kNearly : 0);
      return look(fast ? fast->nearly : rounded ? rounded->x : clamped->x);
    }
    const bool computes = expr.kind() == Expr::Kind::call || expr.kind() == Expr::Kind::cast;
    const bool divides = expr.kind() == Expr::Kind::call && expr.function() == Function::div;
    if (computes) all += divides ? kQuotient : 1;
    for (const Expr& operand : expr.operands()) look(operand);
  };
  look(whole(eights(text)));
  return all;
}

double instructions_behind(const HalfProduct& product) {
  if (!product.integers()) return instructions_of(product.contraction.stage->expr);
  const TensorTile tile;
  ContractBuffers buffers(product.contraction);
  DimText dims;
  return TensorResults(product, tile, buffers, dims).instructions();
}

}  // namespace hone::cuda::emitter
