#include "device/cuda/launches.hpp"

#include <algorithm>

namespace hone::cuda {

Buffer uploaded(const Tensor& tensor, hone::Device& device) {
  constexpr int64_t kBehind = 256 * 64 * 2;  // bytes of the largest tile
  const auto bytes = static_cast<int64_t>(tensor.bytes().size());
  Buffer buffer = device.allocate(bytes + kBehind);
  const auto stream = device.stream({});
  const Buffer to{buffer.data, bytes, false, buffer.owner};
  const Buffer from{const_cast<std::byte*>(tensor.bytes().data()), bytes, true, nullptr};
  if (bytes > 0) device.copy(to, from, *stream);
  stream->synchronize();
  return buffer;
}

int64_t known_size(const Dim& size, const Bindings& symbols) {
  const auto number = size.evaluate(symbols);
  check(number.has_value(), Code::internal, "a size ", size, " is not known");
  return *number;
}

int input_of(const Graph& body, const Value* operand) {
  const auto& inputs = body.inputs();
  const auto found = std::find(inputs.begin(), inputs.end(), operand);
  check(found != inputs.end(), Code::internal, "a kernel reads what is no operand of its region");
  return static_cast<int>(found - inputs.begin());
}

Launches::Launches(std::shared_ptr<const Prepared> prepared,
                   const std::vector<Parameter>& parameters, std::vector<Launching> launches,
                   const std::vector<std::string>& symbols, const Operands& operands,
                   std::span<std::byte> scratch)
    : prepared_(std::move(prepared)),
      parameters_(parameters),
      launches_(std::move(launches)),
      scratch_(scratch) {
  for (const std::string& name : symbols) {
    const auto found = operands.symbols.find(name);
    numbers_.push_back(found == operands.symbols.end() ? 0 : static_cast<uint64_t>(found->second));
  }
  rebind(operands);
}

void Launches::rebind(const Operands& operands) {
  std::vector<uint64_t> arguments;
  for (const Parameter& parameter : parameters_) {
    if (parameter.fixed != nullptr) {
      arguments.push_back(reinterpret_cast<uint64_t>(parameter.fixed));
      continue;
    }
    const Operand& operand = parameter.input >= 0
                                 ? operands.inputs[static_cast<size_t>(parameter.input)]
                                 : operands.outputs[static_cast<size_t>(parameter.output)];
    arguments.push_back(reinterpret_cast<uint64_t>(operand.data));
  }
  arguments.push_back(reinterpret_cast<uint64_t>(scratch_.data()));
  arguments.insert(arguments.end(), numbers_.begin(), numbers_.end());
  for (Launching& launch : launches_) launch.set(arguments);
}

void Launches::enqueue(hone::Stream& stream) {
  for (Launching& launch : launches_) launch.enqueue(static_cast<Stream&>(stream));
}

}  // namespace hone::cuda
