#include "device/cpu/emit/contract_emitter.hpp"

#include "ir/nest/places.hpp"

namespace hone::cpu::emitter {
namespace {

constexpr int kFloat = 4;

Dim with(const Dim& dim, const Axis& axis, const Dim& by) {
  return dim.substitute_variables([&](std::string_view name) {
    return name == *axis.variable.as_variable() ? std::optional<Dim>(by) : std::nullopt;
  });
}

/// By how much a place moves in a turn of the axis.
Dim step_of(const Dim& place, const Axis& axis) {
  const auto parts = linear_in(place, *axis.variable.as_variable());
  if (!parts) throw Refusal{"factors of a contraction lie where no steps lead"};
  return parts->factor;
}

class ProductEmitter {
 public:
  ProductEmitter(Assembler& a, const Product& product)
      : a_(a), p_(product), vectors_(product.columns / a.lanes()), pointers_{a.rbx, a.rsi, a.rdi,
                                                                             a.r8,  a.r9,  a.r10,
                                                                             a.r11, a.r12, a.r13,
                                                                             a.r14} {
    const int registers = a_.wide() ? 32 : 16;
    if (p_.columns % a_.lanes() != 0)
      throw Refusal{"the columns of a block are no multiple of the lanes"};
    if (p_.rows > static_cast<int>(std::size(pointers_)) ||
        p_.rows * vectors_ + vectors_ + 1 > registers)
      throw Refusal{"a block has more elements than there are registers"};
    if (!step_of(p_.b, p_.column).is(1)) throw Refusal{"columns of a factor lie apart in memory"};
  }

  void run() {
    Xbyak::Label masked, stored, done;
    for (const Axis& axis : {p_.row, p_.column, p_.depth}) {  // else places may have no value
      a_.integer(axis.extent);
      a_.test(a_.rax, a_.rax);
      a_.jle(done, Xbyak::CodeGenerator::T_NEAR);
    }
    const int turns = a_.new_slot();
    a_.mov(a_.slot(turns), a_.rax);
    const int a_step = step_slot(p_.a), b_step = step_slot(p_.b);
    if (!p_.column.extent.is(p_.columns)) make_masks();
    for (int row = 0; row < p_.rows; ++row) {
      const Dim last = p_.row.extent - 1;
      address(with(with(p_.a, p_.row, min(Dim(row), last)), p_.depth, 0), p_.a_base);
      a_.mov(pointers_[row], a_.rdx);
    }
    address(with(with(p_.b, p_.column, 0), p_.depth, 0), p_.b_base);
    each([&](int row, int v) { a_.vmovups(sum(row, v), element(row, v)); });
    a_.mov(a_.rcx, a_.slot(turns));
    if (!masks_.empty()) {
      a_.cmp(Xbyak::util::qword[a_.slot(full_).getRegExp()], 0);
      a_.je(masked, Xbyak::CodeGenerator::T_NEAR);
    }
    walk(a_step, b_step, false);
    if (!masks_.empty()) {
      a_.jmp(stored, Xbyak::CodeGenerator::T_NEAR);
      a_.L(masked);
      walk(a_step, b_step, true);
    }
    a_.L(stored);
    each([&](int row, int v) { a_.vmovups(element(row, v), sum(row, v)); });
    a_.L(done);
  }

 private:
  Xbyak::Xmm sum(int row, int v) const { return a_.vector(row * vectors_ + v); }
  Xbyak::Xmm column(int v) const { return a_.vector(p_.rows * vectors_ + v); }
  /// One element of a in all lanes; before that a mask.
  Xbyak::Xmm scratch() const { return a_.vector(a_.wide() ? 31 : 15); }

  void each(const std::function<void(int row, int v)>& visit) const {
    for (int row = 0; row < p_.rows; ++row)
      for (int v = 0; v < vectors_; ++v) visit(row, v);
  }

  Xbyak::Address element(int row, int v) const {
    return a_.ptr[a_.slot(p_.block).getRegExp() +
                  static_cast<size_t>((row * p_.columns + v * a_.lanes()) * kFloat)];
  }

  /// rdx = where an element lies.
  void address(const Dim& place, const std::function<void()>& base) {
    a_.integer(place);
    base();
    a_.lea(a_.rdx, a_.ptr[a_.rdx + a_.rax * kFloat]);
  }

  int step_slot(const Dim& place) {
    a_.integer(Dim(kFloat) * step_of(place, p_.depth));
    const int slot = a_.new_slot();
    a_.mov(a_.slot(slot), a_.rax);
    return slot;
  }

  /// A mask for each vector of columns, in the frame, and whether all of them are full.
  void make_masks() {
    full_ = a_.new_slot();
    a_.integer(p_.column.extent - Dim(p_.columns));
    a_.inc(a_.rax);  // 1 where there are as many, else less
    a_.xor_(a_.ecx, a_.ecx);
    a_.test(a_.rax, a_.rax);
    a_.setg(a_.cl);
    a_.mov(a_.slot(full_), a_.rcx);
    for (int v = 0; v < vectors_; ++v) {
      masks_.push_back(a_.new_slot());
      const Dim lanes(a_.lanes());
      a_.integer(max(Dim(0), min(p_.column.extent - Dim(v) * lanes, lanes)));
      a_.store_mask(masks_.back());
    }
  }

  void load_column(int v, bool masked) {
    const Xbyak::Address at = a_.ptr[a_.rdx + static_cast<size_t>(v * a_.lanes() * kFloat)];
    if (!masked) return a_.vmovups(column(v), at);
    if (a_.wide()) {
      a_.kmovw(a_.k1, a_.slot(masks_[static_cast<size_t>(v)]));
      return a_.vmovups(column(v) | a_.k1 | Xbyak::util::T_z, at);
    }
    a_.vmovups(scratch(), a_.slot(masks_[static_cast<size_t>(v)]));
    a_.vmaskmovps(column(v), scratch(), at);
  }

  /// Through the depth: rcx turns.
  void walk(int a_step, int b_step, bool masked) {
    Xbyak::Label top;
    a_.xor_(a_.eax, a_.eax);
    a_.align(32);
    a_.L(top);
    for (int v = 0; v < vectors_; ++v) load_column(v, masked);
    for (int row = 0; row < p_.rows; ++row) {
      a_.vbroadcastss(scratch(), a_.dword[pointers_[row] + a_.rax]);
      for (int v = 0; v < vectors_; ++v) a_.vfmadd231ps(sum(row, v), scratch(), column(v));
    }
    a_.add(a_.rax, a_.slot(a_step));
    a_.add(a_.rdx, a_.slot(b_step));
    a_.dec(a_.rcx);
    a_.jnz(top, Xbyak::CodeGenerator::T_NEAR);
  }

  Assembler& a_;
  const Product& p_;
  int vectors_, full_ = -1;
  std::vector<int> masks_;
  Xbyak::Reg64 pointers_[10];
};

}  // namespace

void emit_product(Assembler& a, const Product& product) { ProductEmitter(a, product).run(); }

}  // namespace hone::cpu::emitter
