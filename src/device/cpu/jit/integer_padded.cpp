#include "device/cpu/jit/integer_padded.hpp"

#include <algorithm>
#include <map>
#include <mutex>

#include "device/cpu/jit/assembler.hpp"
#include "device/cpu/jit/code_memory.hpp"

namespace hone::cpu {
namespace {

using Xbyak::Reg64;
using Xbyak::Xmm;
using Xbyak::Ymm;

constexpr int kPair = sizeof(int32_t);

// rdi: the call; rax: the place in a line; rcx: lines to do; rsi, rdx: the line of in and of out;
// r8: where the last outputs begin; rbx, rbp, r9: in, weights and out of the channel; r10, r11:
// its bias and scale; r12: channels to do; r13: the next place.
class IntegerPaddedCode final : public Assembler {
 public:
  explicit IntegerPaddedCode(const IntegerPaddedForm& form)
      : Assembler(Isa::avx2, size_t{16} * 1024),
        form_(form),
        pairs_(static_cast<int>(form.taps.size() + 1) / 2),
        resident_(std::min(pairs_, registers() - kOwn)) {}

  void emit() {
    begin(3 * vector_bytes());
    for (const auto& [member, place] :
         {std::pair{at(&IntegerPaddedCall::low), 0}, {at(&IntegerPaddedCall::high), 1}}) {
      broadcast(low(), ptr[rdi + member]);
      vmovups(stored(place), low());
    }
    vpbroadcastw(low(), ptr[rdi + at(&IntegerPaddedCall::zero)]);
    vmovups(stored(2), low());
    mov(rbx, ptr[rdi + at(&IntegerPaddedCall::in)]);
    mov(rbp, ptr[rdi + at(&IntegerPaddedCall::weights)]);
    mov(r9, ptr[rdi + at(&IntegerPaddedCall::out)]);
    mov(r10, ptr[rdi + at(&IntegerPaddedCall::bias)]);
    mov(r11, ptr[rdi + at(&IntegerPaddedCall::scale)]);
    mov(r8, ptr[rdi + at(&IntegerPaddedCall::last)]);
    mov(r12, ptr[rdi + at(&IntegerPaddedCall::channels)]);
    Xbyak::Label channel;
    L(channel);
    one_channel();
    add(rbx, ptr[rdi + at(&IntegerPaddedCall::in_bytes)]);
    add(r9, ptr[rdi + at(&IntegerPaddedCall::out_bytes)]);
    add(rbp, pairs_ * kPair);
    add(r10, static_cast<int>(sizeof(int32_t)));
    add(r11, static_cast<int>(sizeof(float)));
    dec(r12);
    jnz(channel, T_NEAR);
    end();
  }

 private:
  static constexpr int kOwn = 8;  // registers that are no weights
  // Of the 16 outputs low() has 0 to 3 and 8 to 11, high() the others.
  Xmm low() const { return vector(0); }
  Xmm high() const { return vector(1); }
  Xmm first() const { return vector(2); }
  Xmm second() const { return vector(3); }
  Xmm mixed() const { return vector(4); }
  Xmm start() const { return vector(5); }
  Xmm scale() const { return vector(6); }
  Xmm factor() const { return vector(7); }
  Xmm weight(int pair) const { return vector(kOwn + pair); }
  /// The bounds and the zero point: for all lanes, in the stack.
  Xbyak::Address stored(int index) const { return ptr[rsp + index * vector_bytes()]; }

  void one_channel() {
    for (int pair = 0; pair < resident_; ++pair) broadcast(weight(pair), ptr[rbp + pair * kPair]);
    broadcast(start(), ptr[r10]);
    broadcast(scale(), ptr[r11]);
    mov(rcx, ptr[rdi + at(&IntegerPaddedCall::lines)]);
    mov(rsi, rbx);
    mov(rdx, r9);
    Xbyak::Label line, turn, done;
    L(line);
    xor_(eax, eax);
    align(32);
    L(turn);
    some_outputs();
    cmp(rax, r8);
    jge(done, T_NEAR);
    lea(r13, ptr[rax + IntegerPadded::kAtOnce]);
    cmp(r13, r8);
    cmovg(r13, r8);
    mov(rax, r13);
    jmp(turn, T_NEAR);
    L(done);
    add(rsi, ptr[rdi + at(&IntegerPaddedCall::in_line)]);
    add(rdx, ptr[rdi + at(&IntegerPaddedCall::out_line)]);
    dec(rcx);
    jnz(line, T_NEAR);
  }

  void some_outputs() {
    for (int pair = 0; pair < pairs_; ++pair) add_pair(pair);
    vcvtdq2ps(low(), low());
    vcvtdq2ps(high(), high());
    for (const Xmm& sums : {low(), high()}) {
      vmulps(sums, sums, scale());
      vmaxps(sums, sums, stored(0));
      vminps(sums, sums, stored(1));
      vcvtps2dq(sums, sums);
    }
    vpackssdw(low(), low(), high());  // of each half of both: in order
    vpaddw(low(), low(), stored(2));
    if (form_.is_signed) vpacksswb(low(), low(), low());
    else vpackuswb(low(), low(), low());
    vpermq(Ymm(low().getIdx()), Ymm(low().getIdx()), 0b1000);
    vmovdqu(ptr[rdx + rax], Xmm(low().getIdx()));
  }

  /// Two taps of 16 outputs side by side as words, times two weights.
  void add_pair(int pair) {
    const auto tap = static_cast<size_t>(2 * pair);
    const bool both = tap + 1 < form_.taps.size();
    const Xmm other = both ? second() : first();
    vpmovzxbw(first(), ptr[rsi + rax + form_.taps[tap]]);
    if (both) vpmovzxbw(other, ptr[rsi + rax + form_.taps[tap + 1]]);
    Xmm weights = factor();
    if (pair < resident_) weights = weight(pair);
    else broadcast(weights, ptr[rbp + pair * kPair]);
    vpunpcklwd(mixed(), first(), other);
    vpunpckhwd(first(), first(), other);
    vpmaddwd(mixed(), mixed(), weights);
    vpmaddwd(first(), first(), weights);
    vpaddd(low(), pair == 0 ? start() : low(), mixed());
    vpaddd(high(), pair == 0 ? start() : high(), first());
  }

  const IntegerPaddedForm form_;
  const int pairs_, resident_;  // of weights; that stay in registers
};

}  // namespace

std::shared_ptr<const IntegerPadded> IntegerPadded::of(const IntegerPaddedForm& form) {
  static std::mutex mutex;
  static std::map<IntegerPaddedForm, std::weak_ptr<const IntegerPadded>> known;
  const std::lock_guard lock(mutex);
  std::weak_ptr<const IntegerPadded>& place = known[form];
  if (auto found = place.lock()) return found;
  IntegerPaddedCode code(form);
  code.emit();
  std::shared_ptr<IntegerPadded> made(new IntegerPadded);
  made->code_ = executable(code.code());
  if (made->code_ == nullptr) return nullptr;
  made->function_ = function_at<Function>(made->code_.get());
  place = made;
  return made;
}

}  // namespace hone::cpu
