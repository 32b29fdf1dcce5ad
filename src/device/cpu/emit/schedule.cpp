#include "device/cpu/emit/schedule.hpp"

#include <algorithm>

#include "base/text.hpp"
#include "ir/nest/producer.hpp"
#include "ir/nest/site.hpp"

namespace hone::cpu::emitter {
namespace {

constexpr int64_t kChunk = 4096;    // elements of a tile where nothing else tells rows apart
constexpr int64_t kPart = 1024;     // turns of a sum that are added up before others
constexpr size_t kMostParts = 400;  // of an expression: what is longer is not computed twice

size_t parts_of(const Expr& expr) {
  size_t parts = 0;
  visit(expr, [&](const Expr&) { ++parts; });
  return parts;
}

std::vector<std::string> own_buffers(const Nest& nest) {
  std::vector<std::string> names;
  for (const Statement& statement : nest.body)
    if (const Allocate* made = statement.as<Allocate>()) names.push_back(made->buffer.name);
  return names;
}

/// Stores that read a buffer; each stands in an innermost loop of its own.
size_t readers_of(const Nest& nest, const std::string& buffer) {
  size_t readers = 0;
  walk(nest.body, [&](const Statement& statement) {
    bool reads = false;
    each_expr(statement, [&](const Expr& whole) {
      visit(whole, [&](const Expr& load) {
        reads |=
            load.kind() == Expr::Kind::load && std::get<BufferName>(load.source()).text == buffer;
      });
    });
    readers += reads;
    return true;
  });
  return readers;
}

/// Whether the elements are dearer to compute again than to keep: of two tensors at least.
bool is_worth_keeping(const Expr& value) {
  size_t loads = 0;
  visit(value, [&](const Expr& expr) {
    loads += expr.kind() == Expr::Kind::load && !expr.operands().empty();
  });
  return loads > 1;
}

/// Maps stand where they are read. What several loops of a row read stays a buffer: in `rows`.
Declined inline_maps(Nest& nest, std::vector<std::string>& rows) {
  bool folds = false;
  walk(nest.body, [&](const Statement& statement) {
    folds |= statement.as<Store>() != nullptr && statement.as<Store>()->fold;
    return true;
  });
  for (const std::string& buffer : own_buffers(nest)) {
    Producer producer;
    if (!find_producer(nest, buffer, producer).empty() || producer.body->size() != 1) continue;
    const Store& store = *producer.body->back().as<Store>();
    if (folds && is_worth_keeping(store.value) && readers_of(nest, buffer) > 1) {
      rows.push_back(buffer);
      continue;
    }
    if (Declined why = inline_buffer(nest, buffer); !why.empty()) return why;
    bool long_one = false;
    walk(nest.body, [&](const Statement& statement) {
      each_expr(statement, [&](const Expr& e) { long_one |= parts_of(e) > kMostParts; });
      return true;
    });
    if (long_one) return cat("what reads ", buffer, " is too long an expression");
  }
  return {};
}

/// Loops around the last statement, each all that there is in the one before; the innermost may
/// have more in it.
std::vector<NestLoop*> chain_of(Nest& nest) {
  std::vector<NestLoop*> chain;
  if (nest.body.empty()) return chain;
  for (NestLoop* loop = nest.body.back().as<NestLoop>(); loop != nullptr; loop = only_loop(*loop))
    chain.push_back(loop);
  return chain;
}

/// The innermost of the chain's loops that it takes to tell elements of these buffers apart; one
/// around it that does not would compute elements again: declined.
Declined find_row(const std::vector<NestLoop*>& chain, const std::vector<std::string>& buffers,
                  std::string& row) {
  if (chain.empty()) return "its result has no axes";
  std::vector<std::set<std::string, std::less<>>> tell(chain.size());  // by loop: buffers
  size_t depth = 1;
  for (const Access& access : accesses_of(chain.front()->body)) {
    if (std::find(buffers.begin(), buffers.end(), access.buffer) == buffers.end()) continue;
    if (!access.place) return cat(access.buffer, " is read at computed places");
    for (size_t i = 0; i < chain.size(); ++i)
      for (const Dim& place : *access.place)
        if (mentions(place, chain[i]->variable)) {
          tell[i].insert(access.buffer);
          depth = std::max(depth, i + 1);
        }
  }
  for (size_t i = 0; i < depth; ++i)
    for (const std::string& buffer : tell[depth - 1])
      if (!tell[i].contains(buffer))
        return cat(buffer, " would be computed again in every turn of $", chain[i]->variable);
  row = chain[depth - 1]->variable;
  return {};
}

/// What is left of the nest's own buffers is computed for each row of the result: of `rows` many
/// elements, of the others one.
Declined into_rows(Nest& nest, const std::vector<std::string>& rows) {
  const auto is_row = [&](const std::string& name) {
    return std::find(rows.begin(), rows.end(), name) != rows.end();
  };
  std::vector<std::string> own, folded;
  for (const Statement& statement : nest.body)
    if (const Allocate* made = statement.as<Allocate>(); made && !made->buffer.shape.empty()) {
      own.push_back(made->buffer.name);
      if (!is_row(own.back())) folded.push_back(own.back());
    }
  if (own.empty()) return {};
  std::string row;
  if (Declined why = find_row(chain_of(nest), folded, row); !why.empty()) return why;
  for (size_t i = own.size(); i-- > 0;) {
    const Scope scope = is_row(own[i]) ? Scope::local : Scope::registers;
    if (Declined why = compute_at(nest, own[i], row, scope); !why.empty()) return why;
  }
  return {};
}

bool has_loop(const NestLoop& loop) {
  return std::any_of(loop.body.begin(), loop.body.end(), [](const Statement& statement) {
    return statement.as<NestLoop>() != nullptr;
  });
}

/// Where an access lies in memory, in elements.
Dim start_of(const NestBuffer& buffer, const Dims& place) {
  Dim start = 0;
  for (size_t axis = 0; axis < place.size(); ++axis)
    start = buffer.strides.empty() ? start * buffer.shape[axis] + place[axis]
                                   : start + place[axis] * buffer.strides[axis];
  return start;
}

/// Turns of the loop reach elements side by side, or the same ones.
bool runs_along(const Nest& nest, const NestLoop& loop) {
  const Buffers buffers = buffers_of(nest);
  for (const Access& access : accesses_of(loop.body, true)) {
    if (!access.place) return false;
    const NestBuffer& buffer = buffers.find(access.buffer)->second;
    const auto parts = linear_in(start_of(buffer, *access.place), loop.variable);
    if (!parts || !(parts->factor.is(0) || parts->factor.is(1))) return false;
  }
  return true;
}

std::vector<std::string> loops_of(const Nest& nest,
                                  const std::function<bool(const NestLoop&)>& which) {
  std::vector<std::string> names;
  walk(nest.body, [&](const Statement& statement) {
    const NestLoop* loop = statement.as<NestLoop>();
    if (loop != nullptr && which(*loop)) names.push_back(loop->variable);
    return true;
  });
  return names;
}

bool writes_output(const Nest& nest, const NestLoop& loop) {
  for (const std::string& name : written(loop))
    for (const NestBuffer& parameter : nest.parameters)
      if (parameter.name == name) return true;
  return false;
}

/// Loops of several results become one, from the outermost on, where no turn needs another one's.
Declined merge_results(Nest& nest) {
  for (;;) {
    std::string first;  // of two loops beside each other
    const std::function<void(const Block&)> look = [&](const Block& block) {
      for (size_t i = 0; i < block.size() && first.empty(); ++i) {
        const NestLoop* loop = block[i].as<NestLoop>();
        if (loop == nullptr) continue;
        const NestLoop* next = i + 1 < block.size() ? block[i + 1].as<NestLoop>() : nullptr;
        if (next != nullptr && writes_output(nest, *loop) && loop->extent == next->extent)
          first = loop->variable;
        look(loop->body);
      }
    };
    look(nest.body);
    if (first.empty() || !merge(nest, first).empty()) break;
  }
  // Where sizes are numbers, loops around rows may have gone for having one turn: one worker runs
  // what is left. A region that has code at all sizes must have code at each.
  const bool is_open = std::any_of(nest.body.begin(), nest.body.end(), [](const Statement& each) {
    return each.as<NestLoop>() != nullptr && !each.as<NestLoop>()->extent.is_constant();
  });
  return nest.body.size() == 1 || !is_open ? Declined() : "its results do not share their loops";
}

/// Innermost loops become one with those around them where elements stay side by side.
void collapse(Nest& nest) {
  const auto around_innermost = [](const NestLoop& loop) {
    return loop.body.size() == 1 && loop.body[0].as<NestLoop>() &&
           !has_loop(*loop.body[0].as<NestLoop>());
  };
  for (bool changed = true; changed;) {
    changed = false;
    for (const std::string& name : loops_of(nest, around_innermost)) {
      const Nest before = nest;
      const auto site = find_loop(nest, name);
      Block* block = site->block;
      if (!fuse_loops(nest, name).empty()) continue;
      // The statement is where it was: fuse_loops() puts the loop in the place of the outer one.
      if (runs_along(nest, *(*block)[site->at].as<NestLoop>())) changed = true;
      else nest = before;
    }
  }
}

/// All loops around a row run in parallel; long rows without sums are cut into pieces first.
Declined spread(Nest& nest) {
  if (nest.body.size() != 1) return {};  // a result without rows: one worker computes it
  std::vector<NestLoop*> chain = chain_of(nest);
  if (chain.empty()) return {};
  size_t rows = chain.size();  // loops that tell rows apart
  if (!has_loop(*chain.back())) {
    const auto turns = chain.back()->extent.constant();
    if (chain.size() > 1 && turns && *turns <= kChunk) {
      --rows;
    } else {
      const std::string whole = chain.back()->variable;
      if (Declined why = split(nest, whole, kChunk); !why.empty()) return why;
    }
  }
  chain = chain_of(nest);
  for (size_t i = 0; i < rows; ++i)
    if (Declined why = parallelize(nest, chain[i]->variable); !why.empty()) return why;
  return {};
}

/// What a row's loops both compute is kept by the first.
void share_rows(Nest& nest) {
  const auto innermost = loops_of(nest, [](const NestLoop& loop) { return !has_loop(loop); });
  for (size_t i = 0; i < innermost.size(); ++i)
    for (size_t j = i + 1; j < innermost.size(); ++j)
      share(nest, innermost[i], innermost[j], Order::any);
}

/// Long sums are taken in parts, so that they round as short ones do.
void part_folds(Nest& nest) {
  for (const std::string& name : loops_of(nest, [](const NestLoop& loop) {
         const auto turns = loop.extent.constant();
         return !has_loop(loop) && !(turns && *turns <= kPart);
       }))
    fold_in_parts(nest, name, kPart, Order::any);
}

Declined vectorize_innermost(Nest& nest) {
  bool multiplies = false;
  walk(nest.body, [&](const Statement& statement) {
    const Store* store = statement.as<Store>();
    multiplies |= store != nullptr && store->fold == Function::mul;
    return true;
  });
  if (multiplies) return "a product of many floats rounds too often";
  for (const std::string& name :
       loops_of(nest, [](const NestLoop& loop) { return !has_loop(loop); })) {
    hoist(nest, name);
    if (Declined why = vectorize(nest, name, 16, Order::any); !why.empty()) return why;
  }
  return {};
}

}  // namespace

Declined schedule(Nest& nest) {
  std::vector<std::string> rows;
  if (Declined why = inline_maps(nest, rows); !why.empty()) return why;
  if (Declined why = drop_units(nest); !why.empty()) return why;
  flatten_parameters(nest);
  if (Declined why = into_rows(nest, rows); !why.empty()) return why;
  if (Declined why = drop_units(nest); !why.empty()) return why;
  const bool several = std::count_if(nest.parameters.begin(), nest.parameters.end(),
                                     [](const NestBuffer& parameter) {
                                       return parameter.scope == Scope::output;
                                     }) > 1;
  if (several)
    if (Declined why = merge_results(nest); !why.empty()) return why;
  collapse(nest);
  if (Declined why = spread(nest); !why.empty()) return why;
  share_rows(nest);
  part_folds(nest);
  return vectorize_innermost(nest);
}

namespace {

/// As measured for an element of a vector loop on AVX-512, in units of 50 ps.
double operations_of(Function function) {
  switch (function) {
    case Function::div:
    case Function::sqrt: return 2;
    case Function::exp: return 4;
    case Function::log: return 12;
    case Function::erf: return 13;
    case Function::tanh: return 18;
    default: return 0.3;
  }
}

double operations_of(const Expr& expr) {
  double sum = expr.kind() == Expr::Kind::load ? 0.3 : 0;
  if (expr.kind() == Expr::Kind::call) sum += operations_of(expr.function());
  for (const Expr& operand : expr.operands()) sum += operations_of(operand);
  return sum;
}

void add(Work& work, const Block& block, double times, const Bindings& sizes) {
  for (const Statement& statement : block) {
    if (const Store* store = statement.as<Store>())
      work.operations += times * (0.3 + operations_of(store->value));
    const NestLoop* loop = statement.as<NestLoop>();
    if (loop == nullptr) continue;
    const Dim turns =
        loop->extent.substitute_variables([](std::string_view) { return std::optional<Dim>(0); });
    work.loops += times;
    add(work, loop->body, times * static_cast<double>(turns.evaluate(sizes).value_or(1)), sizes);
  }
}

}  // namespace

Work work_of(const Nest& nest, const Bindings& sizes) {
  Work work;
  add(work, nest.body, 1, sizes);
  return work;
}

}  // namespace hone::cpu::emitter
