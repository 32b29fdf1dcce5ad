#pragma once
// What the author of a family of operators sees of one node, and the table of functions that import
// operators.
//
//   void import_transpose(NodeReader& node) {
//     node.emit(Transpose{.perm = node.integers("axes")}, {node.required(0)});
//   }
//   void register_layout(Importers& importers) { importers.add("transpose", {import_transpose}); }

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "import/builder/node_builder.hpp"
#include "import/mxnet/stored.hpp"
#include "import/mxnet/symbol.hpp"

namespace hone::mxnet {

class NodeReader;

/// Where weights come from: a file, or the import's seed, or nowhere for the reason told.
struct WeightSource {
  const Stored* stored = nullptr;
  std::string absence;

  /// The sizes of the variable that is input `i` of a node: as stored, else as it states them.
  /// Empty: it is none, or tells nothing.
  std::vector<int64_t> sizes(const Symbol& symbol, const Node& node, size_t i) const;
};

/// "(0, 3, 224, 224)" as Gluon notes it of its variables (__shape__), 0: open. Empty: it does not.
std::vector<int64_t> stated_sizes(const Node& variable);

/// What input `i` of a node must look like, as far as the node tells: a size for each axis, 0: any.
/// Empty: it tells nothing.
using InputSizes = std::vector<int64_t> (*)(const Symbol& symbol, const Node& node, size_t i,
                                            const WeightSource& weights);

/// How an operator is imported.
struct Importer {
  static constexpr size_t kNone = 1000;
  /// What the result tells of the inputs, for the sizes of the network's own inputs.
  enum class Like : uint8_t {
    nothing,
    rank,   ///< they have as many axes
    sizes,  ///< they have the same sizes
  };

  void (*run)(NodeReader&) = nullptr;
  size_t weights = kNone;  // the first input that the file of weights has to give
  size_t labels = kNone;   // the first input that is for training alone
  Like like = Like::nothing;
  InputSizes sizes = nullptr;  // what counts before `like`; null, or nothing told: that
};

class Importers {
 public:
  /// Error(internal): the operator is there already.
  void add(std::string_view op, const Importer& importer);
  /// The same under several names.
  void add(std::initializer_list<std::string_view> ops, const Importer& importer);
  const Importer* find(std::string_view op) const;  // null: none
  std::vector<std::string_view> names() const;      // sorted

 private:
  std::map<std::string, Importer, std::less<>> importers_;
};

/// Generated: calls register_<family>(Importers&) of every file in families/.
void register_all_importers(Importers& importers);

/// Attributes are texts: "True", "(3, 3)", "None". What nobody reads is told as unknown when the
/// node is done.
class NodeReader : public builder::NodeBuilder {
 public:
  NodeReader(builder::Frame& frame, builder::NodePlace place, const Node& node,
             const WeightSource& weights)
      : NodeBuilder(frame, std::move(place)), node_(node), weights_(weights) {}

  const Node& node() const { return node_; }

  bool has(std::string_view name) const;  // it is there, and not None
  int64_t integer(std::string_view name, int64_t otherwise);
  int64_t integer(std::string_view name);  // required
  std::optional<int64_t> optional_integer(std::string_view name);
  double real(std::string_view name, double otherwise);
  bool flag(std::string_view name, bool otherwise);
  std::string_view word(std::string_view name, std::string_view otherwise);
  /// One of `names`: its place in the list.
  size_t choice(std::string_view name, const std::vector<std::string_view>& names,
                std::string_view otherwise);
  /// A tuple, or one number. Empty: the attribute is not there.
  std::vector<int64_t> integers(std::string_view name);
  /// The same, where entries may be None.
  std::vector<std::optional<int64_t>> optional_integers(std::string_view name);
  std::vector<double> reals(std::string_view name);
  DType dtype(std::string_view name, DType otherwise);
  void ignore(std::initializer_list<std::string_view> names);

  /// Sizes of input `i`, whose rank is known. Leaves the node where it is not.
  const Dims& dims(int i) const;
  int rank_of(int i) const;
  /// An axis as nodes state it, negative from the end, in [0, most]; `most` 0: below the rank.
  int64_t axis_of(int64_t axis, int i, int64_t most = 0) const;

  /// Input `i`, else what is stored as NODE_NAME: the first files do not list all that a node
  /// reads.
  Value* weight(int i, std::string_view name);
  /// A number of input 0's type (or `like`'s), or of `dtype`.
  Value* scalar(double value, std::string_view hint, int like = 0);
  Value* number(int64_t value, std::string_view hint);  // i64
  Value* reshaped(Value* value, Dims shape, std::string_view hint);

  /// Names of attributes that nobody read.
  std::vector<std::string> unread() const;

 private:
  const std::string* find(std::string_view name);
  [[noreturn]] void wrong(std::string_view name, std::string_view wanted) const;
  std::vector<std::string_view> entries(std::string_view name);

  const Node& node_;
  const WeightSource& weights_;
  std::set<std::string, std::less<>> read_;
};

/// The entries of "(3, 3)", "[3,3]", "3"; texts without spaces and without a final L of a number.
std::vector<std::string_view> tuple_of(std::string_view text);

}  // namespace hone::mxnet
