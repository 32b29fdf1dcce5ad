#pragma once
// What writers of single ops' texts share: parameters, lines, functions.

#include "base/text.hpp"
#include "device/cuda/emit/dim_text.hpp"
#include "device/cuda/emit/expr_text.hpp"
#include "device/cuda/emit/serial_text.hpp"
#include "device/cuda/emit/writing.hpp"

namespace hone::cuda::emitter {

/// In the text, operand 2 is x2 and result 1 is y1; of those that are absent there is nothing.
class NodeWriting {
 public:
  explicit NodeWriting(const Node& node) : node_(node) {}

 protected:
  const TensorType& type(size_t input) const { return node_.input(input)->type.tensor(); }
  bool has(size_t input) const { return node_.input(input) != nullptr; }
  bool wants(size_t output) const { return node_.output(output) != nullptr; }

  /// The dtype; refused where elements are no addressable numbers.
  static DType checked(DType dtype);
  static Dim part(const Dims& shape, size_t first, size_t end);
  static size_t place_of_axis(int64_t axis, const Dims& shape) {
    return static_cast<size_t>(axis < 0 ? axis + std::ssize(shape) : axis);
  }

  void line(std::string_view text) { body_ += cat("  ", text, "\n"); }
  /// What was written since the last one is the body of a function; `how` says how it is launched.
  void end_function(SerialText::Function how) {
    how.body = std::move(body_);
    body_.clear();
    made_.functions.push_back(std::move(how));
  }
  /// All of it, behind these texts of the folder, and those behind declarations.
  SerialText finish(std::string_view declarations, std::initializer_list<std::string_view> texts,
                    std::string_view definitions = {});

  const Node& node_;
  DimText dims_;
  SerialText made_;

 private:
  std::string body_;
};

}  // namespace hone::cuda::emitter
