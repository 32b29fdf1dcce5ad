#include "support/scale_shapes.hpp"

#include <functional>

#include "ir/inference.hpp"
#include "ops/activation.hpp"
#include "ops/arithmetic.hpp"
#include "ops/layout.hpp"
#include "ops/math.hpp"
#include "ops/matmul.hpp"
#include "ops/shape.hpp"

namespace hone::test {
namespace {

/// A graph under construction whose nodes are named as those of a model are.
class Shape {
 public:
  explicit Shape(Dims dims) {
    x_ = graph_->add_input("x", Type::tensor(DType::f32, std::move(dims)));
  }

  Value* x() const { return x_; }
  int size() const { return nodes_; }

  Value* add(Op op, std::vector<Value*> inputs) {
    return add_many(std::move(op), std::move(inputs), 1).front();
  }

  std::vector<Value*> add_many(Op op, std::vector<Value*> inputs, size_t results) {
    std::vector<std::string> names;
    for (size_t i = 0; i < results; ++i) names.push_back(cat("v", nodes_, "_", i));
    Node* node =
        graph_->add_node(std::move(op), std::move(inputs), names, {cat("/layer.", nodes_)});
    infer(*graph_, *node);
    ++nodes_;
    return node->outputs;
  }

  /// One number that no other constant is.
  Value* number() {
    Tensor tensor(DType::f32, {1});
    tensor.set_number(0, 2 + constants_);
    return graph_->add_constant(cat("c", constants_++), Weight::of(std::move(tensor)));
  }

  std::unique_ptr<Graph> done(Value* output) {
    graph_->add_output("y", output);
    return std::move(graph_);
  }

 private:
  std::unique_ptr<Graph> graph_ = std::make_unique<Graph>("scale");
  Value* x_;
  int nodes_ = 0, constants_ = 0;
};

/// Links of `step` nodes each.
std::unique_ptr<Graph> chain(int nodes, int step,
                             const std::function<Value*(Shape&, Value*)>& add) {
  Shape shape({2});
  Value* last = shape.x();
  while (shape.size() + step <= nodes || last == shape.x()) last = add(shape, last);
  return shape.done(last);
}

std::unique_ptr<Graph> relus(int nodes) {
  return chain(nodes, 1, [](Shape& shape, Value* last) { return shape.add(Relu{}, {last}); });
}

std::unique_ptr<Graph> doublings(int nodes) {
  return chain(nodes, 1, [](Shape& shape, Value* last) { return shape.add(Add{}, {last, last}); });
}

std::unique_ptr<Graph> residuals(int nodes) {
  return chain(nodes, 2, [](Shape& shape, Value* last) {
    return shape.add(Add{}, {shape.add(Sigmoid{}, {last}), shape.x()});
  });
}

std::unique_ptr<Graph> diamonds(int nodes) {
  return chain(nodes, 3, [](Shape& shape, Value* last) {
    return shape.add(Add{}, {shape.add(Sigmoid{}, {last}), shape.add(Tanh{}, {last})});
  });
}

/// What begins as activations and norms do, and goes on otherwise.
std::unique_ptr<Graph> products(int nodes) {
  return chain(nodes, 6, [](Shape& shape, Value* last) {
    Value* cube =
        shape.add(Mul{}, {shape.add(Add{}, {shape.add(Mul{}, {last, last}), last}), last});
    return shape.add(Mul{}, {shape.add(Add{}, {shape.add(Erf{}, {cube}), last}), last});
  });
}

std::unique_ptr<Graph> transposes(int nodes) {
  Shape shape({4, 6});
  Value* last = shape.x();
  while (shape.size() + 2 <= nodes)
    last = shape.add(Reshape{Dims{4, 6}}, {shape.add(Transpose{{1, 0}}, {last})});
  return shape.done(last);
}

std::unique_ptr<Graph> matrices(int nodes) {
  Shape shape({2, 2});
  Value* last = shape.x();
  while (shape.size() < nodes) last = shape.add(MatMul{}, {last, shape.x()});
  return shape.done(last);
}

std::unique_ptr<Graph> wide_sum(int nodes) {
  Shape shape({2});
  std::vector<Value*> all;
  while (shape.size() + 1 < nodes) all.push_back(shape.add(Mul{}, {shape.x(), shape.number()}));
  return shape.done(shape.add(Sum{}, std::move(all)));
}

std::unique_ptr<Graph> twins(int nodes) {
  Shape shape({2});
  std::vector<Value*> all;
  while (shape.size() + 1 < nodes) {
    Value* each =
        shape.size() % 2 == 0 ? shape.add(Tanh{}, {shape.x()}) : shape.add(Sigmoid{}, {shape.x()});
    all.push_back(each);
  }
  return shape.done(shape.add(Concat{0}, std::move(all)));
}

/// Pairs until one is left.
Value* tree_of(Shape& shape, std::vector<Value*> level) {
  while (level.size() > 1) {
    std::vector<Value*> next;
    for (size_t i = 0; i + 1 < level.size(); i += 2)
      next.push_back(shape.add(Add{}, {level[i], level[i + 1]}));
    if (level.size() % 2 == 1) next.push_back(level.back());
    level = std::move(next);
  }
  return level.front();
}

std::unique_ptr<Graph> tree(int nodes) {
  Shape shape({2});
  std::vector<Value*> leaves;
  while (2 * shape.size() < nodes) leaves.push_back(shape.add(Mul{}, {shape.x(), shape.number()}));
  return shape.done(tree_of(shape, std::move(leaves)));
}

std::unique_ptr<Graph> equal_tree(int nodes) {
  Shape shape({2});
  std::vector<Value*> leaves(static_cast<size_t>(nodes), shape.x());
  return shape.done(tree_of(shape, std::move(leaves)));
}

/// One node of many results, each read by another.
std::unique_ptr<Graph> pieces(int nodes) {
  const int count = nodes / 2;
  Shape shape({count});
  std::vector<Value*> all;
  for (Value* piece :
       shape.add_many(Split{0, std::nullopt}, {shape.x()}, static_cast<size_t>(count)))
    all.push_back(shape.add(Sigmoid{}, {piece}));
  return shape.done(shape.add(Concat{0}, std::move(all)));
}

}  // namespace

const std::vector<ScaleShape>& scale_shapes() {
  static const std::vector<ScaleShape> kShapes = {
      {"relus", "a chain of Relu, which becomes one", relus},
      {"doublings", "a chain of x + x", doublings},
      {"residuals", "a chain of Sigmoid and + x of the first x", residuals},
      {"diamonds", "a chain of Sigmoid(x) + Tanh(x)", diamonds},
      {"products", "a chain of x(x^2 + x) and x(Erf + x), which rules try in vain", products},
      {"transposes", "a chain of Transpose and Reshape", transposes},
      {"matrices", "a chain of MatMul", matrices},
      {"wide sum", "products of x, each by another number, in one Sum", wide_sum},
      {"twins", "Tanh(x) and Sigmoid(x) again and again in one Concat", twins},
      {"tree", "such products added in pairs", tree},
      {"equal tree", "x added to itself in pairs", equal_tree},
      {"pieces", "one Split, a Sigmoid of each piece, one Concat", pieces},
  };
  return kShapes;
}

}  // namespace hone::test
