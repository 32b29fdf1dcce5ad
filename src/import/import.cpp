#include "import/import.hpp"

#include <algorithm>
#include <vector>

#include "base/file.hpp"
#include "import/caffe/blobs.hpp"
#include "import/caffe/net.hpp"
#include "import/caffe/reader.hpp"
#include "import/mxnet/reader.hpp"
#include "import/mxnet/stored.hpp"
#include "import/mxnet/symbol.hpp"
#include "import/onnx/reader.hpp"
#include "import/pytorch/reader.hpp"
#include "import/report.hpp"
#include "import/tensorflow/proto.hpp"
#include "import/tensorflow/reader.hpp"
#include "import/tensorflow/saved_model.hpp"
#include "import/text.hpp"
#include "import/tflite/model.hpp"
#include "import/tflite/reader.hpp"
#include "ir/dim/dim_facts.hpp"
#include "ir/inference.hpp"

namespace hone {
namespace {

std::string_view text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// The first field of a ModelProto is its IR version in every file that a framework writes.
bool looks_like_onnx(std::string_view text) {
  return text.size() > 2 && text[0] == '\x08' && static_cast<unsigned char>(text[1]) < 0x20;
}

bool looks_like_caffe(std::string_view text) {
  return caffe::looks_like_net(text) || caffe::looks_like_stored_net(text);
}

bool looks_like_mxnet(std::string_view text) {
  return mxnet::looks_like_symbol(text) || mxnet::looks_like_stored(text);
}

/// A file of weights alone, which are one half of a model.
bool is_weights_alone(std::string_view text) {
  return mxnet::looks_like_stored(text) ||
         (!looks_like_onnx(text) && caffe::looks_like_stored_net(text));
}

struct Source {
  const std::filesystem::path& path;
  const std::shared_ptr<const MappedFile>& file;
  const ImportOptions& options;

  std::string name() const { return path.filename().string(); }
  std::filesystem::path folder() const { return path.has_parent_path() ? path.parent_path() : "."; }
};

Imported read_text(const Source& source) {
  return import_text(text_of(source.file->bytes()), source.folder(), source.options,
                     shown(source.name()));
}
Imported read_onnx(const Source& source) {
  return import_onnx_bytes(source.file->bytes(), source.folder(), source.options, source.file,
                           source.name());
}
Imported read_tflite(const Source& source) {
  return tflite::import_model({source.file->bytes(), source.file, shown(source.name())},
                              source.options);
}
Imported read_pytorch(const Source& source) {
  return pytorch::import_model({source.file->bytes(), source.file, shown(source.name())},
                               source.options);
}
Imported read_tensorflow(const Source& source) {
  return tensorflow::import_graph({source.file->bytes(), source.file, shown(source.name())},
                                  source.options);
}
Imported read_saved_model(const Source& source) {
  return tensorflow::import_saved_model(
      source.folder(), {source.file->bytes(), source.file, shown(source.name())}, source.options);
}
Imported read_caffe(const Source& source) {
  return caffe::import_files(source.path, source.file, source.options);
}
Imported read_mxnet(const Source& source) {
  return mxnet::import_files(source.path, source.file, source.options);
}

/// A format is told by what a file holds. By its name only where the file holds nothing known: then
/// the reader of that name says what is wrong with it.
struct Format {
  std::string_view name, extension;
  bool (*recognizes)(std::string_view bytes);
  Imported (*read)(const Source& source);
};
constexpr Format kFormats[] = {
    // the surest marks first
    {"TFLite", ".tflite", tflite::looks_like_model, read_tflite},
    {"PyTorch", ".pt2", pytorch::looks_like_file, read_pytorch},
    {"TensorFlow", ".pb", tensorflow::looks_like_graph, read_tensorflow},
    {"SavedModel", ".savedmodel", tensorflow::looks_like_saved_model, read_saved_model},
    {"ONNX", ".onnx", looks_like_onnx, read_onnx},
    {"MXNet", ".params", looks_like_mxnet, read_mxnet},
    {"Caffe", ".caffemodel", looks_like_caffe, read_caffe},
    {"its own text", ".graph", looks_like_text, read_text},
};

const Format* format_of(std::string_view bytes) {
  for (const Format& format : kFormats)
    if (format.recognizes(bytes)) return &format;
  return nullptr;
}

/// The one model in a folder. A file of weights alone is none where a net is described beside it.
std::filesystem::path model_in(const std::filesystem::path& folder, const ImportOptions& options) {
  constexpr size_t kMostFiles = 1000;
  std::vector<std::filesystem::path> models, weights;
  std::error_code error;
  size_t looked = 0;
  for (std::filesystem::directory_iterator at(folder, error), end;
       !error && at != end && looked < kMostFiles; at.increment(error), ++looked) {
    std::shared_ptr<const MappedFile> file;
    try {
      file = MappedFile::open_below(folder, at->path().filename().string(),
                                    options.follow_links ? Links::all : Links::hub);
    } catch (const Error&) {  // a folder, a link, nothing that may be read
      continue;
    }
    const std::string_view bytes = text_of(file->bytes());
    if (format_of(bytes) == nullptr) continue;
    (is_weights_alone(bytes) ? weights : models).push_back(at->path());
  }
  if (models.empty()) models = std::move(weights);
  std::sort(models.begin(), models.end());
  std::vector<std::string> names;
  for (const auto& model : models) names.push_back(shown(model.filename().string()));
  check(models.size() == 1, Code::usage, shown(folder.filename().string()),
        models.empty() ? " is a folder without a model that Hone reads"
                       : cat(" is a folder of several models, name one: ", join(names, ", ")));
  return models.front();
}

}  // namespace

namespace {

/// A later node may require what settles the size that an earlier one was given.
Imported settled(Imported made) {
  if (made.graph == nullptr) return made;
  const auto is_open = [](const Value* value) {
    return value != nullptr && value->type.is_tensor() && value->type.tensor().has_rank() &&
           std::ranges::any_of(value->type.tensor().shape(), has_extremum);
  };
  for (const Node& node : made.graph->nodes())
    if (std::ranges::any_of(node.outputs, is_open)) {
      infer(*made.graph);
      break;
    }
  return made;
}

}  // namespace

Imported import_file(const std::filesystem::path& path, const ImportOptions& options) {
  std::error_code unknown;
  if (std::filesystem::is_directory(path, unknown))
    return import_file(model_in(path, options), options);
  const auto file = MappedFile::open(path);
  const std::string_view bytes = text_of(file->bytes());
  const Source source{path, file, options};
  // Before PyTorch's archives, which are zip files, too.
  const std::string advice = tensorflow::keras_advice(bytes, shown(source.name()));
  if (!advice.empty()) fail(Code::unsupported, shown(source.name()), advice);
  if (const Format* format = format_of(bytes)) return settled(format->read(source));
  std::vector<std::string_view> names;
  for (const Format& format : kFormats) {
    if (path.extension() == format.extension) return settled(format.read(source));
    names.push_back(format.name);
  }
  fail(Code::unsupported, shown(source.name()),
       " is of no format that Hone reads: ", join(names, ", "));
}

Imported import_onnx_bytes(std::span<const std::byte> bytes, const std::filesystem::path& folder,
                           const ImportOptions& options, std::shared_ptr<const void> owner,
                           const std::string& file_name) {
  const std::string name = shown(file_name);
  onnx::TensorReader tensors({bytes, std::move(owner), name}, folder, options);
  return settled(onnx::import_model(text_of(bytes), tensors, name, options));
}

}  // namespace hone
