#include "import/tensorflow/graph_case.hpp"

#include <algorithm>
#include <map>

#include "base/text.hpp"
#include "import/onnx_writer.hpp"
#include "import/tensorflow/reader.hpp"
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

/// DataType by our names; quantized types by a q in front.
const std::map<std::string_view, int64_t> kTypes = {
    {"f32", 1},   {"f64", 2},  {"i32", 3},  {"u8", 4},        {"i16", 5},  {"i8", 6},
    {"str", 7},   {"c64", 8},  {"i64", 9},  {"bool", 10},     {"qi8", 11}, {"qu8", 12},
    {"bf16", 14}, {"u16", 17}, {"f16", 19}, {"resource", 20}, {"u32", 22}, {"u64", 23}};
const std::map<std::string_view, int64_t> kLongNames = {
    {"DT_FLOAT", 1},     {"DT_DOUBLE", 2},  {"DT_INT32", 3},     {"DT_UINT8", 4},
    {"DT_INT8", 6},      {"DT_STRING", 7},  {"DT_INT64", 9},     {"DT_BOOL", 10},
    {"DT_QINT8", 11},    {"DT_QUINT8", 12}, {"DT_COMPLEX64", 8}, {"DT_HALF", 19},
    {"DT_RESOURCE", 20}, {"DT_VARIANT", 21}};

/// Complex numbers are written as pairs.
DType dtype_of(std::string_view name) {
  if (name == "c64") return DType::f32;
  if (name.starts_with('q')) name = name.substr(1);
  return parse_dtype(name).value();
}

std::vector<int64_t> list_of(std::string_view text) {  // "[2,3]", "<2,-1>"
  std::vector<int64_t> list;
  for (const std::string_view item : split(text.substr(1, text.size() - 2), ','))
    if (!item.empty()) list.push_back(parse_int(item).value());
  return list;
}

Tensor tensor_of(DType type, const Words& words, size_t first) {
  Tensor tensor(type, list_of(words.at(first)));
  const size_t numbers = words.size() - first - 1;
  check(numbers == 1 || numbers == static_cast<size_t>(tensor.count()), Code::usage, words[1],
        " has ", uint64_t{numbers}, " numbers, wanted ", tensor.count());
  for (int64_t i = 0; i < tensor.count(); ++i)
    tensor.set_number(
        i, parse_double(words[first + 1 + (numbers == 1 ? 0 : static_cast<size_t>(i))]).value());
  return tensor;
}

Proto shape_of(const std::vector<int64_t>& dims) {
  Proto shape;
  for (const int64_t dim : dims) shape.message(2, Proto().number(1, dim));
  return shape;
}

std::string_view bytes_of(const Tensor& tensor) {
  return {reinterpret_cast<const char*>(tensor.bytes().data()), tensor.bytes().size()};
}

/// TensorProto: one number in the field of its type, several as bytes.
Proto stored(std::string_view type, const Tensor& tensor, bool is_one) {
  Proto proto;
  proto.number(1, kTypes.at(type)).message(2, shape_of(tensor.shape()));
  if (tensor.count() == 0) return proto;
  if (!is_one) return proto.bytes(4, bytes_of(tensor));
  if (type == "f32") return proto.real(5, static_cast<float>(tensor.number(0)));
  if (type == "f64" || type == "f16" || type == "bf16") return proto.bytes(4, bytes_of(tensor));
  const bool is_long = type == "i64";
  return proto.number(type == "bool" ? 11 : is_long ? 10 : 7, tensor.integer(0));
}

Proto list_value(std::string_view text) {
  Proto list;
  for (const std::string_view item : split(text.substr(1, text.size() - 2), ',')) {
    if (item.empty()) continue;
    if (const auto type = kLongNames.find(item); type != kLongNames.end())
      list.number(6, type->second);
    else if (const auto number = parse_int(item)) list.number(3, *number);
    else if (const auto real = parse_float(item)) list.real(4, *real);
    else list.bytes(2, item);
  }
  return list;
}

/// "$1=0,2;4=1": a message of numbers by field, as text.
Proto numbers_value(std::string_view text) {
  Proto message;
  for (const std::string_view field : split(text.substr(1), ';')) {
    if (field.empty()) continue;
    const size_t equal = field.find('=');
    const auto number = static_cast<uint32_t>(parse_int(field.substr(0, equal)).value());
    for (const std::string_view item : split(field.substr(equal + 1), ','))
      message.number(number, parse_int(item).value());
  }
  return Proto().bytes(2, message.data());
}

/// AttrValue
Proto value_of(std::string_view text) {
  if (text.starts_with('$')) return numbers_value(text);
  if (const auto type = kLongNames.find(text); type != kLongNames.end())
    return Proto().number(6, type->second);
  if (text.starts_with('@')) return Proto().message(10, Proto().bytes(1, text.substr(1)));
  if (text.starts_with('[')) return Proto().message(1, list_value(text));
  if (text.starts_with('<')) return Proto().message(7, shape_of(list_of(text)));
  if (text == "true" || text == "false") return Proto().number(5, text == "true");
  if (const auto number = parse_int(text)) return Proto().number(3, *number);
  if (const auto real = parse_float(text)) return Proto().real(4, *real);
  return Proto().bytes(2, text);
}

Proto attribute(std::string_view name, const Proto& value) {
  return Proto().bytes(1, name).message(2, value);
}

class Writer {
 public:
  void line(std::string_view text) {
    const Words words = words_of(text);
    if (words[0] == "function") return begin_function(text);
    if (words[0] == "end") return end_function();
    Proto node;
    if (words[0] == "Const") node = constant(words);
    else if (words[0] == "Strings") node = strings(words);
    else if (words[0] == "Placeholder") node = placeholder(words);
    else node = operation(text);
    if (in_function_) function_.message(3, node);
    else graph_.message(1, node);
  }

  std::string file() {
    Proto made = graph_;
    if (!library_.data().empty()) made.message(2, library_);
    return made.message(4, Proto().number(1, 1087)).data();
  }
  /// "@signature serving_default x=serve_x:0 -> y=call:0"
  void signature(const Words& words) {
    Proto made;
    uint32_t side = 1;
    for (size_t i = 2; i < words.size(); ++i) {
      if (words[i] == "->") {
        side = 2;
        continue;
      }
      const size_t equal = words[i].find('=');
      const std::string node(words[i].substr(equal + 1, words[i].find(':') - equal - 1));
      Proto info;
      info.bytes(1, words[i].substr(equal + 1)).number(2, types_[node]);
      if (const auto shape = shapes_.find(node); shape != shapes_.end())
        info.message(3, shape_of(shape->second));
      if (const auto type = inputs_.find(node); side == 1 && type != inputs_.end())
        names_[std::string(words[i].substr(0, equal))] = type->second;
      made.message(side, Proto().bytes(1, words[i].substr(0, equal)).message(2, info));
    }
    signatures_.message(5, Proto().bytes(1, words.at(1)).message(2, made));
  }
  void restore(std::string_view node) { signatures_.message(3, Proto().bytes(3, node)); }

  std::string saved() {
    const Proto info = Proto().bytes(4, "serve").bytes(5, "2.21.0");
    const Proto meta = Proto().message(1, info).bytes(2, file());
    return Proto().number(1, 1).bytes(2, meta.data() + signatures_.data()).data();
  }
  DType type_of_input(std::string_view name) const {
    const auto named = names_.find(std::string(name));
    return named != names_.end() ? named->second : inputs_.at(std::string(name));
  }

 private:
  static Proto constant(const Words& words) {
    const Tensor tensor = tensor_of(dtype_of(words.at(2)), words, 3);
    const bool is_one = words.size() == 5;
    return Proto()
        .bytes(1, words[1])
        .bytes(2, "Const")
        .message(5, attribute("value", Proto().message(8, stored(words[2], tensor, is_one))));
  }

  static Proto strings(const Words& words) {
    Proto tensor;
    const auto texts = split(words.at(2), ',');
    tensor.number(1, 7).message(2, shape_of({static_cast<int64_t>(texts.size())}));
    for (const std::string_view text : texts) tensor.bytes(8, text);
    return Proto()
        .bytes(1, words[1])
        .bytes(2, "Const")
        .message(5, attribute("value", Proto().message(8, tensor)));
  }

  Proto placeholder(const Words& words) {
    Proto node;
    node.bytes(1, words.at(1)).bytes(2, "Placeholder");
    node.message(5, attribute("dtype", Proto().number(6, kTypes.at(words.at(2)))));
    types_[std::string(words[1])] = kTypes.at(words[2]);
    if (words[2] != "str") inputs_.emplace(std::string(words[1]), dtype_of(words[2]));
    if (words.at(3) != "*") shapes_[std::string(words[1])] = list_of(words[3]);
    if (words[3] != "*")
      node.message(5, attribute("shape", Proto().message(7, shape_of(list_of(words[3])))));
    return node;
  }

  static Proto operation(std::string_view text) {
    const size_t space = text.find(' '), open = text.find('('), close = text.find(')');
    Proto node;
    node.bytes(1, text.substr(space + 1, open - space - 1)).bytes(2, text.substr(0, space));
    for (std::string_view input : split(text.substr(open + 1, close - open - 1), ','))
      if (!(input = trim(input)).empty()) node.bytes(3, input);
    for (const std::string_view word : words_of(text.substr(close + 1))) {
      const size_t equal = word.find('=');
      node.message(5, attribute(word.substr(0, equal), value_of(word.substr(equal + 1))));
    }
    return node;
  }

  /// "function f(a f32, b i32) -> (y=node:port:0)"
  void begin_function(std::string_view text) {
    in_function_ = true;
    function_ = Proto();
    const size_t open = text.find('('), close = text.find(')');
    const size_t second = text.find('(', close), last = text.find(')', second);
    Proto signature;
    signature.bytes(1, text.substr(9, open - 9));
    for (const std::string_view input : split(text.substr(open + 1, close - open - 1), ',')) {
      const Words words = words_of(input);
      if (words.empty()) continue;
      signature.message(2, Proto().bytes(1, words[0]).number(3, kTypes.at(words.at(1))));
    }
    for (const std::string_view result : split(text.substr(second + 1, last - second - 1), ',')) {
      const size_t equal = result.find('=');
      signature.message(3, Proto().bytes(1, trim(result.substr(0, equal))));
      function_.message(
          4,
          Proto().bytes(1, trim(result.substr(0, equal))).bytes(2, trim(result.substr(equal + 1))));
    }
    function_.message(1, signature);
  }

  void end_function() {
    library_.message(1, function_);
    in_function_ = false;
  }

  Proto graph_, library_, function_;
  bool in_function_ = false;
  std::map<std::string, DType> inputs_, names_;  // by node, by the signature
  std::map<std::string, std::vector<int64_t>> shapes_;
  std::map<std::string, int64_t> types_;
  Proto signatures_;
};

void put_varint(std::string& out, uint64_t value) {
  for (; value >= 0x80; value >>= 7) out += static_cast<char>((value & 0x7f) | 0x80);
  out += static_cast<char>(value);
}

/// A block of a table, its trailer behind it; where it lies: [begin, size).
std::pair<size_t, size_t> put_block(std::string& out,
                                    const std::vector<std::pair<std::string, std::string>>& entries,
                                    bool packed) {
  std::string block;
  for (const auto& [key, value] : entries) {
    put_varint(block, 0), put_varint(block, key.size()), put_varint(block, value.size());
    block += key + value;
  }
  block += std::string("\0\0\0\0\1\0\0\0", 8);  // one restart, at 0
  if (packed) {
    std::string made;
    put_varint(made, block.size());
    for (size_t at = 0; at < block.size(); at += 60) {
      const std::string part = block.substr(at, 60);
      made += static_cast<char>((part.size() - 1) << 2);
      made += part;
    }
    block = made;
  }
  const size_t begin = out.size();
  out += block;
  out += packed ? '\1' : '\0';
  out += "crc!";
  return {begin, block.size()};
}

}  // namespace

std::string table_of(const std::vector<std::pair<std::string, std::string>>& entries, bool packed) {
  std::string out;
  const auto handle = [](const std::pair<size_t, size_t>& block) {
    std::string text;
    put_varint(text, block.first), put_varint(text, block.second);
    return text;
  };
  const auto data = put_block(out, entries, packed);
  const auto empty = put_block(out, {}, false);
  const auto index = put_block(out, {{"zzz", handle(data)}}, false);
  std::string footer = handle(empty) + handle(index);
  footer.resize(40);
  return out + footer + "\x57\xfb\x80\x8b\x24\x75\x47\xdb";
}

GraphCase graph_case(std::string_view given) {
  GraphCase made;
  Writer writer;
  std::vector<Words> inputs;
  std::vector<std::pair<std::string, std::string>> entries{{"", Proto().number(1, 1).data()}};
  const auto variable = [&](const Words& words) {
    const Tensor tensor = tensor_of(dtype_of(words.at(2)), words, 3);
    Proto entry;
    std::vector<int64_t> shape = tensor.shape();
    if (words[2] == "c64") shape.pop_back();
    entry.number(1, kTypes.at(words[2])).message(2, shape_of(shape));
    entry.number(4, static_cast<int64_t>(made.shard.size()));
    entry.number(5, static_cast<int64_t>(tensor.bytes().size()));
    made.shard += bytes_of(tensor);
    entries.emplace_back(words[1], entry.data());
  };
  for (const std::string_view line : split(given, '\n')) {
    const Words words = words_of(line);
    if (words.empty()) continue;
    if (words[0] == "@in") inputs.push_back(words);
    else if (words[0] == "@signature") writer.signature(words);
    else if (words[0] == "@restore") writer.restore(words.at(1));
    else if (words[0] == "@variable") variable(words);
    else if (words[0] == "@heads") made.heads.assign(words.begin() + 1, words.end());
    else if (!words[0].starts_with('@')) writer.line(line);
  }
  for (const Words& words : inputs)
    made.inputs.emplace_back(words.at(1), tensor_of(writer.type_of_input(words[1]), words, 2));
  made.file = writer.file();
  made.saved = writer.saved();
  std::sort(entries.begin(), entries.end());
  made.index = table_of(entries, false);
  return made;
}

Imported import_case(const GraphCase& graph, const ImportOptions& options) {
  const auto copy = std::make_shared<const std::string>(graph.file);
  ImportOptions own = options;
  own.outputs = graph.heads;
  return tensorflow::import_graph({std::as_bytes(std::span(*copy)), copy, "net.pb"}, own);
}

std::string values_of(const GraphCase& graph) {
  return values_of(*import_case(graph).graph, graph.inputs);
}

}  // namespace hone::test
