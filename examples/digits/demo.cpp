// From a trained network's file to classified pictures, by Hone's C++ interface.
//
//   hone_demo FOLDER ENGINE    FOLDER holds digits.onnx and samples.npz; ENGINE is written

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <exception>
#include <string>
#include <string_view>
#include <vector>

#include "hone/hone.hpp"
#include "samples.hpp"

namespace {

using Clock = std::chrono::steady_clock;

constexpr size_t kPixels = 64, kDigits = 10, kShown = 8;
constexpr int kRightInPyTorch = 357;  // of these pictures, by the same network where it was trained

size_t largest(std::span<const float> scores) {
  return static_cast<size_t>(std::ranges::max_element(scores) - scores.begin());
}

/// Which digit each picture is, all pictures in one batch.
std::vector<size_t> classify(hone::Context& context, const std::vector<float>& pictures) {
  const auto n = static_cast<int64_t>(pictures.size() / kPixels);
  const auto results = context.run({hone::Tensor::view("image", pictures, {n, 1, 8, 8})});
  const std::span<const float> logits = results.at("logits").data<float>();
  std::vector<size_t> digits;
  for (size_t i = 0; i < static_cast<size_t>(n); ++i)
    digits.push_back(largest(logits.subspan(i * kDigits, kDigits)));
  return digits;
}

/// Some pictures side by side, those that were taken for another digit first.
void show(const Samples& samples, const std::vector<size_t>& digits) {
  std::vector<size_t> order(digits.size());
  for (size_t i = 0; i < order.size(); ++i) order[i] = i;
  const auto wrong = [&](size_t i) { return static_cast<int64_t>(digits[i]) != samples.labels[i]; };
  const auto mistakes = std::ranges::count_if(order, wrong);
  std::ranges::stable_partition(order, wrong);
  order.resize(std::min(kShown, order.size()));
  std::printf(
      "%zu of %zu pictures, picked so that the mistakes come first; there are %td in all:\n\n",
      order.size(), digits.size(), mistakes);

  constexpr std::string_view kInk = " .:-=+*#%@";
  for (size_t row = 0; row < 8; ++row) {
    std::string line;
    for (const size_t sample : order) {
      for (size_t column = 0; column < 8; ++column) {
        const float grey = samples.pictures[sample * kPixels + row * 8 + column];
        line.append(2, kInk[static_cast<size_t>(grey * static_cast<float>(kInk.size() - 1))]);
      }
      line += "  ";
    }
    std::puts(line.c_str());
  }
  std::string line;
  for (const size_t sample : order) {
    std::string word = "     " + std::to_string(digits[sample]);
    if (wrong(sample)) word += ", is a " + std::to_string(samples.labels[sample]);
    line += word + std::string(18 - word.size(), ' ');
  }
  std::printf("%s\n\n", line.c_str());
}

/// Median time of one picture alone, in microseconds.
double latency(hone::Context& context, const std::vector<float>& pictures) {
  const std::vector<float> one(pictures.begin(), pictures.begin() + kPixels);
  std::vector<double> times;
  for (int i = 0; i < 201; ++i) {
    const auto start = Clock::now();
    classify(context, one);
    times.push_back(std::chrono::duration<double, std::micro>(Clock::now() - start).count());
  }
  std::ranges::nth_element(times, times.begin() + 100);
  return times[100];
}

void demo(const std::string& folder, const std::string& file) {
  const auto start = Clock::now();
  const hone::Model model = hone::import(folder + "/digits.onnx");
  hone::build(model).save(file);

  const hone::Engine engine = hone::Engine::load(file);
  hone::Context context(engine);
  const Samples samples = read_samples(folder + "/samples.npz");
  const std::vector<size_t> digits = classify(context, samples.pictures);
  const std::chrono::duration<double> taken = Clock::now() - start;
  show(samples, digits);

  size_t right = 0;
  for (size_t i = 0; i < digits.size(); ++i)
    right += static_cast<int64_t>(digits[i]) == samples.labels[i];
  const auto total = static_cast<double>(digits.size());
  std::printf("engine    %s\n", file.c_str());
  std::printf("time      %.2f s from the network's file to an engine file to the last answer\n",
              taken.count());
  std::printf("latency   %.0f us for one picture (median of 201)\n",
              latency(context, samples.pictures));
  std::printf("PyTorch   %.2f %% (%d of them right, by the network as it was trained)\n",
              100.0 * kRightInPyTorch / total, kRightInPyTorch);
  std::printf("accuracy  %.2f %% (%zu of %zu pictures that the training never saw)\n",
              100.0 * static_cast<double>(right) / total, right, digits.size());
}

}  // namespace

int main(int count, char** arguments) {
  if (count != 3) {
    std::fputs("usage: hone_demo FOLDER ENGINE\n", stderr);
    return 2;
  }
  try {
    demo(arguments[1], arguments[2]);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "error: %s\n", error.what());
    return 1;
  }
  return 0;
}
