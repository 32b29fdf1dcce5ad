// Random graphs: each verifies, reads back as it prints, and runs by an engine as by reference; so
// does what each pass makes of it, and no pass touches nodes that are to be kept.
//
//   hone_random_graphs [--count N] [--seed N] [--first N] [--write FOLDER]
//
// --write also leaves each graph as FOLDER/I.onnx, and its inputs and results by reference as
// FOLDER/I.npz (in_0, in_1 ..., out_0 ...), as far as ONNX and NumPy have words for them.

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <string>

#include "base/npy.hpp"
#include "build/build.hpp"
#include "export/export.hpp"
#include "ir/evaluation.hpp"
#include "ir/inference.hpp"
#include "ir/text.hpp"
#include "ir/verify.hpp"
#include "ops/common/registry.hpp"
#include "runtime/context.hpp"
#include "support/pass_check.hpp"

namespace hone::test {
namespace {

/// What a result may be off by, of its largest magnitude: kernels add up in float, and a rounding
/// to f16 anywhere is one of all that follows.
double allowed(const Graph& graph) {
  bool half = false;
  for (const Node& node : graph.nodes())
    for (const Value* value : node.outputs)
      if (value != nullptr && value->type.is_tensor() && is_float(value->type.tensor().dtype))
        half |= bits(value->type.tensor().dtype) < 32;
  return half ? 4e-3 : 2e-5;
}

std::string difference(const Tensor& got, const Tensor& wanted, double share) {
  if (got.dtype() != wanted.dtype() || got.shape() != wanted.shape())
    return cat("is ", got.dtype(), shape_text(got.shape()), ", wanted ", wanted.dtype(),
               shape_text(wanted.shape()));
  if (same_bits(got, wanted)) return "";
  double largest = 1;
  for (int64_t i = 0; i < wanted.count(); ++i)
    largest = std::max(largest, std::abs(wanted.number(i)));
  const double most = is_float(wanted.dtype()) ? share * largest : 0;
  for (int64_t i = 0; i < wanted.count(); ++i)
    if (const double a = got.number(i), b = wanted.number(i);
        a != b && !(std::isnan(a) && std::isnan(b)) && !(std::abs(a - b) <= most))
      return cat("element ", i, " is ", a, ", wanted ", b);
  return "";
}

std::string run(const GraphCase& graph_case) {
  const std::vector<Tensor> wanted = evaluate(*graph_case.graph, graph_case.inputs);
  BuildOptions options;
  options.engine.workers = 1;
  Context context(build(graph_case.graph->clone(), options));
  NamedTensors inputs;
  for (size_t i = 0; i < graph_case.inputs.size(); ++i)
    inputs.emplace_back(graph_case.graph->inputs()[i]->name, graph_case.inputs[i]);
  const NamedTensors got = context.run(inputs);
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
    const auto found = left.find(node.origin[0]);
    const bool gives = std::any_of(node.outputs.begin(), node.outputs.end(), [&](const Value* v) {
      return v != nullptr && before->is_output(v);
    });
    if (found == left.end() && !gives) continue;  // nothing reads it any more
    if (found == left.end() || !(found->second->op == node.op) ||
        found->second->origin.size() != 1 || found->second->inputs.size() != node.inputs.size())
      return cat("a node to be kept was touched: ", print(node));
  }
  return "";
}

std::string check_case(const GraphCase& graph_case) {
  try {
    verify(*graph_case.graph, "drawing");
    if (std::string what = round_trip(*graph_case.graph); !what.empty()) return what;
    if (std::string what = check_passes(graph_case, {}, allowed(*graph_case.graph)); !what.empty())
      return what;
    if (std::string what = check_kept(graph_case); !what.empty()) return what;
    return run(graph_case);
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

/// false: this graph cannot be told in ONNX and NumPy, or draws numbers of its own.
bool write_case(const GraphCase& graph_case, const std::filesystem::path& stem) {
  for (const Node& node : graph_case.graph->nodes())
    if (!node.op.op_class().pure) return false;
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

int run_all(uint64_t seed, int64_t first, int64_t count, const std::string& folder) {
  OpCounts counts;
  int64_t failed = 0, nodes = 0, written = 0;
  for (int64_t i = first; i < first + count; ++i) {
    const uint64_t own = seed * 1'000'003 + static_cast<uint64_t>(i);
    const GraphCase drawn = random_graph(own, all_ops(), counts);
    nodes += std::ssize(drawn.graph->nodes());
    if (!folder.empty()) written += write_case(drawn, std::filesystem::path(folder) / cat(i));
    const std::string what = check_case(drawn);
    if (what.empty()) continue;
    if (++failed > 10) continue;
    const GraphCase small = shrink(drawn, check_case);
    std::printf("graph %ld of seed %lu: %s\n%s\n", i, seed, check_case(small).c_str(),
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
  int64_t graphs = 2000, first = 0;
  uint64_t seed = 1;
  std::string folder;
  for (int i = 1; i + 1 < count; i += 2) {
    const std::string word = words[i];
    if (word == "--count") graphs = std::atoll(words[i + 1]);
    else if (word == "--first") first = std::atoll(words[i + 1]);
    else if (word == "--seed") seed = static_cast<uint64_t>(std::atoll(words[i + 1]));
    else if (word == "--write") folder = words[i + 1];
    else return std::fprintf(stderr, "hone_random_graphs: unknown option %s\n", words[i]), 2;
  }
  return hone::test::run_all(seed, first, graphs, folder);
}
