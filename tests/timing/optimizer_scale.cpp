// How the time and memory of `hone build` grow with the graph, as a table in Markdown. Fails,
// having printed it, when one is beyond its bar.
//
//   hone_optimizer_scale HONE [SHAPE...]
//
// Each shape is written as an ONNX model of four sizes and built by the tool HONE in a process of
// its own. Time: of the processor, all threads. Memory: the most that is resident, beyond what a
// model of one node takes, by node. Exponent: of the straight line through the logarithms of the
// times; 1 is linear, 2 the square.

#include <fcntl.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <iostream>

#include "base/error.hpp"
#include "base/text.hpp"
#include "export/export.hpp"
#include "support/scale_shapes.hpp"

extern char** environ;

namespace {

using namespace hone;
using test::ScaleShape;

constexpr int kSizes[] = {12'500, 25'000, 50'000, 100'000};
constexpr double kMostSeconds = 10, kMostBytes = 8192;  // of the largest; of each node

struct Cost {
  double seconds = 0, bytes = 0;
};

/// Runs the tool and waits for it.
Cost run(const std::string& hone, const std::string& model) {
  const std::string output = model + ".hone";
  std::string words[] = {hone, "build", model, "-o", output, "--workers", "1"};
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
  pid_t child = 0;
  const int error = posix_spawn(&child, hone.c_str(), &actions, nullptr, arguments.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  check(error == 0, Code::io, hone, " cannot be started");
  int status = 0;
  rusage usage{};
  check(wait4(child, &status, 0, &usage) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0,
        Code::internal, hone, " build ", model, " ends with ", status);
  std::filesystem::remove(output);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + 1e-6 * static_cast<double>(time.tv_usec);
  };
  return {seconds(usage.ru_utime) + seconds(usage.ru_stime),
          1024 * static_cast<double>(usage.ru_maxrss)};
}

/// In a process of its own: what is resident here counts for the processes that are started.
void write(const std::filesystem::path& model, const ScaleShape& shape, int nodes) {
  const pid_t child = fork();
  if (child == 0) {
    try {
      export_onnx(*shape.make(nodes), model);
      _exit(0);
    } catch (const std::exception& error) {
      std::cerr << "error: " << error.what() << "\n";
      _exit(1);
    }
  }
  int status = 0;
  check(child > 0 && waitpid(child, &status, 0) == child && status == 0, Code::internal,
        model.string(), " cannot be made");
}

Cost build(const std::string& hone, const std::filesystem::path& folder, const ScaleShape& shape,
           int nodes) {
  const std::filesystem::path model = folder / cat(nodes, ".onnx");
  write(model, shape, nodes);
  const Cost cost = run(hone, model.string());
  std::filesystem::remove(model);
  return cost;
}

/// The slope of log(seconds) over log(nodes) that fits best.
double exponent_of(const std::vector<Cost>& costs) {
  double x = 0, y = 0, xx = 0, xy = 0;
  const auto count = static_cast<double>(costs.size());
  for (size_t i = 0; i < costs.size(); ++i) {
    const double nodes = std::log(static_cast<double>(kSizes[i]));
    const double seconds = std::log(std::max(costs[i].seconds, 1e-3));
    x += nodes, y += seconds, xx += nodes * nodes, xy += nodes * seconds;
  }
  return (count * xy - x * y) / (count * xx - x * x);
}

/// true: within the bars.
bool print_row(const std::string& hone, const std::filesystem::path& folder,
               const ScaleShape& shape) {
  const double base = build(hone, folder, shape, 2).bytes;
  std::vector<Cost> costs;
  for (const int nodes : kSizes) costs.push_back(build(hone, folder, shape, nodes));
  const double bytes = (costs.back().bytes - base) / kSizes[std::size(kSizes) - 1];
  std::cout << "| " << shape.name << ": " << shape.about;
  std::cout.precision(2);
  for (const Cost& cost : costs) std::cout << " | " << std::fixed << cost.seconds;
  std::cout << " | " << exponent_of(costs);
  std::cout.precision(0);
  std::cout << " | " << bytes << " |" << std::endl;
  return costs.back().seconds <= kMostSeconds && bytes <= kMostBytes;
}

}  // namespace

int main(int count, char** arguments) {
  if (count < 2) {
    std::cerr << "usage: hone_optimizer_scale HONE [SHAPE...]\n";
    return 2;
  }
  const std::filesystem::path folder =
      std::filesystem::temp_directory_path() / cat("hone_scale_", getpid());
  try {
    std::filesystem::create_directories(folder);
    std::cout << "| graph";
    for (const int nodes : kSizes)
      std::cout << " | " << with_commas(static_cast<uint64_t>(nodes)) << " nodes, s";
    std::cout << " | exponent | bytes a node |\n|---|--:|--:|--:|--:|--:|--:|\n";
    bool good = true;
    const std::vector<std::string_view> wanted(arguments + 2, arguments + count);
    for (const ScaleShape& shape : test::scale_shapes())
      if (wanted.empty() || std::ranges::find(wanted, shape.name) != wanted.end())
        good &= print_row(arguments[1], folder, shape);
    std::filesystem::remove_all(folder);
    return good ? 0 : 1;
  } catch (const std::exception& error) {
    std::filesystem::remove_all(folder);
    std::cerr << "error: " << error.what() << "\n";
    return 2;
  }
}
