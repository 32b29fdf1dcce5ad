#include "device/cpu/emit/vector_loop.hpp"

#include <algorithm>
#include <bit>

#include "base/text.hpp"
#include "ir/nest/places.hpp"
#include "ir/stages/scalar.hpp"

namespace hone::cpu::emitter {
namespace {

/// Whether its value takes many instructions.
bool is_long(const Expr& expr) {
  int parts = 0;
  visit(expr, [&](const Expr& inner) {
    if (inner.kind() != Expr::Kind::call) return;
    const Function f = inner.function();
    const bool series =
        f == Function::exp || f == Function::log || f == Function::tanh || f == Function::erf;
    parts += series ? 16 : 1;
  });
  return parts > 12;
}

}  // namespace

/// A sum waits for itself: with several it does not. Registers are few on AVX2.
void VectorLoop::choose_vectors() {
  bool is_any_long = false;
  for (const Statement& statement : loop_.body)
    if (const Store* store = statement.as<Store>()) is_any_long |= is_long(store->value);
  const int wanted = folds_.empty() ? (is_any_long ? 1 : 2) : (is_any_long ? 2 : 4);
  const int registers = a_.wide() ? 12 : is_any_long ? 1 : 4;
  vectors_ = folds_.empty() || static_cast<int>(folds_.size()) * wanted <= registers ? wanted : 1;
  for (size_t i = 0; i < folds_.size(); ++i)
    folds_[i].reg = a_.vectors() - 1 - static_cast<int>(i) * vectors_;
}

void VectorLoop::emit() {
  for (const Statement& statement : loop_.body) prepare(statement);
  choose_vectors();
  for (const Fold& fold : folds_)
    for (int vector = 0; vector < vectors_; ++vector)
      a_.vmovups(partial(fold, vector), a_.literal(std::bit_cast<uint32_t>(static_cast<float>(
                                            identity(fold.function, DType::f32).real))));
  Xbyak::Label tail, done;
  a_.integer(loop_.extent);
  a_.mov(a_.r15, a_.rax);
  a_.test(a_.rax, a_.rax);  // places of a loop without turns may have no value
  a_.jle(done, Xbyak::CodeGenerator::T_NEAR);
  for (const Walk& walk : walks_) {
    a_.integer(walk.start);
    memory_.base(*walk.from);
    a_.lea(walk.pointer, a_.ptr[a_.rdx + a_.rax * 4]);
    if (walk.slot >= 0) a_.mov(a_.slot(walk.slot), walk.pointer);
  }
  a_.xor_(a_.eax, a_.eax);
  if (vectors_ > 1) {
    Xbyak::Label rest;
    turns(vectors_, rest);
  }
  turns(1, tail);
  a_.sub(a_.r15, a_.rax);
  a_.jle(done, Xbyak::CodeGenerator::T_NEAR);
  a_.make_mask();
  statements({0, true});
  a_.L(done);
  stored_.reset();
  for (const Fold& fold : folds_) fold_up(fold);
}

/// Turns of so many whole vectors, as long as there are so many elements; then `next`.
void VectorLoop::turns(int vectors, Xbyak::Label& next) {
  Xbyak::Label top;
  const auto elements = static_cast<size_t>(vectors * a_.lanes());
  a_.L(top);
  a_.lea(a_.rdx, a_.ptr[a_.rax + elements]);
  a_.cmp(a_.rdx, a_.r15);
  a_.jg(next, Xbyak::CodeGenerator::T_NEAR);
  for (int vector = 0; vector < vectors; ++vector) statements({vector, false});
  a_.add(a_.rax, static_cast<uint32_t>(elements));
  a_.jmp(top, Xbyak::CodeGenerator::T_NEAR);
  a_.L(next);
}

const VectorLoop::Fold* VectorLoop::fold_of(const Store& store) const {
  for (const Fold& fold : folds_)
    if (fold.buffer == store.buffer) return &fold;
  return nullptr;
}

void VectorLoop::prepare(const Statement& statement) {
  if (const Allocate* made = statement.as<Allocate>()) memory_.allocate(made->buffer, true);
  const Store* store = statement.as<Store>();
  if (store == nullptr) return;
  const Place& into = memory_[store->buffer];
  const bool folds = store->fold && into.slot >= 0 && !into.lanes;
  visit(folds ? store->value : value_of(*store, into.dtype), [&](const Expr& load) {
    if (load.kind() != Expr::Kind::load) return;
    const Place& from = memory_[name_of(load)];
    if (from.slot < 0 && !walk_of_.contains(load))
      walk_of_.emplace(load, walk_to(from, indices_of(load)));
  });
  if (into.slot >= 0) {
    if (folds && fold_of(*store) == nullptr) folds_.push_back({store->buffer, *store->fold, 0});
    return;
  }
  stores_.push_back(walk_to(into, store->place));
  if (!walks_[stores_.back()].moves)
    throw Refusal{cat("all lanes store to one element of ", store->buffer)};
}

/// The walk through these elements; a new one where there is none.
size_t VectorLoop::walk_to(const Place& from, const Dims& indices) {
  const auto parts = linear_in(start_of(from, indices), loop_.variable);
  if (!parts || !(parts->factor.is(0) || parts->factor.is(1)))
    throw Refusal{"lanes lie apart in memory"};
  const bool moves = parts->factor.is(1);
  for (size_t i = 0; i < walks_.size(); ++i)
    if (walks_[i].from == &from && walks_[i].moves == moves && walks_[i].start == parts->rest)
      return i;
  const Xbyak::Reg64 pointers[] = {a_.rbx, a_.rsi, a_.rdi, a_.r8,  a_.r9,
                                   a_.r10, a_.r11, a_.r12, a_.r13, a_.r14};
  if (walks_.size() < std::size(pointers))
    walks_.push_back({&from, parts->rest, moves, pointers[walks_.size()]});
  else walks_.push_back({&from, parts->rest, moves, a_.rdx, a_.new_slot()});
  return walks_.size() - 1;
}

void VectorLoop::statements(const Lanes& lanes) {
  size_t next = 0;
  stored_.reset();
  for (size_t i = 0; i < loop_.body.size(); ++i)
    if (const Store* one = loop_.body[i].as<Store>()) {
      const bool to_memory = memory_[one->buffer].slot < 0;
      store(*one, to_memory ? stores_[next] : 0, lanes);
      // Of AVX2's few registers none is left over where a long expression follows.
      const bool spares = a_.wide() || std::none_of(loop_.body.begin() + i + 1, loop_.body.end(),
                                                    [](const Statement& later) {
                                                      const Store* of = later.as<Store>();
                                                      return of != nullptr && is_long(of->value);
                                                    });
      if (to_memory) keep_stored(stores_[next++], spares);
    }
}

Xbyak::RegExp VectorLoop::pointer(const Walk& walk) {
  if (walk.slot >= 0) a_.mov(walk.pointer, a_.slot(walk.slot));
  return walk.pointer;
}

Xbyak::Address VectorLoop::element(const Walk& walk, const Lanes& lanes) {
  const auto offset = static_cast<size_t>(lanes.vector * a_.lanes() * 4);
  return a_.ptr[pointer(walk) + a_.rax * 4 + offset];
}

void VectorLoop::load(const Expr& load, const Fold* fold, const Xbyak::Xmm& to,
                      const Lanes& lanes) {
  const Place& from = memory_[name_of(load)];
  if (fold != nullptr && name_of(load) == fold->buffer)
    return a_.vmovaps(to, partial(*fold, lanes.vector));
  if (from.slot >= 0) return a_.vmovups(to, a_.slot(from.slot));
  if (stored_ == walk_of_.at(load)) return a_.vmovaps(to, stored());
  const Walk& walk = walks_[walk_of_.at(load)];
  if (!walk.moves) return a_.vbroadcastss(to, a_.dword[pointer(walk)]);
  if (!lanes.masked) return a_.vmovups(to, element(walk, lanes));
  if (a_.wide()) return a_.vmovups(to | a_.k1 | Xbyak::util::T_z, element(walk, lanes));
  a_.vmaskmovps(to, a_.ymm15, element(walk, lanes));
}

void VectorLoop::store(const Store& store, size_t into_walk, const Lanes& lanes) {
  const Place& into = memory_[store.buffer];
  const Fold* fold = fold_of(store);
  ExprEmitter expr(
      a_, [&](const Expr& load, const Xbyak::Xmm& to) { this->load(load, fold, to, lanes); },
      kept());
  const Xbyak::Xmm value = expr.evaluate(value_of(store, into.dtype));
  if (fold != nullptr) return keep_lanes(partial(*fold, lanes.vector), value, lanes.masked);
  if (into.slot >= 0) return a_.vmovups(a_.slot(into.slot), value);
  const Xbyak::Address at = element(walks_[into_walk], lanes);
  if (!lanes.masked) a_.vmovups(at, value);
  else if (a_.wide()) a_.vmovups(at | a_.k1, value);
  else a_.vmaskmovps(at, a_.ymm15, value);
  value_ = value;
}

/// Where some statement reads what was stored.
void VectorLoop::keep_stored(size_t walk, bool spares) {
  stored_.reset();
  const bool is_read = std::any_of(walk_of_.begin(), walk_of_.end(),
                                   [&](const auto& each) { return each.second == walk; });
  if (!spares || !is_read) return;
  stored_ = walk;
  a_.vmovaps(stored(), value_);
}

/// Lanes beyond the end fold nothing.
void VectorLoop::keep_lanes(const Xbyak::Xmm& sum, const Xbyak::Xmm& value, bool masked) {
  if (!masked) a_.vmovaps(sum, value);
  else if (a_.wide()) a_.vmovaps(sum | a_.k1, value);
  else a_.vblendvps(sum, sum, value, a_.ymm15);
}

/// register = fold(register, all lanes of all vectors).
void VectorLoop::fold_up(const Fold& fold) {
  const Xbyak::Xmm whole = partial(fold, 0);
  using Other = std::function<void(const Xbyak::Xmm& to)>;
  const auto value_with = [&](const Other& other) {
    const BufferName lanes{"lanes"};
    ExprEmitter expr(
        a_,
        [&](const Expr& load, const Xbyak::Xmm& to) {
          if (load.operands().empty()) a_.vmovaps(to, whole);
          else other(to);
        },
        kept());
    return expr.evaluate(Expr::call(fold.function, {Expr::load(lanes, DType::f32, {Expr::index(1)}),
                                                    Expr::load(lanes, DType::f32, {})}));
  };
  for (int vector = 1; vector < vectors_; ++vector)
    a_.vmovaps(whole,
               value_with([&](const Xbyak::Xmm& to) { a_.vmovaps(to, partial(fold, vector)); }));
  constexpr uint8_t kHalves = 0x4E, kNeighbours = 0xB1;  // exchanged
  const auto with_lanes = [&](const Other& exchanged) { a_.vmovaps(whole, value_with(exchanged)); };
  for (const uint8_t how : {kHalves, kNeighbours})
    if (a_.wide())
      with_lanes([&](const Xbyak::Xmm& to) {
        a_.vshuff32x4(Xbyak::Zmm(to.getIdx()), Xbyak::Zmm(whole.getIdx()),
                      Xbyak::Zmm(whole.getIdx()), how);
      });
  if (!a_.wide())
    with_lanes([&](const Xbyak::Xmm& to) {
      const Xbyak::Ymm all(whole.getIdx());
      a_.vperm2f128(Xbyak::Ymm(to.getIdx()), all, all, 1);
    });
  for (const uint8_t how : {kHalves, kNeighbours})
    with_lanes([&](const Xbyak::Xmm& to) { a_.vshufps(to, whole, whole, how); });
  const int into = memory_[fold.buffer].slot;
  a_.vmovups(a_.slot(into),
             value_with([&](const Xbyak::Xmm& to) { a_.vmovups(to, a_.slot(into)); }));
}

}  // namespace hone::cpu::emitter
