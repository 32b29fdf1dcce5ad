#include "device/cpu/jit/depthwise.hpp"

#include <algorithm>
#include <map>
#include <mutex>
#include <utility>

#include "device/cpu/jit/assembler.hpp"
#include "device/cpu/jit/code_memory.hpp"

namespace hone::cpu {
namespace {

using Xbyak::Reg64;
using Xbyak::Xmm;

constexpr int kChannelsAt = 0;  // where the stack has the channels to do

/// Every second of 32 lanes.
constexpr int32_t kEven[16] = {0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30};

// rdi: the call; rsi: the table; rcx: vectors to do; rax: an offset; rbx, rbp, rdx, r15: in,
// weights, out and the added tensor of the channel; r8 and on: rows of the window.
class DepthwiseCode final : public Assembler {
 public:
  DepthwiseCode(Isa isa, const DepthwiseForm& form)
      : Assembler(isa, size_t{64} * 1024), form_(form), resident_(std::min(form.taps(), room())) {}

  void emit() {
    begin(16);
    mov(rbx, ptr[rdi + at(&DepthwiseCall::in)]);
    mov(rbp, ptr[rdi + at(&DepthwiseCall::weights)]);
    mov(rdx, ptr[rdi + at(&DepthwiseCall::out)]);
    mov(r15, ptr[rdi + at(&DepthwiseCall::added)]);
    mov(rax, ptr[rdi + at(&DepthwiseCall::channels)]);
    mov(ptr[rsp + kChannelsAt], rax);
    mov(rax, ptr[rdi + at(&DepthwiseCall::bias)]);
    mov(ptr[rsp + kBiasAt], rax);
    if (form_.clips_low) broadcast(low(), ptr[rdi + at(&DepthwiseCall::low)]);
    if (form_.clips_high) broadcast(high(), ptr[rdi + at(&DepthwiseCall::high)]);
    if (wide() && form_.stride == 2) {
      mov(rax, reinterpret_cast<size_t>(kEven));
      vmovups(even(), ptr[rax]);
    }
    Xbyak::Label channel;
    L(channel);
    one_channel();
    add(rbx, ptr[rdi + at(&DepthwiseCall::in_bytes)]);
    add(rdx, ptr[rdi + at(&DepthwiseCall::out_bytes)]);
    if (form_.adds) add(r15, ptr[rdi + at(&DepthwiseCall::out_bytes)]);
    add(rbp, form_.taps() * kFloat);
    dec(qword[rsp + kChannelsAt]);
    jnz(channel, T_NEAR);
    end();
  }

 private:
  static constexpr int kBiasAt = 8, kOwn = 8;  // registers that are no weights
  int room() const { return registers() - kOwn; }
  Xmm first() const { return vector(0); }
  Xmm second() const { return vector(1); }
  Xmm start() const { return vector(2); }
  Xmm read(int index) const { return vector(3 + index); }
  Xmm even() const { return vector(5); }  // AVX-512
  Xmm mask() const { return vector(5); }  // AVX2
  Xmm low() const { return vector(6); }
  Xmm high() const { return vector(7); }
  Xmm weight(int tap) const { return vector(kOwn + tap); }
  Reg64 row(int index) const {
    const Reg64 all[] = {r8, r9, r10, r11, r12, r13, r14};
    return all[index];
  }

  void one_channel() {
    mov(rsi, ptr[rdi + at(&DepthwiseCall::table)]);
    mov(rcx, ptr[rdi + at(&DepthwiseCall::vectors)]);
    for (int i = 0; i < form_.rows; ++i) {
      mov(row(i), i == 0 ? rbx : row(i - 1));
      if (i > 0) add(row(i), ptr[rdi + at(&DepthwiseCall::row_bytes)]);
    }
    for (int tap = 0; tap < resident_; ++tap) broadcast(weight(tap), ptr[rbp + tap * kFloat]);
    mov(rax, ptr[rsp + kBiasAt]);
    broadcast(start(), ptr[rax]);
    add(rax, kFloat);
    mov(ptr[rsp + kBiasAt], rax);
    Xbyak::Label turn;
    align(32);
    L(turn);
    one_vector();
    add(rsi, static_cast<int>(DepthwiseEntry::bytes(isa(), form_)));
    dec(rcx);
    jnz(turn, T_NEAR);
  }

  Xbyak::Address mask_at(int index) const {
    return ptr[rsi + 8 + index * static_cast<int>(DepthwiseEntry::mask_bytes(isa()))];
  }
  void load_mask(int index, const Xbyak::Opmask& to) {
    if (wide()) kmovw(to, mask_at(index));
    else vpmovsxbd(mask(), mask_at(index));
  }
  /// Lanes that are not read become 0.
  void masked_read(const Xmm& to, const Xbyak::Address& from, int index) {
    if (!masked_) return vmovups(to, from);
    load_mask(index, k1);
    if (wide()) vmovups(to | k1 | T_z, from);
    else vmaskmovps(to, mask(), from);
  }

  void one_vector() {
    Xbyak::Label whole, done;
    movsxd(rax, dword[rsi]);
    test(al, DepthwiseEntry::kWhole);
    jnz(whole, T_NEAR);
    vector_of(true);
    jmp(done, T_NEAR);
    L(whole);
    and_(rax, -kFloat);
    vector_of(false);
    L(done);
  }

  /// `masked`: some lanes are no outputs or read what does not lie in the plane.
  void vector_of(bool masked) {
    masked_ = masked;
    vmovaps(first(), start());
    if (form_.taps() > 1) clear(second());
    for (int tap = 0; tap < form_.taps(); ++tap) one_tap(tap);
    if (form_.taps() > 1) vaddps(first(), first(), second());
    movsxd(rax, dword[rsi + 4]);
    if (masked_) load_mask(0, k1);
    if (form_.adds) {
      if (!masked_) {
        vaddps(first(), first(), ptr[r15 + rax]);
      } else if (wide()) {
        vaddps(first() | k1, first(), ptr[r15 + rax]);
      } else {
        vmaskmovps(read(0), mask(), ptr[r15 + rax]);
        vaddps(first(), first(), read(0));
      }
    }
    // The sum is the second operand: the one that comes out when one of both is NaN.
    if (form_.clips_low) vmaxps(first(), low(), first());
    if (form_.clips_high) vminps(first(), high(), first());
    if (!masked_) vmovups(ptr[rdx + rax], first());
    else if (wide()) vmovups(ptr[rdx + rax] | k1, first());
    else vmaskmovps(ptr[rdx + rax], mask(), first());
  }

  void one_tap(int tap) {
    const Xmm sum = tap % 2 == 0 ? first() : second();
    const int distance = tap % form_.columns * form_.dilation * kFloat;
    const Reg64 line = row(tap / form_.columns);
    Xmm factor = weight(tap);
    if (tap >= resident_) factor = read(1);
    if (form_.stride == 1) {
      if (tap >= resident_) broadcast(factor, ptr[rbp + tap * kFloat]);
      if (!masked_) {
        vfmadd231ps(sum, factor, ptr[line + rax + distance]);
      } else if (wide()) {
        load_mask(1 + tap, k1);
        vfmadd231ps(sum | k1, factor, ptr[line + rax + distance]);
      } else {
        masked_read(read(0), ptr[line + rax + distance], 1 + tap);
        vfmadd231ps(sum, factor, read(0));
      }
      return;
    }
    masked_read(read(0), ptr[line + rax + distance], 1 + 2 * tap);
    masked_read(read(1), ptr[line + rax + distance + vector_bytes()], 2 + 2 * tap);
    if (wide()) {
      vpermt2ps(read(0), even(), read(1));
    } else {
      vshufps(read(0), read(0), read(1), 0x88);
      vpermpd(Xbyak::Ymm(read(0).getIdx()), Xbyak::Ymm(read(0).getIdx()), 0xD8);
    }
    if (tap >= resident_) broadcast(factor, ptr[rbp + tap * kFloat]);
    vfmadd231ps(sum, factor, read(0));
  }

  const DepthwiseForm form_;
  const int resident_;  // weights that stay in registers
  bool masked_ = true;
};

}  // namespace

std::shared_ptr<const Depthwise> Depthwise::of(Isa isa, const DepthwiseForm& form) {
  static std::mutex mutex;
  static std::map<std::pair<Isa, DepthwiseForm>, std::weak_ptr<const Depthwise>> known;
  const bool fits = form.rows <= kMostRows && form.columns <= kMostColumns && form.stride <= 2;
  if (isa == Isa::generic || !fits) return nullptr;
  const std::lock_guard lock(mutex);
  std::weak_ptr<const Depthwise>& place = known[{isa, form}];
  if (auto found = place.lock()) return found;
  DepthwiseCode code(isa, form);
  code.emit();
  std::shared_ptr<Depthwise> made(new Depthwise);
  made->code_ = executable(code.code());
  if (made->code_ == nullptr) return nullptr;
  made->function_ = function_at<Function>(made->code_.get());
  place = made;
  return made;
}

}  // namespace hone::cpu
