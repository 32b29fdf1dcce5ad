#pragma once
// What operators of ai.onnx.ml with scores share.

#include "import/onnx/node_reader.hpp"

namespace hone::onnx {

/// The attribute post_transform: NONE, SOFTMAX, LOGISTIC, SOFTMAX_ZERO or PROBIT.
std::string read_post_transform(NodeReader& node);
/// Scores [n, targets] transformed so; nothing is added for NONE.
Value* transform_scores(NodeReader& node, Value* scores, std::string_view transform);

/// Labels of a classifier by class number, a vector of integers or strings: one of the attributes
/// classlabels_strings and `integers`.
Tensor read_class_labels(NodeReader& node, std::string_view integers);
/// Binds output 0 to the labels of classes [n] (i64).
void give_labels(NodeReader& node, const Tensor& labels, Value* classes);
/// Outputs of scores [n, classes] by which the best class is known: its label, scores transformed.
void give_best(NodeReader& node, const Tensor& labels, Value* scores, std::string_view transform);
/// Outputs of the one score [n, 1] of two classes: the second where it is larger than `threshold`.
/// The scores are made [1 - s, s], or [-s, s] when `opposite`; LOGISTIC gives the logistic function
/// of [-s, s].
void give_one_of_two(NodeReader& node, const Tensor& labels, Value* score, double threshold,
                     bool opposite, std::string_view transform);

/// A tensor of any numbers as f32, a vector made one row.
Value* float_rows(NodeReader& node, Value* x);
/// A vector or matrix of an attribute's numbers.
Value* float_constant(NodeReader& node, const std::vector<float>& values,
                      std::vector<int64_t> shape, std::string_view hint);

}  // namespace hone::onnx
