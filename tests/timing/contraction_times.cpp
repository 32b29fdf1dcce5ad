// How much of the processor's peak the generated contractions reach, as a table in Markdown.
//
//   hone_contraction_times            blocks of every useful shape, operands in the nearest cache
//   hone_contraction_times --peak N   GFLOP/s of N threads that do nothing but multiply and add
//
// The clock is the thread's own: whoever else uses the machine counts for little. Each figure is
// the best of kRounds, taken in turns with the peak.

#include <algorithm>
#include <cstdlib>
#include <ctime>
#include <iomanip>
#include <iostream>
#include <string_view>
#include <thread>
#include <vector>

#include "device/cpu/jit/contraction.hpp"
#include "device/cpu/jit/multiply_adds.hpp"

namespace {

using namespace hone::cpu;

constexpr int kRounds = 9, kDepth = 256;

double seconds() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

/// GFLOP/s of one thread.
double run(const MultiplyAdds& peak) {
  constexpr int kTimes = 5;
  const double start = seconds();
  for (int i = 0; i < kTimes; ++i) peak.run();
  return 1e-9 * kTimes * peak.flops() / (seconds() - start);
}

double peak_of(int threads) {
  const MultiplyAdds peak(isa());
  std::vector<double> each(static_cast<size_t>(threads));
  std::vector<std::thread> team;
  for (double& mine : each)
    team.emplace_back([&] {
      for (int round = 0; round < kRounds; ++round) mine = std::max(mine, run(peak));
    });
  for (std::thread& thread : team) thread.join();
  double sum = 0;
  for (const double mine : each) sum += mine;
  return sum;
}

/// GFLOP/s of one block.
double run_block(const Contraction& kernels, int rows, int vectors) {
  const auto columns = static_cast<size_t>(vectors * Contraction::lanes(isa()));
  std::vector<float> a(static_cast<size_t>(rows) * kDepth), b(columns * kDepth);
  std::vector<float> c(static_cast<size_t>(rows) * columns);
  std::vector<const float*> pointers;
  for (int i = 0; i < rows; ++i) pointers.push_back(a.data() + i * kDepth);
  std::vector<int32_t> offsets;
  for (size_t d = 0; d < kDepth; ++d)
    offsets.push_back(static_cast<int32_t>(d * columns * sizeof(float)));
  ContractionCall call;
  call.a = a.data();
  call.a_rows = pointers.data();
  call.b = b.data();
  call.b_offsets = offsets.data();
  call.depth = kDepth;
  call.c = c.data();
  call.c_stride = static_cast<int64_t>(columns * sizeof(float));
  const auto function = kernels.function(rows, vectors);
  constexpr int kTimes = 200;
  const double start = seconds();
  for (int i = 0; i < kTimes; ++i) function(&call);
  return 2e-9 * kTimes * rows * static_cast<double>(columns) * kDepth / (seconds() - start);
}

void print_table() {
  using Form = ContractionForm;
  const std::pair<const char*, Form> forms[] = {
      {"rows x panel", {Form::A::rows, Form::B::panel}},
      {"panel x panel", {Form::A::panel, Form::B::panel}},
      {"panel x offsets", {Form::A::panel, Form::B::table}}};
  const MultiplyAdds peak(isa());
  std::cout << name(isa()) << ", one thread, depth " << kDepth << "\n\n"
            << "| operands | rows x columns | GFLOP/s | of peak |\n|---|---|---:|---:|\n"
            << std::fixed << std::setprecision(0);
  for (const auto& [text, form] : forms) {
    const auto kernels = Contraction::of(isa(), form, 4);
    if (kernels == nullptr) continue;
    for (int vectors = 1; vectors <= 4; ++vectors)
      for (const int rows : {1, 4, kernels->most_rows(vectors)}) {
        if (rows > kernels->most_rows(vectors)) continue;
        double best = 0, most = 0;
        for (int round = 0; round < kRounds; ++round) {
          most = std::max(most, run(peak));
          best = std::max(best, run_block(*kernels, rows, vectors));
        }
        std::cout << "| " << text << " | " << rows << " x " << vectors * Contraction::lanes(isa())
                  << " | " << best << " | " << 100 * best / most << " % |\n";
      }
  }
}

}  // namespace

int main(int count, char** words) {
  if (isa() == Isa::generic) {
    std::cout << "no code can be generated for this processor\n";
    return 77;
  }
  if (count == 3 && std::string_view(words[1]) == "--peak")
    std::cout << peak_of(std::max(1, std::atoi(words[2]))) << "\n";
  else print_table();
  return 0;
}
