#include "import/onnx/advice.hpp"

#include <algorithm>
#include <array>

namespace hone::onnx {
namespace {

constexpr std::array<std::string_view, 5> kTextOperators = {
    "RegexFullMatch", "StringConcat", "StringNormalizer", "StringSplit", "TfIdfVectorizer"};

constexpr std::array<std::string_view, 3> kMapOperators = {"CastMap", "DictVectorizer", "ZipMap"};

struct Known {
  std::string_view of, what, suggestion;  // of a domain, or of names that begin so
};
constexpr std::array<Known, 5> kDomains = {{
    {"ai.onnx.ml", "not among the operators of ai.onnx.ml that Hone runs",
     "run it before or after the network"},
    {"ai.onnx.training", "a training operator", "export the model for inference"},
    {"ai.onnx.preview.training", "a training operator", "export the model for inference"},
    {"com.microsoft", "an operator of ONNX Runtime that Hone does not run",
     "export without ONNX Runtime's own optimizations"},
    {"com.microsoft.nchwc", "a layout of ONNX Runtime's own",
     "save the model before ONNX Runtime optimizes it"},
}};

/// Operators of ONNX Runtime whose makers can leave them out, by what their names begin with.
constexpr std::array<Known, 9> kMicrosoft = {{
    {"BeamSearch", "a whole loop of generation", "export the decoder alone and generate outside"},
    {"GreedySearch", "a whole loop of generation", "export the decoder alone and generate outside"},
    {"Sampling", "a whole loop of generation", "export the decoder alone and generate outside"},
    {"WhisperBeamSearch", "a whole loop of generation",
     "export the decoder alone and generate outside"},
    {"Packed", "attention over rows without padding, for GPUs alone",
     "optimize the model without packing (remove_padding)"},
    {"DecoderMaskedSelf", "attention of one token over a beam's cache, for GPUs alone",
     "export with MultiHeadAttention or GroupQueryAttention"},
    {"PagedAttention", "attention over a cache in pages, for GPUs alone",
     "export with GroupQueryAttention"},
    {"SparseAttention", "attention over blocks of keys", "export with GroupQueryAttention"},
    {"QOrdered", "quantized for one layout of one GPU library",
     "quantize with QuantFormat.QDQ instead"},
}};

constexpr size_t kShortestGuess = 6;  // the names of short operators are too much alike

Advice advise_on_domain(std::string_view domain, std::string_view op) {
  for (const Known& known : kMicrosoft)
    if (domain == "com.microsoft" && op.starts_with(known.of))
      return {std::string(known.what), std::string(known.suggestion)};
  for (const Known& known : kDomains)
    if (known.of == domain) return {std::string(known.what), std::string(known.suggestion)};
  return {"a custom operator", "Hone loads none from outside: export as operators of ONNX"};
}

}  // namespace

Advice advise(std::string_view domain, std::string_view op, int version,
              const Importers& importers) {
  const Importers::Found found = importers.find(domain, op, version);
  const auto is_among = [&](const auto& names) {
    return std::find(names.begin(), names.end(), op) != names.end();
  };
  if (found.known) {
    const std::string what = cat("version ", version, " is not supported");
    if (found.most == Importers::kAnyVersion)
      return {what, cat("export with opset ", found.least, " or later")};
    return {what, cat("export with an opset from ", found.least, " to ", found.most)};
  }
  if (domain == "ai.onnx.ml" && is_among(kMapOperators))
    return {"its values are maps, and Hone has tensors only",
            "export with tensors (skl2onnx: zipmap=False)"};
  if (!domain.empty()) return advise_on_domain(domain, op);
  if (is_among(kTextOperators))
    return {"text operators are outside Hone's scope", "run it before the network"};
  const std::vector<std::string_view> names = importers.names("");
  const auto guess = op.size() < kShortestGuess ? std::nullopt : closest(op, names);
  return {
      "not among the operators that Hone runs",
      guess ? cat("is it ", *guess, ", misspelt?") : std::string("export it as simpler operators")};
}

}  // namespace hone::onnx
