#include "import/pytorch/cell.hpp"

#include <algorithm>

#include "import/pytorch/call.hpp"
#include "import/pytorch/complex.hpp"
#include "import/pytorch/quantization.hpp"

namespace hone::pytorch {
namespace {

bool fits(const Parameter& parameter, const Item& item) {
  return !item.is_none() || parameter.may_be_none || parameter.kind == 'a';
}

/// Marks what a view gives, lists of tensors included, as showing `base`.
void mark_views(const std::vector<Item>& results, const TensorRef& base,
                const std::shared_ptr<const MadeCall>& made, size_t& count) {
  for (const Item& result : results) {
    if (const auto* list = result.list()) mark_views(*list, base, made, count);
    const auto* tensor = result.as<TensorRef>();
    if (tensor == nullptr) continue;
    const size_t place = count++;
    if (*tensor == base) continue;  // the tensor itself
    (*tensor)->base = base;
    (*tensor)->made_by = made;
    (*tensor)->result = place;
    (*tensor)->seen = base->version;
  }
}

void flatten(const std::vector<Item>& results, std::vector<TensorRef>& tensors) {
  for (const Item& result : results) {
    if (const auto* list = result.list()) flatten(*list, tensors);
    if (const auto* tensor = result.as<TensorRef>()) tensors.push_back(*tensor);
  }
}

}  // namespace

TensorRef Caller::cell(Value* value) const {
  auto made = std::make_shared<Cell>();
  made->value = value;
  made->frame = &frame_;
  return made;
}

Value* Caller::read(const TensorRef& tensor) {
  check(!tensor->complex, Code::unsupported, "complex numbers");
  return held(tensor);
}

Value* Caller::held(const TensorRef& tensor) {
  if (tensor->base != nullptr) {
    held(tensor->base);
    if (tensor->seen != tensor->base->version) {
      std::vector<TensorRef> again;
      flatten(results_of(*tensor->made_by), again);
      check(tensor->result < again.size(), Code::internal, "a view has no result ",
            uint64_t{tensor->result});
      Value* value = again[tensor->result]->value;
      // A body reads it anew; what it makes is gone with the body.
      if (tensor->frame != &frame_) return value;
      tensor->value = value;
      tensor->seen = tensor->base->version;
    }
  }
  check(tensor->value != nullptr, Code::unsupported, "an input whose sizes nothing tells");
  return frame_.bring(tensor->value, *tensor->frame);
}

void Caller::write(const TensorRef& tensor, Value* value, const CallSite& site) {
  check(tensor->frame == &frame_, Code::unsupported,
        "writes into a tensor of the program around it");
  tensor->value = value;
  ++tensor->version;
  if (tensor->base == nullptr) return;
  const MadeCall& made = *tensor->made_by;
  check(made.overload->write_back != nullptr, Code::unsupported, "writes through a view that ",
        made.overload->full_name(), " made");
  MadeCall back = made;
  back.site = site;
  Call call(*this, back);
  const bool by_parts = has_pairs(made.arguments) && tensor->complex;
  Value* base = by_parts ? written_by_parts(call, value, tensor->result)
                         : made.overload->write_back(call, value, tensor->result);
  write(tensor->base, base, site);
  tensor->seen = tensor->base->version;
}

namespace {

/// Arguments are complex, or the result is asked to be.
bool is_of_complex(const MadeCall& made) {
  if (has_pairs(made.arguments)) return true;
  const auto& parameters = made.overload->parameters;
  for (size_t i = 0; i < parameters.size() && i < made.arguments.size(); ++i) {
    const auto* number = made.arguments[i].as<Dim>();
    if (parameters[i].name != "dtype" || number == nullptr || !number->is_constant()) continue;
    const auto dtype = dtype_of_number(*number->constant());
    if (dtype && is_complex(*dtype)) return true;
  }
  return false;
}

}  // namespace

std::vector<Item> Caller::results_of(const MadeCall& made) {
  Call call(*this, made);
  Overload::Import import = made.overload->import;
  if (is_of_complex(made)) import = all_importers().find_complex(made.overload->name);
  check(import != nullptr, Code::unsupported, "complex numbers");
  import(call);
  if (call.failed()) throw builder::FailedBefore();
  return call.results();
}

std::vector<Item> Caller::call(MadeCall made, bool in_place) {
  const auto kept = std::make_shared<const MadeCall>(std::move(made));
  std::vector<Item> results = results_of(*kept);
  const Item first = kept->arguments.empty() ? Item() : kept->arguments.front();
  const auto* self = first.as<TensorRef>();
  if (in_place) {
    const auto* written = results.empty() ? nullptr : results.front().as<TensorRef>();
    check(self != nullptr && written != nullptr, Code::invalid_model, "writes into ",
          kind_of(first));
    Call call(*this, *kept);
    check((*self)->complex == (*written)->complex, Code::unsupported,
          "writes complex numbers into real ones, or the other way round");
    const DType dtype = Call::dtype(held(*self));
    write(*self, call.cast(held(*written), dtype), kept->site);
    return {first};
  }
  if (!kept->overload->quantizes) keep_on_grid(results, *kept);
  size_t count = 0;
  if (kept->overload->is_view && self != nullptr) mark_views(results, *self, kept, count);
  return results;
}

/// The first quantized tensor; null: none.
const Quantization* Caller::quantization_in(const std::vector<Item>& items) {
  for (const Item& item : items) {
    if (const auto* list = item.list())
      if (const Quantization* found = quantization_in(*list)) return found;
    if (const auto* tensor = item.as<TensorRef>())
      if ((*tensor)->quantized) return &*(*tensor)->quantized;
  }
  return nullptr;
}

void Caller::keep_on_grid(const std::vector<Item>& results, const MadeCall& made) {
  const Quantization* grid = quantization_in(made.arguments);
  if (grid == nullptr) return;
  std::vector<TensorRef> tensors;
  flatten(results, tensors);
  Call call(*this, made);
  for (const TensorRef& tensor : tensors) {
    if (tensor->value == nullptr || tensor->quantized || !is_float(Call::dtype(tensor->value)))
      continue;
    tensor->quantized = result_grid(made.overload->name, *grid);
    if (!made.overload->is_view) tensor->value = on_grid(call, tensor->value, *tensor->quantized);
  }
}

std::vector<Item> bound_arguments(const Overload& overload, const std::vector<Item>& by_place,
                                  const std::vector<std::pair<std::string, Item>>& by_name) {
  const auto& parameters = overload.parameters;
  check(by_place.size() <= parameters.size(), Code::invalid_model, "takes ",
        uint64_t{parameters.size()}, " arguments, is given ", uint64_t{by_place.size()});
  std::vector<std::optional<Item>> given(parameters.size());
  for (size_t i = 0; i < by_place.size(); ++i) given[i] = by_place[i];
  for (const auto& [name, item] : by_name) {
    const auto found = std::find_if(parameters.begin(), parameters.end(),
                                    [&](const Parameter& each) { return each.name == name; });
    check(found != parameters.end(), Code::unsupported, "the argument ", shown(name),
          " is not known");
    given[static_cast<size_t>(found - parameters.begin())] = item;
  }
  std::vector<Item> bound;
  for (size_t i = 0; i < parameters.size(); ++i) {
    if (!given[i]) given[i] = parameters[i].otherwise;
    check(given[i].has_value(), Code::invalid_model, "the argument ", parameters[i].name,
          " is missing");
    check(fits(parameters[i], *given[i]), Code::invalid_model, "the argument ", parameters[i].name,
          " is None");
    bound.push_back(*std::move(given[i]));
  }
  return bound;
}

}  // namespace hone::pytorch
