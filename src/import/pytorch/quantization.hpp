#pragma once
// Numbers on a grid: quantized tensors.

#include "import/pytorch/call.hpp"

namespace hone::pytorch {

/// The numbers rounded to the grid, as floats.
Value* on_grid(Call& call, Value* x, const Quantization& grid);
/// The integers of numbers on the grid.
Value* integers_on_grid(Call& call, Value* x, const Quantization& grid);
/// Integers as the numbers that they stand for; `axis`: of scales, one each channel.
Value* from_integers(Call& call, Value* integers, Value* scale, Value* zero_point, int64_t axis);
/// The grid of what an operator makes of numbers on `grid`, where no more is said.
Quantization result_grid(std::string_view name, const Quantization& grid);
/// A result of the call that is on the grid.
void give_on_grid(Call& call, Value* x, const Quantization& grid);

/// The type of an object that holds weights for quantized operators: "weight", "bias", and what
/// else belongs to them, under the names of the parameters that they are made with.
inline constexpr std::string_view kPacked = "packed weights";
/// Those of a cell of a recurrence, of the packed weights that multiply its input and its state:
/// "weight_ih", "bias_ih", "weight_hh", "bias_hh".
Item packed_cell(const Item& input, const Item& state);
/// Such an object of what an object of PyTorch's class stores; nullopt: the class is none of these.
std::optional<Item> packed_weights(std::string_view type, const Item& state);

}  // namespace hone::pytorch
