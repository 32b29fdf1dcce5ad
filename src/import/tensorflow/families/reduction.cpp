// Operators along axes: sums and their kin, running sums, places of the largest.

#include "ops/reduction.hpp"

#include "import/tensorflow/node_reader.hpp"
#include "ops/arithmetic.hpp"
#include "ops/cast.hpp"
#include "ops/softmax.hpp"

namespace hone::tensorflow {
namespace {

/// Over the axes that input 1 lists; over none of them the tensor stays as it is.
template <class T>
void import_reduction(NodeReader& node) {
  const std::vector<int64_t> axes = node.ints(1);
  const bool keeps = node.flag("keep_dims", false);
  if (axes.empty()) return node.give(0, node.required(0));
  node.emit(T{.axes = Dims(axes.begin(), axes.end()), .keepdims = keeps}, {node.required(0)});
}

template <class T>
void import_arg(NodeReader& node) {
  const DType to = node.dtype("output_type", DType::i64);
  const int64_t axis = node.inputs() > 1 ? node.one_int(1) : 0;
  node.emit_as(to, T{.axis = axis, .keepdims = false}, {node.required(0)});
}

template <class T>
void import_running(NodeReader& node) {
  node.emit(T{.axis = Dims{Dim(node.one_int(1))},
              .exclusive = node.flag("exclusive", false),
              .reverse = node.flag("reverse", false)},
            {node.required(0)});
}

}  // namespace

void register_reduction(Importers& importers) {
  importers.add("Sum", import_reduction<ReduceSum>);
  importers.add("Mean", import_reduction<ReduceMean>);
  importers.add("Max", import_reduction<ReduceMax>);
  importers.add("Min", import_reduction<ReduceMin>);
  importers.add("Prod", import_reduction<ReduceProd>);
  importers.add("All", import_reduction<ReduceMin>);
  importers.add("Any", import_reduction<ReduceMax>);
  importers.add("EuclideanNorm", import_reduction<ReduceL2>);
  importers.add("ArgMax", import_arg<ArgMax>);
  importers.add("ArgMin", import_arg<ArgMin>);
  importers.add("Cumsum", import_running<CumSum>);
  importers.add("Cumprod", import_running<CumProd>);
}

}  // namespace hone::tensorflow
