// Generated code computes what interpretation of the nest does, within its operands' bytes.

#include "device/cpu/emit/emit.hpp"

#include <gtest/gtest.h>

#include <map>

#include "device/cpu/jit/code_memory.hpp"
#include "device/emit/run_emitted.hpp"
#include "ir/nest/evaluate.hpp"
#include "ir/nest/rewrites.hpp"
#include "ir/nest/verify.hpp"
#include "ir/text/text.hpp"
#include "ops/common/registry.hpp"
#include "support/drawn_stages.hpp"
#include "support/rng.hpp"

namespace hone::test::emit_test {

using cpu::Isa;
using cpu::emitter::emit;
using cpu::emitter::Emitted;

/// Every innermost loop that may be one becomes a vector loop, the outermost one parallel.
void schedule(Nest& nest) {
  std::vector<std::string> loops;
  walk(nest.body, [&](const Statement& statement) {
    if (const NestLoop* loop = statement.as<NestLoop>()) loops.push_back(loop->variable);
    return true;
  });
  for (const std::string& loop : loops) vectorize(nest, loop, 8, Order::any);
  if (!loops.empty()) parallelize(nest, loops[0]);
  verify(nest);
}

TEST(Emit, OpsElementByElementAreAsInterpreted) {
  std::map<std::string, int> emitted_for, declined;
  for (uint64_t seed = 1; seed <= 80; ++seed) {
    const std::string wrong =
        visit_drawn_stages(seed, all_ops(), {.most_elements = 512}, [&](const DrawnStages& drawn) {
          for (const Isa isa : sets()) {
            Nest nest = drawn.lowered.nest;
            if (seed % 4 != 0) schedule(nest);
            const Emitted emitted = emit(nest, isa);
            if (!emitted.declined.empty()) {
              ++declined[emitted.declined.substr(0, 24)];
              continue;
            }
            ++emitted_for[nest.name];
            std::string off = judge(nest, emitted, drawn.symbols, drawn.inputs);
            if (!off.empty()) return cat(name(isa), ": ", off);
          }
          return std::string();
        });
    ASSERT_EQ(wrong, "") << "seed " << seed;
  }
  if (sets().empty()) GTEST_SKIP() << "this machine has no AVX2";
  std::string ops;
  for (const auto& [name, count] : emitted_for) ops += cat(" ", name, " ", count);
  std::cout << emitted_for.size() << " ops on";
  for (const Isa isa : sets()) std::cout << " " << name(isa);
  std::cout << ":" << ops << "\n";
  EXPECT_GE(emitted_for.size(), 20u);
}

constexpr std::string_view kPointwise =
    "graph g(%x: f32[a,b,c], %bias: f32[c], %scale: f32[b,1], %one: f32[1]) -> (%y)\n"
    "  %1 = Add(%x, %bias)\n"
    "  %2 = Mul(%1, %scale)\n"
    "  %3 = Sub(%2, %one)\n"
    "  %4 = Clip(%3, f32[]{-0.5}, f32[]{6})\n"
    "  %5 = Less(%x, %bias)\n"
    "  %6 = Sqrt(%4)\n"
    "  %7 = Where(%5, %4, %6)\n"
    "  %8 = Div(%7, %scale)\n"
    "  %y = Relu(%8)\n";

TEST(Emit, AChainWithBroadcastsAtEverySize) {
  const auto graph = parse(kPointwise, all_ops());
  const Value* y = graph->outputs()[0].value;
  Nest nest = lower(stages_of(*graph), "chain", {y}).nest;
  for (const char* inner : {"1", "2", "3", "4", "5", "6", "7", "8"})
    if (nest.body.size() > 1) inline_buffer(nest, inner);
  ASSERT_EQ(nest.body.size(), 1u) << print(nest);
  schedule(nest);
  Rng rng(1);
  for (const Isa isa : sets()) {
    const Emitted emitted = emit(nest, isa);
    ASSERT_EQ(emitted.declined, "");
    for (int64_t c = 0; c <= 70; ++c) {
      const int64_t a = rng.below(4), b = rng.below(4);
      std::vector<Tensor> inputs;
      for (const NestBuffer& buffer : nest.parameters) {
        if (buffer.scope == Scope::output) continue;
        std::vector<int64_t> shape;
        for (const Dim& size : buffer.shape)
          shape.push_back(size.evaluate({{"a", a}, {"b", b}, {"c", c}}).value());
        Tensor input(DType::f32, shape);
        for (int64_t i = 0; i < input.count(); ++i)
          input.set_number(i, static_cast<double>(rng.between(-700, 700)) / 64);
        inputs.push_back(input);
      }
      ASSERT_EQ(judge(nest, emitted, {{"a", a}, {"b", b}, {"c", c}}, inputs), "")
          << name(isa) << " a=" << a << " b=" << b << " c=" << c;
    }
  }
}

/// What every element of a row needs is computed at the beginning of the row.
Nest in_rows(std::string_view text) {
  const auto graph = parse(text, all_ops());
  Nest nest = lower(stages_of(*graph), "rows", {graph->outputs()[0].value}).nest;
  const std::string row = nest.body.back().as<NestLoop>()->variable;
  std::vector<std::string> own;
  for (const Statement& statement : nest.body)
    if (const Allocate* made = statement.as<Allocate>()) own.push_back(made->buffer.name);
  for (size_t i = own.size(); i-- > 0;)
    EXPECT_EQ(compute_at(nest, own[i], row, Scope::registers), "") << own[i] << print(nest);
  schedule(nest);
  return nest;
}

TEST(Emit, RowsThatAreReducedAtEverySize) {
  constexpr std::string_view kSoftmax =
      "graph g(%x: f32[n,c]) -> (%y)\n"
      "  %y = Softmax(%x)\n";
  constexpr std::string_view kLayerNorm =
      "graph g(%x: f32[n,c], %s: f32[c], %b: f32[c]) -> (%y)\n"
      "  %y = LayerNormalization(%x, %s, %b)\n";
  Rng rng(1);
  for (const std::string_view text : {kSoftmax, kLayerNorm}) {
    const Nest nest = in_rows(text);
    int vectors = 0;
    walk(nest.body, [&](const Statement& statement) {
      const NestLoop* loop = statement.as<NestLoop>();
      vectors += loop != nullptr && loop->mode == Mode::vector;
      return true;
    });
    EXPECT_GE(vectors, 3) << print(nest);
    for (const Isa isa : sets()) {
      const Emitted emitted = emit(nest, isa);
      ASSERT_EQ(emitted.declined, "") << print(nest);
      for (int64_t c = 1; c <= 70; ++c) {
        const int64_t n = rng.below(4);
        Tensor x(DType::f32, {n, c}), scale(DType::f32, {c}), bias(DType::f32, {c});
        for (Tensor* tensor : {&x, &scale, &bias})
          for (int64_t i = 0; i < tensor->count(); ++i)
            tensor->set_number(i, static_cast<double>(rng.between(-700, 700)) / 64);
        std::vector<Tensor> inputs{x, scale, bias};
        inputs.resize(text == kSoftmax ? 1 : 3);
        ASSERT_EQ(judge(nest, emitted, {{"n", n}, {"c", c}}, inputs), "")
            << cpu::name(isa) << " n=" << n << " c=" << c;
      }
    }
  }
}

Emitted emitted_of(std::string_view text, Isa isa = Isa::avx2) {
  const Nest nest = parse_nest(text);
  verify(nest);
  return emit(nest, isa);
}

/// A matrix product in blocks of registers, with what follows it in the same nest.
Nest product_in_blocks(int64_t rows, int64_t columns) {
  const auto graph = parse(
      "graph g(%a: f32[n,k], %b: f32[k,m], %c: f32[m]) -> (%y)\n"
      "  %1 = MatMul(%a, %b)\n"
      "  %2 = Add(%1, %c)\n"
      "  %y = Tanh(%2)\n",
      all_ops());
  Nest nest = lower(stages_of(*graph), "product", {graph->outputs()[0].value}).nest;
  const auto done = [&](const Declined& why) { EXPECT_EQ(why, "") << print(nest); };
  done(inline_buffer(nest, "2"));
  done(split(nest, "i5", rows));
  done(split(nest, "i6", columns));
  done(reorder(nest, "i5i"));
  done(compute_at(nest, "1", "i6o", Scope::registers));
  done(distribute(nest, "i1"));
  done(distribute(nest, "i0"));
  done(reorder(nest, "i1.2"));
  done(reorder(nest, "i0.2"));
  done(contract(nest, "r2"));
  for (const char* inner : {"i1", "i1.3", "i6i"}) done(vectorize(nest, inner, 8));
  done(parallelize(nest, "i5o"));
  verify(nest);
  return nest;
}

TEST(Emit, AMatrixProductWithWhatFollowsAtEverySize) {
  Rng rng(1);
  for (const Isa isa : sets())
    for (const auto& [rows, columns] :
         std::vector<std::pair<int, int>>{{4, 16}, {6, 16}, {2, 32}}) {
      const Nest nest = product_in_blocks(rows, columns);
      const Emitted emitted = emit(nest, isa);
      ASSERT_EQ(emitted.declined, "") << print(nest);
      for (int round = 0; round < 40; ++round) {
        const int64_t n = rng.below(15), k = rng.below(20), m = rng.below(70);
        Tensor a(DType::f32, {n, k}), b(DType::f32, {k, m}), c(DType::f32, {m});
        for (Tensor* tensor : {&a, &b, &c})
          for (int64_t i = 0; i < tensor->count(); ++i)
            tensor->set_number(i, static_cast<double>(rng.between(-64, 64)) / 96);
        ASSERT_EQ(judge(nest, emitted, {{"n", n}, {"k", k}, {"m", m}}, {a, b, c}), "")
            << cpu::name(isa) << " n=" << n << " k=" << k << " m=" << m;
      }
    }
}

/// Places that divide by a size are not computed where there is nothing to do.
TEST(Emit, LoopsWithoutTurnsReachNothing) {
  const Nest nest = parse_nest(
      "nest nothing\n"
      "  x: f32[n] input\n"
      "  z: f32[m,n] input\n"
      "  y: f32[m,n] output\n"
      "  b: f32[4,16] registers\n"
      "  for $p < 4\n"
      "    vector 8 $q < 16\n"
      "      b[$p, $q] = f32{0}\n"
      "  for $i < m\n"
      "    vector 8 $j < n\n"
      "      y[$i, $j] = x[mod($i,n)]\n"
      "    contract b[$r < min(4,n), $c < min(16,n)] += $k < m: z[$k, $r] * z[$k, $c]\n");
  verify(nest);
  for (const Isa isa : sets()) {
    const Emitted emitted = emit(nest, isa);
    ASSERT_EQ(emitted.declined, "");
    for (const int64_t n : {0, 1, 9, 20}) {
      Tensor x(DType::f32, {n}), z(DType::f32, {5, n});
      for (int64_t i = 0; i < n; ++i) x.set_number(i, static_cast<double>(i));
      EXPECT_EQ(judge(nest, emitted, {{"m", 5}, {"n", n}}, {x, z}), "") << n;
    }
  }
}

/// A slice of a wider tensor as operand, and a transposed one: the rest of them is not touched.
TEST(Emit, StridesLeadToTheElements) {
  const Nest nest = parse_nest(
      "nest slices\n"
      "  x: f32[r,c] strides [xr,1] input\n"
      "  y: f32[c,r] strides [1,yc] output\n"
      "  for $i < r\n"
      "    vector 8 $j < c\n"
      "      y[$j, $i] = negate(x[$i, $j])\n");
  verify(nest);
  for (const Isa isa : sets()) {
    const Emitted emitted = emit(nest, isa);
    ASSERT_EQ(emitted.declined, "");
    const auto code = cpu::executable(std::as_bytes(std::span(emitted.code)));
    const Bindings sizes{{"r", 3}, {"c", 21}, {"xr", 30}, {"yc", 25}};
    std::vector<int64_t> numbers;
    for (const Dim& number : emitted.numbers) numbers.push_back(number.evaluate(sizes).value());
    std::vector<float> x(3 * 30), y(3 * 25, 7);
    for (size_t i = 0; i < x.size(); ++i) x[i] = static_cast<float>(i);
    void* parameters[] = {x.data(), y.data()};
    const cpu::emitter::Call call{parameters, numbers.data(), 0, 1, nullptr};
    reinterpret_cast<cpu::emitter::Entry>(reinterpret_cast<uintptr_t>(code.get()))(&call);
    for (size_t row = 0; row < 3; ++row)
      for (size_t column = 0; column < 25; ++column)
        EXPECT_EQ(y[25 * row + column], column < 21 ? -x[30 * row + column] : 7)
            << cpu::name(isa) << " " << row << ", " << column;
  }
}

TEST(Emit, SaysWhichSizesLeaveABuffer) {
  const Emitted emitted = emitted_of(
      "nest a\n  x: f32[min(n,m)] input\n  y: f32[n] output\n"
      "  for $i < n\n    y[$i] = x[$i]\n");
  EXPECT_EQ(emitted.declined, "");
  EXPECT_EQ(cat(join(emitted.limits, ", ")), "n-min(m,n)");
}

TEST(Emit, DeclinesInWords) {
  EXPECT_EQ(emitted_of("nest a\n  y: f16[4] output\n  for $i < 4\n    y[$i] = f16{1}\n").declined,
            "y is f16");
  EXPECT_EQ(emitted_of("nest a\n  x: f32[5] input\n  y: f32[4] output\n"
                       "  for $i < 4\n    y[$i] = x[2*$i]\n")
                .declined,
            "x may be left");
  EXPECT_EQ(emitted_of("nest a\n  x: f32[n,m] input\n  y: f32[m,n] output\n  for $j < m\n"
                       "    vector 8 $i < n\n      y[$j, $i] = x[$i, $j]\n")
                .declined,
            "lanes lie apart in memory");
  EXPECT_EQ(
      emitted_of("nest a\n  y: f32[4] output\n  for $i < 4\n    y[$i] = sinh(f32{1})\n").declined,
      "no code for sinh yet");
  EXPECT_EQ(emitted_of("nest a\n  y: f32[4] output\n  t: f32[4] local\n  for $i < 4\n"
                       "    t[$i] = f32{1}\n  for $j < 4\n    y[$j] = t[$j]\n")
                .declined,
            "");
  EXPECT_EQ(emitted_of("nest a\n  y: f32[n] output\n  t: f32[n] arena\n  for $i < n\n"
                       "    t[$i] = f32{1}\n  for $j < n\n    y[$j] = t[$j]\n")
                .scratch_bytes,
            Dim(64) * ceil_div(Dim(4) * Dim::symbol("n"), 64));
  EXPECT_EQ(
      emitted_of("nest a\n  y: f32[4] output\n  for $i < 4\n    y[$i] = f32{1}\n", Isa::generic)
          .declined,
      "this processor has no AVX2");
}

}  // namespace hone::test::emit_test
