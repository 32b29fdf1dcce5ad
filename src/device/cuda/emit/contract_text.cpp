#include "device/cuda/emit/contract_text.hpp"

#include "base/text.hpp"
#include "device/cuda/emit/contract_buffers.hpp"
#include "device/cuda/texts.hpp"
#include "ir/graph.hpp"
#include "ir/stages/scalar.hpp"

namespace hone::cuda::emitter {
namespace {

class ContractWriting {
 public:
  ContractWriting(const Contraction& given, const Tile& tile)
      : given_(given), tile_(tile), buffers_(given) {
    type_ = computed_type(given.sum->dtype());
  }

  ContractText run() {
    const std::string product = product_body(), finish = tile_.split > 1 ? finish_body() : "";
    Text& text = made_.text;
    for (const auto& [name, place] : buffers_.places)
      text.counts.push_back(hone::product(place.shape));
    text.counts.push_back(given_.batch_count() * given_.row_count() * given_.column_count() *
                          Dim(tile_.split));
    std::string numbers;
    for (const auto& [name, symbol] : dims_.symbols().all()) {
      made_.symbols.push_back(name);
      numbers += cat(", I ", symbol);
    }
    text.body = buffers_.tables;
    if (tile_.tensor)
      text.body +=
          cat("constexpr bool kIsBf16 = ", given_.a->dtype() == DType::bf16 ? "true" : "false",
              ";\n", embedded_text("mma"));
    text.body += cat("extern \"C\" __global__ void __launch_bounds__(", kTileThreads, ", ",
                     tile_.rows * tile_.columns > 8192 ? 2 : 3, ") product(", buffers_.declarations,
                     "char* scratch", numbers, ") {\n", product, "}\n");
    if (!finish.empty())
      text.body += cat("extern \"C\" __global__ void finish(", buffers_.declarations,
                       "char* scratch", numbers, ") {\n", finish, "}\n");
    if (tile_.split > 1)
      made_.scratch_bytes = Dim(tile_.split) * given_.batch_count() * given_.row_count() *
                            given_.column_count() * Dim(bits(partial()) / 8);
    made_.parameters = buffers_.parameters;
    return std::move(made_);
  }

 private:
  /// What sums are in the scratch.
  DType partial() const {
    const DType dtype = given_.sum->dtype();
    return dtype == DType::f16 || dtype == DType::bf16 ? DType::f32 : dtype;
  }

  /// One operand: how its tile is fetched and kept.
  struct Side {
    const Expr* operand;
    std::string name;  // of its tile, behind a t, and of registers, behind an r
    int across;        // its rows, or columns
    bool along;        // neighbours in memory are neighbours along the depth
    const std::vector<Axis>* axes;
    std::string number, first, count;
    int width = 1;  // elements that are fetched at once
  };

  Side side(const Expr& operand, std::string name, int across, bool along,
            const std::vector<Axis>& axes, std::string number) const {
    Side made{&operand, std::move(name), across,       along,
              &axes,    number,          number + "0", number + "_count"};
    made.width = tile_.tensor && fetches_at_once(made, 8) ? 8 : 1;
    return made;
  }

  /// Whether `width` elements lie side by side, and where an address of 16 bytes is, from every
  /// `width`th number on.
  bool fetches_at_once(const Side& side, int width) const {
    const Expr& load = *side.operand;
    const std::vector<Axis>& axes = side.along ? given_.depth : *side.axes;
    if (load.kind() != Expr::Kind::load || load.outside() || axes.empty()) return false;
    const Value* value = std::get<const Value*>(load.source());
    if (value->is_constant() || given_.loose.contains(value)) return false;
    if (bits(load.dtype()) * width != 128) return false;
    const Dims strides = strides_of(value, value->type.tensor().shape(), given_.strides);
    Dim offset;
    for (size_t axis = 0; axis < strides.size(); ++axis) {
      if (load.operands()[axis].kind() != Expr::Kind::index) return false;
      offset = offset + load.operands()[axis].dim() * strides[axis];
    }
    const std::string last(*axes.back().variable.as_variable());
    const auto at = [&](const Dim& place) {
      return offset.substitute_variables([&](std::string_view name) {
        return name == last ? std::optional<Dim>(place) : std::nullopt;
      });
    };
    return (at(Dim::variable(last) + 1) - offset).is(1) && exact_div(at(0), width) &&
           exact_div(axes.back().extent, width);
  }

  /// Of a unit of `width` elements with number `e`: its place across and along the depth.
  std::pair<std::string, std::string> unit(const Side& side) const {
    const int run = (side.along ? tile_.depth : side.across) / side.width;
    const std::string quotient = cat("e / ", run), rest = cat("e % ", run, " * ", side.width);
    return side.along ? std::pair(quotient, rest) : std::pair(rest, quotient);
  }
  int units(const Side& side) const {
    return side.across * tile_.depth / side.width / kTileThreads;
  }
  std::string element() const { return tile_.tensor ? "unsigned short" : type_; }

  /// Each thread's elements of a tile of one operand, from memory into registers.
  void fetch(std::string& out, const Side& side) {
    ExprText text(buffers_.places, dims_, out, 2);
    const std::string type = side.width > 1 ? "uint4" : element();
    text.line("#pragma unroll");
    text.open(cat("for (int j = 0; j < ", units(side), "; ++j) {"));
    text.line(cat("const int e = (int)threadIdx.x + j * ", kTileThreads, ";"));
    const auto [x, y] = unit(side);
    const std::string number = dims_.variable(side.number), k = dims_.variable("k");
    text.line(cat("const I ", number, " = ", side.first, " + ", x, ", ", k, " = k0 + ", y, ";"));
    text.line(cat(type, " x = {};"));
    text.open(cat("if (", number, " < ", side.count, " && ", k, " < k_end) {"));
    Expr value = buffers_.in_text(*side.operand, buffers_.indices());
    const bool plain = value.kind() == Expr::Kind::load && !value.outside();
    if (tile_.tensor && plain) {
      const Place& place = buffers_.places.at(std::get<BufferName>(value.source()).text);
      Place raw = place;
      raw.dtype = DType::u16;
      raw_places_.insert_or_assign(place.name, std::move(raw));
      ExprText bits(raw_places_, dims_, out, 4);
      if (side.width > 1) {
        Dims at;
        for (const Expr& index : value.operands()) at.push_back(index.dim());
        text.line(cat("x = *(const uint4*)(", place.name, " + ", bits.offset(place, at), ");"));
      } else {
        text.line(
            cat("x = ", bits.value(Expr::load(value.source(), DType::u16, value.operands())), ";"));
      }
    } else if (tile_.tensor) {
      text.line(cat("x = ", stored(text.value(value), side.operand->dtype()), ";"));
    } else {
      if (value.dtype() != given_.sum->dtype() && !is_float(value.dtype()))
        value = Expr::cast(given_.sum->dtype(), std::move(value));
      text.line(cat("x = (", type_, ")", text.value(value), ";"));
    }
    text.close();
    text.line(cat("r", side.name, "[j] = x;"));
    text.close();
  }

  /// From registers into the tile.
  void keep(std::string& out, const Side& side) const {
    const auto [x, y] = unit(side);
    // Sums by multiply-add read a row of the tile for each element of the depth.
    const bool turned = tile_.tensor && side.along;
    std::string place = cat("t", side.name, "[", turned ? x : y, "][", turned ? y : x, "]");
    if (side.width > 1) place = cat("*(uint4*)&", place);
    out += cat("    #pragma unroll\n    for (int j = 0; j < ", units(side), "; ++j) {\n",
               "      const int e = (int)threadIdx.x + j * ", kTileThreads, ";\n      ", place,
               " = r", side.name, "[j];\n    }\n");
  }

  std::string declared(const Side& side) const {
    const int depth = tile_.depth;
    const int pad = tile_.tensor ? 8 : 4;
    const bool turned = tile_.tensor && side.along;
    return cat("  __shared__ __align__(16) ", element(), " t", side.name, "[",
               turned ? side.across : depth, "][", (turned ? depth : side.across) + pad, "];\n  ",
               side.width > 1 ? "uint4" : element(), " r", side.name, "[", units(side), "];\n");
  }

  std::string product_body() {
    const int bm = tile_.rows, bn = tile_.columns, bk = tile_.depth;
    const Side a = side(*given_.a, "a", bm, given_.a_runs_along_depth, given_.rows, "m");
    const Side b = side(*given_.b, "b", bn, given_.b_runs_along_depth, given_.columns, "n");
    std::string out = declared(a) + declared(b) + "  let_others_begin();\n  wait_for_others();\n";
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
    if (tile_.tensor) out += cat("  float sums[", bm / 32, "][", bn / 32, "][4] = {};\n");
    else out += cat("  ", type_, " sums[", bm / 16, "][", bn / 16, "] = {};\n");
    out += "  {\n    const I k0 = k_first;\n";
    fetch(out, a);
    fetch(out, b);
    out += cat("  }\n  for (I k_now = k_first; k_now < k_end; k_now += ", bk, ") {\n");
    keep(out, a);
    keep(out, b);
    out += cat("    __syncthreads();\n    if (k_now + ", bk,
               " < k_end) {\n      const I k0 = k_now + ", bk, ";\n");
    fetch(out, a);
    fetch(out, b);
    out += "    }\n";
    if (tile_.tensor)
      out += cat("    multiply_tiles<", bm, ", ", bn, ", ", bk, ", ", a.along ? "true" : "false",
                 ", ", b.along ? "true" : "false", ">(&ta[0][0], &tb[0][0], sums);\n");
    else multiply_add(out);
    out += "    __syncthreads();\n  }\n";
    store(out);
    return out;
  }

  void multiply_add(std::string& out) const {
    const int tm = tile_.rows / 16, tn = tile_.columns / 16;
    out += "    const int tx = threadIdx.x % 16, ty = threadIdx.x / 16;\n";
    out += cat("    #pragma unroll\n    for (int k = 0; k < ", tile_.depth, "; ++k) {\n      ",
               type_, " a[", tm, "], b[", tn, "];\n");
    for (const auto& [name, at, count] : {std::tuple{"a", "ty", tm}, std::tuple{"b", "tx", tn}})
      out += cat("      #pragma unroll\n      for (int i = 0; i < ", count, "; ++i) ", name,
                 "[i] = t", name, "[k][i / 4 * 64 + ", at, " * 4 + i % 4];\n");
    out += cat("      #pragma unroll\n      for (int i = 0; i < ", tm,
               "; ++i)\n        #pragma unroll\n        for (int j = 0; j < ", tn,
               "; ++j) sums[i][j] += a[i] * b[j];\n    }\n");
  }

  /// Loops over a thread's sums; where each is in the result.
  void store(std::string& out) {
    ExprText text(buffers_.places, dims_, out, 1);
    const std::string m = dims_.variable("m"), n = dims_.variable("n");
    const int bm = tile_.rows, bn = tile_.columns;
    const int down = bm / 16, right = bn / 16;
    text.line("const int lane = threadIdx.x % 32, warp = threadIdx.x / 32;");
    text.line("#pragma unroll");
    text.open(cat("for (int i = 0; i < ", down, "; ++i) {"));
    if (tile_.tensor)
      text.line(cat("const I ", m, " = m0 + warp / 4 * ", bm / 2,
                    " + i / 2 * 16 + lane / 4 + i % 2 * 8;"));
    else text.line(cat("const I ", m, " = m0 + i / 4 * 64 + (int)threadIdx.x / 16 * 4 + i % 4;"));
    text.line(cat("if (", m, " >= m_count) continue;"));
    text.line("#pragma unroll");
    text.open(cat("for (int j = 0; j < ", right, "; ++j) {"));
    if (tile_.tensor)
      text.line(cat("const I ", n, " = n0 + warp % 4 * ", bn / 4,
                    " + j / 2 * 8 + lane % 4 * 2 + j % 2;"));
    else text.line(cat("const I ", n, " = n0 + j / 4 * 64 + (int)threadIdx.x % 16 * 4 + j % 4;"));
    text.line(cat("if (", n, " >= n_count) continue;"));
    text.line(cat("const ", type_, " sum = ",
                  tile_.tensor ? "sums[i / 2][j / 2][i % 2 * 2 + j % 2];" : "sums[i][j];"));
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
    const Indices at = buffers_.indices();
    Expr value = buffers_.in_text(stage.expr, at);
    if (value.dtype() != stage.dtype) value = Expr::cast(stage.dtype, std::move(value));
    const Place& into = buffers_.result();
    const std::string result = text.value(value);
    text.line(cat(into.name, "[", text.offset(into, buffers_.result_place(at)),
                  "] = ", stored(result, into.dtype), ";"));
  }

  /// Sums of parts of the depth, in their order.
  std::string finish_body() {
    std::string out = "  let_others_begin();\n  wait_for_others();\n";
    ExprText text(buffers_.places, dims_, out, 1);
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
  ContractBuffers buffers_;
  Places raw_places_;  // halves as their bits
};

}  // namespace

bool multiplies_halves(const Contraction& contraction) {
  if (!contraction.declined.empty()) return false;
  const DType a = contraction.a->dtype();
  return a == contraction.b->dtype() && (a == DType::f16 || a == DType::bf16) &&
         is_float(contraction.sum->dtype());
}

ContractText text_of(const Contraction& contraction, const Tile& tile) {
  ContractText none;
  none.declined = contraction.declined;
  if (!contraction.declined.empty()) return none;
  visit(contraction.stage->expr, [&](const Expr& expr) {
    if (computed_type(expr.dtype()) == nullptr) none.declined = cat("it has ", expr.dtype());
  });
  if (!none.declined.empty()) return none;
  return ContractWriting(contraction, tile).run();
}

}  // namespace hone::cuda::emitter
