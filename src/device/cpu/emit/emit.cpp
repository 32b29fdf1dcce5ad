#include "device/cpu/emit/emit.hpp"

#include <bit>

#include "base/text.hpp"
#include "device/cpu/emit/contract_emitter.hpp"
#include "device/cpu/emit/expr_emitter.hpp"
#include "ir/nest/places.hpp"
#include "ir/nest/verify.hpp"
#include "ir/scalar.hpp"

namespace hone::cpu::emitter {
namespace {

/// A kernel larger than this is no longer held by the caches of instructions.
constexpr size_t kMostBytes = size_t{1} << 16;

class NestEmitter {
 public:
  NestEmitter(const Nest& nest, std::vector<uint8_t>& buffer, Isa isa)
      : nest_(nest), a_(buffer, isa) {}

  void run(Emitted& emitted) {
    for (size_t i = 0; i < nest_.parameters.size(); ++i) {
      const Buffer& buffer = nest_.parameters[i];
      buffers_[buffer.name] = {buffer.shape, buffer.dtype, static_cast<int>(i), -1,
                               -1,           false,        buffer.strides};
    }
    a_.begin();
    const Loop* only = nest_.body.size() == 1 ? nest_.body[0].as<Loop>() : nullptr;
    if (only != nullptr && only->mode == Mode::parallel) {
      emitted.tiles = only->extent;
      loop(*only, true);
    } else {
      block(nest_.body);
    }
    a_.end();
    emitted.numbers = a_.numbers();
    emitted.code.assign(a_.getCode(), a_.getCode() + a_.getSize());
  }

 private:
  struct Place {
    Dims shape;
    DType dtype = DType::f32;
    int parameter = -1;  // its number, or
    int block = -1;      // where in the frame it lies, or
    int slot = -1;       // that of a single register
    bool lanes = false;  // a register of a vector loop: lanes differ
    Dims strides = {};   // of a parameter that is not dense
  };
  /// Lanes that fold into one register: each into its own, all of them behind the loop.
  struct Fold {
    std::string buffer;
    Function function;
    int reg;  // of vectors
  };
  /// A buffer's elements as a vector loop walks through them.
  struct Walk {
    const Place* from;
    Dim start;   // in elements
    bool moves;  // side by side; else one for all turns
    Xbyak::Reg64 pointer;
  };

  void block(const Block& block) {
    for (const Statement& statement : block) {
      if (const Allocate* made = statement.as<Allocate>()) allocate(made->buffer, false);
      else if (const Store* stored = statement.as<Store>()) store(*stored);
      else if (const Loop* inner = statement.as<Loop>()) loop(*inner, false);
      else contract(*statement.as<Contract>());
    }
  }

  /// Single registers have a place for all lanes; blocks, and local buffers of few elements, lie in
  /// the frame.
  void allocate(const Buffer& buffer, bool lanes) {
    if (buffer.dtype != DType::f32) throw Refusal{cat(buffer.name, " is ", buffer.dtype)};
    if (buffer.scope == Scope::registers && buffer.shape.empty()) {
      buffers_[buffer.name] = {{}, buffer.dtype, -1, -1, a_.new_slot(), lanes};
      return;
    }
    const auto count = product(buffer.shape).constant();
    if (!count || buffer.scope < Scope::local || lanes)
      throw Refusal{cat(buffer.name, " is not in registers and not small")};
    buffers_[buffer.name] = {buffer.shape, buffer.dtype, -1, a_.new_block(*count * 4), -1, false};
  }

  /// rdx = the address of a buffer's first element.
  void base(const Place& place) {
    if (place.parameter >= 0) a_.parameter(place.parameter);
    else a_.lea(a_.rdx, a_.slot(place.block));
  }

  void contract(const Contract& contract) {
    const Place& into = place(contract.into);
    if (into.block < 0 || contract.depth.size() != 1)
      throw Refusal{"no code for contractions of more axes yet"};
    for (const Expr& factor : {contract.a, contract.b})
      if (factor.kind() != Expr::Kind::load)
        throw Refusal{cat("no code for computed factors yet: ", factor)};
    const Place &a = place(name_of(contract.a)), &b = place(name_of(contract.b));
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
    product.a_base = [&] { base(a); };
    product.b_base = [&] { base(b); };
    emit_product(a_, product);
  }

  void loop(const Loop& loop, bool tiles) {
    if (loop.mode == Mode::vector) return vector_loop(loop);
    const int counter = a_.new_slot();
    a_.set_variable_slot(loop.variable, counter);
    Xbyak::Label top, done;
    if (tiles) a_.first_tile();
    else a_.xor_(a_.eax, a_.eax);
    a_.mov(a_.slot(counter), a_.rax);
    a_.L(top);
    if (tiles) a_.last_tile();
    else a_.integer(loop.extent);
    a_.cmp(a_.rax, a_.slot(counter));
    a_.jle(done, Xbyak::CodeGenerator::T_NEAR);
    block(loop.body);
    a_.inc(Xbyak::util::qword[a_.slot(counter).getRegExp()]);
    a_.jmp(top, Xbyak::CodeGenerator::T_NEAR);
    a_.L(done);
  }

  const Place& place(std::string_view name) const { return buffers_.find(name)->second; }

  static Dim start_of(const Place& place, const Dims& indices) {
    Dim start = 0;
    for (size_t axis = 0; axis < indices.size(); ++axis)
      start = place.strides.empty() ? start * place.shape[axis] + indices[axis]
                                    : start + indices[axis] * place.strides[axis];
    return start;
  }

  static Dims indices_of(const Expr& load) {
    Dims indices;
    if (load.outside()) throw Refusal{cat("no code for padding yet: ", load)};
    for (const Expr& index : load.operands()) {
      if (index.kind() != Expr::Kind::index) throw Refusal{cat("its place is computed: ", load)};
      indices.push_back(index.dim());
    }
    return indices;
  }

  static const std::string& name_of(const Expr& load) {
    return std::get<BufferName>(load.source()).text;
  }

  /// What a store puts: with what is there where it folds.
  static Expr value_of(const Store& store, DType dtype) {
    if (!store.fold) return store.value;
    std::vector<Expr> indices;
    for (const Dim& index : store.place) indices.push_back(Expr::index(index));
    return Expr::call(*store.fold,
                      {Expr::load(BufferName{store.buffer}, dtype, indices), store.value});
  }

  Xbyak::Address address(const Place& place, const Dims& indices) {
    a_.integer(start_of(place, indices));
    base(place);
    return a_.dword[a_.rdx + a_.rax * 4];
  }

  /// One element: every lane has it.
  void store(const Store& store) {
    const Place& into = place(store.buffer);
    ExprEmitter expr(a_, [&](const Expr& load, const Xbyak::Xmm& to) {
      const Place& from = place(name_of(load));
      if (from.slot >= 0) a_.vmovups(to, a_.slot(from.slot));
      else a_.vbroadcastss(to, address(from, indices_of(load)));
    });
    const Xbyak::Xmm value = expr.evaluate(value_of(store, into.dtype));
    if (into.slot >= 0) a_.vmovups(a_.slot(into.slot), value);
    else a_.vmovss(address(into, store.place), Xbyak::Xmm(value.getIdx()));
  }

  void vector_loop(const Loop& loop) {
    walks_.clear();
    walk_of_.clear();
    stores_.clear();
    folds_.clear();
    for (const Statement& statement : loop.body) prepare(statement, loop.variable);
    for (const Fold& fold : folds_)
      a_.vmovups(a_.vector(fold.reg), a_.literal(std::bit_cast<uint32_t>(static_cast<float>(
                                          identity(fold.function, DType::f32).real))));
    Xbyak::Label top, tail, done;
    a_.integer(loop.extent);
    a_.test(a_.rax, a_.rax);  // places of a loop without turns may have no value
    a_.jle(done, Xbyak::CodeGenerator::T_NEAR);
    for (const Walk& walk : walks_) {
      a_.integer(walk.start);
      base(*walk.from);
      a_.lea(walk.pointer, a_.ptr[a_.rdx + a_.rax * 4]);
    }
    a_.integer(loop.extent);
    a_.mov(a_.r15, a_.rax);
    a_.xor_(a_.eax, a_.eax);
    a_.L(top);
    a_.lea(a_.rdx, a_.ptr[a_.rax + static_cast<size_t>(a_.lanes())]);
    a_.cmp(a_.rdx, a_.r15);
    a_.jg(tail, Xbyak::CodeGenerator::T_NEAR);
    vectors(loop, false);
    a_.add(a_.rax, static_cast<uint32_t>(a_.lanes()));
    a_.jmp(top, Xbyak::CodeGenerator::T_NEAR);
    a_.L(tail);
    a_.sub(a_.r15, a_.rax);
    a_.jle(done, Xbyak::CodeGenerator::T_NEAR);
    a_.make_mask();
    vectors(loop, true);
    a_.L(done);
    for (const Fold& fold : folds_) fold_lanes(fold);
  }

  /// register = fold(register, all lanes), by way of the frame.
  void fold_lanes(const Fold& fold) {
    const int lanes = a_.new_slot();
    a_.vmovups(a_.slot(lanes), a_.vector(fold.reg));
    const auto one = [](int lane) {
      return Expr::load(BufferName{"lanes"}, DType::f32, {Expr::index(lane)});
    };
    std::vector<Expr> parts;
    for (int lane = 0; lane < a_.lanes(); ++lane) parts.push_back(one(lane));
    for (size_t half = parts.size() / 2; half > 0; half /= 2)
      for (size_t i = 0; i < half; ++i)
        parts[i] = Expr::call(fold.function, {parts[i], parts[i + half]});
    const int into = place(fold.buffer).slot;
    ExprEmitter expr(
        a_,
        [&](const Expr& load, const Xbyak::Xmm& to) {
          if (load.operands().empty()) return a_.vmovups(to, a_.slot(into));
          const auto lane = static_cast<size_t>(load.operands()[0].dim().constant().value());
          a_.vbroadcastss(to, a_.dword[a_.slot(lanes).getRegExp() + lane * 4]);
        },
        kept());
    a_.vmovups(a_.slot(into),
               expr.evaluate(Expr::call(
                   fold.function, {Expr::load(BufferName{"whole"}, DType::f32, {}), parts[0]})));
  }

  int kept() const { return static_cast<int>(folds_.size()); }

  const Fold* fold_of(const Store& store) const {
    for (const Fold& fold : folds_)
      if (fold.buffer == store.buffer) return &fold;
    return nullptr;
  }

  void prepare(const Statement& statement, std::string_view variable) {
    if (const Allocate* made = statement.as<Allocate>()) allocate(made->buffer, true);
    const Store* store = statement.as<Store>();
    if (store == nullptr) return;
    const Place& into = place(store->buffer);
    const bool folds = store->fold && into.slot >= 0 && !into.lanes;
    visit(folds ? store->value : value_of(*store, into.dtype), [&](const Expr& load) {
      if (load.kind() != Expr::Kind::load) return;
      const Place& from = place(name_of(load));
      if (from.slot < 0 && !walk_of_.contains(load))
        walk_of_.emplace(load, walk_to(from, indices_of(load), variable));
    });
    if (into.slot >= 0) {
      if (folds && fold_of(*store) == nullptr)
        folds_.push_back({store->buffer, *store->fold, a_.vectors() - 1 - kept()});
      return;
    }
    stores_.push_back(walk_to(into, store->place, variable));
    if (!walks_[stores_.back()].moves)
      throw Refusal{cat("all lanes store to one element of ", store->buffer)};
  }

  /// The walk through these elements; a new one where there is none.
  size_t walk_to(const Place& from, const Dims& indices, std::string_view variable) {
    const auto parts = linear_in(start_of(from, indices), variable);
    if (!parts || !(parts->factor.is(0) || parts->factor.is(1)))
      throw Refusal{"lanes lie apart in memory"};
    const bool moves = parts->factor.is(1);
    for (size_t i = 0; i < walks_.size(); ++i)
      if (walks_[i].from == &from && walks_[i].moves == moves && walks_[i].start == parts->rest)
        return i;
    const Xbyak::Reg64 pointers[] = {a_.rbx, a_.rsi, a_.rdi, a_.r8,  a_.r9,
                                     a_.r10, a_.r11, a_.r12, a_.r13, a_.r14};
    if (walks_.size() == std::size(pointers)) throw Refusal{"a loop reads more than 10 places"};
    walks_.push_back({&from, parts->rest, moves, pointers[walks_.size()]});
    return walks_.size() - 1;
  }

  void vectors(const Loop& loop, bool masked) {
    size_t next = 0;
    for (const Statement& statement : loop.body)
      if (const Store* store = statement.as<Store>())
        vector_store(*store, place(store->buffer).slot >= 0 ? 0 : stores_[next++], masked);
  }

  void vector_store(const Store& store, size_t into_walk, bool masked) {
    const Place& into = place(store.buffer);
    const Fold* fold = fold_of(store);
    ExprEmitter expr(
        a_,
        [&](const Expr& load, const Xbyak::Xmm& to) {
          const Place& from = place(name_of(load));
          if (fold != nullptr && name_of(load) == fold->buffer)
            return a_.vmovaps(to, a_.vector(fold->reg));
          if (from.slot >= 0) return a_.vmovups(to, a_.slot(from.slot));
          const Walk& walk = walks_[walk_of_.at(load)];
          if (!walk.moves) return a_.vbroadcastss(to, a_.dword[walk.pointer]);
          const Xbyak::Address at = a_.ptr[walk.pointer + a_.rax * 4];
          if (!masked) return a_.vmovups(to, at);
          if (a_.wide()) return a_.vmovups(to | a_.k1 | Xbyak::util::T_z, at);
          a_.vmaskmovps(to, a_.ymm15, at);
        },
        kept());
    const Xbyak::Xmm value = expr.evaluate(value_of(store, into.dtype));
    if (fold != nullptr) return keep_lanes(a_.vector(fold->reg), value, masked);
    if (into.slot >= 0) return a_.vmovups(a_.slot(into.slot), value);
    const Walk& walk = walks_[into_walk];
    const Xbyak::Address at = a_.ptr[walk.pointer + a_.rax * 4];
    if (!masked) a_.vmovups(at, value);
    else if (a_.wide()) a_.vmovups(at | a_.k1, value);
    else a_.vmaskmovps(at, a_.ymm15, value);
  }

  /// Lanes beyond the end fold nothing.
  void keep_lanes(const Xbyak::Xmm& sum, const Xbyak::Xmm& value, bool masked) {
    if (!masked) a_.vmovaps(sum, value);
    else if (a_.wide()) a_.vmovaps(sum | a_.k1, value);
    else a_.vblendvps(sum, sum, value, a_.ymm15);
  }

  const Nest& nest_;
  Assembler a_;
  std::map<std::string, Place, std::less<>> buffers_;
  // Of the vector loop at hand.
  std::vector<Walk> walks_;
  std::unordered_map<Expr, size_t, ExprHash> walk_of_;  // of its loads
  std::vector<Fold> folds_;
  std::vector<size_t> stores_;  // in order, those to memory
};

}  // namespace

Emitted emit(const Nest& nest, Isa isa) {
  Emitted emitted;
  try {
    if (isa == Isa::generic) throw Refusal{"this processor has no AVX2"};
    for (const Buffer& buffer : nest.parameters)
      if (buffer.dtype != DType::f32) throw Refusal{cat(buffer.name, " is ", buffer.dtype)};
    // Nothing looks at places while the code runs.
    const auto unproven = unproven_places(nest);
    if (!unproven.empty()) throw Refusal{cat(unproven[0], " may lie outside")};
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
