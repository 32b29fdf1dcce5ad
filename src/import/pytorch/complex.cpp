#include "import/pytorch/complex.hpp"

#include "ops/layout.hpp"
#include "ops/shape.hpp"

namespace hone::pytorch {

bool holds_pairs(const Item& item) {
  const auto* tensor = item.as<TensorRef>();
  return tensor != nullptr && (*tensor)->complex;
}

bool has_pairs(const std::vector<Item>& items) {
  for (const Item& item : items)
    if (holds_pairs(item) || (item.list() != nullptr && has_pairs(*item.list()))) return true;
  return false;
}

Value* pairs(Call& call, std::string_view name) {
  const Item& item = call.argument(name);
  call.check(holds_pairs(item), name, " is ", kind_of(item), ", wanted complex numbers");
  return call.caller().held(*item.as<TensorRef>());
}

Parts parts(Call& call, const Item& item) {
  const auto* tensor = item.as<TensorRef>();
  call.check(tensor != nullptr, "is given ", kind_of(item), ", wanted a tensor");
  if (!(*tensor)->complex) return {call.caller().read(*tensor), nullptr};
  return parts(call, call.caller().held(*tensor));
}

Parts parts(Call& call, Value* pairs) {
  const int64_t last = Call::rank(pairs) - 1;
  // Parts that were just put together are taken as they were.
  const Node* made = pairs->producer;
  const auto* joined = made == nullptr ? nullptr : made->op.as<Concat>();
  if (joined != nullptr && joined->axis == last && made->inputs.size() == 2) {
    const Node *first = made->inputs[0]->producer, *second = made->inputs[1]->producer;
    const auto is_part = [&](const Node* node) {
      const auto* raised = node == nullptr ? nullptr : node->op.as<Unsqueeze>();
      return raised != nullptr && raised->axes == Dims{Dim(last)};
    };
    if (is_part(first) && is_part(second)) return {first->inputs[0], second->inputs[0]};
  }
  const auto halves = call.intermediates(Split{.axis = last, .num_outputs = 2}, {pairs}, 2, "part");
  const auto part = [&](Value* half, std::string_view hint) {
    return call.intermediate(Squeeze{.axes = Dims{Dim(last)}}, {half}, hint);
  };
  return {part(halves[0], "real"), part(halves[1], "imaginary")};
}

/// Zeros of the sizes of a real tensor: its imaginary part.
Value* zeros_like(Call& call, Value* x) {
  return call.expanded(call.number(Call::dtype(x), 0, "zero"), {Call::shape(x), nullptr}, "zeros");
}

/// The part of an argument that one of both calls gets.
Item part_of(Call& call, const Item& item, bool imaginary, bool adds) {
  if (const auto* list = item.list()) {
    if (!has_pairs(*list)) return item;
    std::vector<Item> items;
    for (const Item& each : *list) items.push_back(part_of(call, each, imaginary, adds));
    return list_of(std::move(items));
  }
  const auto* tensor = item.as<TensorRef>();
  if (tensor == nullptr) return item;
  if (!(*tensor)->complex && !(imaginary && adds)) return item;
  const Parts found = parts(call, item);
  if (!imaginary) return call.caller().cell(found.real);
  return call.caller().cell(found.imaginary != nullptr ? found.imaginary
                                                       : zeros_like(call, found.real));
}

Value* written_by_parts(Call& call, Value* written, size_t result) {
  const Parts found = parts(call, written);
  Value* bases[2];
  for (const bool imaginary : {false, true}) {
    MadeCall made = call.made();
    made.site.outputs.clear();
    for (Item& argument : made.arguments) argument = part_of(call, argument, imaginary, false);
    Call inner(call.caller(), made);
    bases[imaginary ? 1 : 0] =
        made.overload->write_back(inner, imaginary ? found.imaginary : found.real, result);
  }
  return paired(call, {bases[0], bases[1]});
}

Value* paired(Call& call, const Parts& parts) {
  const int64_t last = Call::rank(parts.real);
  const auto raised = [&](Value* part) {
    return call.intermediate(Unsqueeze{.axes = Dims{Dim(last)}}, {part}, "part");
  };
  Value *real = raised(parts.real), *imaginary = raised(parts.imaginary);
  return call.intermediate(Concat{.axis = last}, {real, imaginary}, "pairs");
}

void give_pairs(Call& call, Value* pairs) {
  const TensorRef cell = call.caller().cell(pairs);
  cell->complex = true;
  call.give_item(cell);
}

void give_parts(Call& call, const Parts& parts) { give_pairs(call, paired(call, parts)); }

Value* applied(Call& call, std::string_view name, std::string_view variant,
               const std::vector<std::pair<std::string, Item>>& arguments) {
  const Overload* overload = all_importers().find(name, variant);
  hone::check(overload != nullptr, Code::internal, "no operator ", name);
  CallSite site = call.site();
  site.outputs.clear();  // its values are those between
  const MadeCall made{overload, site, bound_arguments(*overload, {}, arguments)};
  Call inner(call.caller(), made);
  overload->import(inner);
  if (inner.failed()) throw builder::FailedBefore();
  const auto* result = inner.results().empty() ? nullptr : inner.results()[0].as<TensorRef>();
  call.check(result != nullptr, name, " gives no tensor");
  return call.caller().read(*result);
}

}  // namespace hone::pytorch
