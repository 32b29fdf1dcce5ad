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
    found |= rounded && nearly_rounded(rounded->x) &&
             !proven_sum(rounded->x, rounded->least, rounded->most);
  });
  return found;
}

void TensorResults::read_four(ExprText& text, const Eight& each, const std::string& word) {
  text.line(cat("const Bytes<", stored_type(each.load.dtype()), "> ", each.name, "{", word, "};"));
}

namespace {

/// A cast of numbers that are rounded and kept in a range: in f32, or as f32 is proven to have
/// them.
struct Step {
  Expr cast;
  Rounded rounded;
  std::optional<ProvenSum> sum;
};

/// The first of them that has no other one inside; what others are computed of is worth its bytes
/// where these need no limits of their own.
std::optional<Step> innermost(const Expr& expr, bool is_last) {
  if (expr.kind() == Expr::Kind::number || expr.kind() == Expr::Kind::index ||
      expr.kind() == Expr::Kind::load)
    return std::nullopt;
  for (const Expr& operand : expr.operands())
    if (auto inside = innermost(operand, false)) return inside;
  const auto whole = bits(expr.dtype()) == 8 ? whole_in(expr) : std::nullopt;
  const auto clamped = whole ? clamped_in(*whole) : std::nullopt;
  const auto rounded = clamped ? rounded_in(*clamped) : std::nullopt;
  if (!rounded) return std::nullopt;
  const bool is_byte = (rounded->least == 0 && rounded->most == 255) ||
                       (rounded->least == -128 && rounded->most == 127);
  if (!is_last && !is_byte) return std::nullopt;
  if (rounded->x.dtype() == DType::f32) return Step{expr, *rounded, std::nullopt};
  auto sum = proven_sum(rounded->x, rounded->least, rounded->most);
  return sum ? std::optional(Step{expr, *rounded, std::move(sum)}) : std::nullopt;
}

}  // namespace

/// Step by step, in which four numbers become a word: what rounds them takes several at once.
void TensorResults::put_four(std::string& out, int indent, const std::vector<Eight>& read,
                             const std::string& sum, const std::string& word) {
  Places places = buffers_.places;
  Expr value = with_registers(read, true, places);
  for (const Eight& each : read) places.at(each.name).in_word = true;
  ExprText around(places, dims_, out, indent);
  const std::string n = dims_.variable("n");
  const auto each_of_four = [&](const std::function<std::string(ExprText&)>& compute,
                                const std::string& to) {
    around.line("#pragma unroll");
    around.open("for (int e = 0; e < 4; ++e) {");
    around.line(cat("const I ", n, " = n_first + e;"));
    around.line(cat("const ", sum_type(), " sum = ", sum, ";"));
    ExprText inside(places, dims_, out, indent + 1);
    inside.keep_digits();
    const std::string computed = compute(inside);
    around.line(cat("  ", to, "[e] = ", computed, ";"));
    around.close();
  };
  for (int number = 0;; ++number) {
    const auto step = innermost(value, true);
    if (!step) break;
    const std::string name = cat("q", number), x = cat("r", number);
    around.line(cat("float ", x, "[4];"));
    each_of_four(
        [&](ExprText& text) {
          return step->sum ? text.value(*step->sum) : text.value(step->rounded.x);
        },
        x);
    const auto whole = [](double limit) { return std::to_string(static_cast<int64_t>(limit)); };
    const std::string bytes =
        cat("bytes_of<", whole(step->rounded.least), ", ", whole(step->rounded.most), ", ",
            whole(step->rounded.shift), ">(", x, ")");
    if (step->cast == value) return around.line(cat(word, " = ", bytes, ";"));
    const DType dtype = step->cast.dtype();
    around.line(cat("const Bytes<", stored_type(dtype), "> ", name, "{", bytes, "};"));
    places.emplace(name, Place{cat(name, "[e]"), dtype, {}, {}, true});
    places.at(name).in_word = true;
    value = replace(value, [&](const Expr& expr) {
      return expr == step->cast ? std::optional(Expr::load(BufferName{name}, dtype, {}))
                                : std::nullopt;
    });
  }
  around.line("unsigned y[4];");
  each_of_four(
      [&](ExprText& text) {
        return cat("(unsigned char)", stored(text.value(value), given_.stage->dtype));
      },
      "y");
  around.line(cat(word, " = word_of(y[0], y[1], y[2], y[3]);"));
}

int words_of(const HalfProduct& product) {
  if (!product.integers()) return 0;
  const TensorTile tile;
  ContractBuffers buffers(product.contraction);
  DimText dims;
  return static_cast<int>(TensorResults(product, tile, buffers, dims).words().size());
}

double TensorResults::instructions(bool in_fours) const {
  constexpr double kQuotient = 10, kNearly = 5, kByte = 2, kWhole = 2;
  const double store = in_fours ? 1 : 4, clamp = in_fours ? 0.5 : 3;
  std::string out;
  ExprText text(buffers_.places, dims_, out, 0);
  const auto kept = words();
  std::vector<Expr> seen;
  double all = store;
  const std::function<void(const Expr&)> look = [&](const Expr& expr) {
    if (std::ranges::find(kept, expr, &IntegerSums::Word::expr) != kept.end() ||
        std::ranges::find(seen, expr) != seen.end() || expr.kind() == Expr::Kind::load)
      return;
    seen.push_back(expr);
    if (const auto clamped = clamped_in(expr)) {
      const auto rounded = rounded_in(*clamped);
      all += clamp;
      if (!rounded) return look(clamped->x);
      if (const auto sum = proven_sum(rounded->x, rounded->least, rounded->most)) {
        all += 2 + 2 * kByte;
        for (const Expr& byte : {sum->x, sum->y}) {
          if (whole_in(byte.operands()[0])) all += kWhole;
          look(byte.operands()[0]);
        }
        return;
      }
      const auto fast = nearly_rounded(rounded->x);
      all += fast ? kNearly : 0;
      return look(fast ? fast->nearly : rounded->x);
    }
    const bool computes =
        expr.kind() == Expr::Kind::call ||
        (expr.kind() == Expr::Kind::cast &&
         is_float(expr.dtype()) != is_float(expr.operands()[0].dtype()) && !whole_in(expr));
    const bool divides = expr.kind() == Expr::Kind::call && expr.function() == Function::div;
    if (computes) all += divides ? kQuotient : 1;
    for (const Expr& operand : expr.operands()) look(operand);
  };
  look(whole(eights(text)));
  return all;
}

double instructions_behind(const HalfProduct& product, bool in_fours) {
  if (!product.integers()) return instructions_of(product.contraction.stage->expr);
  const TensorTile tile;
  ContractBuffers buffers(product.contraction);
  DimText dims;
  return TensorResults(product, tile, buffers, dims).instructions(in_fours);
}

}  // namespace hone::cuda::emitter
