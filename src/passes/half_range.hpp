#pragma once
// Which values of f32 a half may hold: what narrow_floats() asks.

#include <string>
#include <unordered_map>
#include <unordered_set>

#include "ir/graph.hpp"

namespace hone {

/// How a value that stays f32 looks to those who would have it as a half. In order of severity.
enum class Standing : uint8_t {
  fine,   ///< it may be cast to a half
  risky,  ///< it may be too large or too small: products round it all the same
  huge,   ///< it is known to be beyond the largest half: nobody but bounded functions reads it so
};

/// What is known of the elements of a constant of floats.
struct Magnitudes {
  double most = 0, least = 0;  // of the finite ones that are not 0; 0: there is none, or not known
};
Magnitudes magnitudes_of(const Weight& weight);

/// Answers for one graph, whose nodes are asked about in order.
class HalfRange {
 public:
  /// `to`: f16 or bf16.
  HalfRange(const Graph& graph, DType to);

  /// Why the node has to compute in f32; empty: halves will do. A reason is remembered by note().
  std::string why_wide(const Node& node);
  /// It computes in f32: how its results stand.
  void note(const Node& node);
  Standing standing(const Value* value);

 private:
  void find_exact(const Graph& graph);
  std::string why_overflow(const Node& node);
  bool reads_quantized(const Node& node) const;
  bool is_clipped(const Node& node);
  std::string why_constant(const Node& node, const Value* value);
  Standing worst_operand(const Node& node);
  const Magnitudes& magnitudes(const Value* constant);

  const DType to_;
  std::unordered_set<const Node*> exact_;  // their operands or results must not be rounded
  std::unordered_set<const Value*> quantized_;
  std::unordered_map<const Value*, Standing> standings_;
  std::unordered_map<const Value*, Magnitudes> magnitudes_;
};

/// Its result is a sum of products of two operands, by its stages.
bool is_contraction(const Node& node);

}  // namespace hone
