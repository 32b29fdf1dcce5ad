#include "model_options.hpp"

#include <algorithm>

#include "base/error.hpp"
#include "base/size.hpp"
#include "ir/evaluation/evaluation.hpp"
#include "passes/fusion/fuse.hpp"
#include "passes/prepare_fusion.hpp"
#include "passes/widen_halves.hpp"
#include "runtime/engine_file.hpp"

namespace hone::cli {

void ModelOptions::declare_path(Arguments& arguments, bool required) {
  arguments.positional(
      "model", path, "A model (docs/formats.md lists the formats) or an engine (.hone)", required);
}

void ModelOptions::declare_weights(Arguments& arguments) {
  arguments.option("--weights", weights, "FILE",
                   "The other file of a net that is kept in two (Caffe, MXNet)");
  arguments.option("--signature", signature, "NAME",
                   "Which signature of a SavedModel; the one to serve with when not given");
  arguments.flag("--reference-rounding", reference_rounding,
                 "Integers of TFLite as its reference kernels round them, bit for bit, slower");
  arguments.option("--result", results, "NODE",
                   "A node of a TensorFlow graph that gives an output (repeatable)");
  arguments.option("--random-weights", random_weights, "SEED",
                   "Fill weights whose external file is absent with random values");
  arguments.option("--random-gain", random_gain, "GAIN",
                   "Their variance is GAIN^2 * 2 / fan-in; 1 when not given");
  arguments.flag("--follow-links", follow_links,
                 "Read weights behind symbolic and hard links, wherever they lead");
}

void ModelOptions::declare_workers(Arguments& arguments) {
  arguments.option("--workers", workers, "N", "Threads per inference; 0: one per usable core");
}

void ModelOptions::declare_device(Arguments& arguments) {
  arguments.option("--device", device, "NAME", "cpu, cuda, cuda:1 ...; `hone doctor` lists them");
  arguments.flag("--no-fallback", no_fallback,
                 "Run no step on the host: refuse what the device has no kernel for");
  arguments.flag("--trust", trust,
                 "Run the compiled code in an engine file whoever wrote it, not only your own");
  arguments.option("--streams", streams, "N",
                   "Branches of the network that may run beside each other, on a GPU; 1");
}

void ModelOptions::declare_halves(Arguments& arguments) {
  arguments.flag("--fp16", fp16, "Store f32 as f16; sums stay f32, so does what may overflow");
  arguments.flag("--bf16", bf16, "Store f32 as bf16; sums stay f32");
}

void ModelOptions::declare_disabled(Arguments& arguments) {
  arguments.option("--disable", disabled, "PASS", "Leave out a pass (repeatable); all: every one");
  arguments.option("--keep", keep, "REGEX",
                   "Leave nodes as they are whose name in the model matches (repeatable)");
}

void ModelOptions::declare_shapes(Arguments& arguments) {
  arguments.option("--shape", shapes, "[NAME=]1x3x224x224",
                   "Sizes of an input that are open; of a Caffe net, any (repeatable)");
  arguments.option("--number", numbers, "NAME=16000",
                   "Value of a parameter of a TorchScript that is a number (repeatable)");
}

std::string ModelOptions::file_name() const {
  return std::filesystem::path(path).filename().string();
}

bool ModelOptions::takes_sizes() const {
  try {
    const std::string format = import_file(path, import_options()).format;
    return format == "torchscript" || format == "caffe";
  } catch (const Error&) {  // an engine
    return false;
  }
}

ImportOptions ModelOptions::import_options() const {
  check(random_weights || random_gain == 0, Code::usage,
        "--random-gain goes with --random-weights SEED");
  ImportOptions options;
  options.random_weights = random_weights;
  if (random_gain != 0) options.random_gain = random_gain;
  options.follow_links = follow_links;
  options.weights = weights;
  options.signature = signature;
  options.reference_rounding = reference_rounding;
  options.outputs = results;
  for (const std::string& each : shapes) {
    const size_t equals = each.rfind('=');
    const bool named = equals != std::string::npos;
    options.shapes[named ? each.substr(0, equals) : std::string()] =
        parse_shape(std::string_view(each).substr(named ? equals + 1 : 0));
  }
  for (const std::string& each : numbers) {
    const size_t equals = each.rfind('=');
    const auto value = equals == std::string::npos
                           ? std::nullopt
                           : parse_double(std::string_view(each).substr(equals + 1));
    check(value.has_value(), Code::usage, "--number ", each, ": wanted NAME=NUMBER");
    options.numbers[each.substr(0, equals)] = *value;
  }
  return options;
}

BuildOptions ModelOptions::build_options() const {
  std::vector<std::string_view> names;
  for (const auto& passes : {pipeline(), device_preparation(), fusion_preparation()})
    for (const Pass& pass : passes) names.push_back(pass.name);
  names.insert(names.end(), {kFuse, "all"});
  for (const std::string& each : disabled) {
    if (std::find(names.begin(), names.end(), each) != names.end()) continue;
    const auto meant = closest(each, names);
    fail(Code::usage, "--disable: there is no pass \"", each, "\"",
         meant ? cat("; did you mean \"", *meant, "\"?")
               : cat("; the passes are ", join(names, ", ")));
  }
  BuildOptions options;
  options.passes.disabled = disabled;
  options.passes.keep = Keep(keep);
  options.engine.workers = workers;
  if (!device.empty()) options.engine.device = open_device(device);
  options.engine.fallback = !no_fallback;
  options.engine.trust = trust;
  check(streams >= 1 && streams <= kMostStreams, Code::usage, "--streams ", streams,
        ": wanted 1 to ", kMostStreams);
  options.engine.streams = streams;
  check(!fp16 || !bf16, Code::usage, "--fp16 and --bf16: wanted one of them");
  if (fp16 || bf16) options.halves = fp16 ? DType::f16 : DType::bf16;
  return options;
}

void ModelOptions::check_engine_options() const {
  check(!random_weights && random_gain == 0 && disabled.empty() && keep.empty() &&
            weights.empty() && signature.empty() && results.empty() && !reference_rounding &&
            !fp16 && !bf16,
        Code::usage, file_name(),
        " is an engine: its weights and passes are settled; --weights, --signature, --result, "
        "--reference-rounding, --random-weights, --disable, --keep, --fp16 and --bf16 are for "
        "models");
}

std::shared_ptr<const Engine> ModelOptions::open_engine(const OnGraph& before) const {
  BuildOptions options = build_options();
  if (is_engine_file(path)) {
    check_engine_options();
    return load(path, {.engine = options.engine, .before = before});
  }
  Imported imported = import_file(path, import_options());
  if (before) before(*imported.graph, imported.defaults.get());
  options.engine.sizes = given_sizes(*imported.graph);
  return build(std::move(imported.graph), options, std::move(imported.defaults));
}

std::vector<int64_t> parse_shape(std::string_view text) {
  std::vector<int64_t> shape;
  if (text.empty() || text == "scalar") return shape;
  for (const std::string_view word : split(text, 'x')) {
    const auto size = parse_int(word);
    check(size && *size >= 0, Code::usage, "\"", text, "\" is no shape: wanted sizes such as ",
          "1x3x224x224");
    shape.push_back(*size);
  }
  constexpr int64_t kMostBytes = 16;  // of an element
  const auto count = try_element_count(shape);
  check(count && try_mul(*count, kMostBytes), Code::usage, "the shape ", text,
        " has more elements than can be counted");
  return shape;
}

std::vector<std::string> wanted_inputs(const Graph& graph, const Defaults* defaults) {
  std::vector<std::string> names;
  for (const Value* input : graph.inputs())
    if (defaults == nullptr || !defaults->values.contains(input->name))
      names.push_back(input->name);
  return names;
}

std::pair<std::string, std::string> split_name(const Graph& graph, const std::string& given,
                                               std::string_view option, const Defaults* defaults) {
  std::vector<std::string_view> names;
  for (const Value* input : graph.inputs()) {
    if (given.starts_with(input->name + "="))
      return {input->name, given.substr(input->name.size() + 1)};
    names.push_back(input->name);
  }
  const size_t equals = given.find('=');
  if (equals != std::string::npos) {
    const std::string_view word = std::string_view(given).substr(0, equals);
    const auto meant = closest(word, names);
    fail(Code::usage, option, ": there is no input \"", word, "\"",
         meant ? cat("; did you mean \"", *meant, "\"?")
               : cat("; the inputs are ", join(names, ", ")));
  }
  const std::vector<std::string> wanted = wanted_inputs(graph, defaults);
  check(wanted.size() == 1, Code::usage, option, " ", given, ": wanted NAME=", given,
        "; the inputs are ", join(names, ", "));
  return {wanted.front(), given};
}

Shapes ModelOptions::input_shapes(const Graph& graph, const Defaults* defaults) const {
  Shapes found;
  Bindings symbols;
  for (const std::string& each : shapes) {
    const auto [name, text] = split_name(graph, each, "--shape", defaults);
    const std::vector<int64_t> shape = parse_shape(text);
    const Type& type = graph.find(name)->type;
    check(type.is_tensor() && bind(type.tensor(), shape, symbols), Code::usage, "--shape ", each,
          ": input \"", name, "\" is ", type, " (", file_name(), ")");
    found[name] = shape;
  }
  return found;
}

Bindings ModelOptions::given_sizes(const Graph& graph) const {
  Bindings sizes;
  for (const auto& [name, shape] : input_shapes(graph))
    hone::bind(graph.find(name)->type.tensor(), shape, sizes);
  return sizes;
}

}  // namespace hone::cli
