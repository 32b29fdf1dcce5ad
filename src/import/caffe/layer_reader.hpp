#pragma once
// What the author of a family of layers sees of one layer, and the table of functions that import
// layers.
//
//   void import_permute(LayerReader& layer) {
//     Params params = layer.params("permute_param");
//     layer.emit(Transpose{.perm = params.integers("order")}, {layer.required(0)});
//   }
//   void register_shape(Importers& importers) { importers.add("Permute", import_permute); }

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "import/builder/node_builder.hpp"
#include "import/caffe/blobs.hpp"
#include "import/caffe/net.hpp"

namespace hone::caffe {

class LayerReader;
using ImportFunction = void (*)(LayerReader&);

/// Which function imports which type of layer.
class Importers {
 public:
  /// Error(internal): the type is there already.
  void add(std::string_view type, ImportFunction f);
  ImportFunction find(std::string_view type) const;  // null: none
  std::vector<std::string_view> names() const;       // sorted

 private:
  std::map<std::string, ImportFunction, std::less<>> functions_;
};

/// Generated: calls register_<family>(Importers&) of every file in families/.
void register_all_importers(Importers& importers);

/// The fields of one message of a layer. What nobody reads is told as unknown when the layer is
/// done. Of a field that is given several times the last counts, as protobuf has it.
class Params {
 public:
  Params(LayerReader& layer, const std::vector<TextField>* fields)
      : layer_(layer), fields_(fields) {}

  bool has(std::string_view name) const;
  int64_t integer(std::string_view name, int64_t otherwise);
  int64_t integer(std::string_view name);  // required
  std::optional<int64_t> optional_integer(std::string_view name);
  std::vector<int64_t> integers(std::string_view name);
  float real(std::string_view name, float otherwise);
  std::vector<float> reals(std::string_view name);
  bool flag(std::string_view name, bool otherwise);
  /// One of `names`, or its number counted from `first`: its place in the list.
  size_t choice(std::string_view name, const std::vector<std::string_view>& names,
                std::string_view otherwise, int64_t first = 0);
  /// The message within this one; what is in it has to be read, too.
  Params message(std::string_view name);
  /// The messages of a field that may be repeated, `dim` of each: BlobShape.
  std::vector<std::vector<int64_t>> shapes(std::string_view name);
  void ignore(std::string_view name);

 private:
  std::vector<const TextField*> all(std::string_view name);
  const TextField* last(std::string_view name);
  [[noreturn]] void wrong(const TextField& field, std::string_view wanted) const;
  int64_t integer_of(const TextField& field) const;
  float real_of(const TextField& field) const;

  LayerReader& layer_;
  const std::vector<TextField>* fields_;  // null: the message is absent
};

/// Where weights come from: a file, or the import's seed, or nowhere for the reason told.
struct WeightSource {
  const Blobs* blobs = nullptr;
  std::string absence;
};

class LayerReader : public builder::NodeBuilder {
 public:
  LayerReader(builder::Frame& frame, builder::NodePlace place, const Layer& layer,
              const WeightSource& weights);

  const Layer& layer() const { return layer_; }
  /// Of a message that is given at most once; fields of one that is absent have their defaults.
  Params params(std::string_view message);

  /// The sizes of bottom `i`, all numbers; leaves the layer where some are not.
  std::vector<int64_t> sizes(int i) const;
  /// The rank of bottom `i`, which is always known.
  int rank_of(int i) const;
  /// An axis as layers state it, negative from the end, in [0, most]; `most` 0: below the rank.
  int64_t axis_of(int64_t axis, int i, int64_t most = 0) const;

  /// How many blobs the layer stores; nullopt: weights are made from a seed. Error(io): neither.
  std::optional<size_t> stored() const;
  /// Blob `i` with these sizes. Error(invalid_model) where it is not stored or has others.
  Value* weight(size_t i, std::vector<int64_t> dims, std::string_view hint);
  /// The same as a tensor; its sizes as they are stored.
  Tensor blob(size_t i, const std::vector<int64_t>& dims) const;
  std::vector<int64_t> blob_sizes(size_t i) const;

  /// Element by element with one number.
  Value* scalar(double value, std::string_view hint);

  /// The most that one constant made while importing may take.
  size_t most_bytes() const { return frame().model().options.limits.folded_bytes; }

  // For Params, and for the importer of nets.
  void ask(const TextField& message) { asked_.push_back(&message); }
  void mark(const TextField& field) { read_.insert(&field); }
  /// "pool_param.rounds", of the messages that were asked for.
  std::vector<std::string> unread() const;

 private:
  Blob stored_blob(size_t i) const;

  const Layer& layer_;
  const WeightSource& weights_;
  std::vector<const TextField*> asked_;
  std::unordered_set<const TextField*> read_;
};

}  // namespace hone::caffe
