#pragma once
// What a .params file stores: tensors by the names of the network's variables. (Source:
// apache/mxnet 1.9, src/ndarray/ndarray.cc, NDArray::Save, Load and LegacyLoad.)

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "import/builder/model_file.hpp"
#include "ir/limits.hpp"
#include "ir/weight.hpp"

namespace hone::mxnet {

class Stored {
 public:
  /// Error(invalid_model) naming the tensor that is damaged; Error(unsupported) for a sparse one.
  /// Nothing large is copied.
  Stored(builder::ModelFile file, const Limits& limits);

  const builder::ModelFile& file() const { return file_; }
  size_t size() const { return tensors_.size(); }
  /// By the variable's name, without "arg:" or "aux:"; null: there is none of that name.
  const std::shared_ptr<const Weight>* find(std::string_view name) const;

 private:
  builder::ModelFile file_;
  std::map<std::string, std::shared_ptr<const Weight>, std::less<>> tensors_;
};

/// The type of elements that a number in a file stands for; nullopt: none.
std::optional<DType> stored_type(int64_t number);

/// Whether these bytes are a list of tensors as MXNet stores them.
bool looks_like_stored(std::string_view bytes);

}  // namespace hone::mxnet
