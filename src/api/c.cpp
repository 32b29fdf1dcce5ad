// The C interface: the only place where exceptions become codes.

#include <algorithm>
#include <atomic>
#include <cstring>
#include <new>
#include <stdexcept>

#include "api/options.hpp"
#include "api/tensors.hpp"
#include "base/printable.hpp"
#include "build/build.hpp"
#include "hone/hone.h"
#include "report/report.hpp"
#include "runtime/context.hpp"

static_assert(static_cast<int>(hone::DType::string) == HONE_STRING);
static_assert(static_cast<int>(hone::DType::i64) == HONE_I64);
static_assert(static_cast<int>(hone::DType::boolean) == HONE_BOOL);
static_assert(static_cast<int>(hone::report::Kind::arena) == HONE_REPORT_ARENA);

struct hone_model {
  std::shared_ptr<const hone::Graph> graph;
  std::shared_ptr<const hone::Defaults> defaults;
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
  hone::api::Places places;
  std::vector<Port> inputs, outputs, defaults;
};

struct hone_context {
  hone_context(std::shared_ptr<const hone::Engine> engine, hone::api::Places places)
      : places(places), context(std::move(engine)) {}
  const hone::api::Places places;
  std::atomic_flag busy;          // a run is under way
  std::atomic<int64_t> arena{0};  // of the last run
  hone::Context context;
  hone::NamedTensors results;
  hone::api::Elements elements;  // of results that are sequences
};

namespace {

thread_local std::string last_message;

hone_code failed(hone_code code, std::string_view message) {
  try {
    last_message = hone::printable(message, true);
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
  } catch (const std::length_error&) {  // more than can be addressed
    return failed(HONE_OUT_OF_MEMORY, "out of memory");
  } catch (const std::exception& error) {
    return failed(HONE_INTERNAL, error.what());
  }
}

hone_engine* make_engine(std::shared_ptr<const hone::Engine> engine,
                         const hone_engine_options* options) {
  auto made = std::make_unique<hone_engine>();
  made->places = hone::api::places_of(*engine, options);
  for (const hone::Value* input : engine->stated().inputs())
    made->inputs.push_back(make_port(input->name, input->type));
  for (const hone::GraphOutput& output : engine->stated().outputs())
    made->outputs.push_back(make_port(output.name, output.value->type));
  for (const hone::Value* input : hone::default_inputs(engine->defaults().get()))
    made->defaults.push_back(make_port(input->name, input->type));
  // Moving a short string moves its characters: point to them where they have come to rest.
  for (auto* ports : {&made->inputs, &made->outputs, &made->defaults})
    for (Port& port : *ports)
      for (size_t i = 0; i < port.texts.size(); ++i) port.pointers[i] = port.texts[i].c_str();
  made->engine = std::move(engine);
  return made.release();
}

hone_code give_port(const std::vector<Port>& ports, size_t index, hone_port* to) {
  return guarded([&] {
    hone::api::wanted(to, "port");
    hone::check(index < ports.size(), hone::Code::usage, "port ", index, " of ", ports.size());
    const Port& port = ports[index];
    *to = {port.name.c_str(),
           static_cast<hone_dtype>(port.dtype),
           port.rank,
           port.dims.data(),
           port.pointers.data(),
           port.kind,
           port.optional ? 1 : 0,
           {}};
  });
}

/// The result of output `i`: of those that share its name, as many before it as are asked for
/// before it, or the last.
const hone::Tensor& result_of(const hone_context& context, const hone_tensor* outputs, size_t i) {
  const std::string_view name = outputs[i].name;
  auto before = std::count_if(outputs, outputs + i,
                              [&](const hone_tensor& other) { return other.name == name; });
  const hone::Tensor* found = nullptr;
  for (const auto& [own, tensor] : context.results) {
    if (own != name) continue;
    found = &tensor;
    if (before-- == 0) break;
  }
  hone::check(found != nullptr, hone::Code::usage, "there is no output \"", name, "\"");
  return *found;
}

/// A result that was written to the place of another output of its name.
void copy_result(const hone::Tensor& result, const hone_tensor& to,
                 const hone::api::Places& places) {
  if (to.place != HONE_HOST) return;  // it is there
  hone::Tensor place = hone::api::borrow(to, true, places);
  hone::check(place.dtype() == result.dtype() && place.shape() == result.shape(), hone::Code::usage,
              "output \"", to.name, "\" is ", hone::describe(result), ", the place given is ",
              hone::describe(place));
  const auto bytes = place.mutable_bytes();
  if (!bytes.empty() && bytes.data() != result.bytes().data())
    std::memmove(bytes.data(), result.bytes().data(), bytes.size());
}

void run(hone_context& context, const hone_tensor* inputs, size_t input_count, hone_tensor* outputs,
         size_t output_count) {
  hone::NamedTensors given, places;
  hone::OnDevice there;
  for (size_t i = 0; i < input_count; ++i) {
    given.emplace_back(inputs[i].name == nullptr ? "" : inputs[i].name,
                       hone::api::borrow(inputs[i], false, context.places));
    there.inputs.push_back(inputs[i].place != HONE_HOST);
  }
  for (size_t i = 0; i < output_count; ++i) {
    hone::api::wanted(outputs[i].name, "the name of an output");
    hone::api::check_place(outputs[i], outputs[i].name, context.places);
    hone::check(outputs[i].data != nullptr || outputs[i].place == HONE_HOST, hone::Code::usage,
                "output \"", outputs[i].name, "\" is wanted on the device and has no data (NULL)");
    if (outputs[i].data == nullptr) continue;
    places.emplace_back(outputs[i].name, hone::api::borrow(outputs[i], true, context.places));
    there.outputs.push_back(outputs[i].place != HONE_HOST);
  }
  context.results = context.context.run(given, places, there);
  context.arena = context.context.arena_bytes();
  context.elements.clear();
  for (size_t i = 0; i < output_count; ++i) {
    const hone::Tensor& result = result_of(context, outputs, i);
    if (outputs[i].data == nullptr) hone::api::give(result, outputs[i], context.elements);
    else copy_result(result, outputs[i], context.places);
  }
}

/// The context belongs to one run at a time.
class InUse {
 public:
  explicit InUse(hone_context& context) : busy_(context.busy) {
    hone::check(!busy_.test_and_set(std::memory_order_acquire), hone::Code::usage,
                "the context is in use: another thread runs it; each thread needs its own");
  }
  ~InUse() { busy_.clear(std::memory_order_release); }
  InUse(const InUse&) = delete;
  InUse& operator=(const InUse&) = delete;

 private:
  std::atomic_flag& busy_;
};

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
    hone::api::wanted(path, "path");
    hone::api::wanted(model, "model");
    const hone::ImportOptions made = hone::api::import_options(options);
    hone::Imported imported = hone::import_file(path, made);
    hone::api::check_shapes(*imported.graph, made);
    *model = new hone_model{std::move(imported.graph), std::move(imported.defaults)};
  });
}

void hone_model_free(hone_model* model) { delete model; }

hone_code hone_build(const hone_model* model, const hone_engine_options* options,
                     hone_engine** engine) {
  return guarded([&] {
    hone::api::wanted(model, "model");
    hone::api::wanted(engine, "engine");
    hone::BuildOptions made;
    made.engine = hone::api::engine_options(options);
    made.engine.sizes = hone::api::sizes_of(options, *model->graph);
    made.halves = hone::api::storage_of(options);
    *engine = make_engine(hone::build(model->graph->clone(), made, model->defaults), options);
  });
}

hone_code hone_engine_save(const hone_engine* engine, const char* path) {
  return guarded([&] {
    hone::api::wanted(engine, "engine");
    hone::api::wanted(path, "path");
    hone::save(*engine->engine, path);
  });
}

hone_code hone_engine_load(const char* path, const hone_engine_options* options,
                           hone_engine** engine) {
  return guarded([&] {
    hone::api::wanted(path, "path");
    hone::api::wanted(engine, "engine");
    *engine = make_engine(hone::load(path, {hone::api::engine_options(options), true}), options);
  });
}

void hone_engine_free(hone_engine* engine) { delete engine; }

size_t hone_engine_inputs(const hone_engine* engine) {
  return engine == nullptr ? 0 : engine->inputs.size();
}

size_t hone_engine_outputs(const hone_engine* engine) {
  return engine == nullptr ? 0 : engine->outputs.size();
}

size_t hone_engine_defaults(const hone_engine* engine) {
  return engine == nullptr ? 0 : engine->defaults.size();
}

hone_code hone_engine_default(const hone_engine* engine, size_t index, hone_port* port) {
  if (engine == nullptr) return failed(HONE_USAGE, "engine is NULL");
  return give_port(engine->defaults, index, port);
}

hone_code hone_engine_input(const hone_engine* engine, size_t index, hone_port* port) {
  if (engine == nullptr) return failed(HONE_USAGE, "engine is NULL");
  return give_port(engine->inputs, index, port);
}

hone_code hone_engine_output(const hone_engine* engine, size_t index, hone_port* port) {
  if (engine == nullptr) return failed(HONE_USAGE, "engine is NULL");
  return give_port(engine->outputs, index, port);
}

hone_code hone_engine_report(const hone_engine* engine, hone_report what, char** text) {
  return guarded([&] {
    hone::api::wanted(engine, "engine");
    hone::api::wanted(text, "text");
    hone::check(what >= HONE_REPORT_SUMMARY && what <= HONE_REPORT_ARENA, hone::Code::usage,
                "there is no report ", static_cast<int>(what));
    const std::string told =
        hone::report::report_of(*engine->engine, static_cast<hone::report::Kind>(what));
    *text = new char[told.size() + 1];
    std::memcpy(*text, told.c_str(), told.size() + 1);
  });
}

void hone_text_free(char* text) { delete[] text; }

hone_code hone_context_create(const hone_engine* engine, hone_context** context) {
  return guarded([&] {
    hone::api::wanted(engine, "engine");
    hone::api::wanted(context, "context");
    *context = new hone_context(engine->engine, engine->places);
  });
}

void hone_context_free(hone_context* context) { delete context; }

hone_code hone_run(hone_context* context, const hone_tensor* inputs, size_t input_count,
                   hone_tensor* outputs, size_t output_count) {
  return guarded([&] {
    hone::api::wanted(context, "context");
    hone::check(
        (inputs != nullptr || input_count == 0) && (outputs != nullptr || output_count == 0),
        hone::Code::usage, "inputs or outputs is NULL");
    const InUse use(*context);
    run(*context, inputs, input_count, outputs, output_count);
  });
}

int64_t hone_context_arena_bytes(const hone_context* context) {
  return context == nullptr ? 0 : context->arena.load();
}

}  // extern "C"
