// The C interface: the only place where exceptions become codes.

#include <algorithm>
#include <cstring>
#include <list>
#include <new>

#include "base/size.hpp"
#include "build/build.hpp"
#include "hone/hone.h"
#include "runtime/context.hpp"

static_assert(static_cast<int>(hone::DType::string) == HONE_STRING);
static_assert(static_cast<int>(hone::DType::i64) == HONE_I64);
static_assert(static_cast<int>(hone::DType::boolean) == HONE_BOOL);

struct hone_model {
  std::shared_ptr<const hone::Graph> graph;
};

namespace {

/// An input or output in C's terms; the strings and arrays a hone_port points to.
struct Port {
  std::string name;
  hone::DType dtype = hone::DType::f32;
  int32_t rank = -1;
  hone_kind kind = HONE_TENSOR;
  bool optional = false;
  std::vector<int64_t> dims;
  std::vector<std::string> texts;
  std::vector<const char*> pointers;
};

Port make_port(const std::string& name, const hone::Type& type) {
  Port port;
  port.name = name;
  const hone::Type* inner = &type;
  for (; !inner->is_tensor(); inner = &inner->element()) {
    if (inner->kind() == hone::Type::Kind::sequence) port.kind = HONE_SEQUENCE;
    else port.optional = true;
  }
  const hone::TensorType& tensor = inner->tensor();
  port.dtype = tensor.dtype;
  if (!tensor.has_rank()) return port;
  port.rank = tensor.rank();
  for (const hone::Dim& dim : tensor.shape()) {
    port.dims.push_back(dim.constant().value_or(-1));
    port.texts.push_back(hone::cat(dim));
  }
  for (const std::string& text : port.texts) port.pointers.push_back(text.c_str());
  return port;
}

}  // namespace

struct hone_engine {
  std::shared_ptr<const hone::Engine> engine;
  std::vector<Port> inputs, outputs;
};

struct hone_context {
  explicit hone_context(std::shared_ptr<const hone::Engine> engine) : context(std::move(engine)) {}
  hone::Context context;
  hone::NamedTensors results;
  std::list<std::vector<hone_tensor>> elements;  // of results that are sequences
};

namespace {

thread_local std::string last_message;

hone_code failed(hone_code code, std::string_view message) {
  try {
    last_message = message;
  } catch (...) {
    last_message.clear();
  }
  return code;
}

/// Runs `body`; what it throws becomes a code and this thread's message.
template <class Body>
hone_code guarded(Body body) {
  try {
    body();
    return HONE_OK;
  } catch (const hone::Error& error) {
    return failed(static_cast<hone_code>(error.code()), error.message());
  } catch (const std::bad_alloc&) {
    return failed(HONE_OUT_OF_MEMORY, "out of memory");
  } catch (const std::exception& error) {
    return failed(HONE_INTERNAL, error.what());
  }
}

template <class T>
void wanted(const T* pointer, const char* what) {
  hone::check(pointer != nullptr, hone::Code::usage, what, " is NULL");
}

hone::EngineOptions engine_options(const hone_engine_options* options) {
  hone::EngineOptions made;
  if (options == nullptr) return made;
  hone::check(options->size == sizeof(hone_engine_options), hone::Code::usage,
              "hone_engine_options.size is ", options->size, ", wanted ",
              sizeof(hone_engine_options));
  hone::check(options->workers >= 0, hone::Code::usage, "workers is ", options->workers,
              ", wanted 0 or more");
  made.workers = options->workers;
  return made;
}

hone_engine* make_engine(std::shared_ptr<const hone::Engine> engine) {
  auto made = std::make_unique<hone_engine>();
  for (const hone::Value* input : engine->graph().inputs())
    made->inputs.push_back(make_port(input->name, input->type));
  for (const hone::GraphOutput& output : engine->graph().outputs())
    made->outputs.push_back(make_port(output.name, output.value->type));
  // Moving a short string moves its characters: point to them where they have come to rest.
  for (auto* ports : {&made->inputs, &made->outputs})
    for (Port& port : *ports)
      for (size_t i = 0; i < port.texts.size(); ++i) port.pointers[i] = port.texts[i].c_str();
  made->engine = std::move(engine);
  return made.release();
}

hone_code give_port(const std::vector<Port>& ports, size_t index, hone_port* to) {
  return guarded([&] {
    wanted(to, "port");
    hone::check(index < ports.size(), hone::Code::usage, "port ", index, " of ", ports.size());
    const Port& port = ports[index];
    *to = {port.name.c_str(),
           static_cast<hone_dtype>(port.dtype),
           port.rank,
           port.dims.data(),
           port.pointers.data(),
           port.kind,
           port.optional ? 1 : 0};
  });
}

/// The caller's tensor, borrowed; `name`: for messages.
hone::Tensor borrow_dense(const hone_tensor& tensor, const char* name, bool write) {
  const auto type = static_cast<int>(tensor.dtype);
  hone::check(type >= 0 && type < static_cast<int>(hone::DType::string), hone::Code::usage,
              "tensor \"", name, "\" has dtype ", type);
  hone::check(tensor.rank >= 0 && (tensor.rank == 0 || tensor.shape != nullptr), hone::Code::usage,
              "tensor \"", name, "\" has rank ", tensor.rank, " and no shape");
  const auto dtype = static_cast<hone::DType>(type);
  std::vector<int64_t> shape(tensor.shape, tensor.shape + tensor.rank);
  for (const int64_t size : shape)
    hone::check(size >= 0, hone::Code::usage, "tensor \"", name, "\" has shape ",
                hone::shape_text(shape));
  const auto count = hone::try_element_count(shape);
  const auto bits = count ? hone::try_mul(*count, hone::bits(dtype)) : std::nullopt;
  hone::check(bits.has_value(), hone::Code::usage, "tensor \"", name, "\" has shape ",
              hone::shape_text(shape), ", more than can be counted");
  const size_t needed = hone::bytes_for(dtype, *count);
  hone::check(tensor.bytes >= needed && (tensor.data != nullptr || needed == 0), hone::Code::usage,
              "tensor \"", name, "\" has ", tensor.bytes, " bytes, ", dtype,
              hone::shape_text(shape), " wants ", needed);
  const std::span<std::byte> bytes(static_cast<std::byte*>(tensor.data), needed);
  if (write) return hone::Tensor::borrow_mutable(dtype, std::move(shape), bytes, nullptr);
  return hone::Tensor::borrow(dtype, std::move(shape), bytes, nullptr);
}

hone::Tensor borrow(const hone_tensor& tensor, bool write) {
  wanted(tensor.name, "the name of a tensor");
  if (tensor.kind == HONE_TENSOR) return borrow_dense(tensor, tensor.name, write);
  hone::check(!write, hone::Code::usage, "output \"", tensor.name,
              "\" is given a place that is no tensor");
  if (tensor.kind == HONE_NOTHING) return hone::Tensor::nothing();
  hone::check(tensor.kind == HONE_SEQUENCE, hone::Code::usage, "tensor \"", tensor.name,
              "\" is of kind ", static_cast<int>(tensor.kind));
  hone::check(tensor.elements != nullptr || tensor.count == 0, hone::Code::usage, "sequence \"",
              tensor.name, "\" has ", tensor.count, " elements at NULL");
  std::vector<hone::Tensor> elements;
  for (size_t i = 0; i < tensor.count; ++i) {
    hone::check(tensor.elements[i].kind == HONE_TENSOR && tensor.elements[i].dtype == tensor.dtype,
                hone::Code::usage, "element ", i, " of sequence \"", tensor.name,
                "\" is no tensor of the sequence's dtype");
    elements.push_back(borrow_dense(tensor.elements[i], tensor.name, false));
  }
  const auto type = static_cast<int>(tensor.dtype);
  hone::check(type >= 0 && type < hone::kDTypeCount, hone::Code::usage, "sequence \"", tensor.name,
              "\" has dtype ", type);
  return hone::Tensor::sequence(static_cast<hone::DType>(type), std::move(elements));
}

/// A result in C's terms; its elements are kept by the context.
void give(hone_context& context, const hone::Tensor& result, hone_tensor& to) {
  to.kind = result.is_sequence() ? HONE_SEQUENCE : result.is_nothing() ? HONE_NOTHING : HONE_TENSOR;
  to.dtype = static_cast<hone_dtype>(result.dtype());
  to.rank = result.rank();
  to.shape = result.shape().data();
  to.data = const_cast<std::byte*>(result.bytes().data());
  to.bytes = result.bytes().size();
  to.elements = nullptr;
  to.count = 0;
  if (!result.is_sequence()) return;
  std::vector<hone_tensor>& elements =
      context.elements.emplace_back(result.elements().size(), hone_tensor{});
  for (size_t i = 0; i < elements.size(); ++i) give(context, result.elements()[i], elements[i]);
  to.elements = elements.data();
  to.count = elements.size();
}

void run(hone_context& context, const hone_tensor* inputs, size_t input_count, hone_tensor* outputs,
         size_t output_count) {
  hone::NamedTensors given, places;
  for (size_t i = 0; i < input_count; ++i)
    given.emplace_back(inputs[i].name == nullptr ? "" : inputs[i].name, borrow(inputs[i], false));
  for (size_t i = 0; i < output_count; ++i) {
    wanted(outputs[i].name, "the name of an output");
    if (outputs[i].data != nullptr) places.emplace_back(outputs[i].name, borrow(outputs[i], true));
  }
  context.results = context.context.run(given, places);
  context.elements.clear();
  for (size_t i = 0; i < output_count; ++i) {
    const auto found =
        std::find_if(context.results.begin(), context.results.end(),
                     [&](const auto& result) { return result.first == outputs[i].name; });
    hone::check(found != context.results.end(), hone::Code::usage, "there is no output \"",
                outputs[i].name, "\"");
    if (outputs[i].data == nullptr) give(context, found->second, outputs[i]);
  }
}

}  // namespace

extern "C" {

const char* hone_message(void) { return last_message.c_str(); }

const char* hone_version(void) { return HONE_VERSION; }

const char* hone_code_name(hone_code code) {
  return code == HONE_OK ? "ok" : hone::name(static_cast<hone::Code>(code)).data();
}

const char* hone_dtype_name(hone_dtype dtype) {
  const auto type = static_cast<int>(dtype);
  if (type < 0 || type >= hone::kDTypeCount) return nullptr;
  return hone::name(static_cast<hone::DType>(type)).data();
}

size_t hone_dtype_bytes(hone_dtype dtype, int64_t count) {
  const auto type = static_cast<int>(dtype);
  if (type < 0 || type >= static_cast<int>(hone::DType::string) || count < 0) return 0;
  size_t bytes = 0;
  guarded([&] { bytes = hone::bytes_for(static_cast<hone::DType>(type), count); });
  return bytes;
}

hone_code hone_import(const char* path, const hone_import_options* options, hone_model** model) {
  return guarded([&] {
    wanted(path, "path");
    wanted(model, "model");
    hone::ImportOptions made;
    if (options != nullptr) {
      hone::check(options->size == sizeof(hone_import_options), hone::Code::usage,
                  "hone_import_options.size is ", options->size, ", wanted ",
                  sizeof(hone_import_options));
      if (options->random_weights != 0) made.random_weights = options->seed;
    }
    *model = new hone_model{hone::import_file(path, made).graph};
  });
}

void hone_model_free(hone_model* model) { delete model; }

hone_code hone_build(const hone_model* model, const hone_engine_options* options,
                     hone_engine** engine) {
  return guarded([&] {
    wanted(model, "model");
    wanted(engine, "engine");
    hone::BuildOptions made;
    made.engine = engine_options(options);
    *engine = make_engine(hone::build(model->graph->clone(), made));
  });
}

hone_code hone_engine_save(const hone_engine* engine, const char* path) {
  return guarded([&] {
    wanted(engine, "engine");
    wanted(path, "path");
    hone::save(*engine->engine, path);
  });
}

hone_code hone_engine_load(const char* path, const hone_engine_options* options,
                           hone_engine** engine) {
  return guarded([&] {
    wanted(path, "path");
    wanted(engine, "engine");
    *engine = make_engine(hone::load(path, {engine_options(options), true}));
  });
}

void hone_engine_free(hone_engine* engine) { delete engine; }

size_t hone_engine_inputs(const hone_engine* engine) {
  return engine == nullptr ? 0 : engine->inputs.size();
}

size_t hone_engine_outputs(const hone_engine* engine) {
  return engine == nullptr ? 0 : engine->outputs.size();
}

hone_code hone_engine_input(const hone_engine* engine, size_t index, hone_port* port) {
  if (engine == nullptr) return failed(HONE_USAGE, "engine is NULL");
  return give_port(engine->inputs, index, port);
}

hone_code hone_engine_output(const hone_engine* engine, size_t index, hone_port* port) {
  if (engine == nullptr) return failed(HONE_USAGE, "engine is NULL");
  return give_port(engine->outputs, index, port);
}

hone_code hone_context_create(const hone_engine* engine, hone_context** context) {
  return guarded([&] {
    wanted(engine, "engine");
    wanted(context, "context");
    *context = new hone_context(engine->engine);
  });
}

void hone_context_free(hone_context* context) { delete context; }

hone_code hone_run(hone_context* context, const hone_tensor* inputs, size_t input_count,
                   hone_tensor* outputs, size_t output_count) {
  return guarded([&] {
    wanted(context, "context");
    hone::check(
        (inputs != nullptr || input_count == 0) && (outputs != nullptr || output_count == 0),
        hone::Code::usage, "inputs or outputs is NULL");
    run(*context, inputs, input_count, outputs, output_count);
  });
}

int64_t hone_context_arena_bytes(const hone_context* context) {
  return context == nullptr ? 0 : context->context.arena_bytes();
}

}  // extern "C"
