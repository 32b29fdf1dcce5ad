#include "runtime/engine_file.hpp"

#include <algorithm>
#include <climits>
#include <functional>

#include "base/log.hpp"
#include "base/size.hpp"
#include "ir/text/text.hpp"
#include "ir/verify.hpp"
#include "ops/common/registry.hpp"
#include "runtime/engine_code.hpp"
#include "runtime/engine_packs.hpp"
#include "runtime/engine_weights.hpp"

namespace hone {
namespace {

Hash section_hash(std::string_view text) { return hash_bytes(as_bytes(text)); }

// ---- writing

std::string graph_text(const Graph& graph) {
  PrintOptions options;
  options.align = false;
  options.hashes = true;
  return print(graph, options);
}

/// Weights of `more` that are not among those of `graphs` would make the file much larger.
bool grows(const std::vector<const Graph*>& graphs, const std::vector<const Graph*>& more) {
  constexpr uint64_t kLittle = 64 << 10;
  std::vector<const Graph*> all = graphs;
  all.insert(all.end(), more.begin(), more.end());
  const uint64_t least = stored_bytes(lay_out_weights(graphs));
  return stored_bytes(lay_out_weights(all)) - least > least / 8 + kLittle;
}

/// The typed graphs to write, by part; null where one is better made again.
std::vector<const Graph*> typed_graphs(const EngineParts& parts) {
  std::vector<const Graph*> graphs;
  for (const DevicePart& part : parts.devices) {
    graphs.push_back(part.typed.get());
    if (part.typed == nullptr || parts.portable == nullptr) continue;
    if (grows({parts.portable.get()}, {part.typed.get()})) graphs.back() = nullptr;
  }
  return graphs;
}

/// What a part is for, and the hashes of the texts that it was made of and has.
std::string device_text(const DevicePart& part, const std::optional<Hash>& portable,
                        const std::optional<Hash>& typed, const Hash& plan) {
  const auto line = [](std::string_view what, const std::optional<Hash>& hash) {
    return hash ? cat(what, " ", *hash, "\n") : cat(what, " none\n");
  };
  return cat("target ", part.target, "\n", line("portable_graph", portable),
             line("typed_graph", typed), line("plan", plan));
}

void add_part(std::vector<SectionBody>& sections, const DevicePart& part, const Graph* typed,
              const std::optional<Hash>& portable) {
  const auto number = static_cast<uint32_t>(
      1 + std::count_if(sections.begin(), sections.end(),
                        [](const auto& each) { return each.kind == Section::device; }));
  std::string typed_text = typed != nullptr ? graph_text(*typed) : std::string();
  std::string plan = print(part.plan);
  const auto typed_hash = typed != nullptr ? std::optional(section_hash(typed_text)) : std::nullopt;
  std::string device = device_text(part, portable, typed_hash, section_hash(plan));
  sections.push_back({Section::device, number, std::move(device), {}});
  if (typed != nullptr)
    sections.push_back({Section::typed_graph, number, std::move(typed_text), {}});
  sections.push_back({Section::plan, number, std::move(plan), {}});
  add_packs(sections, part, number);
  add_code(sections, part, number);
}

// ---- reading

/// Limits are of models: importers and passes make several nodes of one, bodies have inputs of
/// their own beside what they capture, and so have regions, the innermost bodies.
Limits of_engine(const Limits& model) {
  constexpr int64_t kMade = 16;
  Limits made = model;
  made.nodes = try_mul(model.nodes, kMade).value_or(INT64_MAX);
  made.captures = try_mul(model.captures, kMade).value_or(INT64_MAX);
  made.depth = std::min(model.depth, INT_MAX - 1) + 1;
  return made;
}

class Reader {
 public:
  /// Weights have two hashes, of their section and each of its own; the latter are compared.
  Reader(std::shared_ptr<const MappedFile> file, bool verify_weights, const Limits& limits)
      : limits_(of_engine(limits)),
        sections_(std::move(file)),
        weights_(read_weights(sections_, verify_weights)) {}

  EngineFile read() {
    EngineFile file;
    file.version = sections_.version();
    file.sections = sections_.entries();
    EngineParts& parts = file.parts;
    parts.about = std::string(sections_.text(Section::about));
    if (sections_.find(Section::calibration) != nullptr)
      parts.calibration = std::string(sections_.text(Section::calibration));
    parts.portable = read_portable();
    parts.defaults = read_defaults();
    if (sections_.version() == 1) read_old_plan(parts);
    else read_parts([&](DevicePart part) { parts.devices.push_back(std::move(part)); });
    return file;
  }

  /// Reads all that read() does, and has one graph at a time. false: there is no portable graph.
  bool look(const std::function<void(DevicePart part)>& at_part) {
    const bool portable = read_portable() != nullptr;
    read_defaults();
    read_parts(at_part);
    return portable;
  }

 private:
  /// What a graph takes and gives, for comparing.
  struct Ports {
    std::vector<std::string> inputs;  // %name
    std::string outputs;
    std::string sized, unsized;  // all of it with types; without sizes
  };

  static Ports ports_of(const Graph& graph) {
    Ports ports;
    for (const Value* input : graph.inputs()) {
      ports.inputs.push_back(cat("%", input->name));
      ports.sized += cat(ports.inputs.back(), ": ", input->type, " ");
      ports.unsized += cat(ports.inputs.back(), ": ");
      if (!input->type.is_tensor() || !input->type.tensor().has_rank())
        ports.unsized += cat(input->type, " ");
      else
        ports.unsized +=
            cat(input->type.tensor().dtype, " of rank ", input->type.tensor().rank(), " ");
    }
    ports.outputs = "->";
    for (const GraphOutput& output : graph.outputs()) ports.outputs += cat(" ", output.name);
    ports.sized += ports.outputs;
    ports.unsized += ports.outputs;
    return ports;
  }

  std::shared_ptr<const Graph> read_portable() {
    if (sections_.version() != 1 && sections_.find(Section::portable_graph) == nullptr)
      return nullptr;
    auto graph = read_graph(Section::portable_graph, 0);
    portable_ = ports_of(*graph);
    return graph;
  }

  template <class... Parts>
  void wanted(bool condition, const Parts&... parts) const {
    if (!condition) [[unlikely]]
      damaged(sections_.file()->path(), parts...);
  }

  std::shared_ptr<const Graph> read_graph(Section kind, uint32_t part) const {
    try {
      std::shared_ptr<Graph> graph = parse(
          sections_.text(kind, part), all_ops(),
          [&](std::string_view, DType dtype, const std::vector<int64_t>& shape, const Hash& hash) {
            return find_weight(dtype, shape, hash);
          },
          limits_);
      for (const Value* constant : graph->constants())
        wanted(!constant->weight->is_absent(), "the weight @", constant->name, " is missing");
      const uint64_t random = random_bytes(*graph);
      wanted(random <= limits_.random_bytes, "its weights made from seeds take ", random,
             " bytes, at most ", limits_.random_bytes, " are made");
      verify_in_place(*graph, "loading");
      return graph;
    } catch (const Error& error) {
      if (error.code() == Code::incompatible_engine) throw;
      damaged(sections_.file()->path(), "its ", name(kind), " is wrong: ", error.message());
    }
  }

  std::shared_ptr<const Weight> find_weight(DType dtype, const std::vector<int64_t>& shape,
                                            const Hash& hash) const {
    const auto found = weights_.find(hash);
    if (found == weights_.end()) return nullptr;
    const bool same = found->second->dtype() == dtype && found->second->shape() == shape;
    return same ? found->second : nullptr;
  }

  Plan read_plan(uint32_t part) const {
    try {
      return parse_plan(sections_.text(Section::plan, part));
    } catch (const Error& error) {
      damaged(sections_.file()->path(), "its plan is wrong: ", error.message());
    }
  }

  std::shared_ptr<const Defaults> read_defaults() const {
    if (sections_.find(Section::open_graph) == nullptr &&
        sections_.find(Section::default_values) == nullptr)
      return nullptr;
    wanted(portable_.has_value(), "it has an open graph and no portable one");
    const std::shared_ptr<const Graph> graph = read_graph(Section::open_graph, 0);
    const std::shared_ptr<const Graph> values = read_graph(Section::default_values, 0);
    auto made = std::make_shared<Defaults>();
    try {
      *made = defaults_of(graph, *values);
    } catch (const Error& error) {
      damaged(sections_.file()->path(), error.message());
    }
    // What is left is the portable graph's.
    const auto ports = [&](const Ports& of) {
      std::string text;
      for (const std::string& input : of.inputs)
        if (!made->values.contains(input.substr(1))) text += cat(input, " ");
      return text + of.outputs;
    };
    const std::string found = ports(ports_of(*graph)), portable = ports(*portable_);
    wanted(found == portable, "its open graph is ", found, ", the portable graph is ", portable);
    return made;
  }

  /// Plans of older files are read, and made again.
  std::string older() const {
    return cat("the file's version is ", sections_.version(), ", this Hone writes ",
               kEngineVersion);
  }

  /// The plan of version 1 was of a graph that passes of its time made: it is read, not used.
  void read_old_plan(EngineParts& parts) const {
    if (sections_.find(Section::plan) == nullptr) return;
    Plan plan = read_plan(0);
    std::string device = plan.device;
    parts.devices.push_back({std::move(device), nullptr, std::move(plan), older()});
  }

  void read_parts(const std::function<void(DevicePart part)>& take) const {
    uint32_t last = 0;
    for (const SectionEntry& entry : sections_.entries())
      if (entry.part != 0) {
        wanted(entry.part == last || (entry.part == last + 1 && entry.kind == Section::device),
               "the ", name(entry.kind), " of part ", entry.part, " follows part ", last);
        if (entry.part != last) take(read_part(entry.part));
        last = entry.part;
      }
    wanted(portable_.has_value() || last != 0, "it has neither a portable graph nor a plan");
  }

  DevicePart read_part(uint32_t number) const {
    const auto lines = split(sections_.text(Section::device, number), '\n');
    wanted(lines.size() == 5 && lines[4].empty() && lines[0].starts_with("target "), "part ",
           number, " says \"", join(lines, "\\n"), "\", wanted its target and three hashes");
    check_made_of(lines[1], Section::portable_graph, 0, number);
    check_made_of(lines[2], Section::typed_graph, number, number);
    check_made_of(lines[3], Section::plan, number, number);
    DevicePart part{std::string(lines[0].substr(7)), nullptr, read_plan(number)};
    if (sections_.version() < kEngineVersion) part.outdated = older();
    if (sections_.find(Section::typed_graph, number) != nullptr)
      part.typed = read_graph(Section::typed_graph, number);
    wanted(part.typed != nullptr || portable_.has_value(), "part ", number, " has no graph");
    read_packs(sections_, number, part);
    read_code(sections_, number, part);
    if (part.typed != nullptr && portable_) check_ports(ports_of(*part.typed), number);
    return part;
  }

  /// "plan HASH" of the section in this file, "plan none" where there is none.
  void check_made_of(std::string_view line, Section kind, uint32_t part, uint32_t number) const {
    const SectionEntry* entry = sections_.find(kind, part);
    const std::string found = entry != nullptr ? cat(entry->hash) : std::string("none");
    wanted(line == cat(name(kind), " ", found), "part ", number, " was made with ", line,
           ", the file's is ", found);
  }

  /// The typed graph may be for fewer sizes, see compile(): then a run's tensors are given to
  /// one or the other.
  void check_ports(const Ports& typed, uint32_t number) const {
    wanted(typed.unsized == portable_->unsized, "the typed graph of part ", number, " is ",
           typed.sized, ", the portable graph is ", portable_->sized);
  }

  Limits limits_;
  SectionReader sections_;
  StoredWeights weights_;
  std::optional<Ports> portable_;  // none: left out, or not read yet
};

}  // namespace

namespace {

/// What was written is what load() takes, and says what `parts` say.
void check_written(const std::filesystem::path& written, const EngineParts& parts) {
  try {
    size_t at = 0;
    const auto at_part = [&](DevicePart part) {
      check(at < parts.devices.size() && part.target == parts.devices[at].target &&
                part.plan == parts.devices[at].plan,
            Code::internal, "the plan that was written reads back as another one");
      const Plan& plan = parts.devices[at].plan;
      part.plan = {};  // equal to it: memory for one more is needed now, when the plan is checked
      const auto device = open_device(plan.device);
      if (part.typed != nullptr && part.target == device->target()->text())
        check_plan(*part.typed, plan, *device);
      for (const PackedForm& each : part.packed)
        check(hash_bytes(each.contents.bytes()) == each.hash, Code::internal,
              "a packed weight that was written reads back as another one");
      ++at;
    };
    const bool portable = Reader(MappedFile::open(written), true, Limits{}).look(at_part);
    check(portable == (parts.portable != nullptr) && at == parts.devices.size(), Code::internal,
          "the engine that was written reads back with other parts");
  } catch (const Error& error) {
    if (error.code() != Code::incompatible_engine) throw;
    fail(Code::internal,
         "the engine is not written, because it could not be read back: ", error.message());
  }
}

}  // namespace

void write_engine_file(const std::filesystem::path& path, EngineParts parts,
                       const Progress& progress) {
  if (progress) progress("writing", 0, 0);
  parts.portable = readable(parts.portable);
  for (DevicePart& part : parts.devices) part.typed = readable(part.typed);
  const std::vector<const Graph*> typed = typed_graphs(parts);
  std::vector<const Graph*> graphs;
  if (parts.portable != nullptr) graphs.push_back(parts.portable.get());
  for (const Graph* graph : typed)
    if (graph != nullptr) graphs.push_back(graph);
  std::shared_ptr<const Graph> open, values;
  if (parts.defaults != nullptr) {
    open = readable(parts.defaults->graph);
    values = readable(graph_of_values(*parts.defaults));
    const std::vector<const Graph*> more{open.get(), values.get()};
    if (parts.keep_defaults || !grows(graphs, more)) {
      graphs.insert(graphs.end(), more.begin(), more.end());
    } else {
      log(Level::note, path.string(), ": ", parts.defaults->values.size(), " inputs have their ",
          "own values for good: as weights they would make the file grow by more than an eighth");
      values = nullptr;
    }
  }
  const std::vector<StoredWeight> stored = lay_out_weights(graphs);
  std::vector<SectionBody> sections;
  sections.push_back({Section::about, 0, parts.about, {}});
  std::optional<Hash> portable;
  if (parts.portable) {
    sections.push_back({Section::portable_graph, 0, graph_text(*parts.portable), {}});
    portable = section_hash(sections.back().text);
  }
  if (values != nullptr) {
    sections.push_back({Section::open_graph, 0, graph_text(*open), {}});
    sections.push_back({Section::default_values, 0, graph_text(*values), {}});
  }
  if (!parts.calibration.empty())
    sections.push_back({Section::calibration, 0, parts.calibration, {}});
  for (size_t i = 0; i < typed.size(); ++i)
    add_part(sections, parts.devices[i], typed[i], portable);
  sections.push_back({Section::weight_index, 0, index_text(stored), {}});
  const auto total = static_cast<int64_t>(2 * stored_bytes(stored));  // hashed, then written
  int64_t done = 0;
  const auto give_weights = [&](const SectionBody::Take& take) {
    each_piece(stored, [&](std::span<const std::byte> piece) {
      if (progress) progress("writing", done, total);
      take(piece);
      done += static_cast<int64_t>(piece.size());
    });
  };
  sections.push_back({Section::weights, 0, {}, give_weights});
  write_sections(path, std::move(sections),
                 [&](const std::filesystem::path& written) { check_written(written, parts); });
}

EngineFile read_engine_file(const std::filesystem::path& path, bool verify_weights,
                            const Limits& limits) {
  return Reader(MappedFile::open(path), verify_weights, limits).read();
}

}  // namespace hone
