// Generated code computes what interpretation of the nest does, within its operands' bytes.

#include "device/cpu/emit/emit.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <limits>
#include <map>

#include "device/cpu/emit/code.hpp"
#include "device/emit/guarded.hpp"
#include "ir/nest/evaluate.hpp"
#include "ir/nest/rewrites.hpp"
#include "ir/nest/verify.hpp"
#include "ir/text.hpp"
#include "ops/common/registry.hpp"
#include "support/drawn_stages.hpp"
#include "support/rng.hpp"

namespace hone::test {
namespace {

using cpu::Isa;
using cpu::jit::emit;
using cpu::jit::Emitted;

/// The instruction sets that this machine has.
std::vector<Isa> sets() {
  std::vector<Isa> found;
  for (const Isa isa : {Isa::avx2, Isa::avx512})
    if (isa <= cpu::isa()) found.push_back(isa);
  return found;
}

/// The outputs of generated code, whose operands lie at an edge of guarded pages. Tiles run last to
/// first, each by itself.
std::vector<Tensor> run(const Nest& nest, const Emitted& emitted, const Bindings& symbols,
                        const std::vector<Tensor>& inputs, Guarded::Edge edge) {
  cpu::jit::CodeBuilder builder;
  builder.add(std::vector<uint8_t>(3, 0x90));  // so that the function does not begin the pages
  const size_t at = builder.add(emitted.code);
  const auto code = builder.finish();
  std::vector<std::unique_ptr<Guarded>> places;
  std::vector<Tensor> outputs;
  std::vector<void*> addresses;
  size_t next = 0;
  for (const Buffer& buffer : nest.parameters) {
    std::vector<int64_t> shape;
    for (const Dim& size : buffer.shape) shape.push_back(size.evaluate(symbols).value());
    const bool is_input = buffer.scope == Scope::input;
    const Tensor tensor = is_input ? inputs[next++] : Tensor(buffer.dtype, shape);
    places.push_back(std::make_unique<Guarded>(tensor.bytes().size(), edge));
    std::byte* data = places.back()->data();
    if (is_input) std::memcpy(data, tensor.bytes().data(), tensor.bytes().size());
    else std::memset(data, 0xA5, tensor.bytes().size());
    addresses.push_back(data);
    if (!is_input)
      outputs.push_back(
          Tensor::borrow(buffer.dtype, shape, {data, tensor.bytes().size()}, nullptr));
  }
  std::vector<int64_t> numbers;
  for (const Dim& number : emitted.numbers) numbers.push_back(number.evaluate(symbols).value());
  const auto function =
      reinterpret_cast<cpu::jit::Entry>(reinterpret_cast<uintptr_t>(code->at(at)));
  for (int64_t tile = emitted.tiles.evaluate(symbols).value(); tile-- > 0;) {
    const cpu::jit::Call call{addresses.data(), numbers.data(), tile, tile + 1};
    function(&call);
  }
  for (Tensor& output : outputs) output = output.clone();
  return outputs;
}

/// What differs from interpretation, in words; empty: nothing.
std::string judge(const Nest& nest, const Emitted& emitted, const Bindings& symbols,
                  const std::vector<Tensor>& inputs) {
  const std::vector<Tensor> want = evaluate(nest, symbols, inputs);
  for (const auto edge : {Guarded::Edge::front, Guarded::Edge::back}) {
    const std::vector<Tensor> got = run(nest, emitted, symbols, inputs, edge);
    for (size_t i = 0; i < want.size(); ++i) {
      const double off = difference(got[i], want[i]);
      if (!(off <= 1e-5)) return cat("output ", i, " is off by ", off, "\n", print(nest));
    }
  }
  return {};
}

/// Every innermost loop that may be one becomes a vector loop, the outermost one parallel.
void schedule(Nest& nest) {
  std::vector<std::string> loops;
  walk(nest.body, [&](const Statement& statement) {
    if (const Loop* loop = statement.as<Loop>()) loops.push_back(loop->variable);
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
      for (const Buffer& buffer : nest.parameters) {
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
  const std::string row = nest.body.back().as<Loop>()->variable;
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
      const Loop* loop = statement.as<Loop>();
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

/// NaN, infinities and zeros of both signs, at every lane.
TEST(Emit, OddNumbersAreAsInterpreted) {
  const Nest nest = parse_nest(
      "nest odd\n"
      "  x: f32[n] input\n"
      "  z: f32[n] input\n"
      "  y: f32[13,n] output\n"
      "  vector 8 $i < n\n"
      "    y[0, $i] = min(x[$i], z[$i])\n"
      "    y[1, $i] = max(x[$i], z[$i])\n"
      "    y[2, $i] = select(less(x[$i], z[$i]), f32{1}, f32{2})\n"
      "    y[3, $i] = select(less_equal(x[$i], z[$i]), f32{1}, f32{2})\n"
      "    y[4, $i] = select(equal(x[$i], z[$i]), f32{1}, f32{2})\n"
      "  vector 8 $j < n\n"
      "    y[5, $j] = negate(absolute(x[$j]))\n"
      "    y[6, $j] = round(x[$j])\n"
      "    y[7, $j] = floor(x[$j])\n"
      "    y[8, $j] = ceil(x[$j])\n"
      "  vector 8 $k < n\n"
      "    y[9, $k] = max(x[$k], f32{0})\n"
      "    y[10, $k] = min(x[$k], f32{-0})\n"
      "    y[11, $k] = max(min(x[$k], f32{1}), f32{-2})\n"
      "    y[12, $k] = sub(f32{2}, mul(f32{2}, x[$k]))\n");
  verify(nest);
  const double kOdd[] = {0.0, -0.0, 1.5, 2.5, -0.5, HUGE_VAL, -HUGE_VAL, std::nan("")};
  Tensor x(DType::f32, {64}), z(DType::f32, {64});
  for (int64_t i = 0; i < 64; ++i) {
    x.set_number(i, kOdd[i % 8]);
    z.set_number(i, kOdd[i / 8]);
  }
  for (const Isa isa : sets()) {
    const Emitted emitted = emit(nest, isa);
    ASSERT_EQ(emitted.declined, "");
    const Tensor got = run(nest, emitted, {{"n", 64}}, {x, z}, Guarded::Edge::back)[0];
    const Tensor want = evaluate(nest, {{"n", 64}}, {x, z})[0];
    for (int64_t i = 0; i < want.count(); ++i) {
      const double a = got.number(i), b = want.number(i);
      EXPECT_TRUE((std::isnan(a) && std::isnan(b)) ||
                  (a == b && std::signbit(a) == std::signbit(b)))
          << name(isa) << " row " << i / 64 << " of " << x.number(i % 64) << ", "
          << z.number(i % 64) << ": " << a << ", wanted " << b;
    }
  }
}

/// How many floats lie between a number and the nearest one to `want`.
double ulps(float got, double want) {
  if (std::isnan(got) || std::isnan(want)) return std::isnan(got) == std::isnan(want) ? 0 : 1e9;
  const auto nearest = static_cast<float>(want);
  if (got == nearest) return 0;
  if (std::isinf(got) || std::isinf(nearest)) return 1e9;
  const double unit = std::max(std::abs(std::nextafter(nearest, 2 * nearest) - nearest),
                               std::numeric_limits<float>::denorm_min());
  return std::abs(got - want) / unit;
}

/// Floats of all exponents, both signs, infinite ones and NaN among them.
TEST(Emit, FunctionsAreWithinFourUnitsOfTheLastPlace) {
  const std::map<std::string, double (*)(double)> functions{
      {"exp", std::exp}, {"log", std::log}, {"tanh", std::tanh}, {"erf", std::erf}};
  const char* stride_text = std::getenv("HONE_ULP_STRIDE");
  const uint64_t stride = stride_text != nullptr ? std::stoull(stride_text) : 9973;
  for (const auto& [name, function] : functions)
    for (const Isa isa : sets()) {
      const Nest nest = parse_nest(cat("nest f\n  x: f32[n] input\n  y: f32[n] output\n",
                                       "  vector 8 $i < n\n    y[$i] = ", name, "(x[$i])\n"));
      const Emitted emitted = emit(nest, isa);
      ASSERT_EQ(emitted.declined, "");
      constexpr int64_t kCount = 1 << 16;
      Tensor x(DType::f32, {kCount});
      double most = 0;
      float worst = 0;
      uint64_t bits = 0;
      while (bits <= 0xFFFFFFFF) {
        int64_t count = 0;
        for (; count < kCount && bits <= 0xFFFFFFFF; bits += stride)
          x.put(count++, static_cast<uint32_t>(bits));
        const Tensor y = run(nest, emitted, {{"n", kCount}}, {x}, Guarded::Edge::back)[0];
        for (int64_t i = 0; i < count; ++i) {
          const auto at = x.at<float>(i);
          const double off = ulps(y.at<float>(i), function(at));
          if (off > most) most = off, worst = at;
        }
      }
      EXPECT_LE(most, 4) << name << " on " << cpu::name(isa) << " at " << worst;
      std::cout << name << " on " << cpu::name(isa) << ": " << most << " at " << worst << "\n";
    }
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

TEST(Emit, DeclinesInWords) {
  EXPECT_EQ(emitted_of("nest a\n  y: f16[4] output\n  for $i < 4\n    y[$i] = f16{1}\n").declined,
            "y is f16");
  EXPECT_EQ(emitted_of("nest a\n  x: f32[n] input\n  y: f32[n] output\n"
                       "  for $i < n\n    y[$i] = x[2*$i]\n")
                .declined,
            "x[2*$i] may lie outside");
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
                .declined,
            "t is not in registers and not small");
  EXPECT_EQ(emitted_of("nest a\n  y: f32[4] output\n  t: f32[5000] local\n  for $i < 5000\n"
                       "    t[$i] = f32{1}\n  for $j < 4\n    y[$j] = t[$j]\n")
                .declined,
            "its own buffers are larger than the frame");
  EXPECT_EQ(
      emitted_of("nest a\n  y: f32[4] output\n  for $i < 4\n    y[$i] = f32{1}\n", Isa::generic)
          .declined,
      "this processor has no AVX2");
}

/// The rights of the mapping that has an address: "r-xp".
std::string rights_of(const void* address) {
  std::ifstream maps("/proc/self/maps");
  const auto wanted = reinterpret_cast<uintptr_t>(address);
  uintptr_t from = 0, to = 0;
  char dash = 0;
  std::string rights, rest;
  while (maps >> std::hex >> from >> dash >> to >> rights && std::getline(maps, rest))
    if (from <= wanted && wanted < to) return rights;
  return "none";
}

TEST(Code, RunsAndIsNeverWritableThen) {
  cpu::jit::CodeBuilder builder;
  const std::vector<uint8_t> returns{0xC3};
  EXPECT_EQ(builder.add(returns), 0u);
  EXPECT_EQ(builder.add(returns), 64u);
  const auto code = builder.finish();
  EXPECT_EQ(rights_of(code->at(0)), "r-xp");
  EXPECT_EQ(code->at(1)[0], std::byte{0xCC});
  reinterpret_cast<void (*)()>(reinterpret_cast<uintptr_t>(code->at(64)))();
}

}  // namespace
}  // namespace hone::test
