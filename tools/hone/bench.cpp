// Times of an engine: how long one inference takes, and how many there are in a second.

#include <algorithm>
#include <barrier>
#include <chrono>
#include <memory>
#include <thread>

#include "base/error.hpp"
#include "bench_kernels.hpp"
#include "bench_report.hpp"
#include "inputs.hpp"
#include "machine.hpp"
#include "output.hpp"
#include "runtime/engine_file.hpp"

namespace hone::cli {
namespace {

using Clock = std::chrono::steady_clock;

constexpr size_t kLeastRuns = 10;  // of a context, however short the time
constexpr int kMostContexts = 256;

struct BenchOptions {
  ModelOptions model;
  InputOptions inputs;
  std::string output, format = "text", batches, kernels, devices;
  double duration = 3, warm_up = 0.5;
  int iterations = 0, contexts = 1;
  bool on_device = false;
};

/// What is measured: one choice of sizes, in the words of --shape and --batch.
struct Case {
  std::vector<std::string> shapes;
  int64_t batch = 1;
};

/// --shape [NAME=]A,B,C gives the first, second and third case their sizes; one size goes with all.
std::vector<Case> cases_of(const BenchOptions& options) {
  size_t count = 1;
  std::vector<std::vector<std::string>> lists;
  for (const std::string& given : options.model.shapes) {
    const size_t equals = given.find('=');
    const std::string name = equals == std::string::npos ? "" : given.substr(0, equals + 1);
    std::vector<std::string> list;
    for (const std::string_view shape : split(std::string_view(given).substr(name.size()), ','))
      list.push_back(cat(name, shape));
    check(list.size() == 1 || count == 1 || list.size() == count, Code::usage, "--shape ", given,
          ": gives ", list.size(), " shapes, another one gives ", count);
    count = std::max(count, list.size());
    lists.push_back(std::move(list));
  }
  std::vector<Case> cases;
  for (size_t i = 0; i < count; ++i) {
    Case one;
    for (const auto& list : lists) one.shapes.push_back(list.size() == 1 ? list[0] : list[i]);
    if (options.batches.empty()) {
      cases.push_back(std::move(one));
      continue;
    }
    for (const std::string_view word : split(options.batches, ',')) {
      const auto batch = parse_int(word);
      check(batch && *batch > 0, Code::usage, "--batch ", options.batches,
            ": wanted numbers such as 1,8,32");
      one.batch = *batch;
      cases.push_back(one);
    }
  }
  return cases;
}

NamedTensors inputs_of(const Engine& engine, const BenchOptions& options, const Case& chosen) {
  ModelOptions model = options.model;
  model.shapes = chosen.shapes;
  InputOptions inputs = options.inputs;
  inputs.first_size = chosen.batch;
  return inputs_or_random(engine, model, std::move(inputs));
}

/// Tensors of one context.
struct Placed {
  NamedTensors inputs, outputs;
  OnDevice there;
};

Tensor in_buffer(const Tensor& like, const Buffer& buffer) {
  return Tensor::borrow_mutable(like.dtype(), like.shape(), bytes_of(buffer), buffer.owner);
}
bool has_bytes(const Tensor& tensor) {
  return tensor.is_tensor() && tensor.dtype() != DType::string && tensor.count() > 0;
}

/// Inputs that a device apart copies fastest: pinned.
NamedTensors pinned(Device& device, NamedTensors inputs) {
  if (!device.is_apart()) return inputs;
  for (auto& [name, tensor] : inputs) {
    if (!has_bytes(tensor)) continue;
    Tensor there = in_buffer(tensor, device.allocate_host(std::ssize(tensor.bytes())));
    std::ranges::copy(tensor.bytes(), there.mutable_bytes().begin());
    tensor = std::move(there);
  }
  return inputs;
}

/// Inputs and places for results in the memory of the device.
Placed on_device(Device& device, const NamedTensors& inputs, const NamedTensors& results) {
  Placed placed{inputs, {}, {}};
  const auto stream = device.stream({});
  for (auto& [name, tensor] : placed.inputs) {
    placed.there.inputs.push_back(has_bytes(tensor));
    if (!has_bytes(tensor)) continue;
    const std::span<const std::byte> bytes = tensor.bytes();
    const Buffer to = device.allocate(std::ssize(bytes));
    device.copy(to, {const_cast<std::byte*>(bytes.data()), to.bytes, true, nullptr}, *stream);
    stream->synchronize();
    tensor = in_buffer(tensor, to);
  }
  for (const auto& [name, tensor] : results) {
    if (!has_bytes(tensor)) continue;
    placed.outputs.emplace_back(name,
                                in_buffer(tensor, device.allocate(std::ssize(tensor.bytes()))));
    placed.there.outputs.push_back(true);
  }
  return placed;
}

/// Of one context from when all of them begin.
struct Times {
  std::vector<double> runs, enqueued;
};
Times run_until_done(Context& context, const Placed& placed, const BenchOptions& options) {
  Times times;
  const auto start = Clock::now();
  const auto wanted = static_cast<size_t>(options.iterations);
  while (wanted > 0 ? times.runs.size() < wanted
                    : times.runs.size() < kLeastRuns || seconds_since(start) < options.duration) {
    const auto begin = Clock::now();
    context.run(placed.inputs, placed.outputs, placed.there);
    times.runs.push_back(seconds_since(begin));
    times.enqueued.push_back(context.enqueue_seconds());
  }
  return times;
}

using Engines = std::vector<std::shared_ptr<const Engine>>;

/// Every context on a thread of its own, all at once; the first error is thrown.
Measured measure(const Engines& engines, const BenchOptions& options, const Case& chosen) {
  const NamedTensors inputs =
      pinned(engines.front()->device(), inputs_of(*engines.front(), options, chosen));
  Measured measured;
  measured.inputs = sizes_text(inputs);
  if (!inputs.empty() && inputs.front().second.is_tensor() && inputs.front().second.rank() > 0)
    measured.samples = inputs.front().second.dim(0);
  const auto begin = Clock::now();
  std::vector<std::unique_ptr<Context>> contexts;
  contexts.push_back(std::make_unique<Context>(engines.front()));
  const NamedTensors results = contexts.front()->run(inputs);
  measured.first = seconds_since(begin);
  const size_t count = engines.size() * static_cast<size_t>(options.contexts);
  for (size_t i = 1; i < count; ++i)
    contexts.push_back(std::make_unique<Context>(engines[i % engines.size()]));
  const auto tensors_of = [&](size_t i) {
    Device& device = engines[i % engines.size()]->device();
    return options.on_device && device.is_apart() ? on_device(device, inputs, results)
                                                  : Placed{inputs, {}, {}};
  };
  std::vector<Times> times(contexts.size());
  std::vector<std::exception_ptr> errors(contexts.size());
  Clock::time_point start;
  std::barrier ready(std::ssize(contexts), [&]() noexcept { start = Clock::now(); });
  const auto work = [&](size_t i) {
    Placed placed;
    try {
      placed = tensors_of(i);
      const auto warm = Clock::now();
      do contexts[i]->run(placed.inputs, placed.outputs, placed.there);
      while (seconds_since(warm) < options.warm_up);
    } catch (...) {
      errors[i] = std::current_exception();
    }
    ready.arrive_and_wait();
    try {
      if (errors[i] == nullptr) times[i] = run_until_done(*contexts[i], placed, options);
    } catch (...) {
      errors[i] = std::current_exception();
    }
  };
  {
    std::vector<std::jthread> threads;
    for (size_t i = 1; i < contexts.size(); ++i) threads.emplace_back(work, i);
    work(0);
  }
  measured.elapsed = seconds_since(start);
  for (const std::exception_ptr& error : errors)
    if (error != nullptr) std::rethrow_exception(error);
  std::vector<double> all, enqueued;
  for (const Times& each : times) {
    all.insert(all.end(), each.runs.begin(), each.runs.end());
    enqueued.insert(enqueued.end(), each.enqueued.begin(), each.enqueued.end());
  }
  measured.latency = latency_of(std::move(all));
  measured.enqueued = latency_of(std::move(enqueued)).median;
  measured.arena_bytes = contexts.front()->arena_bytes();
  return measured;
}

/// "0,1": GPUs; others by their names. One that has none: the device of --device.
std::vector<std::string> devices_of(const BenchOptions& options) {
  if (options.devices.empty()) return {options.model.device};
  check(options.model.device.empty(), Code::usage, "--device and --devices: wanted one of them");
  std::vector<std::string> names;
  for (const std::string_view word : split(options.devices, ',')) {
    check(!word.empty(), Code::usage, "--devices ", options.devices,
          ": wanted numbers of GPUs, or names of devices, such as 0,1");
    names.push_back(parse_int(word) ? cat("cuda:", word) : std::string(word));
  }
  return names;
}

void bench(BenchOptions options) {
  settle_output(options.output, options.format, {"text", "md", "csv", "json"});
  check(options.contexts >= 1 && options.contexts <= kMostContexts, Code::usage, "--contexts ",
        options.contexts, ": wanted 1 to ", kMostContexts);
  check(options.duration > 0, Code::usage, "--duration ", short_number(options.duration),
        ": wanted more than no seconds");
  check(options.warm_up >= 0, Code::usage, "--warm-up ", short_number(options.warm_up),
        ": wanted 0 seconds or more");
  check(options.model.path.empty() != options.kernels.empty(), Code::usage,
        "wanted a model, or --kernels REGEX without one");
  if (!options.kernels.empty())
    return give(options.output, kernels_report(options.kernels, options.model, options.format));
  const std::vector<Case> cases = cases_of(options);
  const std::vector<std::string> devices = devices_of(options);
  const int contexts = options.contexts * static_cast<int>(devices.size());
  if (options.model.workers == 0) options.model.workers = std::max(1, usable_cores() / contexts);
  BenchReport report;
  const auto begin = Clock::now();
  ModelOptions model = options.model;
  model.shapes = cases.front().shapes;
  Engines engines;
  for (const std::string& device : devices) {
    model.device = device;
    engines.push_back(model.open_engine([&](const Graph&, const Defaults*) {
      report.built = !is_engine_file(options.model.path);
    }));
  }
  const Engine& engine = *engines.front();
  report.open_seconds = seconds_since(begin);
  report.model = options.model.file_name();
  report.version = version_text();
  report.target = engine.device().target()->text();
  if (devices.size() > 1) report.target += cat(", ", join(devices, " "));
  report.processor = processor_name();
  report.cores = usable_cores();
  report.workers = engine.workers();
  report.contexts = contexts;
  report.warm_up = options.warm_up;
  for (const Case& chosen : cases) report.cases.push_back(measure(engines, options, chosen));
  report.packed_bytes = engine.packed_bytes();
  report.peak_bytes = peak_memory();
  give(options.output, report_text(report, options.format));
}

}  // namespace

std::function<void()> declare_bench(Arguments& arguments) {
  const auto options = std::make_shared<BenchOptions>();
  options->model.declare_path(arguments, false);
  arguments.option("-o,--output", options->output, "FILE",
                   "Write there what would be printed; .md, .csv, .json: that form");
  arguments.option("--format", options->format, "text|md|csv|json",
                   "Form of the figures; -o text, -o json ... say it, too");
  arguments.option("--duration", options->duration, "SECONDS",
                   "Measure so long for each choice of sizes, 10 runs at least; 3");
  arguments.option("--iterations", options->iterations, "N",
                   "Measure so many runs of each context instead");
  arguments.option("--warm-up", options->warm_up, "SECONDS", "Run so long before; 0.5");
  arguments.option("--contexts", options->contexts, "N",
                   "Inferences at the same time, each on a context of its own; 1");
  arguments.option("--devices", options->devices, "0,1",
                   "GPUs, an engine and contexts on each, all at the same time");
  arguments.flag("--on-device", options->on_device,
                 "Inputs and results in the memory of the GPU: none is copied");
  arguments.option("--batch", options->batches, "1,8,32",
                   "What inputs have first, where they leave it open; each in turn");
  arguments.option("--shape", options->model.shapes, "[NAME=]1x128,1x256",
                   "Open sizes of an input; several are taken in turn (repeatable)");
  arguments.option("--kernels", options->kernels, "REGEX",
                   "No model: time kernels by these names over a table of regions");
  options->inputs.declare(arguments);
  options->model.declare_workers(arguments);
  options->model.declare_device(arguments);
  options->model.declare_halves(arguments);
  options->model.declare_weights(arguments);
  options->model.declare_disabled(arguments);
  return [options] { bench(*options); };
}

}  // namespace hone::cli
