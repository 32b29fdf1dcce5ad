#include <algorithm>
#include <chrono>
#include <cmath>
#include <memory>
#include <optional>
#include <set>

#include "base/error.hpp"
#include "base/file.hpp"
#include "files/npy.hpp"
#include "inputs.hpp"
#include "ir/fields.hpp"
#include "output.hpp"

namespace hone::cli {
namespace {

struct RunOptions {
  ModelOptions model;
  InputOptions inputs;
  std::string save, labels;
  int top = 0, repeat = 0;
};

constexpr int64_t kShownElements = 6;

std::string summary(const std::string& name, const Tensor& tensor) {
  std::string text = cat(name, "  ", describe(tensor));
  if (tensor.count() == 0 || is_complex(tensor.dtype())) return text;
  std::vector<std::string> first;
  for (int64_t i = 0; i < std::min(tensor.count(), kShownElements); ++i) {
    const auto at = static_cast<size_t>(i);
    if (tensor.dtype() == DType::string) append_quoted(first.emplace_back(), tensor.strings()[at]);
    else if (is_float(tensor.dtype())) first.push_back(short_number(tensor.number(i)));
    else first.push_back(cat(tensor.integer(i)));
  }
  if (tensor.dtype() != DType::string) {
    double least = INFINITY, most = -INFINITY, sum = 0;
    int64_t broken = 0;
    for (int64_t i = 0; i < tensor.count(); ++i) {
      const double value = tensor.number(i);
      broken += !std::isfinite(value);
      least = std::min(least, value), most = std::max(most, value), sum += value;
    }
    text += cat("  min ", short_number(least), "  max ", short_number(most), "  mean ",
                short_number(sum / static_cast<double>(tensor.count())));
    if (broken != 0) text += cat("  not finite: ", broken);
  }
  return cat(text, "  [", join(first, ", "), tensor.count() > kShownElements ? ", ...]" : "]");
}

std::vector<std::string> read_labels(const std::string& path) {
  std::vector<std::string> labels;
  if (path.empty()) return labels;
  const std::string text = read_text(path);
  for (const std::string_view each : split(text, '\n')) labels.emplace_back(trim(each));
  if (!labels.empty() && labels.back().empty()) labels.pop_back();
  return labels;
}

/// The largest elements of each row; a row is what one index of the first dimension has.
void print_top(const std::string& name, const Tensor& tensor, int wanted,
               const std::vector<std::string>& labels) {
  const int64_t rows = tensor.rank() >= 2 ? tensor.dim(0) : 1;
  const int64_t columns = rows == 0 ? 0 : tensor.count() / rows;
  check(labels.empty() || static_cast<int64_t>(labels.size()) == columns, Code::usage,
        "--labels holds ", labels.size(), " labels, output \"", name, "\" has ", columns,
        " classes");
  for (int64_t row = 0; row < rows; ++row) {
    std::vector<int64_t> order;
    for (int64_t i = 0; i < columns; ++i) order.push_back(i);
    const auto value = [&](int64_t i) { return tensor.number(row * columns + i); };
    const int64_t most = std::min<int64_t>(wanted, columns);
    std::partial_sort(order.begin(), order.begin() + most, order.end(), [&](int64_t a, int64_t b) {
      return value(a) != value(b) ? value(a) > value(b) : a < b;
    });
    std::vector<std::vector<std::string>> lines;
    for (int64_t i = 0; i < most; ++i) {
      const int64_t at = order[static_cast<size_t>(i)];
      lines.push_back({cat("  ", short_number(value(at))), cat(at),
                       labels.empty() ? "" : labels[static_cast<size_t>(at)]});
    }
    line(name, rows > 1 ? cat("[", row, "]") : std::string());
    print(table(lines, {true, true, false}));
  }
}

/// Elements of sequences by names of their own, name.0, name.1 ...; what holds nothing left out.
NamedTensors flat(const NamedTensors& results) {
  NamedTensors tensors;
  for (const auto& [name, result] : results) {
    if (result.is_tensor()) tensors.emplace_back(name, result);
    if (!result.is_sequence()) continue;
    for (size_t i = 0; i < result.elements().size(); ++i)
      tensors.emplace_back(cat(name, ".", i), result.elements()[i]);
  }
  return tensors;
}

/// Results that share a name, as a model may give one value twice: NAME, NAME.1 ...
void save(const std::string& path, const NamedTensors& results) {
  std::set<std::string_view> given;
  for (const auto& [name, tensor] : results) given.insert(name);
  std::set<std::string> used;
  NpzWriter file(path);
  for (const auto& [name, tensor] : results) {
    std::string own = name;
    for (int i = 1; used.contains(own) || (own != name && given.contains(own)); ++i)
      own = cat(name, ".", i);
    used.insert(own);
    if (tensor.dtype() == DType::string)
      file.add(own, {DType::string, tensor.shape(), {}, tensor.strings()});
    else
      file.add(own,
               {tensor.dtype(), tensor.shape(), {tensor.bytes().begin(), tensor.bytes().end()}});
  }
  file.commit();
}

void measure(Context& context, const NamedTensors& inputs, const RunOptions& options, int workers) {
  using Clock = std::chrono::steady_clock;
  std::vector<double> times;
  for (int i = 0; i < options.repeat; ++i) {
    const auto start = Clock::now();
    context.run(inputs);
    times.push_back(std::chrono::duration<double>(Clock::now() - start).count());
  }
  std::sort(times.begin(), times.end());
  line("latency  min ", seconds_text(times.front()), "  median ",
       seconds_text(times[times.size() / 2]), "  (", options.repeat, " runs, ", workers,
       workers == 1 ? " worker)" : " workers)");
}

std::string types_of_inputs(const Graph& graph) {
  std::vector<std::string> types;
  for (const Value* input : graph.inputs()) types.push_back(cat(input->type));
  return join(types, " ");
}

void run(const RunOptions& options) {
  check(options.labels.empty() || options.top > 0, Code::usage, "--labels goes with --top K");
  const std::vector<std::string> labels = read_labels(options.labels);
  NamedTensors inputs;
  std::optional<std::string> types;
  const auto read = [&](const Graph& graph, const Defaults* defaults) {
    const Graph& stated = defaults != nullptr ? *defaults->graph : graph;
    if (types == types_of_inputs(stated)) return;
    inputs = read_inputs(stated, options.model, options.inputs, defaults);
    types = types_of_inputs(stated);
  };
  // A wrong input is told before the engine is made, which may take long.
  const std::shared_ptr<const Engine> engine = options.model.open_engine(read);
  read(engine->stated(), engine->defaults().get());  // passes may have found out more about sizes
  Context context(engine);
  const NamedTensors results = context.run(inputs);
  if (!options.save.empty()) save(options.save, flat(results));
  for (const auto& [name, result] : results)
    if (!result.is_tensor() && options.save.empty()) line(summary(name, result));
  for (const auto& [name, tensor] : flat(results)) {
    if (options.top > 0 && tensor.dtype() != DType::string)
      print_top(name, tensor, options.top, labels);
    else if (options.save.empty()) line(summary(name, tensor));
  }
  if (options.repeat > 0) measure(context, inputs, options, engine->workers());
}

}  // namespace

std::function<void()> declare_run(Arguments& arguments) {
  const auto options = std::make_shared<RunOptions>();
  options->model.declare_path(arguments);
  options->inputs.declare(arguments);
  options->model.declare_shapes(arguments);
  arguments.option("--top", options->top, "K", "Print the K largest elements of each output");
  arguments.option("--labels", options->labels, "FILE", "Names of the classes, one a line");
  arguments.option("-o,--save", options->save, "FILE.npz", "Write every output");
  arguments.option("--repeat", options->repeat, "N", "Run N more times and print the latency");
  options->model.declare_workers(arguments);
  options->model.declare_device(arguments);
  options->model.declare_halves(arguments);
  options->model.declare_weights(arguments);
  options->model.declare_disabled(arguments);
  return [options] { run(*options); };
}

}  // namespace hone::cli
