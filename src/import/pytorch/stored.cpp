#include "import/pytorch/stored.hpp"

#include <algorithm>
#include <optional>

#include "base/size.hpp"
#include "import/report.hpp"

namespace hone::pytorch {
namespace {

struct Storage {
  std::string_view name;
  DType dtype;
};
constexpr Storage kStorages[] = {
    {"DoubleStorage", DType::f64},       {"FloatStorage", DType::f32},
    {"HalfStorage", DType::f16},         {"BFloat16Storage", DType::bf16},
    {"LongStorage", DType::i64},         {"IntStorage", DType::i32},
    {"ShortStorage", DType::i16},        {"CharStorage", DType::i8},
    {"ByteStorage", DType::u8},          {"BoolStorage", DType::boolean},
    {"ComplexFloatStorage", DType::c64}, {"ComplexDoubleStorage", DType::c128},
    {"QInt8Storage", DType::i8},         {"QUInt8Storage", DType::u8},
    {"QInt32Storage", DType::i32}};

std::optional<DType> storage_type(std::string_view global) {
  const size_t dot = global.rfind('.');
  for (const Storage& each : kStorages)
    if (global.substr(dot == std::string_view::npos ? 0 : dot + 1) == each.name) return each.dtype;
  return std::nullopt;
}

bool storage_of_integers(std::string_view global) {
  return global.find("QInt") != std::string_view::npos ||
         global.find("QUInt") != std::string_view::npos;
}

std::vector<int64_t> numbers(const Pickled& value) {
  check(value.is(Pickled::Kind::tuple) || value.is(Pickled::Kind::list), Code::invalid_model,
        "a tensor's sizes are no list");
  std::vector<int64_t> found;
  for (const Pickled* item : value.items) {
    check(item->is(Pickled::Kind::integer), Code::invalid_model, "a tensor's sizes are no numbers");
    found.push_back(item->integer);
  }
  return found;
}

bool in_order(const Layout& layout) {
  int64_t wanted = 1;
  for (size_t i = layout.sizes.size(); i-- > 0;) {
    if (layout.sizes[i] != 1 && layout.strides[i] != wanted) return false;
    wanted *= layout.sizes[i];
  }
  return true;
}

/// Elements that lie apart, one after the other.
Tensor put_in_order(const Layout& layout, std::span<const std::byte> storage) {
  Tensor made(layout.dtype, layout.sizes);
  const size_t width = bytes_for(layout.dtype, 1);
  std::vector<int64_t> place(layout.sizes.size());
  std::byte* to = made.mutable_bytes().data();
  int64_t at = layout.offset;
  for (int64_t i = 0; i < made.count(); ++i, to += width) {
    std::copy_n(storage.data() + static_cast<size_t>(at) * width, width, to);
    for (size_t axis = place.size(); axis-- > 0;) {
      at += layout.strides[axis];
      if (++place[axis] < layout.sizes[axis]) break;
      at -= layout.strides[axis] * layout.sizes[axis];
      place[axis] = 0;
    }
  }
  return made;
}

/// Complex numbers as pairs of reals: one axis more.
Layout as_pairs(Layout layout) {
  if (!is_complex(layout.dtype)) return layout;
  layout.dtype = layout.dtype == DType::c64 ? DType::f32 : DType::f64;
  for (int64_t& stride : layout.strides) stride = checked_mul(stride, 2);
  layout.sizes.push_back(2);
  layout.strides.push_back(1);
  layout.offset = checked_mul(layout.offset, 2);
  return layout;
}

/// The first element behind all that the tensor has, in elements of the storage.
int64_t end_of(const Layout& layout) {
  int64_t last = layout.offset;
  for (size_t i = 0; i < layout.sizes.size(); ++i)
    last = checked_add(last, checked_mul(layout.sizes[i] - 1, layout.strides[i]));
  return checked_add(last, 1);
}

}  // namespace

std::shared_ptr<const Weight> weight_of(const Archive& archive, std::span<const std::byte> storage,
                                        const Layout& stored, const Limits& limits) {
  const Layout layout = as_pairs(stored);
  check(layout.sizes.size() == layout.strides.size() &&
            layout.sizes.size() <= static_cast<size_t>(limits.rank),
        Code::invalid_model, "a tensor of ", uint64_t{layout.sizes.size()}, " sizes and ",
        uint64_t{layout.strides.size()}, " strides");
  for (size_t i = 0; i < layout.sizes.size(); ++i)
    check(layout.sizes[i] >= 0 && layout.strides[i] >= 0, Code::invalid_model,
          "a tensor with size ", layout.sizes[i], ", stride ", layout.strides[i]);
  check(layout.offset >= 0, Code::invalid_model, "a tensor that begins at ", layout.offset);
  const int64_t count = element_count(layout.sizes);
  const size_t wanted = bytes_for(layout.dtype, count);
  if (count == 0) return Weight::of(Tensor(layout.dtype, layout.sizes));
  const size_t reach = bytes_for(layout.dtype, end_of(layout));
  check(reach <= storage.size(), Code::invalid_model, "a tensor that needs ", uint64_t{reach},
        " bytes of ", uint64_t{storage.size()});
  if (in_order(layout)) {
    const auto part = storage.subspan(bytes_for(layout.dtype, layout.offset), wanted);
    Tensor tensor = archive.borrow(layout.dtype, layout.sizes, part);
    std::string source = archive.source(tensor);
    return Weight::of(std::move(tensor), std::move(source));
  }
  // Sizes that repeat elements (stride 0) may ask for more than the file has.
  check(wanted <= std::max(storage.size(), limits.folded_bytes), Code::invalid_model,
        "a tensor of ", uint64_t{wanted}, " bytes in a storage of ", uint64_t{storage.size()});
  return Weight::of(put_in_order(layout, storage));
}

bool StoredTensors::is_tensor(const Pickled& value) {
  return value.callee().starts_with("torch._utils._rebuild_");
}

namespace {

/// The arguments of the call that would make the tensor; of a parameter those of its tensor.
const std::vector<const Pickled*>& arguments_of(const Pickled& value) {
  const Pickled* tensor = &value;
  check(StoredTensors::is_tensor(value) && value.items[1]->is(Pickled::Kind::tuple),
        Code::invalid_model, "something that is no tensor");
  if (value.callee().ends_with("._rebuild_parameter")) {
    const auto& given = value.items[1]->items;
    check(!given.empty() && StoredTensors::is_tensor(*given[0]) &&
              given[0]->items[1]->is(Pickled::Kind::tuple),
          Code::invalid_model, "a parameter that is no tensor");
    tensor = given[0];
  }
  const std::string_view callee = tensor->callee();
  check(callee.ends_with("._rebuild_tensor_v2") || callee.ends_with("._rebuild_qtensor") ||
            callee.ends_with("._rebuild_tensor"),
        Code::unsupported, "a tensor that ", shown(callee), " makes");
  const auto& arguments = tensor->items[1]->items;
  check(arguments.size() >= 4 && arguments[0]->is(Pickled::Kind::persistent) &&
            arguments[1]->is(Pickled::Kind::integer),
        Code::invalid_model, "a tensor without a storage");
  const auto& id = arguments[0]->items[0]->items;
  check(id.size() >= 3 && id[0]->text == "storage" && id[2]->is(Pickled::Kind::text),
        Code::invalid_model, "a tensor without a storage");
  return arguments;
}

}  // namespace

Layout StoredTensors::layout(const Pickled& value) {
  const auto& arguments = arguments_of(value);
  const std::string& storage = arguments[0]->items[0]->items[1]->text;
  const auto dtype = storage_type(storage);
  check(dtype.has_value(), Code::unsupported, "elements of ", shown(storage));
  return {*dtype, numbers(*arguments[2]), numbers(*arguments[3]), arguments[1]->integer};
}

std::optional<StoredGrid> StoredTensors::grid(const Pickled& value) {
  const auto& arguments = arguments_of(value);
  const bool is_quantized = storage_of_integers(arguments[0]->items[0]->items[1]->text);
  if (!is_quantized) return std::nullopt;
  check(arguments.size() >= 5 && arguments[4]->is(Pickled::Kind::tuple) &&
            arguments[4]->items.size() >= 3,
        Code::invalid_model, "a quantized tensor without a scale");
  const auto& given = arguments[4]->items;
  using Kind = Pickled::Kind;
  if (given[0]->text == "torch.per_tensor_affine") {
    check(given[1]->is(Kind::real) && given[2]->is(Kind::integer), Code::invalid_model,
          "a scale that is no number");
    return StoredGrid{given[1]->real, given[2]->integer};
  }
  check(given[0]->text == "torch.per_channel_affine", Code::unsupported, "a tensor quantized ",
        shown(given[0]->text));
  check(given.size() >= 4 && is_tensor(*given[1]) && is_tensor(*given[2]) &&
            given[3]->is(Kind::integer),
        Code::invalid_model, "scales that are no tensor");
  StoredGrid made;
  made.scales = given[1];
  made.zero_points = given[2];
  made.axis = given[3]->integer;
  return made;
}

std::shared_ptr<const Weight> StoredTensors::tensor(const Pickled& value) const {
  const std::string& key = arguments_of(value)[0]->items[0]->items[2]->text;
  return weight_of(archive_, archive_.bytes(cat(folder_, key)), layout(value), limits_);
}

std::map<std::string, std::shared_ptr<const Weight>, std::less<>> stored_by_name(
    const Archive& archive, const Limits& limits) {
  std::map<std::string, std::shared_ptr<const Weight>, std::less<>> found;
  const Pickle pickle(archive.bytes("data.pkl"), cat("data.pkl in ", archive.file().name));
  const StoredTensors tensors(archive, limits);
  const Pickled& root = pickle.root();
  const size_t first = root.is(Pickled::Kind::object) ? 2 : 0;
  check(root.is(Pickled::Kind::dict) || root.is(Pickled::Kind::object), Code::invalid_model,
        archive.file().name, " holds no dictionary of tensors");
  for (size_t i = first; i + 1 < root.items.size(); i += 2) {
    const Pickled &key = *root.items[i], &value = *root.items[i + 1];
    if (key.is(Pickled::Kind::text) && StoredTensors::is_tensor(value))
      found.emplace(key.text, tensors.tensor(value));
    check(found.size() <= static_cast<size_t>(limits.tensors), Code::invalid_model,
          archive.file().name, " has more than ", limits.tensors, " tensors");
  }
  return found;
}

}  // namespace hone::pytorch
