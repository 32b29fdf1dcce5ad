#include "import/caffe/blobs.hpp"

#include "base/size.hpp"
#include "import/protobuf.hpp"
#include "import/report.hpp"

namespace hone::caffe {
namespace {

// Field numbers. (Source: BVLC/caffe, src/caffe/proto/caffe.proto.)
struct NetField {
  static constexpr uint32_t name = 1, layers = 2, input = 3, input_dim = 4, force_backward = 5,
                            state = 6, debug_info = 7, input_shape = 8, layer = 100;
};
struct LayerField {
  static constexpr uint32_t name = 1, blobs = 7;
};
struct V1Field {
  static constexpr uint32_t v0 = 1, name = 4, blobs = 6;
};
struct V0Field {
  static constexpr uint32_t name = 1, blobs = 50;
};
struct BlobField {
  // Channels and height are between num and width.
  static constexpr uint32_t num = 1, width = 4, data = 5, shape = 7, double_data = 8;
};
constexpr uint32_t kShapeDim = 1;

/// A blob's sizes as they were stored before there were shapes: always four.
struct OldSizes {
  int64_t dims[4] = {0, 0, 0, 0};
  bool given = false;

  bool read(Message& m) {
    if (m.field() < BlobField::num || m.field() > BlobField::width) return false;
    dims[m.field() - BlobField::num] = m.integer();
    given = true;
    return true;
  }
};

bool is_net_field(uint32_t field, bool is_message) {
  switch (field) {
    case NetField::name:
    case NetField::layers:
    case NetField::input:
    case NetField::state:
    case NetField::input_shape:
    case NetField::layer: return is_message;
    case NetField::input_dim:
    case NetField::force_backward:
    case NetField::debug_info: return true;
    default: return false;
  }
}

/// A layer's first field: its name, its type, or, of V1, a bottom.
bool looks_like_layer(std::string_view message, bool is_v1) {
  Message m(message, "a layer");
  if (!m.next() || !m.is_packed()) return false;
  return m.field() >= 1 && m.field() <= (is_v1 ? 6U : 7U);
}

}  // namespace

int64_t Blob::count() const {
  const size_t stored = packed.size() / sizeof(float) + floats.size() + doubles.size();
  return static_cast<int64_t>(stored);
}

bool looks_like_stored_net(std::string_view bytes) {
  constexpr int kLooked = 16;
  int names = 0;
  try {
    Message m(bytes, "a net");
    for (int i = 0; i < kLooked && m.next(); ++i) {
      if (!is_net_field(m.field(), m.is_packed())) return false;
      if (m.field() == NetField::name && ++names > 1) return false;
      const bool is_v1 = m.field() == NetField::layers;
      if (is_v1 || m.field() == NetField::layer) return looks_like_layer(m.bytes(), is_v1);
    }
  } catch (const Error&) {  // cut short: the reader says where
    return names == 1;
  }
  return false;
}

Blobs::Blobs(builder::ModelFile file, const Limits& limits)
    : file_(std::move(file)), limits_(limits) {
  const std::string_view bytes(reinterpret_cast<const char*>(file_.bytes.data()),
                               file_.bytes.size());
  for (Message m(bytes, "NetParameter"); m.next();) {
    if (m.field() == NetField::name) net_name_ = shown(m.bytes());
    else if (m.field() == NetField::layer) read_layer(m.bytes(), false);
    else if (m.field() == NetField::layers) read_layer(m.bytes(), true);
  }
}

void Blobs::read_layer(std::string_view message, bool is_v1) {
  check(static_cast<int64_t>(layers_.size()) < limits_.nodes, Code::invalid_model, "more than ",
        limits_.nodes, " layers are stored");
  std::string_view name;
  std::vector<std::string_view> blobs;
  const auto read = [&](std::string_view part, std::string_view what, uint32_t name_field,
                        uint32_t blob_field) {
    for (Message m(part, what); m.next();) {
      if (m.field() == name_field) name = m.bytes();
      else if (m.field() == blob_field) blobs.push_back(m.bytes());
    }
  };
  if (!is_v1) read(message, "LayerParameter", LayerField::name, LayerField::blobs);
  else read(message, "V1LayerParameter", V1Field::name, V1Field::blobs);
  if (is_v1 && name.empty())
    for (Message m(message, "V1LayerParameter"); m.next();)
      if (m.field() == V1Field::v0)
        read(m.bytes(), "V0LayerParameter", V0Field::name, V0Field::blobs);
  if (!blobs.empty()) layers_.emplace(std::string(name), std::move(blobs));
}

const std::vector<std::string_view>* Blobs::of(std::string_view layer) const {
  const auto found = layers_.find(layer);
  return found == layers_.end() ? nullptr : &found->second;
}

Blob Blobs::decode(std::string_view message) const {
  Blob blob;
  OldSizes old;
  bool has_shape = false;
  for (Message m(message, "BlobProto"); m.next();) {
    if (old.read(m)) continue;
    if (m.field() == BlobField::shape) {
      has_shape = true;
      for (Message s(m.bytes(), "BlobShape"); s.next();)
        if (s.field() == kShapeDim)
          s.integers(blob.dims, static_cast<size_t>(limits_.rank), "dimensions");
    } else if (m.field() == BlobField::data) {
      if (m.is_packed() && blob.packed.empty() && blob.floats.empty()) blob.packed = m.bytes();
      else m.reals(blob.floats);
    } else if (m.field() == BlobField::double_data) {
      m.doubles(blob.doubles);
    }
  }
  if (!has_shape && old.given) blob.dims.assign(std::begin(old.dims), std::end(old.dims));
  check(blob.packed.size() % sizeof(float) == 0, Code::invalid_model,
        "the numbers of a blob are cut short");
  check(blob.packed.empty() || blob.floats.empty(), Code::unsupported,
        "the numbers of a blob in several pieces");
  return blob;
}

Tensor Blobs::tensor(const Blob& blob, const std::vector<int64_t>& dims) const {
  const int64_t wanted = element_count(dims);
  if (blob.count() != wanted)
    fail(Code::invalid_model, blob.count(), " numbers are stored, ", shape_text(dims), " needs ",
         wanted);
  if (!blob.packed.empty())
    return file_.borrow(DType::f32, dims,
                        std::as_bytes(std::span(blob.packed.data(), blob.packed.size())));
  Tensor made(DType::f32, dims);
  for (size_t i = 0; i < blob.floats.size(); ++i) made.put(static_cast<int64_t>(i), blob.floats[i]);
  for (size_t i = 0; i < blob.doubles.size(); ++i)
    made.put(static_cast<int64_t>(i), static_cast<float>(blob.doubles[i]));
  return made;
}

}  // namespace hone::caffe
