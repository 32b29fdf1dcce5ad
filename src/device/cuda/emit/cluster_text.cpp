#include "device/cuda/emit/cluster_text.hpp"

#include "base/text.hpp"
#include "device/cuda/emit/tensor_results.hpp"
#include "ir/graph.hpp"

namespace hone::cuda::emitter {
namespace {

class ClusterWriting {
 public:
  ClusterWriting(const BroughtProduct& product, const ClusterTile& tile)
      : tile_(tile),
        as_tensor_{ClusterTile::kRows, tile.columns, tile.stages, 1, true, false,
                   tile.element_bytes, tile.words},
        bringing_(product, ClusterTile::kRows, tile.columns),
        dims_(bringing_.dims()),
        results_(*product.product, as_tensor_, bringing_.buffers(), dims_, bringing_.sums()) {}

  ContractText run() {
    const std::string body = product_body();
    return bringing_.text("", [&](const std::string& parameters) {
      const std::string cluster =
          tile_.split > 1 ? cat("__cluster_dims__(", tile_.split, ", 1, 1) ") : "";
      return cat("extern \"C\" __global__ void ", cluster, "__launch_bounds__(", tile_.threads(),
                 ", ", tile_.blocks_at_once(), ") product(", parameters, ") {\n", body, "}\n");
    });
  }

 private:
  /// Runs of 16 bytes of results that a thread of the warpgroups stores.
  int runs() const { return tile_.own_rows() * tile_.columns / tile_.run(); }
  int runs_each() const { return (runs() + multipliers() - 1) / multipliers(); }
  int multipliers() const { return 128 * tile_.warpgroups; }

  std::string product_body() {
    std::string out;
    ExprText text(bringing_.buffers().places, dims_, out, 1);
    begin(text);
    text.open(cat("if (warpgroup == ", tile_.warpgroups, ") {"));
    text.line("if (lane == 0) {");
    bring(text);
    text.line("}");
    text.line("return;");
    text.close();
    read_ahead(out, text);
    multiply(text);
    send_sums(text);
    write_results(out, text);
    return out;
  }

  void begin(ExprText& text) {
    text.line("let_others_begin();");
    results_.declare(text);
    bringing_.begin(text);
    text.line(cat("const unsigned sums_at = tiles + ", tile_.sums_begin(), ", full = tiles + ",
                  tile_.barriers_begin(), ", empty = full + ", 8 * tile_.stages,
                  ", counter = empty + ", 8 * tile_.stages, ";"));
    text.line(cat("const unsigned part = blockIdx.x % ", tile_.split, ";"));
    text.line(cat("const I unit = (I)blockIdx.x / ", tile_.split, ";"));
    bringing_.find_unit(text);
    text.line(cat("const I begin = (I)part * depth / ", tile_.split, ";"));
    text.line(cat("const int count = (int)(((I)part + 1) * depth / ", tile_.split, " - begin);"));
    text.open("if (threadIdx.x == 0) {");
    text.line(cat("for (int i = 0; i < ", 2 * tile_.stages + 1,
                  "; ++i) begin_barrier(full + i * 8, 1);"));
    text.line("show_barriers();");
    if (tile_.split > 1)
      text.line(cat("expect_run(counter, ",
                    tile_.warpgroups * ClusterTile::kRows * tile_.columns * 4, ");"));
    text.line("look_up(map_a);");
    text.close();
    text.line("__syncthreads();");
    if (tile_.split > 1) text.line("come_to_cluster();");
  }

  /// Constants do not wait for what ran before.
  void bring(ExprText& text) {
    const bool early = bringing_.product().b.kind == Brought::Kind::packed;
    const auto tile = [&] {
      text.line("const I k = begin + i;");
      text.line(cat("const unsigned to = tiles + i % ", tile_.stages, " * ", tile_.stage_bytes(),
                    ", barrier = full + i % ", tile_.stages, " * 8;"));
    };
    if (early) {
      text.open(cat("for (int i = 0; i < ", tile_.stages, " && i < count; ++i) {"));
      tile();
      text.line(cat("expect_run(barrier, ", tile_.stage_bytes(), ");"));
      bringing_.bring_b(text);
      text.close();
    }
    bringing_.begin_a(text, "begin");
    text.line("wait_for_others();");
    text.open("for (int i = 0; i < count; ++i) {");
    tile();
    text.line(cat("if (i >= ", tile_.stages, ") wait_at_most(empty + i % ", tile_.stages,
                  " * 8, i / ", tile_.stages, " + 1 & 1);"));
    text.open(early ? cat("if (i >= ", tile_.stages, ") {") : "{");
    text.line(cat("expect_run(barrier, ", tile_.stage_bytes(), ");"));
    bringing_.bring_b(text);
    text.close();
    bringing_.bring_a(text);
    text.close();
  }

  /// Run `i` of a thread: m, n (its first), whether it is `there`.
  void find_run(ExprText& text) {
    const std::string m = dims_.variable("m"), n = dims_.variable("n");
    text.line(cat("const int run = (int)threadIdx.x + i * ", multipliers(), ", at_row = run / ",
                  tile_.columns / tile_.run(), ", at_column = run % ", tile_.columns / tile_.run(),
                  " * ", tile_.run(), ";"));
    text.line(cat("const I ", m, " = m0 + (I)part * ", tile_.own_rows(),
                  " + at_row, n_first = ", "n0 + at_column, ", n, " = n_first;"));
    text.line(
        cat("const bool there = run < ", runs(), " && ", m, " < m_count && ", n, " < n_count;"));
  }

  /// What results are computed of comes while products run: numbers of columns, which are
  /// constants, before the others have ended.
  void read_ahead(std::string& out, ExprText& text) {
    read_ = results_.eights(text);
    if (tile_.words > 0) {
      text.line(cat("const unsigned columns = tiles + ", tile_.words_begin(), ";"));
      if (!words_are_constant()) text.line("wait_for_others();");
      results_.keep_words(out, 1, "(int)threadIdx.x", multipliers());
    }
    for (size_t i = 0; i < read_.size(); ++i)
      text.line(cat("uint4 raw", i, "[", runs_each(), "] = {};"));
    for (const bool of_columns : {true, false}) {
      bool any = false;
      for (const auto& each : read_) any |= is_early(each) == of_columns;
      if (any) {
        text.line("#pragma unroll");
        text.open(cat("for (int i = 0; i < ", runs_each(), "; ++i) {"));
        find_run(text);
        for (size_t i = 0; i < read_.size(); ++i)
          if (is_early(read_[i]) == of_columns)
            text.line(cat("if (there) raw", i, "[i] = *(const uint4*)(", read_[i].place, ");"));
        text.close();
      }
      if (of_columns) text.line("wait_for_others();");
    }
  }
  bool words_are_constant() {
    const auto all = results_.words();
    return std::ranges::all_of(all, [&](const IntegerSums::Word& word) {
      bool constant = true;
      visit(word.expr, [&](const Expr& inner) {
        if (inner.kind() != Expr::Kind::load) return;
        for (const auto& [value, name] : bringing_.buffers().names)
          constant &= name != std::get<BufferName>(inner.source()).text || value->is_constant() ||
                      constants_.contains(value);
      });
      return constant;
    });
  }
  /// A constant: nobody writes it.
  bool is_early(const TensorResults::Eight& each) const {
    const Value* value = std::get<const Value*>(each.load.source());
    return each.of_columns && constants_.contains(value);
  }

  void multiply(ExprText& text) {
    text.line(cat(results_.sum_type(), " sums[1][", bringing_.boxes(), "][",
                  bringing_.box_columns() / 2, "];"));
    text.line("int i = warpgroup, add = 0;");
    text.line("const bool first = threadIdx.x % 128 == 0;");
    text.open("if (i < count) {");
    text.line("int before = 0;");
    text.line("#pragma unroll 1");
    text.open("do {");
    text.line(cat("wait_run(full + i % ", tile_.stages, " * 8, i / ", tile_.stages, " & 1);"));
    text.line(
        cat("const unsigned tile = tiles + i % ", tile_.stages, " * ", tile_.stage_bytes(), ";"));
    bringing_.multiply(text, 1, "0");
    text.line("wait_products<1>();");
    text.line(cat("if (first && add != 0) arrive(empty + before % ", tile_.stages, " * 8);"));
    text.line("before = i;");
    text.line("add = 1;");
    text.line("forget(add);");
    text.close(cat("} while ((i += ", tile_.warpgroups, ") < count);"));
    text.line("wait_products<0>();");
    text.line("#pragma unroll");
    text.line(cat("for (int b = 0; b < ", bringing_.boxes(), "; ++b) take_sums(sums[0][b]);"));
    text.line(cat("if (first) arrive(empty + before % ", tile_.stages, " * 8);"));
    text.close();
    text.line("#pragma unroll");
    text.line(cat("for (int b = 0; b < ", bringing_.boxes(), "; ++b)"));
    text.line("#pragma unroll");
    text.line(cat("  for (int j = 0; j < ", bringing_.box_columns() / 2,
                  "; ++j) sums[0][b][j] = add != 0 ? sums[0][b][j] : 0;"));
  }

  /// To the block that adds them; each warpgroup has rows of its own there.
  void send_sums(ExprText& text) {
    const int own = tile_.own_rows(), runs_of_box = bringing_.box_columns() / 8;
    if (tile_.split > 1) text.line("await_cluster();");
    text.line("#pragma unroll");
    text.open("for (int h = 0; h < 2; ++h) {");
    text.line("const unsigned at_row = warp * 16 + lane / 4 + h * 8;");
    text.line(cat("unsigned to = sums_at + ((part * ", tile_.warpgroups, " + warpgroup) * ", own,
                  " + at_row % ", own, ") * ", tile_.pitch(), " + lane % 4 * ",
                  bringing_.in_fours() ? 16 : 8, ";"));
    if (tile_.split > 1) {
      text.line(cat("to = place_of(to, at_row / ", own, ");"));
      text.line(cat("const unsigned there = place_of(counter, at_row / ", own, ");"));
    }
    text.line("#pragma unroll");
    text.open(cat("for (int j = 0; j < ", tile_.columns / 8, "; ++j) {"));
    text.line(cat("const ", results_.sum_type(), " x = sums[0][j / ", runs_of_box, "][j % ",
                  runs_of_box, " * 4 + h * 2], y = sums[0][j / ", runs_of_box, "][j % ",
                  runs_of_box, " * 4 + h * 2 + 1];"));
    const std::string at = bringing_.in_fours() ? "to + j / 2 * 64 + j % 2 * 8" : "to + j * 32";
    text.line(tile_.split > 1 ? cat("send_pair(", at, ", x, y, there);")
                              : cat("store_pair(", at, ", x, y);"));
    text.close();
    text.close();
    // Words of columns are other threads', too.
    if (tile_.split == 1 || tile_.words > 0)
      text.line(cat("meet_multipliers<", multipliers(), ">();"));
    if (tile_.split > 1) text.line("wait_at_most(counter, 0);");
  }

  void write_results(std::string& out, ExprText& text) {
    text.line("#pragma unroll");
    text.open(cat("for (int i = 0; i < ", runs_each(), "; ++i) {"));
    find_run(text);
    text.line("if (!there) continue;");
    text.line(cat("const unsigned at = sums_at + at_row * ", tile_.pitch(), " + at_column * 4;"));
    results_.add_up(text, tile_.split * tile_.warpgroups, tile_.own_rows() * tile_.pitch());
    if (results_.has_edges()) results_.find_outside(text);
    results_.put_eight(out, true, [&](const TensorResults::Eight& each) {
      size_t at = 0;
      while (at < read_.size() && !(read_[at].load == each.load)) ++at;
      return cat("raw", at, "[i]");
    });
    text.close();
  }

 public:
  /// Operands that no step writes.
  std::set<const Value*> constants_;

 private:
  const ClusterTile tile_;
  const TensorTile as_tensor_;
  Bringing bringing_;
  DimText& dims_;
  TensorResults results_;
  std::vector<TensorResults::Eight> read_;
};

}  // namespace

ContractText text_of(const BroughtProduct& product, const ClusterTile& tile) {
  if (product.declined.empty()) {
    ClusterWriting writing(product, tile);
    writing.constants_ = product.constants;
    return writing.run();
  }
  ContractText none;
  none.declined = product.declined;
  return none;
}

}  // namespace hone::cuda::emitter
