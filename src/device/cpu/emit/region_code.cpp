#include "device/cpu/emit/region_code.hpp"

#include <algorithm>
#include <unordered_set>

#include "base/text.hpp"
#include "device/cpu/jit/code_memory.hpp"
#include "ir/nest/crossing.hpp"
#include "ir/text/structure.hpp"

namespace hone::cpu::emitter {
namespace {

/// By text, up to a bound.
template <class T>
class Remembered {
 public:
  std::optional<T> find(const std::string& text) {
    const std::lock_guard lock(mutex_);
    const auto found = known_.find(text);
    return found == known_.end() ? std::nullopt : std::optional(found->second);
  }
  /// What is kept: where another thread was faster, its own.
  T keep(const std::string& text, T made) {
    const std::lock_guard lock(mutex_);
    if (known_.size() >= kMostKept) known_.clear();
    return known_.emplace(text, std::move(made)).first->second;
  }

 private:
  static constexpr size_t kMostKept = 1024;
  std::mutex mutex_;
  std::unordered_map<std::string, T> known_;
};

/// Buffers are called by their number, so that layers of a network have one text.
void rename_buffers(Nest& nest) {
  std::map<std::string, std::string, std::less<>> names;
  const auto rename = [&](NestBuffer& buffer) {
    buffer.name = names.emplace(buffer.name, cat("b", names.size())).first->second;
  };
  for (NestBuffer& parameter : nest.parameters) rename(parameter);
  const std::function<void(Block&)> block = [&](Block& statements) {
    for (Statement& statement : statements) {
      if (Allocate* made = statement.as<Allocate>()) rename(made->buffer);
      if (NestLoop* loop = statement.as<NestLoop>()) block(loop->body);
      if (Store* store = statement.as<Store>()) store->buffer = names.at(store->buffer);
    }
  };
  block(nest.body);
  Change loads;
  loads.load = [&](const Expr& load) -> std::optional<Expr> {
    std::vector<Expr> places;
    for (const Expr& place : load.operands()) places.push_back(changed(place, loads));
    return Expr::load(BufferName{names.at(std::get<BufferName>(load.source()).text)}, load.dtype(),
                      std::move(places), load.outside());
  };
  change(nest.body, loads);
}

std::shared_ptr<const RegionCode> made_of(Nest nest, Isa isa) {
  static Remembered<std::shared_ptr<const RegionCode>> remembered;
  const std::string key = cat(name(isa), " ", print(nest));
  if (const auto found = remembered.find(key)) return *found;
  auto made = std::make_shared<RegionCode>();
  made->nest = std::move(nest);
  made->declined = schedule(made->nest);
  if (made->declined.empty()) made->emitted = emit(made->nest, isa);
  if (made->declined.empty()) made->declined = made->emitted.declined;
  return remembered.keep(key, std::move(made));
}

/// Why no code is made of the region, told without looking far; empty: it may be.
std::string refusal_of(const Graph& body) {
  if (body.nodes().size() > kMostCoded) return "more nodes than code is made for";
  if (body.outputs().empty()) return "nothing reads its results";
  for (const GraphOutput& output : body.outputs()) {
    const Value* result = output.value;
    if (!result->type.is_tensor() || !result->type.tensor().has_rank())
      return cat("%", result->name, " is no tensor of known rank");
    if (result->type.tensor().dtype != DType::f32)
      return cat("%", result->name, " is ", result->type.tensor().dtype);
  }
  return {};
}

/// Whether every element is one of an operand's: others move elements better, or not at all.
bool only_moves(const Stages& stages) {
  return std::all_of(stages.list.begin(), stages.list.end(), [](const auto& stage) {
    bool computes = false;
    visit(stage->expr, [&](const Expr& expr) {
      computes |= expr.kind() == Expr::Kind::reduce || expr.kind() == Expr::Kind::cast ||
                  (expr.kind() == Expr::Kind::call && expr.function() != Function::select &&
                   is_float(expr.operands()[0].dtype()));
    });
    return !computes;
  });
}

/// Whether it is an operand's elements in their order, which is the same bytes.
bool is_view(const Stage& stage) {
  if (stage.expr.kind() != Expr::Kind::load || stage.expr.outside()) return false;
  const auto* value = std::get_if<const Value*>(&stage.expr.source());
  if (value == nullptr) return false;
  const Dims& shape = (*value)->type.tensor().shape();
  Dim from = 0, to = 0;
  for (size_t axis = 0; axis < shape.size(); ++axis) {
    const Expr& index = stage.expr.operands()[axis];
    if (index.kind() != Expr::Kind::index) return false;
    from = from * shape[axis] + index.dim();
  }
  for (size_t axis = 0; axis < stage.extents.size(); ++axis)
    to = to * stage.extents[axis] + loop(static_cast<int>(axis));
  return from == to;
}

/// An op of operands alone that would take longer in the region: functions of few elements, which
/// are broadcast to many, would be computed for all of these. Null: none would.
const Value* computed_again(const Stages& stages) {
  for (const auto& stage : stages.list) {
    bool is_costly = false, is_first = true;
    visit(stage->expr, [&](const Expr& expr) {
      if (expr.kind() == Expr::Kind::call) is_costly |= expr.function() >= Function::exp;
      if (expr.kind() != Expr::Kind::load) return;
      const auto* value = std::get_if<const Value*>(&expr.source());
      is_first &= value != nullptr && stages.find(*value) == nullptr;
    });
    if (!is_costly || !is_first || stage->value == nullptr) continue;
    for (const auto& reader : stages.list)
      visit(reader->expr, [&](const Expr& expr) {
        const bool reads =
            expr.kind() == Expr::Kind::load && expr.source() == Expr::Source(stage->value);
        if (reads && reader->kind() == Stage::Kind::map)
          is_first &= product(reader->extents) == product(stage->extents);
      });
    if (!is_first) return stage->value;
  }
  return nullptr;
}

/// Whether a result may be written over an operand: every element of it that code reads lies where
/// the result of the same turn, or of the same row, is stored, and is read before.
bool is_read_in_place(const Nest& nest, const std::string& input, const std::string& output) {
  bool stored = false, late = false;
  walk(nest.body, [&](const Statement& statement) {
    each_expr(statement, [&](const Expr& whole) {
      visit(whole, [&](const Expr& load) {
        late |= stored && load.kind() == Expr::Kind::load &&
                std::get<BufferName>(load.source()).text == input;
      });
    });
    const Store* store = statement.as<Store>();
    stored |= store != nullptr && store->buffer == output;
    return true;
  });
  if (late) return false;
  std::vector<Dims> places;
  for (const Access& access : accesses_of(nest.body)) {
    if (access.buffer != input && access.buffer != output) continue;
    if (!access.place || access.inner.empty()) return false;
    // The loops that a row is in are the same for all; in it, each may walk it by a loop of its
    // own.
    Dims place;
    for (size_t i = 0; i + 1 < access.inner.size(); ++i) place.push_back(access.inner[i].variable);
    for (const Dim& dim : *access.place)
      place.push_back(dim.substitute_variables([&](std::string_view name) {
        return access.inner.back().variable.as_variable() == name
                   ? std::optional<Dim>(Dim::variable("row"))
                   : std::nullopt;
      }));
    places.push_back(std::move(place));
  }
  return std::all_of(places.begin(), places.end(),
                     [&](const Dims& place) { return place == places.front(); });
}

/// What holds of all regions of one structure: values are told by their numbers in it.
struct Answer {
  std::shared_ptr<const RegionCode> code;
  std::vector<size_t> operands, overwritable;
  std::string declined;         // of a value: what is said behind its name
  std::optional<size_t> about;  // that value
  /// Some literals of floats are not read when code runs: what they hold may be in the code.
  bool knows_literals = true;
};

class Asking {
 public:
  Asking(const Graph& body, const Structure& structure) : body_(body), structure_(structure) {}

  Answer run(Isa isa) {
    const Stages stages = stages_of(body_);
    answer_.knows_literals = !loads_all_literals(stages);
    if (look_at(stages)) return std::move(answer_);
    std::vector<const Value*> results;
    for (const GraphOutput& output : body_.outputs()) results.push_back(output.value);
    Lowered lowered = lower(stages, "region", results);
    for (const Value* value : lowered.operands)
      if (value->type.tensor().dtype != DType::f32)
        return no(cat(" is ", value->type.tensor().dtype), value);
    for (const Value* result : results)
      if (std::find(lowered.operands.begin(), lowered.operands.end(), result) ==
          lowered.operands.end())
        return no(" is computed by no stage", result);
    rename_buffers(lowered.nest);
    auto code = made_of(std::move(lowered.nest), isa);
    if (!code->declined.empty()) return no(code->declined);
    for (const Value* value : lowered.operands)
      answer_.operands.push_back(structure_.number(value));
    find_overwritable(lowered.operands, code->nest);
    answer_.code = std::move(code);
    return std::move(answer_);
  }

 private:
  Answer no(std::string why, const Value* about = nullptr) {
    answer_.declined = std::move(why);
    if (about != nullptr) answer_.about = structure_.number(about);
    return std::move(answer_);
  }

  bool loads_all_literals(const Stages& stages) const {
    std::unordered_set<const Value*> loaded;
    for (const auto& stage : stages.list)
      visit(stage->expr, [&](const Expr& expr) {
        if (expr.kind() != Expr::Kind::load) return;
        if (const auto* value = std::get_if<const Value*>(&expr.source())) loaded.insert(*value);
      });
    return std::ranges::all_of(structure_.values, [&](const Value* value) {
      return !value->is_literal() || !is_float(value->type.tensor().dtype) ||
             loaded.contains(value);
    });
  }

  void find_overwritable(const std::vector<const Value*>& operands, const Nest& nest) {
    const Value* result = body_.outputs()[0].value;
    const auto name = [&](const Value* value) -> const std::string& {
      const auto at = std::find(operands.begin(), operands.end(), value) - operands.begin();
      return nest.parameters[static_cast<size_t>(at)].name;
    };
    for (const Value* operand : operands)
      if (operand->is_input() && operand->type == result->type &&
          is_read_in_place(nest, name(operand), name(result)))
        answer_.overwritable.push_back(structure_.number(operand));
  }

  /// true: no code is made of these stages, which takes no lowering to tell.
  bool look_at(const Stages& stages) {
    std::string& declined = answer_.declined;
    declined = stages.declined;
    for (const auto& stage : stages.list)
      if (stage->kind() == Stage::Kind::contract || stage->kind() == Stage::Kind::window)
        declined = cat("no code for stages that ", name(stage->kind()), " yet");
    if (declined.empty() && only_moves(stages)) declined = "it only moves elements";
    const auto& nodes = body_.nodes();
    const auto views = std::count_if(nodes.begin(), nodes.end(), [&](const Node& node) {
      const Stage* stage = node.outputs[0] == nullptr ? nullptr : stages.find(node.outputs[0]);
      return stage != nullptr && is_view(*stage);
    });
    if (views > 0 && static_cast<size_t>(views) + 1 >= nodes.size())
      declined = "it has one op that is no view";
    if (!declined.empty()) return true;
    const Value* again = computed_again(stages);
    if (again != nullptr) answer_ = no(" would be computed for all it broadcasts to", again);
    return again != nullptr;
  }

  const Graph& body_;
  const Structure& structure_;
  Answer answer_;
};

}  // namespace

std::shared_ptr<const std::byte> page_of(const RegionCode& code) {
  const std::lock_guard lock(code.mutex);
  auto page = code.page.lock();
  if (page == nullptr) {
    page = executable(std::as_bytes(std::span(code.emitted.code)));
    code.page = page;
  }
  return page;
}

Work work_of(const RegionCode& code, const Bindings& sizes) {
  const std::lock_guard lock(code.mutex);
  if (!code.work || code.work->first != sizes) code.work = {sizes, work_of(code.nest, sizes)};
  return code.work->second;
}

namespace {

/// The structure that the answer is told by is put into `structure`.
std::shared_ptr<const Answer> answer_to(const Graph& body, Isa isa, Structure& structure) {
  static Remembered<std::shared_ptr<const Answer>> remembered;
  std::shared_ptr<const Answer> known;
  for (const Literals literals : {Literals::by_equality, Literals::by_contents}) {
    structure = structure_of(body, literals);
    structure.text += name(isa);
    const auto found = remembered.find(structure.text);
    known = found
                ? *found
                : remembered.keep(structure.text,
                                  std::make_shared<const Answer>(Asking(body, structure).run(isa)));
    if (!known->knows_literals) break;
  }
  return known;
}

}  // namespace

CodedRegion code_of(const Region& region, Isa isa) {
  CodedRegion coded;
  coded.declined = refusal_of(*region.body);
  if (!coded.declined.empty()) return coded;
  Structure structure;
  const std::shared_ptr<const Answer> known = answer_to(*region.body, isa, structure);
  const Answer& answer = *known;
  coded.declined = answer.declined;
  if (answer.about)
    coded.declined = cat("%", structure.values[*answer.about]->name, answer.declined);
  for (const size_t operand : answer.operands) coded.operands.push_back(structure.values[operand]);
  for (const size_t operand : answer.overwritable)
    coded.overwritable.push_back(structure.values[operand]);
  coded.code = answer.code;
  return coded;
}

}  // namespace hone::cpu::emitter
