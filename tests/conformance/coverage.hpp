#pragma once
// docs/onnx-coverage.md: which versions of which operators Hone reads, and how the suite's cases of
// them end.

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "conformance/suite.hpp"

namespace hone {

class Coverage {
 public:
  /// `operators`: every operator with its versions, as list_operators.py writes them.
  explicit Coverage(const std::filesystem::path& operators);
  /// The case that used these operators passed, or did not.
  void add(const Contents& contents, bool passed);
  /// `rows`: of a table, one for every folder of the suite.
  std::string page(const std::vector<std::string>& rows) const;

 private:
  struct Version {
    int number = 0;
    bool is_deprecated = false;
    int cases = 0, passed = 0;
  };
  struct Operator {
    std::string domain, name;  // "": the default domain
    std::vector<Version> versions;
  };
  class Section;

  std::vector<Operator> operators_;  // sorted by domain and name
  std::map<std::pair<std::string, std::string>, size_t> index_;
};

}  // namespace hone
