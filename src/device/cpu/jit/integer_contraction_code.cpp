#include "device/cpu/jit/integer_contraction_code.hpp"

#include <algorithm>
#include <cstddef>

namespace hone::cpu {
namespace {

using Xbyak::Address;
using Xbyak::Reg64;
using Xbyak::Xmm;

constexpr int kGroup = 4;  // bytes
constexpr int kProductsInFlight =
    8;                     // sums that a processor adds to before the first is ready again
constexpr int kSpare = 4;  // registers that what follows the sums needs

}  // namespace

IntegerContractionCode::IntegerContractionCode(Isa isa, const IntegerForm& form, size_t bytes)
    : Assembler(isa, bytes), form_(form) {}

int IntegerContractionCode::other_registers(const IntegerForm& form, int vectors) {
  const int products = form.vnni || vectors == 1 ? 0 : 1;
  const int ones = form.in_pairs() ? 1 : 0;
  return std::max(kSpare, vectors + 1 + products + ones);
}

Xmm IntegerContractionCode::sum(int row, int column, int set) const {
  return vector((set * rows_ + row) * vectors_ + column);
}
Xmm IntegerContractionCode::column_of_b(int column) const {
  return vector(sets_ * rows_ * vectors_ + column);
}
Xmm IntegerContractionCode::element_of_a() const { return column_of_b(vectors_); }
Xmm IntegerContractionCode::product() const { return column_of_b(vectors_ + 1); }
/// 16 bits of 1 each, where bytes are multiplied in pairs.
Xmm IntegerContractionCode::ones() const { return vector(registers() - 1); }
Xmm IntegerContractionCode::spare(int index) const { return vector(rows_ * vectors_ + index); }
Xmm IntegerContractionCode::half(const Xmm& vector) const {
  return Xmm(wide() ? Xbyak::Operand::YMM : Xbyak::Operand::XMM, vector.getIdx());
}

// rdi: the call; rax: the groups left; rcx: b. Of filters rdx: a; rsi: the offsets.
Reg64 IntegerContractionCode::row_pointer(int row) const {
  const Reg64 all[] = {rdx, rsi, r8, r9, r10, r11, rbx, rbp, r12, r13, r14, r15};
  return all[row];
}

size_t IntegerContractionCode::emit(int rows, int vectors) {
  rows_ = rows;
  vectors_ = vectors;
  const int room = (registers() - other_registers(form_, vectors)) / (rows * vectors);
  const int wanted = (kProductsInFlight + rows * vectors - 1) / (rows * vectors);
  sets_ = std::min(room, wanted) >= 4 ? 4 : std::min(room, wanted) >= 2 ? 2 : 1;
  const size_t place = begin();
  begin_sums();
  if (form_.in_pairs()) {
    mov(eax, 0x00010001);
    vmovd(Xmm(ones().getIdx()), eax);
    vpbroadcastd(ones(), Xmm(ones().getIdx()));
  }
  mov(rcx, ptr[rdi + at(&IntegerCall::b)]);
  if (is_filters()) {
    mov(rdx, ptr[rdi + at(&IntegerCall::a)]);
    mov(rsi, ptr[rdi + at(&IntegerCall::b_offsets)]);
  } else {
    mov(rax, ptr[rdi + at(&IntegerCall::a_rows)]);
    for (int row = 0; row < rows; ++row) mov(row_pointer(row), ptr[rax + row * 8]);
  }
  run_depth();
  if (form_.in_pairs()) run_more();
  for (int set = 1; set < sets_; ++set)
    for (int i = 0; i < rows * vectors; ++i)
      vpaddd(vector(i), vector(i), vector(set * rows * vectors + i));
  finish();
  end();
  return place;
}

/// Those of the first set begin with the biases.
void IntegerContractionCode::begin_sums() {
  for (int i = rows_ * vectors_; i < sets_ * rows_ * vectors_; ++i) clear(vector(i));
  mov(rcx, ptr[rdi + at(&IntegerCall::bias)]);
  for (int row = 0; row < rows_; ++row)
    for (int j = 0; j < vectors_; ++j) {
      if (!is_filters()) vmovups(sum(row, j, 0), ptr[rcx + j * vector_bytes()]);
      else if (j == 0) broadcast(sum(row, 0, 0), ptr[rcx + row * 4]);
      else vmovaps(sum(row, j, 0), sum(row, 0, 0));
    }
}

/// All of the depth: turns of kUnroll, then one by one.
void IntegerContractionCode::run_depth() {
  Xbyak::Label turn, single, rest, done;
  mov(rax, ptr[rdi + at(&IntegerCall::groups)]);
  sub(rax, kUnroll);
  jl(single, T_NEAR);
  align(32);
  L(turn);
  for (int step = 0; step < kUnroll; ++step) products(step, step % sets_);
  advance(kUnroll);
  sub(rax, kUnroll);
  jge(turn, T_NEAR);
  L(single);
  add(rax, kUnroll);
  jz(done, T_NEAR);
  L(rest);
  products(0, 0);
  advance(1);
  dec(rax);
  jnz(rest, T_NEAR);
  L(done);
}

/// Further groups, one by one. Of a matrix r14: their offsets.
void IntegerContractionCode::run_more() {
  Xbyak::Label turn, done;
  mov(rax, ptr[rdi + at(&IntegerCall::more_groups)]);
  test(rax, rax);
  jz(done, T_NEAR);
  if (is_filters()) {
    mov(rsi, ptr[rdi + at(&IntegerCall::more_offsets)]);
  } else {
    mov(r14, ptr[rdi + at(&IntegerCall::a_rows)]);
    for (int row = 0; row < rows_; ++row) mov(row_pointer(row), ptr[r14 + row * 8]);
    mov(r14, ptr[rdi + at(&IntegerCall::more_offsets)]);
  }
  L(turn);
  if (is_filters()) {
    products(0, 0);
    advance(1);
  } else {
    movsxd(r15, dword[r14]);
    products(0, 0, &r15);
    add(rcx, panel_bytes());
    add(r14, 4);
  }
  dec(rax);
  jnz(turn, T_NEAR);
  L(done);
}

int IntegerContractionCode::panel_bytes() const {
  return std::max<int>(vectors_, form_.panel_vectors) * vector_bytes();
}

/// `further`: where the group of a matrix' rows is, in bytes.
void IntegerContractionCode::products(int step, int set, const Reg64* further) {
  const Reg64& offset = step % 2 == 0 ? r10 : r11;
  if (is_filters()) prefetch(rdx, step, rows_ * kGroup);
  else prefetch(rcx, step, panel_bytes());
  if (is_filters()) movsxd(offset, dword[rsi + step * 4]);
  for (int j = 0; j < vectors_; ++j) {
    if (is_filters()) vmovups(column_of_b(j), ptr[rcx + offset + j * vector_bytes()]);
    else vmovups(column_of_b(j), ptr[rcx + step * panel_bytes() + j * vector_bytes()]);
  }
  for (int row = 0; row < rows_; ++row) {
    const Address from = is_filters()         ? ptr[rdx + (step * rows_ + row) * kGroup]
                         : further != nullptr ? ptr[row_pointer(row) + *further]
                                              : ptr[row_pointer(row) + step * kGroup];
    broadcast(element_of_a(), from);
    for (int j = 0; j < vectors_; ++j)
      multiply(sum(row, j, set), column_of_b(j), j + 1 == vectors_);
  }
}

/// sum += a . b. `last`: the element of a is needed no more.
void IntegerContractionCode::multiply(const Xmm& sum, const Xmm& b, bool last) {
  const Xmm a = element_of_a();
  const bool bytes = form_.groups == IntegerForm::Groups::bytes;
  if (form_.in_pairs()) {
    const Xmm both = last ? a : product();
    if (is_filters()) vpmaddubsw(both, b, a);
    else vpmaddubsw(both, a, b);
    vpmaddwd(both, both, ones());
    vpaddd(sum, sum, both);
  } else if (bytes) {
    if (is_filters()) vpdpbusd(sum, b, a);  // u8 first
    else vpdpbusd(sum, a, b);
  } else if (form_.vnni) {
    vpdpwssd(sum, a, b);
  } else {
    const Xmm& both = last ? a : product();
    vpmaddwd(both, a, b);
    vpaddd(sum, sum, both);
  }
}

void IntegerContractionCode::advance(int steps) {
  if (is_filters()) {
    add(rdx, steps * rows_ * kGroup);
    add(rsi, steps * 4);
    return;
  }
  add(rcx, steps * panel_bytes());
  for (int row = 0; row < rows_; ++row) add(row_pointer(row), steps * kGroup);
}

// From here on only the sums of the first set matter. rdx: a row of c; rsi: its stride; r8: the
// same row of what is added; k1: the lanes of the last vector.

/// each(row) with rdx and r8 at that row.
template <class Each>
void IntegerContractionCode::each_row_of_c(const Each& each) {
  mov(rdx, ptr[rdi + at(&IntegerCall::c)]);
  if (form_.adds) {
    mov(r8, ptr[rdi + at(&IntegerCall::added)]);
    mov(r9, ptr[rdi + at(&IntegerCall::added_stride)]);
  }
  for (int row = 0; row < rows_; ++row) {
    each(row);
    if (row + 1 == rows_) continue;
    add(rdx, rsi);
    if (form_.adds) add(r8, r9);
  }
}

/// apply(sum, parameter) for each sum with its row's parameter, or its column's.
template <class Apply>
void IntegerContractionCode::with_parameters(const Reg64& from, const Apply& apply) {
  for (int row = 0; row < rows_; ++row) {
    if (is_filters()) broadcast(spare(0), ptr[from + row * 4]);
    for (int j = 0; j < vectors_; ++j) {
      if (is_filters()) apply(sum(row, j, 0), spare(0));
      else apply(sum(row, j, 0), ptr[from + j * vector_bytes()]);
    }
  }
}

void IntegerContractionCode::finish() {
  mov(rsi, ptr[rdi + at(&IntegerCall::c_stride)]);
  if (wide()) {
    mov(rax, ptr[rdi + at(&IntegerCall::last_lanes)]);
    kmovw(k1, eax);
  }
  if (form_.result != IntegerForm::Result::sums) {
    mov(rcx, ptr[rdi + at(&IntegerCall::scale)]);
    with_parameters(rcx, [&](const Xmm& sum, const Xbyak::Operand& scale) {
      vcvtdq2ps(sum, sum);
      vmulps(sum, sum, scale);
    });
  }
  if (form_.quantizes()) quantize();
  if (form_.adds) {
    mov(rcx, ptr[rdi + at(&IntegerCall::sum)]);
    each_row_of_c([&](int row) {
      for (int j = 0; j < vectors_; ++j) add_quantized(sum(row, j, 0), j);
    });
  }
  store();
}

void IntegerContractionCode::quantize() {
  broadcast(spare(0), ptr[rdi + at(&IntegerCall::low)]);
  broadcast(spare(1), ptr[rdi + at(&IntegerCall::high)]);
  broadcast(spare(2), ptr[rdi + at(&IntegerCall::zero)]);
  // What saturates to u8 takes numbers as unsigned ones.
  const bool raises = !form_.saturates || (wide() && form_.result == IntegerForm::Result::u8);
  for (int i = 0; i < rows_ * vectors_; ++i) {
    // The second comes out where the first is NaN.
    if (raises) vmaxps(vector(i), vector(i), spare(0));
    if (!form_.saturates) vminps(vector(i), vector(i), spare(1));
    vcvtps2dq(vector(i), vector(i));
    vpaddd(vector(i), vector(i), spare(2));
  }
}

/// rcx: the IntegerSum. In f32, and where that could round otherwise in f64.
void IntegerContractionCode::add_quantized(const Xmm& sum, int column) {
  const Xmm whole = spare(0), value = spare(1), distance = spare(2), added = spare(3);
  const Address from = ptr[r8 + column * lanes()];
  const Xmm to = wide() && column + 1 == vectors_ ? added | k1 | T_z : added;
  if (form_.result == IntegerForm::Result::u8) vpmovzxbd(to, from);
  else vpmovsxbd(to, from);
  vpsubd(added, added, ptr[rcx + at(&IntegerSum::q_zero)]);
  vpsubd(sum, sum, ptr[rcx + at(&IntegerSum::p_zero)]);
  vcvtdq2ps(value, added);
  vmovups(whole, ptr[rcx + at(&IntegerSum::q_ratio32)]);
  vfmadd213ps(value, whole, ptr[rcx + at(&IntegerSum::zero32)]);
  vcvtdq2ps(whole, sum);
  vfmadd231ps(value, whole, ptr[rcx + at(&IntegerSum::p_ratio32)]);
  vmaxps(value, value, ptr[rcx + at(&IntegerSum::low32)]);
  vminps(value, value, ptr[rcx + at(&IntegerSum::high32)]);
  if (wide()) vrndscaleps(whole, value, 0);
  else vroundps(whole, value, 0);
  vsubps(distance, value, whole);
  constexpr int kNotLess = 5;
  Xbyak::Label sure, done;
  if (wide()) {
    vpandd(distance, distance, ptr[rcx + at(&IntegerSum::magnitude)]);
    vcmpps(k2, distance, ptr[rcx + at(&IntegerSum::limit)], kNotLess);
    kortestw(k2, k2);
  } else {
    vandps(distance, distance, ptr[rcx + at(&IntegerSum::magnitude)]);
    vcmpps(distance, distance, ptr[rcx + at(&IntegerSum::limit)], kNotLess);
    vtestps(distance, distance);
  }
  jz(sure, T_NEAR);
  add_in_f64(sum);
  jmp(done, T_NEAR);
  L(sure);
  vcvtps2dq(sum, whole);
  L(done);
}

/// Half of the vector at a time: `sum` less its zero point, and spare(3) less its own.
void IntegerContractionCode::add_in_f64(const Xmm& sum) {
  const Xmm low = spare(0), high = spare(1), term = spare(2), added = spare(3);
  const auto upper = [&](const Xmm& whole) {
    if (wide()) vextracti64x4(half(term), Xbyak::Zmm(whole.getIdx()), 1);
    else vextracti128(half(term), Xbyak::Ymm(whole.getIdx()), 1);
    return half(term);
  };
  vcvtdq2pd(low, half(sum));
  vcvtdq2pd(high, upper(sum));
  vmulpd(low, low, ptr[rcx + at(&IntegerSum::p_ratio)]);
  vmulpd(high, high, ptr[rcx + at(&IntegerSum::p_ratio)]);
  // Both products are exact, so that one rounding is left, as of the sum.
  vcvtdq2pd(term, upper(added));
  vfmadd231pd(high, term, ptr[rcx + at(&IntegerSum::q_ratio)]);
  vcvtdq2pd(term, half(added));
  vfmadd231pd(low, term, ptr[rcx + at(&IntegerSum::q_ratio)]);
  for (const Xmm& each : {low, high}) {
    vaddpd(each, each, ptr[rcx + at(&IntegerSum::zero)]);
    vmaxpd(each, each, ptr[rcx + at(&IntegerSum::low)]);
    vminpd(each, each, ptr[rcx + at(&IntegerSum::high)]);
    vcvtpd2dq(half(each), each);
  }
  using Xbyak::Ymm, Xbyak::Zmm;
  if (wide()) vinserti64x4(Zmm(sum.getIdx()), Zmm(low.getIdx()), half(high), 1);
  else vinserti128(Ymm(sum.getIdx()), Ymm(low.getIdx()), half(high), 1);
}

void IntegerContractionCode::store() {
  Xbyak::Label partial, done;
  if (wide()) {
    cmp(qword[rdi + at(&IntegerCall::last_lanes)], -1);
    jne(partial, T_NEAR);
  }
  const auto rows = [&](bool masked) {
    each_row_of_c([&](int row) {
      for (int j = 0; j < vectors_; ++j) {
        const Address to = ptr[rdx + j * lanes() * form_.result_bytes()];
        const bool last = masked && j + 1 == vectors_;
        if (form_.quantizes()) store_bytes(to, sum(row, j, 0), last);
        else vmovups(last ? to | k1 : to, sum(row, j, 0));
      }
    });
  };
  rows(false);
  if (!wide()) return;
  jmp(done, T_NEAR);
  L(partial);
  rows(true);
  L(done);
}

/// Numbers that fit a byte, or become the nearest that do.
void IntegerContractionCode::store_bytes(const Address& to, const Xmm& sum, bool masked) {
  const Xmm bytes(spare(0).getIdx());
  if (wide()) {
    if (form_.result == IntegerForm::Result::u8) vpmovusdb(bytes, sum);
    else vpmovsdb(bytes, sum);
    if (masked) vmovdqu8(to | k1, bytes);
    else vmovdqu32(to, bytes);
    return;
  }
  vextracti128(bytes, Xbyak::Ymm(sum.getIdx()), 1);
  vpackssdw(bytes, Xmm(sum.getIdx()), bytes);
  if (form_.result == IntegerForm::Result::u8) vpackuswb(bytes, bytes, bytes);
  else vpacksswb(bytes, bytes, bytes);
  vmovq(to, bytes);
}

}  // namespace hone::cpu
