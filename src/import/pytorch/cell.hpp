#pragma once
// Tensors by identity. A graph has values, a program tensors that are written in place and views of
// them: a cell is what such a tensor holds now.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "import/pytorch/importers.hpp"

namespace hone::pytorch {

/// Where a call stands, in the words of the file.
struct CallSite {
  std::string origin;                // for people: "layer1.0.conv1/conv2d_3"
  std::string kind;                  // "aten.conv2d.default"
  std::vector<std::string> outputs;  // names for values
};

/// A call as it was made, so that it can be made again.
struct MadeCall {
  const Overload* overload = nullptr;
  CallSite site;
  std::vector<Item> arguments;  // one for each parameter
};

/// Of a quantized tensor: its numbers are (an integer - zero_point) * scale. The value is these
/// numbers, as floats, so that every operator can be applied to them.
struct Quantization {
  double scale = 1;
  int64_t zero_point = 0;
  DType dtype = DType::u8;
};

struct Cell {
  Value* value = nullptr;
  const builder::Frame* frame = nullptr;  // whose graph the value is of
  uint64_t version = 0;                   // how often it was written

  // Of a view: what it shows, and of which version of that.
  TensorRef base;
  std::shared_ptr<const MadeCall> made_by;
  size_t result = 0;
  uint64_t seen = 0;

  std::optional<Quantization> quantized = {};  // nullopt: not, or by channels (a weight)
  bool complex = false;                        // the value is pairs (pytorch/complex.hpp)
};

/// Makes calls of operators in one graph.
class Caller {
 public:
  explicit Caller(builder::Frame& frame) : frame_(frame) {}
  builder::Frame& frame() const { return frame_; }

  TensorRef cell(Value* value) const;
  /// What the tensor holds now, as a value of this graph. Error(unsupported) of complex numbers.
  Value* read(const TensorRef& tensor);
  /// The same; complex numbers as pairs.
  Value* held(const TensorRef& tensor);
  /// Writes in place, of whatever element type `value` is.
  void write(const TensorRef& tensor, Value* value, const CallSite& site);

  /// The results of the call. With `in_place` the first result is written into the first argument,
  /// and is that. FailedBefore: it has a problem, which is reported.
  std::vector<Item> call(MadeCall made, bool in_place);

 private:
  std::vector<Item> results_of(const MadeCall& made);
  static const Quantization* quantization_in(const std::vector<Item>& items);
  /// What an operator gives for quantized tensors is quantized as the first of them.
  void keep_on_grid(const std::vector<Item>& results, const MadeCall& made);

  builder::Frame& frame_;
};

/// Arguments by place and by name as one for each parameter. Error(invalid_model): they do not fit.
std::vector<Item> bound_arguments(const Overload& overload, const std::vector<Item>& by_place,
                                  const std::vector<std::pair<std::string, Item>>& by_name);

}  // namespace hone::pytorch
