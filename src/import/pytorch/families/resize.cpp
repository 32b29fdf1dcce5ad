// Images made larger and smaller, and sampled at places.

#include "ops/resize.hpp"

#include "import/pytorch/call.hpp"
#include "import/pytorch/dim_nodes.hpp"
#include "ops/sampling.hpp"

namespace hone::pytorch {
namespace {

/// The factors of the spatial axes; empty: sizes are asked for.
std::vector<double> factors(Call& call) {
  std::vector<double> found;
  if (call.takes("scale_factors")) {
    if (!call.has("scale_factors")) return {};
    for (const Item& item : call.items("scale_factors")) {
      const auto* real = item.as<double>();
      const auto* whole = item.as<Dim>();
      call.check(real != nullptr || (whole != nullptr && whole->is_constant()),
                 "scale_factors has ", kind_of(item));
      found.push_back(real != nullptr ? *real : static_cast<double>(*whole->constant()));
    }
    return found;
  }
  for (const std::string_view name : {"scales", "scales_d", "scales_h", "scales_w"})
    if (call.takes(name)) {
      const auto factor = call.optional_real(name);
      if (!factor || *factor <= 0) return {};
      found.push_back(*factor);
    }
  return found;
}

/// The result of the factors is what is asked for, as far as it is known.
bool agrees(const Value* x, const std::vector<double>& factors, const Dims& sizes) {
  const Dims& shape = Call::shape(x);
  for (size_t i = 0; i < factors.size(); ++i) {
    const auto input = shape[shape.size() - factors.size() + i].constant();
    const auto wanted = sizes[i].constant();
    if (!input || !wanted) return false;
    if (static_cast<int64_t>(
            std::floor(static_cast<float>(*input) * static_cast<float>(factors[i]))) != *wanted)
      return false;
  }
  return true;
}

void emit_resized(Call& call, Resize op) {
  Value* x = call.tensor(call.takes("input") ? "input" : "self");
  const std::vector<double> scales = factors(call);
  const bool has_sizes = call.has("output_size");
  Sizes sizes;
  if (has_sizes) sizes = call.sizes("output_size");
  const size_t axes = has_sizes && sizes.known ? sizes.known->size() : scales.size();
  const auto rank = static_cast<size_t>(Call::rank(x));
  call.check(axes > 0 && axes + 2 == rank, "resizes ", uint64_t{axes}, " axes of ", uint64_t{rank});
  const bool by_scales = scales.size() == axes && (!has_sizes || agrees(x, scales, *sizes.known));
  if (!by_scales) {
    if (!sizes.known) call.unsupported("sizes that only running tells");
    op.axes.clear();
    Dims all(Call::shape(x).begin(), Call::shape(x).begin() + 2);
    all.insert(all.end(), sizes.known->begin(), sizes.known->end());
    op.sizes = all;
    return void(call.emit(std::move(op), {x}));
  }
  Tensor given(DType::f32, {static_cast<int64_t>(rank)});
  for (size_t i = 0; i < rank; ++i)
    given.set_number(static_cast<int64_t>(i), i < 2 ? 1.0 : scales[i - 2]);
  call.emit(std::move(op), {x, nullptr, call.constant(std::move(given), "scales")});
}

void import_nearest(Call& call) {
  Resize op{.mode = Resize::Mode::nearest};
  op.coordinate_transformation_mode = Resize::Coordinates::asymmetric;
  op.nearest_mode = Resize::Nearest::floor;
  emit_resized(call, op);
}

void import_nearest_exact(Call& call) {
  Resize op{.mode = Resize::Mode::nearest};
  op.coordinate_transformation_mode = Resize::Coordinates::half_pixel;
  op.nearest_mode = Resize::Nearest::round_prefer_ceil;
  emit_resized(call, op);
}

template <Resize::Mode M, bool kAntialias = false>
void import_smooth(Call& call) {
  Resize op{.mode = M};
  op.coordinate_transformation_mode = call.flag("align_corners")
                                          ? Resize::Coordinates::align_corners
                                          : Resize::Coordinates::half_pixel;
  op.antialias = kAntialias;
  op.exclude_outside = kAntialias;
  if (kAntialias) op.cubic_coeff_a = -0.5F;
  emit_resized(call, op);
}

void import_grid_sample(Call& call) {
  const int64_t mode = call.integer("interpolation_mode"), padding = call.integer("padding_mode");
  call.check(mode >= 0 && mode <= 2 && padding >= 0 && padding <= 2, "mode ", mode, ", padding ",
             padding);
  call.emit(GridSample{.mode = static_cast<GridSample::Mode>(mode),
                       .padding_mode = static_cast<GridSample::Padding>(padding),
                       .align_corners = call.flag("align_corners")},
            {call.tensor("input"), call.tensor("grid")});
}

void import_affine_grid(Call& call) {
  call.emit(AffineGrid{.size = call.dims("size"), .align_corners = call.flag("align_corners")},
            {call.tensor("theta")});
}

void add_resize(Importers& importers, std::string_view name, std::string_view scales,
                std::string_view align, Overload::Import import) {
  importers.add(cat(name, "(T self, i[] output_size", align, scales, ")"), import);
  importers.add(cat(name, ".vec(T input, i[]? output_size", align, ", f[]? scale_factors)"),
                import);
}

}  // namespace

void register_resize(Importers& importers) {
  constexpr std::string_view kOne = ", f? scales=None",
                             kTwo = ", f? scales_h=None, f? scales_w=None",
                             kThree = ", f? scales_d=None, f? scales_h=None, f? scales_w=None",
                             kAlign = ", b align_corners";
  using Mode = Resize::Mode;
  add_resize(importers, "upsample_nearest1d", kOne, "", import_nearest);
  add_resize(importers, "upsample_nearest2d", kTwo, "", import_nearest);
  add_resize(importers, "upsample_nearest3d", kThree, "", import_nearest);
  add_resize(importers, "_upsample_nearest_exact1d", kOne, "", import_nearest_exact);
  add_resize(importers, "_upsample_nearest_exact2d", kTwo, "", import_nearest_exact);
  add_resize(importers, "upsample_linear1d", kOne, kAlign, import_smooth<Mode::linear>);
  add_resize(importers, "upsample_bilinear2d", kTwo, kAlign, import_smooth<Mode::linear>);
  add_resize(importers, "upsample_trilinear3d", kThree, kAlign, import_smooth<Mode::linear>);
  add_resize(importers, "upsample_bicubic2d", kTwo, kAlign, import_smooth<Mode::cubic>);
  add_resize(importers, "_upsample_bilinear2d_aa", kTwo, kAlign, import_smooth<Mode::linear, true>);
  add_resize(importers, "_upsample_bicubic2d_aa", kTwo, kAlign, import_smooth<Mode::cubic, true>);
  importers.add({"grid_sampler(T input, T grid, i interpolation_mode, i padding_mode, "
                 "b align_corners)",
                 "grid_sampler_2d(T input, T grid, i interpolation_mode, i padding_mode, "
                 "b align_corners)",
                 "grid_sampler_3d(T input, T grid, i interpolation_mode, i padding_mode, "
                 "b align_corners)"},
                import_grid_sample);
  importers.add("affine_grid_generator(T theta, i[] size, b align_corners)", import_affine_grid);
}

}  // namespace hone::pytorch
