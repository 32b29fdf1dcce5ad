#pragma once
// A program that torch.export saved: its description and where its tensors lie, whatever the layout
// of the archive. (Source: torch 2.5 to 2.15, torch/_export/serde/schema.py,
// torch/export/pt2_archive/_package.py.)

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "import/pytorch/json.hpp"
#include "import/pytorch/stored.hpp"

namespace hone::pytorch {

class Program {
 public:
  Program(Archive archive, const Limits& limits);

  static bool is_one(const Archive& archive);
  Json description() const { return {*json_, archive_.file().name}; }
  const builder::ModelFile& file() const { return archive_.file(); }
  /// "8.17".
  std::string schema_version() const;
  std::string torch_version() const;

  /// Of parameters and buffers, of constants. Error(invalid_model): there is none of that name.
  std::shared_ptr<const Weight> weight(const std::string& name);
  std::shared_ptr<const Weight> constant(const std::string& name);

 private:
  /// Tensors of one kind: their places as a description tells them, or a pickled dictionary.
  struct Tensors {
    std::string folder;                            // what paths in the description begin with
    std::shared_ptr<const nlohmann::json> config;  // null: pickled
    std::optional<Archive> pickled;
    std::map<std::string, std::shared_ptr<const Weight>, std::less<>> found;
    bool read = false;
  };
  Tensors find_tensors(const std::string& model, std::string_view kind, std::string_view old_name);
  std::shared_ptr<const Weight> find(Tensors& in, const std::string& name);
  std::shared_ptr<const Weight> described(const Tensors& in, const Json& payload);

  Archive archive_;
  const Limits& limits_;
  std::shared_ptr<const nlohmann::json> json_;
  Tensors weights_, constants_;
};

/// Element types as descriptions number them (not as c10 does). Error(unsupported).
DType exported_dtype(int64_t number);
/// The same as the number that c10 has for it, as arguments of operators state types.
int64_t c10_dtype(int64_t number);

}  // namespace hone::pytorch
