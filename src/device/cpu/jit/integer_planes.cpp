#include "device/cpu/jit/integer_planes.hpp"

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
using Xbyak::Ymm;

constexpr int kWeight = sizeof(int32_t);

// rdi: the call; rsi: the table; rcx: vectors to do; rax: an offset; rbx, rbp, rdx, r15: in,
// weights, out and scale of the channel; r8 and on: rows of the window.
class IntegerPlanesCode final : public Assembler {
 public:
  explicit IntegerPlanesCode(const IntegerPlanesForm& form)
      : Assembler(Isa::avx512, size_t{64} * 1024),
        form_(form),
        window_(form.window),
        resident_(std::min(window_.taps(), registers() - kOwn)) {}

  void emit() {
    begin(16);
    mov(rbx, ptr[rdi + at(&IntegerPlanesCall::in)]);
    mov(rbp, ptr[rdi + at(&IntegerPlanesCall::weights)]);
    mov(rdx, ptr[rdi + at(&IntegerPlanesCall::out)]);
    mov(r15, ptr[rdi + at(&IntegerPlanesCall::scale)]);
    mov(rax, ptr[rdi + at(&IntegerPlanesCall::channels)]);
    mov(ptr[rsp + kChannelsAt], rax);
    mov(rax, ptr[rdi + at(&IntegerPlanesCall::bias)]);
    mov(ptr[rsp + kBiasAt], rax);
    broadcast(low(), ptr[rdi + at(&IntegerPlanesCall::low)]);
    broadcast(high(), ptr[rdi + at(&IntegerPlanesCall::high)]);
    broadcast(zero(), ptr[rdi + at(&IntegerPlanesCall::zero)]);
    broadcast(outside(), ptr[rdi + at(&IntegerPlanesCall::x_zero)]);
    Xbyak::Label channel;
    L(channel);
    one_channel();
    add(rbx, ptr[rdi + at(&IntegerPlanesCall::in_bytes)]);
    add(rdx, ptr[rdi + at(&IntegerPlanesCall::out_bytes)]);
    add(rbp, window_.taps() * kWeight);
    add(r15, static_cast<int>(sizeof(float)));
    dec(qword[rsp + kChannelsAt]);
    jnz(channel, T_NEAR);
    end();
  }

 private:
  static constexpr int kChannelsAt = 0, kBiasAt = 8;  // in the stack
  static constexpr int kOwn = 10;                     // registers that are no weights
  Xmm first() const { return vector(0); }
  Xmm second() const { return vector(1); }
  Xmm start() const { return vector(2); }
  Xmm x() const { return vector(3); }
  Xmm product() const { return vector(4); }
  Xmm outside() const { return vector(5); }
  Xmm low() const { return vector(6); }
  Xmm high() const { return vector(7); }
  Xmm scale() const { return vector(8); }
  Xmm zero() const { return vector(9); }
  Xmm weight(int tap) const { return vector(kOwn + tap); }
  Reg64 row(int index) const {
    const Reg64 all[] = {r8, r9, r10, r11, r12, r13, r14};
    return all[index];
  }

  void one_channel() {
    mov(rsi, ptr[rdi + at(&IntegerPlanesCall::table)]);
    mov(rcx, ptr[rdi + at(&IntegerPlanesCall::vectors)]);
    for (int i = 0; i < window_.rows; ++i) {
      mov(row(i), i == 0 ? rbx : row(i - 1));
      if (i > 0) add(row(i), ptr[rdi + at(&IntegerPlanesCall::row_bytes)]);
    }
    for (int tap = 0; tap < resident_; ++tap) broadcast(weight(tap), ptr[rbp + tap * kWeight]);
    broadcast(scale(), ptr[r15]);
    mov(rax, ptr[rsp + kBiasAt]);
    broadcast(start(), ptr[rax]);
    add(rax, static_cast<int>(sizeof(int32_t)));
    mov(ptr[rsp + kBiasAt], rax);
    Xbyak::Label turn, whole, done;
    align(32);
    L(turn);
    movsxd(rax, dword[rsi]);
    test(al, DepthwiseEntry::kWhole);
    jnz(whole, T_NEAR);
    vector_of(true);
    jmp(done, T_NEAR);
    L(whole);
    vector_of(false);
    L(done);
    add(rsi, static_cast<int>(DepthwiseEntry::bytes(isa(), window_)));
    dec(rcx);
    jnz(turn, T_NEAR);
  }

  Xbyak::Address mask_at(int index) const {
    return ptr[rsi + 8 + index * static_cast<int>(DepthwiseEntry::mask_bytes(isa()))];
  }

  /// `masked`: some lanes are no outputs or read what does not lie in the plane.
  void vector_of(bool masked) {
    sar(rax, 2);  // places of the table are those of floats; what is set beside them goes, too
    vmovdqa32(first(), start());
    if (window_.taps() > 1) vpxord(second(), second(), second());
    for (int tap = 0; tap < window_.taps(); ++tap) {
      const int distance = tap % window_.columns * window_.dilation;
      const Xbyak::Address from = ptr[row(tap / window_.columns) + rax + distance];
      if (window_.stride == 1) read(from, tap, masked);
      else read_every_second(from, tap, masked);
      add_product(tap);
    }
    if (window_.taps() > 1) vpaddd(first(), first(), second());
    quantize();
    movsxd(rax, dword[rsi + 4]);
    sar(rax, 2);
    const Xmm bytes(x().getIdx());
    vpmovdb(bytes, first());
    if (masked) {
      kmovw(k1, mask_at(0));
      vmovdqu8(ptr[rdx + rax] | k1, bytes);
    } else {
      vmovdqu32(ptr[rdx + rax], bytes);
    }
  }

  void read(const Xbyak::Address& from, int tap, bool masked) {
    if (masked) {
      vmovdqa32(x(), outside());
      kmovw(k1, mask_at(1 + tap));
    }
    const Xmm to = masked ? x() | k1 : x();
    if (form_.is_signed) vpmovsxbd(to, from);
    else vpmovzxbd(to, from);
  }

  /// 32 bytes are words, of which the lower half is wanted.
  void read_every_second(const Xbyak::Address& from, int tap, bool masked) {
    const Ymm bytes(x().getIdx());
    if (masked) {
      vmovdqa32(bytes, Ymm(outside().getIdx()));
      kmovd(k1, mask_at(1 + 2 * tap));
      vmovdqu8(bytes | k1, from);
      vpmovzxwd(x(), bytes);
    } else {
      vpmovzxwd(x(), from);
    }
    vpslld(x(), x(), 24);
    if (form_.is_signed) vpsrad(x(), x(), 24);
    else vpsrld(x(), x(), 24);
  }

  /// The lower words are multiplied; the upper one of a weight is 0.
  void add_product(int tap) {
    const Xmm sum = tap % 2 == 0 ? first() : second();
    const Xbyak::Address stored = ptr[rbp + tap * kWeight];
    if (tap >= resident_) broadcast(product(), stored);
    const Xmm factor = tap >= resident_ ? product() : weight(tap);
    if (form_.vnni) {
      vpdpwssd(sum, x(), factor);
    } else {
      vpmaddwd(x(), x(), factor);
      vpaddd(sum, sum, x());
    }
  }

  /// As jit/integer_contraction does it.
  void quantize() {
    vcvtdq2ps(first(), first());
    vmulps(first(), first(), scale());
    vmaxps(first(), first(), low());
    vminps(first(), first(), high());
    vcvtps2dq(first(), first());
    vpaddd(first(), first(), zero());
  }

  const IntegerPlanesForm form_;
  const DepthwiseForm window_;
  const int resident_;  // weights that stay in registers
};

}  // namespace

std::shared_ptr<const IntegerPlanes> IntegerPlanes::of(Isa isa, const IntegerPlanesForm& form) {
  static std::mutex mutex;
  static std::map<IntegerPlanesForm, std::weak_ptr<const IntegerPlanes>> known;
  if (isa != Isa::avx512) return nullptr;
  const std::lock_guard lock(mutex);
  std::weak_ptr<const IntegerPlanes>& place = known[form];
  if (auto found = place.lock()) return found;
  IntegerPlanesCode code(form);
  code.emit();
  std::shared_ptr<IntegerPlanes> made(new IntegerPlanes);
  made->code_ = executable(code.code());
  if (made->code_ == nullptr) return nullptr;
  made->function_ = function_at<Function>(made->code_.get());
  place = made;
  return made;
}

}  // namespace hone::cpu
