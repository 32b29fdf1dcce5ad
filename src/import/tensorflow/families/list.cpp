// Lists of tensors: TensorList of TensorFlow 2, TensorArray of TensorFlow 1, whose flow is the
// list.

#include <numeric>

#include "import/tensorflow/graph_import.hpp"
#include "ops/gather.hpp"
#include "ops/layout.hpp"
#include "ops/scatter.hpp"
#include "ops/shape.hpp"

namespace hone::tensorflow {
namespace {

constexpr size_t kMostElements = 1 << 14;  // that are kept one by one

const List& list_of(const NodeReader& node, int i) {
  node.check(node.item(i).kind == Item::Kind::list, "input ", i, " is no list");
  return *node.item(i).list;
}

void give_list(NodeReader& node, int i, List list) {
  node.give_item(i, Item::of(std::make_shared<List>(std::move(list))));
}

/// All elements along a first axis.
Value* stacked(NodeReader& node, const List& list) {
  if (list.kind == List::Kind::stacked) return node.import().value_of(list.stacked);
  if (list.kind != List::Kind::elements)
    node.unsupported("a list that nothing wrote to, or that a turn of a loop is writing");
  std::vector<Value*> parts;
  for (const Item& element : list.elements) {
    if (!element.is_value()) node.unsupported("a list with an element that nothing wrote");
    parts.push_back(node.intermediate(Unsqueeze{.axes = Dims{Dim(0)}},
                                      {node.import().value_of(element)},
                                      cat("element", uint64_t{parts.size()})));
  }
  if (parts.empty()) node.unsupported("a list of no elements");
  return node.intermediate(Concat{.axis = 0}, parts, "elements");
}

/// Element number `place`.
void give_element(NodeReader& node, int result, const List& list, int place) {
  const auto known = node.known_ints(place);
  if (list.kind == List::Kind::elements && known && known->size() == 1) {
    const int64_t i = known->front();
    node.check(i >= 0 && static_cast<size_t>(i) < list.elements.size(), "element ", i, " of ",
               uint64_t{list.elements.size()});
    const Item& element = list.elements[static_cast<size_t>(i)];
    if (!element.is_value()) node.unsupported("an element that nothing wrote");
    return node.give_item(result, element);
  }
  Value* index = node.reshaped(node.required(place), Dims{}, "place");
  node.give(result, node.intermediate(Gather{}, {stacked(node, list), index}, "element"));
}

/// The list with element number `place` (-1: one behind the last) exchanged for input `element`.
List with_element(NodeReader& node, const List& list, int place, int element) {
  const Item item = Item::of(node.required(element), node.frame());
  List made = list;
  if (list.kind == List::Kind::written) node.unsupported("a second element in one turn of a loop");
  if (list.kind == List::Kind::carried) {
    made.kind = List::Kind::written;
    made.element = item;
    if (place >= 0) made.place = Item::of(node.required(place), node.frame());
    return made;
  }
  const auto known = place < 0 ? std::nullopt : node.known_ints(place);
  if (list.kind == List::Kind::stacked) {
    if (place < 0) node.unsupported("a list that grows");
    Value* index = node.reshaped(node.as_i64(place), Dims{1, 1}, "place");
    Value* update = node.intermediate(Unsqueeze{.axes = Dims{Dim(0)}}, {item.value}, "update");
    made.stacked = Item::of(
        node.intermediate(ScatterND{}, {stacked(node, list), index, update}, "list"), node.frame());
    return made;
  }
  if (place >= 0 && (!known || known->size() != 1))
    node.unsupported("a list whose elements are written at places computed from data");
  made.kind = List::Kind::elements;
  const int64_t at = place < 0 ? static_cast<int64_t>(made.elements.size()) : known->front();
  node.check(at >= 0 && static_cast<size_t>(at) < kMostElements, "element ", at);
  if (static_cast<size_t>(at) >= made.elements.size())
    made.elements.resize(static_cast<size_t>(at) + 1);
  made.elements[static_cast<size_t>(at)] = item;
  return made;
}

/// Whether input `i` is 0, 1, 2 ... as far as `value` has elements.
bool counts_up(NodeReader& node, int i) {
  if (const auto known = node.known_ints(i)) {
    std::vector<int64_t> wanted(known->size());
    std::iota(wanted.begin(), wanted.end(), 0);
    return *known == wanted;
  }
  const Node* producer = node.required(i)->producer;
  if (producer == nullptr || producer->op.name() != "Range") return false;
  const auto number = [&](size_t k) -> int64_t {
    const Value* value = producer->input(k);
    const bool is_one = value->is_literal() && value->weight->count() == 1;
    return is_one ? value->weight->tensor().integer(0) : -1;
  };
  return number(0) == 0 && number(2) == 1;
}

void import_reserve(NodeReader& node) {
  List list;
  list.count = node.item(1);
  give_list(node, 0, std::move(list));
}
void import_empty(NodeReader& node) { give_list(node, 0, {}); }
void import_from_tensor(NodeReader& node) {
  give_list(node, 0, List::all(Item::of(node.required(0), node.frame())));
}
void import_get_item(NodeReader& node) { give_element(node, 0, list_of(node, 0), 1); }
void import_set_item(NodeReader& node) {
  give_list(node, 0, with_element(node, list_of(node, 0), 1, 2));
}
void import_push_back(NodeReader& node) {
  give_list(node, 0, with_element(node, list_of(node, 0), -1, 1));
}
void import_stack(NodeReader& node) { node.give(0, stacked(node, list_of(node, 0))); }

void give_length(NodeReader& node, const List& list) {
  if (list.kind == List::Kind::reserved && list.count.is_value())
    return node.give_item(0, list.count);
  Value* sizes = node.intermediate(Shape{.start = 0, .end = 1}, {stacked(node, list)}, "sizes");
  node.give(0, node.cast(node.reshaped(sizes, Dims{}, "length"), DType::i32, "count"));
}
void import_length(NodeReader& node) { give_length(node, list_of(node, 0)); }

/// Results: a handle and the flow, which stands for the list in all that follows.
void import_array(NodeReader& node) {
  List list;
  list.count = node.item(0);
  give_list(node, 0, list);
  give_list(node, 1, std::move(list));
}

/// Inputs: the handle, places, all elements, the flow.
void import_array_scatter(NodeReader& node) {
  if (!counts_up(node, 1)) node.unsupported("elements that are not in the order of their places");
  give_list(node, 0, List::all(Item::of(node.required(2), node.frame())));
}
/// Inputs: the handle, the place, the flow.
void import_array_read(NodeReader& node) { give_element(node, 0, list_of(node, 2), 1); }
/// Inputs: the handle, the place, the element, the flow.
void import_array_write(NodeReader& node) {
  give_list(node, 0, with_element(node, list_of(node, 3), 1, 2));
}
/// Inputs: the handle, places, the flow.
void import_array_gather(NodeReader& node) {
  Value* all = stacked(node, list_of(node, 2));
  if (counts_up(node, 1)) node.give(0, all);
  else node.emit(Gather{}, {all, node.required(1)});
}
void import_array_size(NodeReader& node) { give_length(node, list_of(node, 1)); }

}  // namespace

void register_list(Importers& importers) {
  importers.add("TensorListReserve", import_reserve);
  importers.add("EmptyTensorList", import_empty);
  importers.add("TensorListFromTensor", import_from_tensor);
  importers.add("TensorListGetItem", import_get_item);
  importers.add("TensorListSetItem", import_set_item);
  importers.add("TensorListPushBack", import_push_back);
  importers.add("TensorListStack", import_stack);
  importers.add("TensorListLength", import_length);
  importers.add("TensorArrayV3", {import_array, {"handle", "flow"}});
  importers.add("TensorArrayScatterV3", import_array_scatter);
  importers.add("TensorArrayReadV3", import_array_read);
  importers.add("TensorArrayWriteV3", import_array_write);
  importers.add("TensorArrayGatherV3", import_array_gather);
  importers.add("TensorArraySizeV3", import_array_size);
}

}  // namespace hone::tensorflow
