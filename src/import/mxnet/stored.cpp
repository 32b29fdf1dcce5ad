#include "import/mxnet/stored.hpp"

#include <cstring>

#include "base/size.hpp"
#include "import/report.hpp"

namespace hone::mxnet {
namespace {

constexpr uint64_t kList = 0x112;  // what a list begins with
// What a tensor begins with; the oldest ones have the number of their dimensions there.
constexpr uint32_t kV1 = 0xF993FAC8, kV2 = 0xF993FAC9, kV3 = 0xF993FACA;

std::string_view storage_name(int32_t kind) {
  return kind == 1 ? "rows alone (row_sparse)" : kind == 2 ? "a sparse matrix (csr)" : "a way";
}

/// Reads little-endian numbers one after the other.
class Cursor {
 public:
  explicit Cursor(const builder::ModelFile& file) : file_(file) {}

  template <class T>
  T number() {
    T value;
    std::memcpy(&value, take(sizeof(T)).data(), sizeof(T));
    return value;
  }
  std::span<const std::byte> take(uint64_t count) {
    if (count > file_.bytes.size() - at_)
      fail(Code::invalid_model, file_.name, " ends too soon: it has ", file_.bytes.size(),
           " bytes, ", count, " more are wanted at ", at_);
    const auto part = file_.bytes.subspan(at_, static_cast<size_t>(count));
    at_ += static_cast<size_t>(count);
    return part;
  }
  uint64_t left() const { return file_.bytes.size() - at_; }

 private:
  const builder::ModelFile& file_;
  size_t at_ = 0;
};

class TensorList {
 public:
  TensorList(const builder::ModelFile& file, const Limits& limits)
      : file_(file), limits_(limits), cursor_(file) {}

  std::map<std::string, std::shared_ptr<const Weight>, std::less<>> read() {
    check(cursor_.number<uint64_t>() == kList, Code::invalid_model, file_.name,
          " stores no tensors of MXNet");
    cursor_.number<uint64_t>();  // reserved
    std::vector<std::shared_ptr<const Weight>> tensors(count("tensors"));
    for (auto& tensor : tensors) tensor = read_tensor();
    const size_t names = count("names");
    check(names == tensors.size(), Code::invalid_model, file_.name, " stores ", tensors.size(),
          " tensors and ", names, " names");
    std::map<std::string, std::shared_ptr<const Weight>, std::less<>> by_name;
    for (size_t i = 0; i < names; ++i) by_name.emplace(read_name(), tensors[i]);
    return by_name;
  }

 private:
  size_t count(std::string_view what) {
    const auto count = cursor_.number<uint64_t>();
    check(count <= static_cast<uint64_t>(limits_.tensors) && count <= cursor_.left(),
          Code::invalid_model, file_.name, " says that it stores ", count, " ", what);
    return static_cast<size_t>(count);
  }

  std::string read_name() {
    const auto size = cursor_.number<uint64_t>();
    check(size <= limits_.name_bytes, Code::invalid_model, file_.name, " stores a name of ", size,
          " bytes");
    const auto bytes = cursor_.take(size);
    std::string_view name(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    if (name.starts_with("arg:") || name.starts_with("aux:")) name.remove_prefix(4);
    return std::string(name);
  }

  std::vector<int64_t> dims(uint32_t rank, bool wide) {
    check(rank <= static_cast<uint32_t>(limits_.rank), Code::invalid_model, file_.name,
          " stores a tensor of ", rank, " dimensions");
    std::vector<int64_t> dims;
    for (uint32_t i = 0; i < rank; ++i)
      dims.push_back(wide ? cursor_.number<int64_t>() : int64_t{cursor_.number<uint32_t>()});
    return dims;
  }

  /// Null: nothing is stored of it.
  std::shared_ptr<const Weight> read_tensor() {
    const auto magic = cursor_.number<uint32_t>();
    const bool has_storage = magic == kV2 || magic == kV3, is_old = !has_storage && magic != kV1;
    if (has_storage) {
      const auto kind = cursor_.number<int32_t>();
      check(kind == 0, Code::unsupported, file_.name, " stores a tensor as ", storage_name(kind),
            ": Hone reads dense ones; save it after tostype('default')");
    }
    const uint32_t rank = is_old ? magic : cursor_.number<uint32_t>();
    const std::vector<int64_t> shape = dims(rank, !is_old);
    if (rank == 0 && magic != kV3) return nullptr;
    cursor_.take(8);  // the device that it was on
    const auto number = cursor_.number<int32_t>();
    const auto dtype = stored_type(number);
    check(dtype.has_value(), Code::invalid_model, file_.name, " stores a tensor whose type is ",
          number, ", which is none");
    for (const int64_t dim : shape)
      check(dim >= 0, Code::invalid_model, file_.name, " stores a tensor of sizes ",
            shape_text(shape));
    const auto bytes = cursor_.take(bytes_for(*dtype, element_count(shape)));
    Tensor tensor = file_.borrow(*dtype, shape, bytes);
    std::string source = file_.source(tensor);
    return Weight::of(std::move(tensor), std::move(source));
  }

  const builder::ModelFile& file_;
  const Limits& limits_;
  Cursor cursor_;
};

}  // namespace

Stored::Stored(builder::ModelFile file, const Limits& limits)
    : file_(std::move(file)), tensors_(TensorList(file_, limits).read()) {}

const std::shared_ptr<const Weight>* Stored::find(std::string_view name) const {
  const auto found = tensors_.find(name);
  return found == tensors_.end() || found->second == nullptr ? nullptr : &found->second;
}

std::optional<DType> stored_type(int64_t number) {
  constexpr DType kTypes[] = {DType::f32, DType::f64, DType::f16,     DType::u8,  DType::i32,
                              DType::i8,  DType::i64, DType::boolean, DType::i16, DType::u16,
                              DType::u32, DType::u64, DType::bf16};
  if (number < 0 || number >= static_cast<int64_t>(std::size(kTypes))) return std::nullopt;
  return kTypes[number];
}

bool looks_like_stored(std::string_view bytes) {
  constexpr std::string_view kBeginning("\x12\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 16);
  return bytes.starts_with(kBeginning);
}

}  // namespace hone::mxnet
