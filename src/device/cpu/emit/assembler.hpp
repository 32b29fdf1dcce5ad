#pragma once
// What the parts of the emitter share: registers, literals, the frame, and integers computed from
// Dims. Only the emitter's own files include this: Xbyak's header is large.

#include <xbyak/xbyak.h>

#include <map>
#include <string>
#include <vector>

#include "device/cpu/isa.hpp"
#include "ir/dim/dim.hpp"

namespace hone::cpu::emitter {

/// Why no code can be emitted: caught in emit().
struct Refusal {
  std::string why;
};

/// Registers: rbp the frame; rax, rcx, rdx scratch; r15 the turns of a vector loop; the others hold
/// addresses in vector loops. Vector registers are given out by ExprEmitter; ymm15, or k1, is the
/// mask of a tail.
class Assembler : public Xbyak::CodeGenerator {
 public:
  Assembler(std::vector<uint8_t>& buffer, Isa isa);

  bool wide() const { return wide_; }
  int lanes() const { return wide_ ? 16 : 8; }
  int vectors() const { return wide_ ? 32 : 15; }  // without the mask's
  Xbyak::Xmm vector(int index) const;
  /// f32 of these bits in every lane.
  Xbyak::Address literal(uint32_t bits);

  /// A place of 64 bytes in the frame.
  Xbyak::Address slot(int index) const;
  int new_slot() { return slots_++; }
  /// As many bytes side by side: the first of them are slot(new_block(bytes)). Throws Refusal where
  /// the frame would be larger than a stack likes.
  int new_block(int64_t bytes);
  /// Between these stands all code; `begin` leaves the Call's address in rdi.
  void begin();
  void end();

  /// rax = the Dim. Variables have slots; what has none of them in it is a number.
  void integer(const Dim& dim);
  void set_variable_slot(const std::string& variable, int index) { variables_[variable] = index; }
  const std::vector<Dim>& numbers() const { return numbers_; }

  /// The mask of the first r15 lanes, fewer than all: ymm15 or k1.
  void make_mask();
  /// The mask of the first rax lanes, all or fewer, to a place in the frame.
  void store_mask(int slot);
  /// rdx = the address of a parameter.
  void parameter(int index);
  /// rdx = the address of the scratch memory that is so many bytes, a number, from its beginning.
  void scratch(const Dim& offset);
  /// rax = Call::begin or end.
  void first_tile();
  void last_tile();

 private:
  void number(const Dim& dim);
  Xbyak::Address number_slot(const Dim& dim);
  Xbyak::Address variable_slot(std::string_view name) const;
  bool add_multiple(const Dim& coefficient, const std::vector<Dim>& factors);
  void term(const Dim& without_variables, const std::vector<Dim>& factors);
  void atom(const Dim& atom);
  void quotient(const Dim& dividend, const Dim& divisor);

  bool wide_;
  int call_slot_ = 0;      // the Call's address
  int scratch_slot_ = -1;  // the scratch memory's address, where that is in use
  int slots_ = 0;
  std::map<std::string, int, std::less<>> variables_;
  std::vector<Dim> numbers_;
  std::vector<int> number_slots_;
  std::map<int, int> parameters_;  // those in use: where in the frame their addresses are
  Xbyak::Label fetch_, fetched_;
  std::map<uint32_t, Xbyak::Label> literals_;
  Xbyak::Label masks_;  // lanes of ones, then of zeros
  bool has_masks_ = false;
  Xbyak::Label frame_;  // of the frame's size, known at the end
};

}  // namespace hone::cpu::emitter
