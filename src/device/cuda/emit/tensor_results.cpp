#include "device/cuda/emit/tensor_results.hpp"

#include <algorithm>

#include "base/text.hpp"
#include "device/cuda/emit/writing.hpp"
#include "ir/graph.hpp"

namespace hone::cuda::emitter {

void TensorResults::write(std::string& out, ExprText& text) {
  if (is_direct()) write_directly(out, text);
  else write_eights(out, text);
}

/// Through shared memory, so that a thread has 8 columns side by side. Blocks of a cluster send
/// their sums to those who add them: each adds and stores some of the rows.
void TensorResults::write_eights(std::string& out, ExprText& text) {
  const int pitch = (tile_.columns + 8) * 4;
  const bool cluster = tile_.warpgroups && tile_.split > 1;
  const int own = tile_.rows / (cluster ? tile_.split : 1);  // rows
  if (cluster) text.line("meet();");  // nobody multiplies any more where sums are sent to
  text.line("#pragma unroll");
  text.line(cat("for (int d = 0; d < ", tile_.down(), "; ++d)"));
  text.line("#pragma unroll");
  text.open("  for (int h = 0; h < 2; ++h) {");
  text.line(cat("const unsigned at_row = row + d * ", tile_.warpgroups ? 64 : 16,
                tile_.warpgroups ? " + warp * 16" : "", " + lane / 4 + h * 8;"));
  if (cluster) {
    text.line(cat("const unsigned to = place_of(tiles + ((unsigned)part * ", own, " + at_row % ",
                  own, ") * ", pitch, ", at_row / ", own, ");"));
    text.line(cat("const unsigned counter = place_of(tiles + ", tile_.sums_counter(), ", at_row / ",
                  own, ");"));
  } else {
    text.line(cat("const unsigned to = tiles + at_row * ", pitch, ";"));
  }
  text.line("#pragma unroll");
  text.open(cat("for (int j = 0; j < ", tile_.right(), "; ++j) {"));
  text.line("const unsigned at = to + (column + j * 8 + lane % 4 * 2) * 4;");
  text.line(
      cat("const ", sum_type(), " x = sums[d][j * 4 + h * 2], y = sums[d][j * 4 + h * 2 + 1];"));
  text.line(cluster ? "send_pair(at, x, y, counter);" : "store_pair(at, x, y);");
  text.close();
  text.close();
  text.line(cluster ? cat("wait_at_most(tiles + ", tile_.sums_counter(), ", 0);")
                    : "__syncthreads();");
  text.line("#pragma unroll 2");
  const int runs = tile_.columns / tile_.run();
  text.open(
      cat("for (int u = (int)threadIdx.x; u < ", own * runs, "; u += ", tile_.threads(), ") {"));
  text.line(
      cat("const int at_row = u / ", runs, ", at_column = u % ", runs, " * ", tile_.run(), ";"));
  const std::string m = dims_.variable("m");
  text.line(cat("const I ", m, " = m0 + ", cluster ? cat("part * ", own, " + ") : "",
                "at_row, n_first = n0 + at_column;"));
  text.line(cat("if (", m, " >= m_count || n_first >= n_count) continue;"));
  text.line(cat("const unsigned at = tiles + at_row * ", pitch, " + at_column * 4;"));
  add_up(text, cluster ? tile_.split : 1, own * pitch);
  if (tile_.split > 1 && !cluster) {
    text.line(cat(sum_type(), "* to = (", sum_type(), "*)scratch + ((part * ",
                  dims_(given_.batch_count()), " + ", dims_.variable("z"), ") * m_count + ", m,
                  ") * n_count + n_first;"));
    text.line(cat("for (int e = 0; e < ", tile_.run(),
                  "; ++e) if (n_first + e < n_count) to[e] = eight[e];"));
  } else {
    put_eight(out, true);
  }
  text.close();
}

std::string TensorResults::of_parts() {
  std::string out = "  let_others_begin();\n  wait_for_others();\n";
  ExprText text(buffers_.places, dims_, out, 1);
  const std::string m = dims_.variable("m"), z = dims_.variable("z");
  const int run = tile_.run();
  declare(text);
  text.line(cat("const I m_count = ", dims_(given_.row_count()),
                ", n_count = ", dims_(given_.column_count()), ", all = ", dims_(elements()), ";"));
  text.line(cat("const I n_units = (n_count + ", run - 1, ") / ", run,
                ", u = (I)blockIdx.x * 256 + (I)threadIdx.x;"));
  text.line(cat("if (u >= ", dims_(given_.batch_count()), " * m_count * n_units) return;"));
  text.line(cat("const I n_first = u % n_units * ", run, ", ", m, " = u / n_units % m_count, ", z,
                " = u / n_units / m_count;"));
  text.line(cat("const ", sum_type(), "* from = (const ", sum_type(), "*)scratch + (", z,
                " * m_count + ", m, ") * n_count + n_first;"));
  text.line(cat(sum_type(), " eight[", run, "] = {};"));
  text.line(cat("for (int p = 0; p < ", tile_.split, "; ++p)"));
  text.line(cat("  for (int e = 0; e < ", run,
                "; ++e) if (n_first + e < n_count) eight[e] += from[p * all + e];"));
  put_eight(out, false);
  return out;
}

/// Whether columns from a multiple of 16 bytes on lie side by side, where such an address is.
bool TensorResults::lies_in_eights(const Dims& indices, const Place& place) const {
  const int run = product_.run();
  if (given_.columns.empty() || bits(place.dtype) != 8 * product_.element_bytes) return false;
  Dim offset, stride = 1;
  for (size_t axis = indices.size(); axis-- > 0;) {
    offset = offset + indices[axis] * (place.strides.empty() ? stride : place.strides[axis]);
    stride = stride * place.shape[axis];
  }
  const Axis& last = given_.columns.back();
  const Dim moved = at_places(offset, {{name_of(last), last.variable + 1}});
  return (moved - offset).is(1) && exact_div(last.extent, run) &&
         exact_div(at_places(offset, {{name_of(last), 0}}), run);
}

bool TensorResults::lies_in_eights_itself() const {
  Dims own;
  for (size_t axis = 0; axis < given_.stage->extents.size(); ++axis)
    own.push_back(loop(static_cast<int>(axis)));
  return !given_.loose.contains(given_.stage->value) && lies_in_eights(own, buffers_.result());
}

bool TensorResults::depends_on_rows(const Dim& dim) const {
  std::set<std::string, std::less<>> names;
  dim.collect_variables(names);
  for (const auto* axes : {&given_.batches, &given_.rows})
    for (const Axis& axis : *axes)
      if (names.contains(name_of(axis))) return true;
  return false;
}

std::vector<TensorResults::Eight> TensorResults::eights(ExprText& text) const {
  std::vector<Eight> found;
  const Indices at = buffers_.indices();
  const std::function<void(const Expr&)> look = [&](const Expr& expr) {
    if (expr == *given_.sum) return;
    for (const Expr& operand : expr.operands()) look(operand);
    if (expr.kind() != Expr::Kind::load || expr.outside()) return;
    for (const Eight& known : found)
      if (known.load == expr) return;
    Dims indices;
    for (const Expr& index : expr.operands()) {
      if (index.kind() != Expr::Kind::index) return;
      indices.push_back(index.dim());
    }
    const auto* value = std::get<const Value*>(expr.source());
    const Place& place = buffers_.places.at(buffers_.names.at(value));
    const bool fits = integers_ ? is_integer(place.dtype) : place.dtype == given_.a->dtype();
    if (value->is_constant() || given_.loose.contains(value) || !fits ||
        !lies_in_eights(indices, place))
      return;
    bool of_columns = true;
    for (Dim& index : indices) {
      of_columns &= !depends_on_rows(index);
      index = at_places(index, at);
    }
    if (integers_ && of_columns) return;  // a word
    found.push_back({expr, cat("x", found.size()),
                     cat(place.name, " + ", text.offset(place, indices)), of_columns});
  };
  look(given_.stage->expr);
  return found;
}

/// As ContractBuffers has it, but for what is in the text's own registers already.
Expr TensorResults::in_text(const Expr& expr, const Indices& at) const {
  if (expr.kind() == Expr::Kind::load && std::holds_alternative<BufferName>(expr.source()))
    return expr;
  if (expr == *given_.sum && integers_) return integers_->corrected();
  if (expr == *given_.sum || expr.kind() == Expr::Kind::number || expr.kind() == Expr::Kind::index)
    return buffers_.in_text(expr, at);
  std::vector<Expr> operands;
  for (const Expr& operand : expr.operands()) operands.push_back(in_text(operand, at));
  if (expr.kind() == Expr::Kind::call) return Expr::call(expr.function(), std::move(operands));
  if (expr.kind() == Expr::Kind::cast) return Expr::cast(expr.dtype(), std::move(operands[0]));
  return Expr::load(BufferName{buffers_.names.at(std::get<const Value*>(expr.source()))},
                    expr.dtype(), std::move(operands), expr.outside());
}

Expr TensorResults::whole(const std::vector<Eight>& read) const {
  const Stage& stage = *given_.stage;
  const Expr replaced = replace(stage.expr, [&](const Expr& expr) -> std::optional<Expr> {
    if (expr == *given_.sum) return expr;
    for (const Eight& each : read)
      if (each.load == expr) return Expr::load(BufferName{each.name}, each.load.dtype(), {});
    return std::nullopt;
  });
  Expr value = in_text(replaced, buffers_.indices());
  if (integers_) value = integers_->narrowed(value);
  if (value.dtype() != stage.dtype) value = Expr::cast(stage.dtype, std::move(value));
  return value;
}

void TensorResults::compute_each(std::string& out, ExprText& text, const std::vector<Eight>& read,
                                 int count, const std::string& sum, ExprText::Rounding rounding) {
  const std::string n = dims_.variable("n");
  text.line("#pragma unroll");
  text.open(cat("for (int e = 0; e < ", count, "; ++e) {"));
  text.line(cat("const I ", n, " = n_first + e;"));
  text.line(cat("const ", sum_type(), " sum = ", sum, ";"));
  const std::string value = result(out, read, 4, true, rounding);
  text.line(cat("y[e] = ", value, ";"));
  text.close();
}

std::string TensorResults::result(std::string& out, const std::vector<Eight>& read, int indent,
                                  bool with_words, ExprText::Rounding rounding) {
  return stored(number(out, read, indent, with_words, rounding), given_.stage->dtype);
}

/// The result's expression, and the registers that it reads.
Expr TensorResults::with_registers(const std::vector<Eight>& read, bool with_words,
                                   Places& places) const {
  for (const Eight& each : read)
    places.emplace(each.name, Place{cat(each.name, "[e]"), each.load.dtype(), {}, {}, true});
  const Expr value = whole(read);
  if (!integers_ || !with_words) return value;
  const auto kept = words();
  return replace(value, [&](const Expr& expr) -> std::optional<Expr> {
    const auto found = std::ranges::find(kept, expr, &IntegerSums::Word::expr);
    if (found == kept.end()) return std::nullopt;
    places.insert_or_assign(found->name, IntegerSums::place_of(*found));
    return Expr::load(BufferName{found->name}, expr.dtype(), {});
  });
}

std::string TensorResults::number(std::string& out, const std::vector<Eight>& read, int indent,
                                  bool with_words, ExprText::Rounding rounding) {
  Places places = buffers_.places;
  const Expr value = with_registers(read, with_words, places);
  ExprText text(places, dims_, out, indent);
  text.keep_digits();
  text.round(rounding);
  return text.value(value);
}

void TensorResults::add_up(ExprText& text, int parts, int step) const {
  text.line(cat(sum_type(), " eight[", tile_.run(), "] = {};"));
  text.line("#pragma unroll");
  text.open(cat("for (int p = 0; p < ", parts, "; ++p) {"));
  for (int four = 0; four < tile_.run() / 4; ++four)
    text.line(cat("add_four(eight + ", four * 4, ", at + p * ", step, " + ", four * 16, ");"));
  text.close();
}

void TensorResults::put_eight(std::string& out, bool with_words,
                              const std::function<std::string(const Eight&)>& raw) {
  const std::string n = dims_.variable("n");
  ExprText text(buffers_.places, dims_, out, 2);
  text.open("{");
  text.line(cat("const I ", n, " = n_first;"));
  const std::vector<Eight> read = eights(text);
  if (with_words) read_words(text, tile_.run());
  if (has_edges()) find_edges(text, "outside", tile_.run());
  for (const Eight& each : read) {
    text.line(cat(integers_ ? stored_type(each.load.dtype()) : "float", " ", each.name, "[",
                  tile_.run(), "];"));
    text.line(cat("unpack(", each.name, ", ",
                  raw ? raw(each) : cat("*(const uint4*)(", each.place, ")"), ");"));
  }
  const Place& into = buffers_.result();
  const bool whole = lies_in_eights_itself();
  if (whole) text.line(cat(result_type(), " y[", tile_.run(), "];"));
  if (whole && with_words && rounds_nearly()) {
    const std::string sum = cat("(", sum_type(), ")eight[e]");
    text.line("bool near = false;");
    compute_each(out, text, read, tile_.run(), sum, ExprText::Rounding::told);
    text.open("if (near) {");
    compute_each(out, text, read, tile_.run(), sum, ExprText::Rounding::exact);
    text.close();
    const std::string place = text.offset(into, buffers_.result_place(buffers_.indices()));
    text.line(cat("*(uint4*)(", into.name, " + ", place, ") = packed(y);"));
    return text.close();
  }
  text.line("#pragma unroll");
  text.open(cat("for (int e = 0; e < ", tile_.run(), "; ++e) {"));
  text.line(cat("const I ", n, " = n_first + e;"));
  if (!whole) text.line(cat("if (", n, " >= n_count) continue;"));
  text.line(cat("const ", sum_type(), " sum = (", sum_type(), ")eight[e];"));
  const std::string value = result(out, read, 4, with_words);
  const std::string place = text.offset(into, buffers_.result_place(buffers_.indices()));
  text.line(whole ? cat("y[e] = ", value, ";") : cat(into.name, "[", place, "] = ", value, ";"));
  text.close();
  // The address is that of the first of them.
  if (whole) text.line(cat("*(uint4*)(", into.name, " + ", place, ") = packed(y);"));
  text.close();
}

// Where the sums are whole and the result lies in eights, each thread computes the results of its
// own sums, two columns side by side; they are put together in shared memory. What is read for
// each of them is there before, where it fits into a tile of the depth that is not needed.

/// The 16 bytes of this number of a row of results: as those of operands.
std::string TensorResults::chunk(const std::string& row, const std::string& number) const {
  const int bytes = tile_.columns * tile_.element_bytes;
  const char* of_row = bytes >= 128 ? " % 8" : bytes == 64 ? " / 2 % 4" : " / 4 % 2";
  const std::string turn = cat("(", row, ")", of_row);
  return cat("(", row, ") * ", bytes, " + ((", number, " ^ ", turn, ") << 4)");
}

std::string TensorResults::each_chunk() const {
  return cat("for (int u = (int)threadIdx.x; u < ", tile_.rows * tile_.columns / tile_.run(),
             "; u += ", tile_.threads(), ") {");
}

void TensorResults::begin_chunk(ExprText& text) {
  const std::string m = dims_.variable("m"), n = dims_.variable("n");
  const int chunks = tile_.columns / tile_.run();
  text.line(cat("const int at_row = u / ", chunks, ", at_chunk = u % ", chunks, ";"));
  text.line(cat("const I ", m, " = m0 + at_row, ", n, " = n0 + at_chunk * ", tile_.run(), ";"));
  text.line(cat("const bool there = ", m, " < m_count && ", n, " < n_count;"));
}

void TensorResults::begin(ExprText& text) {
  if (!is_direct() || tile_.rows * tile_.columns * tile_.element_bytes > tile_.stage_bytes())
    return;
  for (const Eight& each : eights(text)) {
    if (each.of_columns) continue;
    kept_ = each.load;
    text.open("const auto load_kept = [&](unsigned slot) {");
    text.line("#pragma unroll 4");
    text.open(each_chunk());
    begin_chunk(text);
    const std::string from = each.place.substr(0, each.place.find(' '));
    text.line(cat("copy_16(slot + ", chunk("at_row", "at_chunk"), ", there ? ", each.place, " : ",
                  from, ", there);"));
    text.close();
    text.close("};");
    return;
  }
}

void TensorResults::keep_columns(std::string& out, ExprText& text) {
  if (!is_direct() && !integers_) return;
  const std::string n = dims_.variable("n");
  text.line(cat("const unsigned columns = tiles + ", tile_.tile_bytes() + 64, ";"));
  if (integers_) return keep_words(out, 1, "(int)threadIdx.x", tile_.threads());
  int at = 0;
  for (const Eight& each : eights(text)) {
    if (!each.of_columns || at >= TensorTile::kMostColumns) continue;
    text.open(cat("for (int c = (int)threadIdx.x * 2; c < ", tile_.columns,
                  "; c += ", tile_.threads() * 2, ") {"));
    text.line(cat("const I ", n, " = n0 + c;"));
    text.line(cat("store_word(columns + ", at++ * tile_.columns * 2, " + c * 2, ", n,
                  " < n_count ? *(const unsigned*)(", each.place, ") : 0);"));
    text.close();
  }
}

bool TensorResults::reads_alone(const std::vector<Eight>& read,
                                const std::function<bool(const Eight&)>& kept) const {
  for (const Eight& each : read)
    if (!each.of_columns && !kept(each)) return false;
  if (integers_) return integers_read_alone(read);
  bool others = false;
  const std::function<void(const Expr&)> look = [&](const Expr& expr) {
    if (expr == *given_.sum) return;
    others |= expr.kind() == Expr::Kind::load &&
              std::ranges::find(read, expr, &Eight::load) == read.end();
    for (const Expr& operand : expr.operands()) look(operand);
  };
  look(given_.stage->expr);
  return !others;
}

/// Whether everything that results are computed of is in shared memory: nothing is read outside of
/// an operand where a result is not wanted.
bool TensorResults::reads_kept_alone(const std::vector<Eight>& read) const {
  const auto columns = std::ranges::count_if(read, &Eight::of_columns);
  return columns <= TensorTile::kMostColumns &&
         reads_alone(read, [&](const Eight& each) { return kept_ && *kept_ == each.load; });
}

void TensorResults::read_pair(ExprText& text, const Eight& each, const std::string& bits) {
  const bool real = is_float(each.load.dtype());
  text.line(cat(real ? "float" : stored_type(each.load.dtype()), " ", each.name, "[2];"));
  text.line(cat("unpack(", each.name, ", ", bits, ");"));
}

void TensorResults::store_pair(ExprText& text) const {
  text.line(integers_ ? "store_short(at, y[0] | (unsigned)y[1] << 8);"
                      : "store_word(at, y[0] | (unsigned)y[1] << 16);");
}

void TensorResults::read_columns(ExprText& text, const std::vector<Eight>& read) const {
  int columns = 0;
  for (const Eight& each : read) {
    if (!each.of_columns) continue;
    const bool kept = columns < TensorTile::kMostColumns;
    read_pair(text, each,
              kept ? cat("load_word(columns + ", columns * tile_.columns * 2, " + at_column * 2)")
                   : cat("*(const unsigned*)(", each.place, ")"));
    ++columns;
  }
}

void TensorResults::write_directly(std::string& out, ExprText& text) {
  const std::string m = dims_.variable("m"), n = dims_.variable("n");
  const std::string slot = cat(" + (unsigned)(most(count, ", tile_.ahead(), ") % ", tile_.stages,
                               ") * ", tile_.stage_bytes());
  text.line(cat("const unsigned results = tiles", kept_ ? slot : "", ";"));
  text.line("#pragma unroll");
  text.open(cat("for (int j = 0; j < ", tile_.right(), "; ++j) {"));
  text.line("const int at_column = (int)column + j * 8 + (int)lane % 4 * 2;");
  text.line(cat("const I n_first = n0 + at_column, ", n, " = n_first;"));
  const std::vector<Eight> read = eights(text);
  const bool guarded = !reads_kept_alone(read);
  if (guarded) text.line(cat("if (", n, " >= n_count) continue;"));
  read_columns(text, read);
  read_words(text, 2);
  text.line("#pragma unroll");
  text.open(cat("for (int d = 0; d < ", tile_.down() * 2, "; ++d) {"));
  text.line(cat("const int at_row = (int)row + d / 2 * ", tile_.warpgroups ? 64 : 16,
                tile_.warpgroups ? " + (int)warp * 16" : "", " + (int)lane / 4 + d % 2 * 8;"));
  text.line(cat("const I ", m, " = m0 + at_row;"));
  if (guarded) text.line(cat("if (", m, " >= m_count) continue;"));
  text.line(cat("const unsigned at = results + ", chunk("at_row", cat("at_column / ", tile_.run())),
                " + at_column % ", tile_.run(), " * ", tile_.element_bytes, ";"));
  for (const Eight& each : read)
    if (!each.of_columns)
      read_pair(text, each,
                kept_ && *kept_ == each.load ? load_pair("at") : pair_in_memory(each.place));
  text.line(cat(result_type(), " y[2];"));
  compute_each(out, text, read, 2, "sums[d / 2][j * 4 + d % 2 * 2 + e]",
               ExprText::Rounding::at_once);
  store_pair(text);
  text.close();
  text.close();
  text.line("__syncthreads();");
  text.line("#pragma unroll 4");
  text.open(each_chunk());
  begin_chunk(text);
  const std::string to = text.offset(buffers_.result(), buffers_.result_place(buffers_.indices()));
  text.line(cat("if (there) *(uint4*)(", buffers_.result().name, " + ", to,
                ") = load_16(results + ", chunk("at_row", "at_chunk"), ");"));
  text.close();
}

}  // namespace hone::cuda::emitter
