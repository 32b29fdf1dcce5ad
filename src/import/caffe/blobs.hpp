#pragma once
// What a .caffemodel stores: the weights of layers by the layers' names.

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "import/builder/model_file.hpp"
#include "ir/limits.hpp"
#include "ir/weight.hpp"

namespace hone::caffe {

/// A blob, decoded but for its numbers.
struct Blob {
  std::vector<int64_t> dims;
  std::string_view packed;      // 4-byte floats as they lie in the file
  std::vector<float> floats;    // else those stored one by one
  std::vector<double> doubles;  // of a net trained in double precision
  int64_t count() const;
};

class Blobs {
 public:
  /// Error(invalid_model) naming the message that is damaged. Nothing large is copied.
  Blobs(builder::ModelFile file, const Limits& limits);

  const builder::ModelFile& file() const { return file_; }
  const std::string& net_name() const { return net_name_; }
  /// The blobs of a layer in their order; null: it stores none.
  const std::vector<std::string_view>* of(std::string_view layer) const;
  Blob decode(std::string_view message) const;
  /// The blob's numbers, of its own sizes or of others for as many. Error(invalid_model).
  Tensor tensor(const Blob& blob, const std::vector<int64_t>& dims) const;

 private:
  void read_layer(std::string_view message, bool is_v1);

  builder::ModelFile file_;
  const Limits& limits_;
  std::string net_name_;
  std::map<std::string, std::vector<std::string_view>, std::less<>> layers_;
};

/// Whether these bytes are a stored net: its first fields are those of one.
bool looks_like_stored_net(std::string_view bytes);

}  // namespace hone::caffe
