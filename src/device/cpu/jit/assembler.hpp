#pragma once
// What our generators of machine code share: functions one after the other in one buffer, vectors
// of the instruction set's width, calls as compilers of this system make them.

#include <xbyak/xbyak.h>

#include <cstddef>
#include <memory>
#include <span>
#include <vector>

#include "device/cpu/isa.hpp"

#pragma GCC diagnostic ignored "-Wsign-conversion"  // Xbyak takes distances as unsigned numbers

namespace hone::cpu {

constexpr int kFloat = sizeof(float);  // bytes

/// Bytes from the begin of a struct to a member of it, as code reads it.
template <class Of, class T>
int at(T Of::*member) {
  static constexpr Of kOf{};
  return static_cast<int>(reinterpret_cast<const char*>(&(kOf.*member)) -
                          reinterpret_cast<const char*>(&kOf));
}

class Assembler : protected Xbyak::CodeGenerator {
 public:
  /// `isa`: avx2 or avx512. `bytes`: the most that will be emitted.
  Assembler(Isa isa, size_t bytes);
  std::span<const std::byte> code() const;

 protected:
  Isa isa() const { return isa_; }
  bool wide() const { return isa_ == Isa::avx512; }
  int lanes() const { return wide() ? 16 : 8; }  // of f32 in a vector
  int vector_bytes() const { return lanes() * 4; }
  int registers() const { return wide() ? 32 : 16; }
  /// Vector register `index` in the set's width.
  Xbyak::Xmm vector(int index) const;
  void clear(const Xbyak::Xmm& vector);
  void broadcast(const Xbyak::Xmm& to, const Xbyak::Address& from) { vbroadcastss(to, from); }
  /// Packed weights come from memory: asks for what a panel has of a step, `bytes`, many steps
  /// before it is read, once for each line of the cache. `panel`: where step 0 begins.
  void prefetch(const Xbyak::Reg64& panel, int step, int bytes);

  /// Begins a function of one pointer (in rdi); returns where it lies in the buffer. All general
  /// registers but rsp may be used after it; `stack` bytes from rsp on, too.
  size_t begin(int stack = 0);
  void end();

 private:
  Assembler(Isa isa, std::unique_ptr<std::vector<std::byte>> buffer);
  const Isa isa_;
  std::unique_ptr<std::vector<std::byte>> buffer_;
  int stack_ = 0;
};

}  // namespace hone::cpu
