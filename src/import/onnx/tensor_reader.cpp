#include "import/onnx/tensor_reader.hpp"

#include <charconv>

#include "base/hash.hpp"
#include "base/size.hpp"
#include "import/onnx/node_reader.hpp"
#include "import/report.hpp"

namespace hone::onnx {
namespace {

std::string hex(uint64_t value) {
  char digits[16];
  const auto end = std::to_chars(digits, digits + sizeof digits, value, 16).ptr;
  return cat("0x", std::string_view(digits, static_cast<size_t>(end - digits)));
}

std::string type_text(DType dtype, const std::vector<int64_t>& dims) {
  return cat(dtype, shape_text(dims));
}

bool is_f6(DType dtype) { return bits(dtype) == 6; }

/// Numbers that a typed field holds for `count` elements: packed types store bytes (f6 a code
/// each), complex ones pairs.
int64_t stored_numbers(DType dtype, int64_t count) {
  if (is_complex(dtype)) return checked_mul(count, 2);
  const bool packs = bits(dtype) != 0 && bits(dtype) < 8 && !is_f6(dtype);
  return packs ? static_cast<int64_t>(bytes_for(dtype, count)) : count;
}

/// Small integers and the bit patterns of small floats, as int32_data and its kin hold them.
void fill_integers(Tensor& tensor, const std::vector<int64_t>& values) {
  std::byte* out = tensor.mutable_bytes().data();
  if (is_f6(tensor.dtype())) {
    for (size_t i = 0; i < values.size(); ++i) {
      check(values[i] >= 0 && values[i] < 64, Code::invalid_model, "the code ", values[i], " of a ",
            tensor.dtype(), ", wanted 0 to 63");
      store_code(tensor.dtype(), out, static_cast<int64_t>(i), static_cast<unsigned>(values[i]));
    }
    return;
  }
  const size_t width = std::max<size_t>(1, static_cast<size_t>(bits(tensor.dtype())) / 8);
  for (const int64_t value : values) {  // little-endian: the low bytes are the value
    std::memcpy(out, &value, width);
    out += width;
  }
}

template <class T>
void fill(Tensor& tensor, const std::vector<T>& values) {
  if (!values.empty())
    std::memcpy(tensor.mutable_bytes().data(), values.data(), values.size() * sizeof(T));
}

int64_t place_number(std::string_view text, std::string_view what) {
  if (text.empty()) return 0;
  const auto value = parse_int(text);
  check(value && *value >= 0, Code::invalid_model, "external data: ", what, " is \"", shown(text),
        "\", wanted a number of bytes");
  return *value;
}

}  // namespace

TensorReader::Shape TensorReader::checked_shape(const TensorProto& tensor) const {
  const auto dtype = dtype_of(tensor.data_type);
  check(dtype.has_value(), Code::invalid_model, "element type ", tensor.data_type,
        " is not one of ONNX");
  for (const int64_t dim : tensor.dims)
    check(dim >= 0, Code::invalid_model, "a dimension of ", dim);
  const auto count = try_element_count(tensor.dims);
  if (!count)
    fail(Code::invalid_model, "the size of ", type_text(*dtype, tensor.dims), " overflows 63 bits");
  return {*dtype, tensor.dims, *count};
}

TensorType TensorReader::type(const TensorProto& tensor) const {
  const Shape shape = checked_shape(tensor);
  return {shape.dtype, Dims(shape.dims.begin(), shape.dims.end())};
}

Tensor TensorReader::borrow(const Shape& shape, std::span<const std::byte> bytes) const {
  return file_.borrow(shape.dtype, shape.dims, bytes);
}

Tensor TensorReader::stored(const TensorProto& tensor, const Shape& shape) const {
  check(!tensor.is_segment, Code::unsupported, "a tensor stored in segments");
  if (!tensor.raw || shape.dtype == DType::string) return typed(tensor, shape);
  const size_t wanted = bytes_for(shape.dtype, shape.count);
  if (tensor.raw->size() != wanted)
    fail(Code::invalid_model, "raw data of ", with_commas(tensor.raw->size()), " bytes, ",
         type_text(shape.dtype, shape.dims), " needs ", with_commas(wanted));
  return borrow(shape, std::as_bytes(std::span(tensor.raw->data(), tensor.raw->size())));
}

Tensor TensorReader::typed(const TensorProto& tensor, const Shape& shape) const {
  const int64_t wanted = stored_numbers(shape.dtype, shape.count);
  const auto check_count = [&](size_t found) {
    if (found != static_cast<size_t>(wanted))
      fail(Code::invalid_model, found, " numbers are stored, ", type_text(shape.dtype, shape.dims),
           " needs ", wanted);
  };
  // Every stored number takes a byte at least: no size from the file is believed before this.
  if (static_cast<uint64_t>(wanted) > tensor.message.size())
    fail(Code::invalid_model, "too little data is stored for ", type_text(shape.dtype, shape.dims));
  const TypedData data = decode_typed_data(tensor.message, static_cast<size_t>(wanted));
  if (shape.dtype == DType::string) {
    check_count(data.strings.size());
    return Tensor::of_strings(shape.dims, {data.strings.begin(), data.strings.end()});
  }
  const bool is_f32 = shape.dtype == DType::f32 || shape.dtype == DType::c64;
  if (is_f32 && !data.packed_floats.empty()) {
    if (data.packed_floats.size() % sizeof(float) != 0)
      fail(Code::invalid_model, "float_data is cut short");
    check_count(data.packed_floats.size() / sizeof(float));
    return borrow(shape,
                  std::as_bytes(std::span(data.packed_floats.data(), data.packed_floats.size())));
  }
  const bool is_f64 = shape.dtype == DType::f64 || shape.dtype == DType::c128;
  check_count(is_f32 ? data.floats.size() : is_f64 ? data.doubles.size() : data.integers.size());
  Tensor out(shape.dtype, shape.dims);
  if (is_f32) fill(out, data.floats);
  else if (is_f64) fill(out, data.doubles);
  else fill_integers(out, data.integers);
  return out;
}

std::shared_ptr<const MappedFile> TensorReader::open(std::string_view location) {
  check(!location.empty(), Code::invalid_model, "external data without a location");
  if (const auto found = files_.find(location); found != files_.end()) return found->second;
  check(!folder_.empty(), Code::invalid_model, "external data of a model that is not a file");
  std::shared_ptr<const MappedFile> file;
  try {
    file = MappedFile::open_below(folder_, std::string(location),
                                  options_.follow_links ? Links::all : Links::hub);
  } catch (const Error& error) {
    std::error_code unknown;
    const bool there = std::filesystem::exists(
        std::filesystem::symlink_status(folder_ / std::string(location), unknown));
    if (error.code() != Code::io || !options_.random_weights || there) throw;
  }
  files_.emplace(location, file);
  return file;
}

Tensor TensorReader::external(const TensorProto& tensor, const Shape& shape, const MappedFile& file,
                              std::shared_ptr<const MappedFile> owner) const {
  check(shape.dtype != DType::string, Code::invalid_model, "external data of strings");
  const int64_t offset = place_number(tensor.external.offset, "offset");
  const auto wanted = static_cast<int64_t>(bytes_for(shape.dtype, shape.count));
  const int64_t length =
      tensor.external.length.empty() ? wanted : place_number(tensor.external.length, "length");
  if (length != wanted)
    fail(Code::invalid_model, "external data of ", length, " bytes, ",
         type_text(shape.dtype, shape.dims), " needs ", wanted);
  const int64_t end = checked_add(offset, length);
  if (static_cast<uint64_t>(end) > file.bytes().size())
    fail(Code::invalid_model, "external data ends at byte ", end, " of \"",
         shown(tensor.external.location), "\", which has ", file.bytes().size());
  return Tensor::borrow(
      shape.dtype, shape.dims,
      file.bytes().subspan(static_cast<size_t>(offset), static_cast<size_t>(length)),
      std::move(owner));
}

std::shared_ptr<const Weight> TensorReader::weight(const TensorProto& tensor) {
  const Shape shape = checked_shape(tensor);
  if (!tensor.is_external) {
    Tensor contents = stored(tensor, shape);
    std::string from = file_.source(contents);
    return Weight::of(std::move(contents), std::move(from));
  }
  const auto file = open(tensor.external.location);
  if (file == nullptr) {
    bytes_for(shape.dtype, shape.count);  // must be a possible size
    return Weight::random(shape.dtype, shape.dims,
                          hash_text(tensor.name).low ^ *options_.random_weights,
                          options_.random_gain);
  }
  Tensor contents = external(tensor, shape, *file, file);
  return Weight::of(
      std::move(contents),
      cat(shown(tensor.external.location), "+",
          hex(static_cast<uint64_t>(place_number(tensor.external.offset, "offset")))));
}

Tensor TensorReader::tensor(const TensorProto& proto) {
  const auto made = weight(proto);
  if (made->is_random() && made->bytes() > options_.limits.folded_bytes)
    fail(Code::invalid_model, "a constant of ", with_commas(made->bytes()),
         " bytes to make from the seed (at most ", with_commas(options_.limits.folded_bytes), ")");
  return made->tensor();
}

Tensor TensorReader::dense(const SparseTensorProto& sparse) {
  const Tensor values = tensor(sparse.values), indices = tensor(sparse.indices);
  TensorProto whole;
  whole.dims = sparse.dims;
  whole.data_type = sparse.values.data_type;
  const Shape shape = checked_shape(whole);
  check(shape.dtype != DType::string, Code::unsupported, "a sparse tensor of strings");
  const size_t bytes = bytes_for(shape.dtype, shape.count);
  check(bytes <= options_.limits.folded_bytes, Code::unsupported, "a sparse tensor of ",
        with_commas(bytes), " bytes when made dense (at most ",
        with_commas(options_.limits.folded_bytes), ")");
  const int64_t stored = values.count();
  const auto rank = static_cast<int64_t>(shape.dims.size());
  const bool linear = indices.rank() == 1 && indices.count() == stored;
  const bool by_axis =
      indices.rank() == 2 && indices.dim(0) == stored && indices.dim(1) == rank && rank > 0;
  check(indices.dtype() == DType::i64 && (linear || by_axis), Code::invalid_model,
        "indices of a sparse tensor are ", type_text(indices.dtype(), indices.shape()),
        ", wanted i64[", stored, "] or i64[", stored, ",", rank, "]");
  Tensor out(shape.dtype, shape.dims);
  const bool by_number = is_float(shape.dtype);
  check(!is_complex(shape.dtype), Code::unsupported, "a sparse tensor of complex numbers");
  for (int64_t i = 0; i < stored; ++i) {
    int64_t place = linear ? indices.integer(i) : 0;
    for (int64_t axis = 0; by_axis && axis < rank; ++axis) {
      const int64_t at = indices.integer(i * rank + axis), size = out.dim(static_cast<int>(axis));
      check(at >= 0 && at < size, Code::invalid_model, "a sparse tensor's index ", at,
            " is outside of ", size);
      place = place * size + at;  // below the element count, which fits
    }
    check(place >= 0 && place < shape.count, Code::invalid_model, "a sparse tensor's index ", place,
          " is outside of ", shape.count);
    if (by_number) out.set_number(place, values.number(i));
    else out.set_integer(place, values.integer(i));
  }
  return out;
}

}  // namespace hone::onnx
