#include "api/options.hpp"

#include <algorithm>
#include <cstring>
#include <set>

#include "base/size.hpp"
#include "base/text.hpp"
#include "ir/evaluation/evaluation.hpp"

namespace hone::api {
namespace {

/// The caller's options, of any age: an older header's struct is shorter, its rest is zero; a newer
/// one's may be longer when it asks for nothing that is not known here.
template <class Options>
Options read_options(const Options* given, const char* name) {
  constexpr size_t kMost = 4096;
  Options made{};
  if (given == nullptr) return made;
  const size_t size = given->size;
  check(size >= sizeof(size_t) && size <= kMost, Code::usage, name, ".size is ", size,
        ", wanted sizeof(", name, "), which is ", sizeof(Options), " here");
  std::memcpy(&made, given, std::min(size, sizeof(Options)));
  const auto* bytes = reinterpret_cast<const unsigned char*>(given);
  const bool known = std::all_of(bytes + std::min(size, sizeof(Options)), bytes + size,
                                 [](unsigned char byte) { return byte == 0; });
  check(known, Code::usage, name, " has ", size, " bytes and sets what this version, ",
        HONE_VERSION, ", does not know; it knows the first ", sizeof(Options));
  return made;
}

/// The elements of an array of the caller's; NULL: none may be asked for.
template <class T>
std::span<const T> array(const T* first, size_t count, const char* name) {
  check(first != nullptr || count == 0, Code::usage, name, " is NULL, its count is ",
        uint64_t{count});
  return {first, count};
}

/// Sizes of an input that a model may be read with.
std::vector<int64_t> sizes_of(const hone_input_shape& given) {
  constexpr int32_t kMostDims = 64;
  constexpr int64_t kMostBytes = 16;  // of an element
  const char* name = given.name == nullptr ? "" : given.name;
  check(given.rank >= 0 && given.rank <= kMostDims, Code::usage, "shapes: \"", name, "\" has rank ",
        given.rank, ", wanted 0 to ", kMostDims);
  const auto sizes = array(given.sizes, static_cast<size_t>(given.rank), "the sizes of a shape");
  for (const int64_t size : sizes)
    check(size >= 0, Code::usage, "shapes: \"", name, "\" has a size of ", size);
  const auto count = try_element_count(sizes);
  check(count && try_mul(*count, kMostBytes), Code::usage, "shapes: \"", name,
        "\" has more elements than can be counted");
  return {sizes.begin(), sizes.end()};
}

}  // namespace

ImportOptions import_options(const hone_import_options* options) {
  const hone_import_options given = read_options(options, "hone_import_options");
  ImportOptions made;
  if (given.random_weights != 0) made.random_weights = given.seed;
  made.follow_links = given.follow_links != 0;
  if (given.weights != nullptr) made.weights = given.weights;
  if (given.signature != nullptr) made.signature = given.signature;
  for (const char* node : array(given.results, given.result_count, "results")) {
    wanted(node, "a name in results");
    made.outputs.emplace_back(node);
  }
  for (const hone_input_shape& shape : array(given.shapes, given.shape_count, "shapes"))
    made.shapes[shape.name == nullptr ? "" : shape.name] = sizes_of(shape);
  for (const hone_number& number : array(given.numbers, given.number_count, "numbers")) {
    wanted(number.name, "a name in numbers");
    made.numbers[number.name] = number.value;
  }
  made.reference_rounding = given.reference_rounding != 0;
  return made;
}

void check_shapes(const Graph& graph, const ImportOptions& options) {
  std::vector<std::string> names;
  for (const Value* input : graph.inputs()) names.push_back(input->name);
  Bindings symbols;
  for (const auto& [name, sizes] : options.shapes) {
    check(!name.empty() || names.size() == 1, Code::usage,
          "shapes: a shape without a name, and the inputs are ", join(names, ", "));
    const Value* input = graph.find(name.empty() ? names.front() : name);
    const bool is_input =
        input != nullptr && std::find(names.begin(), names.end(), input->name) != names.end();
    check(is_input, Code::usage, "shapes: there is no input \"", name, "\", the inputs are ",
          join(names, ", "));
    check(input->type.is_tensor() && hone::bind(input->type.tensor(), sizes, symbols), Code::usage,
          "shapes: input \"", input->name, "\" is ", input->type, ", not ", join(sizes, "x"));
  }
}

EngineOptions engine_options(const hone_engine_options* options) {
  const hone_engine_options given = read_options(options, "hone_engine_options");
  check(given.workers >= 0, Code::usage, "workers is ", given.workers, ", wanted 0 or more");
  EngineOptions made;
  made.workers = given.workers;
  made.fallback = given.no_fallback == 0;
  made.trust = given.trust != 0;
  if (given.streams != 0) made.streams = given.streams;
  if (given.device != nullptr) made.device = open_device(given.device);
  return made;
}

/// "n=1,s=128", of symbols of the graph's inputs.
Bindings sizes_of(const hone_engine_options* options, const Graph& graph) {
  const hone_engine_options given = read_options(options, "hone_engine_options");
  Bindings sizes;
  if (given.sizes == nullptr) return sizes;
  std::set<std::string, std::less<>> known;
  for (const Value* input : graph.inputs())
    if (input->type.is_tensor() && input->type.tensor().has_rank())
      for (const Dim& dim : input->type.tensor().shape()) dim.collect_symbols(known);
  for (const std::string_view word : split(given.sizes, ',')) {
    const size_t equals = word.rfind('=');
    const std::string_view name = word.substr(0, equals);
    const auto size =
        equals == std::string_view::npos ? std::nullopt : parse_int(word.substr(equals + 1));
    check(size && *size >= 0, Code::usage, "sizes: found \"", word,
          "\", wanted a size such as n=1");
    check(known.contains(name), Code::usage, "sizes: no input has a size \"", name, "\"; open are ",
          known.empty() ? std::string("none") : join(known, ", "));
    sizes.insert_or_assign(std::string(name), *size);
  }
  return sizes;
}

std::optional<DType> storage_of(const hone_engine_options* options) {
  switch (const auto given = read_options(options, "hone_engine_options"); given.storage) {
    case HONE_STORAGE_MODEL: return std::nullopt;
    case HONE_STORAGE_F16: return DType::f16;
    case HONE_STORAGE_BF16: return DType::bf16;
    default:
      fail(Code::usage, "storage is ", static_cast<int>(given.storage),
           ", wanted HONE_STORAGE_MODEL, HONE_STORAGE_F16 or HONE_STORAGE_BF16");
  }
}

/// "cuda:1": the second one's memory, where the device has its own.
Places places_of(const Engine& engine, const hone_engine_options* options) {
  if (!engine.device().is_apart()) return {};
  const hone_engine_options given = read_options(options, "hone_engine_options");
  const std::string_view name = given.device == nullptr ? "" : given.device;
  const size_t colon = name.find(':');
  if (colon == std::string_view::npos) return {0};
  return {static_cast<int>(parse_int(name.substr(colon + 1)).value_or(0))};
}

}  // namespace hone::api
