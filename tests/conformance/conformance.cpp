// Runs the ONNX standard's backend suite: every case through an engine and through reference
// evaluation. Cases whose operators are not there are counted and named, never failed.
//
//   hone_conformance SUITE_FOLDER... [--match TEXT] [--missing]

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "base/file.hpp"
#include "build/build.hpp"
#include "import/onnx/proto.hpp"
#include "import/onnx/tensor_reader.hpp"
#include "ir/evaluation.hpp"
#include "ir/verify.hpp"
#include "runtime/context.hpp"

namespace hone {
namespace {

namespace fs = std::filesystem;

/// The suite's tolerance, unless a case has a data.json of its own.
struct Tolerance {
  double relative = 1e-3, absolute = 1e-7;
};

enum class Outcome {
  passed,
  failed,
  missing,  // an operator or a kind of value that Hone does not run yet
};
struct Result {
  Outcome outcome = Outcome::passed;
  std::string why;
};

Tensor read_tensor(const fs::path& path) {
  const auto file = MappedFile::open(path);
  const auto bytes = file->bytes();
  const ImportOptions options;
  onnx::TensorReader reader(bytes, file, path.filename().string(), path.parent_path(), options);
  const std::string_view message(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  return reader.tensor(onnx::decode_tensor(message, options.limits));
}

double number_after(const std::string& text, std::string_view key, double otherwise) {
  const size_t at = text.find(cat("\"", key, "\":"));
  if (at == std::string::npos) return otherwise;
  return std::strtod(text.c_str() + at + key.size() + 3, nullptr);
}

Tolerance tolerance_of(const fs::path& folder) {
  Tolerance tolerance;
  if (!fs::exists(folder / "data.json")) return tolerance;
  const std::string text = read_text(folder / "data.json");
  tolerance.relative = number_after(text, "rtol", tolerance.relative);
  tolerance.absolute = number_after(text, "atol", tolerance.absolute);
  return tolerance;
}

/// What differs first, in words; empty: nothing.
std::string difference(const Tensor& got, const Tensor& wanted, const Tolerance& tolerance) {
  if (got.dtype() != wanted.dtype() || got.shape() != wanted.shape())
    return cat("is ", got.dtype(), shape_text(got.shape()), ", wanted ", wanted.dtype(),
               shape_text(wanted.shape()));
  if (got.dtype() == DType::string)
    return got.strings() == wanted.strings() ? "" : "has other strings";
  const bool exact = !is_float(got.dtype());
  for (int64_t i = 0; i < got.count(); ++i) {
    if (exact) {
      if (same_bits(got, wanted)) return "";
      if (got.integer(i) != wanted.integer(i))
        return cat("element ", i, " is ", got.integer(i), ", wanted ", wanted.integer(i));
      continue;
    }
    const double a = got.number(i), b = wanted.number(i);
    if (a == b || (std::isnan(a) && std::isnan(b))) continue;
    if (!(std::abs(a - b) <= tolerance.absolute + tolerance.relative * std::abs(b)))
      return cat("element ", i, " is ", a, ", wanted ", b);
  }
  return "";
}

std::vector<fs::path> sorted_files(const fs::path& folder, std::string_view prefix) {
  std::vector<std::pair<int64_t, fs::path>> found;
  for (const auto& entry : fs::directory_iterator(folder)) {
    const std::string stem = entry.path().stem().string();
    if (!stem.starts_with(prefix)) continue;
    found.emplace_back(parse_int(std::string_view(stem).substr(prefix.size())).value_or(0),
                       entry.path());
  }
  std::sort(found.begin(), found.end());
  std::vector<fs::path> files;
  for (auto& [number, path] : found) files.push_back(std::move(path));
  return files;
}

bool only_tensors(const Graph& graph) {
  const auto is_tensor = [](const Value* value) { return value->type.is_tensor(); };
  return std::all_of(graph.inputs().begin(), graph.inputs().end(), is_tensor) &&
         std::all_of(graph.outputs().begin(), graph.outputs().end(),
                     [&](const GraphOutput& output) { return is_tensor(output.value); });
}

std::string compare(const std::vector<Tensor>& got, const std::vector<Tensor>& wanted,
                    const Tolerance& tolerance, std::string_view by) {
  if (got.size() < wanted.size())
    return cat(by, ": ", got.size(), " outputs, wanted ", wanted.size());
  for (size_t i = 0; i < wanted.size(); ++i)
    if (const std::string what = difference(got[i], wanted[i], tolerance); !what.empty())
      return cat(by, ": output ", i, " ", what);
  return "";
}

Result run_set(const std::shared_ptr<const Engine>& engine, const Graph& imported,
               const fs::path& set, const Tolerance& tolerance) {
  std::vector<Tensor> inputs, wanted;
  for (const fs::path& path : sorted_files(set, "input_")) inputs.push_back(read_tensor(path));
  for (const fs::path& path : sorted_files(set, "output_")) wanted.push_back(read_tensor(path));
  inputs.resize(std::min(inputs.size(), imported.inputs().size()));  // the rest are initializers
  std::string wrong = compare(evaluate(imported, inputs), wanted, tolerance, "reference");
  if (!wrong.empty()) return {Outcome::failed, wrong};
  NamedTensors given;
  for (size_t i = 0; i < inputs.size(); ++i)
    given.emplace_back(engine->graph().inputs()[i]->name, inputs[i]);
  Context context(engine);
  std::vector<Tensor> results;
  for (auto& [name, tensor] : context.run(given)) results.push_back(std::move(tensor));
  wrong = compare(results, wanted, tolerance, "engine");
  return wrong.empty() ? Result{} : Result{Outcome::failed, wrong};
}

Result run_case(const fs::path& folder) {
  try {
    Imported imported = import_file(folder / "model.onnx");
    if (!only_tensors(*imported.graph)) return {Outcome::missing, "values that are no tensors"};
    verify(*imported.graph, "import");
    EngineOptions options;
    options.workers = 1;
    BuildOptions build_options;
    build_options.engine = options;
    const auto engine = build(imported.graph->clone(), build_options);
    verify(engine->graph(), "build");
    const Tolerance tolerance = tolerance_of(folder);
    for (const fs::path& set : sorted_files(folder, "test_data_set_"))
      if (Result result = run_set(engine, *imported.graph, set, tolerance);
          result.outcome != Outcome::passed)
        return result;
    return {};
  } catch (const Error& error) {
    return {error.code() == Code::unsupported ? Outcome::missing : Outcome::failed,
            error.message()};
  } catch (const std::exception& error) {
    return {Outcome::failed, error.what()};
  }
}

}  // namespace
}  // namespace hone

int main(int count, char** words) {
  using namespace hone;
  std::vector<fs::path> folders;
  std::string match;
  bool show_missing = false;
  for (int i = 1; i < count; ++i) {
    const std::string word = words[i];
    if (word == "--match" && i + 1 < count) match = words[++i];
    else if (word == "--missing") show_missing = true;
    else folders.emplace_back(word);
  }
  std::map<Outcome, int> totals;
  for (const fs::path& suite : folders) {
    if (!fs::is_directory(suite)) {
      std::printf("skipped: there is no folder %s\n", suite.c_str());
      continue;
    }
    std::vector<fs::path> cases;
    for (const auto& entry : fs::directory_iterator(suite))
      if (fs::exists(entry.path() / "model.onnx")) cases.push_back(entry.path());
    std::sort(cases.begin(), cases.end());
    for (const fs::path& folder : cases) {
      const std::string name = folder.filename().string();
      if (name.find(match) == std::string::npos) continue;
      const Result result = run_case(folder);
      ++totals[result.outcome];
      if (result.outcome == Outcome::failed || (show_missing && result.outcome == Outcome::missing))
        std::printf("%s %s: %s\n", result.outcome == Outcome::failed ? "FAILED" : "missing",
                    name.c_str(), result.why.c_str());
    }
  }
  std::printf("%d passed, %d failed, %d skipped\n", totals[Outcome::passed],
              totals[Outcome::failed], totals[Outcome::missing]);
  return totals[Outcome::failed] == 0 ? 0 : 1;
}
