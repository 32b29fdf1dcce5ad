#pragma once
// A checkpoint (TensorBundle): an index of tensors by key, their contents in shards beside it.

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/file.hpp"
#include "import/import.hpp"
#include "import/tensorflow/item.hpp"
#include "ir/weight.hpp"

namespace hone::tensorflow {

class Checkpoint {
 public:
  /// The checkpoint `name` ("variables/variables") below `folder`. Error(io): it is not there.
  Checkpoint(const std::filesystem::path& folder, const std::string& name,
             const ImportOptions& options);

  bool has(std::string_view key) const { return entries_.contains(key); }
  /// A tensor; its contents stay in the mapped shard. Error(invalid_model) where there is none.
  StoredVariable tensor(std::string_view key);

 private:
  struct Entry {
    int64_t type = 0, shard = 0, offset = 0, size = 0;
    std::vector<int64_t> shape;
    bool in_slices = false;
  };
  void add_entry(std::string_view key, std::string_view message);
  const std::shared_ptr<const MappedFile>& shard(int64_t number);
  std::string shard_name(int64_t number) const;

  std::filesystem::path folder_;
  std::string name_;
  const ImportOptions& options_;
  int64_t shards_ = 1;
  std::map<std::string, Entry, std::less<>> entries_;
  std::map<int64_t, std::shared_ptr<const MappedFile>> files_;
};

}  // namespace hone::tensorflow
