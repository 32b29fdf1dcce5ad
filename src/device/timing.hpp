#pragma once
// Times that somebody measured, where estimates would be used otherwise.

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "device/kernel.hpp"

namespace hone {

/// One way to run a problem, with what its recipe estimates.
struct Way {
  const Kernel* kernel = nullptr;
  Recipe recipe;
};

struct Timing {
  virtual ~Timing() = default;
  /// Ways with longer estimates than `worth` times the least are not asked about, and no more than
  /// `most` of the others.
  double worth = 6;
  size_t most = 8;
  /// These are asked for next: what takes long of them may begin.
  virtual void expect(const std::vector<std::vector<Way>>&) {}
  /// Seconds of each of these ways to run one problem; empty: they are not known, and the estimates
  /// hold. The same answer for the same question as long as this lives.
  virtual std::vector<double> seconds(const std::vector<Way>& ways) = 0;
  /// Seconds of whole engines for one model, which `question` tells from others, each by what it is
  /// made by; `measure` takes those of one now, in order. Fewer than there are ways: the others are
  /// not known, and there is no more time for them.
  virtual std::vector<double> seconds_of_engines(
      std::string_view question, const std::vector<std::string>& ways,
      const std::function<double(size_t way)>& measure) = 0;
};

}  // namespace hone
