#include "device/cuda/emit/bringing.hpp"

#include "base/text.hpp"
#include "device/cuda/emit/warpgroup_text.hpp"
#include "device/cuda/texts.hpp"
#include "ir/graph.hpp"

namespace hone::cuda::emitter {

Bringing::Bringing(const BroughtProduct& product, int rows, int columns)
    : product_(product), rows_(rows), columns_(columns), buffers_(product.product->contraction) {
  if (product.b.kind != Brought::Kind::packed) return;
  Place& place = buffers_.places.at(buffer(halves().b));
  place.shape = {(product.windows ? packed_bytes(halves(), *product.windows, product.form)
                                  : packed_bytes(halves(), halves().b, product.form)) /
                 halves().element_bytes};
  place.strides.clear();
}

const std::string& Bringing::buffer(const HalfSide& side) const {
  const Expr& load = side.load ? *side.load : *side.operand;
  return buffers_.names.at(std::get<const Value*>(load.source()));
}

ContractText Bringing::text(
    const std::string& before,
    const std::function<std::string(const std::string& parameters)>& functions) {
  ContractText made;
  std::string spread;
  if (product_.windows) {
    spread = spread_text(halves(), *product_.windows, buffers_, dims_);
    made.text.counts.push_back(product_.windows->elements());
    made.scratch_bytes = product_.windows->elements() * Dim(halves().element_bytes);
  }
  for (const auto& [name, place] : buffers_.places)
    made.text.counts.push_back(hone::product(place.shape));
  std::string parameters = cat(buffers_.declarations, "char* scratch");
  for (const auto& [name, symbol] : dims_.symbols().all()) {
    made.symbols.push_back(name);
    parameters += cat(", I ", symbol);
  }
  std::string maps = ", const __grid_constant__ Map map_a";
  if (product_.b.kind != Brought::Kind::packed) maps += ", const __grid_constant__ Map map_b";
  made.text.body = cat(buffers_.tables, product_text(halves(), box_columns(), turned()),
                       embedded_text("resident"), before, functions(parameters + maps));
  if (product_.windows)
    made.text.body +=
        cat("extern \"C\" __global__ void spread(", parameters, ") {\n", spread, "}\n");
  made.parameters = buffers_.parameters;
  return made;
}

void Bringing::begin(ExprText& text) {
  text.line("extern __shared__ uint4 memory[];");
  text.line("const unsigned tiles = shared_address(memory) + 1023 & ~1023u;");
  text.line(cat("const I m_count = ", dims_(given().row_count()), ";"));
  text.line(cat("const I m_tiles = (m_count + ", rows_ - 1, ") / ", rows_, ", n_tiles = (",
                dims_(given().column_count()), " + ", columns_ - 1, ") / ", columns_, ";"));
  // Of loops that the compiler knows the turns of, it makes several, and moves sums between them;
  // so it does with sums that it knows nobody reads.
  text.line(cat("I n_count = ", dims_(given().column_count()), ";"));
  text.line("forget(n_count);");
  text.line(cat("I units = ", dims_(given().batch_count()),
                " * m_tiles * n_tiles, depth = ", dims_(depth_tiles(product_)), ";"));
  text.line("forget(units);");
  text.line("forget(depth);");
  text.line("const unsigned lane = threadIdx.x % 32, warp = threadIdx.x / 32 % 4;");
  text.line("const int warpgroup = (int)threadIdx.x / 128;");
}

/// Blocks that run at once share rows and columns: they go down some tiles, then to the right.
void Bringing::find_unit(ExprText& text) {
  constexpr int kDown = 8;
  const bool lone = given().batch_count().is(1);
  text.line(lone ? "const I in_batch = unit;" : "const I in_batch = unit % (m_tiles * n_tiles);");
  text.line(cat("const I group = in_batch / (", kDown, " * n_tiles), in_group = in_batch % (",
                kDown, " * n_tiles);"));
  text.line(cat("const I high = least(", kDown, ", m_tiles - group * ", kDown, ");"));
  text.line(cat("const I m0 = (group * ", kDown, " + in_group % high) * ", rows_,
                ", n0 = in_group / high * ", columns_, ";"));
  text.line(
      cat("const I ", dims_.variable("z"), lone ? " = 0;" : " = unit / (m_tiles * n_tiles);"));
}

std::string Bringing::batch(const Brought& side) {
  return side.batched ? cat("(int)", dims_.variable("z")) : "0";
}

std::string Bringing::place_of_box(const Brought& side, const std::string& column,
                                   const std::string& row) {
  if (side.part == 0) return cat(column, ", ", row, ", ", batch(side));
  return cat("(", column, ") % ", side.part, ", ", row, ", (", column, ") / ", side.part);
}

PackedSums Bringing::sums() {
  PackedSums made;
  if (!halves().integers() || product_.b.kind != Brought::Kind::packed) return made;
  made.begin = product_.windows ? sums_begin(halves(), *product_.windows, product_.form)
                                : sums_begin(halves(), halves().b, product_.form);
  if (product_.windows || !is_picture() || halves().taps == 0) return made;
  made.find_outside = [this](ExprText& text) {
    const Brought::Along &w = product_.a.width, &h = product_.a.height;
    const std::string width = dims_(w.results), height = dims_(h.results);
    text.line("unsigned long long outside = 0;");
    text.open("{");
    text.line(
        cat("const I in_picture = ", dims_.variable("m"), " % (", width, " * ", height, ");"));
    text.line(cat("const I at_w = in_picture % ", width, " * ", w.step, " - ", w.before,
                  ", at_h = in_picture / ", width, " * ", h.step, " - ", h.before, ";"));
    text.line("#pragma unroll");
    text.line(cat("for (int t = 0; t < ", w.taps * h.taps, "; ++t)"));
    text.line(cat("  outside |= (unsigned long long)((U)(at_w + t % ", w.taps, " * ", w.dilation,
                  ") >= (U)", dims_(product_.a.sizes[1]), " || (U)(at_h + t / ", w.taps, " * ",
                  h.dilation, ") >= (U)", dims_(product_.a.sizes[2]), ") << t;"));
    text.close();
  };
  return made;
}

int64_t Bringing::channel_blocks() const {
  const int64_t channels = *product_.a.sizes[0].constant(), each = block_depth(product_);
  return (channels + each - 1) / each;
}

void Bringing::begin_a(ExprText& text, const std::string& first) {
  if (!is_picture()) return;
  const Brought::Along &w = product_.a.width, &h = product_.a.height;
  const std::string width = dims_(w.results), height = dims_(h.results);
  text.line(cat("const I in_picture = m0 % (", width, " * ", height, ");"));
  text.line(cat("const int picture = (int)(m0 / (", width, " * ", height, "));"));
  text.line(cat("const int at_w = (int)(in_picture % ", width, ") * ", w.step, " - ", w.before,
                ", at_h = (int)(in_picture / ", width, ") * ", h.step, " - ", h.before, ";"));
  // Of channels; behind the last of them the engine brings zeros.
  const int64_t blocks = channel_blocks();
  text.line(cat("int channel = (int)(", first, ") % ", blocks, " * ", block_depth(product_), ";"));
  text.line(cat("unsigned short tap_w = (int)(", first, ") / ", blocks, " % ", w.taps, " * ",
                w.dilation, ", tap_h = (int)(", first, ") / ", blocks * w.taps, " * ", h.dilation,
                ";"));
}

void Bringing::bring_a(ExprText& text) {
  if (!is_picture()) {
    text.line(cat("copy_box(to, map_a, barrier, (int)k * ", block_depth(product_), ", (int)m0, ",
                  batch(product_.a), ");"));
    return;
  }
  const Brought::Along &w = product_.a.width, &h = product_.a.height;
  text.line("copy_picture(to, map_a, barrier, channel, at_w, at_h, picture, tap_w, tap_h);");
  const int each = block_depth(product_);
  text.open(cat("if ((channel += ", each, ") == ", channel_blocks() * each, ") {"));
  text.line("channel = 0;");
  text.line(cat("if ((tap_w += ", w.dilation, ") == ", w.taps * w.dilation, ") tap_w = 0, ",
                "tap_h += ", h.dilation, ";"));
  text.close();
}

void Bringing::bring_b(ExprText& text) {
  const std::string to = cat("to + ", rows_ * row_bytes());
  const int depth = block_depth(product_);
  if (product_.b.kind == Brought::Kind::packed) {
    const int64_t rows = product_.form.rows(*Contraction::count(*halves().b.axes).constant());
    text.line(cat("copy_run(", to, ", ", buffer(halves().b), " + (k * ", rows, " + n0) * ", depth,
                  ", ", columns_ * row_bytes(), ", barrier);"));
  } else if (turned()) {
    text.line("#pragma unroll");
    text.line(cat("for (int i = 0; i < ", boxes(), "; ++i) copy_box(", to, " + i * ",
                  kBoxColumns * 128, ", map_b, barrier, (int)n0 + i * ", kBoxColumns, ", (int)k * ",
                  depth, ", ", batch(product_.b), ");"));
  } else {
    text.line(cat("copy_box(", to, ", map_b, barrier, (int)k * ", depth, ", (int)n0, ",
                  batch(product_.b), ");"));
  }
}

void Bringing::multiply(ExprText& text, int down, const std::string& row) {
  const std::string tile_at = row_bytes() == HalfProduct::kRowBytes ? "tile_at(" : "short_tile_at(";
  text.line(
      cat("const unsigned long long a = ", tile_at, "tile + (", row, ") * ", row_bytes(), ");"));
  text.line(cat("const unsigned long long b = ", turned() ? "turned_" : "", tile_at, "tile + ",
                rows_ * row_bytes(), ");"));
  text.line("begin_products();");
  text.line("#pragma unroll");
  text.line(cat("for (int s = 0; s < ", row_bytes() / 32, "; ++s)"));
  text.line("#pragma unroll");
  text.line(cat("  for (int d = 0; d < ", down, "; ++d)"));
  text.line("#pragma unroll");
  text.line(cat("    for (int i = 0; i < ", boxes(), "; ++i) multiply_add(sums[d][i], a + ", "d * ",
                64 * row_bytes() / 16, " + s * 2, b + i * ", kBoxColumns * 128 / 16, " + s * ",
                turned() ? 128 : 2, ", add | s);"));
  text.line("end_products();");
}

namespace {

/// Of an operand of which each result reads its own element.
Brought kept_of(const HalfProduct& product, const Expr& load) {
  const Contraction& of = product.contraction;
  const Value* value = std::get<const Value*>(load.source());
  if (load.outside() || value->is_constant() || of.loose.contains(value) ||
      (product.integers() ? !is_integer(load.dtype()) || bits(load.dtype()) != 8
                          : load.dtype() != of.a->dtype()))
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

/// Why a sum's operands and result do not come so; finds how they do.
std::string find_ways(BroughtProduct& made) {
  constexpr int64_t kLeastDepth = 64;
  const HalfProduct& product = *made.product;
  const Contraction& of = product.contraction;
  if (bits(of.stage->dtype) != bits(of.a->dtype()) ||
      is_float(of.stage->dtype) != is_float(of.a->dtype()))
    return "its result is of another type";
  if (product.adds_up) return "its operands are added up for zero points";
  made.a = brought_side(product, product.a);
  made.b = brought_side(product, product.b);
  if (made.a.kind == Brought::Kind::none) made.windows = windows_of(product);
  if (made.windows) made.a = made.windows->brought();
  else if (of.depth_count().constant().value_or(0) < kLeastDepth) return "its depth is short";
  if (made.a.kind != Brought::Kind::rows && made.a.kind != Brought::Kind::picture)
    return "its first operand does not lie in boxes";
  if (product.integers()) {
    if (made.b.kind != Brought::Kind::packed) return "its integers' second operand is no constant";
    made.form.in_fours = true;
    // Of few channels, half a row would be zeros.
    constexpr int kHalf = HalfProduct::kRowBytes / 2;
    const bool is_short = made.windows ? made.windows->block_depth == kHalf
                                       : made.a.sizes[0].constant().value_or(0) == kHalf;
    if (is_short) made.form.row_bytes = kHalf;
  }
  if (made.a.kind == Brought::Kind::picture && !made.windows) {
    const int64_t channels = *made.a.sizes[0].constant(), each = block_depth(made);
    made.form.channels = channels, made.form.padded = (channels + each - 1) / each * each;
    if (made.form.padded > channels && made.b.kind != Brought::Kind::packed)
      return "its channels are no tiles";
  }
  if (made.b.kind == Brought::Kind::none || made.b.kind == Brought::Kind::picture)
    return "its second operand does not lie in boxes";
  Dims loops;
  for (size_t axis = 0; axis < of.stage->extents.size(); ++axis)
    loops.push_back(loop(static_cast<int>(axis)));
  made.result =
      brought_rows(product, loops, strides_of(of.stage->value, of.stage->extents, of.strides));
  if (made.result.kind == Brought::Kind::none || of.loose.contains(of.stage->value))
    return "its result does not lie in boxes";
  std::string no_type;
  visit(of.stage->expr, [&](const Expr& expr) {
    if (computed_type(expr.dtype()) == nullptr) no_type = cat("it has ", expr.dtype());
  });
  return no_type;
}

}  // namespace

BroughtProduct brought_product_of(const Problem& problem) {
  BroughtProduct made;
  made.product = half_product_of(problem);
  made.declined = made.product->declined;
  if (made.declined.empty()) made.declined = find_ways(made);
  if (!made.declined.empty()) return made;
  for (size_t i = 0; i < problem.weights.size(); ++i)
    if (problem.weights[i] != nullptr) made.constants.insert(problem.region.body->inputs()[i]);
  // One operand of which each result reads its own element.
  visit(made.product->contraction.stage->expr, [&](const Expr& expr) {
    if (expr.kind() != Expr::Kind::load || made.kept.kind != Brought::Kind::none) return;
    made.kept = kept_of(*made.product, expr);
    if (made.kept.kind != Brought::Kind::none)
      made.kept_value = std::get<const Value*>(expr.source());
  });
  return made;
}

Dim depth_tiles(const BroughtProduct& product) {
  if (product.windows) return product.windows->tiles();
  const Dim depth = product.product->contraction.depth_count();
  const int each = block_depth(product);
  if (product.form.channels > 0)
    return floor_div(depth, product.form.channels) * Dim(product.form.padded / each);
  return ceil_div(depth, each);
}

}  // namespace hone::cuda::emitter
