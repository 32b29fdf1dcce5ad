#include "device/cpu/emit/emit.hpp"

#include <algorithm>

#include "base/text.hpp"
#include "device/cpu/emit/contract_emitter.hpp"
#include "device/cpu/emit/vector_loop.hpp"
#include "ir/nest/crossing.hpp"

namespace hone::cpu::emitter {
namespace {

/// A kernel larger than this is no longer held by the caches of instructions.
constexpr size_t kMostBytes = size_t{1} << 16;

class NestEmitter {
 public:
  NestEmitter(const Nest& nest, std::vector<uint8_t>& buffer, Isa isa)
      : nest_(nest), a_(buffer, isa), memory_(a_, nest.parameters) {}

  void run(Emitted& emitted) {
    a_.begin();
    const std::vector<const NestLoop*> spread = tile_loops();
    if (spread.empty()) block(nest_.body);
    else tiles(spread);
    for (const NestLoop* loop : spread) emitted.tiles = emitted.tiles * loop->extent;
    a_.end();
    emitted.numbers = a_.numbers();
    emitted.scratch_bytes = memory_.scratch();
    emitted.code.assign(a_.getCode(), a_.getCode() + a_.getSize());
  }

 private:
  void block(const Block& block) {
    for (const Statement& statement : block) {
      if (const Allocate* made = statement.as<Allocate>()) memory_.allocate(made->buffer, false);
      else if (const Store* stored = statement.as<Store>()) store(*stored);
      else if (const NestLoop* inner = statement.as<NestLoop>()) loop(*inner);
      else contract(*statement.as<BlockProduct>());
    }
  }

  void contract(const BlockProduct& contract) {
    const Place& into = memory_[contract.into];
    if (into.block < 0 || contract.depth.size() != 1)
      throw Refusal{"no code for contractions of more axes yet"};
    for (const Expr& factor : {contract.a, contract.b})
      if (factor.kind() != Expr::Kind::load)
        throw Refusal{cat("no code for computed factors yet: ", factor)};
    const Place &a = memory_[name_of(contract.a)], &b = memory_[name_of(contract.b)];
    if (a.slot >= 0 || b.slot >= 0) throw Refusal{"a factor is a register"};
    Product product;
    product.block = into.block;
    product.rows = static_cast<int>(into.shape[0].constant().value());
    product.columns = static_cast<int>(into.shape[1].constant().value());
    product.row = contract.row;
    product.column = contract.column;
    product.depth = contract.depth[0];
    product.a = start_of(a, indices_of(contract.a));
    product.b = start_of(b, indices_of(contract.b));
    product.a_base = [&] { memory_.base(a); };
    product.b_base = [&] { memory_.base(b); };
    emit_product(a_, product);
  }

  /// Parallel loops that are all there is in one another, from the outermost one on.
  std::vector<const NestLoop*> tile_loops() const {
    std::vector<const NestLoop*> loops;
    for (const Block* inside = &nest_.body; inside->size() == 1; inside = &loops.back()->body) {
      const NestLoop* loop = (*inside)[0].as<NestLoop>();
      std::set<std::string, std::less<>> variables;
      if (loop != nullptr) loop->extent.collect_variables(variables);
      if (loop == nullptr || loop->mode != Mode::parallel || !variables.empty()) break;
      loops.push_back(loop);
    }
    return loops;
  }

  /// A tile is a turn of all these loops; the innermost one's turns are side by side.
  void tiles(const std::vector<const NestLoop*>& loops) {
    const int tile = a_.new_slot();
    std::vector<Xbyak::Address> counters;
    for (const NestLoop* loop : loops) {
      const int counter = a_.new_slot();
      a_.set_variable_slot(loop->variable, counter);
      counters.push_back(Xbyak::util::qword[a_.slot(counter).getRegExp()]);
    }
    Xbyak::Label top, done;
    a_.first_tile();
    a_.mov(a_.slot(tile), a_.rax);
    for (size_t i = loops.size(); i-- > 1;) {
      a_.push(a_.rax);
      a_.integer(max(loops[i]->extent, 1));
      a_.mov(a_.rcx, a_.rax);
      a_.pop(a_.rax);
      a_.cqo();
      a_.idiv(a_.rcx);
      a_.mov(counters[i], a_.rdx);
    }
    a_.mov(counters[0], a_.rax);
    a_.L(top);
    a_.last_tile();
    a_.cmp(a_.rax, a_.slot(tile));
    a_.jle(done, Xbyak::CodeGenerator::T_NEAR);
    block(loops.back()->body);
    a_.inc(Xbyak::util::qword[a_.slot(tile).getRegExp()]);
    for (size_t i = loops.size(); i-- > 0;) {
      a_.inc(counters[i]);
      if (i == 0) break;
      a_.integer(loops[i]->extent);
      a_.cmp(a_.rax, counters[i]);
      a_.jg(top, Xbyak::CodeGenerator::T_NEAR);
      a_.mov(counters[i], 0);
    }
    a_.jmp(top, Xbyak::CodeGenerator::T_NEAR);
    a_.L(done);
  }

  void loop(const NestLoop& loop) {
    if (loop.mode == Mode::vector) return VectorLoop(a_, memory_, loop).emit();
    const int counter = a_.new_slot();
    a_.set_variable_slot(loop.variable, counter);
    Xbyak::Label top, done;
    a_.xor_(a_.eax, a_.eax);
    a_.mov(a_.slot(counter), a_.rax);
    a_.L(top);
    a_.integer(loop.extent);
    a_.cmp(a_.rax, a_.slot(counter));
    a_.jle(done, Xbyak::CodeGenerator::T_NEAR);
    block(loop.body);
    a_.inc(Xbyak::util::qword[a_.slot(counter).getRegExp()]);
    a_.jmp(top, Xbyak::CodeGenerator::T_NEAR);
    a_.L(done);
  }

  /// One element: every lane has it.
  void store(const Store& store) {
    const Place& into = memory_[store.buffer];
    ExprEmitter expr(a_, [&](const Expr& load, const Xbyak::Xmm& to) {
      const Place& from = memory_[name_of(load)];
      if (from.slot >= 0) a_.vmovups(to, a_.slot(from.slot));
      else a_.vbroadcastss(to, memory_.address(from, indices_of(load)));
    });
    const Xbyak::Xmm value = expr.evaluate(value_of(store, into.dtype));
    if (into.slot >= 0) a_.vmovups(a_.slot(into.slot), value);
    else a_.vmovss(memory_.address(into, store.place), Xbyak::Xmm(value.getIdx()));
  }

  const Nest& nest_;
  Assembler a_;
  Memory memory_;
};

/// What must not be above 0 for every place to lie inside, where that was not proved.
std::vector<Dim> limits_of(const Nest& nest) {
  const Buffers buffers = buffers_of(nest);
  std::vector<Dim> limits;
  const auto add = [&](const Dim& over, const Access& access) {
    if (always_at_most(over, 0, access.inner)) return;
    const auto most = bound_over(over, access.inner, true);
    if (!most || most->is_constant()) throw Refusal{cat(access.buffer, " may be left")};
    if (std::find(limits.begin(), limits.end(), *most) == limits.end()) limits.push_back(*most);
  };
  for (const Access& access : accesses_of(nest.body, true)) {
    if (!access.place) throw Refusal{cat(access.buffer, " is reached at computed places")};
    const Dims& shape = buffers.find(access.buffer)->second.shape;
    for (size_t axis = 0; !access.padded && axis < shape.size(); ++axis) {
      const Dim& place = (*access.place)[axis];
      add(Dim(0) - place, access);
      add(place - shape[axis] + 1, access);
    }
  }
  return limits;
}

}  // namespace

Emitted emit(const Nest& nest, Isa isa) {
  Emitted emitted;
  try {
    if (isa == Isa::generic) throw Refusal{"this processor has no AVX2"};
    for (const NestBuffer& buffer : nest.parameters)
      if (buffer.dtype != DType::f32) throw Refusal{cat(buffer.name, " is ", buffer.dtype)};
    emitted.limits = limits_of(nest);
    std::vector<uint8_t> buffer(kMostBytes);
    NestEmitter(nest, buffer, isa).run(emitted);
  } catch (const Refusal& refusal) {
    emitted = {};
    emitted.declined = refusal.why;
  } catch (const Xbyak::Error& error) {
    emitted = {};
    emitted.declined = cat("its code cannot be written: ", error.what());
  }
  return emitted;
}

}  // namespace hone::cpu::emitter
