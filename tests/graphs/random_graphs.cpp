// Random graphs: each verifies, reads back as it prints, and runs by an engine as by reference; so
// does what each pass makes of it, fusion and cut regions too, and no pass touches nodes that are
// to be kept. Beside each of them one of sizes that may be 1 (random_broadcasts.hpp).
//
//   hone_random_graphs [--count N] [--seed N] [--first N] [--nodes N] [--kinds FILE]
//                      [--write FOLDER] [--disable PASS]... [--ablate 1] [--spoil 1]
//                      [--broadcasts only|none] [--halves 1] [--joins PERCENT] [--device NAME]
//
// --device: engines of that device alone, and nothing else is checked. "apart": of one whose memory
// is not the host's, which takes all ops or some of them (support/apart_device.hpp).
// --spoil: instead, a number of each result is made another one, and the judge must see it.
// --disable: leaves a pass out; all: every one. --ablate: each graph also with every pass off, and
// with each pass alone off that changes it.
// --halves: most floats are f16 or bf16.
// --joins: of the draws, views that are read before and behind an anchor (random_joins.cpp).
// --nodes: at most so many nodes a graph, and no motifs. --kinds: only nodes of the kinds that the
// file has, one a line (see kind_of), or "all"; without empty tensors and what ONNX Runtime does
// otherwise than the standard. --write also leaves each graph as FOLDER/I.onnx, its inputs and
// results by reference as FOLDER/I.npz (in_0, in_1 ..., out_0 ...), as far as ONNX and NumPy have
// words for them, and the kinds of its nodes as FOLDER/I.kinds.

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <string>

#include "base/file.hpp"
#include "base/text.hpp"
#include "build/build.hpp"
#include "export/export.hpp"
#include "files/npy.hpp"
#include "ir/bodies/structural.hpp"
#include "ir/evaluation/evaluation.hpp"
#include "ir/inference.hpp"
#include "ir/text/text.hpp"
#include "ir/verify.hpp"
#include "ops/common/registry.hpp"
#include "passes/fusion/fuse.hpp"
#include "runtime/context.hpp"
#include "support/apart_device.hpp"
#include "support/pass_check.hpp"
#include "support/random_broadcasts.hpp"

namespace hone::test {
namespace {

/// What a result may be off by, of its largest magnitude: kernels add up in float. What is rounded
/// to f16 or bf16 somewhere, or is not any more, is a rounding of all that follows.
double allowed(const Graph& graph) {
  double share = 2e-5;
  const auto look = [&](const Value* value) {
    if (value == nullptr || value->type.is_none()) return;
    const Type& type = value->type.is_tensor() ? value->type : value->type.element();
    if (!type.is_tensor()) share = std::max(share, 4e-3);
    else if (type.tensor().dtype == DType::bf16) share = 3.2e-2;
    else if (is_float(type.tensor().dtype) && bits(type.tensor().dtype) < 32)
      share = std::max(share, 4e-3);
  };
  for (const Value* input : graph.inputs()) look(input);
  for (const Node& node : graph.nodes()) {
    for (const Value* value : node.outputs) look(value);
    for (const Body& body : control_bodies(node.op)) share = std::max(share, allowed(*body));
  }
  return share;
}

std::string difference(const Tensor& got, const Tensor& wanted, double share) {
  if (!got.is_tensor() || !wanted.is_tensor()) {
    if (got.is_sequence() != wanted.is_sequence() || got.is_nothing() != wanted.is_nothing() ||
        (wanted.is_sequence() && got.elements().size() != wanted.elements().size()))
      return cat("is ", describe(got), ", wanted ", describe(wanted));
    for (size_t i = 0; wanted.is_sequence() && i < wanted.elements().size(); ++i)
      if (const std::string what = difference(got.elements()[i], wanted.elements()[i], share);
          !what.empty())
        return cat("place ", i, ": ", what);
    return "";
  }
  if (got.dtype() != wanted.dtype() || got.shape() != wanted.shape())
    return cat("is ", got.dtype(), shape_text(got.shape()), ", wanted ", wanted.dtype(),
               shape_text(wanted.shape()));
  if (same_bits(got, wanted)) return "";
  double largest = 1;  // an infinity among them would allow anything
  for (int64_t i = 0; i < wanted.count(); ++i)
    if (std::isfinite(wanted.number(i))) largest = std::max(largest, std::abs(wanted.number(i)));
  const double most = is_float(wanted.dtype()) ? share * largest : 0;
  for (int64_t i = 0; i < wanted.count(); ++i)
    if (const double a = got.number(i), b = wanted.number(i);
        a != b && !(std::isnan(a) && std::isnan(b)) && !(std::abs(a - b) <= most))
      return cat("element ", i, " is ", a, ", wanted ", b);
  return "";
}

/// Makes one number of the results another, which the judge must see. false: there is none.
bool spoil(NamedTensors& results) {
  for (auto& [name, tensor] : results) {
    if (!tensor.is_tensor() || tensor.count() == 0 || tensor.dtype() == DType::string ||
        is_complex(tensor.dtype()))
      continue;
    tensor = tensor.clone();
    const int64_t at = tensor.count() / 2;
    double largest = 1;
    for (int64_t i = 0; i < tensor.count(); ++i)
      if (std::isfinite(tensor.number(i))) largest = std::max(largest, std::abs(tensor.number(i)));
    const double value = tensor.number(at);
    if (!is_float(tensor.dtype())) tensor.set_integer(at, tensor.integer(at) ^ 1);
    else tensor.set_number(at, std::isfinite(value) && value <= 0 ? largest : -largest);
    return true;
  }
  return false;
}

/// `spoilt`: set, the results are spoilt before they are judged; told whether they could be.
std::string run(const GraphCase& graph_case, const PassOptions& passes, bool* spoilt = nullptr,
                const std::shared_ptr<Device>& device = nullptr) {
  const std::vector<Tensor> wanted = evaluate(*graph_case.graph, graph_case.inputs);
  BuildOptions options;
  options.engine.workers = 1;
  options.engine.device = device;
  options.passes = passes;
  Context context(build(graph_case.graph->clone(), options));
  NamedTensors inputs;
  for (size_t i = 0; i < graph_case.inputs.size(); ++i)
    inputs.emplace_back(graph_case.graph->inputs()[i]->name, graph_case.inputs[i]);
  NamedTensors got = context.run(inputs);
  if (spoilt != nullptr) *spoilt = spoil(got);
  const double share = allowed(*graph_case.graph);
  if (got.size() != wanted.size()) return cat(got.size(), " results, wanted ", wanted.size());
  for (size_t i = 0; i < wanted.size(); ++i)
    if (const std::string what = difference(got[i].second, wanted[i], share); !what.empty())
      return cat("engine: output ", got[i].first, " ", what);
  return "";
}

/// With a third of the nodes kept: which of them the passes touched.
std::string check_kept(const GraphCase& graph_case) {
  const std::unique_ptr<Graph> graph = graph_case.graph->clone();
  int count = 0;
  for (Node& node : graph->nodes()) {
    node.origin = {cat("/n", count, "/", count % 3)};
    ++count;
  }
  PassOptions options;
  options.keep = Keep({"/0$"});
  const std::unique_ptr<Graph> before = graph->clone();
  canonicalize(*graph, options);
  std::map<std::string, const Node*> left;
  for (const Node& node : graph->nodes())
    for (const std::string& origin : node.origin) left[origin] = &node;
  for (const Node& node : before->nodes()) {
    if (!options.keep(node)) continue;
    const auto found = left.find(node.origin.front());
    const bool gives = std::any_of(node.outputs.begin(), node.outputs.end(), [&](const Value* v) {
      return v != nullptr && before->is_output(v);
    });
    if (found == left.end() && !gives) continue;  // nothing reads it any more
    // Nodes within bodies have names of their own to be kept by.
    const bool has_bodies = !control_bodies(node.op).empty();
    if (found == left.end() || found->second->op.name() != node.op.name() ||
        (!has_bodies && !(found->second->op == node.op)) || found->second->origin.size() != 1 ||
        found->second->inputs.size() != node.inputs.size())
      return cat("a node to be kept was touched: ", print(node));
  }
  return "";
}

struct Ways {
  PassOptions passes;
  bool ablate = false;
  int cuts = 2;
  std::vector<std::shared_ptr<Device>> devices{};  // these alone
};

std::vector<std::shared_ptr<Device>> devices_of(const std::string& name) {
  if (name != "apart") return {open_device(name)};
  std::vector<std::shared_ptr<Device>> devices;
  for (size_t salt = 0; salt < 4; ++salt) devices.push_back(std::make_shared<ApartDevice>(salt));
  return devices;
}

/// The graph with every pass off, and with each off alone that changes it; `changing` has those.
std::string check_ablated(const GraphCase& graph_case, std::set<std::string_view> changing) {
  changing.insert({"all", kFuse});
  for (const std::string_view name : changing) {
    PassOptions passes;
    passes.disabled = {std::string(name)};
    std::string what =
        check_passes(graph_case, {passes, {allowed(*graph_case.graph)}, name == kFuse ? 1 : 0});
    if (what.empty()) what = run(graph_case, passes);
    if (!what.empty()) return cat("without ", name, ": ", what);
  }
  return "";
}

std::string check_case(const GraphCase& graph_case, const Ways& ways) {
  try {
    for (const auto& device : ways.devices)
      if (std::string what = run(graph_case, ways.passes, nullptr, device); !what.empty())
        return what;
    if (!ways.devices.empty()) return "";
    verify(*graph_case.graph, "drawing");
    if (std::string what = round_trip(*graph_case.graph); !what.empty()) return what;
    std::set<std::string_view> changing;
    const AfterPass seen = [&](const Pass& pass, const Graph&) { changing.insert(pass.name); };
    const double share = allowed(*graph_case.graph);
    if (std::string what = check_passes(graph_case, {ways.passes, {share}, ways.cuts, seen});
        !what.empty())
      return what;
    if (std::string what = check_kept(graph_case); !what.empty()) return what;
    if (std::string what = run(graph_case, ways.passes); !what.empty()) return what;
    return ways.ablate ? check_ablated(graph_case, std::move(changing)) : "";
  } catch (const std::exception& error) {
    return error.what();
  }
}

/// Adds the tensors under PREFIX0, PREFIX1 ...; false: NumPy has no such type.
bool add_arrays(NpzWriter& file, std::string_view prefix, const std::vector<Tensor>& tensors) {
  for (size_t i = 0; i < tensors.size(); ++i) {
    const Tensor& tensor = tensors[i];
    const DType type = tensor.dtype();
    const bool plain =
        tensor.is_tensor() && type != DType::string && bits(type) >= 8 &&
        (!is_float(type) || type == DType::f64 || type == DType::f32 || type == DType::f16);
    if (!plain) return false;
    file.add(cat(prefix, i),
             {type, tensor.shape(), {tensor.bytes().begin(), tensor.bytes().end()}});
  }
  return true;
}

bool is_random(const Graph& graph) {
  return std::any_of(graph.nodes().begin(), graph.nodes().end(), [](const Node& node) {
    const std::vector<Body> bodies = control_bodies(node.op);
    if (bodies.empty()) return !node.op.op_class().pure;
    return std::any_of(bodies.begin(), bodies.end(), [](const Body& b) { return is_random(*b); });
  });
}

/// false: this graph cannot be told in ONNX and NumPy, or draws numbers of its own.
bool write_case(const GraphCase& graph_case, const std::filesystem::path& stem) {
  if (is_random(*graph_case.graph)) return false;
  try {
    NpzWriter arrays(stem.string() + ".npz");
    if (!add_arrays(arrays, "in_", graph_case.inputs) ||
        !add_arrays(arrays, "out_", evaluate(*graph_case.graph, graph_case.inputs)))
      return false;
    export_onnx(*graph_case.graph, stem.string() + ".onnx");
    arrays.commit();
    return true;
  } catch (const Error&) {  // told where the graph is checked, or by the exporter's own tests
    return false;
  }
}

/// Ops that were never kept, or rarely, so that somebody gives them a hint.
void report(const OpCounts& counts, int64_t often) {
  int64_t drawn = 0, total = 0;
  std::string rare;
  for (const OpClass* op : all_ops().all()) {
    if (op->eval == nullptr) continue;
    const auto found = counts.find(op->name);
    const int64_t kept = found == counts.end() ? 0 : found->second.kept;
    ++total;
    if (kept >= often) ++drawn;
    else rare += cat(" ", op->name, "(", kept, ")");
  }
  if (!rare.empty()) std::printf("drawn fewer than %ld times:%s\n", often, rare.c_str());
  std::printf("%ld of %ld ops drawn %ld times or more\n", drawn, total, often);
}

using Kinds = std::set<std::string, std::less<>>;

Kinds read_kinds(const std::string& file) {
  Kinds kinds;
  for (const std::string_view line : split(read_text(file), '\n'))
    if (!line.empty() && !line.starts_with('#')) kinds.emplace(line);
  return kinds;
}

void write_kinds(const Graph& graph, const std::string& file) {
  std::string text;
  for (const Node& node : graph.nodes()) text += kind_of(node) + "\n";
  AtomicFile out(file);
  out.write(text);
  out.commit();
}

struct Draws {
  uint64_t seed = 1;
  int64_t first = 0, count = 2000;
  std::string folder;
  RandomGraphOptions options;
  std::string broadcasts;  // only, none; else both kinds
};

/// Whether the judge sees every result that was spoilt.
int judge_the_judge(const Draws& draws) {
  OpCounts counts;
  int64_t spoilt = 0, missed = 0;
  for (int64_t i = draws.first; i < draws.first + draws.count; ++i) {
    const uint64_t own = draws.seed * 1'000'003 + static_cast<uint64_t>(i);
    const GraphCase drawn = random_graph(own, all_ops(), counts, draws.options);
    bool is_spoilt = false;
    const std::string what = run(drawn, {}, &is_spoilt);
    spoilt += is_spoilt;
    if (!is_spoilt || !what.empty()) continue;
    ++missed;
    std::printf("graph %ld of seed %lu is called right with a number changed\n", i, draws.seed);
  }
  std::printf("random graphs: %ld of %ld spoilt, %ld of them not seen\n", spoilt, draws.count,
              missed);
  return missed == 0 && spoilt > 0 ? 0 : 1;
}

int run_all(const Draws& draws, const Ways& ways) {
  const auto& [seed, first, count, folder, options, broadcasts] = draws;
  OpCounts counts;
  int64_t failed = 0, nodes = 0, written = 0;
  for (int64_t i = first; i < first + count; ++i) {
    const uint64_t own = seed * 1'000'003 + static_cast<uint64_t>(i);
    if (broadcasts != "none" && options.kinds == nullptr && ways.devices.empty())
      if (const std::string what = check_broadcasts(own, all_ops());
          !what.empty() && ++failed <= 10)
        std::printf("broadcasts %ld of seed %lu: %s\n", i, seed, what.c_str());
    if (broadcasts == "only") continue;
    const GraphCase drawn = random_graph(own, all_ops(), counts, options);
    nodes += std::ssize(drawn.graph->nodes());
    if (!folder.empty() && write_case(drawn, std::filesystem::path(folder) / cat(i))) {
      ++written;
      write_kinds(*drawn.graph, cat(folder, "/", i, ".kinds"));
    }
    const std::string what = check_case(drawn, ways);
    if (what.empty()) continue;
    if (++failed > 10) continue;
    // Everywhere, so that what was found at one cut is found again in a smaller graph.
    const CheckCase again = [ways](const GraphCase& smaller) {
      return check_case(smaller, {ways.passes, ways.ablate, 16, ways.devices});
    };
    const GraphCase small = shrink(drawn, again);
    std::printf("graph %ld of seed %lu: %s\n%s\n", i, seed, again(small).c_str(),
                text_of(small).c_str());
    std::fflush(stdout);
  }
  report(counts, std::max<int64_t>(1, count / 100));
  if (!folder.empty()) std::printf("%ld graphs written to %s\n", written, folder.c_str());
  std::printf("random graphs: seed %lu, %ld graphs of %.1f nodes, %ld failed\n", seed, count,
              static_cast<double>(nodes) / static_cast<double>(std::max<int64_t>(count, 1)),
              failed);
  return failed == 0 ? 0 : 1;
}

}  // namespace
}  // namespace hone::test

int main(int count, char** words) {
  hone::test::Draws draws;
  hone::test::Ways ways;
  hone::test::Kinds kinds;
  bool spoil = false;
  for (int i = 1; i + 1 < count; i += 2) {
    const std::string word = words[i];
    if (word == "--count") draws.count = std::atoll(words[i + 1]);
    else if (word == "--first") draws.first = std::atoll(words[i + 1]);
    else if (word == "--seed") draws.seed = static_cast<uint64_t>(std::atoll(words[i + 1]));
    else if (word == "--broadcasts") draws.broadcasts = words[i + 1];
    else if (word == "--device") ways.devices = hone::test::devices_of(words[i + 1]);
    else if (word == "--write") draws.folder = words[i + 1];
    else if (word == "--disable") ways.passes.disabled.emplace_back(words[i + 1]);
    else if (word == "--spoil") spoil = std::atoi(words[i + 1]) != 0;
    else if (word == "--halves") draws.options.halves = std::atoi(words[i + 1]) != 0;
    else if (word == "--joins") draws.options.joins = std::atoll(words[i + 1]);
    else if (word == "--ablate") ways.ablate = std::atoi(words[i + 1]) != 0;
    else if (word == "--nodes") {
      draws.options.least_nodes = 1, draws.options.motifs = draws.options.size_chains = 0;
      draws.options.joins = 0;
      draws.options.most_nodes = std::atoi(words[i + 1]);
    } else if (word == "--kinds") {
      if (std::string(words[i + 1]) != "all") kinds = hone::test::read_kinds(words[i + 1]);
      draws.options.kinds = &kinds;
    } else return std::fprintf(stderr, "hone_random_graphs: unknown option %s\n", words[i]), 2;
  }
  return spoil ? hone::test::judge_the_judge(draws) : hone::test::run_all(draws, ways);
}
