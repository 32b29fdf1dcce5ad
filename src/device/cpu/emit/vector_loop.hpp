#pragma once
// Code of a loop whose turns are lanes.

#include "device/cpu/emit/expr_emitter.hpp"
#include "device/cpu/emit/memory.hpp"

namespace hone::cpu::emitter {

/// Emits one vector loop: several vectors a turn where its expressions are short or fold, one after
/// that, and the last lanes under a mask. Lanes that fold into one register fold into vectors of
/// their own, which are folded when the loop ends. Throws Refusal.
class VectorLoop {
 public:
  VectorLoop(Assembler& assembler, Memory& memory, const NestLoop& loop)
      : a_(assembler), memory_(memory), loop_(loop) {}
  void emit();

 private:
  struct Fold {
    std::string buffer;
    Function function;
    int reg;  // of the first vector; others are below
  };
  /// A buffer's elements as the loop walks through them.
  struct Walk {
    const Place* from;
    Dim start;             // in elements
    bool moves;            // side by side; else one for all turns
    Xbyak::Reg64 pointer;  // rdx: there are no registers left, the address lies in
    int slot = -1;         // the frame
  };
  /// Some lanes of a turn.
  struct Lanes {
    int vector = 0;  // which one of the turn
    bool masked = false;
  };

  void prepare(const Statement& statement);
  void choose_vectors();
  size_t walk_to(const Place& from, const Dims& indices);
  const Fold* fold_of(const Store& store) const;
  int kept() const { return static_cast<int>(folds_.size()) * vectors_ + (stored_ ? 1 : 0); }
  Xbyak::Xmm partial(const Fold& fold, int vector) const { return a_.vector(fold.reg - vector); }
  /// Of what walk leads to now; may use rdx.
  Xbyak::RegExp pointer(const Walk& walk);
  Xbyak::Address element(const Walk& walk, const Lanes& lanes);

  void turns(int vectors, Xbyak::Label& next);
  void statements(const Lanes& lanes);
  void store(const Store& store, size_t into_walk, const Lanes& lanes);
  void load(const Expr& load, const Fold* fold, const Xbyak::Xmm& to, const Lanes& lanes);
  void keep_stored(size_t walk, bool spares);
  Xbyak::Xmm stored() const { return a_.vector(a_.vectors() - kept()); }
  void keep_lanes(const Xbyak::Xmm& sum, const Xbyak::Xmm& value, bool masked);
  void fold_up(const Fold& fold);

  Assembler& a_;
  Memory& memory_;
  const NestLoop& loop_;
  int vectors_ = 1;  // a turn
  std::vector<Walk> walks_;
  std::unordered_map<Expr, size_t, ExprHash> walk_of_;  // of its loads
  std::vector<Fold> folds_;
  std::vector<size_t> stores_;  // in order, those to memory
  // The walk whose elements the last register that holds no fold has: they were just stored. Read
  // from memory again they would wait until the caches have the line.
  std::optional<size_t> stored_;
  Xbyak::Xmm value_;  // of the last statement that stored to memory
};

}  // namespace hone::cpu::emitter
