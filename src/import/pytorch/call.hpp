#pragma once
// What the author of a family of operators sees of one call.
//
//   void import_cat(Call& call) {
//     const auto tensors = call.tensors("tensors");
//     call.emit(Concat{.axis = call.axis("dim", tensors.front())}, tensors);
//   }
//   void register_shape(Importers& importers) { importers.add("cat(T[] tensors, i dim=0)",
//   import_cat); }

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "import/builder/node_builder.hpp"
#include "import/pytorch/cell.hpp"

namespace hone::pytorch {

/// Sizes of a tensor to be made: as dims, or as an operand, where only running tells them.
struct Sizes {
  std::optional<Dims> known;
  Value* operand = nullptr;
};

class Call : public builder::NodeBuilder {
 public:
  Call(Caller& caller, const MadeCall& made);

  // Arguments, by the names of parameters.
  const Item& argument(std::string_view name) const;
  bool takes(std::string_view name) const;  // the overload has such a parameter
  bool has(std::string_view name) const { return !argument(name).is_none(); }
  Value* tensor(std::string_view name);
  Value* optional_tensor(std::string_view name);  // null: None
  std::vector<Value*> tensors(std::string_view name);
  std::vector<Value*> optional_tensors(std::string_view name);
  bool is_tensor(std::string_view name) const;
  int64_t integer(std::string_view name);
  std::optional<int64_t> optional_integer(std::string_view name);
  Dim dim(std::string_view name);
  /// Of a list; of one number as many as `count`.
  std::vector<int64_t> integers(std::string_view name, size_t count = 0);
  std::vector<Item> items(std::string_view name) const;
  Sizes sizes(std::string_view name);
  Sizes sizes(const std::vector<Item>& items);
  Dims dims(std::string_view name);
  double real(std::string_view name);
  std::optional<double> optional_real(std::string_view name);
  bool flag(std::string_view name) const;
  std::string text(std::string_view name) const;
  std::optional<DType> dtype(std::string_view name);  // nullopt: None

  // Values.
  static const Dims& shape(const Value* value);  // leaves the node where the rank is not known
  static int rank(const Value* value) { return static_cast<int>(shape(value).size()); }
  static DType dtype(const Value* value) { return value->type.tensor().dtype; }
  /// The axis that an argument, or a number, names of a tensor of the rank; negative from the end.
  int64_t axis(std::string_view name, const Value* value);
  int64_t axis(int64_t given, int64_t rank) const;
  Value* cast(Value* value, DType dtype, std::string_view hint = "as");
  Value* number(DType dtype, double value, std::string_view hint);
  /// The size as an i64 tensor without axes.
  Value* late(const Dim& dim);
  /// A tensor or number as a value of `dtype`.
  Value* operand(const Item& item, DType dtype, std::string_view hint);
  Value* reshaped(Value* value, Dims shape, std::string_view hint);
  Value* transposed(Value* value, int64_t a, int64_t b, std::string_view hint);
  Value* expanded(Value* value, const Sizes& sizes, std::string_view hint);

  // Results, in their order.
  Value* emit(Op op, std::vector<Value*> inputs);  // one
  void give(Value* value);
  void give_item(Item item);
  void give_nothing();  // a result that is not computed
  void give_list(const std::vector<Value*>& values);
  /// The argument itself: the same tensor.
  void give_argument(std::string_view name) { give_item(argument(name)); }
  /// Several results of one op, given one by one.
  std::vector<Value*> emit_all(Op op, std::vector<Value*> inputs, int results);

  const std::vector<Item>& results() const { return results_; }
  const Overload& overload() const { return *made_.overload; }
  const CallSite& site() const { return made_.site; }
  const MadeCall& made() const { return made_; }
  Caller& caller() const { return caller_; }

 private:
  template <class T>
  const T& argument_as(std::string_view name, std::string_view wanted) const;
  int64_t whole(const Item& item, std::string_view name) const;
  Dim dim_of(const Item& item, std::string_view name) const;

  Caller& caller_;
  const MadeCall& made_;
  std::vector<Item> results_;
};

/// The value is a number that is known while importing: that.
Item number_of(const Value* value, const builder::Frame& frame);
/// The same as the graph `here` may use it.
Item number_of(const LateNumber& late, const builder::Frame& here);

}  // namespace hone::pytorch
