#include "conformance/contents.hpp"

#include "base/file.hpp"
#include "import/onnx/proto.hpp"
#include "import/onnx/tensor_reader.hpp"
#include "import/protobuf.hpp"

namespace hone {
namespace {

class ContentsReader {
 public:
  explicit ContentsReader(const std::filesystem::path& path)
      : file_(MappedFile::open(path)),
        tensors_({file_->bytes(), file_, path.filename().string()}, path.parent_path(), options_) {}

  Tensor read(const Type& type) {
    const auto bytes = file_->bytes();
    return read({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, type);
  }

 private:
  Tensor read(std::string_view message, const Type& type) {
    if (type.is_tensor()) return tensors_.tensor(onnx::decode_tensor(message, options_.limits));
    const bool optional = type.kind() == Type::Kind::optional;
    // Fields 3 to 7 of SequenceProto and OptionalProto are contents by kind: a tensor, a sparse
    // tensor, a sequence ...
    std::vector<Tensor> found;
    for (Message m(message, optional ? "OptionalProto" : "SequenceProto"); m.next();) {
      check(m.field() < 4 || m.field() == 5, Code::unsupported, "contents of another kind");
      if (m.field() == 3 || m.field() == 5) found.push_back(read(m.bytes(), type.element()));
    }
    if (!optional) {
      check(type.element().is_tensor(), Code::unsupported, "a sequence of ", type.element());
      return Tensor::sequence(type.element().tensor().dtype, std::move(found));
    }
    return found.empty() ? Tensor::nothing() : found.front();
  }

  ImportOptions options_;
  std::shared_ptr<const MappedFile> file_;
  onnx::TensorReader tensors_;
};

}  // namespace

Tensor read_contents(const std::filesystem::path& path, const Type& type) {
  ContentsReader reader(path);
  if (type.kind() != Type::Kind::optional) return reader.read(type);
  try {
    return reader.read(type);
  } catch (const Error&) {  // what an optional holds may be stored without one
    return reader.read(type.element());
  }
}

}  // namespace hone
