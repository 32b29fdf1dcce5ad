#include "device/cuda/emit/contract_text.hpp"

#include <map>

#include "base/text.hpp"
#include "device/cuda/emit/emit.hpp"
#include "device/cuda/emit/expr_text.hpp"
#include "device/cuda/emit/inline_stages.hpp"
#include "ir/graph.hpp"
#include "ir/scalar.hpp"

namespace hone::cuda::emitter {
namespace {

using Indices = std::map<std::string, Dim, std::less<>>;

class Writing {
 public:
  Writing(const Contraction& given, const Tile& tile) : given_(given), tile_(tile) {
    type_ = computed_type(given.sum->dtype());
  }

  ContractText run() {
    const Stage& stage = *given_.stage;
    add_inputs(stage.expr);
    add_parameter(stage.value, stage.dtype, stage.extents, false);
    places_.emplace("sum", Place{"sum", given_.sum->dtype(), {}, {}, true});
    const std::string product = product_body(), finish = tile_.split > 1 ? finish_body() : "";
    Text& text = made_.text;
    for (const auto& [name, place] : places_) text.counts.push_back(hone::product(place.shape));
    text.counts.push_back(given_.batch_count() * given_.row_count() * given_.column_count() *
                          Dim(tile_.split));
    std::string numbers;
    for (const auto& [name, symbol] : dims_.symbols().all()) {
      made_.symbols.push_back(name);
      numbers += cat(", I ", symbol);
    }
    text.body = tables_;
    text.body +=
        cat("extern \"C\" __global__ void __launch_bounds__(", kTileThreads, ", 2) product(",
            parameters_, "char* scratch", numbers, ") {\n", product, "}\n");
    if (!finish.empty())
      text.body += cat("extern \"C\" __global__ void finish(", parameters_, "char* scratch",
                       numbers, ") {\n", finish, "}\n");
    if (tile_.split > 1)
      made_.scratch_bytes = Dim(tile_.split) * given_.batch_count() * given_.row_count() *
                            given_.column_count() * Dim(bits(partial()) / 8);
    return std::move(made_);
  }

 private:
  /// What sums are in the scratch.
  DType partial() const {
    const DType dtype = given_.sum->dtype();
    return dtype == DType::f16 || dtype == DType::bf16 ? DType::f32 : dtype;
  }

  void add_parameter(const Value* value, DType dtype, const Dims& shape, bool is_input) {
    const std::string name = cat("b", made_.parameters.size());
    parameters_ += cat(is_input ? "const " : "", stored_type(dtype), "* __restrict__ ", name, ", ");
    names_.emplace(value, name);
    places_.emplace(name, Place{name, dtype, shape, {}});
    made_.parameters.push_back(value);
  }

  void add_inputs(const Expr& expr) {
    visit(expr, [&](const Expr& inner) {
      if (inner.kind() != Expr::Kind::load) return;
      const Value* value = std::get<const Value*>(inner.source());
      if (names_.contains(value)) return;
      const TensorType& type = value->type.tensor();
      if (value->is_constant()) add_table(value);
      else add_parameter(value, type.dtype, type.shape(), true);
    });
  }

  void add_table(const Value* value) {
    const TensorType& type = value->type.tensor();
    Place place{cat("c", names_.size()), type.dtype, type.shape(), {}};
    tables_ += table_text(place, value->weight->tensor());
    names_.emplace(value, place.name);
    places_.emplace(place.name, std::move(place));
  }

  /// The loops of one side as quotients and remainders of its number.
  static void place(const std::vector<Axis>& axes, const Dim& number, Indices& at) {
    const Dims places = parted(number, axes);
    for (size_t i = 0; i < axes.size(); ++i)
      at[std::string(*axes[i].variable.as_variable())] = places[i];
  }

  Indices places() const {
    Indices at;
    place(given_.batches, Dim::variable("z"), at);
    place(given_.rows, Dim::variable("m"), at);
    place(given_.columns, Dim::variable("n"), at);
    place(given_.depth, Dim::variable("k"), at);
    return at;
  }

  /// Over the text's buffers and variables; the sum is a register.
  Expr in_text(const Expr& expr, const Indices& at) const {
    if (expr == *given_.sum) return Expr::load(BufferName{"sum"}, expr.dtype(), {});
    if (expr.kind() == Expr::Kind::number) return expr;
    if (expr.kind() == Expr::Kind::index)
      return Expr::index(expr.dim().substitute_variables([&](std::string_view name) {
        const auto found = at.find(name);
        return found == at.end() ? std::nullopt : std::optional<Dim>(found->second);
      }));
    std::vector<Expr> operands;
    for (const Expr& operand : expr.operands()) operands.push_back(in_text(operand, at));
    if (expr.kind() == Expr::Kind::call) return Expr::call(expr.function(), std::move(operands));
    if (expr.kind() == Expr::Kind::cast) return Expr::cast(expr.dtype(), std::move(operands[0]));
    return Expr::load(BufferName{names_.at(std::get<const Value*>(expr.source()))}, expr.dtype(),
                      std::move(operands), expr.outside());
  }

  /// Each thread's elements of a tile of one operand, from memory into registers.
  void fetch(std::string& out, const Expr& operand, std::string_view name, int across,
             bool runs_along_depth, std::string_view number, std::string_view first,
             std::string_view count) {
    const int each = across * tile_.depth / kTileThreads;
    ExprText text(places_, dims_, out, 2);
    text.line("#pragma unroll");
    text.open(cat("for (int j = 0; j < ", each, "; ++j) {"));
    text.line(cat("const int e = (int)threadIdx.x + j * ", kTileThreads, ";"));
    const std::string x = runs_along_depth ? cat("e / ", tile_.depth) : cat("e % ", across);
    const std::string y = runs_along_depth ? cat("e % ", tile_.depth) : cat("e / ", across);
    text.line(cat("const I ", dims_.variable(number), " = ", first, " + ", x, ", ",
                  dims_.variable("k"), " = k0 + ", y, ";"));
    text.line(cat(type_, " x = 0;"));
    text.open(cat("if (", dims_.variable(number), " < ", count, " && ", dims_.variable("k"),
                  " < k_end) {"));
    Expr value = in_text(operand, places());
    if (value.dtype() != given_.sum->dtype() && !is_float(value.dtype()))
      value = Expr::cast(given_.sum->dtype(), std::move(value));
    text.line(cat("x = (", type_, ")", text.value(value), ";"));
    text.close();
    text.line(cat("r", name, "[j] = x;"));
    text.close();
  }

  void keep(std::string& out, std::string_view name, int across, bool runs_along_depth) {
    const int each = across * tile_.depth / kTileThreads;
    const std::string x = runs_along_depth ? cat("e / ", tile_.depth) : cat("e % ", across);
    const std::string y = runs_along_depth ? cat("e % ", tile_.depth) : cat("e / ", across);
    out += cat("    #pragma unroll\n    for (int j = 0; j < ", each, "; ++j) {\n",
               "      const int e = (int)threadIdx.x + j * ", kTileThreads, ";\n      t", name, "[",
               y, "][", x, "] = r", name, "[j];\n    }\n");
  }

  std::string product_body() {
    const int bm = tile_.rows, bn = tile_.columns, bk = tile_.depth;
    const int tm = bm / 16, tn = bn / 16;
    std::string out;
    out += cat("  __shared__ __align__(16) ", type_, " ta[", bk, "][", bm + 4, "], tb[", bk, "][",
               bn + 4, "];\n");
    out += cat("  const I m_count = ", dims_(given_.row_count()),
               ", n_count = ", dims_(given_.column_count()),
               ", k_count = ", dims_(given_.depth_count()), ";\n");
    out += cat("  const I n_tiles = (n_count + ", bn - 1, ") / ", bn, ", m_tiles = (m_count + ",
               bm - 1, ") / ", bm, ";\n");
    out += "  I block = blockIdx.x;\n";
    out += cat("  const I part = block % ", tile_.split, ";\n  block /= ", tile_.split, ";\n");
    out += cat("  const I n0 = block % n_tiles * ", bn, ";\n  block /= n_tiles;\n");
    out += cat("  const I m0 = block % m_tiles * ", bm, ", ", dims_.variable("z"),
               " = block / m_tiles;\n");
    // Each part takes a whole number of tiles of the depth.
    out += cat("  const I k_part = ((k_count + ", bk - 1, ") / ", bk, " + ", tile_.split - 1,
               ") / ", tile_.split, " * ", bk, ";\n");
    out += "  const I k_first = part * k_part;\n";
    out += "  const I k_end = k_first + k_part < k_count ? k_first + k_part : k_count;\n";
    out += "  const int tx = threadIdx.x % 16, ty = threadIdx.x / 16;\n";
    out += cat("  ", type_, " sums[", tm, "][", tn, "] = {};\n");
    out +=
        cat("  ", type_, " ra[", bm * bk / kTileThreads, "], rb[", bn * bk / kTileThreads, "];\n");
    const auto fetch_both = [&] {
      fetch(out, *given_.a, "a", bm, given_.a_runs_along_depth, "m", "m0", "m_count");
      fetch(out, *given_.b, "b", bn, given_.b_runs_along_depth, "n", "n0", "n_count");
    };
    out += "  {\n    const I k0 = k_first;\n";
    fetch_both();
    out += cat("  }\n  for (I k_now = k_first; k_now < k_end; k_now += ", bk, ") {\n");
    keep(out, "a", bm, given_.a_runs_along_depth);
    keep(out, "b", bn, given_.b_runs_along_depth);
    out += cat("    __syncthreads();\n    if (k_now + ", bk,
               " < k_end) {\n      const I k0 = k_now + ", bk, ";\n");
    fetch_both();
    out += cat("    }\n    #pragma unroll\n    for (int k = 0; k < ", bk, "; ++k) {\n      ", type_,
               " a[", tm, "], b[", tn, "];\n");
    for (const auto& [name, at, count] : {std::tuple{"a", "ty", tm}, std::tuple{"b", "tx", tn}})
      out += cat("      #pragma unroll\n      for (int i = 0; i < ", count, "; ++i) ", name,
                 "[i] = t", name, "[k][i / 4 * 64 + ", at, " * 4 + i % 4];\n");
    out += cat("      #pragma unroll\n      for (int i = 0; i < ", tm,
               "; ++i)\n        #pragma unroll\n        for (int j = 0; j < ", tn,
               "; ++j) sums[i][j] += a[i] * b[j];\n    }\n    __syncthreads();\n  }\n");
    store(out, tm, tn);
    return out;
  }

  void store(std::string& out, int tm, int tn) {
    ExprText text(places_, dims_, out, 1);
    const std::string m = dims_.variable("m"), n = dims_.variable("n");
    text.line("#pragma unroll");
    text.open(cat("for (int i = 0; i < ", tm, "; ++i) {"));
    text.line(cat("const I ", m, " = m0 + i / 4 * 64 + ty * 4 + i % 4;"));
    text.line(cat("if (", m, " >= m_count) continue;"));
    text.line("#pragma unroll");
    text.open(cat("for (int j = 0; j < ", tn, "; ++j) {"));
    text.line(cat("const I ", n, " = n0 + j / 4 * 64 + tx * 4 + j % 4;"));
    text.line(cat("if (", n, " >= n_count) continue;"));
    text.line(cat("const ", type_, " sum = sums[i][j];"));
    if (tile_.split > 1) {
      text.line(cat("((", computed_type(partial()), "*)scratch)[((part * ",
                    dims_(given_.batch_count()), " + ", dims_.variable("z"), ") * m_count + ", m,
                    ") * n_count + ", n, "] = sum;"));
    } else {
      put(text);
    }
    text.close();
    text.close();
  }

  void put(ExprText& text) {
    const Stage& stage = *given_.stage;
    const Indices at = places();
    Expr value = in_text(stage.expr, at);
    if (value.dtype() != stage.dtype) value = Expr::cast(stage.dtype, std::move(value));
    Dims place;
    for (size_t axis = 0; axis < stage.extents.size(); ++axis)
      place.push_back(at.at(std::string(*loop(static_cast<int>(axis)).as_variable())));
    const Place& into = places_.at(names_.at(stage.value));
    const std::string result = text.value(value);
    text.line(
        cat(into.name, "[", text.offset(into, place), "] = ", stored(result, into.dtype), ";"));
  }

  /// Sums of parts of the depth, in their order.
  std::string finish_body() {
    std::string out;
    ExprText text(places_, dims_, out, 1);
    const Dim all = given_.batch_count() * given_.row_count() * given_.column_count();
    const std::string m = dims_.variable("m"), n = dims_.variable("n"), z = dims_.variable("z");
    text.line(cat("const I m_count = ", dims_(given_.row_count()),
                  ", n_count = ", dims_(given_.column_count()), ", all = ", dims_(all), ";"));
    text.line("const I e = (I)blockIdx.x * 256 + (I)threadIdx.x;");
    text.line("if (e >= all) return;");
    text.line(cat("const I ", n, " = e % n_count, ", m, " = e / n_count % m_count, ", z,
                  " = e / n_count / m_count;"));
    text.line(cat(type_, " sum = 0;"));
    text.line("#pragma unroll");
    text.line(cat("for (int part = 0; part < ", tile_.split, "; ++part) sum += ((",
                  computed_type(partial()), "*)scratch)[part * all + e];"));
    put(text);
    return out;
  }

  const Contraction& given_;
  const Tile tile_;
  const char* type_;
  ContractText made_;
  DimText dims_;
  Places places_;
  std::map<const Value*, std::string> names_;
  std::string parameters_, tables_;
};

}  // namespace

ContractText text_of(const Contraction& contraction, const Tile& tile) {
  ContractText none;
  none.declined = contraction.declined;
  if (!contraction.declined.empty()) return none;
  visit(contraction.stage->expr, [&](const Expr& expr) {
    if (computed_type(expr.dtype()) == nullptr) none.declined = cat("it has ", expr.dtype());
  });
  if (!none.declined.empty()) return none;
  return Writing(contraction, tile).run();
}

}  // namespace hone::cuda::emitter
