#include "device/cuda/emit/resident_text.hpp"

#include "base/text.hpp"
#include "device/cuda/emit/contract_buffers.hpp"
#include "device/cuda/emit/tensor_results.hpp"
#include "device/cuda/texts.hpp"
#include "ir/graph.hpp"

namespace hone::cuda::emitter {
namespace {

class ResidentWriting {
 public:
  ResidentWriting(const BroughtProduct& product, const ResidentTile& tile)
      : product_(product),
        tile_(tile),
        as_tensor_{tile.rows(), tile.columns, tile.stages,        1,
                   true,        false,        tile.element_bytes, tile.words},
        bringing_(product, tile.rows(), tile.columns),
        dims_(bringing_.dims()),
        results_(*product.product, as_tensor_, bringing_.buffers(), dims_, bringing_.sums()) {}

  ContractText run() {
    const std::string body = product_body();
    return bringing_.text("", [&](const std::string& parameters) {
      return cat("extern \"C\" __global__ void __launch_bounds__(", tile_.threads(),
                 ", 1) product(", parameters, ", const __grid_constant__ Map map_y",
                 keeps() ? ", const __grid_constant__ Map map_kept" : "", ") {\n", body, "}\n");
    });
  }

 private:
  bool keeps() const { return product_.kept.kind == Brought::Kind::rows; }
  int row_step() const { return tile_.in_turn ? 0 : 64 * tile_.down; }  // of warpgroups

  std::string product_body() {
    std::string out;
    ExprText text(bringing_.buffers().places, dims_, out, 1);
    begin(text);
    text.open(cat("if (warpgroup == ", tile_.warpgroups, ") {"));
    if (tile_.warpgroups > 1)
      text.line(cat("want_fewer_registers<", tile_.warpgroups == 2 ? 24 : 32, ">();"));
    text.line("if (lane != 0) return;");
    text.line("wait_for_others();");
    bring_tiles(text);
    if (keeps()) bring_kept(text);
    text.close();
    text.open("else {");
    if (tile_.warpgroups > 1)
      text.line(cat("want_more_registers<", tile_.warpgroups == 2 ? 240 : 160, ">();"));
    text.line("wait_for_others();");
    if (tile_.words > 0)
      text.line(cat("const unsigned columns = tiles + ", tile_.words_begin(), " + warpgroup * ",
                    tile_.word_bytes(), ";"));
    text.line("const bool first = threadIdx.x % 128 == 0;");
    text.line("Turn turn, slot;");
    text.line("I number = 0;");
    text.line("unsigned order_phase = warpgroup == 0 ? 1 : 0;");
    text.line("bool stored = false;");
    begin_units(text);
    if (tile_.in_turn) {
      text.open(cat("if (number++ % ", tile_.warpgroups, " != warpgroup) {"));
      text.line(cat("turn.go_on((unsigned)depth, ", tile_.stages, ");"));
      text.line("continue;");
      text.close();
    }
    bringing_.find_unit(text);
    if (tile_.words > 0) results_.keep_words(out, 3, "(int)threadIdx.x % 128", 128);
    multiply(text);
    if (tile_.words > 0) text.line("meet_warpgroup((unsigned)warpgroup);");
    write_results(out, text);
    text.close();
    text.line("if (first) wait_stores<0>();");
    text.close();
    return out;
  }

  void begin(ExprText& text) {
    const int ring = tile_.warpgroups * tile_.slots;
    text.line("let_others_begin();");
    results_.declare(text);
    bringing_.begin(text);
    text.line(cat("const unsigned slots = tiles + ", tile_.slots_begin(), ";"));
    text.line(cat("const unsigned full = tiles + ", tile_.barriers_begin(), ", empty = full + ",
                  8 * tile_.stages, ";"));
    text.line(cat("const unsigned kept_full = empty + ", 8 * tile_.stages,
                  ", kept_empty = kept_full + ", 8 * ring, ", order = kept_empty + ", 8 * ring,
                  ";"));
    text.open("if (threadIdx.x == 0) {");
    text.open(cat("for (int i = 0; i < ", tile_.stages, "; ++i) {"));
    text.line("begin_barrier(full + i * 8, 1);");
    text.line(cat("begin_barrier(empty + i * 8, ", tile_.in_turn ? 1 : tile_.warpgroups, ");"));
    text.close();
    text.line(cat("for (int i = 0; i < ", 2 * ring + tile_.warpgroups,
                  "; ++i) begin_barrier(kept_full + i * 8, 1);"));
    text.line("show_barriers();");
    text.line("look_up(map_a);");
    text.line("look_up(map_y);");
    text.close();
    text.line("__syncthreads();");
  }

  void begin_units(ExprText& text) {
    text.open("for (I unit = (I)blockIdx.x; unit < units; unit += (I)gridDim.x) {");
  }

  void bring_tiles(ExprText& text) {
    text.open("if (warp == 0) {");
    text.line("Turn turn;");
    begin_units(text);
    bringing_.find_unit(text);
    bringing_.begin_a(text, "0");
    text.open("for (I k = 0; k < depth; ++k) {");
    text.line("wait_at_most(empty + turn.at * 8, turn.phase ^ 1);");
    text.line(cat("const unsigned to = tiles + turn.at * ", tile_.stage_bytes(),
                  ", barrier = full + turn.at * 8;"));
    text.line(cat("expect_run(barrier, ", tile_.stage_bytes(), ");"));
    bringing_.bring_a(text);
    bringing_.bring_b(text);
    text.line(cat("turn.go_on(1, ", tile_.stages, ");"));
    text.close();
    text.close();
    text.close();
  }

  /// A warp for each warpgroup.
  void bring_kept(ExprText& text) {
    text.open(cat("else if (warp <= ", tile_.warpgroups, ") {"));
    const std::string column = cat("(int)n0 + c * ", kBoxColumns);
    text.line("const int of = (int)warp - 1;");
    text.line("Turn slot;");
    text.line("I number = 0;");
    begin_units(text);
    if (tile_.in_turn) text.line(cat("if (number++ % ", tile_.warpgroups, " != of) continue;"));
    bringing_.find_unit(text);
    text.line(cat("for (int d = 0; d < ", tile_.down, "; ++d)"));
    text.open(cat("  for (int c = 0; c < ", tile_.columns / kBoxColumns, "; ++c) {"));
    text.line(cat("const unsigned at = of * ", tile_.slots, " + slot.at;"));
    text.line("wait_at_most(kept_empty + at * 8, slot.phase ^ 1);");
    text.line(cat("expect_run(kept_full + at * 8, ", tile_.slot_bytes(), ");"));
    text.line(cat("copy_box(slots + at * ", tile_.slot_bytes(), ", map_kept, kept_full + at * 8, ",
                  bringing_.place_of_box(product_.kept, column,
                                         cat("(int)m0 + of * ", row_step(), " + d * 64")),
                  ");"));
    text.line(cat("slot.go_on(1, ", tile_.slots, ");"));
    text.close();
    text.close();
    text.close();
  }

  /// As in tensor_text.cpp: the loop has one way in and one way out.
  void multiply(ExprText& text) {
    text.line(cat(results_.sum_type(), " sums[", tile_.down, "][", bringing_.boxes(), "][",
                  bringing_.box_columns() / 2, "];"));
    if (tile_.in_turn) {  // the others have seen all tiles that are before these
      text.line("wait_run(order + warpgroup * 8, order_phase);");
      text.line("order_phase ^= 1;");
    }
    text.line("I k = 0;");
    text.line("int add = 0;");
    text.line("unsigned before = 0;");
    text.line("#pragma unroll 1");
    text.open("do {");
    text.line("wait_run(full + turn.at * 8, turn.phase);");
    text.line(cat("const unsigned tile = tiles + turn.at * ", tile_.stage_bytes(), ";"));
    bringing_.multiply(text, tile_.down, cat("warpgroup * ", row_step()));
    text.line("wait_products<1>();");
    text.line("if (first && add != 0) arrive(empty + before * 8);");
    text.line("before = turn.at;");
    text.line(cat("turn.go_on(1, ", tile_.stages, ");"));
    text.line("add = 1;");
    text.line("forget(add);");
    text.close("} while (++k < depth);");
    if (tile_.in_turn)
      text.line(cat("if (first) arrive(order + (warpgroup + 1) % ", tile_.warpgroups, " * 8);"));
    text.line("wait_products<0>();");
    text.line("#pragma unroll");
    text.line(cat("for (int d = 0; d < ", tile_.down, "; ++d)"));
    text.line("#pragma unroll");
    text.line(cat("  for (int i = 0; i < ", bringing_.boxes(), "; ++i) take_sums(sums[d][i]);"));
    text.line("if (first) arrive(empty + before * 8);");
  }

  /// 64 rows of 64 columns at a time are put together in shared memory, where what is kept came
  /// before, and leave it while the next ones are computed.
  void write_results(std::string& out, ExprText& text) {
    text.line(cat("const I m_own = m0 + warpgroup * ", row_step(), ";"));
    text.line("#pragma unroll");
    text.line(cat("for (int d = 0; d < ", tile_.down, "; ++d)"));
    text.line("#pragma unroll");
    text.open(cat("  for (int c = 0; c < ", tile_.columns / kBoxColumns, "; ++c) {"));
    text.line(cat("const unsigned at_slot = warpgroup * ", tile_.slots, " + slot.at;"));
    text.line(cat("const unsigned place = slots + at_slot * ", tile_.slot_bytes(), ";"));
    if (keeps()) text.line("wait_at_most(kept_full + at_slot * 8, slot.phase);");
    compute(out, text);
    text.line("show_to_products();");
    if (!keeps()) text.line(cat("if (first) wait_stores<", tile_.slots - 2, ">();"));
    text.line("meet_warpgroup((unsigned)warpgroup);");
    text.open("if (first) {");
    const std::string column = cat("(int)n0 + c * ", kBoxColumns);
    text.line(cat("store_box(map_y, place, ",
                  bringing_.place_of_box(product_.result, column, "(int)m_own + d * 64"), ");"));
    if (keeps()) {
      text.line("wait_stores<1>();");
      text.line(cat("if (stored) arrive(kept_empty + (warpgroup * ", tile_.slots, " + (slot.at + ",
                    tile_.slots - 1, ") % ", tile_.slots, ") * 8);"));
      text.line("stored = true;");
    }
    text.close();
    text.line(cat("slot.go_on(1, ", tile_.slots, ");"));
    text.close();
  }

  /// Each thread has pairs of neighbouring columns in two rows of 8. Of halves, four blocks of 8 by
  /// 8 are stored at once.
  void compute(std::string& out, ExprText& text) {
    if (results_.has_edges()) find_outside(text);
    text.line("#pragma unroll");
    if (!is_halves()) return compute_pairs(out, text, "for (int j = 0; j < 8; ++j) {");
    text.open("for (int two = 0; two < 8; two += 2) {");
    text.line("unsigned words[4] = {};");
    text.line("#pragma unroll");
    compute_pairs(out, text, "for (int j = two; j < two + 2; ++j) {");
    text.line("__syncwarp();");
    text.line("store_blocks(place, two, warp, lane, words);");
    text.close();
  }

  void compute_pairs(std::string& out, ExprText& text, const std::string& columns) {
    const std::string m = dims_.variable("m"), n = dims_.variable("n");
    text.open(columns);
    text.line(cat("const int at_column = c * ", kBoxColumns, " + j * 8 + (int)lane % 4 * 2;"));
    text.line(cat("const I n_first = n0 + at_column, ", n, " = n_first;"));
    text.line(cat("if (", n, " >= n_count) continue;"));
    const auto read = results_.eights(text);
    for (const auto& each : read)
      if (each.of_columns)
        TensorResults::read_pair(text, each, results_.pair_in_memory(each.place));
    results_.read_words(text, 2);
    const bool guarded = !results_.reads_alone(read, is_kept());
    const auto rows = [&](ExprText::Rounding rounding, const std::string& end) {
      text.line("#pragma unroll");
      text.open("for (int h = 0; h < 2; ++h) {");
      find_row(text);
      if (guarded) text.line(cat("if (", m, " >= m_count) continue;"));
      if (results_.has_edges()) results_.find_edges(text, "outside_of[h]", 2);
      for (const auto& each : read)
        if (!each.of_columns)
          TensorResults::read_pair(
              text, each,
              is_kept()(each) ? results_.load_pair("at") : results_.pair_in_memory(each.place));
      text.line(cat(is_halves() ? "float" : results_.result_type(), " y[2];"));
      const std::string sum = cat("sums[d][c / ", chunks_of_box(), "][(c % ", chunks_of_box(),
                                  " * 8 + j) * 4 + h * 2 + e]");
      if (is_halves()) compute_numbers(out, text, read, sum);
      else results_.compute_each(out, text, read, 2, sum, rounding);
      if (is_halves()) text.line("words[(j - two) * 2 + h] = pair_of(y[0], y[1]);");
      else if (end.empty()) results_.store_pair(text);
      else text.line(end);
      text.close();
    };
    if (results_.rounds_nearly()) {
      // What f32 does not tell of is rare: it is seen to for all four results together.
      const std::string end = "both[h] = y[0] | (unsigned)y[1] << 8;";
      text.line("bool near = false;");
      text.line("unsigned both[2] = {};");
      rows(ExprText::Rounding::told, end);
      text.open("if (near) {");
      rows(ExprText::Rounding::exact, end);
      text.close();
      text.line("#pragma unroll");
      text.open("for (int h = 0; h < 2; ++h) {");
      find_row(text);
      text.line("store_short(at, both[h]);");
      text.close();
    } else {
      rows(ExprText::Rounding::at_once, "");
    }
    text.close();
  }

  /// Row m of a thread's two: where its pair of results is put together.
  void find_row(ExprText& text) {
    text.line("const unsigned at_row = warp * 16 + lane / 4 + h * 8;");
    text.line(cat("const I ", dims_.variable("m"), " = m_own + d * 64 + (I)at_row;"));
    if (is_halves() && !keeps()) return;
    text.line(is_halves()
                  ? "const unsigned at = place + at_row * 128 + ((j ^ at_row % 8) << 4) + "
                    "lane % 4 * 4;"
                  : "const unsigned at = place + at_row * 64 + ((j / 2 ^ at_row / 2 % 4) << 4) + "
                    "j % 2 * 8 + lane % 4 * 2;");
  }

  /// Of a pair of halves, not yet rounded.
  void compute_numbers(std::string& out, ExprText& text,
                       const std::vector<TensorResults::Eight>& read, const std::string& sum) {
    text.line("#pragma unroll");
    text.open("for (int e = 0; e < 2; ++e) {");
    text.line(cat("const I ", dims_.variable("n"), " = n_first + e;"));
    text.line(cat("const float sum = ", sum, ";"));
    const std::string value = results_.number(out, read, 7);
    text.line(cat("y[e] = ", value, ";"));
    text.close();
  }

  bool is_halves() const { return tile_.element_bytes == 2; }

  /// Of a thread's two rows.
  void find_outside(ExprText& text) {
    text.line("unsigned long long outside_of[2];");
    text.line("#pragma unroll");
    text.open("for (int h = 0; h < 2; ++h) {");
    text.line(cat("const I ", dims_.variable("m"),
                  " = m_own + d * 64 + (I)(warp * 16 + lane / 4 + h * 8);"));
    results_.find_outside(text);
    text.line("outside_of[h] = outside;");
    text.close();
  }

  /// Chunks of columns whose sums are of one box.
  int chunks_of_box() const { return bringing_.box_columns() / kBoxColumns; }
  std::function<bool(const TensorResults::Eight&)> is_kept() const {
    return [this](const TensorResults::Eight& each) {
      return keeps() && std::get<const Value*>(each.load.source()) == product_.kept_value;
    };
  }

  const BroughtProduct& product_;
  const ResidentTile tile_;
  const TensorTile as_tensor_;
  Bringing bringing_;
  DimText& dims_;
  TensorResults results_;
};

}  // namespace

ContractText text_of(const BroughtProduct& product, const ResidentTile& tile) {
  if (product.declined.empty()) return ResidentWriting(product, tile).run();
  ContractText none;
  none.declined = product.declined;
  return none;
}

}  // namespace hone::cuda::emitter
