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
    if (tile_.words > 0) text.line("I words_of = -1;");
    begin_units(text);
    if (tile_.in_turn) {
      text.open(cat("if (number++ % ", tile_.warpgroups, " != warpgroup) {"));
      text.line(cat("turn.go_on((unsigned)depth, ", tile_.stages, ");"));
      text.line("continue;");
      text.close();
    }
    bringing_.find_unit(text);
    if (tile_.words > 0) {  // columns of the last tile's are there
      text.open("if (words_of != n0) {");
      results_.keep_words(out, 4, "(int)threadIdx.x % 128", 128);
      text.line("words_of = n0;");
      text.close();
    }
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
    const std::string column = cat("(int)n0 + c * ", tile_.slot_columns());
    text.line("const int of = (int)warp - 1;");
    text.line("Turn slot;");
    text.line("I number = 0;");
    begin_units(text);
    if (tile_.in_turn) text.line(cat("if (number++ % ", tile_.warpgroups, " != of) continue;"));
    bringing_.find_unit(text);
    text.line(cat("for (int d = 0; d < ", tile_.down, "; ++d)"));
    text.open(cat("  for (int c = 0; c < ", tile_.columns / tile_.slot_columns(), "; ++c) {"));
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

  /// A slot at a time is put together in shared memory, where what is kept came before, and leaves
  /// it while the next one is computed.
  void write_results(std::string& out, ExprText& text) {
    text.line(cat("const I m_own = m0 + warpgroup * ", row_step(), ";"));
    text.line("#pragma unroll");
    text.line(cat("for (int d = 0; d < ", tile_.down, "; ++d)"));
    text.line("#pragma unroll");
    text.open(cat("  for (int c = 0; c < ", tile_.columns / tile_.slot_columns(), "; ++c) {"));
    text.line(cat("const unsigned at_slot = warpgroup * ", tile_.slots, " + slot.at;"));
    text.line(cat("const unsigned place = slots + at_slot * ", tile_.slot_bytes(), ";"));
    if (keeps()) text.line("wait_at_most(kept_full + at_slot * 8, slot.phase);");
    if (results_.has_edges()) find_outside(text);
    if (is_halves()) compute_pairs(out, text);
    else compute_fours(out, text);
    text.line("show_to_products();");
    if (!keeps()) text.line(cat("if (first) wait_stores<", tile_.slots - 2, ">();"));
    text.line("meet_warpgroup((unsigned)warpgroup);");
    text.open("if (first) {");
    const std::string column = cat("(int)n0 + c * ", tile_.slot_columns());
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

  /// Of halves: each thread has pairs of neighbouring columns in two rows of 8; four blocks of 8 by
  /// 8 are stored at once.
  void compute_pairs(std::string& out, ExprText& text) {
    const std::string m = dims_.variable("m"), n = dims_.variable("n");
    text.line("#pragma unroll");
    text.open("for (int two = 0; two < 8; two += 2) {");
    text.line("unsigned words[4] = {};");
    text.line("#pragma unroll");
    text.open("for (int j = two; j < two + 2; ++j) {");
    text.line(cat("const int at_column = c * ", kBoxColumns, " + j * 8 + (int)lane % 4 * 2;"));
    text.line(cat("const I n_first = n0 + at_column, ", n, " = n_first;"));
    if (!bringing_.columns_are_whole()) text.line(cat("if (", n, " >= n_count) continue;"));
    const auto read = results_.eights(text);
    for (const auto& each : read)
      if (each.of_columns)
        TensorResults::read_pair(text, each, results_.pair_in_memory(each.place));
    const bool guarded = !results_.reads_alone(read, is_kept());
    text.line("#pragma unroll");
    text.open("for (int h = 0; h < 2; ++h) {");
    find_row(text);
    if (guarded) text.line(cat("if (", m, " >= m_count) continue;"));
    if (keeps())
      text.line(
          "const unsigned at = place + at_row * 128 + ((j ^ at_row % 8) << 4) + lane % 4 * 4;");
    for (const auto& each : read)
      if (!each.of_columns)
        TensorResults::read_pair(
            text, each,
            is_kept()(each) ? results_.load_pair("at") : results_.pair_in_memory(each.place));
    text.line("float y[2];");
    compute_numbers(out, text, read,
                    cat("sums[d][c / ", chunks_of_box(), "][(c % ", chunks_of_box(),
                        " * 8 + j) * 4 + h * 2 + e]"));
    text.line("words[(j - two) * 2 + h] = pair_of(y[0], y[1]);");
    text.close();
    text.close();
    text.line("__syncwarp();");
    text.line("store_blocks(place_of_blocks<128>(place, two, warp, lane), words);");
    text.close();
  }

  /// Of integers: each thread has four neighbouring columns of 16 in two rows of 8.
  void compute_fours(std::string& out, ExprText& text) {
    const std::string m = dims_.variable("m"), n = dims_.variable("n");
    const int groups = tile_.slot_columns() / 16;
    const std::string at_blocks =
        cat("place_of_blocks<", tile_.slot_columns(), ">(place, two, warp, lane)");
    text.line("#pragma unroll");
    text.open(cat("for (int two = 0; two < ", groups, "; two += 2) {"));
    text.line("unsigned words[4] = {};");
    if (keeps()) {
      text.line("unsigned kept[4];");
      text.line(cat("load_blocks(kept, ", at_blocks, ");"));
    }
    text.line("#pragma unroll");
    text.open("for (int t = 0; t < 2; ++t) {");
    text.line(cat("const int at_column = c * ", tile_.slot_columns(),
                  " + (two + t) * 16 + (int)lane % 4 * 4;"));
    text.line(cat("const I n_first = n0 + at_column, ", n, " = n_first;"));
    const auto read = results_.eights(text);
    const bool guarded = results_.has_edges() || !results_.reads_alone(read, is_kept());
    if (guarded && !bringing_.columns_are_whole())
      text.line(cat("if (", n, " >= n_count) continue;"));
    results_.read_words(text, 4);
    text.line("#pragma unroll");
    text.open("for (int h = 0; h < 2; ++h) {");
    find_row(text);
    if (guarded) text.line(cat("if (", m, " >= m_count) continue;"));
    if (results_.has_edges()) results_.find_edges(text, "outside_of[h]", 4);
    for (const auto& each : read)
      TensorResults::read_four(
          text, each,
          is_kept()(each) ? "kept[t * 2 + h]" : cat("*(const unsigned*)(", each.place, ")"));
    results_.put_four(
        out, 7, read,
        cat("sums[d][0][((c * ", groups, " + two + t) * 2 + e / 2) * 4 + h * 2 + e % 2]"),
        "words[t * 2 + h]");
    text.close();
    text.close();
    text.line("__syncwarp();");
    text.line(cat("store_blocks(", at_blocks, ", words);"));
    text.close();
  }

  /// Row m of a thread's two.
  void find_row(ExprText& text) {
    text.line("const unsigned at_row = warp * 16 + lane / 4 + h * 8;");
    text.line(cat("const I ", dims_.variable("m"), " = m_own + d * 64 + (I)at_row;"));
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
