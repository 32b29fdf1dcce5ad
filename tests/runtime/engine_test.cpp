// Engines and their files: the same bits from a file, plans that do not fit made again.

#include <gtest/gtest.h>
#include <unistd.h>

#include "runtime/engine_file.hpp"
#include "runtime/graph_run.hpp"

namespace hone::test::engine_test {

std::string here() { return open_device()->target()->text(); }

std::shared_ptr<const Graph> digits() {
  return make_portable(import_file(HONE_SOURCE_DIR "/examples/digits/digits.onnx").graph);
}

Tensor pictures(int64_t count) {
  Tensor tensor(DType::f32, {count, 1, 8, 8});
  for (int64_t i = 0; i < tensor.count(); ++i)
    tensor.set_number(i, static_cast<double>(i * 7 % 17) / 16);
  return tensor;
}

Tensor logits(const std::shared_ptr<const Engine>& engine, int64_t count) {
  return Context(engine).run({{"image", pictures(count)}})[0].second;
}

class EngineFile : public testing::Test {
 protected:
  void TearDown() override { std::filesystem::remove(path_); }
  const std::filesystem::path path_ =
      std::filesystem::temp_directory_path() / cat("hone-engine-", ::getpid(), ".hone");
};

TEST_F(EngineFile, RunsTheSameBits) {
  const auto engine = Engine::make(digits(), {.workers = 2});
  save(*engine, path_);
  const auto loaded = load(path_, {.engine = {.workers = 2}, .verify_weights = false});
  EXPECT_EQ(loaded->replanned(), "");
  EXPECT_EQ(loaded->plan(), engine->plan());
  EXPECT_EQ(print(*loaded->portable()).substr(0, 40), print(*engine->portable()).substr(0, 40));
  for (const int64_t count : {1, 6, 0})
    EXPECT_TRUE(same_bits(logits(engine, count), logits(loaded, count)));
}

/// What could not be loaded again is not written, and the older file stays.
TEST_F(EngineFile, WhatDoesNotReadBackIsNotWritten) {
  const auto engine = Engine::make(digits(), {.workers = 2});
  save(*engine, path_);
  const std::string older = read_text(path_);
  const auto refused = [&](const EngineParts& parts, std::string_view why) {
    const std::string message = error_of(Code::internal, [&] { write_engine_file(path_, parts); });
    EXPECT_TRUE(
        message.starts_with("the engine is not written, because it could not be read back: "))
        << message;
    EXPECT_NE(message.find(why), std::string::npos) << message;
    EXPECT_EQ(read_text(path_), older);
  };
  const std::shared_ptr<const Graph> wrong =
      parse("graph g(%x: f32[4]) -> (%y)\n  %y = Neg(%x) : f32[5]\n", all_ops());
  refused({"test", wrong, {}}, "%y has the type f32[5], inference finds f32[4]");
  DevicePart part = engine->part();
  for (PlannedBuffer& buffer : part.plan.buffers) buffer.bytes = Dim(64);
  refused({"test", engine->portable(), {part}}, "its memory differs");
  std::vector<std::string> left;
  for (const auto& entry : std::filesystem::directory_iterator(path_.parent_path()))
    if (entry.path().filename().string().find(path_.filename().string() + ".tmp") !=
        std::string::npos)
      left.push_back(entry.path());
  EXPECT_EQ(join(left, " "), "");
}

TEST_F(EngineFile, APlanForOtherWorkersIsMadeAgain) {
  save(*Engine::make(digits(), {.workers = 3}), path_);
  const auto loaded = load(path_, {.engine = {.workers = 2}});
  EXPECT_EQ(loaded->replanned(), "it was made for 3 workers, there are 2");
  EXPECT_EQ(loaded->plan().workers, 2);
  EXPECT_TRUE(same_bits(logits(loaded, 4), logits(Engine::make(digits(), {.workers = 2}), 4)));
}

TEST_F(EngineFile, APlanThatAsksForLessMemoryIsMadeAgain) {
  const auto portable = digits();
  const auto engine = Engine::make(portable, {.workers = 2});
  Plan plan = engine->plan();
  for (PlannedBuffer& buffer : plan.buffers) buffer.bytes = Dim(64);
  write_engine_file(path_, {"test", portable, {{here(), nullptr, plan}}});
  const auto loaded = load(path_, {.engine = {.workers = 2}});
  EXPECT_EQ(loaded->replanned(), "the plan does not fit the graph: its memory differs");
  EXPECT_EQ(loaded->plan(), engine->plan());
  EXPECT_TRUE(same_bits(logits(loaded, 4), logits(engine, 4)));
}

TEST_F(EngineFile, WithoutAPlanOneIsMade) {
  const auto portable = digits();
  write_engine_file(path_, {"test", portable, {}});
  const auto loaded = load(path_, {.engine = {.workers = 2}});
  EXPECT_EQ(loaded->replanned(), "");
  EXPECT_TRUE(same_bits(logits(loaded, 2), logits(Engine::make(portable, {.workers = 2}), 2)));
}

TEST_F(EngineFile, APlanForAnotherProcessorIsMadeAgain) {
  const auto portable = digits();
  DevicePart part = Engine::make(portable, {.workers = 2})->part();
  part.target = "cpu other";
  write_engine_file(path_, {"test", portable, {part}});
  const auto loaded = load(path_, {.engine = {.workers = 2}});
  EXPECT_EQ(loaded->replanned(), cat("it was made for cpu other, this is ", here()));
  EXPECT_TRUE(same_bits(logits(loaded, 2), logits(Engine::make(portable, {.workers = 2}), 2)));
}

TEST_F(EngineFile, ThePartForThisProcessorIsFound) {
  const auto portable = digits();
  const DevicePart here = Engine::make(portable, {.workers = 2})->part();
  DevicePart other = here;
  other.target = "cpu other";
  write_engine_file(path_, {"test", portable, {other, here}, "image 0.5\n"});
  EXPECT_EQ(load(path_, {.engine = {.workers = 2}})->replanned(), "");
  const EngineParts parts = read_engine_file(path_).parts;
  EXPECT_EQ(parts.calibration, "image 0.5\n");
  ASSERT_EQ(parts.devices.size(), 2u);
  EXPECT_EQ(parts.devices[0].target, "cpu other");
  EXPECT_EQ(parts.devices[1].plan, here.plan);
}

/// tests/runtime/version1.hone was written by the writer of version 1: y = Relu(x w + b).
TEST_F(EngineFile, AnOlderFileIsPlannedAgain) {
  const auto loaded =
      load(HONE_SOURCE_DIR "/tests/runtime/version1.hone", {.engine = {.workers = 2}});
  EXPECT_EQ(loaded->replanned(), "the file's version is 1, this Hone writes 4");
  const auto found = Context(loaded).run({{"x", ramp({1, 4}, 0)}});
  EXPECT_EQ(numbers(found[0].second), (std::vector<double>{0, 0.625, 2.25, 3.875, 0.25, 0, 0, 0}));
}

TEST_F(EngineFile, WithoutThePortableGraphItRunsHereOnly) {
  const auto engine = Engine::make(digits(), {.workers = 2});
  save(*engine, path_, {.drop_portable = true});
  const auto loaded = load(path_, {.engine = {.workers = 2}});
  EXPECT_EQ(loaded->portable(), nullptr);
  EXPECT_TRUE(same_bits(logits(loaded, 5), logits(engine, 5)));
  const std::string rest =
      "; it was built with --drop-portable and cannot be planned again, build it anew from the "
      "model";
  EXPECT_EQ(error_of(Code::incompatible_engine, [&] { load(path_, {.engine = {.workers = 3}}); }),
            cat(path_.string(), ": its plan cannot be used: it was made for 2 workers, there are 3",
                rest));
  DevicePart part = engine->part();
  part.target = "cpu other";
  write_engine_file(path_, {"test", nullptr, {part}});
  EXPECT_EQ(error_of(Code::incompatible_engine, [&] { load(path_, {.engine = {.workers = 2}}); }),
            cat(path_.string(), ": its plan cannot be used: it was made for cpu other, this is ",
                here(), rest));
}

/// Few weights made from a seed are written as their seed, more as what they are.
TEST_F(EngineFile, ManyRandomWeightsAreStored) {
  const auto of = [](int64_t rows) {
    return make_portable(parse(cat("graph g(%x: f32[1,", rows,
                                   "]) -> (%y)\n"
                                   "  %y = MatMul(%x, @w) : f32[1,2]\n"
                                   "weights\n"
                                   "  @w : f32[",
                                   rows, ",2] random(1, 1)\n"),
                               all_ops()));
  };
  const auto few = of(1000), many = of(int64_t{3} << 20);
  write_engine_file(path_, {"test", few, {}});
  EXPECT_TRUE(read_engine_file(path_).parts.portable->constants()[0]->weight->is_random());
  EXPECT_EQ(
      error_of(Code::incompatible_engine,
               [&] { read_engine_file(path_, true, {.random_bytes = 7999}); }),
      cat(path_.string(),
          " is not a usable engine file: its weights made from seeds take 8000 bytes, at most "
          "7999 are made"));
  write_engine_file(path_, {"test", many, {}});
  const auto again = read_engine_file(path_).parts.portable;
  const Weight& weight = *again->constants()[0]->weight;
  EXPECT_FALSE(weight.is_random());
  EXPECT_TRUE(same_bits(weight.tensor(), many->constants()[0]->weight->tensor()));
}

/// Limits are of models: an engine may have 16 times the nodes, as a region is one more than those
/// that it has.
TEST_F(EngineFile, MayHaveMoreNodesThanItsModel) {
  const auto write = [&](int nodes) {
    std::string text = cat("graph g(%v0: f32[2]) -> (%v", nodes, ")\n");
    for (int i = 0; i < nodes; ++i) text += cat("  %v", i + 1, " = Neg(%v", i, ")\n");
    write_engine_file(path_, {"test", graph_of(text), {}});
  };
  write(16);
  EXPECT_EQ(read_engine_file(path_, true, {.nodes = 1}).parts.portable->nodes().size(), 16u);
  write(17);
  const std::string message =
      error_of(Code::incompatible_engine, [&] { read_engine_file(path_, true, {.nodes = 1}); });
  EXPECT_NE(message.find("found more than 16 nodes, wanted fewer"), std::string::npos) << message;
}

/// The graph that the plan is of unpacks a weight: made when loaded, unless nothing else is there.
TEST_F(EngineFile, ATypedGraphThatBlowsUpIsMadeAgain) {
  const auto portable = make_portable(
      parse("graph g(%x: f32[n,512]) -> (%y)\n"
            "  %w = Cast(@q) to=f32 : f32[512,512]\n"
            "  %y = MatMul(%x, %w) : f32[n,512]\n"
            "weights\n"
            "  @q : i8[512,512] 262144 bytes\n",
            all_ops(), [](std::string_view, DType, const std::vector<int64_t>& shape, const Hash&) {
              return Weight::of(Tensor(DType::i8, shape));
            }));
  const auto engine = Engine::make(portable, {.workers = 2});
  save(*engine, path_);
  EXPECT_EQ(read_engine_file(path_).parts.devices.at(0).typed, nullptr);
  EXPECT_LT(std::filesystem::file_size(path_), 300000u);
  EXPECT_EQ(load(path_, {.engine = {.workers = 2}})->replanned(), "");
  save(*engine, path_, {.drop_portable = true});
  EXPECT_NE(read_engine_file(path_).parts.devices.at(0).typed, nullptr);
  EXPECT_EQ(load(path_, {.engine = {.workers = 2}})->plan(), engine->plan());
}

TEST_F(EngineFile, StringsBranchesAndSmallTypesComeBack) {
  auto graph = graph_of(
      "graph g(%x: f32[n], %c: bool[], %s: str[m]) -> (%y, %e, %w)\n"
      "  %y = If(%c, %x)\n"
      "    then_branch(%a: f32[n]) -> (%r)\n"
      "      %r = Relu(%a)\n"
      "    else_branch(%a: f32[n]) -> (%r)\n"
      "      %r = Neg(%a)\n"
      "  %e = Equal(%s, str[1]{\"a b\"})\n"
      "  %w = Add(%x, f32[1]{0.5})\n");
  save(*build(std::move(graph)), path_);
  Context context(load(path_));
  const auto found = context.run({{"x", ramp({3}, -1)},
                                  {"c", Tensor::scalar(DType::boolean, 0)},
                                  {"s", Tensor::of_strings({2}, {"a b", "c"})}});
  EXPECT_EQ(numbers(found[0].second), (std::vector<double>{1, 0, -1}));
  EXPECT_EQ(numbers(found[1].second), (std::vector<double>{1, 0}));
  EXPECT_EQ(numbers(found[2].second), (std::vector<double>{-0.5, 0.5, 1.5}));
}

}  // namespace hone::test::engine_test
