#include "device/cpu/emit/assembler.hpp"

#include <algorithm>
#include <cstddef>

#include "base/text.hpp"
#include "device/cpu/emit/emit.hpp"
#include "ir/dim/dim_terms.hpp"

namespace hone::cpu::emitter {
namespace {

constexpr int kSlot = 64;
constexpr int64_t kMostFrame = 16384;
constexpr int kParameters = offsetof(Call, parameters), kNumbers = offsetof(Call, numbers),
              kBegin = offsetof(Call, begin), kEnd = offsetof(Call, end),
              kScratch = offsetof(Call, scratch);

bool has_variables(const Dim& dim) {
  std::set<std::string, std::less<>> names;
  dim.collect_variables(names);
  return !names.empty();
}

}  // namespace

Assembler::Assembler(std::vector<uint8_t>& buffer, Isa isa)
    : CodeGenerator(buffer.size(), buffer.data()), wide_(isa == Isa::avx512) {}

Xbyak::Xmm Assembler::vector(int index) const {
  return {wide_ ? Xbyak::Operand::ZMM : Xbyak::Operand::YMM, index};
}

Xbyak::Address Assembler::literal(uint32_t bits) { return ptr[rip + literals_[bits]]; }

Xbyak::Address Assembler::slot(int index) const {
  return ptr[rbp - static_cast<size_t>((index + 1) * kSlot)];
}

int Assembler::new_block(int64_t bytes) {
  if (bytes > kMostFrame || slots_ > kMostFrame / kSlot)
    throw Refusal{"its own buffers are larger than the frame"};
  slots_ += static_cast<int>((bytes + kSlot - 1) / kSlot);
  return slots_ - 1;  // slots grow downwards
}

void Assembler::begin() {
  for (const Xbyak::Reg64& saved : {rbp, rbx, r12, r13, r14, r15}) push(saved);
  mov(rbp, rsp);
  mov(rax, ptr[rip + frame_]);
  sub(rsp, rax);
  call_slot_ = new_slot();
  mov(slot(call_slot_), rdi);
  jmp(fetch_, T_NEAR);
  L(fetched_);
}

void Assembler::end() {
  mov(rsp, rbp);
  for (const Xbyak::Reg64& saved : {r15, r14, r13, r12, rbx, rbp}) pop(saved);
  vzeroupper();  // our C++ has instructions that are slow behind dirty upper halves
  ret();
  // What the code turned out to need of the Call is brought to the frame before it begins.
  L(fetch_);
  const auto fetch = [&](int from, size_t index, int to) {
    mov(rax, ptr[rdi + from]);
    mov(rax, ptr[rax + 8 * index]);
    mov(slot(to), rax);
  };
  for (const auto& [index, at] : parameters_) fetch(kParameters, static_cast<size_t>(index), at);
  for (size_t i = 0; i < numbers_.size(); ++i) fetch(kNumbers, i, number_slots_[i]);
  if (scratch_slot_ >= 0) {
    mov(rax, ptr[rdi + kScratch]);
    mov(slot(scratch_slot_), rax);
  }
  jmp(fetched_, T_NEAR);
  align(kSlot);
  for (auto& [bits, label] : literals_) {
    L(label);
    for (int lane = 0; lane < lanes(); ++lane) dd(bits);
  }
  if (has_masks_) {
    L(masks_);
    for (int lane = 0; lane < 2 * lanes(); ++lane) dd(lane < lanes() ? 0xFFFFFFFF : 0);
  }
  L(frame_);
  dq(static_cast<uint64_t>(slots_) * kSlot);
}

void Assembler::make_mask() {
  if (wide_) {
    mov(ecx, 0xFFFFFFFF);
    bzhi(ecx, ecx, r15d);
    kmovw(k1, ecx);
    return;
  }
  has_masks_ = true;
  mov(rcx, r15);
  neg(rcx);
  lea(rdx, ptr[rip + masks_]);
  vmovups(ymm15, ptr[rdx + rcx * 4 + static_cast<size_t>(4 * lanes())]);
}

void Assembler::store_mask(int index) {
  if (wide_) {
    mov(ecx, 0xFFFFFFFF);
    bzhi(ecx, ecx, eax);
    mov(slot(index), rcx);
    return;
  }
  has_masks_ = true;
  neg(rax);
  lea(rdx, ptr[rip + masks_]);
  vmovups(ymm15, ptr[rdx + rax * 4 + static_cast<size_t>(4 * lanes())]);
  vmovups(slot(index), ymm15);
}

void Assembler::parameter(int index) {
  if (!parameters_.contains(index)) parameters_[index] = new_slot();
  mov(rdx, slot(parameters_.at(index)));
}

void Assembler::scratch(const Dim& offset) {
  if (scratch_slot_ < 0) scratch_slot_ = new_slot();
  mov(rdx, slot(scratch_slot_));
  if (!offset.is_constant()) add(rdx, number_slot(offset));
  else if (!offset.is(0)) add(rdx, static_cast<uint32_t>(*offset.constant()));
}

void Assembler::first_tile() {
  mov(rax, slot(call_slot_));
  mov(rax, ptr[rax + kBegin]);
}

void Assembler::last_tile() {
  mov(rax, slot(call_slot_));
  mov(rax, ptr[rax + kEnd]);
}

Xbyak::Address Assembler::number_slot(const Dim& dim) {
  const auto found = std::find(numbers_.begin(), numbers_.end(), dim);
  const auto index = static_cast<size_t>(found - numbers_.begin());
  if (found == numbers_.end()) {
    numbers_.push_back(dim);
    number_slots_.push_back(new_slot());
  }
  return slot(number_slots_[index]);
}

void Assembler::number(const Dim& dim) {
  const auto constant = dim.constant();
  if (!constant) mov(rax, number_slot(dim));
  else if (*constant == 0) xor_(eax, eax);
  else mov(rax, static_cast<size_t>(*constant));
}

void Assembler::integer(const Dim& dim) {
  if (dim.is_too_long()) throw Refusal{"a place is too long to write"};
  Dim fixed(DimAccess::offset(dim));
  std::vector<std::pair<Dim, std::vector<Dim>>> moving;
  for (const DimTerm& term : DimAccess::terms(dim)) {
    Dim coefficient(term.coefficient);
    std::vector<Dim> factors;
    for (const DimAtomRef& factor : term.factors) {
      const Dim one = atom_dim(DimAtom(*factor));
      if (has_variables(one)) factors.push_back(one);
      else coefficient = coefficient * one;
    }
    if (factors.empty()) fixed = fixed + coefficient;
    else moving.emplace_back(std::move(coefficient), std::move(factors));
  }
  number(fixed);
  for (const auto& [coefficient, factors] : moving) {
    if (add_multiple(coefficient, factors)) continue;
    push(rax);
    term(coefficient, factors);
    pop(rcx);
    add(rax, rcx);
  }
}

/// rax += coefficient * the only factor, a variable; false: it is something else.
bool Assembler::add_multiple(const Dim& coefficient, const std::vector<Dim>& factors) {
  const auto name = factors[0].as_variable();
  if (factors.size() != 1 || !name) return false;
  const Xbyak::Address variable = variable_slot(*name);
  const auto constant = coefficient.constant();
  if (constant == 1) {
    add(rax, variable);
    return true;
  }
  mov(rcx, variable);
  if (!constant) imul(rcx, number_slot(coefficient));
  else if (*constant == static_cast<int32_t>(*constant))
    imul(rcx, rcx, static_cast<int>(*constant));
  else return false;
  add(rax, rcx);
  return true;
}

Xbyak::Address Assembler::variable_slot(std::string_view name) const {
  const auto found = variables_.find(name);
  if (found == variables_.end()) throw Refusal{cat("$", name, " stands outside of its loop")};
  return slot(found->second);
}

void Assembler::term(const Dim& without_variables, const std::vector<Dim>& factors) {
  number(without_variables);
  for (const Dim& factor : factors) {
    push(rax);
    atom(factor);
    pop(rcx);
    imul(rax, rcx);
  }
}

void Assembler::atom(const Dim& dim) {
  const DimAtom& atom = *DimAccess::only_atom(dim);
  switch (atom.kind) {
    case DimAtom::Kind::variable: return mov(rax, variable_slot(atom.name));
    case DimAtom::Kind::floordiv: return quotient(atom.args[0], atom.args[1]);
    case DimAtom::Kind::min:
    case DimAtom::Kind::max:
      integer(atom.args[0]);
      for (size_t i = 1; i < atom.args.size(); ++i) {
        push(rax);
        integer(atom.args[i]);
        pop(rcx);
        cmp(rcx, rax);
        if (atom.kind == DimAtom::Kind::min) cmovl(rax, rcx);
        else cmovg(rax, rcx);
      }
      return;
    default: throw Refusal{"a place broadcasts"};
  }
}

void Assembler::quotient(const Dim& dividend, const Dim& divisor) {
  integer(divisor);
  push(rax);
  integer(dividend);
  pop(rcx);
  cqo();
  idiv(rcx);
  // Towards the lesser one: where a rest is left whose sign is not the divisor's.
  Xbyak::Label done;
  test(rdx, rdx);
  jz(done);
  xor_(rdx, rcx);
  jns(done);
  dec(rax);
  L(done);
}

}  // namespace hone::cpu::emitter
