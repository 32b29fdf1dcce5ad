#include "import/tensorflow/advice.hpp"

namespace hone::tensorflow {
namespace {

bool contains(std::string_view op, std::string_view part) {
  return op.find(part) != std::string_view::npos;
}

}  // namespace

std::string advise(std::string_view op, const Importers& importers) {
  if (contains(op, "LookupTable") || contains(op, "HashTable"))
    return "tables of words are looked up outside of the network: export it from the numbers on";
  if (op.starts_with("String") || op.starts_with("UnicodeDecode") || contains(op, "Regex") ||
      contains(op, "Tokenize") || op == "AsString" || op == "ReduceJoin" || op == "Substr" ||
      op == "UnsortedSegmentJoin")
    return "texts are taken apart outside of the network: export it from the numbers on";
  if (op == "XlaCallModule")
    return "StableHLO: export with jax2tf.convert(f, native_serialization=False)";
  if (op.starts_with("Parse") || op.starts_with("Decode"))
    return "files are decoded outside of the network: export it from the tensors on";
  if (contains(op, "Iterator") || contains(op, "Dataset") || contains(op, "Queue"))
    return "data is read outside of the network: name outputs and inputs that do without";
  if (op.starts_with("Random") || op.starts_with("StatelessRandom") || contains(op, "Multinomial"))
    return "export the network as it is used, not as it is trained";
  if (op == "PyFunc" || op == "EagerPyFunc" || op == "PyFuncStateless")
    return "it is Python: export the network without it";
  const auto names = importers.names();
  const auto meant = closest(op, names);
  return meant ? cat("is it ", *meant, ", misspelt?") : std::string();
}

}  // namespace hone::tensorflow
