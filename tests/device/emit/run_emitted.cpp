#include "device/emit/run_emitted.hpp"

#include "device/cpu/jit/code_memory.hpp"
#include "device/fenced.hpp"
#include "ir/nest/evaluate.hpp"
#include "support/drawn_stages.hpp"

namespace hone::test {

std::vector<cpu::Isa> sets() {
  std::vector<cpu::Isa> found;
  for (const cpu::Isa isa : {cpu::Isa::avx2, cpu::Isa::avx512})
    if (isa <= cpu::isa()) found.push_back(isa);
  return found;
}

std::vector<Tensor> run(const Nest& nest, const cpu::emitter::Emitted& emitted,
                        const Bindings& symbols, const std::vector<Tensor>& inputs, bool at_end) {
  const auto code = cpu::executable(std::as_bytes(std::span(emitted.code)));
  std::vector<Fenced> places;
  std::vector<Tensor> outputs;
  std::vector<void*> addresses;
  size_t next = 0;
  for (const NestBuffer& buffer : nest.parameters) {
    std::vector<int64_t> shape;
    for (const Dim& size : buffer.shape) shape.push_back(size.evaluate(symbols).value());
    const bool is_input = buffer.scope == Scope::input;
    const Tensor tensor = is_input ? inputs[next++] : Tensor(buffer.dtype, shape);
    places.emplace_back(tensor.bytes().size(), at_end);
    std::byte* data = places.back().data();
    if (is_input) std::memcpy(data, tensor.bytes().data(), tensor.bytes().size());
    else std::memset(data, 0xA5, tensor.bytes().size());
    addresses.push_back(data);
    if (!is_input)
      outputs.push_back(
          Tensor::borrow(buffer.dtype, shape, {data, tensor.bytes().size()}, nullptr));
  }
  std::vector<int64_t> numbers;
  for (const Dim& number : emitted.numbers) numbers.push_back(number.evaluate(symbols).value_or(0));
  Fenced scratch(static_cast<size_t>(emitted.scratch_bytes.evaluate(symbols).value()), at_end);
  const auto function =
      reinterpret_cast<cpu::emitter::Entry>(reinterpret_cast<uintptr_t>(code.get()));
  for (int64_t tile = emitted.tiles.evaluate(symbols).value(); tile-- > 0;) {
    const cpu::emitter::Call call{addresses.data(), numbers.data(), tile, tile + 1, scratch.data()};
    function(&call);
  }
  for (Tensor& output : outputs) output = output.clone();
  return outputs;
}

std::string judge(const Nest& nest, const cpu::emitter::Emitted& emitted, const Bindings& symbols,
                  const std::vector<Tensor>& inputs) {
  const std::vector<Tensor> want = evaluate(nest, symbols, inputs);
  for (const bool at_end : {false, true}) {
    const std::vector<Tensor> got = run(nest, emitted, symbols, inputs, at_end);
    for (size_t i = 0; i < want.size(); ++i) {
      const double off = difference(got[i], want[i]);
      if (!(off <= 1e-5)) return cat("output ", i, " is off by ", off, "\n", print(nest));
    }
  }
  return {};
}

}  // namespace hone::test
