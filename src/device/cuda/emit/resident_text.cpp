#include "device/cuda/emit/resident_text.hpp"

#include "base/text.hpp"
#include "device/cuda/emit/contract_buffers.hpp"
#include "device/cuda/emit/tensor_results.hpp"
#include "device/cuda/texts.hpp"
#include "ir/graph.hpp"

namespace hone::cuda::emitter {
namespace {

constexpr int kBoxColumns = 64;  // of a result's slot, and of a second operand that lies turned

class Writing {
 public:
  Writing(const ResidentProduct& product, const ResidentTile& tile)
      : product_(product),
        halves_(*product.product),
        given_(halves_.contraction),
        tile_(tile),
        as_tensor_{tile.rows(), tile.columns, tile.stages, 1, true, false},
        buffers_(given_),
        results_(halves_, as_tensor_, buffers_, dims_) {
    if (product.b.kind != Brought::Kind::packed) return;
    Place& place = buffers_.places.at(buffer(halves_.b));
    place.shape = {packed_bytes(halves_, halves_.b) / 2};
    place.strides.clear();
  }

  ContractText run() {
    ContractText made;
    const std::string body = product_body();
    for (const auto& [name, place] : buffers_.places)
      made.text.counts.push_back(hone::product(place.shape));
    std::string numbers;
    for (const auto& [name, symbol] : dims_.symbols().all()) {
      made.symbols.push_back(name);
      numbers += cat(", I ", symbol);
    }
    const bool bf16 = given_.a->dtype() == DType::bf16;
    made.text.body =
        cat(buffers_.tables, "constexpr bool kBf16 = ", bf16 ? "true" : "false", ";\n",
            embedded_text("tensor"), embedded_text("warpgroup"),
            warpgroup_instruction(turned() ? kBoxColumns : tile_.columns, bf16, turned()),
            embedded_text("resident"), "extern \"C\" __global__ void __launch_bounds__(",
            tile_.threads(), ", 1) product(", buffers_.declarations, "char* scratch", numbers,
            ", const __grid_constant__ Map map_a",
            product_.b.kind == Brought::Kind::packed ? "" : ", const __grid_constant__ Map map_b",
            ", const __grid_constant__ Map map_y",
            keeps() ? ", const __grid_constant__ Map map_kept" : "", ") {\n", body, "}\n");
    made.parameters = buffers_.parameters;
    return made;
  }

 private:
  bool keeps() const { return product_.kept.kind == Brought::Kind::rows; }
  bool turned() const { return product_.b.kind == Brought::Kind::columns; }
  int boxes() const { return turned() ? tile_.columns / kBoxColumns : 1; }
  int box_sums() const { return tile_.columns / boxes() / 2; }
  int row_step() const { return tile_.in_turn ? 0 : 64 * tile_.down; }  // of warpgroups
  const std::string& buffer(const HalfSide& side) const {
    const Expr& load = side.load ? *side.load : *side.operand;
    return buffers_.names.at(std::get<const Value*>(load.source()));
  }

  std::string product_body() {
    std::string out;
    ExprText text(buffers_.places, dims_, out, 1);
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
    text.line("const bool first = threadIdx.x % 128 == 0;");
    text.line("Turn turn, slot;");
    text.line("I number = 0;");
    text.line("unsigned order_phase = warpgroup == 0 ? 1 : 0;");
    text.line("bool stored = false;");
    begin_units(text);
    if (tile_.in_turn) {
      text.open(cat("if (number++ % ", tile_.warpgroups, " != warpgroup) {"));
      text.line(cat("turn.go_on((unsigned)count, ", tile_.stages, ");"));
      text.line("continue;");
      text.close();
    }
    find_unit(text);
    multiply(text);
    write_results(out, text);
    text.close();
    text.line("if (first) wait_stores<0>();");
    text.close();
    return out;
  }

  void begin(ExprText& text) {
    const int ring = tile_.warpgroups * tile_.slots;
    text.line("let_others_begin();");
    text.line("extern __shared__ uint4 memory[];");
    text.line("const unsigned tiles = shared_address(memory) + 1023 & ~1023u;");
    text.line(cat("const unsigned slots = tiles + ", tile_.slots_begin(), ";"));
    text.line(cat("const unsigned full = tiles + ", tile_.barriers_begin(), ", empty = full + ",
                  8 * tile_.stages, ";"));
    text.line(cat("const unsigned kept_full = empty + ", 8 * tile_.stages,
                  ", kept_empty = kept_full + ", 8 * ring, ", order = kept_empty + ", 8 * ring,
                  ";"));
    text.line(cat("const I m_count = ", dims_(given_.row_count()), ", n_count = ",
                  dims_(given_.column_count()), ", k_count = ", dims_(given_.depth_count()), ";"));
    text.line(cat("const I m_tiles = (m_count + ", tile_.rows() - 1, ") / ", tile_.rows(),
                  ", n_tiles = (n_count + ", tile_.columns - 1, ") / ", tile_.columns, ";"));
    text.line(cat("const I units = ", dims_(given_.batch_count()), " * m_tiles * n_tiles;"));
    text.line(cat("const I count = (k_count + ", kBlockDepth - 1, ") / ", kBlockDepth, ";"));
    text.line("const unsigned lane = threadIdx.x % 32, warp = threadIdx.x / 32 % 4;");
    text.line("const int warpgroup = (int)threadIdx.x / 128;");
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

  /// Blocks that run at once share rows and columns: they go down some tiles, then to the right.
  void find_unit(ExprText& text) {
    constexpr int kDown = 8;
    text.line("const I in_batch = unit % (m_tiles * n_tiles);");
    text.line(cat("const I group = in_batch / (", kDown, " * n_tiles), in_group = in_batch % (",
                  kDown, " * n_tiles);"));
    text.line(cat("const I high = least(", kDown, ", m_tiles - group * ", kDown, ");"));
    text.line(cat("const I m0 = (group * ", kDown, " + in_group % high) * ", tile_.rows(),
                  ", n0 = in_group / high * ", tile_.columns, ";"));
    text.line(cat("const I ", dims_.variable("z"), " = unit / (m_tiles * n_tiles);"));
  }

  std::string batch(const Brought& side) {
    return side.batched ? cat("(int)", dims_.variable("z")) : "0";
  }

  void bring_tiles(ExprText& text) {
    text.open("if (warp == 0) {");
    text.line("Turn turn;");
    begin_units(text);
    find_unit(text);
    const bool picture = product_.a.kind == Brought::Kind::picture;
    if (picture) begin_picture(text);
    text.open("for (I k = 0; k < count; ++k) {");
    text.line("wait_at_most(empty + turn.at * 8, turn.phase ^ 1);");
    text.line(cat("const unsigned to = tiles + turn.at * ", tile_.stage_bytes(),
                  ", barrier = full + turn.at * 8;"));
    text.line(cat("expect_run(barrier, ", tile_.stage_bytes(), ");"));
    if (picture) bring_picture(text);
    else
      text.line(cat("copy_box(to, map_a, barrier, (int)k * ", kBlockDepth, ", (int)m0, ",
                    batch(product_.a), ");"));
    bring_b(text);
    text.line(cat("turn.go_on(1, ", tile_.stages, ");"));
    text.close();
    text.close();
    text.close();
  }

  void begin_picture(ExprText& text) {
    const Brought::Along &w = product_.a.width, &h = product_.a.height;
    const std::string width = dims_(w.results), height = dims_(h.results);
    text.line(cat("const I in_picture = m0 % (", width, " * ", height, ");"));
    text.line(cat("const int picture = (int)(m0 / (", width, " * ", height, "));"));
    text.line(cat("const int at_w = (int)(in_picture % ", width, ") * ", w.step, " - ", w.before,
                  ", at_h = (int)(in_picture / ", width, ") * ", h.step, " - ", h.before, ";"));
    text.line("int channel = 0;");
    text.line("unsigned short tap_w = 0, tap_h = 0;");
  }
  void bring_picture(ExprText& text) {
    const Brought::Along &w = product_.a.width, &h = product_.a.height;
    text.line("copy_picture(to, map_a, barrier, channel, at_w, at_h, picture, tap_w, tap_h);");
    text.open(
        cat("if ((channel += ", kBlockDepth, ") == ", *product_.a.sizes[0].constant(), ") {"));
    text.line("channel = 0;");
    text.line(cat("if ((tap_w += ", w.dilation, ") == ", w.taps * w.dilation, ") tap_w = 0, ",
                  "tap_h += ", h.dilation, ";"));
    text.close();
  }

  void bring_b(ExprText& text) {
    const std::string to = cat("to + ", tile_.rows() * 128);
    if (product_.b.kind == Brought::Kind::packed) {
      const int64_t rows = packed_rows(*Contraction::count(*halves_.b.axes).constant());
      text.line(cat("copy_run(", to, ", ", buffer(halves_.b), " + (k * ", rows, " + n0) * ",
                    kBlockDepth, ", ", tile_.columns * 128, ", barrier);"));
    } else if (turned()) {
      text.line("#pragma unroll");
      text.line(cat("for (int i = 0; i < ", boxes(), "; ++i) copy_box(", to, " + i * ",
                    kBoxColumns * 128, ", map_b, barrier, (int)n0 + i * ", kBoxColumns,
                    ", (int)k * ", kBlockDepth, ", ", batch(product_.b), ");"));
    } else {
      text.line(cat("copy_box(", to, ", map_b, barrier, (int)k * ", kBlockDepth, ", (int)n0, ",
                    batch(product_.b), ");"));
    }
  }

  /// A warp for each warpgroup.
  void bring_kept(ExprText& text) {
    text.open(cat("else if (warp <= ", tile_.warpgroups, ") {"));
    text.line("const int of = (int)warp - 1;");
    text.line("Turn slot;");
    text.line("I number = 0;");
    begin_units(text);
    if (tile_.in_turn) text.line(cat("if (number++ % ", tile_.warpgroups, " != of) continue;"));
    find_unit(text);
    text.line(cat("for (int d = 0; d < ", tile_.down, "; ++d)"));
    text.open(cat("  for (int c = 0; c < ", tile_.columns / kBoxColumns, "; ++c) {"));
    text.line(cat("const unsigned at = of * ", tile_.slots, " + slot.at;"));
    text.line("wait_at_most(kept_empty + at * 8, slot.phase ^ 1);");
    text.line(cat("expect_run(kept_full + at * 8, ", ResidentTile::kSlotBytes, ");"));
    text.line(cat("copy_box(slots + at * ", ResidentTile::kSlotBytes,
                  ", map_kept, kept_full + at * 8, (int)n0 + c * ", kBoxColumns,
                  ", (int)m0 + of * ", row_step(), " + d * 64, ", batch(product_.kept), ");"));
    text.line(cat("slot.go_on(1, ", tile_.slots, ");"));
    text.close();
    text.close();
    text.close();
  }

  /// As in tensor_text.cpp: the loop has one way in and one way out.
  void multiply(ExprText& text) {
    text.line(cat("float sums[", tile_.down, "][", boxes(), "][", box_sums(), "];"));
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
    text.line(
        cat("const unsigned long long a = tile_at(tile + warpgroup * ", row_step() * 128, ");"));
    text.line(cat("const unsigned long long b = ", turned() ? "turned_" : "", "tile_at(tile + ",
                  tile_.rows() * 128, ");"));
    text.line("begin_products();");
    text.line("#pragma unroll");
    text.line(cat("for (int s = 0; s < ", kBlockDepth / 16, "; ++s)"));
    text.line("#pragma unroll");
    text.line(cat("  for (int d = 0; d < ", tile_.down, "; ++d)"));
    text.line("#pragma unroll");
    text.line(cat("    for (int i = 0; i < ", boxes(), "; ++i) multiply_add(sums[d][i], a + ",
                  "d * 512 + s * 2, b + i * ", kBoxColumns * 128 / 16, " + s * ",
                  turned() ? 128 : 2, ", add | s);"));
    text.line("end_products();");
    text.line("wait_products<1>();");
    text.line("if (first && add != 0) arrive(empty + before * 8);");
    text.line("before = turn.at;");
    text.line(cat("turn.go_on(1, ", tile_.stages, ");"));
    text.line("add = 1;");
    text.line("forget(add);");
    text.close("} while (++k < count);");
    if (tile_.in_turn)
      text.line(cat("if (first) arrive(order + (warpgroup + 1) % ", tile_.warpgroups, " * 8);"));
    text.line("wait_products<0>();");
    text.line("#pragma unroll");
    text.line(cat("for (int d = 0; d < ", tile_.down, "; ++d)"));
    text.line("#pragma unroll");
    text.line(cat("  for (int i = 0; i < ", boxes(), "; ++i) take_sums(sums[d][i]);"));
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
    text.line(cat("const unsigned place = slots + at_slot * ", ResidentTile::kSlotBytes, ";"));
    if (keeps()) text.line("wait_at_most(kept_full + at_slot * 8, slot.phase);");
    compute(out, text);
    text.line("show_to_products();");
    if (!keeps()) text.line(cat("if (first) wait_stores<", tile_.slots - 2, ">();"));
    text.line("meet_warpgroup((unsigned)warpgroup);");
    text.open("if (first) {");
    text.line(cat("store_box(map_y, place, (int)n0 + c * ", kBoxColumns, ", (int)m_own + d * 64, ",
                  batch(product_.result), ");"));
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

  void compute(std::string& out, ExprText& text) {
    const std::string m = dims_.variable("m"), n = dims_.variable("n");
    text.line("#pragma unroll");
    text.open("for (int j = 0; j < 8; ++j) {");
    text.line(cat("const I n_first = n0 + c * ", kBoxColumns, " + j * 8 + (int)lane % 4 * 2, ", n,
                  " = n_first;"));
    text.line(cat("if (", n, " >= n_count) continue;"));
    const auto read = results_.eights(text);
    for (const auto& each : read)
      if (each.of_columns)
        TensorResults::read_pair(text, each, cat("*(const unsigned*)(", each.place, ")"));
    const bool guarded = !results_.reads_alone(read, is_kept());
    text.line("#pragma unroll");
    text.open("for (int h = 0; h < 2; ++h) {");
    text.line("const unsigned at_row = warp * 16 + lane / 4 + h * 8;");
    text.line(cat("const I ", m, " = m_own + d * 64 + (I)at_row;"));
    if (guarded) text.line(cat("if (", m, " >= m_count) continue;"));
    text.line("const unsigned at = place + at_row * 128 + ((j ^ at_row % 8) << 4) + lane % 4 * 4;");
    for (const auto& each : read)
      if (!each.of_columns)
        TensorResults::read_pair(
            text, each,
            is_kept()(each) ? "load_word(at)" : cat("*(const unsigned*)(", each.place, ")"));
    text.line("unsigned short y[2];");
    text.line("#pragma unroll");
    text.open("for (int e = 0; e < 2; ++e) {");
    text.line(cat("const I ", n, " = n_first + e;"));
    text.line(cat("const float sum = sums[d][c / ", chunks_of_box(), "][(c % ", chunks_of_box(),
                  " * 8 + j) * 4 + h * 2 + e];"));
    const std::string value = results_.result(out, read, 6);
    text.line(cat("y[e] = ", value, ";"));
    text.close();
    text.line("store_word(at, y[0] | (unsigned)y[1] << 16);");
    text.close();
    text.close();
  }

  /// Chunks of columns whose sums are of one box.
  int chunks_of_box() const { return turned() ? 1 : tile_.columns / kBoxColumns; }
  std::function<bool(const TensorResults::Eight&)> is_kept() const {
    return [this](const TensorResults::Eight& each) {
      return keeps() && std::get<const Value*>(each.load.source()) == product_.kept_value;
    };
  }

  const ResidentProduct& product_;
  const HalfProduct& halves_;
  const Contraction& given_;
  const ResidentTile tile_;
  const TensorTile as_tensor_;
  DimText dims_;
  ContractBuffers buffers_;
  TensorResults results_;
};

/// Of an operand of which each result reads its own element.
Brought kept_of(const HalfProduct& product, const Expr& load) {
  const Contraction& of = product.contraction;
  const Value* value = std::get<const Value*>(load.source());
  if (load.outside() || value->is_constant() || of.loose.contains(value) ||
      load.dtype() != of.a->dtype())
    return {};
  Dims indices;
  for (size_t axis = 0; axis < load.operands().size(); ++axis) {
    if (!load.operands()[axis].is_loop(static_cast<int>(axis))) return {};
    indices.push_back(load.operands()[axis].dim());
  }
  if (indices.size() != of.stage->extents.size()) return {};
  return brought_rows(product, indices,
                      strides_of(value, value->type.tensor().shape(), of.strides));
}

}  // namespace

ResidentProduct resident_product_of(const Problem& problem) {
  ResidentProduct made;
  made.product = half_product_of(problem);
  const HalfProduct& product = *made.product;
  made.declined = product.declined;
  if (!made.declined.empty()) return made;
  const Contraction& of = product.contraction;
  const auto no = [&](const char* why) {
    made.declined = why;
    return made;
  };
  if (of.depth_count().constant().value_or(0) < kBlockDepth) return no("its depth is short");
  if (of.stage->dtype != of.a->dtype()) return no("its result is of another type");
  made.a = brought_side(product, product.a);
  made.b = brought_side(product, product.b);
  if (made.a.kind != Brought::Kind::rows && made.a.kind != Brought::Kind::picture)
    return no("its first operand does not lie in boxes");
  if (made.b.kind == Brought::Kind::none || made.b.kind == Brought::Kind::picture)
    return no("its second operand does not lie in boxes");
  Dims loops;
  for (size_t axis = 0; axis < of.stage->extents.size(); ++axis)
    loops.push_back(loop(static_cast<int>(axis)));
  made.result =
      brought_rows(product, loops, strides_of(of.stage->value, of.stage->extents, of.strides));
  if (made.result.kind == Brought::Kind::none || of.loose.contains(of.stage->value))
    return no("its result does not lie in boxes");
  // One operand of which each result reads its own element.
  visit(of.stage->expr, [&](const Expr& expr) {
    if (expr.kind() != Expr::Kind::load || made.kept.kind != Brought::Kind::none) return;
    made.kept = kept_of(product, expr);
    if (made.kept.kind != Brought::Kind::none)
      made.kept_value = std::get<const Value*>(expr.source());
  });
  return made;
}

ContractText text_of(const ResidentProduct& product, const ResidentTile& tile) {
  ContractText none;
  none.declined = product.declined;
  if (!none.declined.empty()) return none;
  visit(product.product->contraction.stage->expr, [&](const Expr& expr) {
    if (computed_type(expr.dtype()) == nullptr) none.declined = cat("it has ", expr.dtype());
  });
  if (!none.declined.empty()) return none;
  return Writing(product, tile).run();
}

}  // namespace hone::cuda::emitter
