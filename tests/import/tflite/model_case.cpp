#include "import/tflite/model_case.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <memory>

#include "base/text.hpp"
#include "import/tflite/flat_writer.hpp"
#include "import/tflite/model.hpp"
#include "import/tflite/reader.hpp"
#include "import/values.hpp"
#include "ir/evaluation/evaluation.hpp"

namespace hone::test {
namespace {

using Words = std::vector<std::string_view>;

Words words_of(std::string_view line) {
  Words words;
  for (const std::string_view word : split(line, ' '))
    if (!word.empty()) words.push_back(word);
  return words;
}

template <class T>
std::vector<T> list_of(std::string_view text) {
  std::vector<T> list;
  for (const std::string_view item : split(text, ','))
    if (!item.empty()) list.push_back(static_cast<T>(parse_double(item).value()));
  return list;
}

/// By TensorType's number.
constexpr std::array<std::string_view, 18> kTypes = {
    "f32", "f16", "i32",  "u8",  "i64",  "string",  "bool", "i16", "c64",
    "i8",  "f64", "c128", "u64", "none", "variant", "u32",  "u16", "i4"};

int8_t type_of(std::string_view name) {
  return static_cast<int8_t>(std::find(kTypes.begin(), kTypes.end(), name) - kTypes.begin());
}

DType dtype_of(std::string_view name) {
  for (int i = 0; i < kDTypeCount; ++i)
    if (hone::name(static_cast<DType>(i)) == name) return static_cast<DType>(i);
  fail(Code::usage, "there is no type ", name);
}

class Writer {
 public:
  void line(const Words& words) {
    const std::string_view verb = words.front();
    if (verb == "graph") end_graph();
    else if (verb == "tensor") tensor(words);
    else if (verb == "op" || verb == "custom") operation(words, verb == "custom");
    else if (verb == "inputs") inputs_ = indices(words, 1, words.size());
    else if (verb == "outputs") outputs_ = indices(words, 1, words.size());
    else fail(Code::usage, "a line that begins with ", verb);
  }

  std::string file() {
    end_graph();
    Flat model;
    model.number(0, uint32_t{3}).tables(1, codes_).tables(2, graphs_).text(3, "a test");
    return model.tables(4, buffers_).file("TFL3");
  }

 private:
  void end_graph() {
    graphs_.push_back(
        Flat().tables(0, tensors_).numbers(1, inputs_).numbers(2, outputs_).tables(3, operators_));
    tensors_.clear(), operators_.clear(), inputs_.clear(), outputs_.clear(), indices_.clear();
  }

  void tensor(const Words& words) {
    Flat made, quantization;
    bool quantized = false;
    const std::string_view dims = words.at(3).substr(1, words.at(3).size() - 2);
    const auto sizes = list_of<int32_t>(dims);
    std::vector<int32_t> shape = sizes;
    for (int32_t& size : shape) size = std::max(size, 1);
    if (shape != sizes) made.numbers(7, sizes);
    made.numbers(0, shape).number(1, type_of(words.at(2))).text(3, words.at(1));
    for (size_t i = 4; i < words.size(); i += 2) {
      if (words[i] == "scale") quantization.numbers(2, list_of<float>(words.at(i + 1)));
      else if (words[i] == "zero") quantization.numbers(3, list_of<int64_t>(words.at(i + 1)));
      else if (words[i] == "axis") quantization.number(6, list_of<int32_t>(words.at(i + 1))[0]);
      else if (words[i] == "variable") made.number(5, uint8_t{1});
      else if (words[i] == "sparse") {
        made.table(6, sparsity(words.at(i + 1), words.at(i + 2), words.at(i + 3)));
        i += 2;
      } else break;
      quantized = quantized || words[i] == "scale";
    }
    if (quantized) made.table(4, quantization);
    const auto equals = std::find(words.begin(), words.end(), "=");
    if (equals != words.end()) {
      const bool complex = words.at(2) == "c64";  // pairs of numbers
      Tensor data(complex ? DType::f32 : dtype_of(words.at(2)), {words.end() - equals - 1});
      for (int64_t at = 0; at < data.count(); ++at)
        data.set_number(at, parse_double(equals[at + 1]).value());
      const auto* bytes = reinterpret_cast<const uint8_t*>(data.bytes().data());
      made.number(2, static_cast<uint32_t>(buffers_.size()));
      buffers_.push_back(
          Flat().numbers(0, std::vector<uint8_t>(bytes, bytes + data.bytes().size())));
    }
    indices_[std::string(words.at(1))] = static_cast<int32_t>(tensors_.size());
    tensors_.push_back(made);
  }

  std::vector<int32_t> indices(const Words& words, size_t from, size_t to) const {
    std::vector<int32_t> found;
    for (size_t i = from; i < to; ++i)
      found.push_back(words[i] == "-" ? -1 : indices_.at(std::string(words[i])));
    return found;
  }

  void operation(const Words& words, bool custom) {
    int64_t code = 0;
    while (!custom && tflite::operator_name(code) != words.at(1))
      check(++code < 300, Code::usage, "there is no operator ", words.at(1));
    Flat kind;
    if (custom) kind.number(0, int8_t{32}).text(1, words.at(1));
    else
      kind.number(0, static_cast<int8_t>(std::min<int64_t>(code, 127)))
          .number(3, static_cast<int32_t>(code));
    const auto arrow =
        static_cast<size_t>(std::find(words.begin(), words.end(), "->") - words.begin());
    size_t end = arrow + 1;
    while (end < words.size() && words[end].find('=') == std::string_view::npos) ++end;
    Flat options;
    for (size_t i = end; !custom && i < words.size(); ++i) option(options, words[i]);
    Flat made;
    made.number(0, static_cast<uint32_t>(codes_.size())).numbers(1, indices(words, 2, arrow));
    made.numbers(2, indices(words, arrow + 1, end)).table(4, options);
    if (custom) made.numbers(5, flex_map({words.begin() + static_cast<long>(end), words.end()}));
    codes_.push_back(kind);
    operators_.push_back(made);
  }

  /// A flexbuffer of "name=3" (integers of 4 bytes) and "name=0.5" (floats).
  static std::vector<uint8_t> flex_map(Words entries) {
    std::sort(entries.begin(), entries.end());
    std::vector<uint8_t> out;
    std::vector<size_t> keys;
    const auto word = [&](uint32_t value) {
      for (int shift = 0; shift < 32; shift += 8)
        out.push_back(static_cast<uint8_t>(value >> shift));
    };
    for (const std::string_view entry : entries) {
      keys.push_back(out.size());
      const std::string_view name = entry.substr(0, entry.find('='));
      out.insert(out.end(), name.begin(), name.end());
      out.push_back(0);
    }
    while (out.size() % 4 != 0) out.push_back(0);
    word(static_cast<uint32_t>(keys.size()));
    const size_t vector = out.size();
    for (const size_t key : keys) word(static_cast<uint32_t>(out.size() - key));
    word(static_cast<uint32_t>(out.size() - vector));
    word(4);
    word(static_cast<uint32_t>(entries.size()));
    const size_t map = out.size();
    std::vector<uint8_t> types;
    for (const std::string_view entry : entries) {
      const std::string_view text = entry.substr(entry.find('=') + 1);
      const bool whole = parse_int(text).has_value();
      types.push_back(static_cast<uint8_t>((whole ? 1 : 3) << 2 | 2));
      word(whole ? static_cast<uint32_t>(parse_int(text).value())
                 : std::bit_cast<uint32_t>(static_cast<float>(parse_double(text).value())));
    }
    out.insert(out.end(), types.begin(), types.end());
    const size_t back = out.size() - map;
    out.insert(out.end(), {static_cast<uint8_t>(back), 9 << 2 | 2, 1});
    return out;
  }

  /// "sparse ORDER BLOCKS AXES": axes behind one another as "d4" (whole, of 4) or
  /// "s0,2,3:1,3,0" (segments, places).
  static Flat sparsity(std::string_view order, std::string_view blocks, std::string_view axes) {
    Flat made;
    made.numbers(0, list_of<int32_t>(order));
    if (blocks != "-") made.numbers(1, list_of<int32_t>(blocks));
    std::vector<Flat> all;
    for (const std::string_view axis : split(axes, ';')) {
      Flat one;
      if (axis.front() == 'd') {
        all.push_back(one.number(1, list_of<int32_t>(axis.substr(1))[0]));
        continue;
      }
      const size_t colon = axis.find(':');
      one.number(0, int8_t{1}).number(2, uint8_t{2}).number(4, uint8_t{3});
      one.table(3, Flat().numbers(0, list_of<uint16_t>(axis.substr(1, colon - 1))));
      all.push_back(one.table(5, Flat().numbers(0, list_of<uint8_t>(axis.substr(colon + 1)))));
    }
    return made.tables(2, all);
  }

  static void option(Flat& options, std::string_view text) {
    const size_t colon = text.find(':'), equals = text.find('=');
    const auto field = static_cast<int>(parse_int(text.substr(0, colon)).value());
    const std::string_view type = text.substr(colon + 1, equals - colon - 1);
    const std::string_view value = text.substr(equals + 1);
    if (type == "i8") options.number(field, list_of<int8_t>(value)[0]);
    else if (type == "i32") options.number(field, list_of<int32_t>(value)[0]);
    else if (type == "f32") options.number(field, list_of<float>(value)[0]);
    else if (type == "f32s") options.numbers(field, list_of<float>(value));
    else options.numbers(field, list_of<int32_t>(value));
  }

  std::vector<Flat> graphs_, tensors_, operators_, codes_, buffers_{Flat()};
  std::vector<int32_t> inputs_, outputs_;
  std::map<std::string, int32_t, std::less<>> indices_;
};

}  // namespace

ModelCase model_case(std::string_view given) {
  ModelCase made;
  Writer writer;
  for (const std::string_view line : split(given, '\n')) {
    const Words words = words_of(line);
    if (words.empty()) continue;
    if (words.front() == "@reference") {
      made.reference_rounding = true;
      continue;
    }
    if (words.front() != "@in") {
      writer.line(words);
      continue;
    }
    for (size_t i = 2; i < words.size(); ++i)
      made.inputs[std::string(words.at(1))].push_back(parse_double(words[i]).value());
  }
  made.file = writer.file();
  return made;
}

Imported import_case(const ModelCase& model) {
  const auto copy = std::make_shared<const std::string>(model.file);
  ImportOptions options;
  options.reference_rounding = model.reference_rounding;
  return tflite::import_model({std::as_bytes(std::span(*copy)), copy, "net.tflite"}, options);
}

std::string values_of(const ModelCase& model) {
  const Imported imported = import_case(model);
  std::vector<Tensor> inputs;
  for (const Value* input : imported.graph->inputs()) {
    const std::vector<double>& numbers = model.inputs.at(input->name);
    const TensorType& type = input->type.tensor();
    std::vector<int64_t> shape;
    int64_t known = 1;
    for (const Dim& dim : type.shape()) shape.push_back(dim.constant().value_or(-1));
    for (const int64_t size : shape) known *= size < 0 ? 1 : size;
    for (int64_t& size : shape)
      if (size < 0) size = static_cast<int64_t>(numbers.size()) / known;
    Tensor tensor(type.dtype, shape);
    check(tensor.count() == static_cast<int64_t>(numbers.size()), Code::usage, "@in ", input->name,
          " has ", numbers.size(), " numbers, wanted ", tensor.count());
    for (size_t i = 0; i < numbers.size(); ++i)
      tensor.set_number(static_cast<int64_t>(i), numbers[i]);
    inputs.push_back(std::move(tensor));
  }
  return values_of(*imported.graph, inputs);
}

}  // namespace hone::test
