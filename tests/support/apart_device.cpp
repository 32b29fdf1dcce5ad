#include "support/apart_device.hpp"

#include <algorithm>
#include <cstring>

#include "base/size.hpp"
#include "ir/bodies/structural.hpp"
#include "ir/evaluation/evaluation.hpp"

namespace hone::test {
namespace {

/// Added to addresses: no processor reads there.
constexpr uintptr_t kAway = uintptr_t{1} << 62;

using Work = std::function<void()>;

class Late final : public Stream {
 public:
  Late(ApartDevice& device, const Share& share)
      : device_(device), share_(share), host_(device.host().stream(share)) {}

  void enqueue(Work work) {
    if (const auto into = recording()) into->push_back(std::move(work));
    else queue_.push_back(std::move(work));
  }
  void record(Event& event) override;
  void wait(Event& event) override;
  void synchronize() override {
    check(recording() == nullptr, Code::internal, "what is recorded is waited for");
    run_until(done_ + queue_.size());
  }
  Share share() const override { return share_; }
  Stream& host() override { return *host_; }
  bool begin_recording() override {
    check(recording() == nullptr, Code::internal, "something is being recorded already");
    recording_ = std::make_shared<std::vector<Work>>();
    return true;
  }
  size_t recorded() const override { return recording()->size(); }
  std::unique_ptr<Recording> end_recording() override;
  void copy(Work work) {
    check(recording() == nullptr, Code::internal, "a copy is recorded");
    enqueue(std::move(work));
  }
  size_t enqueued() const { return done_ + queue_.size(); }
  void run_until(size_t count) {
    while (done_ < count && !queue_.empty()) {
      const auto work = std::move(queue_.front());
      queue_.pop_front();
      ++done_;
      work();
    }
  }

 private:
  ApartDevice& device_;
  const Share share_;
  std::unique_ptr<Stream> host_;
  std::deque<Work> queue_;
  /// Where what is enqueued goes; null: it runs.
  std::shared_ptr<std::vector<Work>> recording() const {
    return recording_ != nullptr ? recording_ : joined_.lock();
  }
  std::shared_ptr<std::vector<Work>> recording_;
  std::weak_ptr<std::vector<Work>> joined_;  // another stream's, behind whose event this one is
  size_t done_ = 0;
  friend struct Recorded;
};

struct Recorded final : Recording {
  Recorded(ApartDevice& device, std::vector<Work> works)
      : device(device), works(std::move(works)) {}
  void replay(Stream& stream) override {
    device.count_replay();
    for (const Work& each : works) static_cast<Late&>(stream).enqueue(each);
  }
  void change(size_t first, Stream& stream, const std::function<void()>& work) override {
    Late& late = static_cast<Late&>(stream);
    late.begin_recording();
    work();
    for (Work& each : *late.recording_) works.at(first++) = std::move(each);
    late.recording_.reset();
  }
  ApartDevice& device;
  std::vector<Work> works;
};

std::unique_ptr<Recording> Late::end_recording() {
  const auto works = std::move(recording_);
  check(!device_.refuses_recordings(), Code::device, "this is not recorded");
  return std::make_unique<Recorded>(device_, std::move(*works));
}

struct Point final : Event {
  Late* stream = nullptr;
  size_t count = 0;
  std::weak_ptr<std::vector<Work>> recording;
};

void Late::record(Event& event) {
  auto& point = static_cast<Point&>(event);
  point.stream = this;
  point.count = enqueued();
  if (const auto into = recording()) point.recording = into;
  else point.recording.reset();
}

void Late::wait(Event& event) {
  const auto& point = static_cast<Point&>(event);
  if (const auto into = point.recording.lock()) {
    if (recording() == nullptr) joined_ = into;
    return;  // it is replayed in the order of enqueueing
  }
  check(recording() == nullptr, Code::internal, "a recording waits for what is none of it");
  enqueue([stream = point.stream, count = point.count] { stream->run_until(count); });
}

bool takes(const Op& op, size_t salt) {
  if (op.op_class().eval == nullptr) return false;
  return salt == 0 || (std::hash<std::string_view>()(op.name()) / 7 + salt) % 3 != 0;
}

template <size_t kSalt>
Verdict supports(const Problem& problem) {
  for (const Node& node : problem.region.body->nodes())
    if (!takes(node.op, kSalt)) return Verdict::no(cat(node.op.name(), " runs elsewhere"));
  return {};
}

std::vector<Tuning> tunings(const Problem&) { return {{}}; }

Recipe recipe(std::shared_ptr<const Problem> problem, const Tuning& tuning) {
  Recipe made;
  made.tuning = tuning;
  // It likes channels innermost: what that makes of plans is tested on it, too.
  const auto lies_apart = [](const OperandLayout& layout) { return !layout.strides.empty(); };
  const auto turned = std::ranges::count_if(problem->inputs, lies_apart) +
                      std::ranges::count_if(problem->outputs, lies_apart);
  made.seconds = 1e-9 / static_cast<double>(1 + turned);
  const Graph& body = *problem->region.body;
  // As null.any does, so that values share bytes and steps have working memory.
  if (body.nodes().size() == 1 && !body.outputs().empty())
    for (size_t i = 0; i < body.inputs().size(); ++i)
      if (problem->weights[i] == nullptr &&
          body.inputs()[i]->type == body.outputs().front().value->type &&
          problem->inputs[i].strides == problem->outputs.front().strides)
        made.may_overwrite.push_back(i);
  made.scratch_bytes = 64;
  made.problem = std::move(problem);
  return made;
}

/// Dense bytes to where the strides say, or back.
void move_elements(std::byte* strided, std::byte* dense, const Operand& operand,
                   const std::vector<int64_t>& strides, bool back) {
  const auto bytes = static_cast<size_t>(bits(operand.dtype) / 8);
  std::vector<int64_t> at(operand.shape.size(), 0);
  const int64_t count = element_count(operand.shape);
  for (int64_t i = 0; i < count; ++i) {
    int64_t place = 0;
    for (size_t axis = 0; axis < at.size(); ++axis) place += at[axis] * strides[axis];
    std::byte* there = strided + static_cast<size_t>(place) * bytes;
    std::byte* here = dense + static_cast<size_t>(i) * bytes;
    std::memcpy(back ? here : there, back ? there : here, bytes);
    for (size_t axis = at.size(); axis-- > 0 && ++at[axis] == operand.shape[axis];) at[axis] = 0;
  }
}

std::vector<int64_t> strides_at(const std::vector<OperandLayout>& layouts, size_t i,
                                const Bindings& symbols) {
  std::vector<int64_t> strides;
  if (i < layouts.size())
    for (const Dim& stride : layouts[i].strides) strides.push_back(*stride.evaluate(symbols));
  return strides;
}

struct Evaluated final : Bound {
  Evaluated(std::shared_ptr<const Problem> problem, const Operands& operands,
            std::span<std::byte> scratch, ApartDevice& device)
      : problem(std::move(problem)), operands(operands), scratch(scratch), device(device) {}
  void rebind(const Operands& again) override { operands = again; }
  void enqueue(Stream& stream) override {
    static_cast<Late&>(stream).enqueue(
        [problem = problem, operands = operands, scratch = scratch, &device = device] {
          run(*problem, operands, scratch, device);
        });
  }

  static int64_t bytes_of(const Operand& operand) {
    return static_cast<int64_t>(bytes_for(operand.dtype, element_count(operand.shape)));
  }

  static void run(const Problem& problem, const Operands& operands, std::span<std::byte> scratch,
                  ApartDevice& device) {
    std::vector<Tensor> inputs;
    for (const Operand& each : operands.inputs) {
      const int64_t bytes = bytes_of(each);
      const auto strides = strides_at(problem.inputs, inputs.size(), operands.symbols);
      inputs.emplace_back(each.dtype, each.shape);
      if (bytes > 0 && !strides.empty())
        move_elements(device.bytes_at(each.data, bytes), inputs.back().mutable_bytes().data(), each,
                      strides, true);
      else if (bytes > 0)
        std::memcpy(inputs.back().mutable_bytes().data(), device.bytes_at(each.data, bytes),
                    static_cast<size_t>(bytes));
    }
    if (!scratch.empty())
      std::memset(device.bytes_at(scratch.data(), static_cast<int64_t>(scratch.size())), 0xa5,
                  scratch.size());
    const std::vector<Tensor> results = evaluate(*problem.region.body, inputs, operands.symbols);
    for (size_t i = 0; i < results.size(); ++i) {
      const Operand& to = operands.outputs[i];
      check(results[i].dtype() == to.dtype && results[i].shape() == to.shape, Code::internal,
            "a region gave ", describe(results[i]));
      const int64_t bytes = bytes_of(to);
      const auto strides = strides_at(problem.outputs, i, operands.symbols);
      if (bytes > 0 && !strides.empty())
        move_elements(device.bytes_at(to.data, bytes),
                      const_cast<std::byte*>(results[i].bytes().data()), to, strides, false);
      else if (bytes > 0)
        std::memcpy(device.bytes_at(to.data, bytes), results[i].bytes().data(),
                    static_cast<size_t>(bytes));
    }
  }

  const std::shared_ptr<const Problem> problem;
  Operands operands;
  const std::span<std::byte> scratch;
  ApartDevice& device;
};

struct Ready final : Prepared {
  Ready(std::shared_ptr<const Problem> problem, ApartDevice& device)
      : problem(std::move(problem)), device(device) {}
  std::unique_ptr<Bound> bind(const Operands& operands, std::span<std::byte> scratch,
                              Stream&) const override {
    return std::make_unique<Evaluated>(problem, operands, scratch, device);
  }
  const std::shared_ptr<const Problem> problem;
  ApartDevice& device;
};

/// What a node finds is what reference evaluation finds.
struct Looking final : Finder {
  Looking(std::shared_ptr<const Graph> body, std::vector<bool> is_input, ApartDevice& device)
      : body(std::move(body)), is_input(std::move(is_input)), device(device) {}
  Shapes look(const std::vector<Operand>& operands, Stream& stream) override {
    stream.synchronize();
    std::vector<Tensor> inputs;
    for (size_t i = 0; i < operands.size(); ++i) {
      if (!is_input[i]) continue;
      const Operand& each = operands[i];
      const int64_t bytes = Evaluated::bytes_of(each);
      inputs.emplace_back(each.dtype, each.shape);
      if (bytes > 0)
        std::memcpy(inputs.back().mutable_bytes().data(), device.bytes_at(each.data, bytes),
                    static_cast<size_t>(bytes));
    }
    found = evaluate(*body, inputs);
    Shapes shapes;
    for (const Tensor& each : found) shapes.push_back(each.shape());
    return shapes;
  }
  void write(const std::vector<std::byte*>& results, Stream& stream) override {
    static_cast<Late&>(stream).enqueue([results, found = found, &device = device] {
      for (size_t i = 0; i < found.size(); ++i) {
        const size_t bytes = found[i].bytes().size();
        if (bytes > 0)
          std::memcpy(device.bytes_at(results[i], static_cast<int64_t>(bytes)),
                      found[i].bytes().data(), bytes);
      }
    });
  }
  const std::shared_ptr<const Graph> body;
  const std::vector<bool> is_input;  // by operand: neither absent nor a literal
  ApartDevice& device;
  std::vector<Tensor> found;
};

struct Looked final : Finding {
  Looked(const Node& node, ApartDevice& device) : body(region_of(node).body), device(device) {
    for (const Value* input : node.inputs)
      is_input.push_back(input != nullptr && !input->is_literal());
  }
  std::unique_ptr<Finder> finder() const override {
    device.count_finder();
    return std::make_unique<Looking>(body, is_input, device);
  }
  const std::shared_ptr<const Graph> body;
  std::vector<bool> is_input;
  ApartDevice& device;
};

std::shared_ptr<const Prepared> prepare(const Recipe& recipe, std::vector<Tensor>, Device& device) {
  return std::make_shared<Ready>(recipe.problem, static_cast<ApartDevice&>(device));
}

}  // namespace

struct ApartDevice::Memory {
  std::mutex mutex;
  std::map<uintptr_t, Tensor> allocations;  // by the device's address
};

ApartDevice::ApartDevice(size_t salt)
    : host_(open_device("cpu")), salt_(salt), memory_(std::make_shared<Memory>()) {
  auto target = std::make_shared<Target>();
  target->device = "apart";
  target->host = host_->target();
  target_ = target;
  constexpr Verdict (*kSupports[])(const Problem&) = {supports<0>, supports<1>, supports<2>,
                                                      supports<3>};
  Kernel kernel{"apart.reference", 1, kSupports[salt], tunings, recipe, prepare};
  kernel.several = kernel.strided = true;
  kernels_.add(kernel);
  for (const Kernel* each : host_->kernels().all()) {
    Kernel there = *each;
    there.on_host = true;
    kernels_.add(there);
  }
}

void ApartDevice::count_allocation() {
  if (until_failure_ >= 0 && until_failure_-- == 0)
    fail(Code::out_of_memory, "no memory, as was asked for");
}

Buffer ApartDevice::allocate_host(int64_t bytes) {
  count_allocation();
  return Device::allocate_host(bytes);
}

Buffer ApartDevice::allocate(int64_t bytes) {
  count_allocation();
  Tensor memory(DType::u8, {bytes});
  const uintptr_t at = reinterpret_cast<uintptr_t>(memory.mutable_bytes().data()) + kAway;
  auto* data = reinterpret_cast<std::byte*>(at);
  if (bytes == 0) return {data, 0, false, nullptr};
  const std::lock_guard lock(memory_->mutex);
  memory_->allocations.insert_or_assign(at, std::move(memory));
  std::shared_ptr<void> owner(data, [all = memory_, at](void*) {
    const std::lock_guard gone(all->mutex);
    all->allocations.erase(at);
  });
  return {data, bytes, false, std::move(owner)};
}

int64_t ApartDevice::allocated_bytes() const {
  const std::lock_guard lock(memory_->mutex);
  int64_t bytes = 0;
  for (const auto& [at, tensor] : memory_->allocations) bytes += tensor.count();
  return bytes;
}

std::byte* ApartDevice::bytes_at(const std::byte* data, int64_t bytes) {
  const auto at = reinterpret_cast<uintptr_t>(data);
  const std::lock_guard lock(memory_->mutex);
  auto found = memory_->allocations.upper_bound(at);
  const bool inside =
      found != memory_->allocations.begin() &&
      (--found, at + static_cast<uint64_t>(bytes) <= found->first + found->second.bytes().size());
  check(inside, Code::internal, bytes, " bytes that are not of the device");
  return found->second.mutable_bytes().data() + (at - found->first);
}

/// Ops that look at all of their operands' elements.
std::shared_ptr<const Finding> ApartDevice::finding(const Node& node) {
  const std::string_view kind = node.op.name();
  const bool finds = kind == "NonZero" || kind == "Compress" || kind == "NonMaxSuppression";
  if (!finds || !takes(node.op, salt_)) return nullptr;
  return std::make_shared<Looked>(node, *this);
}

std::unique_ptr<Stream> ApartDevice::stream(const Share& share) {
  return std::make_unique<Late>(*this, share);
}

std::unique_ptr<Event> ApartDevice::event() { return std::make_unique<Point>(); }

std::vector<MachineCode> ApartDevice::code(const Prepared& prepared) const {
  std::string ops;
  for (const Node& node : static_cast<const Ready&>(prepared).problem->region.body->nodes())
    ops += cat(node.op.name(), " ");
  return {{hash_text(ops), ops}};
}

void ApartDevice::copy(const Buffer& to, const Buffer& from, Stream& stream) {
  static_cast<Late&>(stream).copy([this, to, from] {
    const int64_t bytes = to.bytes;
    std::byte* target = to.host ? to.data : bytes_at(to.data, bytes);
    const std::byte* source = from.host ? from.data : bytes_at(from.data, bytes);
    std::memcpy(target, source, static_cast<size_t>(bytes));
    copied_ += bytes;
  });
}

}  // namespace hone::test
