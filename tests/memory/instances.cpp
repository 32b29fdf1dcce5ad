// Solves memory planning instances (CSV: id,lower,upper,size; `upper` is the first step without the
// buffer) at a capacity and prints a table in Markdown.

#include <algorithm>
#include <chrono>
#include <fstream>
#include <iostream>
#include <sstream>

#include "base/error.hpp"
#include "plan/memory/demand.hpp"

namespace {

using namespace hone;

Demand read_instance(const std::string& path) {
  std::ifstream file(path);
  check(file.good(), Code::io, path, " cannot be read");
  Demand demand;
  std::string line;
  std::getline(file, line);
  check(line == "id,lower,upper,size", Code::usage, path, " starts with \"", line,
        "\", wanted \"id,lower,upper,size\"");
  while (std::getline(file, line)) {
    std::ranges::replace(line, ',', ' ');
    std::istringstream fields(line);
    std::string id;
    int64_t lower = -1, upper = -1, size = -1;
    check(bool(fields >> id >> lower >> upper >> size) && lower >= 0 && lower < upper &&
              upper <= INT32_MAX && size > 0,
          Code::usage, path, ": \"", line, "\" is no buffer");
    demand.buffers.push_back({size, static_cast<int>(lower), static_cast<int>(upper - 1)});
  }
  return demand;
}

int run(int64_t capacity, int64_t work, const std::vector<std::string>& paths) {
  std::cout
      << "| instance | buffers | bound | greedy | arena | seconds |\n|---|--:|--:|--:|--:|--:|\n";
  int above = 0;
  for (const std::string& path : paths) {
    const Demand demand = read_instance(path);
    const Placement greedy = solve(demand, {0, capacity});
    const auto start = std::chrono::steady_clock::now();
    const Placement found = solve(demand, {work, capacity});
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
    const auto wrong = validate(demand, found);
    check(!wrong, Code::internal, path, ": ", wrong.value_or(""));
    above += found.bytes > capacity ? 1 : 0;
    const size_t name = path.find_last_of('/') + 1;
    std::cout << "| " << path.substr(name, path.rfind('.') - name) << " | " << demand.buffers.size()
              << " | " << lower_bound(demand) << " | " << greedy.bytes << " | " << found.bytes
              << " | ";
    std::cout.precision(2);
    std::cout << std::fixed << took.count() << " |" << std::endl;
  }
  return above == 0 ? 0 : 1;
}

}  // namespace

int main(int count, char** arguments) {
  if (count < 4) {
    std::cerr << "usage: hone_memory_instances CAPACITY WORK FILE.csv...\n";
    return 2;
  }
  try {
    return run(std::stoll(arguments[1]), std::stoll(arguments[2]),
               {arguments + 3, arguments + count});
  } catch (const std::exception& error) {
    std::cerr << "error: " << error.what() << "\n";
    return 1;
  }
}
