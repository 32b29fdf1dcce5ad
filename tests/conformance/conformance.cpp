// Runs the ONNX standard's backend suite: every case through an engine and by reference evaluation.
//
//   hone_conformance SUITE_FOLDER... [options]
//     --match TEXT      only cases whose names hold TEXT
//     --missing         names the cases whose operators are not there, and why
//     --device NAME     engines of that device; counts the cases that run on it alone
//     --reference       whole networks by reference evaluation too: many minutes
//     --round-trip      each graph is written as ONNX and read back first; names those whose
//                       portable graph is another one then
//     --disable PASS    leaves a pass out; all: every one
//     --ablate          each folder once with every pass, and once with each pass alone left out
//     --least PERCENT   fails unless so many of the cases in scope pass, in every folder named
//     after it
//     --coverage FILE   writes which versions of which operators Hone reads; with --check: compares

#include <array>
#include <cstdio>
#include <map>

#include "base/error.hpp"
#include "base/file.hpp"
#include "base/text.hpp"
#include "conformance/case_run.hpp"
#include "conformance/coverage.hpp"
#include "passes/fusion/fuse.hpp"
#include "passes/prepare_fusion.hpp"
#include "passes/widen_halves.hpp"

namespace hone {
namespace {

namespace fs = std::filesystem;

constexpr int kSkipped = 77;  // the exit code that ctest takes for it

struct Options {
  struct Folder {
    fs::path path;
    double least;  // percent
  };
  std::vector<Folder> folders;
  std::string match;
  bool show_missing = false, only_check = false, ablate = false;
  HowToRun how;
  fs::path coverage;
};

Options read_options(int count, char** words) {
  Options options;
  double least = 0;
  for (int i = 1; i < count; ++i) {
    const std::string word = words[i];
    const bool has_next = i + 1 < count;
    if (word == "--match" && has_next) options.match = words[++i];
    else if (word == "--least" && has_next) least = std::stod(words[++i]);
    else if (word == "--coverage" && has_next) options.coverage = words[++i];
    else if (word == "--check") options.only_check = true;
    else if (word == "--disable" && has_next) options.how.passes.disabled = {words[++i]};
    else if (word == "--device" && has_next) options.how.device = open_device(words[++i]);
    else if (word == "--ablate") options.ablate = true;
    else if (word == "--missing") options.show_missing = true;
    else if (word == "--reference") options.how.networks_by_reference = true;
    else if (word == "--round-trip") options.how.round_trip = true;
    else if (word.starts_with("--")) fail(Code::usage, "unknown option ", word);
    else options.folders.push_back({word, least});
  }
  return options;
}

/// Counts by outcome; out of scope what did not pass is not held against Hone.
struct Tally {
  std::array<int, 3> inside{};  // by Outcome
  std::map<CaseScope, std::array<int, 3>> outside;

  void add(CaseScope scope, Outcome outcome) {
    auto& counts = scope == CaseScope::inside ? inside : outside[scope];
    ++counts[static_cast<size_t>(outcome)];
  }
  void add(const Tally& other) {
    for (size_t i = 0; i < inside.size(); ++i) inside[i] += other.inside[i];
    for (const auto& [scope, counts] : other.outside)
      for (size_t i = 0; i < counts.size(); ++i) outside[scope][i] += counts[i];
  }
  int failed() const {
    int all = inside[1];
    for (const auto& [scope, counts] : outside) all += counts[1];
    return all;
  }
  int run() const {
    int count = all();
    for (const auto& [scope, counts] : outside) count += counts[0] + counts[1] + counts[2];
    return count;
  }
  int all() const { return inside[0] + inside[1] + inside[2]; }
  double percent() const { return all() == 0 ? 100 : 100.0 * inside[0] / all(); }
  std::string share() const {
    char text[32];
    std::snprintf(text, sizeof text, "%.2f %%", percent());
    return text;
  }
  /// Of the table in docs/onnx-coverage.md.
  std::string row(const std::string& folder) const {
    std::string without;
    for (const auto& [scope, counts] : outside)
      without += cat(without.empty() ? "" : ", ", counts[0] + counts[1] + counts[2], " ",
                     name(scope), counts[0] > 0 ? cat(" (", counts[0], " pass)") : "");
    return cat("| ", folder, " | ", all(), " | ", inside[0], " | ", inside[1], " | ", inside[2],
               " | ", share(), " | ", without, " |");
  }
  std::string text() const {
    std::string line = cat(inside[0], " passed, ", inside[1], " failed, ", inside[2], " missing");
    line += cat(" (", share(), " of ", all(), ")");
    for (const auto& [scope, counts] : outside)
      line += cat("; ", name(scope), ": ", counts[0] + counts[1] + counts[2], " out of scope, ",
                  counts[0], " of them passed, ", counts[1], " failed");
    return line;
  }
};

class Run {
 public:
  explicit Run(Options options)
      : options_(std::move(options)),
        coverage_(fs::path(HONE_SOURCE_DIR) / "tests/conformance/operators.tsv") {}

  /// The exit code.
  int all() {
    if (!options_.ablate) return folders();
    int worst = 0;
    std::vector<std::string> names{"", "all", std::string(kFuse)};
    for (const auto& passes : {pipeline(), device_preparation(), fusion_preparation()})
      for (const Pass& pass : passes) names.emplace_back(pass.name);
    for (const std::string& name : names) {
      std::printf("without %s, ", name.empty() ? "nothing" : name.c_str());
      std::fflush(stdout);
      options_.how.passes.disabled = {name};
      networks_.clear();
      worst = std::max(worst, folders());
    }
    return worst;
  }

 private:
  int folders() {
    Tally total;
    bool enough = true;
    for (const auto& [suite, least] : options_.folders) {
      if (!fs::is_directory(suite)) {
        std::printf("skipped: there is no folder %s\n", suite.c_str());
        return kSkipped;
      }
      const Tally tally = folder(suite);
      if (!options_.ablate) std::printf("%s: %s\n", suite.filename().c_str(), tally.text().c_str());
      rows_.push_back(tally.row(suite.filename().string()));
      const bool is_enough = tally.percent() >= least;
      enough &= is_enough;
      if (!is_enough) std::printf("%s: fewer than %g %% pass\n", suite.filename().c_str(), least);
      total.add(tally);
    }
    if (options_.folders.size() > 1) std::printf("all: %s\n", total.text().c_str());
    if (total.run() == 0) std::printf("no case was run\n");
    int elsewhere = 0;
    for (const auto& [kernel, cases] : elsewhere_) {
      std::printf("%d cases run first of all by %s\n", cases, kernel.c_str());
      elsewhere += cases;
    }
    if (options_.how.device != nullptr)
      std::printf("%d of %d cases run on %s alone\n", total.run() - elsewhere, total.run(),
                  options_.how.device->target()->text().c_str());
    return total.failed() == 0 && total.run() > 0 && enough && coverage() ? 0 : 1;
  }

  /// Writes the page, or tells whether it is as it should be.
  bool coverage() const {
    if (options_.coverage.empty()) return true;
    const std::string page = coverage_.page(rows_);
    if (!options_.only_check) {
      AtomicFile file(options_.coverage);
      file.write(page);
      file.commit();
      return true;
    }
    if (fs::exists(options_.coverage) && read_text(options_.coverage) == page) return true;
    std::printf("%s is stale: run make coverage\n", options_.coverage.c_str());
    return false;
  }

  Tally folder(const fs::path& suite) {
    Tally tally;
    for (const Case& the_case : cases_of(suite)) {
      if (the_case.name.find(options_.match) == std::string::npos) continue;
      const Result result = run(the_case);
      const Contents contents = contents_of(the_case.model);
      const CaseScope scope = contents.scope;
      tally.add(scope, result.outcome);
      if (!result.elsewhere.empty()) ++elsewhere_[result.elsewhere];
      coverage_.add(contents, result.outcome == Outcome::passed);
      if (result.restructured) std::printf("restructured %s\n", the_case.name.c_str());
      const bool is_missing = result.outcome == Outcome::missing;
      if (result.outcome == Outcome::failed || (options_.show_missing && is_missing))
        std::printf("%s %s%s: %s\n", is_missing ? "missing" : "FAILED", the_case.name.c_str(),
                    scope == CaseScope::inside ? "" : cat(" (", name(scope), ")").c_str(),
                    result.why.c_str());
    }
    return tally;
  }

  /// Networks stand in two folders; each is run once.
  Result run(const Case& the_case) {
    if (!the_case.is_network()) return run_case(the_case, options_.how);
    const auto found = networks_.find(the_case.model);
    if (found != networks_.end()) return found->second;
    return networks_[the_case.model] = run_case(the_case, options_.how);
  }

  Options options_;
  Coverage coverage_;
  std::vector<std::string> rows_;
  std::map<fs::path, Result> networks_;
  std::map<std::string, int> elsewhere_;  // cases, by the first kernel of the host's
};

}  // namespace
}  // namespace hone

int main(int count, char** words) try {
  return hone::Run(hone::read_options(count, words)).all();
} catch (const std::exception& error) {
  std::printf("%s\n", error.what());
  return 2;
}
