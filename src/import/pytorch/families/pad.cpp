#include "ops/pad.hpp"

#include "import/pytorch/call.hpp"

namespace hone::pytorch {
namespace {

/// Pads as PyTorch lists them: begin and end of the last axis, then of the one before it ...
void emit_padded(Call& call, std::string_view argument, Pad::Mode mode, Value* filling) {
  Value* x = call.tensor("self");
  const Dims pads = call.dims(argument);
  const auto rank = static_cast<size_t>(Call::rank(x));
  call.check(pads.size() % 2 == 0 && pads.size() / 2 <= rank, "pads ", uint64_t{pads.size()},
             " sides of a tensor of ", uint64_t{rank}, " axes");
  Dims given(2 * rank, Dim(0));
  for (size_t i = 0; 2 * i < pads.size(); ++i) {
    given[rank - 1 - i] = pads[2 * i];
    given[2 * rank - 1 - i] = pads[2 * i + 1];
  }
  call.emit(Pad{.pads = given, .mode = mode}, {x, nullptr, filling});
}

Value* filling(Call& call, std::string_view name) {
  const DType dtype = Call::dtype(call.tensor("self"));
  return call.has(name) ? call.operand(call.argument(name), dtype, "filling") : nullptr;
}

void import_pad(Call& call) {
  const std::string mode = call.text("mode");
  if (mode == "constant")
    return emit_padded(call, "pad", Pad::Mode::constant, filling(call, "value"));
  if (mode == "reflect") return emit_padded(call, "pad", Pad::Mode::reflect, nullptr);
  if (mode == "replicate") return emit_padded(call, "pad", Pad::Mode::edge, nullptr);
  call.check(mode == "circular", "mode is ", shown(mode));
  emit_padded(call, "pad", Pad::Mode::wrap, nullptr);
}
void import_constant_pad(Call& call) {
  emit_padded(call, "pad", Pad::Mode::constant, filling(call, "value"));
}
template <Pad::Mode M>
void import_padding(Call& call) {
  emit_padded(call, "padding", M, nullptr);
}

}  // namespace

void register_pad(Importers& importers) {
  importers.add("pad(T self, i[] pad, t mode=\"constant\", f? value=None)", import_pad);
  importers.add("constant_pad_nd(T self, i[] pad, s value=0)", import_constant_pad);
  importers.add({"reflection_pad1d(T self, i[2] padding)", "reflection_pad2d(T self, i[4] padding)",
                 "reflection_pad3d(T self, i[6] padding)"},
                import_padding<Pad::Mode::reflect>);
  importers.add(
      {"replication_pad1d(T self, i[2] padding)", "replication_pad2d(T self, i[4] padding)",
       "replication_pad3d(T self, i[6] padding)"},
      import_padding<Pad::Mode::edge>);
}

}  // namespace hone::pytorch
