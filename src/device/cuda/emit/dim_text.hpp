#pragma once
// Dims as text of CUDA C++, computed in the text's index type I (unsigned: U).

#include <map>
#include <string>
#include <string_view>

#include "ir/dim/dim.hpp"

namespace hone::cuda::emitter {

/// What a name of a symbol or variable is called in the text.
class Names {
 public:
  /// The next one with this letter, where it has none yet.
  std::string of(std::string_view name, char letter);
  const std::map<std::string, std::string, std::less<>>& all() const { return names_; }

 private:
  std::map<std::string, std::string, std::less<>> names_;
};

class DimText {
 public:
  std::string operator()(const Dim& dim);
  std::string symbol(std::string_view name) { return symbols_.of(name, 's'); }
  std::string variable(std::string_view name) { return variables_.of(name, 'v'); }
  /// Those that occurred, with their names: what a kernel is to be given.
  const Names& symbols() const { return symbols_; }

 private:
  Names symbols_, variables_;
};

}  // namespace hone::cuda::emitter
