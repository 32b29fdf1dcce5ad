#pragma once
// Which tensor of a checkpoint a variable of a graph has.

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "import/tensorflow/checkpoint.hpp"
#include "import/tensorflow/proto.hpp"

namespace hone::tensorflow {

class Variables {
 public:
  /// `restore_op`: the node that reads a checkpoint into the variables.
  Variables(const GraphFile& file, std::string_view restore_op, const std::filesystem::path& folder,
            const ImportOptions& options);

  /// The contents of the variable whose handle this node is.
  StoredVariable operator()(std::string_view node);

 private:
  void find_keys(const NodeDef& call);
  std::string key_of(std::string_view node) const;

  const GraphFile& file_;
  std::filesystem::path folder_;
  const ImportOptions& options_;
  std::map<std::string_view, const NodeDef*> nodes_;           // by name
  std::map<std::string_view, std::string, std::less<>> keys_;  // by node
  std::optional<Checkpoint> checkpoint_;                       // opened for the first variable
};

}  // namespace hone::tensorflow
