// Tiles of matrix products: see gemm.hpp.

#include <algorithm>

#include "device/cpu/gemm.hpp"
#include "device/cpu/rows.hpp"

namespace hone::cpu {
namespace {

constexpr int64_t kLongDepth = 1024;  // of a block whose operands need no copies
constexpr int64_t kFewRows = 8;       // that a set of the first-level cache has room for
constexpr int64_t kMostCopied = kTileRows * kDepthBlock;

int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }

/// Rows that lie a multiple of 4 KiB apart share one set of the first-level cache.
bool rows_collide(const Product& product, int64_t rows) {
  return product.a_row % 1024 == 0 && rows > 4;
}

}  // namespace

/// Where a tile lies in c.
struct ProductKernels::Place {
  int64_t row, column, rows, columns;
  float* c;
  int64_t stride;
};

ProductKernels::ProductKernels(const ContractionForm& follow) : form_(follow), core_(gemm_core()) {
  form_.scales = true;
  form_.b = ContractionForm::B::panel;
  form_.panel_vectors = static_cast<int8_t>(core_.columns / Contraction::lanes(core_.isa));
  form_.a = ContractionForm::A::rows;
  rows_ = Contraction::of(core_.isa, form_, form_.panel_vectors);
  form_.a = ContractionForm::A::panel;
  panels_ = Contraction::of(core_.isa, form_, form_.panel_vectors, core_.rows);
}

ProductKernels::Place ProductKernels::place_of(const Product& product, const Tiling& tiling,
                                               int64_t tile) {
  Place place{};
  place.row = tile / tiling.column_tiles * tiling.rows;
  place.column = tile % tiling.column_tiles * tiling.columns;
  place.rows = std::min(tiling.rows, product.m - place.row);
  place.columns = std::min(tiling.columns, product.n - place.column);
  return place;
}

void ProductKernels::run(const Product& product, const Tiling& tiling, int64_t tile, float* scratch,
                         float* c, int64_t stride) const {
  Place place = place_of(product, tiling, tile);
  place.c = c + place.row * stride + place.column;
  place.stride = stride;
  run_at(product, place, scratch);
}

void ProductKernels::run_apart(const Product& product, const Tiling& tiling, int64_t tile,
                               float* scratch, float* to, int64_t stride) const {
  Place place = place_of(product, tiling, tile);
  place.c = to;
  place.stride = stride;
  run_at(product, place, scratch);
}

void ProductKernels::run_at(const Product& product, const Place& place, float* scratch) const {
  if (run_vectors(product, place, scratch)) return;
  if (rows_ != nullptr && panels_ != nullptr) run_generated(product, place, scratch);
  else run_compiled(product, place, scratch);
}

namespace {

/// to[j] = factor * the sum of shares[i] * matrix[i * stride + j].
void weigh_rows(int64_t count, int64_t depth, float factor, const float* shares,
                const float* matrix, int64_t stride, float* to) {
  row_functions().weighted_sum(depth, count, shares, matrix, stride, to);
  if (factor != 1)
    for (int64_t j = 0; j < count; ++j) to[j] *= factor;
}

}  // namespace

/// One row, or one column: nothing is packed for it, every element of the matrix is read once.
bool ProductKernels::run_vectors(const Product& product, const Place& place, float* sums) const {
  if (product.packed_b != nullptr || product.a_places != nullptr || product.depth == 0)
    return false;
  const bool row = place.rows == 1 && product.a_depth == 1;
  const bool column = product.n == 1 && product.b_depth == 1;
  const float* a = product.a + place.row * product.a_row;
  const float* b = product.b + place.column * product.b_column;
  const int64_t count = row ? place.columns : place.rows;
  const auto dots = row_functions().dots;
  if (row && product.b_depth == 1)
    dots(count, product.depth, product.alpha, b, product.b_column, a, sums);
  else if (row && product.b_column == 1)
    weigh_rows(count, product.depth, product.alpha, a, b, product.b_depth, sums);
  else if (!row && column && product.a_depth == 1)
    dots(count, product.depth, product.alpha, a, product.a_row, b, sums);
  else if (!row && column && product.a_row == 1)
    weigh_rows(count, product.depth, product.alpha, b, a, product.a_depth, sums);
  else return false;
  const int64_t step = row ? 1 : place.stride;
  for (int64_t i = 0; i < count; ++i)
    place.c[i * step] = product.starts ? place.c[i * step] + sums[i] : sums[i];
  follow(product, place);
  return true;
}

/// A part of the depth of a tile, its operands as the kernels read them.
struct ProductKernels::Part {
  const Contraction& kernels;
  bool as_rows;    // of A: as they lie, or copied; else packed in blocks
  int64_t blocks;  // of rows, about equal
  const float* a;
  int64_t a_row = 0;
  const int64_t* a_places = nullptr;  // of the rows instead
  const float* panels = nullptr;
  int64_t panel_stride = 0;
  ContractionCall call{};
  int64_t first_row(int64_t block, int64_t rows) const { return block * rows / blocks; }
};

void ProductKernels::run_generated(const Product& product, const Place& place,
                                   float* scratch) const {
  float *a = scratch, *b = scratch + kMostCopied;
  const bool as_rows = product.a_depth == 1;
  // Rows that one panel of columns reads are read once: fewer of them at a time do not collide.
  const bool once = place.columns <= core_.columns;
  const bool collide = as_rows && rows_collide(product, place.rows);
  const bool copied = collide && !once;
  const int64_t* places = product.a_places == nullptr ? nullptr : product.a_places + place.row;
  const int lanes = Contraction::lanes(core_.isa);
  // Blocks of the depth about equal.
  int64_t most = product.packed_b != nullptr && as_rows ? kLongDepth : kDepthBlock;
  if (copied) most = std::min(most, kMostCopied / place.rows - lanes - 8);
  const int64_t parts = std::max<int64_t>(1, ceil_div(product.depth, most));
  const int64_t step = std::max<int64_t>(8, ceil_div(ceil_div(product.depth, parts), 8) * 8);

  const Contraction& kernels = as_rows ? *rows_ : *panels_;
  int64_t most_rows = kernels.most_rows(form_.panel_vectors);
  if (collide && once) most_rows = std::min(most_rows, kFewRows);
  Part part{kernels, as_rows, ceil_div(place.rows, most_rows), a};
  part.call.scale = product.alpha;
  part.call.low = product.low;
  part.call.high = product.high;
  part.call.c_stride = place.stride * static_cast<int64_t>(sizeof(float));
  for (int64_t start = 0; start == 0 || start < product.depth; start += step) {
    const int64_t depth = std::min(step, product.depth - start);
    part.call.depth = depth;
    part.call.accumulates = product.starts || start > 0 ? 1 : 0;
    part.call.finishes = start + step >= product.depth ? 1 : 0;
    const float* from = product.a + start * product.a_depth;
    if (places == nullptr) from += place.row * product.a_row;
    part.a_row = copied ? depth + lanes : product.a_row;
    part.a_places = copied ? nullptr : places;
    if (copied) {
      for (int64_t i = 0; i < place.rows; ++i)
        std::copy_n(from + (places == nullptr ? i * product.a_row : places[i]), depth,
                    a + i * part.a_row);
    } else if (as_rows) {
      part.a = from;
    } else {
      for (int64_t i = 0; i < part.blocks; ++i) {
        const int64_t first = part.first_row(i, place.rows);
        const int64_t rows = part.first_row(i + 1, place.rows) - first;
        pack_panels(from + first * product.a_row, rows, depth, product.a_row, product.a_depth,
                    static_cast<int>(rows), a + first * depth);
      }
    }
    part.panels = b;
    part.panel_stride = depth * core_.columns;
    if (product.packed_b != nullptr) {
      part.panels = product.packed_b + place.column * product.depth + start * core_.columns;
      part.panel_stride = product.depth * core_.columns;
    } else {
      pack_panels(product.b + place.column * product.b_column + start * product.b_depth,
                  place.columns, depth, product.b_column, product.b_depth, core_.columns, b);
    }
    run_part(product, place, part);
  }
}

void ProductKernels::run_part(const Product& product, const Place& place, Part& part) const {
  // Where all panels stay in the first-level cache, rows of c are written one behind the other.
  constexpr int64_t kFirstCache = 6 * 1024;  // floats
  const bool by_rows = part.call.depth * place.columns <= kFirstCache;
  for (int64_t column = 0; column < (by_rows ? 1 : place.columns); column += core_.columns)
    for (int64_t block = 0; block < part.blocks; ++block)
      run_block(product, place, part, block, column,
                by_rows ? place.columns : std::min(place.columns, column + core_.columns));
}

/// Rows of a block, columns [column, end).
void ProductKernels::run_block(const Product& product, const Place& place, Part& part,
                               int64_t block, int64_t column, int64_t end) const {
  const int lanes = Contraction::lanes(core_.isa);
  ContractionCall& call = part.call;
  const int64_t first = part.first_row(block, place.rows);
  const int64_t rows = part.first_row(block + 1, place.rows) - first;
  const float* pointers[Contraction::kMostRows];
  if (part.as_rows)
    for (int64_t i = 0; i < rows; ++i)
      pointers[i] =
          part.a + (part.a_places == nullptr ? (first + i) * part.a_row : part.a_places[first + i]);
  call.a_rows = pointers;
  call.a = part.a + first * call.depth;
  for (; column < end; column += core_.columns) {
    const int64_t count = std::min<int64_t>(core_.columns, end - column);
    const int64_t vectors = ceil_div(count, lanes);
    call.b = part.panels + column / core_.columns * part.panel_stride;
    call.last_mask = count % lanes == 0 ? nullptr : column_mask(count - (vectors - 1) * lanes);
    call.bias = product.bias == nullptr ? nullptr : product.bias + place.column + column;
    call.c = place.c + first * place.stride + column;
    if (product.added != nullptr)
      call.added = product.added + (place.row + first) * place.stride + place.column + column;
    part.kernels.function(static_cast<int>(rows), static_cast<int>(vectors))(&call);
  }
}

/// The same with panels of both operands, by the core's compiled loop.
void ProductKernels::run_compiled(const Product& product, const Place& place,
                                  float* scratch) const {
  float *a = scratch, *b = scratch + kMostCopied;
  if (!product.starts)
    for (int64_t i = 0; i < place.rows; ++i)
      std::fill_n(place.c + i * place.stride, place.columns, 0.0F);
  for (int64_t start = 0; start < product.depth; start += kDepthBlock) {
    const int64_t block = std::min(kDepthBlock, product.depth - start);
    pack_panels(product.a + place.row * product.a_row + start * product.a_depth, place.rows, block,
                product.a_row, product.a_depth, core_.rows, a);
    if (product.alpha != 1) {
      const int64_t count = packed_floats(place.rows, block, core_.rows);
      for (int64_t i = 0; i < count; ++i) a[i] *= product.alpha;
    }
    Panels panels{b, block * core_.columns};
    if (product.packed_b != nullptr) {
      panels = {product.packed_b + place.column * product.depth + start * core_.columns,
                product.depth * core_.columns};
    } else {
      pack_panels(product.b + place.column * product.b_column + start * product.b_depth,
                  place.columns, block, product.b_column, product.b_depth, core_.columns, b);
    }
    multiply_panels(core_, place.rows, place.columns, block, {a, block * core_.rows}, panels,
                    place.c, place.stride);
  }
  follow(product, place);
}

void ProductKernels::follow(const Product& product, const Place& place) const {
  for (int64_t i = 0; i < place.rows; ++i) {
    float* row = place.c + i * place.stride;
    const float* added =
        form_.adds ? product.added + (place.row + i) * place.stride + place.column : nullptr;
    for (int64_t j = 0; j < place.columns; ++j) {
      float value = row[j];
      if (form_.bias == ContractionForm::Bias::column) value += product.bias[place.column + j];
      if (form_.adds) value += added[j];
      if (form_.clips_low && value < product.low) value = product.low;
      if (form_.clips_high && value > product.high) value = product.high;
      row[j] = value;
    }
  }
}

namespace {

/// Made once for each instruction set.
template <Isa kIsa>
const ProductKernels& plain_kernels() {
  static const ProductKernels kKernels;
  return kKernels;
}

}  // namespace

void run_tile(const Product& product, const Tiling& tiling, int64_t tile, float* scratch, float* c,
              int64_t stride) {
  const Isa isa = gemm_core().isa;
  const ProductKernels& kernels = isa == Isa::avx512 ? plain_kernels<Isa::avx512>()
                                  : isa == Isa::avx2 ? plain_kernels<Isa::avx2>()
                                                     : plain_kernels<Isa::generic>();
  kernels.run(product, tiling, tile, scratch, c, stride);
}

}  // namespace hone::cpu
