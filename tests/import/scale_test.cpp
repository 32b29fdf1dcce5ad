// What models of 10,000 nodes cost to import and to print: at most 1 s, and at its peak 3 times
// the file and 2 KiB a node. One shape a test, each where something could grow faster than the
// model.

#include <gtest/gtest.h>
#include <malloc.h>

#include <chrono>
#include <cstdio>
#include <fstream>

#include "import/onnx_writer.hpp"
#include "ir/text/text.hpp"

namespace hone::test::scale_test {

constexpr int64_t kNodes = 10'000, kI64 = 7, kBool = 9;
constexpr double kBytesPerNode = 2048, kTimesFile = 3;
constexpr double kNoise = 1 << 20;  // what is resident for the same varies by half of it

// What grows with the square of the nodes takes minutes; figures come from `make import-cost`.
constexpr double kSeconds = 60;

std::string value_name(int64_t i) { return cat("value_", i); }

/// VmHWM or VmRSS of this process, in bytes.
double resident(std::string_view key) {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);)
    if (line.starts_with(key)) return std::stod(line.substr(key.size() + 1)) * 1024;
  return 0;
}

void forget_peak() {
  malloc_trim(0);
  std::ofstream("/proc/self/clear_refs") << "5";
}

void expect_scale(std::string_view shape, const std::string& file, int64_t nodes = kNodes) {
#ifdef __SANITIZE_ADDRESS__
  GTEST_SKIP() << "sanitizers take time and memory of their own";
#endif
  const std::shared_ptr<const void> owner(&file, [](const void*) {});  // mapped, as it were
  const auto bytes = std::as_bytes(std::span(file));
  forget_peak();
  const double before = resident("VmRSS");
  const auto start = std::chrono::steady_clock::now();
  size_t printed = 0;
  {
    const Imported imported = import_onnx_bytes(bytes, {}, {}, owner, "model");
    printed = print(*imported.graph).size();
  }
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  const double peak = resident("VmHWM") - before;
  const double most = kTimesFile * static_cast<double>(file.size()) +
                      kBytesPerNode * static_cast<double>(nodes) + kNoise;
  std::printf("import of %s: %lld nodes, file %.2f MiB, text %.2f MiB: %.3f s, %.1f MiB (%.1f)\n",
              std::string(shape).c_str(), static_cast<long long>(nodes),
              static_cast<double>(file.size()) / (1 << 20),
              static_cast<double>(printed) / (1 << 20), took.count(), peak / (1 << 20),
              most / (1 << 20));
  EXPECT_LE(took.count(), kSeconds);
  EXPECT_LE(peak, most);
}

/// x = value_0, and the last value is the output.
struct Builder {
  std::vector<Proto> nodes;
  std::vector<Proto> inputs{value(value_name(0), {"n", "8"})};
  std::vector<Proto> tensors;
  int64_t last = 0;

  int64_t add(std::string_view op, const std::vector<int64_t>& operands,
              const std::vector<Proto>& attributes = {}) {
    Names names;
    for (const int64_t operand : operands) names.push_back(value_name(operand));
    ++last;
    nodes.push_back(
        node(op, names, {value_name(last)}, cat("/layers/", last, "/", op), attributes));
    return last;
  }
  int64_t size() const { return static_cast<int64_t>(nodes.size()); }
  std::string file() const {
    return model({.graph = graph({nodes, inputs, {untyped(value_name(last))}, tensors})});
  }
};

TEST(ImportScale, OfAChain) {
  Builder b;
  b.tensors.push_back(floats("bias", {8}, std::vector<float>(8, 1)));
  while (b.size() < kNodes) {
    const std::string from = value_name(b.last);
    ++b.last;
    b.nodes.push_back(node("Add", {from, "bias"}, {value_name(b.last)}));
    b.add("Relu", {b.last});
  }
  expect_scale("a chain", b.file());
}

TEST(ImportScale, OfDiamonds) {
  Builder b;
  while (b.size() + 3 <= kNodes) {
    const int64_t x = b.last, left = b.add("Relu", {x}), right = b.add("Neg", {x});
    b.add("Add", {left, right});
  }
  expect_scale("diamonds", b.file(), b.size());
}

TEST(ImportScale, OfATracedModel) {
  Builder b;
  const auto constant = [&](int64_t number) {
    return b.add("Constant", {}, {tensor("value", int64s("", {number}))});
  };
  int64_t x = 0;
  while (b.size() + 9 <= kNodes) {
    const int64_t shape = b.add("Shape", {x});
    const int64_t zero = constant(0), size = b.add("Gather", {shape, zero}), two = constant(4);
    const int64_t other = b.add("Div", {constant(8), two});
    const int64_t half = constant(2);
    const int64_t sizes = b.add("Concat", {size, half, other}, {integer("axis", 0)});
    const int64_t split = b.add("Reshape", {x, sizes});
    x = b.add("Flatten", {split});
  }
  expect_scale("a traced model", b.file(), b.size());
}

Proto branch(int64_t index, std::string_view reads, int64_t count, const std::vector<Proto>& more) {
  std::vector<Proto> nodes = more;
  std::string last(reads);
  for (int64_t i = 0; i < count; ++i) {
    const std::string next = cat("in_", index, "_", i);
    nodes.push_back(node("Add", {last, "value_0"}, {next}));
    last = next;
  }
  return graph({nodes, {}, {value(last)}});
}

TEST(ImportScale, OfManyIfs) {
  Builder b;
  b.inputs.push_back(value("condition", {}, kBool));
  int64_t nodes = 0;
  for (; nodes + 10 <= kNodes; nodes += 10) {
    const std::string from = value_name(b.last);
    ++b.last;
    b.nodes.push_back(node("If", {"condition"}, {value_name(b.last)}, "",
                           {body("then_branch", branch(2 * b.last, from, 5, {})),
                            body("else_branch", branch(2 * b.last + 1, from, 4, {}))}));
  }
  expect_scale("many Ifs", b.file(), nodes);
}

TEST(ImportScale, OfNestedIfs) {
  constexpr int64_t kDepth = 60, kEach = kNodes / kDepth;
  Builder b;
  b.inputs.push_back(value("condition", {}, kBool));
  std::vector<Proto> inner;
  std::string reads = "value_0";
  for (int64_t level = kDepth; level-- > 0;) {
    const Proto taken = branch(2 * level, reads, kEach / 2, inner);
    const Proto other = branch(2 * level + 1, "value_0", kEach / 2 - 1, {});
    reads = cat("nested_", level);
    inner = {node("If", {"condition"}, {reads}, "",
                  {body("then_branch", taken), body("else_branch", other)})};
  }
  b.nodes = inner;
  b.nodes.push_back(node("Relu", {reads}, {value_name(++b.last)}));
  expect_scale("nested Ifs", b.file(), kDepth * kEach + 1);
}

TEST(ImportScale, OfShapeArithmetic) {
  Builder b;
  int64_t size = b.add("Shape", {0}, {integer("start", 0), integer("end", 1)});
  const int64_t three = b.add("Constant", {}, {tensor("value", int64s("", {3}))});
  const char* const ops[] = {"Mul", "Add", "Div", "Sub"};
  for (int64_t i = 0; b.size() < kNodes - 1; ++i) size = b.add(ops[i % 4], {size, three});
  b.add("ConstantOfShape", {size});
  expect_scale("shape arithmetic", b.file(), b.size());
}

TEST(ImportScale, OfSizesThatOnlyRunningTells) {
  std::vector<Proto> nodes, inputs, outputs;
  for (int64_t i = 0; i < 3'900; ++i) {
    inputs.push_back(value(cat("x", i), {cat("n", i), "m"}));
    nodes.push_back(node("NonZero", {cat("x", i)}, {cat("places", i)}));
    nodes.push_back(node("Transpose", {cat("places", i)}, {cat("y", i)}));
    outputs.push_back(untyped(cat("y", i)));
  }
  expect_scale("sizes that only running tells", model({.graph = graph({nodes, inputs, outputs})}),
               static_cast<int64_t>(nodes.size()));
}

TEST(ImportScale, OfFactsAboutSizes) {
  Builder b;
  b.inputs.clear();
  std::vector<Proto> outputs;
  for (int64_t i = 0; i < 3'900; ++i) b.inputs.push_back(value(cat("x", i), {cat("n", i)}));
  b.nodes.push_back(node("Relu", {"x0"}, {value_name(0)}));
  for (int64_t i = 1; i < 3'900; ++i) {  // each tells one; a few more are refused
    const std::string from = value_name(b.last);
    ++b.last;
    b.nodes.push_back(node("Add", {from, cat("x", i)}, {value_name(b.last)}));
  }
  // A fact names up to 16 sizes: it may take as much as a node.
  expect_scale("facts about sizes", b.file(), 2 * b.size());
}

TEST(ImportScale, OfOneValueThatAllRead) {
  Builder b;
  std::vector<Proto> outputs;
  for (int64_t i = 0; i < kNodes; ++i) {
    b.nodes.push_back(node("Relu", {value_name(0)}, {cat("y", i)}));
    outputs.push_back(value(cat("y", i)));
  }
  expect_scale("one value that all read", model({.graph = graph({b.nodes, b.inputs, outputs})}));
}

/// Sizes that grow with every node are refused before they take much.
void expect_refused(const std::string& file, std::string_view what) {
  const auto start = std::chrono::steady_clock::now();
  const std::string error = error_of(file);
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  EXPECT_NE(error.find(what), std::string::npos) << error;
  EXPECT_LE(took.count(), kSeconds);
}

std::vector<Proto> vectors(int64_t count) {
  std::vector<Proto> inputs;
  for (int64_t i = 0; i < count; ++i) inputs.push_back(value(cat("x", i), {cat("n", i)}));
  return inputs;
}

TEST(ImportScale, SumsOfManySizesAreRefused) {
  Builder b;
  b.inputs = vectors(200);
  b.nodes.push_back(node("Relu", {"x0"}, {value_name(0)}));
  for (int64_t i = 0; b.size() < kNodes; ++i) {
    const std::string from = value_name(b.last);
    b.nodes.push_back(node("Concat", {from, cat("x", i % 200)}, {value_name(++b.last)}, "",
                           {integer("axis", 0)}));
  }
  expect_refused(b.file(), "more than 1000000 terms together");
}

TEST(ImportScale, KnownContentsOfManyTermsAreRefused) {
  Builder b;
  b.inputs = vectors(64);
  Names sizes;
  for (int64_t i = 0; i < 64; ++i) {
    sizes.push_back(cat("s", i));
    b.nodes.push_back(node("Shape", {cat("x", i)}, {sizes.back()}));
  }
  b.nodes.push_back(node("Concat", sizes, {value_name(0)}, "", {integer("axis", 0)}));
  for (int64_t i = 0; b.size() < kNodes; ++i) {
    const std::string from = value_name(b.last);
    b.nodes.push_back(node("Add", {from, cat("s", i % 64)}, {value_name(++b.last)}));
  }
  expect_refused(b.file(), "terms together");
}

TEST(ImportScale, OfIndicesComputedByDims) {
  Builder b;
  int64_t sizes = b.add("Shape", {0});
  b.inputs.push_back(value("k", {"1"}, kI64));
  for (int64_t i = 0; b.size() < kNodes - 1; ++i) {
    sizes = i % 2 == 0 ? b.add("Concat", {sizes, sizes}, {integer("axis", 0)})
                       : b.add("Gather", {sizes, sizes});
    if (i % 12 == 11) sizes = b.add("Shape", {0});
  }
  expect_scale("indices computed by dims", b.file(), b.size());
}

}  // namespace hone::test::scale_test
