#pragma once
// Measures ways to run problems, each problem once, and keeps what it measured as records.

#include <atomic>
#include <chrono>
#include <cmath>
#include <memory>
#include <set>

#include "device/device.hpp"
#include "device/timing.hpp"
#include "tune/records.hpp"

namespace hone {

struct TunerOptions {
  double budget = 60;         // seconds for all measurements; behind it estimates hold
  bool measures = true;       // false: nothing but what the records have
  std::atomic<bool>* stop{};  // set by whoever wants what is known so far to be enough
};

class Tuner final : public Timing {
 public:
  /// Measures with so many workers of the device.
  Tuner(std::shared_ptr<Device> device, int workers, Records records, TunerOptions options = {});
  ~Tuner() override;

  void expect(const std::vector<std::vector<Way>>& problems) override;
  std::vector<double> seconds(const std::vector<Way>& ways) override;
  std::vector<double> seconds_of_engines(std::string_view question,
                                         const std::vector<std::string>& ways,
                                         const std::function<double(size_t way)>& measure) override;
  /// However bad the estimates are.
  void try_all() {
    worth = INFINITY;
    most = 64;
  }

  /// Those given and those measured.
  const Records& records() const { return records_; }
  /// Problems that were measured, that records had, and for which estimates hold.
  int measured() const { return measured_; }
  int known() const { return known_; }
  int estimated() const { return estimated_; }

 private:
  bool may_measure() const;
  /// Of all of these ways; empty: they are not known.
  std::vector<double> recorded(const Hash& problem, const std::vector<Way>& ways) const;

  std::shared_ptr<Device> device_;
  std::unique_ptr<Stream> stream_;
  Records records_;
  TunerOptions options_;
  std::set<Hash> expected_;    // problems whose code is being made
  std::map<Hash, bool> seen_;  // problems that have been asked for; whether their times are known
  std::chrono::duration<double> spent_{};
  int measured_ = 0, known_ = 0, estimated_ = 0;
};

}  // namespace hone
