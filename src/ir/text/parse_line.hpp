#pragma once
// The pieces of a line of a graph's text, for the parsers of graphs and of rules.

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ir/graph.hpp"
#include "ir/text/scanner.hpp"

namespace hone {

/// An operand as it stands in the text: %name, @name, a literal, or _.
struct OperandText {
  enum class Kind {
    none,
    value,
    constant,
    literal
  } kind = Kind::none;
  std::string name;
  Tensor literal;
};
OperandText read_operand(Scanner& s);

/// `%a, _`: names of results, "" for one nobody wants; at least one is wanted.
std::vector<std::string> read_results(Scanner& s);
Type read_type(Scanner& s);
/// `: f32[n,3], _`: as many as results; empty: left out.
std::vector<std::optional<Type>> read_types(Scanner& s, const std::vector<std::string>& results);
/// `pads=[1,1,1,1] group=2` up to a colon, a # or the end of the line.
void read_fields(Scanner& s, std::string_view op_name, const FieldList& fields);
/// The field of this name; fails naming the op and the nearest name.
const Field& find_field(const Scanner& s, std::string_view name, std::string_view op_name,
                        const FieldList& fields);
/// `/stem/Conv "a b" +97 /head/Gemm (by some_pass)`, behind the #.
void read_origin(Scanner& s, Origins& origin, std::string& by);
/// `n == m` or `1 <= n`.
Require read_require(Scanner& s);

/// What the text tells of a large constant: `6,912 bytes hash 0123... net.onnx+0x1a40` or
/// `6,912 bytes random(7, 1)`; of one that is converted `6,912 bytes of f16 hash 0123...`, what is
/// told of the stored one. The count of bytes is for people and not checked.
struct WeightText {
  std::optional<DType> stored;  // what it is converted from
  bool random = false;
  uint64_t seed = 0;
  double gain = 1;
  Hash hash;
  std::string source;
};
WeightText read_weight_text(Scanner& s);

}  // namespace hone
