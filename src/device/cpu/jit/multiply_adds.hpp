#pragma once
// The most that a thread can multiply and add: what other figures are a part of.

#include <memory>

#include "device/cpu/jit/assembler.hpp"
#include "device/cpu/jit/code_memory.hpp"

namespace hone::cpu {

/// A loop of multiply-adds that wait for none; false: no memory may hold it.
class MultiplyAdds final : public Assembler {
 public:
  explicit MultiplyAdds(Isa isa) : Assembler(isa, 4096) {
    begin();
    for (int i = 0; i <= kSums; ++i) clear(vector(i));
    mov(rax, kTurns);
    Xbyak::Label turn;
    align(32);
    L(turn);
    for (int i = 0; i < kSums; ++i) vfmadd231ps(vector(i), vector(kSums), vector(kSums));
    dec(rax);
    jnz(turn, T_NEAR);
    end();
    code_ = executable(code());
  }
  explicit operator bool() const { return code_ != nullptr; }
  void run() const { function_at<void (*)()>(code_.get())(); }
  double flops() const { return 2.0 * kSums * lanes() * kTurns; }

 private:
  static constexpr int kSums = 12;
  static constexpr int64_t kTurns = 20'000;  // about a fifth of a millisecond
  std::shared_ptr<const std::byte> code_;
};

}  // namespace hone::cpu
