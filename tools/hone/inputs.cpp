#include "inputs.hpp"

#include <algorithm>
#include <random>

#include "base/error.hpp"
#include "base/file.hpp"
#include "base/hash.hpp"
#include "base/log.hpp"
#include "base/size.hpp"
#include "files/npy.hpp"
#include "ir/evaluation/evaluation.hpp"

namespace hone::cli {

void InputOptions::declare(Arguments& arguments) {
  arguments.option("-i,--input", inputs, "[NAME=]SOURCE",
                   "FILE.npy, FILE.npz, an image, random, zeros or text:a,b (repeatable)");
  arguments.option("--resize", picture.resize, "N|WxH",
                   "Resize images: the shorter side to N, or to width and height");
  arguments.option("--crop", picture.crop, "N|WxH", "Then take the middle of images");
  arguments.option("--mean", picture.mean, "M[,M,M]", "Subtracted from pixels of 0 to 255; 0");
  arguments.option("--scale", picture.scale, "S[,S,S]",
                   "Then multiplied, such as 1/255, the default where inputs are floats");
  arguments.option("--channels", picture.channels, "rgb|bgr", "Order of channels; rgb");
  arguments.option("--layout", layouts, "[NAME=]nchw|nhwc",
                   "The array is a picture, or several, in this order (repeatable)");
  arguments.option("--seed", seed, "SEED", "Of random inputs");
}

namespace {

Tensor to_tensor(Array array) {
  if (array.dtype == DType::string)
    return Tensor::of_strings(std::move(array.shape), std::move(array.strings));
  const auto owner = std::make_shared<Array>(std::move(array));
  return Tensor::borrow(owner->dtype, owner->shape, owner->data, owner);
}

/// NumPy has no types of its own for these.
std::optional<DType> void_type(DType wanted) {
  const bool is_void = is_float(wanted) && wanted != DType::f64 && wanted != DType::f32 &&
                       wanted != DType::f16 && wanted != DType::f4e2m1;
  return is_void ? std::optional(wanted) : std::nullopt;
}

/// An array of type `found` can be had as `wanted`: i4, i2, u4 and u2 come as i8 and u8.
bool holds(DType wanted, DType found) {
  if (found == wanted) return true;
  return is_integer(wanted) && bits(wanted) < 8 &&
         found == (is_signed(wanted) ? DType::i8 : DType::u8);
}

Tensor packed_as(DType wanted, Tensor tensor) {
  if (tensor.dtype() == wanted || !holds(wanted, tensor.dtype())) return tensor;
  Tensor packed(wanted, tensor.shape());
  for (int64_t i = 0; i < tensor.count(); ++i) packed.set_integer(i, tensor.integer(i));
  return packed;
}

class InputReader {
 public:
  InputReader(const Graph& graph, const ModelOptions& model, const InputOptions& options,
              const Defaults* defaults)
      : graph_(graph),
        model_(model),
        options_(options),
        defaults_(defaults),
        shapes_(model.input_shapes(graph, defaults)) {}

  NamedTensors read() {
    for (const std::string& given : options_.layouts) {
      const auto [name, layout] = split_name(graph_, given, "--layout", defaults_);
      layouts_[name] = layout;
    }
    for (const auto& [name, shape] : shapes_) bind(type(name), shape, symbols_);
    for (const std::string& given : options_.inputs) read_source(given);
    for (const auto& [name, kind] : made_) make(name, kind);
    std::vector<std::string> missing;
    for (const std::string& name : wanted_inputs(graph_, defaults_)) {
      const bool given = std::any_of(found_.begin(), found_.end(),
                                     [&](const auto& each) { return each.first == name; });
      if (!given) missing.push_back(cat("\"", name, "\" (", graph_.find(name)->type, ")"));
    }
    check(missing.empty(), Code::usage, missing.size() == 1 ? "input " : "inputs ",
          join(missing, ", "), missing.size() == 1 ? " is" : " are", " missing (",
          model_.file_name(), "): add --input NAME=FILE, NAME=random or NAME=zeros");
    return std::move(found_);
  }

 private:
  const TensorType& type(const std::string& name) const {
    const Type& found = graph_.find(name)->type;
    check(found.is_tensor(), Code::unsupported, "input \"", name, "\" is ", found,
          ": only tensors can be given");
    return found.tensor();
  }

  void read_source(const std::string& given) {
    const std::filesystem::path whole(given);
    if (whole.extension() == ".npz" && given.find('=') == std::string::npos &&
        wanted_inputs(graph_, defaults_).size() != 1) {
      const NpzFile npz(whole);
      for (size_t i = 0; i < npz.size(); ++i) {
        const std::string name = npz.name(i);
        check(graph_.find(name) != nullptr && graph_.find(name)->is_input(), Code::usage, given,
              " holds \"", name, "\", which is no input of ", model_.file_name());
        check(given_.insert(name).second, Code::usage, "input \"", name, "\" is given twice");
        take(name, read_array(npz, i, name, given), given);
      }
      return;
    }
    const auto [name, source] = split_name(graph_, given, "--input", defaults_);
    check(given_.insert(name).second, Code::usage, "input \"", name, "\" is given twice");
    if (const Type& wanted = graph_.find(name)->type; !wanted.is_tensor())
      return add(name, read_contents(name, wanted, source));
    check(source != "-", Code::usage, "--input ", given,
          ": hone does not read standard input; wanted a file");
    if (source == "random" || source == "zeros") {
      made_.emplace_back(name, source);
      return;
    }
    if (source.starts_with("text:")) return take(name, words(name, source.substr(5)), source);
    take(name, read_file(name, source), source);
  }

  /// The strings between commas; where one size is open, it is what makes their number right.
  Tensor words(const std::string& name, const std::string& text) {
    const TensorType& wanted = type(name);
    check(wanted.dtype == DType::string, Code::usage, "input \"", name, "\" is ", wanted,
          ": text: gives strings");
    std::vector<std::string> strings;
    for (const std::string_view word : split(text, ',')) strings.emplace_back(word);
    const auto count = static_cast<int64_t>(strings.size());
    std::vector<int64_t> shape{count};
    if (const auto given = shapes_.find(name); given != shapes_.end()) shape = given->second;
    else if (wanted.has_rank()) shape = shape_for(name, wanted, count);
    check(try_element_count(shape) == count, Code::usage, "input \"", name, "\": text: gives ",
          count, " strings, wanted as many as ", shape_text(shape), " has");
    return Tensor::of_strings(std::move(shape), std::move(strings));
  }

  /// Sizes that are open are 1, but for the first, which makes the number of elements right.
  std::vector<int64_t> shape_for(const std::string& name, const TensorType& wanted,
                                 int64_t count) const {
    std::vector<int64_t> shape;
    int64_t others = 1;
    std::optional<size_t> open;
    for (const Dim& dim : wanted.shape()) {
      const auto size = dim.evaluate(symbols_);
      if (!size && !open) open = shape.size();
      shape.push_back(size.value_or(1));
      if (open != shape.size() - 1) others = checked_mul(others, shape.back());
    }
    check(!open || (others > 0 && count % others == 0), Code::usage, "input \"", name, "\" is ",
          wanted, ": text: gives ", count, " strings, wanted a multiple of ", others);
    if (open) shape[*open] = count / others;
    return shape;
  }

  /// Of a sequence: the arrays of an .npz file in their order; of an optional: what it holds, or
  /// "nothing".
  Tensor read_contents(const std::string& name, const Type& wanted, const std::string& source) {
    const std::filesystem::path path(source);
    if (wanted.kind() == Type::Kind::optional) {
      if (source == "nothing") return Tensor::nothing();
      if (wanted.element().is_tensor()) return to_tensor(read_npy(path));
      return read_contents(name, wanted.element(), source);
    }
    check(path.extension() == ".npz", Code::usage, "input \"", name, "\" is ", wanted,
          ": give an .npz file, whose arrays are the elements");
    const DType dtype = wanted.element().tensor().dtype;
    std::vector<Tensor> elements;
    const NpzFile npz(path);
    for (size_t i = 0; i < npz.size(); ++i) {
      const ArrayHeader header = npz.header(i, void_type(dtype));
      if (!holds(dtype, header.dtype))
        fail(Code::usage, "input \"", name, "\": ", source, " holds \"", npz.name(i), "\" of ",
             header.dtype, shape_text(header.shape), ", wanted ", wanted);
      elements.push_back(packed_as(dtype, to_tensor(npz.read(i, void_type(dtype)))));
    }
    return Tensor::sequence(dtype, std::move(elements));
  }

  Tensor read_file(const std::string& name, const std::string& source) const {
    const std::filesystem::path path(source);
    const DType wanted = type(name).dtype;
    const bool is_array = path.extension() == ".npy" || path.extension() == ".npz";
    if (!is_array) {
      const auto file = MappedFile::open(path);
      check(is_image(file->bytes()), Code::usage, "--input ", source,
            " is no .npy, .npz, JPEG or PNG file, nor \"random\", \"zeros\" or \"text:...\"");
      return picture_tensor(decode_image(file->bytes(), path.filename().string()), type(name),
                            symbols_, options_.picture, name);
    }
    if (path.extension() == ".npy") return to_tensor(read_npy(path, void_type(wanted)));
    const NpzFile npz(path);
    const auto found = npz.size() == 1 ? std::optional<size_t>(0) : npz.find(name);
    if (found) return read_array(npz, *found, name, source);
    constexpr size_t kListed = 8;
    std::vector<std::string> names;
    for (size_t i = 0; i < std::min(npz.size(), kListed); ++i) names.push_back(npz.name(i));
    fail(Code::usage, source, " holds no array \"", name, "\"; it holds ", join(names, ", "),
         npz.size() > kListed ? cat(" and ", npz.size() - kListed, " more") : std::string());
  }

  /// An array that fits input `name`: what does not is not unpacked.
  Tensor read_array(const NpzFile& npz, size_t i, const std::string& name,
                    const std::string& source) const {
    const TensorType& wanted = type(name);
    const ArrayHeader header = npz.header(i, void_type(wanted.dtype));
    const auto sizes = wanted.concrete();
    Bindings tried = symbols_;
    const bool is_picture = layouts_.contains(name);
    const bool fits = is_picture
                          ? !sizes || element_count(*sizes) == element_count(header.shape)
                          : holds(wanted.dtype, header.dtype) && bind(wanted, header.shape, tried);
    if (!fits) fail_misfit(name, header.dtype, header.shape, source);
    return to_tensor(npz.read(i, void_type(wanted.dtype)));
  }

  [[noreturn]] void fail_misfit(const std::string& name, DType dtype,
                                const std::vector<int64_t>& shape,
                                const std::string& source) const {
    const TensorType& wanted = type(name);
    fail(Code::usage, "input \"", name, "\": ", std::filesystem::path(source).filename().string(),
         " holds ", dtype, shape_text(shape), ", wanted ", wanted, " (", model_.file_name(), ")",
         bound_text(wanted), advice(name, wanted, dtype, shape), sizes_advice(name, dtype, shape));
  }

  void take(const std::string& name, Tensor tensor, const std::string& source) {
    const TensorType& wanted = type(name);
    tensor = packed_as(wanted.dtype, std::move(tensor));
    const auto layout = layouts_.find(name);
    const bool is_array = source.ends_with(".npy") || source.ends_with(".npz");
    if (layout != layouts_.end() && is_array)
      tensor = arranged(tensor, layout->second, wanted, options_.picture, name);
    Bindings tried = symbols_;
    if (tensor.dtype() != wanted.dtype || !bind(wanted, tensor.shape(), tried))
      fail_misfit(name, tensor.dtype(), tensor.shape(), source);
    symbols_ = std::move(tried);
    add(name, std::move(tensor));
  }

  /// ", n is 2 by another input".
  std::string bound_text(const TensorType& wanted) const {
    std::set<std::string, std::less<>> names;
    collect_symbols(Type(wanted), names);
    std::string text;
    for (const std::string& name : names)
      if (const auto found = symbols_.find(name); found != symbols_.end())
        text += cat(", where ", name, " is ", found->second, " by another input");
    return text;
  }

  static std::string advice(const std::string& name, const TensorType& wanted, DType dtype,
                            const std::vector<int64_t>& shape) {
    if (dtype == DType::f64 && wanted.dtype == DType::f32)
      return ". NumPy's .astype(numpy.float32) makes it so";
    if (!wanted.has_rank() || wanted.rank() != 4) return "";
    const size_t rank = shape.size();
    const auto channels = wanted.shape()[1].constant();
    const bool channels_last =
        (rank == 3 || rank == 4) && channels && *channels <= 4 && shape[rank - 1] == *channels;
    if (channels_last)
      return cat(". If it is an image in height-width-channel order, add --layout ", name, "=nhwc");
    if (rank == 3 && channels && shape[0] == *channels)
      return cat(". If it is one image without the first dimension, add --layout ", name, "=nchw");
    return "";
  }

  /// Inputs of some formats have the sizes of an example, and others where --shape says so.
  std::string sizes_advice(const std::string& name, DType dtype,
                           const std::vector<int64_t>& shape) const {
    const TensorType& wanted = type(name);
    const auto stated = wanted.concrete();
    if (dtype != wanted.dtype || !stated || stated->size() != shape.size()) return "";
    if (!model_.takes_sizes()) return "";
    return cat(". The sizes are those that the file states: --shape ", name, "=", join(shape, "x"),
               " imports it for these");
  }

  void add(const std::string& name, Tensor tensor) { found_.emplace_back(name, std::move(tensor)); }

  std::vector<int64_t> made_shape(const std::string& name) {
    if (const auto given = shapes_.find(name); given != shapes_.end()) return given->second;
    const TensorType& wanted = type(name);
    check(wanted.has_rank(), Code::usage, "input \"", name, "\" is ", wanted,
          ": say its sizes with --shape ", name, "=1x3x224x224");
    std::vector<int64_t> shape;
    for (const Dim& dim : wanted.shape()) {
      const auto symbol = dim.as_symbol();
      if (shape.empty() && symbol && !symbols_.contains(*symbol)) {
        log(Level::note, "input \"", name, "\" is ", wanted, ": ", *symbol, " is taken to be ",
            options_.first_size);
        symbols_[std::string(*symbol)] = options_.first_size;
      }
      const auto size = dim.evaluate(symbols_);
      check(size && *size >= 0, Code::usage, "input \"", name, "\" is ", wanted, ": the size ", dim,
            " is open; give --shape ", name, "=... (", model_.file_name(), ")");
      shape.push_back(*size);
    }
    return shape;
  }

  void make(const std::string& name, const std::string& kind) {
    const std::vector<int64_t> shape = made_shape(name);
    const TensorType& wanted = type(name);
    check(wanted.dtype != DType::string, Code::unsupported, "input \"", name,
          "\" is of strings, there are no ", kind, " ones: give text:a,b or a .npy file of text");
    Tensor tensor(wanted.dtype, shape);
    bind(wanted, shape, symbols_);
    if (kind == "random") fill(name, tensor);
    add(name, std::move(tensor));
  }

  void fill(const std::string& name, Tensor& tensor) const {
    const Hash hash = hash_text(name);
    std::mt19937_64 random(hash.low ^ (options_.seed * 0x9e3779b97f4a7c15u));
    if (is_float(tensor.dtype())) {
      std::normal_distribution<double> normal;
      for (int64_t i = 0; i < tensor.count(); ++i) tensor.set_number(i, normal(random));
    } else {
      for (int64_t i = 0; i < tensor.count(); ++i)
        tensor.set_integer(i, static_cast<int64_t>(random() >> 63));
    }
  }

  const Graph& graph_;
  const ModelOptions& model_;
  const InputOptions& options_;
  const Defaults* defaults_;  // null: every input is wanted
  Shapes shapes_;
  Bindings symbols_;
  std::map<std::string, std::string, std::less<>> layouts_;
  std::vector<std::pair<std::string, std::string>> made_;
  std::set<std::string, std::less<>> given_;
  NamedTensors found_;
};

}  // namespace

NamedTensors read_inputs(const Graph& graph, const ModelOptions& model, const InputOptions& options,
                         const Defaults* defaults) {
  return InputReader(graph, model, options, defaults).read();
}

NamedTensors inputs_or_random(const Engine& engine, const ModelOptions& model,
                              InputOptions options) {
  const Defaults* defaults = engine.defaults().get();
  if (options.inputs.empty())
    for (const std::string& name : wanted_inputs(engine.stated(), defaults))
      options.inputs.push_back(name + "=random");
  return read_inputs(engine.stated(), model, options, defaults);
}

std::string sizes_text(const NamedTensors& inputs) {
  std::vector<std::string> texts;
  for (const auto& [name, tensor] : inputs) {
    std::string text = tensor.is_tensor() ? cat(join(tensor.shape(), "x")) : describe(tensor);
    if (text.empty()) text = "scalar";
    texts.push_back(cat(name, "=", text));
  }
  return join(texts, " ");
}

}  // namespace hone::cli
