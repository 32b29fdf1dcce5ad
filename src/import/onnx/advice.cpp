#include "import/onnx/advice.hpp"

#include <algorithm>
#include <array>

namespace hone::onnx {
namespace {

constexpr std::array<std::string_view, 5> kTextOperators = {
    "RegexFullMatch", "StringConcat", "StringNormalizer", "StringSplit", "TfIdfVectorizer"};

constexpr std::array<std::string_view, 3> kMapOperators = {"CastMap", "DictVectorizer", "ZipMap"};

struct Advice {
  std::string_view of, what, suggestion;  // of a domain, or of names that begin so
};
constexpr std::array<Advice, 5> kDomains = {{
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
constexpr std::array<Advice, 9> kMicrosoft = {{
    {"BeamSearch", "a whole loop of generation", "export the decoder alone and generate outside"},
    {"GreedySearch", "a whole loop of generation", "export the decoder alone and generate outside"},
    {"Sampling", "a whole loop of generation", "export the decoder alone and generate outside"},
    {"WhisperBeamSearch", "a whole loop of generation",
     "export the decoder alone and generate outside"},
    {"Packed", "attention over rows without padding, for GPUs alone",
     "optimize the model without packing (remove_padding)"},
    {"DecoderMasked", "attention of one token over a beam's cache, for GPUs alone",
     "export with MultiHeadAttention or GroupQueryAttention"},
    {"PagedAttention", "attention over a cache in pages, for GPUs alone",
     "export with GroupQueryAttention"},
    {"SparseAttention", "attention over blocks of keys", "export with GroupQueryAttention"},
    {"QOrdered", "quantized for one layout of one GPU library",
     "quantize with QuantFormat.QDQ instead"},
}};

constexpr size_t kShortestGuess = 6;  // the names of short operators are too much alike

}  // namespace

void advise(ModelProblem& problem, const Importers& importers) {
  problem.code = Code::unsupported;
  const auto version = static_cast<int>(problem.version);
  const Importers::Found found = importers.find(problem.domain, problem.op, version);
  if (found.known) {
    problem.what = cat("version ", problem.version, " is not supported");
    problem.suggestion = found.most == Importers::kAnyVersion
                             ? cat("export with opset ", found.least, " or later")
                             : cat("export with an opset from ", found.least, " to ", found.most);
    return;
  }
  if (problem.domain == "ai.onnx.ml" &&
      std::find(kMapOperators.begin(), kMapOperators.end(), problem.op) != kMapOperators.end()) {
    problem.what = "its values are maps, and Hone has tensors only";
    problem.suggestion = "export with tensors (skl2onnx: zipmap=False)";
    return;
  }
  for (const Advice& advice : kMicrosoft) {
    if (problem.domain != "com.microsoft" || !problem.op.starts_with(advice.of)) continue;
    problem.what = advice.what;
    problem.suggestion = advice.suggestion;
    return;
  }
  for (const Advice& advice : kDomains) {
    if (advice.of != problem.domain) continue;
    problem.what = advice.what;
    problem.suggestion = advice.suggestion;
    return;
  }
  if (!problem.domain.empty()) {
    problem.what = "a custom operator";
    problem.suggestion = "Hone loads none from outside: export as operators of ONNX";
  } else if (std::find(kTextOperators.begin(), kTextOperators.end(), problem.op) !=
             kTextOperators.end()) {
    problem.what = "text operators are outside Hone's scope";
    problem.suggestion = "run it before the network";
  } else {
    problem.what = "not among the operators that Hone runs";
    const std::vector<std::string_view> names = importers.names("");
    const auto guess =
        problem.op.size() < kShortestGuess ? std::nullopt : closest(problem.op, names);
    problem.suggestion = guess ? cat("is it ", *guess, ", misspelt?")
                               : std::string("export it as simpler operators");
  }
}

}  // namespace hone::onnx
