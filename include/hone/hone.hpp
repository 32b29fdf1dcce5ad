/// Hone's C++ interface: a trained network in, the fastest correct program for this machine out.
///
///   hone::Model model = hone::import("net.onnx");
///   hone::Engine engine = hone::build(model);
///   engine.save("net.hone");
///   hone::Context context(engine);
///   auto results = context.run({hone::Tensor::view("image", pixels, {1, 3, 224, 224})});
///   std::span<const float> probabilities = results.at("probs").data<float>();
///
/// Header-only over the C interface, so it fits any compiler's C++ library. Failures throw
/// hone::Error. Models and engines are immutable, cheap to copy and may be used by many threads; a
/// context has one owner at a time.
#pragma once

#include <algorithm>
#include <cstdint>
#include <exception>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "hone/hone.h"

namespace hone {
inline namespace v0 {  // symbols of their own: Hone's inside may be linked statically beside them

class Error : public std::exception {
 public:
  Error(hone_code code, std::string message) : code_(code), message_(std::move(message)) {}
  hone_code code() const { return code_; }
  const char* what() const noexcept override { return message_.c_str(); }

 private:
  hone_code code_;
  std::string message_;
};

namespace detail {
inline void check(hone_code code) {
  if (code != HONE_OK) throw Error(code, hone_message());
}
template <class T>
constexpr hone_dtype dtype_of() {
  using U = std::remove_cv_t<T>;
  if constexpr (std::is_same_v<U, float>) return HONE_F32;
  else if constexpr (std::is_same_v<U, double>) return HONE_F64;
  else if constexpr (std::is_same_v<U, int64_t>) return HONE_I64;
  else if constexpr (std::is_same_v<U, int32_t>) return HONE_I32;
  else if constexpr (std::is_same_v<U, int16_t>) return HONE_I16;
  else if constexpr (std::is_same_v<U, int8_t>) return HONE_I8;
  else if constexpr (std::is_same_v<U, uint64_t>) return HONE_U64;
  else if constexpr (std::is_same_v<U, uint32_t>) return HONE_U32;
  else if constexpr (std::is_same_v<U, uint16_t>) return HONE_U16;
  else if constexpr (std::is_same_v<U, uint8_t>) return HONE_U8;
  else {
    static_assert(std::is_same_v<U, bool>, "no tensor element is of this C++ type");
    return HONE_BOOL;
  }
}
}  // namespace detail

/// A named dense row-major tensor over memory of somebody else: the caller's, or a context's.
class Tensor {
 public:
  /// Over `count` elements of the caller's, read or written in place; they must outlive the run.
  template <class T>
  static Tensor view(std::string name, std::span<T> elements, std::vector<int64_t> shape) {
    return Tensor(std::move(name), detail::dtype_of<T>(), std::move(shape),
                  const_cast<std::remove_cv_t<T>*>(elements.data()), elements.size_bytes());
  }
  template <class T>
  static Tensor view(std::string name, const std::vector<T>& elements, std::vector<int64_t> shape) {
    return view(std::move(name), std::span<const T>(elements), std::move(shape));
  }
  template <class T>
  static Tensor view(std::string name, std::vector<T>& elements, std::vector<int64_t> shape) {
    return view(std::move(name), std::span<T>(elements), std::move(shape));
  }
  Tensor(std::string name, hone_dtype dtype, std::vector<int64_t> shape, void* data, size_t bytes)
      : name_(std::move(name)),
        dtype_(dtype),
        shape_(std::move(shape)),
        data_(data),
        bytes_(bytes) {}

  /// Over memory of the engine's device ("cuda:1": `device` is 1), aligned to elements. What was
  /// enqueued to write an input has run.
  static Tensor on_device(std::string name, hone_dtype dtype, std::vector<int64_t> shape,
                          void* data, size_t bytes, int device = 0) {
    Tensor made(std::move(name), dtype, std::move(shape), data, bytes);
    made.place_ = HONE_ON_DEVICE;
    made.device_ = device;
    return made;
  }

  /// A sequence of tensors of `dtype`.
  static Tensor sequence(std::string name, hone_dtype dtype, std::vector<Tensor> elements) {
    Tensor made(std::move(name), dtype, {}, nullptr, 0);
    made.kind_ = HONE_SEQUENCE;
    made.elements_ = std::move(elements);
    return made;
  }
  /// An optional that holds nothing.
  static Tensor nothing(std::string name) {
    Tensor made(std::move(name), HONE_F32, {}, nullptr, 0);
    made.kind_ = HONE_NOTHING;
    return made;
  }

  hone_kind kind() const { return kind_; }
  /// Of a sequence; else empty.
  const std::vector<Tensor>& elements() const { return elements_; }
  const std::string& name() const { return name_; }
  hone_dtype dtype() const { return dtype_; }
  const std::vector<int64_t>& shape() const { return shape_; }
  void* raw() const { return data_; }
  hone_place place() const { return place_; }
  int device() const { return device_; }
  size_t bytes() const { return bytes_; }
  /// The elements. Error(HONE_USAGE) when T is not the tensor's element type, or they lie on a
  /// device.
  template <class T>
  std::span<const T> data() const {
    if (place_ != HONE_HOST) throw Error(HONE_USAGE, "tensor \"" + name_ + "\" lies on a device");
    if (detail::dtype_of<T>() != dtype_)
      throw Error(HONE_USAGE, "tensor \"" + name_ + "\" holds " + hone_dtype_name(dtype_));
    return {static_cast<const T*>(data_), bytes_ / sizeof(T)};
  }

 private:
  std::string name_;
  hone_dtype dtype_;
  std::vector<int64_t> shape_;
  void* data_;
  size_t bytes_;
  hone_kind kind_ = HONE_TENSOR;
  std::vector<Tensor> elements_;
  hone_place place_ = HONE_HOST;
  int device_ = 0;
};

/// A run's results in the model's order; they live until the context's next run.
class Results : public std::vector<Tensor> {
 public:
  using std::vector<Tensor>::at;
  const Tensor& at(const std::string& name) const {
    for (const Tensor& tensor : *this)
      if (tensor.name() == name) return tensor;
    throw Error(HONE_USAGE, "there is no output \"" + name + "\"");
  }
};

struct ImportOptions {
  /// Fill weights whose external file is absent from this seed.
  std::optional<uint64_t> random_weights{};
  /// Weights may lie behind symbolic and hard links, wherever they lead; else only within a model
  /// hub's cache.
  bool follow_links = false;
  /// The other file of a net that is kept in two (Caffe, MXNet); empty: it is looked for beside the
  /// model.
  std::string weights{};
  /// Which of its signatures a SavedModel is read by; empty: the one to serve with, or the only
  /// one.
  std::string signature{};
  /// Nodes of a TensorFlow graph that give outputs, "node" or "node:1"; empty: those that no node
  /// reads.
  std::vector<std::string> results{};
  /// Sizes by input ("": of the only one), in place of those that the file states (Caffe, MXNet),
  /// or where it states none (TensorFlow, TorchScript).
  std::map<std::string, std::vector<int64_t>> shapes{};
  /// Values of parameters of TorchScript that are numbers and no tensors; they are no inputs then.
  std::map<std::string, double> numbers{};
  /// Integer operators of TFLite round as its reference kernels do, bit for bit, which is slower;
  /// else as those that its interpreter takes by default. So do floats beside weights of 8 bits,
  /// which are not rounded else.
  bool reference_rounding = false;
};

/// An imported network.
class Model {
 public:
  const hone_model* handle() const { return handle_.get(); }

 private:
  friend Model import(const std::string& path, const ImportOptions& options);
  explicit Model(hone_model* model) : handle_(model, hone_model_free) {}
  std::shared_ptr<hone_model> handle_;
};

/// Reads a model file; every problem in it is told at once.
inline Model import(const std::string& path, const ImportOptions& options = {}) {
  std::vector<const char*> results;
  for (const std::string& node : options.results) results.push_back(node.c_str());
  std::vector<hone_input_shape> shapes;
  for (const auto& [name, sizes] : options.shapes)
    shapes.push_back(
        {name.empty() ? nullptr : name.c_str(), sizes.data(), static_cast<int32_t>(sizes.size())});
  std::vector<hone_number> numbers;
  for (const auto& [name, value] : options.numbers) numbers.push_back({name.c_str(), value});
  hone_import_options made{};
  made.size = sizeof(made);
  made.random_weights = options.random_weights ? 1 : 0;
  made.seed = options.random_weights.value_or(0);
  made.follow_links = options.follow_links ? 1 : 0;
  made.weights = options.weights.empty() ? nullptr : options.weights.c_str();
  made.signature = options.signature.empty() ? nullptr : options.signature.c_str();
  made.results = results.data();
  made.result_count = results.size();
  made.shapes = shapes.data();
  made.shape_count = shapes.size();
  made.numbers = numbers.data();
  made.number_count = numbers.size();
  made.reference_rounding = options.reference_rounding ? 1 : 0;
  hone_model* model = nullptr;
  detail::check(hone_import(path.c_str(), &made, &model));
  return Model(model);
}

/// An input or output of an engine; a dimension of -1 is not a fixed number, `names` says what it
/// is.
struct Port {
  std::string name;
  hone_kind kind = HONE_TENSOR;  // HONE_SEQUENCE: the rest says what every element is
  bool optional = false;         // may be nothing
  hone_dtype dtype = HONE_F32;
  bool has_rank = false;
  std::vector<int64_t> dims;
  std::vector<std::string> names;
};

struct EngineOptions {
  int workers = 0;                            // threads per inference; 0: one per usable core
  std::string device{};                       // "cpu", "cuda", "cuda:1"; "": the processors
  hone_storage storage = HONE_STORAGE_MODEL;  // what f32 becomes inside, of build()
  bool fallback = true;                       // what the device has no kernel for runs on the host
  int streams = 1;  // branches of the network that may run beside each other on a GPU
  /// Of build(): what open sizes mostly are, "n=1,s=128"; see hone.h.
  std::string sizes{};
  bool trust = false;  // of load(): compiled code in the file runs whoever wrote it
};

namespace detail {
inline hone_engine_options to_c(const EngineOptions& options) {
  hone_engine_options made{};
  made.size = sizeof(made);
  made.workers = options.workers;
  made.device = options.device.empty() ? nullptr : options.device.c_str();
  made.storage = options.storage;
  made.no_fallback = options.fallback ? 0 : 1;
  made.streams = options.streams;
  made.sizes = options.sizes.empty() ? nullptr : options.sizes.c_str();
  made.trust = options.trust ? 1 : 0;
  return made;
}
}  // namespace detail

/// A network made ready for this machine.
class Engine {
 public:
  static Engine load(const std::string& path, const EngineOptions& options = {}) {
    const hone_engine_options made = detail::to_c(options);
    hone_engine* engine = nullptr;
    detail::check(hone_engine_load(path.c_str(), &made, &engine));
    return Engine(engine);
  }
  void save(const std::string& path) const {
    detail::check(hone_engine_save(handle_.get(), path.c_str()));
  }
  std::vector<Port> inputs() const {
    return ports(hone_engine_inputs(handle_.get()), hone_engine_input);
  }
  std::vector<Port> outputs() const {
    return ports(hone_engine_outputs(handle_.get()), hone_engine_output);
  }
  /// Inputs that have a value of their own; a run takes it where it is not given another.
  std::vector<Port> defaults() const {
    return ports(hone_engine_defaults(handle_.get()), hone_engine_default);
  }
  /// What is told of it: HONE_REPORT_EXPLANATION says of each step what it runs, and why.
  std::string report(hone_report what = HONE_REPORT_SUMMARY) const {
    char* text = nullptr;
    detail::check(hone_engine_report(handle_.get(), what, &text));
    const std::unique_ptr<char, void (*)(char*)> owned(text, hone_text_free);
    return owned.get();
  }
  const hone_engine* handle() const { return handle_.get(); }

 private:
  friend Engine build(const Model& model, const EngineOptions& options);
  explicit Engine(hone_engine* engine) : handle_(engine, hone_engine_free) {}
  std::vector<Port> ports(size_t count,
                          hone_code (*get)(const hone_engine*, size_t, hone_port*)) const {
    std::vector<Port> found;
    for (size_t i = 0; i < count; ++i) {
      hone_port port;
      detail::check(get(handle_.get(), i, &port));
      Port& made = found.emplace_back();
      made.name = port.name;
      made.kind = port.kind;
      made.optional = port.optional != 0;
      made.dtype = port.dtype;
      made.has_rank = port.rank >= 0;
      for (int32_t d = 0; d < port.rank; ++d) {
        made.dims.push_back(port.dims[d]);
        made.names.emplace_back(port.dim_names[d]);
      }
    }
    return found;
  }
  std::shared_ptr<hone_engine> handle_;
};

/// Optimizes and plans a model for this machine.
inline Engine build(const Model& model, const EngineOptions& options = {}) {
  const hone_engine_options made = detail::to_c(options);
  hone_engine* engine = nullptr;
  detail::check(hone_build(model.handle(), &made, &engine));
  return Engine(engine);
}

/// Runs an engine: one arena, one owner at a time.
class Context {
 public:
  explicit Context(const Engine& engine) : engine_(engine) {
    hone_context* context = nullptr;
    detail::check(hone_context_create(engine.handle(), &context));
    handle_.reset(context);
  }
  /// Runs once. Inputs are read in place. Results named in `outputs` are written to the memory
  /// given there, the others to memory of the context.
  Results run(const std::vector<Tensor>& inputs, const std::vector<Tensor>& outputs = {}) {
    std::vector<hone_tensor> given, wanted;
    std::list<std::vector<hone_tensor>> elements;
    for (const Tensor& tensor : inputs) given.push_back(to_c(tensor, elements));
    const std::vector<Port> ports = engine_.outputs();
    std::vector<bool> taken(outputs.size(), false);
    for (const Port& port : ports) {  // a model may name one value twice: then in order
      hone_tensor place{};
      place.name = port.name.c_str();
      size_t at = 0;
      while (at < outputs.size() && (taken[at] || outputs[at].name() != port.name)) ++at;
      if (at < outputs.size()) {
        place = to_c(outputs[at], elements);
        taken[at] = true;
      }
      wanted.push_back(place);
    }
    for (size_t i = 0; i < outputs.size(); ++i) {
      if (taken[i]) continue;
      const std::string& name = outputs[i].name();
      const auto named = [&](const Port& port) { return port.name == name; };
      const bool known = std::any_of(ports.begin(), ports.end(), named);
      throw Error(HONE_USAGE, known ? "output \"" + name + "\" is given two places"
                                    : "there is no output \"" + name + "\"");
    }
    detail::check(
        hone_run(handle_.get(), given.data(), given.size(), wanted.data(), wanted.size()));
    Results results;
    for (const hone_tensor& tensor : wanted) results.push_back(from_c(tensor, tensor.name));
    return results;
  }
  /// Working memory of the last run in bytes, weights not counted.
  int64_t arena_bytes() const { return hone_context_arena_bytes(handle_.get()); }

 private:
  /// `elements` keeps the arrays that the result points to.
  static hone_tensor to_c(const Tensor& tensor, std::list<std::vector<hone_tensor>>& elements) {
    std::vector<hone_tensor>& own = elements.emplace_back();
    for (const Tensor& element : tensor.elements()) own.push_back(to_c(element, elements));
    hone_tensor made{};
    made.name = tensor.name().c_str();
    made.dtype = tensor.dtype();
    made.rank = static_cast<int32_t>(tensor.shape().size());
    made.shape = tensor.shape().data();
    made.data = tensor.raw();
    made.bytes = tensor.bytes();
    made.kind = tensor.kind();
    made.elements = own.data();
    made.count = own.size();
    made.place = tensor.place();
    made.device = tensor.device();
    return made;
  }
  static Tensor from_c(const hone_tensor& tensor, const char* name) {
    if (tensor.kind == HONE_NOTHING) return Tensor::nothing(name);
    const std::vector<int64_t> shape(tensor.shape, tensor.shape + tensor.rank);
    if (tensor.place != HONE_HOST)
      return Tensor::on_device(name, tensor.dtype, shape, tensor.data, tensor.bytes, tensor.device);
    if (tensor.kind == HONE_TENSOR)
      return Tensor(name, tensor.dtype, shape, tensor.data, tensor.bytes);
    std::vector<Tensor> elements;
    for (size_t i = 0; i < tensor.count; ++i) elements.push_back(from_c(tensor.elements[i], ""));
    return Tensor::sequence(name, tensor.dtype, std::move(elements));
  }
  struct Free {
    void operator()(hone_context* context) const { hone_context_free(context); }
  };
  Engine engine_;
  std::unique_ptr<hone_context, Free> handle_;
};

inline std::string version() { return hone_version(); }

}  // namespace v0
}  // namespace hone
