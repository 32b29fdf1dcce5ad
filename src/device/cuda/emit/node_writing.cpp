#include "device/cuda/emit/node_writing.hpp"

#include "device/cuda/texts.hpp"

namespace hone::cuda::emitter {

DType NodeWriting::checked(DType dtype) {
  if (stored_type(dtype) == nullptr || is_small(dtype)) throw Refusal{cat("it has ", dtype)};
  return dtype;
}

Dim NodeWriting::part(const Dims& shape, size_t first, size_t end) {
  return product(Dims(shape.begin() + static_cast<ptrdiff_t>(first),
                      shape.begin() + static_cast<ptrdiff_t>(end)));
}

SerialText NodeWriting::finish(std::string_view declarations,
                               std::initializer_list<std::string_view> texts,
                               std::string_view definitions) {
  std::string parameters, tables, places;
  const auto add = [&](const Value* value, const std::string& name, bool is_input) {
    const TensorType& type = value->type.tensor();
    const char* stored = stored_type(type.dtype);
    const std::string pointer =
        cat(is_input ? "const " : "", stored == nullptr ? "char" : stored, "* ", name);
    made_.text.counts.push_back(product(type.shape()));
    if (!value->is_literal()) {
      parameters += cat(pointer, ", ");
      return;
    }
    Place place{cat("c", name), checked(type.dtype), type.shape(), {}};
    tables += table_text(place, value->weight->tensor());
    places += cat("  ", pointer, " = (const ", stored, "*)", place.name, ";\n");
  };
  for (size_t i = 0; i < node_.inputs.size(); ++i)
    if (has(i)) add(node_.inputs[i], cat("x", i), true);
  for (size_t i = 0; i < node_.outputs.size(); ++i)
    if (wants(i)) add(node_.outputs[i], cat("y", i), false);
  std::string numbers;
  for (const auto& [name, symbol] : dims_.symbols().all()) {
    made_.symbols.push_back(name);
    numbers += cat(", I ", symbol);
  }
  made_.text.body = std::string(declarations);
  for (const std::string_view text : texts) made_.text.body += embedded_text(text);
  made_.text.body += cat(definitions, tables);
  for (size_t i = 0; i < made_.functions.size(); ++i) {
    made_.text.counts.push_back(made_.functions[i].turns);
    made_.text.body += cat("extern \"C\" __global__ void k", i, "(", parameters, "char* scratch",
                           numbers, ") {\n  let_others_begin();\n  wait_for_others();\n", places,
                           made_.functions[i].body, "}\n");
  }
  return std::move(made_);
}

}  // namespace hone::cuda::emitter
