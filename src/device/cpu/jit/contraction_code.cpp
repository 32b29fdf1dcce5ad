#include "device/cpu/jit/contraction_code.hpp"

#include <algorithm>
#include <cstddef>

namespace hone::cpu {
namespace {

using Xbyak::Reg64;
using Xbyak::Xmm;
using A = ContractionForm::A;
using B = ContractionForm::B;
using Bias = ContractionForm::Bias;

constexpr int kInFlight = 8;  // sums that a processor adds to before the first is ready again

}  // namespace

ContractionCode::ContractionCode(Isa isa, const ContractionForm& form, size_t bytes)
    : Assembler(isa, bytes), form_(form) {}

Xmm ContractionCode::sum(int set, int row, int column) const {
  return in_column((set * rows_ + row) * vectors_ + column, column);
}
Xmm ContractionCode::in_column(int index, int column) const {
  return narrow_ && column + 1 == vectors_ ? Xmm(Xbyak::Operand::YMM, index) : vector(index);
}
Xmm ContractionCode::column_of_b(int column) const {
  return in_column(sets_ * rows_ * vectors_ + column, column);
}
Xmm ContractionCode::element_of_a() const { return vector((sets_ * rows_ + 1) * vectors_); }

// rdi: the call; rax: the depth; rcx: b.
Reg64 ContractionCode::row_pointer(int row) const {
  const Reg64 all[] = {rdx, rsi, r8, r9, r10, r11, rbx, rbp, r12, r13, r14, r15};
  return all[row];
}

int ContractionCode::panel_bytes() const {
  return std::max<int>(vectors_, form_.panel_vectors) * vector_bytes();
}

size_t ContractionCode::emit(int rows, int vectors, bool narrow) {
  rows_ = rows;
  vectors_ = vectors;
  narrow_ = narrow;
  const int room = (registers() - 1 - vectors) / (rows * vectors);
  const int wanted = (kInFlight + rows * vectors - 1) / (rows * vectors);
  sets_ = std::min(room, wanted) >= 4 ? 4 : std::min(room, wanted) >= 2 ? 2 : 1;
  unroll_ = rows * vectors > 16 ? 4 : 8;
  const size_t place = begin();
  for (int i = 0; i < sets_ * rows * vectors; ++i) clear(vector(i));
  mov(rsi, ptr[rdi + at(&ContractionCall::c_stride)]);
  const auto touch = [&](int member, bool writes) {
    mov(rdx, ptr[rdi + member]);
    for (int row = 0; row < rows; ++row) {
      for (int byte = 0; byte < vectors * vector_bytes(); byte += 64) {
        if (writes) prefetchw(ptr[rdx + byte]);
        else prefetcht0(ptr[rdx + byte]);
      }
      if (row + 1 < rows) add(rdx, rsi);
    }
  };
  if (form_.b == B::table) touch(at(&ContractionCall::c), true);
  if (form_.adds) touch(at(&ContractionCall::added), false);
  mov(rcx, ptr[rdi + at(&ContractionCall::b)]);
  if (form_.a == A::panel) {
    mov(rdx, ptr[rdi + at(&ContractionCall::a)]);
    if (form_.b == B::table) mov(rsi, ptr[rdi + at(&ContractionCall::b_offsets)]);
    run_depth();
  } else {
    mov(rax, ptr[rdi + at(&ContractionCall::a_rows)]);
    for (int row = 0; row < rows; ++row) mov(row_pointer(row), ptr[rax + row * 8]);
    run_depth();
  }
  add_sets();
  Xbyak::Label partial, done;
  cmp(qword[rdi + at(&ContractionCall::last_mask)], 0);
  jne(partial, T_NEAR);
  finish(false);
  jmp(done, T_NEAR);
  L(partial);
  finish(true);
  L(done);
  end();
  return place;
}

/// All of the depth: turns of unroll_, then one by one.
void ContractionCode::run_depth() {
  Xbyak::Label turn, single, done;
  mov(rax, ptr[rdi + at(&ContractionCall::depth)]);
  sub(rax, unroll_);
  jl(single, T_NEAR);
  align(32);
  L(turn);
  for (int step = 0; step < unroll_; ++step) products(step, step % sets_);
  advance(unroll_);
  sub(rax, unroll_);
  jge(turn, T_NEAR);
  L(single);
  add(rax, unroll_);
  jz(done, T_NEAR);
  Xbyak::Label rest;
  L(rest);
  products(0, 0);
  advance(1);
  dec(rax);
  jnz(rest, T_NEAR);
  L(done);
}

void ContractionCode::products(int step, int set) {
  if (form_.b == B::panel) prefetch(rcx, step, panel_bytes());
  else if (form_.a == A::panel) prefetch(rdx, step, rows_ * kFloat);
  if (form_.b == B::table) {
    const Reg64& offset = step % 2 == 0 ? r10 : r11;
    movsxd(offset, dword[rsi + step * 4]);
    for (int j = 0; j < vectors_; ++j)
      vmovups(column_of_b(j), ptr[rcx + offset + j * vector_bytes()]);
  } else {
    for (int j = 0; j < vectors_; ++j)
      vmovups(column_of_b(j), ptr[rcx + step * panel_bytes() + j * vector_bytes()]);
  }
  for (int row = 0; row < rows_; ++row) {
    const auto address = form_.a == A::rows ? ptr[row_pointer(row) + step * kFloat]
                                            : ptr[rdx + (step * rows_ + row) * kFloat];
    broadcast(element_of_a(), address);
    for (int j = 0; j < vectors_; ++j)
      vfmadd231ps(sum(set, row, j), in_column(element_of_a().getIdx(), j), column_of_b(j));
  }
}

void ContractionCode::advance(int steps) {
  if (form_.b == B::table) add(rsi, steps * 4);
  else add(rcx, steps * panel_bytes());
  if (form_.a == A::panel) add(rdx, steps * rows_ * kFloat);
  else
    for (int row = 0; row < rows_; ++row) add(row_pointer(row), steps * kFloat);
}

void ContractionCode::add_sets() {
  for (int half = sets_ / 2; half > 0; half /= 2)
    for (int set = 0; set < half; ++set)
      for (int row = 0; row < rows_; ++row)
        for (int j = 0; j < vectors_; ++j)
          vaddps(sum(set, row, j), sum(set, row, j), sum(set + half, row, j));
}

// From here on the columns' registers are free. rdx: a row of c; rsi: its stride; r8: the same row
// of what is added; r9: of the bias. The mask of the last vector: k1, or the vector after sums.

/// each(row) with rdx (and r8) at that row.
template <class Each>
void ContractionCode::each_row_of_c(const Each& each) {
  mov(rdx, ptr[rdi + at(&ContractionCall::c)]);
  if (form_.adds) mov(r8, ptr[rdi + at(&ContractionCall::added)]);
  for (int row = 0; row < rows_; ++row) {
    each(row);
    if (row + 1 == rows_) continue;
    add(rdx, rsi);
    if (form_.adds) add(r8, rsi);
  }
}

void ContractionCode::add_memory(const Xmm& sum, const Xbyak::Address& from, bool masked) {
  if (!masked) {
    vaddps(sum, sum, from);
  } else if (wide()) {
    vaddps(sum | k1, sum, from);
  } else {
    vmaskmovps(element_of_a(), column_of_b(0), from);
    vaddps(sum, sum, element_of_a());
  }
}

void ContractionCode::finish(bool partial) {
  mov(rsi, ptr[rdi + at(&ContractionCall::c_stride)]);
  if (partial) {
    mov(rax, ptr[rdi + at(&ContractionCall::last_mask)]);
    vmovups(column_of_b(0), ptr[rax]);
    if (wide()) vpmovd2m(k1, column_of_b(0));
  }
  if (form_.scales) {
    broadcast(element_of_a(), ptr[rdi + at(&ContractionCall::scale)]);
    for (int i = 0; i < rows_ * vectors_; ++i) vmulps(vector(i), vector(i), element_of_a());
  }
  const auto masked = [&](int j) { return partial && j + 1 == vectors_; };
  Xbyak::Label fresh, unfinished;
  cmp(dword[rdi + at(&ContractionCall::accumulates)], 0);
  je(fresh, T_NEAR);
  each_row_of_c([&](int row) {
    for (int j = 0; j < vectors_; ++j)
      add_memory(sum(0, row, j), ptr[rdx + j * vector_bytes()], masked(j));
  });
  L(fresh);
  cmp(dword[rdi + at(&ContractionCall::finishes)], 0);
  je(unfinished, T_NEAR);
  if (form_.bias != Bias::none) mov(r9, ptr[rdi + at(&ContractionCall::bias)]);
  if (form_.bias == Bias::column) {
    for (int j = 0; j < vectors_; ++j)
      for (int row = 0; row < rows_; ++row)
        add_memory(sum(0, row, j), ptr[r9 + j * vector_bytes()], masked(j));
  } else if (form_.bias == Bias::row) {
    for (int row = 0; row < rows_; ++row) {
      broadcast(element_of_a(), ptr[r9 + row * kFloat]);
      for (int j = 0; j < vectors_; ++j) vaddps(sum(0, row, j), sum(0, row, j), element_of_a());
    }
  }
  if (form_.adds)
    each_row_of_c([&](int row) {
      for (int j = 0; j < vectors_; ++j)
        add_memory(sum(0, row, j), ptr[r8 + j * vector_bytes()], masked(j));
    });
  follow();
  L(unfinished);
  store(partial);
}

/// Clipping. The sum is the second operand: the one that comes out when one of both is NaN.
void ContractionCode::follow() {
  if (form_.clips_low) {
    broadcast(element_of_a(), ptr[rdi + at(&ContractionCall::low)]);
    for (int i = 0; i < rows_ * vectors_; ++i) vmaxps(vector(i), element_of_a(), vector(i));
  }
  if (form_.clips_high) {
    broadcast(element_of_a(), ptr[rdi + at(&ContractionCall::high)]);
    for (int i = 0; i < rows_ * vectors_; ++i) vminps(vector(i), element_of_a(), vector(i));
  }
}

void ContractionCode::store(bool partial) {
  each_row_of_c([&](int row) {
    for (int j = 0; j < vectors_; ++j) {
      const auto to = ptr[rdx + j * vector_bytes()];
      if (!partial || j + 1 < vectors_) vmovups(to, sum(0, row, j));
      else if (wide()) vmovups(to | k1, sum(0, row, j));
      else vmaskmovps(to, column_of_b(0), sum(0, row, j));
    }
  });
}

}  // namespace hone::cpu
