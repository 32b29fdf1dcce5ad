#include "plan/replay.hpp"

#include <algorithm>
#include <set>

namespace hone::test {
namespace {

using Bytes = std::vector<uint8_t>;
using null::Command;
using null::Range;

class Replay {
 public:
  Replay(const Rehearsed& rehearsed, std::mt19937& random)
      : rehearsed_(rehearsed),
        random_(random),
        memory_(static_cast<size_t>(rehearsed.placement.bytes)) {
    for (const Command& command : rehearsed.device.log()) {
      if (command.kind == Command::Kind::launch) launches_.emplace(command.label, &command);
      queues_[command.stream].push_back(&command);
    }
    fill(memory_);
    make_contents();
  }

  std::optional<std::string> run() {
    for (auto& [stream, queue] : queues_) places_[stream] = {};
    while (true) {
      std::vector<int> able;
      bool done = true;
      for (const auto& [stream, queue] : queues_) {
        const Place& place = places_[stream];
        if (place.next == queue.size()) continue;
        done = false;
        const Command& command = *queue[place.next];
        if (command.kind != Command::Kind::wait || happened_.contains(command.event))
          able.push_back(stream);
      }
      if (done) return std::nullopt;
      if (able.empty()) return "every stream waits for another";
      const int stream = able[random_() % able.size()];
      // Now and then one stream runs far ahead.
      for (size_t turns = random_() % 4 == 0 ? 1 + random_() % 12 : 1; turns > 0; --turns)
        if (auto wrong = advance(stream)) return wrong;
    }
  }

 private:
  struct Place {
    size_t next = 0;
    bool begun = false;  // the first half of a launch has run
    Bytes scratch;
  };

  void fill(Bytes& bytes) {
    for (uint8_t& byte : bytes) byte = static_cast<uint8_t>(random_());
  }
  uint8_t* at(const Range& range) { return memory_.data() + (range.address - kArenaAddress); }
  void write(const Range& range, const Bytes& bytes) {
    std::copy(bytes.begin(), bytes.end(), at(range));
  }
  bool holds(const Range& range, const Bytes& bytes) {
    return std::equal(bytes.begin(), bytes.end(), at(range));
  }

  /// Contents of every value in the arena. Steps that do not run give what their operands are.
  void make_contents() {
    int step = 0;
    for (const Node& node : rehearsed_.graph.nodes()) {
      const auto launch = launches_.find(step++);
      size_t result = 0;
      Bytes joined;
      if (launch == launches_.end())
        for (const Value* input : node.inputs)
          if (const auto found = contents_.find(input);
              found != contents_.end() && shares_bytes(node, *input))
            joined.insert(joined.end(), found->second.begin(), found->second.end());
      auto next = joined.begin();
      for (const Value* output : node.outputs) {
        if (output == nullptr) continue;
        Bytes& bytes = contents_[output];
        if (launch != launches_.end()) {
          bytes.resize(static_cast<size_t>(launch->second->writes[result++].bytes));
          fill(bytes);
          continue;
        }
        const auto share = static_cast<long>(joined.size() * size_of(*output) / all_of(node));
        bytes.assign(next, next + share);
        next += share;
      }
    }
  }
  /// A result is the operand, or has it as a part; a shape that a Reshape reads is neither.
  bool shares_bytes(const Node& node, const Value& input) const {
    const auto is_result = [&](const std::string& name) {
      return std::any_of(node.outputs.begin(), node.outputs.end(), [&](const Value* output) {
        return output != nullptr && output->name == name;
      });
    };
    const auto& sharings = rehearsed_.plan.sharings;
    return std::any_of(sharings.begin(), sharings.end(), [&](const Sharing& each) {
      return each.kind == Sharing::Kind::part ? each.value == input.name && is_result(each.of)
                                              : each.of == input.name && is_result(each.value);
    });
  }
  /// Elements, in proportion: pieces of one tensor.
  size_t size_of(const Value& value) const {
    for (size_t i = 0; i < rehearsed_.plan.buffers.size(); ++i)
      if (rehearsed_.plan.buffers[i].value == value.name)
        return static_cast<size_t>(rehearsed_.layout.bytes[i]);
    return 0;
  }
  size_t all_of(const Node& node) const {
    size_t sum = 0;
    for (const Value* output : node.outputs) sum += output == nullptr ? 0 : size_of(*output);
    return std::max<size_t>(sum, 1);
  }

  std::optional<std::string> advance(int stream) {
    Place& place = places_[stream];
    const auto& queue = queues_.at(stream);
    if (place.next == queue.size()) return std::nullopt;
    const Command& command = *queue[place.next];
    switch (command.kind) {
      case Command::Kind::wait:
        if (happened_.contains(command.event)) ++place.next;
        return std::nullopt;
      case Command::Kind::record:
        happened_.insert(command.event);
        ++place.next;
        return std::nullopt;
      case Command::Kind::copy: return "a plan copies nothing";
      case Command::Kind::launch: break;
    }
    auto wrong = place.begun ? finish(command, place) : begin(command, place);
    if (!wrong) return std::nullopt;
    return cat("step ", command.label, ", %",
               rehearsed_.plan.steps[static_cast<size_t>(command.label)].node, ": ", *wrong);
  }

  const Node& node_of(const Command& command) const {
    return *std::next(rehearsed_.graph.nodes().begin(), command.label);
  }

  std::optional<std::string> check_reads(const Command& command, bool written) {
    const std::vector<Value*> operands = region_operands(node_of(command));
    for (size_t i = 0; i < operands.size(); ++i) {
      const Range& range = command.reads[i];
      const auto found = contents_.find(operands[i]);
      if (range.address == 0 || found == contents_.end()) continue;
      const bool over =
          std::any_of(command.writes.begin(), command.writes.end(), [&](const Range& result) {
            return result.address < range.address + static_cast<uintptr_t>(range.bytes) &&
                   range.address < result.address + static_cast<uintptr_t>(result.bytes);
          });
      if (!(written && over) && !holds(range, found->second))
        return cat("%", operands[i]->name, " is not there", written ? " any more" : "");
    }
    return std::nullopt;
  }

  /// Reads, then scratch and results hold whatever.
  std::optional<std::string> begin(const Command& command, Place& place) {
    if (auto wrong = check_reads(command, false)) return wrong;
    for (const Range& range : command.writes) {
      if (range.address == 0) continue;
      Bytes half(static_cast<size_t>(range.bytes));
      fill(half);
      write(range, half);
    }
    if (command.scratch.address != 0) {
      place.scratch.resize(static_cast<size_t>(command.scratch.bytes));
      fill(place.scratch);
      write(command.scratch, place.scratch);
    }
    place.begun = true;
    return std::nullopt;
  }

  std::optional<std::string> finish(const Command& command, Place& place) {
    if (auto wrong = check_reads(command, true)) return wrong;
    if (command.scratch.address != 0 && !holds(command.scratch, place.scratch))
      return "its scratch was written to";
    size_t result = 0;
    for (const Value* output : node_of(command).outputs) {
      if (output == nullptr) continue;
      const Range& range = command.writes[result++];
      if (range.address != 0) write(range, contents_.at(output));
    }
    place.begun = false;
    ++place.next;
    return std::nullopt;
  }

  const Rehearsed& rehearsed_;
  std::mt19937& random_;
  Bytes memory_;
  std::map<int, const Command*> launches_;             // by step
  std::map<int, std::vector<const Command*>> queues_;  // by stream
  std::map<int, Place> places_;                        // by stream
  std::set<int> happened_;                             // events
  std::unordered_map<const Value*, Bytes> contents_;
};

}  // namespace

Rehearsed::Rehearsed(const Graph& of, const Plan& planned, const Layout& laid,
                     const Placement& placed)
    : graph(of), plan(planned), layout(laid), placement(placed), device(stream_count(planned)) {
  rehearse(of, planned, laid, placed, device);
}

std::optional<std::string> replay(const Rehearsed& rehearsed, std::mt19937& random) {
  return Replay(rehearsed, random).run();
}

std::optional<std::string> replay(const Rehearsed& rehearsed, std::mt19937& random, int times) {
  for (int i = 0; i < times; ++i)
    if (auto wrong = replay(rehearsed, random)) return wrong;
  return std::nullopt;
}

}  // namespace hone::test
