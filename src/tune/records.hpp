#pragma once
// What was measured of kernels, as text that can be kept, merged and compared.

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/hash.hpp"
#include "device/timing.hpp"

namespace hone {

/// A problem as far as it matters for time, on one machine: ops, fields, dtypes, the sizes that
/// estimates take, which operands are constants, target, caches, workers. Names do not matter.
std::string timing_text(const Problem& problem);

/// Of one kernel with one tuning, on one problem.
struct Record {
  Hash problem;        // of timing_text(); of a whole engine, of the question
  std::string kernel;  // "cpu.conv.direct/1", with its version; "engine"
  std::string tuning;  // tuning_text(); of an engine, what it is made by
  friend auto operator<=>(const Record&, const Record&) = default;
};
Record record_of(const Hash& problem, const Way& way);

class Records {
 public:
  struct Entry {
    double seconds = 0;
    std::string about;  // the ops and sizes, for people
  };

  /// Reads the text form. Error(usage) naming the line that is none.
  static Records parse(std::string_view text);
  std::string print() const;

  std::optional<double> find(const Record& record) const;
  void set(const Record& record, Entry entry) { entries_[record] = std::move(entry); }
  /// Takes those of `other`; where both have one, the other's.
  void merge(const Records& other);
  const std::map<Record, Entry>& entries() const { return entries_; }

 private:
  std::map<Record, Entry> entries_;
};

}  // namespace hone
