// Picking and placing elements by indices.

#include "ops/gather.hpp"

#include "import/builder/batch_gather.hpp"
#include "import/tensorflow/graph_import.hpp"
#include "import/tensorflow/node_reader.hpp"
#include "ops/generate.hpp"
#include "ops/layout.hpp"
#include "ops/math.hpp"
#include "ops/scatter.hpp"
#include "ops/shape.hpp"

namespace hone::tensorflow {
namespace {

void import_gather(NodeReader& node) { node.emit(Gather{}, {node.required(0), node.required(1)}); }

/// Inputs: data, indices, the axis.
void import_gather_v2(NodeReader& node) {
  const int64_t rank = node.rank_of(0), axis = node.axis_of(node.one_int(2), rank);
  int64_t batches = node.integer("batch_dims", 0);
  if (batches < 0) batches += node.rank_of(1);
  if (batches == 0) node.emit(Gather{.axis = axis}, {node.required(0), node.required(1)});
  else
    node.give(0, builder::gather_in_batches(node, node.required(0), node.as_i64(1), axis, batches));
}

/// The data is a variable.
void import_resource_gather(NodeReader& node) {
  const Item& handle = node.item(0);
  node.check(handle.kind == Item::Kind::variable, "reads what is no variable");
  if (node.integer("batch_dims", 0) != 0) node.unsupported("batches of indices");
  const Item data = node.import().context().variable(handle.variable);
  if (!data.is_value()) node.unsupported("complex numbers");
  node.emit(Gather{}, {node.import().value_of(data), node.required(1)});
}

void import_gather_nd(NodeReader& node) {
  node.emit(GatherND{}, {node.required(0), node.as_i64(1)});
}

/// Inputs: indices, updates, sizes; what falls on one place adds up.
void import_scatter_nd(NodeReader& node) {
  const DType type = node.type_of(1);
  if (type == DType::string || type == DType::boolean) node.unsupported("updates of ", type);
  ConstantOfShape zeros{.value = Tensor(type, {1})};
  std::vector<Value*> sizes;
  if (const auto known = node.known(2)) zeros.shape = *known;
  else sizes = {node.as_i64(2)};
  Value* start = node.intermediate(std::move(zeros), std::move(sizes), "zeros");
  node.emit(ScatterND{.reduction = ScatterReduction::add},
            {start, node.as_i64(0), node.required(1)});
}

template <ScatterReduction R>
void import_tensor_scatter(NodeReader& node) {
  Value* updates = node.required(2);
  if (node.op() == "TensorScatterSub") updates = node.intermediate(Neg{}, {updates}, "negative");
  node.emit(ScatterND{.reduction = R}, {node.required(0), node.as_i64(1), updates});
}

/// Pieces of several lists put together by their places, which are constants.
void import_dynamic_stitch(NodeReader& node) {
  const int lists = node.inputs() / 2;
  std::vector<int64_t> source;  // of each place of the result, among all pieces
  std::vector<Value*> pieces;
  int64_t count = 0;
  for (int i = 0; i < lists; ++i) {
    const std::vector<int64_t> places = node.ints(i);
    for (const int64_t place : places) {
      node.check(place >= 0 && place < (1 << 20), "a place of ", place);
      if (static_cast<size_t>(place) >= source.size())
        source.resize(static_cast<size_t>(place) + 1, 0);
      source[static_cast<size_t>(place)] = count++;
    }
    const Dims& sizes = node.dims(lists + i);
    const int rank = node.rank_of(i);
    node.check(sizes.size() >= static_cast<size_t>(rank), "data of rank ", sizes.size());
    Dims flat{static_cast<int64_t>(places.size())};
    flat.insert(flat.end(), sizes.begin() + rank, sizes.end());
    pieces.push_back(node.reshaped(node.required(lists + i), std::move(flat), cat("piece", i)));
  }
  node.check(!pieces.empty(), "nothing to put together");
  Value* all = node.intermediate(Concat{.axis = 0}, pieces, "pieces");
  node.emit(Gather{}, {all, node.constant(Tensor::ints(source), "places")});
}

void import_invert_permutation(NodeReader& node) {
  const std::vector<int64_t> places = node.ints(0);
  std::vector<int64_t> inverse(places.size());
  for (size_t i = 0; i < places.size(); ++i) {
    node.check(places[i] >= 0 && static_cast<size_t>(places[i]) < places.size(), "a place of ",
               places[i]);
    inverse[static_cast<size_t>(places[i])] = static_cast<int64_t>(i);
  }
  node.give(0, node.constant(Tensor::ints(inverse, node.type_of(0)), "places"));
}

}  // namespace

void register_gather(Importers& importers) {
  importers.add("Gather", import_gather);
  importers.add("GatherV2", import_gather_v2);
  importers.add("ResourceGather", import_resource_gather);
  importers.add("GatherNd", import_gather_nd);
  importers.add("ScatterNd", import_scatter_nd);
  importers.add("TensorScatterUpdate", import_tensor_scatter<ScatterReduction::none>);
  importers.add({"TensorScatterAdd", "TensorScatterSub"},
                import_tensor_scatter<ScatterReduction::add>);
  importers.add("TensorScatterMax", import_tensor_scatter<ScatterReduction::max>);
  importers.add("TensorScatterMin", import_tensor_scatter<ScatterReduction::min>);
  importers.add({"DynamicStitch", "ParallelDynamicStitch"}, import_dynamic_stitch);
  importers.add("InvertPermutation", import_invert_permutation);
}

}  // namespace hone::tensorflow
