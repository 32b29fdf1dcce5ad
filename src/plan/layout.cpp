#include "plan/layout.hpp"

#include <algorithm>
#include <unordered_map>
#include <unordered_set>

#include "base/size.hpp"
#include "device/strided_view.hpp"
#include "ops/layout.hpp"
#include "ops/shape.hpp"
#include "ops/slice.hpp"
#include "plan/plan.hpp"

namespace hone {
namespace {

bool keeps_bytes(const Op& op) {
  return op.as<Reshape>() != nullptr || op.as<Flatten>() != nullptr ||
         op.as<Squeeze>() != nullptr || op.as<Unsqueeze>() != nullptr ||
         op.as<Identity>() != nullptr;
}

/// Where the pieces of a tensor along an axis begin.
struct Cut {
  const std::vector<Dim>& shape;
  size_t axis;
  int64_t element_bits;

  Cut(const Value& whole, int64_t axis_of_op)
      : shape(whole.type.tensor().shape()),
        axis(static_cast<size_t>(axis_of_op < 0 ? axis_of_op + static_cast<int64_t>(shape.size())
                                                : axis_of_op)),
        element_bits(bits(whole.type.tensor().dtype)) {}

  Dim rows() const { return product({shape.begin(), shape.begin() + static_cast<long>(axis)}); }
  Dim bytes_before(const Dim& along) const {
    Dim elements = along;
    for (size_t d = axis + 1; d < shape.size(); ++d) elements = elements * shape[d];
    return elements * Dim(element_bits / 8);
  }
};

bool has_pieces(const Value* value) {
  return value != nullptr && value->type.is_tensor() && value->type.tensor().has_rank() &&
         value->type.tensor().dtype != DType::string && bits(value->type.tensor().dtype) % 8 == 0;
}

void add_parts(const Node& node, int64_t axis, std::vector<Sharing>& sharings) {
  const Value& whole = *node.outputs[0];
  const Cut pieces(whole, axis);
  if (!std::all_of(node.inputs.begin(), node.inputs.end(), has_pieces)) return;
  Dim along;
  for (const Value* input : node.inputs) {
    sharings.push_back(
        {Sharing::Kind::part, input->name, whole.name, pieces.bytes_before(along), pieces.rows()});
    along = along + input->type.tensor().shape()[pieces.axis];
  }
}

void add_split(const Node& node, int64_t axis, std::vector<Sharing>& sharings) {
  const Value& whole = *node.inputs[0];
  const Cut pieces(whole, axis);
  // Without one, the place of those behind it is not known.
  if (!std::all_of(node.outputs.begin(), node.outputs.end(), has_pieces)) return;
  Dim along;
  for (const Value* output : node.outputs) {
    sharings.push_back(
        {Sharing::Kind::view, output->name, whole.name, pieces.bytes_before(along), pieces.rows()});
    along = along + output->type.tensor().shape()[pieces.axis];
  }
}

/// A slice along one axis, of neighbours.
void add_slice(const Node& node, std::vector<Sharing>& sharings) {
  const Value &whole = *node.inputs[0], &piece = *node.outputs[0];
  const auto view = view_in_operand(piece);
  if (!view || view->of != &whole) return;
  const Dims &from = whole.type.tensor().shape(), &to = piece.type.tensor().shape();
  Dim stride = 1, rows = 1;
  std::optional<size_t> cut;
  for (size_t axis = from.size(); axis-- > 0;) {
    if (cut) rows = rows * from[axis];
    if (!(view->strides[axis] == stride) && !to[axis].is(1)) return;
    if (!(from[axis] == to[axis])) {
      if (cut) return;
      cut = axis;
    }
    stride = stride * from[axis];
  }
  const int64_t bytes = bits(whole.type.tensor().dtype) / 8;
  sharings.push_back(
      {Sharing::Kind::view, piece.name, whole.name, view->offset * Dim(bytes), rows});
}

}  // namespace

void add_sharings(const Node& node, const std::vector<const Value*>& overwritable,
                  std::vector<Sharing>& sharings) {
  const Value* input = node.input(0);
  const Value* output = node.output();
  if (input == nullptr || output == nullptr) return;
  std::vector<Sharing> found;
  try {
    if (keeps_bytes(node.op)) {
      found.push_back({Sharing::Kind::view, output->name, input->name, 0, 1});
    } else if (const Concat* concat = node.op.as<Concat>(); concat && has_pieces(output)) {
      add_parts(node, concat->axis, found);
    } else if (const Split* split = node.op.as<Split>(); split && has_pieces(input)) {
      add_split(node, split->axis, found);
    } else if (node.op.as<Slice>() != nullptr && has_pieces(input) && has_pieces(output)) {
      add_slice(node, found);
    }
  } catch (const Error&) {  // offsets beyond 63 bits: nothing of that size is laid out
    found.clear();
  }
  if (std::any_of(found.begin(), found.end(), [](const Sharing& sharing) {
        return sharing.offset.is_too_long() || sharing.rows.is_too_long();
      }))
    found.clear();
  for (const Value* each : overwritable)
    found.push_back({Sharing::Kind::over, output->name, each->name, 0, 1});
  sharings.insert(sharings.end(), found.begin(), found.end());
}

namespace {

class LayingOut {
 public:
  LayingOut(const Plan& plan, const Bindings& symbols)
      : plan_(plan), symbols_(symbols), own_(demand(plan, symbols)) {
    const size_t count = plan.buffers.size();
    for (size_t i = 0; i < count; ++i) {
      if (!plan.buffers[i].value.empty()) by_name_.emplace(plan.buffers[i].value, i);
      groups_.push_back({own_.buffers[i], plan.buffers[i].last});
      joined_.push_back(i);
    }
    offsets_.assign(count, 0);
    idle_.assign(plan.steps.size(), false);
  }

  Layout run() {
    const auto& sharings = plan_.sharings;
    for (size_t i = 0; i < sharings.size();) {
      size_t end = i + 1;
      // The parts of a concatenation, and the results of a split, come together.
      while (end < sharings.size() && sharings[end].kind == sharings[i].kind &&
             sharings[end].of == sharings[i].of && sharings[i].kind != Sharing::Kind::over &&
             step_of(sharings[end]) == step_of(sharings[i]))
        ++end;
      share({sharings.begin() + static_cast<long>(i), sharings.begin() + static_cast<long>(end)});
      i = end;
    }
    return finish();
  }

 private:
  struct Group {
    Demand::Buffer buffer;
    int last;  // the step that reads it last; with streams others may still run beside that
  };

  std::optional<size_t> planned(const std::string& value) const {
    const auto found = by_name_.find(value);
    if (found == by_name_.end() || plan_.buffers[found->second].at_most) return std::nullopt;
    return found->second;
  }
  /// The step that makes the shared result.
  int step_of(const Sharing& sharing) const {
    const auto result =
        by_name_.find(sharing.kind == Sharing::Kind::part ? sharing.of : sharing.value);
    return result == by_name_.end() ? -1 : plan_.buffers[result->second].first;
  }

  void share(const std::vector<Sharing>& sharings) {
    const int step = step_of(sharings.front());
    if (step < 0) return;
    switch (sharings.front().kind) {
      case Sharing::Kind::view: return view(sharings, step);
      case Sharing::Kind::over: return write_over(sharings.front(), step);
      case Sharing::Kind::part: return take_parts(sharings, step);
    }
  }

  /// The offset of a piece that is one run of bytes, aligned, within `whole`.
  std::optional<int64_t> offset_of(const Sharing& sharing, size_t piece, size_t whole) const {
    const auto rows = sharing.rows.evaluate(symbols_), offset = sharing.offset.evaluate(symbols_);
    if (!rows || *rows != 1 || !offset || *offset < 0 || *offset % kArenaAlignment != 0)
      return std::nullopt;
    if (*offset + own_.buffers[piece].bytes > own_.buffers[whole].bytes) return std::nullopt;
    return offset;
  }

  void view(const std::vector<Sharing>& sharings, int step) {
    const auto of = planned(sharings.front().of);
    if (!of) return;
    std::vector<std::pair<size_t, int64_t>> views;
    for (const Sharing& sharing : sharings) {
      const auto value = planned(sharing.value);
      const auto offset = value ? offset_of(sharing, *value, *of) : std::nullopt;
      if (!offset) return;
      views.emplace_back(*value, *offset);
    }
    for (const auto& [value, offset] : views) {
      const size_t from = group_of(value), to = group_of(*of);
      join(from, to, offsets_[*of] + offset);
    }
    idle_[static_cast<size_t>(step)] = true;
  }

  void write_over(const Sharing& sharing, int step) {
    const auto of = planned(sharing.of), value = planned(sharing.value);
    if (!of || !value || group_of(*value) != *value) return;  // it is over another already
    const Group& group = groups_[group_of(*of)];
    const int64_t bytes = own_.buffers[*of].bytes;
    if (group.last != step || group.buffer.bytes != bytes || bytes == 0 ||
        own_.buffers[*value].bytes != bytes)
      return;
    join(*value, group_of(*of), 0);
  }

  void take_parts(const std::vector<Sharing>& sharings, int step) {
    const auto whole = planned(sharings.front().of);
    if (!whole) return;
    std::vector<std::pair<size_t, int64_t>> parts;
    std::unordered_set<size_t> taken;
    for (const Sharing& sharing : sharings) {
      const auto part = planned(sharing.value);
      const auto offset = part ? offset_of(sharing, *part, *whole) : std::nullopt;
      if (!offset) return;
      const size_t group = group_of(*part);
      if (groups_[group].buffer.bytes != own_.buffers[*part].bytes) return;
      if (!taken.insert(group).second) return;
      parts.emplace_back(group, *offset);
    }
    for (const auto& [group, offset] : parts) join(group, *whole, offset);
    idle_[static_cast<size_t>(step)] = true;
  }

  /// The group that the buffer is in; its offset is the one in that group afterwards. Groups are
  /// joined as trees: what lies on the way up is put right below the root.
  size_t group_of(size_t buffer) {
    std::vector<size_t> way;
    for (; joined_[buffer] != buffer; buffer = joined_[buffer]) way.push_back(buffer);
    int64_t offset = 0;
    for (auto each = way.rbegin(); each != way.rend(); ++each) {
      offset = offsets_[*each] += offset;
      joined_[*each] = buffer;
    }
    return buffer;
  }

  /// Puts all of group `from` at `offset` of group `to`.
  void join(size_t from, size_t to, int64_t offset) {
    if (from == to) return;
    const Group& moved = groups_[from];
    Group& kept = groups_[to];
    joined_[from] = to;
    offsets_[from] = offset;
    kept.buffer.first = std::min(kept.buffer.first, moved.buffer.first);
    kept.buffer.last = std::max(kept.buffer.last, moved.buffer.last);
    kept.last = std::max(kept.last, moved.last);
  }

  Layout finish() {
    Layout layout;
    std::vector<int> numbers(groups_.size(), -1);
    for (size_t i = 0; i < groups_.size(); ++i) {
      if (joined_[i] != i) continue;
      numbers[i] = static_cast<int>(layout.demand.buffers.size());
      layout.demand.buffers.push_back(groups_[i].buffer);
    }
    for (size_t i = 0; i < groups_.size(); ++i) layout.buffers.push_back(numbers[group_of(i)]);
    for (const Demand::Buffer& buffer : own_.buffers) layout.bytes.push_back(buffer.bytes);
    layout.offsets = std::move(offsets_);
    layout.idle = std::move(idle_);
    return layout;
  }

  const Plan& plan_;
  const Bindings& symbols_;
  const Demand own_;  // every planned buffer alone
  std::unordered_map<std::string, size_t> by_name_;
  std::vector<Group> groups_;     // by the planned buffer that started it
  std::vector<size_t> joined_;    // by planned buffer: what its group was put in; itself: nothing
  std::vector<int64_t> offsets_;  // by planned buffer: in that
  std::vector<bool> idle_;
};

}  // namespace

Layout lay_out(const Plan& plan, const Bindings& symbols) { return LayingOut(plan, symbols).run(); }

}  // namespace hone
