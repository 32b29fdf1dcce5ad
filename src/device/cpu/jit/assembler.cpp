#include "device/cpu/jit/assembler.hpp"

namespace hone::cpu {

Assembler::Assembler(Isa isa, size_t bytes)
    : Assembler(isa, std::make_unique<std::vector<std::byte>>(bytes)) {}

// Into memory of ours: Xbyak's own would be writable and executable at once.
Assembler::Assembler(Isa isa, std::unique_ptr<std::vector<std::byte>> buffer)
    : Xbyak::CodeGenerator(buffer->size(), buffer->data()), isa_(isa), buffer_(std::move(buffer)) {}

std::span<const std::byte> Assembler::code() const { return {buffer_->data(), getSize()}; }

Xbyak::Xmm Assembler::vector(int index) const {
  return Xbyak::Xmm(wide() ? Xbyak::Operand::ZMM : Xbyak::Operand::YMM, index);
}

void Assembler::clear(const Xbyak::Xmm& vector) {
  if (wide()) vpxord(vector, vector, vector);
  else vxorps(vector, vector, vector);
}

void Assembler::prefetch(const Xbyak::Reg64& panel, int step, int bytes) {
  constexpr int kLine = 64, kStepsAhead = 20;
  const int first = (step * bytes + kLine - 1) / kLine * kLine;
  for (int line = first; line < (step + 1) * bytes; line += kLine)
    prefetcht0(ptr[panel + line + kStepsAhead * bytes]);
}

size_t Assembler::begin(int stack) {
  while (getSize() % 64 != 0) nop();
  const size_t at = getSize();
  for (const Xbyak::Reg64& saved : {rbx, rbp, r12, r13, r14, r15}) push(saved);
  stack_ = stack;
  if (stack_ > 0) sub(rsp, stack_);
  return at;
}

void Assembler::end() {
  vzeroupper();  // what is compiled may use instructions that are slow otherwise
  if (stack_ > 0) add(rsp, stack_);
  for (const Xbyak::Reg64& saved : {r15, r14, r13, r12, rbp, rbx}) pop(saved);
  ret();
}

}  // namespace hone::cpu
