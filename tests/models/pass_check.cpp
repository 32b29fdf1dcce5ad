// Passes on real models: after every pass that changes one, the graph verifies, reads back as it
// prints and computes what it did, to the pass's contract; so does fusion, and so do cut regions.
//
//   hone_pass_check_models DATA [--match REGEX] [--ablate]
//
// DATA: the folder of the tests' data. Its bench_graphs are made small (see small_model.hpp), its
// trained models run on their golden inputs, and once more made small. Reference evaluation judges
// where it takes at most kReferenceSteps; else the engine's kernels do, every pass off: they add up
// in another order, so that an exact pass too may move floats, by share_of(). --ablate: instead,
// each model by an engine with every pass off and with each alone off that changes it, beside one
// with all.

#include <chrono>
#include <cstdio>
#include <filesystem>
#include <regex>
#include <set>

#include "base/text.hpp"
#include "build/build.hpp"
#include "ir/bodies/structural.hpp"
#include "ir/evaluation/evaluation.hpp"
#include "ir/evaluation/work.hpp"
#include "models/small_model.hpp"
#include "passes/fusion/fuse.hpp"
#include "passes/prepare_fusion.hpp"
#include "runtime/context.hpp"
#include "support/pass_check.hpp"

namespace hone::test {
namespace {

namespace fs = std::filesystem;

constexpr int kSkipped = 77;  // the exit code that ctest takes for it
constexpr int64_t kReferenceSteps = 30'000'000;
/// Of the largest magnitude: what sums of thousands of products may be off by, layer upon layer.
/// YOLOX-nano makes roundings large: its golden is itself outside of the tolerance for goldens.
/// In a model with QuantizeLinear a rounding that falls the other way is a whole quantum.
double share_of(const fs::path& model) {
  if (model.string().find("_qdq_") != std::string::npos) return 5e-2;
  return model.stem() == "yolox_nano" ? 1e-3 : 1e-4;
}

bool is_light(const SmallModel& model) {
  try {
    const WorkBudget budget(kReferenceSteps);
    (void)evaluate(*model.graph, model.inputs);
    return true;
  } catch (const WorkSpent&) {
    return false;
  }
}

struct Findings {
  int changes = 0;  // of passes
  std::string by, wrong;
};

Findings check_model(const SmallModel& model, double share) {
  Findings found;
  const bool light = is_light(model);
  found.by = light ? "reference" : "kernels";
  PassCheck how;
  how.judge.share = share;
  if (!light) how.judge.evaluate = by_kernels, how.judge.any_order = true;
  how.seen = [&](const Pass&, const Graph&) { ++found.changes; };
  found.wrong = check_passes({model.graph->clone(), model.inputs}, how);
  return found;
}

std::vector<Tensor> run_without(const SmallModel& model, std::string_view pass) {
  BuildOptions options;
  if (!pass.empty()) options.passes.disabled = {std::string(pass)};
  Context context(build(model.graph->clone(), options));
  NamedTensors given;
  for (size_t i = 0; i < model.inputs.size(); ++i)
    given.emplace_back(model.graph->inputs()[i]->name, model.inputs[i]);
  std::vector<Tensor> results;
  for (auto& [name, tensor] : context.run(given)) results.push_back(std::move(tensor));
  return results;
}

Findings check_ablated(const SmallModel& model, double share) {
  Findings found;
  found.by = "engine";
  std::set<std::string_view> changing{"all", kFuse};
  canonicalize(*model.graph->clone(), {},
               [&](const Pass& pass, const Graph&) { changing.insert(pass.name); });
  const std::vector<Tensor> wanted = run_without(model, "");
  for (const std::string_view pass : changing) {
    ++found.changes;
    const std::string what = difference(ulp(1), share, wanted, run_without(model, pass));
    if (!what.empty()) found.wrong += cat("without ", pass, ": ", what, "\n");
  }
  return found;
}

class Run {
 public:
  Run(fs::path data, std::regex match, bool ablate)
      : data_(std::move(data)), match_(std::move(match)), ablate_(ablate) {}

  /// The exit code.
  int all() {
    if (!fs::is_directory(data_)) {
      std::printf("skipped: there is no folder %s\n", data_.c_str());
      return kSkipped;
    }
    for (const fs::path& path : models_in(data_ / "bench_graphs"))
      one(path, [&] { return small_model(path, 2); });
    for (const fs::path& path : models_in(data_ / "models/onnx")) {
      one(path, [&] { return model_with(path, golden_of(path)); });
      if (!ablate_ && is_small(path)) one(path, [&] { return small_model(path, 1); });
    }
    std::printf("models: %d, %d %s, %d failed\n", models_, changes_,
                ablate_ ? "ways" : "changes by passes", failed_);
    return failed_ == 0 && models_ > 0 ? 0 : 1;
  }

 private:
  static std::set<fs::path> models_in(const fs::path& folder) {
    std::set<fs::path> found;
    for (const auto& entry : fs::recursive_directory_iterator(folder))
      if (entry.path().extension() == ".onnx") found.insert(entry.path());
    return found;
  }

  /// Made small it is another graph than with the golden inputs, and reference evaluation judges
  /// it.
  bool is_small(const fs::path& path) const {
    if (!std::regex_search(path.lexically_relative(data_).string(), match_)) return false;
    try {
      const SmallModel small = small_model(path, 1);
      return small.sizes != model_with(path, golden_of(path)).sizes && is_light(small);
    } catch (const std::exception&) {
      return false;  // drawn inputs do not suit it
    }
  }

  fs::path golden_of(const fs::path& model) const {
    const std::string folder = model.parent_path().filename().string();
    return data_ / "goldens/onnxruntime" /
           cat(folder == "quantized" ? "qdq" : folder, "_", model.stem().string(), ".npz");
  }

  void one(const fs::path& path, const std::function<SmallModel()>& make) {
    const std::string name = path.lexically_relative(data_).string();
    if (!std::regex_search(name, match_)) return;
    ++models_;
    const auto start = std::chrono::steady_clock::now();
    Findings found;
    std::string sizes;
    try {
      const SmallModel model = make();
      sizes = model.sizes;
      found = ablate_ ? check_ablated(model, share_of(path)) : check_model(model, share_of(path));
    } catch (const std::exception& error) {
      found.wrong = error.what();
    }
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
    failed_ += found.wrong.empty() ? 0 : 1;
    changes_ += found.changes;
    std::printf("%s %-40s %s by %s: %d %s, %.1f s\n", found.wrong.empty() ? "ok    " : "FAILED",
                name.c_str(), sizes.c_str(), found.by.c_str(), found.changes,
                ablate_ ? "ways" : "changes", took.count());
    if (!found.wrong.empty()) std::printf("%s\n", found.wrong.substr(0, 4000).c_str());
    std::fflush(stdout);
  }

  fs::path data_;
  std::regex match_;
  bool ablate_;
  int models_ = 0, changes_ = 0, failed_ = 0;
};

}  // namespace
}  // namespace hone::test

int main(int count, char** words) {
  std::string data, match;
  bool ablate = false;
  for (int i = 1; i < count; ++i) {
    const std::string word = words[i];
    if (word == "--match" && i + 1 < count) match = words[++i];
    else if (word == "--ablate") ablate = true;
    else if (word.starts_with("--") || !data.empty())
      return std::fprintf(stderr, "hone_pass_check_models: unknown option %s\n", words[i]), 2;
    else data = word;
  }
  return hone::test::Run(data, std::regex(match), ablate).all();
}
