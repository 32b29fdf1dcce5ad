// Lists that a loop fills, an element each turn: what programs do with them afterwards.

#include "import/pytorch/script/late.hpp"
#include "ops/gather.hpp"
#include "ops/layout.hpp"
#include "ops/shape.hpp"

namespace hone::pytorch {
namespace {

/// The first axis brought to place `axis` of the others.
Value* moved(Call& call, Value* stacked, int64_t axis) {
  std::vector<int64_t> perm;
  for (int64_t i = 1; i < Call::rank(stacked); ++i) perm.push_back(i);
  perm.insert(perm.begin() + axis, 0);
  return call.intermediate(Transpose{.perm = perm}, {stacked}, "moved");
}

/// Elements one after the other along an axis that they have.
Value* joined(Call& call, Value* stacked, int64_t axis) {
  Value* turned = axis == 0 ? stacked : moved(call, stacked, axis);
  const Dims& shape = Call::shape(turned);
  Dims merged;
  for (size_t i = 0; i < shape.size(); ++i) {
    const auto at = static_cast<size_t>(axis);
    if (i == at) continue;
    merged.push_back(i == at + 1 ? shape[at] * shape[at + 1] : shape[i]);
  }
  return call.reshaped(turned, std::move(merged), "joined");
}

int64_t whole(const Item& item) {
  const auto* dim = item.as<Dim>();
  const auto known = dim == nullptr ? std::nullopt : dim->constant();
  check(known.has_value(), Code::unsupported, "an axis that is ", kind_of(item));
  return *known;
}

}  // namespace

std::optional<Item> call_late_list(Interpreter& interpreter, std::string_view name,
                                   const std::vector<Item>& arguments) {
  const auto* list = arguments.empty() ? nullptr : arguments[0].as<std::shared_ptr<LateList>>();
  if (list == nullptr) return std::nullopt;
  Caller& caller = interpreter.caller();
  const Overload none{.name = "list"};
  const std::string short_name(name.substr(name.find("::") + 2));
  const std::string place = cat(interpreter.place(), "/", short_name);
  const MadeCall made{&none, {place, cat("torch.", short_name), {place}}, {}};
  Call call(caller, made);
  Value* stacked = caller.frame().bring((*list)->stacked, *(*list)->frame);
  const int64_t rank = Call::rank(stacked) - 1;
  const Item second = arguments.size() > 1 ? arguments[1] : Item(0);
  if (short_name == "stack") {
    const int64_t axis = call.axis(whole(second), rank + 1);
    return Item(caller.cell(axis == 0 ? stacked : moved(call, stacked, axis)));
  }
  if (short_name == "cat" || short_name == "concat") {
    call.check(rank > 0, "joins numbers");
    return Item(caller.cell(joined(call, stacked, call.axis(whole(second), rank))));
  }
  if (short_name == "len") return Item(Call::shape(stacked)[0]);
  if (short_name == "__getitem__") {
    Value* at = call.operand(second, DType::i64, "place");
    return Item(caller.cell(call.intermediate(Gather{.axis = 0}, {stacked, at}, "element")));
  }
  fail(Code::unsupported, short_name, " of a list that a loop fills");
}

}  // namespace hone::pytorch
