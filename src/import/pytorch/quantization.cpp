#include "import/pytorch/quantization.hpp"

#include "ops/quantize.hpp"

namespace hone::pytorch {

Value* integers_on_grid(Call& call, Value* x, const Quantization& grid) {
  if (grid.dtype != DType::u8 && grid.dtype != DType::i8)
    call.unsupported("quantized to ", name(grid.dtype));
  call.check(grid.scale > 0, "a scale of ", grid.scale);
  Value* scale = call.number(DType::f32, grid.scale, "scale");
  Value* zero = call.number(grid.dtype, static_cast<double>(grid.zero_point), "zero_point");
  return call.intermediate(QuantizeLinear{.output_dtype = grid.dtype},
                           {call.cast(x, DType::f32), scale, zero}, "quantized");
}

Value* from_integers(Call& call, Value* integers, Value* scale, Value* zero_point, int64_t axis) {
  return call.intermediate(DequantizeLinear{.axis = axis}, {integers, scale, zero_point},
                           "dequantized");
}

Value* on_grid(Call& call, Value* x, const Quantization& grid) {
  Value* integers = integers_on_grid(call, x, grid);
  return from_integers(call, integers, call.number(DType::f32, grid.scale, "scale"),
                       call.number(grid.dtype, static_cast<double>(grid.zero_point), "zero_point"),
                       1);
}

Quantization result_grid(std::string_view name, const Quantization& grid) {
  const int64_t least = grid.dtype == DType::i8 ? -128 : 0;
  if (name == "aten::sigmoid" || name == "aten::hardsigmoid") return {1.0 / 256, least, grid.dtype};
  if (name == "aten::tanh") return {1.0 / 128, least + 128, grid.dtype};
  return grid;
}

namespace {

/// Numbers of a constant tensor, or a list of them.
std::vector<int64_t> stored_numbers(const Item& item) {
  std::vector<int64_t> numbers;
  if (const auto* list = item.list()) {
    for (const Item& each : *list) {
      const auto* dim = each.as<Dim>();
      check(dim != nullptr && dim->is_constant(), Code::invalid_model, "packed weights of ",
            kind_of(each));
      numbers.push_back(*dim->constant());
    }
    return numbers;
  }
  const auto* tensor = item.as<TensorRef>();
  check(tensor != nullptr && (*tensor)->value->is_constant(), Code::invalid_model,
        "packed weights of ", kind_of(item));
  const Tensor& stored = (*tensor)->value->weight->tensor();
  check(is_integer(stored.dtype()), Code::invalid_model, "packed weights of ",
        name(stored.dtype()));
  for (int64_t i = 0; i < stored.count(); ++i) numbers.push_back(stored.integer(i));
  return numbers;
}

const std::vector<Item>& list_in(const Item& item, size_t least) {
  check(item.list() != nullptr && item.list()->size() >= least, Code::invalid_model,
        "packed weights of ", kind_of(item));
  return *item.list();
}

/// Axes, then strides, padding, dilation and output padding for each of them, then groups.
void unpack_window(Object& packed, const std::vector<int64_t>& numbers) {
  const size_t axes = numbers.empty() ? 0 : static_cast<size_t>(numbers[0]);
  check(axes >= 1 && axes <= 3 && numbers.size() >= 2 + 4 * axes, Code::invalid_model,
        "packed weights of ", uint64_t{axes}, " axes");
  size_t at = 1;
  for (const char* name : {"stride", "padding", "dilation", "output_padding"}) {
    std::vector<Item> list;
    for (size_t i = 0; i < axes; ++i) list.emplace_back(numbers[at++]);
    packed.attributes.emplace_back(name, list_of(std::move(list)));
  }
  packed.attributes.emplace_back("groups", numbers[at]);
}

}  // namespace

Item packed_cell(const Item& input, const Item& state) {
  auto packed = std::make_shared<Object>();
  packed->type = kPacked;
  for (const auto& [weights, names] :
       {std::pair{&input, std::pair{"weight_ih", "bias_ih"}}, {&state, {"weight_hh", "bias_hh"}}}) {
    const auto* dense = weights->as<std::shared_ptr<Object>>();
    check(dense != nullptr && (*dense)->type == kPacked, Code::invalid_model, "packed weights of ",
          kind_of(*weights));
    const Item *weight = (*dense)->find("weight"), *bias = (*dense)->find("bias");
    check(weight != nullptr && bias != nullptr, Code::invalid_model, "weights without a bias");
    packed->attributes.emplace_back(names.first, *weight);
    packed->attributes.emplace_back(names.second, *bias);
  }
  return packed;
}

namespace {

/// As it is stored: how it is quantized, biases, and at last the packed weights.
Item stored_cell(const Item& state) {
  const auto& stored = list_in(state, 5);
  const auto* kind = stored[0].as<std::string>();
  check(kind != nullptr && (*kind == "quantized_dynamic" || *kind == "quantized_fp16"),
        Code::unsupported, "weights of a recurrence that are ",
        kind == nullptr ? kind_of(stored[0]) : shown(*kind));
  const auto& weights = list_in(stored[4], 2);
  return packed_cell(weights[0], weights[1]);
}

}  // namespace

std::optional<Item> packed_weights(std::string_view type, const Item& state) {
  if (type == "__torch__.torch.classes.rnn.CellParamsBase") return stored_cell(state);
  constexpr std::string_view kClasses = "__torch__.torch.classes.quantized.";
  if (!type.starts_with(kClasses) || !type.ends_with("PackedParamsBase")) return std::nullopt;
  type.remove_prefix(kClasses.size());
  auto packed = std::make_shared<Object>();
  packed->type = kPacked;
  if (type == "LinearPackedParamsBase") {
    const auto& stored = list_in(state, 2);
    packed->attributes = {{"weight", stored[0]}, {"bias", stored[1]}};
    return packed;
  }
  if (!type.starts_with("Conv")) return std::nullopt;
  // "2", [numbers, weight], [bias]; or 3, numbers, [nothing, weight, bias].
  const auto& stored = list_in(state, 3);
  const bool is_older = stored[0].as<std::string>() != nullptr;
  const auto& first = list_in(stored[1], is_older ? 2 : 1);
  const auto& second = list_in(stored[2], is_older ? 1 : 3);
  packed->attributes = {{"weight", is_older ? first[1] : second[1]},
                        {"bias", is_older ? second[0] : second[2]}};
  unpack_window(*packed, stored_numbers(is_older ? first[0] : stored[1]));
  return packed;
}

void give_on_grid(Call& call, Value* x, const Quantization& grid) {
  const TensorRef cell = call.caller().cell(on_grid(call, x, grid));
  cell->quantized = grid;
  call.give_item(cell);
}

}  // namespace hone::pytorch
