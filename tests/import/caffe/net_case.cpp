#include "import/caffe/net_case.hpp"

#include <cstring>

#include "base/text.hpp"
#include "import/caffe/reader.hpp"
#include "import/onnx_writer.hpp"
#include "import/values.hpp"
#include "ir/evaluation/evaluation.hpp"

namespace hone::test {
namespace {

struct StoredBlob {
  std::vector<int64_t> dims;
  std::vector<double> numbers;
};
using Stored = std::vector<std::pair<std::string, std::vector<StoredBlob>>>;

std::vector<std::string_view> words_of(std::string_view line) {
  std::vector<std::string_view> words;
  for (const std::string_view word : split(line, ' '))
    if (!word.empty()) words.push_back(word);
  return words;
}

std::vector<double> numbers_from(const std::vector<std::string_view>& words, size_t first) {
  std::vector<double> numbers;
  for (size_t i = first; i < words.size(); ++i) numbers.push_back(parse_double(words[i]).value());
  return numbers;
}

template <class T>
std::string bytes_of(const std::vector<double>& numbers) {
  std::string bytes;
  for (const double number : numbers) {
    const T value = static_cast<T>(number);
    bytes.append(reinterpret_cast<const char*>(&value), sizeof value);
  }
  return bytes;
}

Proto blob_of(const StoredBlob& blob, StoredAs stored) {
  Proto made;
  if (stored == StoredAs::four_sizes || stored == StoredAs::v0) {
    std::vector<int64_t> dims(4 - blob.dims.size(), 1);
    dims.insert(dims.end(), blob.dims.begin(), blob.dims.end());
    for (uint32_t i = 0; i < 4; ++i) made.number(i + 1, dims[i]);
  } else {
    Proto shape;
    for (const int64_t dim : blob.dims) shape.number(1, dim);
    made.message(7, shape);
  }
  if (stored == StoredAs::doubles) made.bytes(8, bytes_of<double>(blob.numbers));
  else made.bytes(5, bytes_of<float>(blob.numbers));
  return made;
}

std::string store(const Stored& layers, StoredAs stored) {
  Proto net;
  net.bytes(1, "stored");
  for (const auto& [name, blobs] : layers) {
    Proto layer;
    const bool is_v1 = stored == StoredAs::v1, is_v0 = stored == StoredAs::v0;
    layer.bytes(is_v1 ? 4 : 1, name);
    for (const StoredBlob& blob : blobs)
      layer.message(is_v1 ? 6 : is_v0 ? 50 : 7, blob_of(blob, stored));
    if (is_v0) net.message(2, Proto().message(1, layer));
    else net.message(is_v1 ? 2 : 100, layer);
  }
  return net.data();
}

}  // namespace

NetCase net_case(std::string_view given, StoredAs stored) {
  NetCase made;
  Stored layers;
  for (const std::string_view line : split(given, '\n')) {
    const auto words = words_of(line);
    if (line.starts_with("@blob")) {
      const std::string name(words.at(1));
      if (layers.empty() || layers.back().first != name) layers.push_back({name, {}});
      StoredBlob blob{{}, numbers_from(words, 3)};
      const std::string_view dims = words.at(2).substr(1, words.at(2).size() - 2);
      for (const std::string_view dim : split(dims, ','))
        if (!dim.empty()) blob.dims.push_back(parse_int(dim).value());
      layers.back().second.push_back(std::move(blob));
    } else if (line.starts_with("@in")) {
      made.inputs[std::string(words.at(1))] = numbers_from(words, 2);
    } else {
      made.text += cat(line, "\n");
    }
  }
  made.weights = store(layers, stored);
  return made;
}

Imported import_case(const NetCase& net, const ImportOptions& options) {
  const auto copy = std::make_shared<const std::string>(net.weights);
  builder::ModelFile weights{std::as_bytes(std::span(*copy)), copy, "net.caffemodel"};
  return caffe::import_net(net.text, "net.prototxt", weights, {}, options);
}

std::string values_of(const NetCase& net) {
  const Imported imported = import_case(net);
  std::vector<Tensor> inputs;
  for (const Value* input : imported.graph->inputs()) {
    const std::vector<double>& numbers = net.inputs.at(input->name);
    Tensor tensor(DType::f32, *input->type.tensor().concrete());
    check(tensor.count() == static_cast<int64_t>(numbers.size()), Code::usage, "@in ", input->name,
          " has ", numbers.size(), " numbers, wanted ", tensor.count());
    for (size_t i = 0; i < numbers.size(); ++i)
      tensor.set_number(static_cast<int64_t>(i), numbers[i]);
    inputs.push_back(std::move(tensor));
  }
  return values_of(*imported.graph, inputs);
}

}  // namespace hone::test
