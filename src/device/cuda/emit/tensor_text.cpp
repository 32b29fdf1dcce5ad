#include "device/cuda/emit/tensor_text.hpp"

#include "base/text.hpp"
#include "device/cuda/emit/contract_buffers.hpp"
#include "device/cuda/emit/tensor_results.hpp"
#include "device/cuda/emit/warpgroup_text.hpp"
#include "device/cuda/texts.hpp"
#include "ir/graph.hpp"

namespace hone::cuda::emitter {
namespace {

class TensorWriting {
 public:
  TensorWriting(const HalfProduct& product, const TensorTile& tile)
      : product_(product),
        given_(product.contraction),
        tile_(tile),
        buffers_(given_),
        results_(product, tile, buffers_, dims_, {sums_of(product)}) {
    for (const HalfSide* side : {&product.a, &product.b})
      if (side->way == Way::packed) packed_place(*side);
  }

  ContractText run() {
    const bool finishes = tile_.split > 1 && !tile_.warpgroups;
    const std::string product = product_body(), finish = finishes ? results_.of_parts() : "";
    Text& text = made_.text;
    for (const auto& [name, place] : buffers_.places)
      text.counts.push_back(hone::product(place.shape));
    text.counts.push_back(results_.elements() * Dim(tile_.split));
    std::string numbers;
    for (const auto& [name, symbol] : dims_.symbols().all()) {
      made_.symbols.push_back(name);
      numbers += cat(", I ", symbol);
    }
    text.body =
        cat(buffers_.tables, product_text(product_, tile_.warpgroups ? tile_.group_columns() : 0));
    const std::string cluster = tile_.warpgroups && tile_.split > 1
                                    ? cat("__cluster_dims__(", tile_.split, ", 1, 1) ")
                                    : "";
    text.body += cat("extern \"C\" __global__ void ", cluster, "__launch_bounds__(",
                     tile_.threads(), ", ", tile_.blocks_at_once(), ") product(",
                     buffers_.declarations, "char* scratch", numbers, ") {\n", product, "}\n");
    if (finishes) {
      text.body += cat("extern \"C\" __global__ void finish(", buffers_.declarations,
                       "char* scratch", numbers, ") {\n", finish, "}\n");
      made_.scratch_bytes = Dim(tile_.split) * results_.elements() * Dim(4);
    }
    made_.parameters = buffers_.parameters;
    return std::move(made_);
  }

 private:
  /// Where the constant operand has its sums; 0: neither is a constant.
  static int64_t sums_of(const HalfProduct& product) {
    if (!product.integers()) return 0;
    for (const HalfSide* side : {&product.a, &product.b})
      if (side->way == Way::packed) return sums_begin(product, *side);
    return 0;
  }
  int block_depth() const { return product_.block_depth(); }
  bool is_a(const HalfSide& side) const { return &side == &product_.a; }
  int across(const HalfSide& side) const { return is_a(side) ? tile_.rows : tile_.columns; }
  int loads(const HalfSide& side) const { return across(side) * 8 / tile_.threads(); }
  const char* letter(const HalfSide& side) const { return is_a(side) ? "a" : "b"; }
  const char* number(const HalfSide& side) const { return is_a(side) ? "m" : "n"; }
  const std::string& buffer(const HalfSide& side) const {
    const Expr& load = side.load ? *side.load : *side.operand;
    return buffers_.names.at(std::get<const Value*>(load.source()));
  }

  /// The buffer of a packed operand.
  void packed_place(const HalfSide& side) {
    Place& place = buffers_.places.at(buffer(side));
    place.shape = {packed_bytes(product_, side) / product_.element_bytes};
    place.strides.clear();
  }
  /// Its tiles come as one run of bytes.
  bool comes_at_once(const HalfSide& side) const {
    return tile_.warpgroups && side.way == Way::packed;
  }
  bool any_comes_at_once() const { return comes_at_once(product_.a) || comes_at_once(product_.b); }
  int bytes_at_once() const {
    return (comes_at_once(product_.a) ? tile_.rows * 128 : 0) +
           (comes_at_once(product_.b) ? tile_.columns * 128 : 0);
  }

  Parted offset_of(const HalfSide& side) const {
    if (side.way != Way::packed) return in_numbers(side.offset);
    return {Dim::variable(number(side)) * block_depth(),
            floor_div(Dim::variable("k"), block_depth()) * (rows_of(side) * block_depth())};
  }
  Parted in_numbers(const Parted& parts) const {
    const Indices at = buffers_.indices();
    return {at_places(parts.across, at), at_places(parts.depth, at)};
  }

  /// What a thread keeps of the rows (or columns) that it copies 16 bytes of.
  void begin_side(ExprText& text, const HalfSide& side) {
    if (side.way == Way::gathered || comes_at_once(side)) return;
    if (has_table(side)) return begin_table(text, side);
    const std::string s = letter(side), i = dims_.variable(number(side));
    const int count = loads(side);
    text.line(cat("I ", s, "_at[", count, "];"));
    text.line(cat("unsigned ", s, "_there = 0;"));
    for (size_t j = 0; j < side.inside.size(); ++j)
      text.line(cat("I ", s, "_in", j, "[", count, "];"));
    text.line("#pragma unroll");
    text.open(cat("for (int j = 0; j < ", count, "; ++j) {"));
    text.line(cat("const I ", i, " = ", number(side), "0 + (I)threadIdx.x / 8 + j * ",
                  tile_.threads() / 8, ";"));
    text.line(cat(s, "_there |= (unsigned)(", i, " < ", number(side), "_count) << j;"));
    text.line(cat(s, "_at[j] = ", dims_(offset_of(side).across), ";"));
    for (size_t j = 0; j < side.inside.size(); ++j)
      text.line(cat(s, "_in", j, "[j] = ", dims_(in_numbers(side.inside[j].first).across), ";"));
    text.close();
  }

  // Of a picked operand with a short depth, what the depth says is a table in shared memory, and a
  // thread has one row (or column): neighbours pick from neighbours in memory.

  static constexpr int64_t kLongestTable = 512;
  bool has_table(const HalfSide& side) const { return side.way == Way::picked && table_rows() > 0; }
  int64_t table_rows() const {
    const int64_t depth = given_.depth_count().constant().value_or(0);
    const int each = block_depth();
    return depth > kLongestTable ? 0 : (depth + each - 1) / each * each;
  }

  void begin_table(ExprText& text, const HalfSide& side) {
    const std::string s = letter(side), i = dims_.variable(number(side));
    const size_t width = 1 + side.inside.size();
    text.line(
        cat("const I ", s, "_row = ", number(side), "0 + (I)threadIdx.x % ", across(side), ";"));
    text.line(cat("I ", s, "_at;"));
    for (size_t j = 0; j < side.inside.size(); ++j) text.line(cat("I ", s, "_in", j, ";"));
    text.open("{");
    text.line(cat("const I ", i, " = ", s, "_row;"));
    text.line(cat(s, "_at = ", dims_(offset_of(side).across), ";"));
    for (size_t j = 0; j < side.inside.size(); ++j)
      text.line(cat(s, "_in", j, " = ", dims_(in_numbers(side.inside[j].first).across), ";"));
    text.close();
    text.line(cat("__shared__ I ", s, "_table[", table_rows() * static_cast<int64_t>(width), "];"));
    text.open(cat("for (int e = (int)threadIdx.x; e < ", table_rows(), "; e += ", tile_.threads(),
                  ") {"));
    text.line(cat("const I ", dims_.variable("k"), " = e;"));
    text.line(cat(s, "_table[e * ", width, "] = ", dims_(offset_of(side).depth), ";"));
    for (size_t j = 0; j < side.inside.size(); ++j)
      text.line(cat(s, "_table[e * ", width, " + ", j + 1,
                    "] = ", dims_(in_numbers(side.inside[j].first).depth), ";"));
    text.close();
    text.line("__syncthreads();");
  }

  void pick_by_table(std::string& out, const HalfSide& side) {
    const std::string s = letter(side), k = dims_.variable("k");
    const int runs = tile_.threads() / across(side);  // of 8 elements, side by side among threads
    Places places = buffers_.places;
    places.emplace("element", Place{"element", side.load->dtype(), {}, {}, true});
    ExprText text(places, dims_, out, 3);
    text.line(cat("const unsigned row = threadIdx.x % ", across(side), ";"));
    text.line("#pragma unroll");
    text.open(cat("for (int j = 0; j < ", 8 / runs, "; ++j) {"));
    text.line(cat("const unsigned run = threadIdx.x / ", across(side), " + j * ", runs, ";"));
    text.line(cat("const I begin = (first + at_block) * ", block_depth(), " + run * ",
                  product_.run(), ";"));
    text.line("unsigned x[4] = {};");
    text.line("if (begin < k_count)");
    text.line("#pragma unroll");
    text.open(cat("for (int e = 0; e < ", product_.run(), "; ++e) {"));
    text.line(cat("const I ", k, " = begin + e;"));
    text.line(cat("const I* of_k = ", s, "_table + ", k, " * ", 1 + side.inside.size(), ";"));
    std::string inside = "true";
    for (size_t i = 0; i < side.inside.size(); ++i)
      inside +=
          cat(" && (U)(", s, "_in", i, " + of_k[", i + 1, "]) < (U)", dims_(side.inside[i].second));
    text.line(cat("const bool there = ", s, "_row < ", number(side), "_count && ", k,
                  " < k_count, wanted = there && ", inside, ";"));
    picked_bits(text, side, cat(buffer(side), "[", s, "_at + of_k[0]]"));
    text.line(put_in("x", "bits"));
    text.close();
    text.line(cat("store_16(slot", is_a(side) ? "" : cat(" + ", tile_.rows * 128),
                  " + row * 128 + ((run ^ row % 8) << 4), x);"));
    text.close();
  }

  /// Begins to copy (or copies) the side's part of a tile of the depth: `k_chunk` is where the
  /// thread's 8 elements are in the depth, `to` their place in shared memory.
  void load(ExprText& text, std::string& out, const HalfSide& side) {
    if (comes_at_once(side)) {
      text.open("if (threadIdx.x == 0) {");
      text.line(cat("copy_run(slot", is_a(side) ? "" : cat(" + ", tile_.rows * 128), ", ",
                    buffer(side), " + ((first + at_block) * ", rows_of(side), " + ", number(side),
                    "0) * ", block_depth(), ", ", across(side) * 128, ", runs + at_block % ",
                    tile_.stages, " * 8);"));
      text.close();
      return;
    }
    text.open("{");
    text.line(cat("const unsigned to = slot + place",
                  is_a(side) ? "" : cat(" + ", tile_.rows * 128), ";"));
    if (side.way == Way::gathered) gather(out, side);
    else if (has_table(side)) pick_by_table(out, side);
    else if (side.way == Way::picked) pick(out, side);
    else copy(text, side);
    text.close();
  }

  /// What the depth says of a place; the condition that row (or column) j is inside there.
  std::string begin_place(ExprText& text, const HalfSide& side) {
    std::string inside = "true";
    text.line(cat("const I at = ", dims_(offset_of(side).depth),
                  side.way == Way::packed
                      ? cat(" + (threadIdx.x % 8 ^ threadIdx.x / 8 % 8) * ", product_.run())
                      : "",
                  ";"));
    for (size_t i = 0; i < side.inside.size(); ++i) {
      text.line(cat("const I in", i, " = ", dims_(in_numbers(side.inside[i].first).depth), ";"));
      inside += cat(" && (U)(", letter(side), "_in", i, "[j] + in", i, ") < (U)",
                    dims_(side.inside[i].second));
    }
    return inside;
  }

  void copy(ExprText& text, const HalfSide& side) {
    const std::string s = letter(side);
    text.line(cat("const I ", dims_.variable("k"), " = k_chunk;"));
    std::string wanted = cat("(", s, "_there >> j & 1) && ", begin_place(text, side));
    if (side.way == Way::copied && !exact_div(given_.depth_count(), block_depth()))
      wanted += " && k_chunk < k_count";
    text.line("#pragma unroll");
    text.open(cat("for (int j = 0; j < ", loads(side), "; ++j) {"));
    text.line(cat("const bool wanted = ", wanted, ";"));
    const unsigned other = outside_bits(side);
    if (other != 0) {
      text.line(cat("const unsigned other[4] = {", other, "u, ", other, "u, ", other, "u, ", other,
                    "u};"));
      text.line(cat("if (!wanted) store_16(to + j * ", tile_.threads() * 16, ", other); else"));
    }
    text.line(cat("copy_16(to + j * ", tile_.threads() * 16, ", ", buffer(side), " + (wanted ? ", s,
                  "_at[j] + at : 0), wanted);"));
    text.close();
  }

  /// What lies outside of a copied operand, four times.
  static unsigned outside_bits(const HalfSide& side) {
    const double other = side.load ? side.load->outside().value_or(0) : 0;
    return (static_cast<unsigned>(static_cast<int>(other)) & 0xffu) * 0x01010101u;
  }

  /// The bits of element e of 16 bytes into the words that these are.
  std::string put_in(const std::string& words, const std::string& bits) const {
    const int each = 4 / product_.element_bytes;
    return cat(words, "[e / ", each, "] |= ", bits, " << e % ", each, " * ",
               8 * product_.element_bytes, ";");
  }

  /// What the depth says is computed once for all rows.
  void pick(std::string& out, const HalfSide& side) {
    const std::string s = letter(side);
    Places places = buffers_.places;
    places.emplace("element", Place{"element", side.load->dtype(), {}, {}, true});
    ExprText text(places, dims_, out, 3);
    text.line(cat("unsigned x[", loads(side), "][4] = {};"));
    text.line("if (k_chunk < k_count)");
    text.line("#pragma unroll");
    text.open(cat("for (int e = 0; e < ", product_.run(), "; ++e) {"));
    text.line(cat("const I ", dims_.variable("k"), " = k_chunk + e;"));
    const std::string inside = begin_place(text, side);
    text.line("#pragma unroll");
    text.open(cat("for (int j = 0; j < ", loads(side), "; ++j) {"));
    text.line(cat("const bool there = (", s, "_there >> j & 1) && ", dims_.variable("k"),
                  " < k_count, wanted = there && ", inside, ";"));
    picked_bits(text, side, cat(buffer(side), "[", s, "_at[j] + at]"));
    text.line(put_in("x[j]", "bits"));
    text.close();
    text.close();
    text.line("#pragma unroll");
    text.line(cat("for (int j = 0; j < ", loads(side), "; ++j) store_16(to + j * ",
                  tile_.threads() * 16, ", x[j]);"));
  }

  /// `bits` of an element in memory, where it is `wanted`, else of what lies outside; 0 where it is
  /// not `there`.
  void picked_bits(ExprText& text, const HalfSide& side, const std::string& element) {
    const Expr& load = *side.load;
    const DType dtype = load.dtype();
    const double other = load.outside().value_or(0);
    if (load == *side.operand && other == 0 && !product_.integers()) {
      text.line(cat("const unsigned bits = wanted ? ", element, " : 0;"));
    } else {
      text.line(cat("const ", computed_type(dtype), " element = wanted ? ", loaded(element, dtype),
                    " : ", number_text(other, static_cast<int64_t>(other), dtype), ";"));
      const Expr value = replace(*side.operand, [&](const Expr& expr) {
        return expr == load ? std::optional(Expr::load(BufferName{"element"}, dtype, {}))
                            : std::nullopt;
      });
      const std::string number = stored(text.value(value), side.operand->dtype());
      text.line(cat("const unsigned bits = there ? ",
                    product_.integers() ? cat("(unsigned char)", number) : number, " : 0;"));
    }
  }

  void gather(std::string& out, const HalfSide& side) {
    ExprText text(buffers_.places, dims_, out, 3);
    const std::string i = dims_.variable(number(side)), k = dims_.variable("k");
    text.line("#pragma unroll 1");
    text.open(cat("for (int j = 0; j < ", loads(side), "; ++j) {"));
    text.line(cat("const I ", i, " = ", number(side), "0 + (I)threadIdx.x / 8 + j * ",
                  tile_.threads() / 8, ";"));
    text.line("unsigned x[4] = {};");
    text.line("#pragma unroll");
    text.open(cat("for (int e = 0; e < ", product_.run(), "; ++e) {"));
    text.line(cat("const I ", k, " = k_chunk + e;"));
    text.open(cat("if (", i, " < ", number(side), "_count && ", k, " < k_count) {"));
    const Expr value = buffers_.in_text(*side.operand, buffers_.indices());
    text.line(put_in("x", cat(product_.integers() ? "(unsigned)(unsigned char)" : "(unsigned)",
                              stored(text.value(value), side.operand->dtype()))));
    text.close();
    text.close();
    text.line(cat("store_16(to + j * ", tile_.threads() * 16, ", x);"));
    text.close();
  }

  void begin(ExprText& text) {
    const int bm = tile_.rows, bn = tile_.columns;
    text.line("let_others_begin();");
    results_.declare(text);
    text.line("extern __shared__ uint4 memory[];");
    text.line("const unsigned tiles = shared_address(memory) + 1023 & ~1023u;");
    text.line(cat("const I m_count = ", dims_(given_.row_count()), ", n_count = ",
                  dims_(given_.column_count()), ", k_count = ", dims_(given_.depth_count()), ";"));
    text.line(cat("const I m_tiles = (m_count + ", bm - 1, ") / ", bm, ", n_tiles = (n_count + ",
                  bn - 1, ") / ", bn, ";"));
    text.line(cat("const I part = (I)blockIdx.x % ", tile_.split, ";"));
    text.line(cat("const I block = (I)blockIdx.x / ", tile_.split, ";"));
    // Blocks that run at once share rows and columns: they go down 8 tiles, then to the right.
    text.line("const I in_batch = block % (m_tiles * n_tiles);");
    text.line("const I group = in_batch / (8 * n_tiles), in_group = in_batch % (8 * n_tiles);");
    text.line("const I high = least(8, m_tiles - group * 8);");
    text.line(cat("const I m0 = (group * 8 + in_group % high) * ", bm, ", n0 = in_group / high * ",
                  bn, ";"));
    text.line(cat("const I ", dims_.variable("z"), " = block / (m_tiles * n_tiles);"));
    text.line(cat("const I blocks = (k_count + ", block_depth() - 1, ") / ", block_depth(), ";"));
    text.line(cat("const I first = part * blocks / ", tile_.split, ";"));
    text.line(cat("I count = (part + 1) * blocks / ", tile_.split, " - first;"));
    text.line("forget(count);");
    text.line(
        "const unsigned place = threadIdx.x / 8 * 128 + "
        "((threadIdx.x % 8 ^ threadIdx.x / 8 % 8) << 4);");
    const bool cluster = tile_.warpgroups && tile_.split > 1;
    if (!any_comes_at_once() && !cluster) return;
    text.line(cat("const unsigned runs = tiles + ", tile_.tile_bytes(), ";"));
    text.open("if (threadIdx.x == 0) {");
    if (cluster) {
      text.line(cat("begin_runs(tiles + ", tile_.sums_counter(), ", 1);"));
      text.line(cat("expect_run(tiles + ", tile_.sums_counter(), ", ",
                    tile_.rows * tile_.columns * 4, ");"));
    }
    text.line(cat("begin_runs(runs, ", tile_.stages, ");"));
    text.close();
    text.line("__syncthreads();");
  }

  /// Constants do not wait for what ran before.
  bool waits(const HalfSide& side) const { return side.way != Way::packed; }

  void loader(std::string& out, ExprText& text, const char* name, bool waits_for_others) {
    text.open(cat("const auto ", name, " = [&](I at_block) {"));
    text.line(cat("const unsigned slot = tiles + (unsigned)(at_block % ", tile_.stages, ") * ",
                  tile_.stage_bytes(), ";"));
    if (!waits_for_others && any_comes_at_once())
      text.line(cat("if (threadIdx.x == 0) expect_run(runs + at_block % ", tile_.stages, " * 8, ",
                    bytes_at_once(), ");"));
    text.line(cat("const I k_chunk = (first + at_block) * ", block_depth(),
                  " + (I)threadIdx.x % 8 * ", product_.run(), ";"));
    for (const HalfSide* side : {&product_.a, &product_.b})
      if (waits(*side) == waits_for_others) load(text, out, *side);
    text.close("};");
  }

  std::string product_body() {
    std::string out;
    ExprText text(buffers_.places, dims_, out, 1);
    begin(text);
    for (const HalfSide* side : {&product_.a, &product_.b}) begin_side(text, *side);
    loader(out, text, "load_constants", false);
    loader(out, text, "load_others", true);
    const int ahead = tile_.ahead();
    results_.begin(text);
    text.line(cat("for (int i = 0; i < ", ahead, "; ++i)"));
    text.line("  if (i < count) load_constants(i);");
    text.line("wait_for_others();");
    text.open(cat("for (int i = 0; i < ", ahead, "; ++i) {"));
    text.line("if (i < count) load_others(i);");
    if (results_.keeps())
      text.line(cat("if (i == ", ahead - 1, " && count < ", ahead, ") load_kept(tiles + ",
                    ahead % tile_.stages * tile_.stage_bytes(), ");"));
    text.line("end_copies();");
    text.close();
    results_.keep_columns(out, text);
    sums(text);
    turns(text);
    text.line("wait_copies<0>();");
    text.line("__syncthreads();");
    results_.write(out, text);
    return out;
  }

  /// While the products of warpgroups run, the compiler must find no reason to move sums: the loop
  /// has one way in and one way out, behind which they are waited for.
  void turns(ExprText& text) {
    const int ahead = tile_.ahead();
    text.line("I i = 0;");
    text.line("int add = 0;");
    text.open("if (count > 0) {");
    text.line("#pragma unroll 1");
    text.open("do {");
    text.line(cat("wait_copies<", ahead - 1, ">();"));
    if (any_comes_at_once())
      text.line(cat("wait_run(runs + i % ", tile_.stages, " * 8, i / ", tile_.stages, " & 1);"));
    if (tile_.warpgroups) {
      text.line("show_to_products();");
      text.line(cat("wait_products<", tile_.behind ? 1 : 0, ">();"));
    }
    text.line("__syncthreads();");
    multiply(text);
    text.line("add = 1;");
    text.line("forget(add);");
    text.open(cat("if (i + ", ahead, " < count) {"));
    text.line(cat("load_constants(i + ", ahead, ");"));
    text.line(cat("load_others(i + ", ahead, ");"));
    text.close();
    if (results_.keeps())
      text.line(cat("else if (i + ", ahead, " == count) load_kept(tiles + (unsigned)(count % ",
                    tile_.stages, ") * ", tile_.stage_bytes(), ");"));
    text.line("end_copies();");
    text.close("} while (++i < count);");
    if (tile_.warpgroups) {
      text.line("wait_products<0>();");
      text.line("#pragma unroll");
      text.line(cat("for (int d = 0; d < ", tile_.down(), "; ++d) take_sums(sums[d]);"));
    }
    text.close("}");
    if (product_.adds_up) take_zeros(text);
    if (!tile_.warpgroups) return;
    text.line("#pragma unroll");
    text.line(cat("for (int d = 0; d < ", tile_.down(), "; ++d)"));
    text.line("#pragma unroll");
    text.line(cat("  for (int j = 0; j < ", tile_.right() * 4,
                  "; ++j) sums[d][j] = count > 0 ? sums[d][j] : 0;"));
  }

  void sums(ExprText& text) {
    text.line("const unsigned lane = threadIdx.x % 32, warp = threadIdx.x / 32 % 4;");
    text.line("const unsigned warpgroup = threadIdx.x / 128;");
    text.line(cat("const unsigned row = warpgroup % ", tile_.groups_down(), " * ",
                  tile_.rows / tile_.groups_down(), tile_.warpgroups ? "" : " + warp / 2 * 32",
                  ";"));
    text.line(cat("const unsigned column = warpgroup / ", tile_.groups_down(), " * ",
                  tile_.group_columns(),
                  tile_.warpgroups ? "" : cat(" + warp % 2 * ", tile_.group_columns() / 2), ";"));
    text.line(cat(results_.sum_type(), " sums[", tile_.down(), "][", tile_.right() * 4,
                  tile_.warpgroups ? "];" : "] = {};"));
    if (product_.adds_up)
      text.line(
          cat("int sums_of_a[", tile_.down(), "][2] = {}, sums_of_b[", tile_.right(), "] = {};"));
  }

  /// Of operands that are added up: their zero points out of the sums.
  void take_zeros(ExprText& text) {
    const auto zero = [&](const HalfSide& side) {
      return side.zero ? text.value(buffers_.in_text(*side.zero, buffers_.indices()))
                       : std::string("0");
    };
    const std::string a = zero(product_.a), b = zero(product_.b);
    text.line(cat("const I products = least(k_count, (first + count) * ", block_depth(),
                  ") - first * ", block_depth(), ";"));
    text.line(cat("take_zeros<", tile_.down(), ", ", tile_.right(),
                  ">(sums, sums_of_a, sums_of_b, ", a, ", ", b, ", (int)most(products, 0));"));
  }

  void multiply(ExprText& text) {
    text.line(cat("const unsigned slot = tiles + (unsigned)(i % ", tile_.stages, ") * ",
                  tile_.stage_bytes(), ";"));
    const std::string a = "slot + row * 128",
                      b = cat("slot + ", tile_.rows * 128, " + column * 128");
    if (!tile_.warpgroups) {
      text.line(cat("multiply_warp<", tile_.down(), ", ", tile_.right(), ">(sums, ",
                    product_.adds_up ? "sums_of_a, sums_of_b, " : "", a, ", ", b, ");"));
      return;
    }
    text.line(cat("const unsigned long long a = tile_at(", a, "), b = tile_at(", b, ");"));
    text.line("begin_products();");
    text.line("#pragma unroll");
    text.line("for (int k = 0; k < 4; ++k)");
    text.line("#pragma unroll");
    text.line(cat("  for (int d = 0; d < ", tile_.down(),
                  "; ++d) multiply_add(sums[d], a + d * 512 + k * 2, b + k * 2, add | k);"));
    text.line("end_products();");
  }

  const HalfProduct& product_;
  const Contraction& given_;
  const TensorTile tile_;
  ContractText made_;
  DimText dims_;
  ContractBuffers buffers_;
  TensorResults results_;
};

}  // namespace

ContractText text_of(const HalfProduct& product, const TensorTile& tile) {
  ContractText none;
  none.declined = product.declined;
  if (product.adds_up && tile.warpgroups) none.declined = "warps add up operands, no warpgroups";
  if (!none.declined.empty()) return none;
  visit(product.contraction.stage->expr, [&](const Expr& expr) {
    if (computed_type(expr.dtype()) == nullptr) none.declined = cat("it has ", expr.dtype());
  });
  if (!none.declined.empty()) return none;
  return TensorWriting(product, tile).run();
}

}  // namespace hone::cuda::emitter
