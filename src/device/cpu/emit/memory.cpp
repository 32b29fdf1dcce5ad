#include "device/cpu/emit/memory.hpp"

#include "base/text.hpp"

namespace hone::cpu::emitter {

constexpr int64_t kMostInFrame = 4096;

const std::string& name_of(const Expr& load) { return std::get<BufferName>(load.source()).text; }

Dims indices_of(const Expr& load) {
  Dims indices;
  if (load.outside()) throw Refusal{cat("no code for padding yet: ", load)};
  for (const Expr& index : load.operands()) {
    if (index.kind() != Expr::Kind::index) throw Refusal{cat("its place is computed: ", load)};
    indices.push_back(index.dim());
  }
  return indices;
}

Expr value_of(const Store& store, DType dtype) {
  if (!store.fold) return store.value;
  std::vector<Expr> indices;
  for (const Dim& index : store.place) indices.push_back(Expr::index(index));
  return Expr::call(*store.fold,
                    {Expr::load(BufferName{store.buffer}, dtype, indices), store.value});
}

Dim start_of(const Place& place, const Dims& indices) {
  Dim start = 0;
  for (size_t axis = 0; axis < indices.size(); ++axis)
    start = place.strides.empty() ? start * place.shape[axis] + indices[axis]
                                  : start + indices[axis] * place.strides[axis];
  return start;
}

Memory::Memory(Assembler& assembler, const std::vector<NestBuffer>& parameters) : a_(assembler) {
  for (size_t i = 0; i < parameters.size(); ++i) {
    const NestBuffer& buffer = parameters[i];
    places_[buffer.name] = {buffer.shape, buffer.dtype, static_cast<int>(i), -1,
                            -1,           false,        buffer.strides};
  }
}

void Memory::allocate(const NestBuffer& buffer, bool lanes) {
  if (buffer.dtype != DType::f32) throw Refusal{cat(buffer.name, " is ", buffer.dtype)};
  if (buffer.shape.empty() && (buffer.scope == Scope::registers || !lanes)) {
    places_[buffer.name] = {{}, buffer.dtype, -1, -1, a_.new_slot(), lanes};
    return;
  }
  if (lanes) throw Refusal{cat(buffer.name, " is not in registers and not small")};
  const Dim bytes = product(buffer.shape) * 4;
  const auto count = bytes.constant();
  if (buffer.scope == Scope::registers || (count && *count <= kMostInFrame)) {
    places_[buffer.name] = {buffer.shape, buffer.dtype, -1, a_.new_block(*count), -1, false};
    return;
  }
  Place place{buffer.shape, buffer.dtype};
  place.scratch = scratch_;
  scratch_ = scratch_ + ceil_div(bytes, 64) * 64;
  places_[buffer.name] = std::move(place);
}

void Memory::base(const Place& place) {
  if (place.scratch) a_.scratch(*place.scratch);
  else if (place.parameter >= 0) a_.parameter(place.parameter);
  else a_.lea(a_.rdx, a_.slot(place.block));
}

Xbyak::Address Memory::address(const Place& place, const Dims& indices) {
  a_.integer(start_of(place, indices));
  base(place);
  return a_.dword[a_.rdx + a_.rax * 4];
}

}  // namespace hone::cpu::emitter
