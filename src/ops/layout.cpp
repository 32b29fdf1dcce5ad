#include "ops/layout.hpp"

#include "base/size.hpp"
#include "ir/op_class.hpp"
#include "ops/common/elements.hpp"
#include "ops/common/shapes.hpp"
#include "ops/common/transpose.hpp"

namespace hone {
namespace {

/// perm as axes of the operand, checked to be a permutation.
template <class Context>
std::vector<int> permutation(const Context& c, const Transpose& op, int rank) {
  std::vector<int64_t> perm = op.perm;
  if (perm.empty()) {
    perm = all_axes(rank);
    std::reverse(perm.begin(), perm.end());
  }
  c.check(static_cast<int>(perm.size()) == rank, "perm has ", perm.size(),
          " entries, the operand has rank ", rank);
  return normalized_axes(c, perm, rank);
}

ElementMap transpose_map(const std::vector<int64_t>& shape, const std::vector<int>& perm) {
  const std::vector<int64_t> strides = row_major_strides(shape);
  ElementMap map;
  for (const int axis : perm) {
    const auto from = static_cast<size_t>(axis);
    map.offsets.push_back(arithmetic_offsets(0, shape[from], strides[from]));
  }
  return map;
}

template <class T>
std::vector<T> permuted(const std::vector<T>& sizes, const std::vector<int>& perm) {
  std::vector<T> result;
  for (const int axis : perm) result.push_back(sizes[static_cast<size_t>(axis)]);
  return result;
}

}  // namespace

void Transpose::infer(Inference& c) const {
  const TensorType& x = c.tensor(0);
  if (x.has_rank()) return c.set(0, x.dtype, permuted(x.shape(), permutation(c, *this, x.rank())));
  if (perm.empty()) return c.set(0, Type::unranked(x.dtype));
  c.set(0, x.dtype, c.fresh_dims(0, static_cast<int>(perm.size())));
}

void Transpose::dims(Inference& c) const {
  const Dims* known = c.known(0);
  if (known == nullptr || !c.tensor(0).has_rank()) return;
  const auto sizes = c.tensor(0).concrete();
  if (sizes)
    c.set_known(0,
                select(transpose_map(*sizes, permutation(c, *this, c.tensor(0).rank())), *known));
}

void Transpose::eval(Evaluation& c) const {
  const Tensor& x = c.input(0);
  const std::vector<int> axes = permutation(c, *this, x.rank());
  ElementWriter y(c, 0, x.dtype(), permuted(x.shape(), axes));
  const bool turned = x.dtype() != DType::string && axes == std::vector<int>{1, 0} &&
                      transpose_matrix(x, y.tensor());
  if (!turned && y.count() > 0) y.take(x, transpose_map(x.shape(), axes));
  y.finish();
}

void Concat::infer(Inference& c) const {
  const DType dtype = c.dtype(0);
  std::optional<Dims> result;  // of the ranked operands seen so far
  size_t along = 0;
  bool all_ranked = true;
  for (int i = 0; i < c.inputs(); ++i) {
    const TensorType& x = c.tensor(i);
    c.check(x.dtype == dtype, "operand ", i, " is ", x.dtype, ", operand 0 ", dtype);
    if (!x.has_rank()) {
      all_ranked = false;
    } else if (!result) {
      result = x.shape();
      along = static_cast<size_t>(c.axis(axis, x.rank()));
    } else {
      c.check(x.shape().size() == result->size(), "operand ", i, " has rank ", x.rank(),
              ", another one ", result->size());
      for (size_t d = 0; d < result->size(); ++d) {
        Dim& size = (*result)[d];
        size = d == along ? size + x.shape()[d] : c.same(size, x.shape()[d]);
      }
    }
  }
  if (!result) return c.set(0, Type::unranked(dtype));
  if (!all_ranked) (*result)[along] = c.fresh(0, static_cast<int>(along));
  c.set(0, dtype, *result);
}

void Concat::dims(Inference& c) const {
  const auto& type = c.node().output()->type.tensor();
  if (!type.has_rank()) return;
  // Rank 1 as the chains of shapes have it; other contents are concatenated by rows.
  const auto along = static_cast<size_t>(c.axis(axis, type.rank()));
  std::vector<size_t> run;  // neighbouring elements of each operand
  size_t rows = 1;
  for (int i = 0; i < c.inputs(); ++i) {
    const auto sizes = c.tensor(i).concrete();
    if (!sizes || c.known(i) == nullptr) return;
    const auto from = sizes->begin() + static_cast<std::ptrdiff_t>(along);
    run.push_back(static_cast<size_t>(element_count({from, sizes->end()})));
    rows = static_cast<size_t>(element_count({sizes->begin(), from}));
  }
  Dims contents;
  for (size_t row = 0; row < rows; ++row)
    for (int i = 0; i < c.inputs(); ++i) {
      const size_t count = run[static_cast<size_t>(i)];
      const auto begin = c.known(i)->begin() + static_cast<std::ptrdiff_t>(row * count);
      contents.insert(contents.end(), begin, begin + static_cast<std::ptrdiff_t>(count));
    }
  c.set_known(0, std::move(contents));
}

void Concat::eval(Evaluation& c) const {
  std::vector<int64_t> shape = c.input(0).shape();
  const auto along = static_cast<size_t>(c.axis(axis, c.input(0).rank()));
  for (int i = 1; i < c.inputs(); ++i) {
    const Tensor& x = c.input(i);
    bool fits = x.shape().size() == shape.size();
    for (size_t d = 0; fits && d < shape.size(); ++d) fits = d == along || x.shape()[d] == shape[d];
    c.check(fits, "cannot concatenate ", shape_text(x.shape()), " to ", shape_text(shape),
            " along axis ", along);
    shape[along] = checked_add(shape[along], x.shape()[along]);
  }
  ElementWriter y(c, 0, c.input(0).dtype(), shape);
  const auto from = shape.begin() + static_cast<std::ptrdiff_t>(along);
  const int64_t rows = y.count() == 0 ? 0 : element_count({shape.begin(), from});
  for (int64_t row = 0, to = 0; row < rows; ++row)
    for (int i = 0; i < c.inputs(); ++i) {
      const int64_t count = c.input(i).count() / rows;
      y.copy(to, c.input(i), row * count, count);
      to += count;
    }
  y.finish();
}

namespace {

/// Sizes of `count` equal pieces of `total`; the last ones smaller when `ragged`.
Dims equal_pieces(Inference& c, const Dim& total, int count, bool ragged) {
  const auto exact = exact_div(total, count);
  if (exact) return Dims(static_cast<size_t>(count), *exact);
  if (!ragged) {
    const Dim size = floor_div(total, count);
    c.require_equal(size * count, total);
    return Dims(static_cast<size_t>(count), size);
  }
  const Dim size = ceil_div(total, count);
  Dims pieces;
  for (int i = 0; i < count; ++i) pieces.push_back(min(size, max(total - size * i, 0)));
  return pieces;
}

/// Elements of one piece: `begin` ... along axis `along`.
ElementMap slab(const std::vector<int64_t>& source, const std::vector<int64_t>& piece, size_t along,
                int64_t begin) {
  const std::vector<int64_t> strides = row_major_strides(source);
  ElementMap map;
  for (size_t d = 0; d < source.size(); ++d)
    map.offsets.push_back(
        arithmetic_offsets(d == along ? begin * strides[d] : 0, piece[d], strides[d]));
  return map;
}

}  // namespace

void Split::infer(Inference& c) const {
  const TensorType& x = c.tensor(0);
  c.check(num_outputs == 0 || num_outputs == c.outputs(), "num_outputs is ", num_outputs,
          ", the node has ", c.outputs(), " results");
  c.check(num_outputs == 0 || !c.given(split, 1), "both split and num_outputs are given");
  const auto length = parameter_length(c, split, 1);
  c.check(!length || *length == c.outputs(), "split has ", length.value_or(0), " sizes for ",
          c.outputs(), " results");
  if (!x.has_rank()) {
    for (int i = 0; i < c.outputs(); ++i) c.set(i, Type::unranked(x.dtype));
    return;
  }
  const int along = c.axis(axis, x.rank());
  const Dim& total = x.shape()[static_cast<size_t>(along)];
  Dims pieces;
  if (!c.given(split, 1)) {
    pieces = equal_pieces(c, total, c.outputs(), num_outputs != 0);
  } else if (const Dims* sizes = c.parameter(split, 1)) {
    Dim sum;
    for (const Dim& size : *sizes) sum = sum + size, c.require_less_equal(0, size);
    c.require_equal(sum, total);
    // A sum that is too long to write nobody checks before the node runs: it tells its sizes then.
    if (!sum.is_too_long()) pieces = *sizes;
  }
  while (std::ssize(pieces) < c.outputs())
    pieces.push_back(c.fresh(static_cast<int>(pieces.size()), along));
  for (int i = 0; i < c.outputs(); ++i) {
    Dims result = x.shape();
    result[static_cast<size_t>(along)] = pieces[static_cast<size_t>(i)];
    c.set(i, x.dtype, std::move(result));
  }
}

void Split::dims(Inference& c) const {
  const Dims* known = c.known(0);
  if (known == nullptr || !c.tensor(0).has_rank()) return;
  const auto source = c.tensor(0).concrete();
  if (!source) return;
  const auto along = static_cast<size_t>(c.axis(axis, c.tensor(0).rank()));
  int64_t begin = 0;
  for (int i = 0; i < c.outputs(); ++i) {
    const Value* result = c.node().output(static_cast<size_t>(i));
    const auto piece = result == nullptr ? std::nullopt : result->type.tensor().concrete();
    if (!piece) return;  // where the next one begins is not known
    c.set_known(i, select(slab(*source, *piece, along, begin), *known));
    begin += (*piece)[along];
  }
}

void Split::eval(Evaluation& c) const {
  const Tensor& x = c.input(0);
  const auto along = static_cast<size_t>(c.axis(axis, x.rank()));
  const int64_t total = x.shape()[along], count = c.outputs();
  std::vector<int64_t> pieces = c.parameter(split, 1);
  if (!c.given(split, 1)) {
    c.check(num_outputs != 0 || total % count == 0, "size ", total, " is no multiple of ", count);
    const int64_t size = ceil_div(total, count);
    for (int64_t i = 0; i < count; ++i)
      pieces.push_back(std::clamp<int64_t>(total - i * size, 0, size));
  }
  c.check(static_cast<int64_t>(pieces.size()) == count, "split has ", pieces.size(), " sizes for ",
          count, " results");
  int64_t begin = 0;
  for (int i = 0; i < c.outputs(); ++i) {
    std::vector<int64_t> shape = x.shape();
    const int64_t size = shape[along] = pieces[static_cast<size_t>(i)];
    c.check(size >= 0 && size <= total - begin, "the sizes in split do not add up to ", total);
    ElementWriter y(c, i, x.dtype(), shape);
    if (y.count() > 0) y.take(x, slab(x.shape(), shape, along, begin));
    y.finish();
    begin += size;
  }
  c.check(begin == total, "the sizes in split add up to ", begin, ", wanted ", total);
}

namespace {

ElementMap tile_map(const std::vector<int64_t>& shape, const std::vector<int64_t>& times) {
  const std::vector<int64_t> strides = row_major_strides(shape);
  ElementMap map;
  for (size_t d = 0; d < shape.size(); ++d) {
    std::vector<int64_t>& list = map.offsets.emplace_back();
    for (int64_t i = 0; i < shape[d] * times[d]; ++i) list.push_back(i % shape[d] * strides[d]);
  }
  return map;
}

}  // namespace

void Tile::infer(Inference& c) const {
  const TensorType& x = c.tensor(0);
  c.check(c.given(repeats, 1), "the repeats are missing");
  const auto length = parameter_length(c, repeats, 1);
  c.check(!length || !x.has_rank() || *length == x.rank(), "repeats has ", length.value_or(0),
          " entries, the operand is ", x);
  const Dims* times = c.parameter(repeats, 1);
  if (!x.has_rank() || times == nullptr) {
    if (!x.has_rank() && !length) return c.set(0, Type::unranked(x.dtype));
    return c.set(0, x.dtype, c.fresh_dims(0, x.has_rank() ? x.rank() : static_cast<int>(*length)));
  }
  c.check(times->size() == x.shape().size(), "repeats has ", times->size(),
          " entries, the operand is ", x);
  Dims result;
  for (size_t d = 0; d < times->size(); ++d) {
    c.require_less_equal(0, (*times)[d]);
    result.push_back(x.shape()[d] * (*times)[d]);
  }
  c.set(0, x.dtype, std::move(result));
}

void Tile::dims(Inference& c) const {
  const Dims *known = c.known(0), *times = c.parameter(repeats, 1);
  if (known == nullptr || times == nullptr || !c.tensor(0).has_rank()) return;
  const auto shape = c.tensor(0).concrete(), numbers = constants(*times);
  const auto result = c.node().output()->type.tensor().concrete();
  if (!shape || !numbers || !result) return;
  if (try_element_count(*result).value_or(kKnownElements + 1) > kKnownElements) return;
  c.set_known(0, element_count(*result) == 0 ? Dims() : select(tile_map(*shape, *numbers), *known));
}

void Tile::eval(Evaluation& c) const {
  const Tensor& x = c.input(0);
  const std::vector<int64_t> times = c.parameter(repeats, 1);
  c.check(times.size() == x.shape().size(), "repeats has ", times.size(),
          " entries, the operand has rank ", x.rank());
  std::vector<int64_t> shape = x.shape();
  for (size_t d = 0; d < shape.size(); ++d) {
    c.check(times[d] >= 0, "repeats has ", times[d]);
    shape[d] = checked_mul(shape[d], times[d]);
  }
  ElementWriter y(c, 0, x.dtype(), shape);
  if (y.count() > 0) y.take(x, tile_map(x.shape(), times));
  y.finish();
}

namespace {

/// [n, c, h, w] of a block op's operand, checked.
Dims blocked_dims(Inference& c, int64_t blocksize) {
  const TensorType& x = c.tensor(0);
  c.check(blocksize >= 1 && blocksize <= 1 << 20, "blocksize is ", blocksize);
  if (!x.has_rank()) return c.fresh_dims(0, 4);
  c.check(x.rank() == 4, "the operand is ", x, ", wanted rank 4");
  return x.shape();
}

Dim divided(Inference& c, const Dim& size, int64_t by) {
  if (const auto exact = exact_div(size, by)) return *exact;
  const Dim quotient = floor_div(size, by);
  c.require_equal(quotient * by, size);
  return quotient;
}

/// The operand seen as `view` (more axes, same elements) and transposed by `perm`.
void regroup(Evaluation& c, const std::vector<int64_t>& view, const std::vector<int>& perm,
             const std::vector<int64_t>& result) {
  ElementWriter y(c, 0, c.input(0).dtype(), result);
  if (y.count() > 0) y.take(c.input(0), transpose_map(view, perm));
  y.finish();
}

}  // namespace

void DepthToSpace::infer(Inference& c) const {
  const Dims x = blocked_dims(c, blocksize);
  if (!c.tensor(0).has_rank()) return c.set(0, c.dtype(0), x);
  const Dim depth = divided(c, x[1], blocksize * blocksize);
  c.set(0, c.dtype(0), {x[0], depth, x[2] * blocksize, x[3] * blocksize});
}

void DepthToSpace::eval(Evaluation& c) const {
  const Tensor& x = c.input(0);
  const int64_t b = blocksize;
  c.check(x.rank() == 4 && b >= 1 && b <= 1 << 20 && x.dim(1) % (b * b) == 0,
          "cannot move blocks of ", b, " from depth in ", shape_text(x.shape()));
  const int64_t n = x.dim(0), depth = x.dim(1) / (b * b), h = x.dim(2), w = x.dim(3);
  const std::vector<int64_t> result{n, depth, checked_mul(h, b), checked_mul(w, b)};
  if (mode == Mode::DCR) regroup(c, {n, b, b, depth, h, w}, {0, 3, 4, 1, 5, 2}, result);
  else regroup(c, {n, depth, b, b, h, w}, {0, 1, 4, 2, 5, 3}, result);
}

void SpaceToDepth::infer(Inference& c) const {
  const Dims x = blocked_dims(c, blocksize);
  if (!c.tensor(0).has_rank()) return c.set(0, c.dtype(0), x);
  const Dim height = divided(c, x[2], blocksize), width = divided(c, x[3], blocksize);
  c.set(0, c.dtype(0), {x[0], x[1] * (blocksize * blocksize), height, width});
}

void SpaceToDepth::eval(Evaluation& c) const {
  const Tensor& x = c.input(0);
  const int64_t b = blocksize;
  c.check(x.rank() == 4 && b >= 1 && b <= 1 << 20 && x.dim(2) % b == 0 && x.dim(3) % b == 0,
          "cannot move blocks of ", b, " to depth in ", shape_text(x.shape()));
  const int64_t n = x.dim(0), depth = x.dim(1), h = x.dim(2) / b, w = x.dim(3) / b;
  const bool dcr = mode == DepthToSpace::Mode::DCR;
  regroup(c, {n, depth, h, b, w, b},
          dcr ? std::vector<int>{0, 3, 5, 1, 2, 4} : std::vector<int>{0, 1, 3, 5, 2, 4},
          {n, checked_mul(depth, b * b), h, w});
}

void register_layout(OpRegistry& registry) {
  registry.add<Transpose>();
  registry.add<Concat>();
  registry.add<Split>();
  registry.add<Tile>();
  registry.add<DepthToSpace>();
  registry.add<SpaceToDepth>();
}

}  // namespace hone
