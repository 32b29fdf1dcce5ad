#include "device/cpu/emit/region_code.hpp"

#include <algorithm>
#include <mutex>

#include "base/text.hpp"

namespace hone::cpu::emitter {
namespace {

constexpr size_t kMostKept = 1024;
constexpr size_t kMostNodes = 64;

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
  auto made = std::make_shared<RegionCode>();
  made->nest = std::move(nest);
  made->declined = schedule(made->nest);
  if (made->declined.empty()) made->emitted = emit(made->nest, isa);
  if (made->declined.empty()) made->declined = made->emitted.declined;
  return made;
}

std::shared_ptr<const RegionCode> remembered(Nest nest, Isa isa) {
  static std::mutex mutex;
  static std::unordered_map<std::string, std::shared_ptr<const RegionCode>> known;
  const std::string key = cat(name(isa), " ", print(nest));
  {
    const std::lock_guard lock(mutex);
    if (const auto found = known.find(key); found != known.end()) return found->second;
  }
  auto made = made_of(std::move(nest), isa);
  const std::lock_guard lock(mutex);
  if (known.size() >= kMostKept) known.clear();
  return known.emplace(key, std::move(made)).first->second;
}

/// Why no code is made of the region, told without looking far; empty: it may be.
std::string refusal_of(const Graph& body) {
  if (body.nodes().size() > kMostNodes) return "more nodes than code is made for";
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

/// Why an op of operands alone would take longer in the region: functions of few elements, which
/// are broadcast to many, would be computed for all of these. Empty: none would.
std::string computed_again(const Stages& stages) {
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
    if (!is_first)
      return cat("%", stage->value->name, " would be computed for all it broadcasts to");
  }
  return {};
}

}  // namespace

CodedRegion code_of(const Region& region, Isa isa) {
  CodedRegion coded;
  const Graph& body = *region.body;
  coded.declined = refusal_of(body);
  if (!coded.declined.empty()) return coded;
  const Stages stages = stages_of(body);
  coded.declined = stages.declined;
  for (const auto& stage : stages.list)
    if (stage->kind() == Stage::Kind::contract || stage->kind() == Stage::Kind::window)
      coded.declined = cat("no code for stages that ", name(stage->kind()), " yet");
  if (coded.declined.empty() && only_moves(stages)) coded.declined = "it only moves elements";
  const auto views = std::count_if(body.nodes().begin(), body.nodes().end(), [&](const Node& node) {
    const Stage* stage = node.outputs[0] == nullptr ? nullptr : stages.find(node.outputs[0]);
    return stage != nullptr && is_view(*stage);
  });
  if (views > 0 && static_cast<size_t>(views) + 1 >= body.nodes().size())
    coded.declined = "it has one op that is no view";
  if (coded.declined.empty()) coded.declined = computed_again(stages);
  if (!coded.declined.empty()) return coded;
  std::vector<const Value*> results;
  for (const GraphOutput& output : body.outputs()) results.push_back(output.value);
  Lowered lowered = lower(stages, "region", results);
  for (const Value* value : lowered.operands)
    if (value->type.tensor().dtype != DType::f32)
      coded.declined = cat("%", value->name, " is ", value->type.tensor().dtype);
  if (!coded.declined.empty()) return coded;
  for (const Value* result : results)
    if (std::find(lowered.operands.begin(), lowered.operands.end(), result) ==
        lowered.operands.end())
      coded.declined = cat("no stage computes %", result->name);
  if (!coded.declined.empty()) return coded;
  rename_buffers(lowered.nest);
  auto code = remembered(std::move(lowered.nest), isa);
  coded.declined = code->declined;
  if (!coded.declined.empty()) return coded;
  coded.operands = std::move(lowered.operands);
  coded.code = std::move(code);
  return coded;
}

}  // namespace hone::cpu::emitter
