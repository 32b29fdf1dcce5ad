#include "import/pytorch/script_case.hpp"

#include <map>

#include "base/text.hpp"
#include "import/pytorch/pickle_bytes.hpp"
#include "import/values.hpp"
#include "support/zip_bytes.hpp"

namespace hone::test {
namespace {

using Words = std::vector<std::string_view>;

Words words_of(std::string_view line) {
  Words words;
  for (const std::string_view word : split(line, ' '))
    if (!word.empty()) words.push_back(word);
  return words;
}

class ScriptWriter {
 public:
  void line(std::string_view line) {
    const Words words = words_of(line);
    if (words.empty()) return;
    if (!words[0].starts_with("@")) {
      (*code_ += cat(code_ == &network_ ? "  " : "", line)) += "\n";
    } else if (words[0] == "@attr") {
      attributes_.emplace_back(std::string(words[1]), Words(words.begin() + 1, words.end()));
    } else if (words[0] == "@module") {
      classes_[std::string(words[1])] = words[2];
    } else if (words[0] == "@const") {
      constants_.push_back(tensor_of(words, 1));
    } else if (words[0] == "@code") {
      code_ = &files_[std::string(words[1])];
    } else if (words[0] == "@in") {
      made_.inputs.emplace_back(words[1], tensor_of(words, 2));
    } else if (words[0] == "@number") {
      made_.options.numbers[std::string(words[1])] = parse_double(words[2]).value();
    } else if (words[0] == "@traced") {
      traced_ = true;
    }
  }

  ScriptCase made() {
    std::string pickle = "\x80\x02";
    put_object(pickle, "__torch__ Net", "");
    entries_.emplace_back("net/data.pkl", pickle + ".");
    std::string constants = "\x80\x02(";
    for (size_t i = 0; i < constants_.size(); ++i) {
      put_tensor(constants, constants_[i], cat(uint64_t{i}));
      entries_.emplace_back(cat("net/constants/", uint64_t{i}), bytes_of(constants_[i]));
    }
    entries_.emplace_back("net/constants.pkl", constants + "t.");
    entries_.emplace_back("net/code/__torch__.py", "class Net(Module):\n" + network_);
    for (const auto& [module, code] : files_) {
      std::string path = module;
      for (char& c : path)
        if (c == '.') c = '/';
      entries_.emplace_back(cat("net/code/", path, ".py"), code);
    }
    entries_.emplace_back("net/version", "3\n");
    if (traced_) put_traced();
    else
      for (const auto& [name, tensor] : made_.inputs) made_.options.shapes[name] = tensor.shape();
    made_.archive = zip_of(entries_);
    return std::move(made_);
  }

 private:
  /// An object of a class with the attributes whose names begin with `prefix`.
  void put_object(std::string& pickle, const std::string& type, const std::string& prefix) {
    pickle += cat("c", type, "\n");
    pickle[pickle.rfind(' ')] = '\n';
    pickle += ")\x81}(";
    for (const auto& [name, words] : attributes_) {
      if (!name.starts_with(prefix) || name.find('.', prefix.size()) != std::string::npos) continue;
      put_text(pickle, name.substr(prefix.size()));
      put_value(pickle, words);
    }
    for (const auto& [name, type_name] : classes_) {
      if (!name.starts_with(prefix) || name.find('.', prefix.size()) != std::string::npos) continue;
      put_text(pickle, name.substr(prefix.size()));
      const size_t dot = type_name.rfind('.');
      put_object(pickle, cat(type_name.substr(0, dot), " ", type_name.substr(dot + 1)), name + ".");
    }
    pickle += "ub";
  }

  void put_value(std::string& pickle, const Words& words) {
    const std::string_view type = words.at(1);
    if (type == "int") return put_number(pickle, parse_int(words.at(2)).value());
    if (type == "none") return void(pickle += 'N');
    if (type == "bool") return void(pickle += words.at(2) == "True" ? '\x88' : '\x89');
    if (type == "text") return put_text(pickle, words.at(2));
    if (type == "ints") {
      pickle += "ctorch.jit._pickle\nbuild_intlist\n](";
      for (size_t i = 2; i < words.size(); ++i) put_number(pickle, parse_int(words[i]).value());
      pickle += "e\x85R";
      return;
    }
    if (type == "quantized" || type == "channels") return put_quantized(pickle, words, 1);
    if (type == "packed_linear" || type == "packed_conv2d") return put_packed(pickle, words);
    put_stored(pickle, tensor_of(words, 1));
  }

  void put_stored(std::string& pickle, const Tensor& tensor) {
    put_tensor(pickle, tensor, cat(storages_));
    entries_.emplace_back(cat("net/data/", storages_++), bytes_of(tensor));
  }

  /// "quantized 0.25 0 i8[2] 1 2", "channels 0.25,0.5 0 i8[2] 1 2" (the axis).
  void put_quantized(std::string& pickle, const Words& words, size_t first) {
    const Tensor tensor = tensor_of(words, first + 3);
    put_tensor(pickle, tensor, cat(storages_), true);
    entries_.emplace_back(cat("net/data/", storages_++), bytes_of(tensor));
    pickle += "(ctorch\n";
    if (words.at(first) == "quantized") {
      pickle += "per_tensor_affine\n";
      put_real(pickle, parse_double(words.at(first + 1)).value());
    } else {
      pickle += "per_channel_affine\n";
      const auto scales = split(words.at(first + 1), ',');
      const auto count = static_cast<int64_t>(scales.size());
      Tensor all(DType::f64, {count});
      for (int64_t i = 0; i < count; ++i)
        all.set_number(i, parse_double(scales[static_cast<size_t>(i)]).value());
      put_stored(pickle, all);
      put_stored(pickle, Tensor(DType::i64, {count}));
    }
    put_number(pickle, parse_int(words.at(first + 2)).value());
    pickle += "t\x89NtR";
  }

  /// "packed_linear quantized 0.25 0 i8[1,2] 1 2": an object of a class of PyTorch's library.
  void put_packed(std::string& pickle, const Words& words) {
    const bool is_linear = words.at(1) == "packed_linear";
    pickle += cat("c__torch__.torch.classes.quantized\n", is_linear ? "Linear" : "Conv2d",
                  "PackedParamsBase\n)\x81(");
    if (!is_linear) {
      put_text(pickle, "2");
      pickle += "](";
      Tensor window(DType::i16, {11});  // axes, strides, padding, dilation, output padding, groups
      for (const int64_t i : {1, 2, 5, 6, 9}) window.set_integer(i, 1);
      window.set_integer(0, 2);
      put_stored(pickle, window);
    }
    put_quantized(pickle, words, 2);
    pickle += is_linear ? "Ntb" : "e](Netb";
  }

  void put_traced() {
    std::string pickle = "\x80\x02}(";
    put_text(pickle, "forward");
    pickle += "](";
    for (size_t i = 0; i < made_.inputs.size(); ++i)
      put_tensor(pickle, made_.inputs[i].second, cat(uint64_t{i}));
    entries_.emplace_back("net/traced_inputs.pkl", pickle + "eu.");
  }

  ScriptCase made_;
  std::string network_;
  std::string* code_ = &network_;
  std::map<std::string, std::string> files_, classes_;
  std::vector<std::pair<std::string, Words>> attributes_;
  std::vector<Tensor> constants_;
  std::vector<std::pair<std::string, std::string>> entries_;
  uint64_t storages_ = 0;
  bool traced_ = false;
};

}  // namespace

ScriptCase script_case(std::string_view given) {
  ScriptWriter writer;
  for (const std::string_view line : split(given, '\n')) writer.line(line);
  return writer.made();
}

std::string script_values_of(std::string_view given) {
  const ScriptCase program = script_case(given);
  const Imported imported = import_archive(program.archive, program.options);
  return values_of(*imported.graph, program.inputs);
}

}  // namespace hone::test
