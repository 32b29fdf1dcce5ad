#include "base/error.hpp"

namespace hone {

std::string_view name(Code code) {
  switch (code) {
    case Code::usage: return "usage";
    case Code::unsupported: return "unsupported";
    case Code::invalid_model: return "invalid_model";
    case Code::incompatible_engine: return "incompatible_engine";
    case Code::out_of_memory: return "out_of_memory";
    case Code::device: return "device";
    case Code::io: return "io";
    case Code::accuracy: return "accuracy";
    case Code::internal: return "internal";
  }
  return "unknown";
}

}  // namespace hone
