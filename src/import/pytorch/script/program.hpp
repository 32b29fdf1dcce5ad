#pragma once
// A program of TorchScript: its files of code, read when they are needed, and what it stores.

#include <map>
#include <string>
#include <string_view>

#include "import/pytorch/archive.hpp"
#include "import/pytorch/importers.hpp"
#include "import/pytorch/pickle.hpp"
#include "import/pytorch/script/syntax.hpp"

namespace hone::pytorch {

class ScriptProgram {
 public:
  explicit ScriptProgram(Archive archive);

  static bool is_one(const Archive& archive);
  const Archive& archive() const { return archive_; }
  /// By their full names, "__torch__.torch.nn.modules.conv.Conv2d"; null: there is none.
  const ClassDefinition* find_class(std::string_view name);
  const Definition* find_function(std::string_view name);
  const Definition* find_method(std::string_view type, std::string_view name);

  /// "torch.swirl": what code that was read so far calls and nobody imports.
  std::vector<std::string> unknown(const Importers& importers) const;

  const Pickled& root() const { return data_.root(); }
  const Pickled* constant(std::string_view name) const;  // "c0"; null: there is none

 private:
  const SourceFile* find_file(std::string_view module);

  Archive archive_;
  Pickle data_, constants_;
  std::map<std::string, SourceFile, std::less<>> files_;  // by module: "__torch__.a.b"
};

}  // namespace hone::pytorch
