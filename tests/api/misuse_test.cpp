// What callers get wrong, and how the interface says so: never by a crash.

#include <gtest/gtest.h>

#include <atomic>
#include <cstddef>
#include <thread>

#include "api/digits.hpp"

namespace misuse_test {

using namespace api_test;
using HoneHpp = Folder;
using HoneH = Folder;

/// The options of a header to come.
struct Longer {
  hone_import_options known;
  int32_t later[8];
};

TEST_F(HoneH, OptionsOfOlderAndNewerCallersAreRead) {
  const auto import = [&](const void* options) {
    hone_model* model = nullptr;
    const hone_code code =
        hone_import(kDigits.c_str(), static_cast<const hone_import_options*>(options), &model);
    EXPECT_EQ(model != nullptr, code == HONE_OK);
    hone_model_free(model);
    return code;
  };
  hone_import_options older{};
  older.follow_links = 77;  // beyond what it says that it has
  for (const size_t size : {sizeof(size_t), offsetof(hone_import_options, follow_links)}) {
    older.size = size;
    EXPECT_EQ(import(&older), HONE_OK) << hone_message();
  }
  for (const size_t size : {size_t{0}, size_t{7}, SIZE_MAX}) {
    older.size = size;
    EXPECT_EQ(import(&older), HONE_USAGE);
    EXPECT_EQ(std::string(hone_message()).substr(0, 28), "hone_import_options.size is ");
  }
  Longer newer{};
  newer.known.size = sizeof newer;
  EXPECT_EQ(import(&newer), HONE_OK) << hone_message();
  newer.later[7] = 1;
  EXPECT_EQ(import(&newer), HONE_USAGE);
  EXPECT_NE(std::string(hone_message()).find("does not know"), std::string::npos);
}

/// A context of the digits and what its runs are told.
class HoneRun : public testing::Test {
 protected:
  void SetUp() override {
    hone_model* model = nullptr;
    hone_engine* engine = nullptr;
    ASSERT_EQ(hone_import(kDigits.c_str(), nullptr, &model), HONE_OK) << hone_message();
    ASSERT_EQ(hone_build(model, nullptr, &engine), HONE_OK) << hone_message();
    ASSERT_EQ(hone_context_create(engine, &context_), HONE_OK) << hone_message();
    hone_model_free(model);
    hone_engine_free(engine);
  }
  void TearDown() override { hone_context_free(context_); }

  hone_tensor image() { return dense("image", shape_, pixels_); }
  /// The code of a run and its message.
  std::pair<hone_code, std::string> run(const hone_tensor& image) {
    const hone_code code = hone_run(context_, &image, 1, nullptr, 0);
    return {code, code == HONE_OK ? "" : hone_message()};
  }

  hone_context* context_ = nullptr;
  std::vector<float> pixels_ = pictures(1);
  std::vector<int64_t> shape_{1, 1, 8, 8};
};

TEST_F(HoneRun, RanksAreBoundedAndNullIsCalledNull) {
  hone_tensor given = image();
  for (const int32_t rank : {INT32_MAX, 65, -1}) {
    given.rank = rank;
    EXPECT_EQ(run(given), (std::pair(HONE_USAGE, "tensor \"image\" has rank " +
                                                     std::to_string(rank) + ", wanted 0 to 64")));
  }
  given = image();
  given.data = nullptr;
  EXPECT_EQ(run(given), (std::pair(HONE_USAGE, std::string("tensor \"image\" has no data (NULL), "
                                                           "f32[1,1,8,8] wants 256 bytes"))));
  given = image();
  given.shape = nullptr;
  EXPECT_EQ(
      run(given),
      (std::pair(HONE_USAGE, std::string("tensor \"image\" has rank 4 and no shape (NULL)"))));
}

TEST_F(HoneRun, WhatTensorsMayOneDaySayIsRefusedToday) {
  hone_tensor given = image();
  const std::vector<int64_t> rows{64, 7, 8, 1}, columns{64, 64, 1, 8};
  given.strides = rows.data();  // a dimension of size 1 may have any
  EXPECT_EQ(run(given).first, HONE_OK);
  given.strides = columns.data();
  EXPECT_EQ(run(given),
            (std::pair(HONE_UNSUPPORTED,
                       std::string("tensor \"image\" has the stride 8 in dimension 3: this version "
                                   "takes dense row-major tensors, 1 there (or NULL)"))));
  given = image();
  given.device = 1;
  EXPECT_EQ(run(given),
            (std::pair(HONE_DEVICE, std::string("tensor \"image\" lies on device 1 of kind 0; the "
                                                "engine takes the host's memory (HONE_HOST, 0)"))));
  given = image();
  given.reserved[3] = 1;
  EXPECT_EQ(run(given).first, HONE_USAGE);
  hone_tensor logits{};
  logits.name = "logits";
  logits.device = 2;
  given = image();
  EXPECT_EQ(hone_run(context_, &given, 1, &logits, 1), HONE_DEVICE);
}

TEST_F(HoneRun, AContextInUseIsSaidToBe) {
  std::atomic<int> right = 0, busy = 0, other = 0;
  const auto many = [&] {
    std::vector<float> pixels = pictures(1);
    hone_tensor image = dense("image", shape_, pixels), logits{};
    logits.name = "logits";
    for (int i = 0; i < 300; ++i) {
      hone_tensor result = logits;
      const hone_code code = hone_run(context_, &image, 1, &result, 1);
      const bool told =
          code == HONE_USAGE && std::string(hone_message()).starts_with("the context is in use");
      ++(code == HONE_OK ? right : told ? busy : other);
      (void)hone_context_arena_bytes(context_);
    }
  };
  std::thread one(many), two(many);
  one.join();
  two.join();
  EXPECT_EQ(right + busy, 600);
  EXPECT_GT(right, 0);
  EXPECT_EQ(other, 0);
  EXPECT_EQ(run(image()).first, HONE_OK);
}

TEST_F(HoneHpp, AModelMayGiveOneValueTwice) {
  const std::string text =
      "graph g(%x: f32[n]) -> (%y, %y)\n"
      "  %y = Neg(%x) : f32[n]\n";
  const hone::Engine built = hone::build(hone::import(file("twice.graph", text)), {.workers = 1});
  built.save(file("twice.hone"));
  for (const hone::Engine& engine :
       {built, hone::Engine::load(file("twice.hone"), {.workers = 1})}) {
    ASSERT_EQ(engine.outputs().size(), 2u);
    EXPECT_EQ(engine.outputs()[1].name, "y");
    hone::Context context(engine);
    std::vector<float> x{1, 2}, first(2), second(2);
    const auto in = hone::Tensor::view("x", x, {2});
    const auto all = context.run({in});
    ASSERT_EQ(all.size(), 2u);
    EXPECT_EQ(copy_of(all[0]), (std::vector<float>{-1, -2}));
    EXPECT_EQ(copy_of(all[1]), (std::vector<float>{-1, -2}));
    const auto place = [](std::vector<float>& to) { return hone::Tensor::view("y", to, {2}); };
    context.run({in}, {place(first)});
    EXPECT_EQ(first, (std::vector<float>{-1, -2}));
    first = {0, 0};
    context.run({in}, {place(first), place(second)});
    EXPECT_EQ(first, (std::vector<float>{-1, -2}));
    EXPECT_EQ(second, (std::vector<float>{-1, -2}));
    std::vector<float> third(2);
    const auto [code, message] = error_of([&] {
      context.run({in}, {place(first), place(second), place(third)});
    });
    EXPECT_EQ(code, HONE_USAGE);
    EXPECT_EQ(message, "output \"y\" is given two places");
  }
}

TEST_F(HoneHpp, AnIndexOutOfRangeIsTheCallers) {
  const std::string text =
      "graph g(%x: f32[4], %i: i64[2]) -> (%y)\n"
      "  %y = Gather(%x, %i) axis=0 : f32[2]\n";
  hone::Context context(hone::build(hone::import(file("gather.graph", text)), {.workers = 1}));
  std::vector<float> x{1, 2, 3, 4};
  std::vector<int64_t> i{0, 4};
  const auto [code, message] = error_of([&] {
    context.run({hone::Tensor::view("x", x, {4}), hone::Tensor::view("i", i, {2})});
  });
  EXPECT_EQ(code, HONE_USAGE) << message;
  EXPECT_NE(message.find("Gather %y"), std::string::npos) << message;
  i[1] = 3;
  EXPECT_NO_THROW(context.run({hone::Tensor::view("x", x, {4}), hone::Tensor::view("i", i, {2})}));
}

TEST_F(HoneHpp, MessagesHoldNothingThatATerminalObeys) {
  const auto [code, message] =
      error_of([&] { hone::import(file("new.onnx", one_node("\x1b[2J\xe2\x80\xae"))); });
  EXPECT_EQ(code, HONE_UNSUPPORTED);
  EXPECT_EQ(message.find('\x1b'), std::string::npos) << message;
  EXPECT_NE(message.find("\\x1b[2J\\xe2\\x80\\xae"), std::string::npos) << message;
}

TEST_F(HoneHpp, WeightsBehindLinksAreReadWhenAskedFor) {
  // One value of 20 that lies in another file, by a text.
  std::string text = "graph g(%x: f32[20]) -> (%y)\n  %y = Add(%x, @w) : f32[20]\nweights\n";
  text += "  @w : f32[20] 80 bytes w.data+0x0\n";
  file("w.stored", std::string(80, '\0'));
  std::filesystem::create_symlink("w.stored", file("w.data"));
  const std::string path = file("linked.graph", text);
  const auto refused = error_of([&] { hone::import(path); });
  EXPECT_EQ(refused.first, HONE_IO);
  EXPECT_NE(refused.second.find("follow_links"), std::string::npos) << refused.second;
  EXPECT_EQ(error_of([&] { hone::import(path, {.random_weights = 1}); }).first, HONE_IO);
  EXPECT_NO_THROW(hone::import(path, {.follow_links = true}));
}

}  // namespace misuse_test
