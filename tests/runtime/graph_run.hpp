#pragma once
// Graphs written as text, run by an engine and by reference evaluation.

#include <gtest/gtest.h>

#include <string_view>

#include "build/build.hpp"
#include "ir/evaluation/evaluation.hpp"
#include "ir/inference.hpp"
#include "ir/text/text.hpp"
#include "ops/common/registry.hpp"
#include "runtime/context.hpp"

namespace hone::test {

inline std::unique_ptr<Graph> graph_of(std::string_view text) {
  auto graph = parse(text, all_ops());
  infer(*graph);
  return graph;
}

inline std::shared_ptr<const Engine> engine_of(std::string_view text, int workers = 2) {
  BuildOptions options;
  options.engine.workers = workers;
  return build(graph_of(text), options);
}

/// f32 of any shape from a start: start, start + 1 ...
inline Tensor ramp(std::vector<int64_t> shape, double start = 0) {
  Tensor tensor(DType::f32, std::move(shape));
  for (int64_t i = 0; i < tensor.count(); ++i) tensor.set_number(i, start + static_cast<double>(i));
  return tensor;
}

inline std::vector<double> numbers(const Tensor& tensor) {
  std::vector<double> values;
  for (int64_t i = 0; i < tensor.count(); ++i) values.push_back(tensor.number(i));
  return values;
}

/// The same tensor one byte past an aligned place; `storage` holds it.
inline Tensor misaligned(const Tensor& tensor, std::vector<std::byte>& storage) {
  storage.assign(tensor.bytes().size() + 65, std::byte{0});
  const auto skip = 65 - reinterpret_cast<uintptr_t>(storage.data()) % 64;
  const std::span<std::byte> place(storage.data() + skip % 64, tensor.bytes().size());
  std::memcpy(place.data(), tensor.bytes().data(), place.size());
  return Tensor::borrow_mutable(tensor.dtype(), tensor.shape(), place, nullptr);
}

/// What `run` throws; "" when nothing. Fails unless its code is `code`.
template <class Run>
std::string error_of(Code code, Run run) {
  try {
    run();
  } catch (const Error& error) {
    EXPECT_EQ(name(error.code()), name(code)) << error.message();
    return error.message();
  }
  return {};
}

/// Runs the context and compares every result with reference evaluation of the text.
inline void expect_as_evaluated(Context& context, std::string_view text,
                                const std::vector<Tensor>& inputs) {
  const auto graph = graph_of(text);
  const std::vector<Tensor> wanted = evaluate(*graph, inputs);
  NamedTensors named;
  for (size_t i = 0; i < inputs.size(); ++i)
    named.emplace_back(graph->inputs()[i]->name, inputs[i]);
  const NamedTensors found = context.run(named);
  ASSERT_EQ(found.size(), wanted.size());
  for (size_t i = 0; i < wanted.size(); ++i) {
    ASSERT_EQ(found[i].second.shape(), wanted[i].shape()) << found[i].first;
    if (wanted[i].dtype() == DType::string) {
      EXPECT_EQ(found[i].second.strings(), wanted[i].strings()) << found[i].first;
      continue;
    }
    for (int64_t j = 0; j < wanted[i].count(); ++j)
      ASSERT_NEAR(found[i].second.number(j), wanted[i].number(j),
                  1e-5 * (1 + std::abs(wanted[i].number(j))))
          << found[i].first << " at " << j;
  }
}

}  // namespace hone::test
