#include "export/export.hpp"

#include <array>
#include <unordered_map>

#include "base/error.hpp"
#include "base/file.hpp"
#include "base/size.hpp"
#include "export/onnx/encode.hpp"

namespace hone {
namespace {

constexpr int64_t kPage = 4096;  // so that each weight can be mapped by itself

/// Weights that go into a file of their own, each once, in order.
class DataFile {
 public:
  DataFile(std::string name, const onnx::GraphModel& graph, int64_t least)
      : name_(std::move(name)) {
    for (const auto& [value, weight] : graph.constants) {
      if (weight->dtype() == DType::string || static_cast<int64_t>(weight->bytes()) < least)
        continue;
      if (!offsets_.emplace(weight.get(), size_).second) continue;
      weights_.push_back(weight.get());
      size_ = align_up(checked_add(size_, static_cast<int64_t>(weight->bytes())), kPage);
    }
  }

  std::optional<onnx::DataPlace> place(const Weight& weight) const {
    const auto found = offsets_.find(&weight);
    if (found == offsets_.end()) return std::nullopt;
    return onnx::DataPlace{name_, found->second, static_cast<int64_t>(weight.bytes())};
  }

  bool empty() const { return weights_.empty(); }

  void write(AtomicFile& file) const {
    static constexpr std::array<std::byte, kPage> kZeros = {};
    for (const Weight* weight : weights_) {
      const auto offset = static_cast<uint64_t>(offsets_.at(weight));
      file.write(std::span(kZeros).first(static_cast<size_t>(offset - file.size())));
      file.write(onnx::contents(*weight).bytes());
    }
  }

 private:
  std::string name_;
  int64_t size_ = 0;
  std::unordered_map<const Weight*, int64_t> offsets_;
  std::vector<const Weight*> weights_;
};

bool is_external(const onnx::GraphModel& graph, const ExportOptions& options) {
  if (options.external != ExportOptions::External::automatic)
    return options.external == ExportOptions::External::always;
  int64_t bytes = 0;
  for (const auto& [value, weight] : graph.constants)
    if (weight->dtype() != DType::string)
      bytes = checked_add(bytes, static_cast<int64_t>(weight->bytes()));
  return bytes > options.inline_bytes;
}

void check_present(const onnx::GraphModel& graph) {
  for (const auto& [name, weight] : graph.constants)
    if (weight->is_absent()) (void)weight->tensor();  // says which
}

}  // namespace

Exported export_onnx(const Graph& graph, const std::filesystem::path& path,
                     const ExportOptions& options) {
  const onnx::Model model = onnx::model_of(graph);
  check_present(model.graph);
  Exported made;
  std::optional<DataFile> data;
  if (is_external(model.graph, options)) {
    made.data = std::filesystem::path(path) += ".data";
    data.emplace(made.data.filename().string(), model.graph, options.external_bytes);
    if (data->empty()) data.reset();
  }
  const auto pieces = onnx::encode(
      model, [&](const Weight& weight) { return data ? data->place(weight) : std::nullopt; });
  AtomicFile file(path);
  if (data) {
    AtomicFile data_file(made.data);
    data->write(data_file);
    made.data_bytes = data_file.size();
    data_file.commit();
  } else {
    made.data.clear();
  }
  for (const onnx::Piece& piece : pieces) {
    file.write(piece.text);
    if (piece.weight != nullptr) file.write(onnx::contents(*piece.weight).bytes());
  }
  made.model_bytes = file.size();
  file.commit();
  return made;
}

std::string onnx_bytes(const Graph& graph) {
  const onnx::Model model = onnx::model_of(graph);
  check_present(model.graph);
  std::string bytes;
  for (const onnx::Piece& piece : onnx::encode(model, [](const Weight&) { return std::nullopt; })) {
    bytes += piece.text;
    if (piece.weight == nullptr) continue;
    const Tensor tensor = onnx::contents(*piece.weight);
    bytes.append(reinterpret_cast<const char*>(tensor.bytes().data()), tensor.bytes().size());
  }
  return bytes;
}

}  // namespace hone
