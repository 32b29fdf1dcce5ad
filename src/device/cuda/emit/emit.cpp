#include "device/cuda/emit/emit.hpp"

#include <algorithm>
#include <bit>
#include <set>

#include "base/error.hpp"
#include "base/text.hpp"
#include "device/cuda/emit/elements.hpp"
#include "device/cuda/emit/expr_text.hpp"
#include "device/cuda/emit/inline_stages.hpp"
#include "device/cuda/emit/writing.hpp"
#include "device/cuda/texts.hpp"
#include "ir/stages/scalar.hpp"

namespace hone::cuda::emitter {

namespace {

std::string head(bool wide) {
  return cat("typedef ", wide ? "long long" : "int", " I;\ntypedef unsigned ",
             wide ? "long long" : "int", " U;\n", embedded_text("prelude"));
}

}  // namespace

std::string Text::narrow() const { return head(false) + body; }
std::string Text::wide() const { return head(true) + body; }

bool Text::fits(const Bindings& symbols) const {
  // Tiles end behind the last element, and threads step over the last turn.
  constexpr int64_t kMost = (int64_t{1} << 31) - (int64_t{1} << 26);
  return std::all_of(counts.begin(), counts.end(), [&](const Dim& count) {
    const auto number = count.evaluate(symbols);
    return number && *number < kMost;
  });
}

namespace {

bool has_loop(const Block& block) {
  return std::any_of(block.begin(), block.end(),
                     [](const Statement& each) { return each.as<NestLoop>() != nullptr; });
}

bool has_vector_loop(const Block& block) {
  bool found = false;
  walk(block, [&](const Statement& statement) {
    const NestLoop* loop = statement.as<NestLoop>();
    found |= loop != nullptr && loop->mode == Mode::vector;
    return !found;
  });
  return found;
}

/// A row that stays in registers: what it is called, how many of its parts a thread has, and which
/// loop reads it.
struct KeptRow {
  RowRead row;
  std::string name;
  int64_t turns;
  int read_in = -1;
};

class Emitting {
 public:
  Emitting(const Nest& nest, const std::vector<Tensor>& contents, int lanes,
           const std::vector<bool>& aligned)
      : nest_(nest),
        contents_(contents),
        aligned_(aligned),
        turn_(fresh(nest, "turn")),
        element_(fresh(nest, "element")),
        lanes_(lanes) {}

  Emitted run() {
    declare_parameters();
    for (const Statement& statement : nest_.body)
      if (const Allocate* made = statement.as<Allocate>()) declare_scratch(made->buffer);
      else function(statement);
    Text& text = emitted_.text;
    text.counts.push_back(scratch_);
    for (const auto& [name, place] : places_) text.counts.push_back(product(place.shape));
    for (const Launch& launch : emitted_.launches) text.counts.push_back(launch.turns);
    // Symbols occur while functions are written; each is given all of them.
    std::string numbers;
    for (const auto& [name, symbol] : dims_.symbols().all()) {
      emitted_.symbols.push_back(name);
      numbers += cat(", I ", symbol);
    }
    for (const std::string& body : bodies_)
      text.body += cat("extern \"C\" __global__ void ", names_of_functions_[at_++], "(",
                       parameters_, numbers, ") {\n", body, "}\n");
    const bool small = text.body.find("small_") != std::string::npos;
    text.body = cat(small ? embedded_text("small") : "", tables_, reductions_, text.body);
    emitted_.scratch_bytes = scratch_;
    return std::move(emitted_);
  }

 private:
  void declare_parameters() {
    for (size_t i = 0; i < nest_.parameters.size(); ++i) {
      const NestBuffer& buffer = nest_.parameters[i];
      if (stored_type(buffer.dtype) == nullptr) throw Refusal{cat("it has ", buffer.dtype)};
      Place place{cat("b", i), buffer.dtype, buffer.shape, buffer.strides};
      place.is_loose = i >= aligned_.size() || !aligned_[i];
      if (!contents_[i].empty()) {
        tables_ += table_text(place, contents_[i]);
      } else {
        parameters_ += cat(buffer.scope == Scope::input ? "const " : "", stored_type(buffer.dtype),
                           "* __restrict__ ", place.name, ", ");
      }
      places_.emplace(buffer.name, std::move(place));
    }
    parameters_ += "char* scratch";
  }

  void declare_scratch(const NestBuffer& buffer) {
    check(buffer.scope == Scope::arena, Code::internal, buffer.name, " is in no function");
    if (stored_type(buffer.dtype) == nullptr || is_packed(buffer.dtype))
      throw Refusal{cat("it has ", buffer.dtype)};
    const std::string name = cat("a", scratch_lines_.size());
    scratch_lines_.push_back(cat("  ", stored_type(buffer.dtype), "* ", name, " = (",
                                 stored_type(buffer.dtype), "*)(scratch + ", dims_(scratch_),
                                 ");\n"));
    places_.emplace(buffer.name, Place{name, buffer.dtype, buffer.shape, {}});
    const Dim bytes = product(buffer.shape) * Dim(bits(buffer.dtype) / 8);
    scratch_ = scratch_ + ceil_div(bytes, 256) * Dim(256);
  }

  void function(const Statement& statement) {
    Block body;
    std::vector<Axis> axes;
    if (is_spread(statement)) {
      const NestLoop* loop = statement.as<NestLoop>();
      axes.push_back({Dim::variable(loop->variable), loop->extent});
      while (loop->body.size() == 1 && is_spread(loop->body.front())) {
        loop = loop->body.front().as<NestLoop>();
        axes.push_back({Dim::variable(loop->variable), loop->extent});
      }
      body = loop->body;
    } else {
      body.push_back(statement);
    }
    Launch launch;
    launch.function = cat("k", bodies_.size());
    launch.turns = 1;
    const Dim turn = Dim::variable(turn_);
    const bool in_groups = has_vector_loop(body);
    const bool one_by_one = in_groups || axes.empty() || has_parts_of_bytes();
    width_ = one_by_one ? 1 : elements_of_thread(body, places_, axes);
    across_ = in_groups ? turns_across(body, axes) : 1;
    if (width_ > 1) axes.back().extent = *exact_div(axes.back().extent, width_);
    Dims places = parted(turn, axes);
    if (width_ > 1) places.back() = places.back() * Dim(width_) + Dim::variable(element_);
    for (size_t i = 0; i < axes.size(); ++i) {
      substitute(body, *axes[i].variable.as_variable(), places[i]);
      launch.turns = launch.turns * axes[i].extent;
    }
    set_threads(launch, body, in_groups);
    launch.turns_a_block = launch.threads / group_;
    parts_ = parts_written(body);
    if (parts_ > 1 && in_groups) throw Refusal{"lanes write parts of bytes"};
    const Dim elements = launch.turns;
    launch.turns = ceil_div(elements, parts_);
    std::string out = "  let_others_begin();\n  wait_for_others();\n";
    for (const std::string& line : scratch_lines_) out += line;
    ExprText text(places_, dims_, out, 1);
    const std::string t = dims_.variable(turn_);
    text.line(cat("const I turns = ", dims_(launch.turns), ";"));
    const std::string own_turn = across_ > 1 ? cat("% ", across_) : cat("/ ", group_);
    if (group_ > 1)
      text.line(cat("const I lane = threadIdx.x ",
                    across_ > 1 ? cat("/ ", across_) : cat("% ", group_), ";"));
    if (group_ == 1 && !has_loop(body)) text.line("#pragma unroll 4");
    const std::string counter = parts_ > 1 ? "byte" : t;
    text.open(cat("for (I ", counter, " = (I)blockIdx.x * ", launch.turns_a_block,
                  " + (I)threadIdx.x ", own_turn, "; ", counter, " < turns; ", counter,
                  " += (I)gridDim.x * ", launch.turns_a_block, ") {"));
    keep_rows(body, text);
    if (parts_ > 1) whole_bytes(body, t, elements, text);
    else block(body, text);
    text.close();
    parts_ = 1;
    width_ = 1;
    across_ = 1;
    bodies_.push_back(std::move(out));
    names_of_functions_.push_back(launch.function);
    emitted_.launches.push_back(std::move(launch));
  }

  /// Which threads of a block take a turn together.
  void set_threads(Launch& launch, const Block& body, bool in_groups) {
    if (across_ > 1) lanes_ = kThreadsAcross / across_;
    else if (in_groups) lanes_ = lanes_of(body, places_).value_or(lanes_);
    group_ = in_groups ? lanes_ : 1;
    launch.threads = std::max(group_, 256);
    if (across_ > 1) launch.threads = kThreadsAcross;
    else if (group_ > 32) launch.threads = group_;  // its threads wait for each other
    else if (in_groups) launch.threads = threads_of(launch.turns);
  }

  /// How many neighbouring turns a block takes at a time, whose threads share the vector loops of
  /// each: where what these turns read lies side by side, and what a loop reads does not, as with
  /// the means of pictures whose channels are innermost. 1: a group takes a turn.
  int turns_across(const Block& body, const std::vector<Axis>& axes) const {
    constexpr int64_t kMultiprocessors = 132;
    if (axes.empty() || has_parts_of_bytes()) return 1;
    const std::string side(*axes.back().variable.as_variable());
    bool good = true;
    const auto looks = [&](const NestLoop& loop) {
      good &= elements_at_once(loop.body, places_, loop.variable, loop.extent) == 1;
      for (const Statement& statement : loop.body) {
        const Store* store = statement.as<Store>();
        good &= store != nullptr && store->fold && !places_.contains(store->buffer);
        if (store != nullptr) good &= lies_across(store->value, loop.variable, side);
      }
    };
    walk(body, [&](const Statement& statement) {
      const NestLoop* loop = statement.as<NestLoop>();
      if (loop != nullptr && loop->mode == Mode::vector) looks(*loop);
      return true;
    });
    Dim turns = 1;
    for (const Axis& axis : axes) turns = turns * axis.extent;
    if (!good) return 1;
    // An open number of turns: pictures, of which there may be one.
    const int64_t known = turns.constant().value_or(axes.back().extent.constant().value_or(0));
    for (const int count : {32, 16, 8, 4}) {
      if (!exact_div(axes.back().extent, count)) continue;
      // Of few turns a block takes few, so that more blocks have some.
      const int64_t least = count > 8 ? kMultiprocessors : kMultiprocessors / 4;
      if (count == 4 || known / count >= least) return count;
    }
    return 1;
  }

  /// All that it reads along the loop is memory in which `side` is innermost.
  bool lies_across(const Expr& expr, const std::string& along, const std::string& side) const {
    bool good = true;
    visit(expr, [&](const Expr& inner) {
      if (inner.kind() != Expr::Kind::load || at_zero(inner, along) == inner) return;
      const auto place = places_.find(std::get<BufferName>(inner.source()).text);
      const auto step = place == places_.end() || place->second.is_register
                            ? std::nullopt
                            : step_of(place->second, inner.operands(), side);
      good &= step && step->is(1);
    });
    return good;
  }

  bool writes_parts(const Statement& statement) const {
    const Store* store = statement.as<Store>();
    if (store == nullptr) return false;
    const auto into = places_.find(store->buffer);  // registers are declared later
    return into != places_.end() && is_packed(into->second.dtype);
  }

  /// Its turns are those of threads. Loops that write parts of bytes are not parallel, because
  /// turns share bytes; here a thread has a whole one.
  bool is_spread(const Statement& statement) const {
    const NestLoop* loop = statement.as<NestLoop>();
    if (loop == nullptr) return false;
    if (loop->mode == Mode::parallel) return true;
    return std::any_of(loop->body.begin(), loop->body.end(),
                       [&](const Statement& each) { return writes_parts(each); }) ||
           (loop->body.size() == 1 && loop->mode == Mode::serial && is_spread(loop->body.front()));
  }

  bool has_parts_of_bytes() const {
    return std::any_of(places_.begin(), places_.end(),
                       [](const auto& each) { return is_packed(each.second.dtype); });
  }

  /// Elements in a byte of what these statements write; 1: they write whole ones.
  int parts_written(const Block& body) const {
    int parts = 1;
    for (const Statement& statement : body) {
      const Store* store = statement.as<Store>();
      if (store == nullptr || !writes_parts(statement)) continue;
      const Place& into = places_.at(store->buffer);
      const int own = 8 / bits(into.dtype);
      const bool written_alike = parts == 1 || parts == own;
      if (8 % bits(into.dtype) != 0 || !written_alike || !into.strides.empty() || store->fold)
        throw Refusal{cat("it writes ", into.dtype)};
      parts = own;
    }
    return parts;
  }

  /// A thread writes a byte: its elements lie side by side, as turns do.
  void whole_bytes(const Block& body, const std::string& turn, const Dim& elements,
                   ExprText& text) {
    std::set<std::string> written;
    for (const Statement& statement : body)
      if (writes_parts(statement)) written.insert(places_.at(statement.as<Store>()->buffer).name);
    for (const std::string& name : written) text.line(cat("unsigned of_", name, " = 0;"));
    text.open(cat("for (int part = 0; part < ", parts_, "; ++part) {"));
    text.line(cat("const I ", turn, " = byte * ", parts_, " + part;"));
    text.line(cat("if (", turn, " >= ", dims_(elements), ") break;"));
    block(body, text);
    text.close();
    for (const std::string& name : written)
      text.line(cat(name, "[byte] = (", "unsigned char)of_", name, ";"));
  }

  /// Of groups of a warp: few rows are spread over all multiprocessors.
  static int threads_of(const Dim& rows) {
    constexpr int64_t kMultiprocessors = 132;
    const int64_t each = rows.constant().value_or(kMultiprocessors * 8) / kMultiprocessors;
    return 32 * static_cast<int>(each >= 8 ? 8 : each >= 4 ? 4 : each >= 2 ? 2 : 1);
  }

  void block(const Block& statements, ExprText& text) {
    for (const Statement& statement : statements) {
      if (const Allocate* made = statement.as<Allocate>()) allocate(made->buffer, text);
      else if (const Store* store = statement.as<Store>()) this->store(*store, text);
      else if (const NestLoop* loop = statement.as<NestLoop>()) this->loop(*loop, text);
      else throw Refusal{"it has a contraction"};
    }
  }

  void allocate(const NestBuffer& buffer, ExprText& text) {
    if (!buffer.shape.empty()) throw Refusal{"it has a buffer of its own"};
    if (computed_type(buffer.dtype) == nullptr) throw Refusal{cat("it has ", buffer.dtype)};
    Place place{cat("r", registers_++), buffer.dtype, {}, {}, true};
    const std::string count = width_ > 1 ? cat("[", width_, "]") : "";
    text.line(cat(computed_type(buffer.dtype), " ", place.name, count, ";"));
    if (width_ > 1) place.name += cat("[", dims_.variable(element_), "]");
    places_.insert_or_assign(buffer.name, std::move(place));
  }

  void store(const Store& store, ExprText& text) {
    if (width_ > 1) return store_elements(store, text);
    const Place& into = places_.at(store.buffer);
    visit(store.value, [](const Expr& inner) {
      const bool computes =
          inner.kind() == Expr::Kind::call && inner.function() != Function::select;
      if (computes && is_small(inner.dtype()) && !is_float(inner.dtype()))
        throw Refusal{cat("it computes with ", inner.dtype())};
    });
    const std::string value = text.value(store.value);
    if (!into.is_register && is_packed(into.dtype)) {
      if (parts_ == 1) throw Refusal{cat("it writes ", into.dtype)};
      text.line(cat("of_", into.name, " |= (", "unsigned)(", stored(value, into.dtype), " & ",
                    (1 << bits(into.dtype)) - 1, ") << part * ", bits(into.dtype), ";"));
      return;
    }
    if (into.is_register) {
      text.line(cat(into.name, " = ",
                    store.fold ? combined(*store.fold, into.name, value, into.dtype) : value, ";"));
      text.forget();
      return;
    }
    const std::string element = cat(into.name, "[", text.offset(into, store.place), "]");
    const std::string result =
        store.fold ? combined(*store.fold, loaded(element, into.dtype), value, into.dtype) : value;
    text.line(cat(group_ > 1 && !in_vector_ ? "if (lane == 0) " : "", element, " = ",
                  stored(result, into.dtype), ";"));
  }

  std::string run_type(DType dtype) const {
    return cat("Run<", stored_type(dtype), ", ", width_, ">");
  }

  /// What several vector loops read alike is read once and stays in registers, where a thread has
  /// few turns of them: a row is read from memory once.
  void keep_rows(const Block& body, ExprText& text) {
    constexpr int64_t kMostTurns = 8;
    kept_.clear();
    if (group_ == 1 || across_ > 1 || has_parts_of_bytes()) return;
    int64_t all = 0;
    for (auto& row : rows_read(body, places_, nest_)) {
      const int64_t turns = (row.extent / row.width + lanes_ - 1) / lanes_;
      if (row.loops < 2 || all + turns > kMostTurns) continue;
      all += turns;
      const std::string name = cat("kept", kept_.size());
      text.line(cat("Run<", stored_type(row.dtype), ", ", row.width, "> ", name, "[", turns, "];"));
      kept_.push_back({std::move(row), name, turns});
    }
  }

  /// The row that a load of the loop is of; null: it is not kept.
  KeptRow* kept_row(const Expr& load) {
    if (loop_.empty()) return nullptr;
    const Expr first = at_zero(at_zero(load, element_), loop_);
    const auto found = std::ranges::find_if(kept_, [&](const KeptRow& each) {
      return each.row.first == first && each.row.width == width_;
    });
    return found == kept_.end() ? nullptr : &*found;
  }

  /// Loads of elements side by side are read before, all at once.
  Expr with_runs(const Expr& expr, ExprText& text) {
    std::vector<std::pair<Expr, Expr>> known;
    return replace(expr, [&](const Expr& load) -> std::optional<Expr> {
      if (load.kind() != Expr::Kind::load || at_zero(load, element_) == load) return std::nullopt;
      for (const auto& [old, run] : known)
        if (old == load) return run;
      const Place& place = places_.at(std::get<BufferName>(load.source()).text);
      KeptRow* const row = kept_row(load);
      const std::string name = row != nullptr ? cat(row->name, "[kept]") : cat("x", runs_++);
      const std::string element = cat(name, ".x[", dims_.variable(element_), "]");
      const Place read{loaded(element, place.dtype), place.dtype, {}, {}, true};
      known.emplace_back(load, Expr::load(BufferName{name}, load.dtype(), {}));
      places_.insert_or_assign(name, read);
      if (row != nullptr && row->read_in < 0) row->read_in = loops_;
      if (row != nullptr && row->read_in != loops_) return known.back().second;
      const auto [offset, inside] = text.element(at_zero(load, element_));
      if (row == nullptr) text.line(cat(run_type(place.dtype), " ", name, ";"));
      if (!inside.empty()) text.line(cat("if (", inside, ")"));
      text.line(cat(place.is_loose ? "take_loose(" : "take(", name, ", ", place.name, " + ", offset,
                    ");"));
      if (!inside.empty()) {
        const double other = *load.outside();
        const std::string number = number_text(other, static_cast<int64_t>(other), place.dtype);
        text.line(cat("else fill(", name, ", ", stored(number, place.dtype), ");"));
      }
      return known.back().second;
    });
  }

  void store_elements(const Store& store, ExprText& text) {
    const Place into = places_.at(store.buffer);
    text.open("{");
    const Expr expr = with_runs(store.value, text);
    const std::string e = dims_.variable(element_);
    if (!into.is_register) text.line(cat(run_type(into.dtype), " y;"));
    text.line("#pragma unroll");
    text.open(cat("for (I ", e, " = 0; ", e, " < ", width_, "; ++", e, ") {"));
    const std::string value = text.value(expr);
    if (into.is_register)
      text.line(cat(into.name, " = ",
                    store.fold ? combined(*store.fold, into.name, value, into.dtype) : value, ";"));
    else text.line(cat("y.x[", e, "] = ", stored(value, into.dtype), ";"));
    text.close();
    if (!into.is_register) {
      Dims place = store.place;
      for (Dim& dim : place) dim = at_zero(dim, element_);
      text.line(cat(into.is_loose ? "put_loose(" : "put(", into.name, " + ",
                    text.offset(into, place), ", y);"));
    }
    text.close();
    text.forget();
  }

  void loop(const NestLoop& loop, ExprText& text) {
    if (loop.mode == Mode::vector && group_ > 1) return vector_loop(loop, text);
    const std::string i = dims_.variable(loop.variable);
    text.forget();
    text.open(cat("for (I ", i, " = 0; ", i, " < ", dims_(loop.extent), "; ++", i, ") {"));
    block(loop.body, text);
    text.close();
    text.forget();
  }

  /// Each thread of the group folds its turns; then they are folded together.
  void vector_loop(const NestLoop& loop, ExprText& text) {
    struct Fold {
      std::string buffer, whole;
      Function function;
    };
    std::vector<Fold> folds;
    for (const Statement& statement : loop.body) {
      const Store* store = statement.as<Store>();
      if (store == nullptr) continue;
      Place& into = places_.at(store->buffer);
      if (!into.is_register) continue;
      if (!store->fold) throw Refusal{"lanes write one register"};
      folds.push_back({store->buffer, into.name, *store->fold});
      into.name = cat("p", registers_++);
      const Scalar start = identity(*store->fold, into.dtype);
      text.line(cat(computed_type(into.dtype), " ", into.name, " = ",
                    number_text(start.real, start.integer, into.dtype), ";"));
    }
    const std::string i = dims_.variable(loop.variable);
    Block body = loop.body;
    Dim extent = loop.extent;
    width_ = has_parts_of_bytes() ? 1 : elements_at_once(body, places_, loop.variable, extent);
    if (width_ > 1) {
      extent = *exact_div(extent, width_);
      substitute(body, loop.variable,
                 Dim::variable(loop.variable) * Dim(width_) + Dim::variable(element_));
    }
    text.forget();
    in_vector_ = true;
    turns_of_lanes(loop, extent, body, text);
    in_vector_ = false;
    width_ = 1;
    for (const Fold& fold : folds) {
      Place& into = places_.at(fold.buffer);
      const std::string all = cat(reduction(fold.function, into.dtype), "(", into.name, ")");
      text.line(cat(fold.whole, " = ", combined(fold.function, fold.whole, all, into.dtype), ";"));
      into.name = fold.whole;
    }
    text.forget();
  }

  void turns_of_lanes(const NestLoop& loop, const Dim& extent, const Block& body, ExprText& text) {
    const std::string i = dims_.variable(loop.variable);
    const auto row = std::ranges::find_if(kept_, [&](const KeptRow& each) {
      return loop.extent.is(each.row.extent) && each.row.width == width_;
    });
    if (row == kept_.end()) {
      text.line(across_ > 1 ? "#pragma unroll 8" : "#pragma unroll 4");
      text.open(
          cat("for (I ", i, " = lane; ", i, " < ", dims_(extent), "; ", i, " += ", lanes_, ") {"));
      block(body, text);
      text.close();
      return;
    }
    loop_ = loop.variable;
    ++loops_;
    text.line("#pragma unroll");
    text.open(cat("for (int kept = 0; kept < ", row->turns, "; ++kept) {"));
    text.line(cat("const I ", i, " = lane + kept * ", lanes_, ";"));
    const bool whole = extent.is(row->turns * lanes_);
    if (!whole) text.open(cat("if (", i, " < ", dims_(extent), ") {"));
    block(body, text);
    if (!whole) text.close();
    text.close();
    loop_.clear();
  }

  /// Of threads that are not neighbours.
  std::string across_text(const std::string& name, const char* type, Function function,
                          DType dtype) const {
    return cat("__device__ ", type, " ", name, "(", type, " x) {\n  __shared__ ", type, " part[",
               kThreadsAcross, "];\n  part[threadIdx.x] = x;\n  for (int d = ", kThreadsAcross / 2,
               "; d >= ", across_, "; d /= 2) {\n    __syncthreads();\n    const ", type,
               " y = part[threadIdx.x < d ? threadIdx.x + d : threadIdx.x",
               "];\n    if (threadIdx.x < d) part[threadIdx.x] = x = ",
               combined(function, "x", "y", dtype), ";\n  }\n  __syncthreads();\n  x = part[",
               "threadIdx.x % ", across_, "];\n  __syncthreads();\n  return x;\n}\n");
  }

  /// The name of a function that folds a value of each thread of a group.
  std::string reduction(Function function, DType dtype) {
    const std::string name =
        cat("all_", hone::name(function), "_", dtype, across_ > 1 ? cat("_", across_) : "");
    if (reductions_.find(name + "(") != std::string::npos) return name;
    const char* type = computed_type(dtype);
    if (across_ > 1) {
      reductions_ += across_text(name, type, function, dtype);
      return name;
    }
    const bool narrow = bits(dtype) < 32 && !is_float(dtype);
    const std::string moved =
        cat("(", type, ")__shfl_xor_sync(0xffffffffu, ", narrow ? "(int)" : "", "x, d)");
    reductions_ += cat("__device__ ", type, " ", name, "(", type, " x) {\n",
                       "  for (int d = 16; d > 0; d >>= 1) {\n    const ", type, " y = ", moved,
                       ";\n    x = ", combined(function, "x", "y", dtype), ";\n  }\n");
    if (lanes_ > 32)
      reductions_ +=
          cat("  __shared__ ", type, " part[", lanes_ / 32, "];\n",
              "  if (threadIdx.x % 32 == 0) part[threadIdx.x / 32] = x;\n",
              "  __syncthreads();\n  x = part[0];\n", "  for (int w = 1; w < ", lanes_ / 32,
              "; ++w) { const ", type, " y = part[w]; x = ", combined(function, "x", "y", dtype),
              "; }\n", "  __syncthreads();\n");
    reductions_ += "  return x;\n}\n";
    return name;
  }

  const Nest& nest_;
  const std::vector<Tensor>& contents_;
  const std::vector<bool>& aligned_;
  const std::string turn_, element_;
  int lanes_;
  Emitted emitted_;
  DimText dims_;
  Places places_;
  std::string parameters_, tables_, reductions_;
  std::vector<std::string> scratch_lines_, bodies_, names_of_functions_;
  size_t at_ = 0;
  Dim scratch_;
  static constexpr int kThreadsAcross = 512;
  int group_ = 1, registers_ = 0, runs_ = 0;
  int across_ = 1;  // turns that a block takes side by side
  int parts_ = 1;   // elements in a byte that a thread writes
  int width_ = 1;   // elements that a statement takes at once, by the variable element_
  bool in_vector_ = false;
  std::vector<KeptRow> kept_;
  std::string loop_;  // the variable of the loop whose turns are unrolled
  int loops_ = 0;     // that were unrolled so far
};

}  // namespace

Emitted emit(const Nest& nest, const std::vector<Tensor>& contents, int lanes,
             const std::vector<bool>& aligned) {
  try {
    return Emitting(nest, contents, lanes, aligned).run();
  } catch (const Refusal& refusal) {
    Emitted none;
    none.declined = refusal.why;
    return none;
  }
}

}  // namespace hone::cuda::emitter
