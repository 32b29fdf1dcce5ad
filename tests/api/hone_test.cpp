// The C and C++ interfaces, through nothing but their headers, on the digits.

#include <gtest/gtest.h>

#include <array>
#include <cstring>
#include <numeric>
#include <thread>

#include "api/digits.hpp"

#if defined(__SANITIZE_ADDRESS__)
/// What cannot be had is reported, not fatal, as without the sanitizer.
extern "C" __attribute__((visibility("default"))) const char* __asan_default_options() {
  return "allocator_may_return_null=1";
}
#endif

namespace hone_test {

using namespace api_test;
using HoneHpp = Folder;
using HoneH = Folder;

TEST_F(HoneHpp, PortsTellNamesTypesAndSizes) {
  const hone::Engine engine = hone::build(hone::import(kDigits));
  ASSERT_EQ(engine.inputs().size(), 1u);
  const hone::Port image = engine.inputs().front();
  EXPECT_EQ(image.name, "image");
  EXPECT_EQ(image.dtype, HONE_F32);
  EXPECT_TRUE(image.has_rank);
  EXPECT_EQ(image.dims, (std::vector<int64_t>{-1, 1, 8, 8}));
  EXPECT_EQ(image.names, (std::vector<std::string>{"n", "1", "8", "8"}));
  ASSERT_EQ(engine.outputs().size(), 1u);
  EXPECT_EQ(engine.outputs().front().name, "logits");
  EXPECT_EQ(engine.outputs().front().dims, (std::vector<int64_t>{-1, 10}));
}

TEST_F(HoneHpp, AnEngineTellsWhatItRuns) {
  const hone::Engine engine = hone::build(hone::import(kDigits));
  EXPECT_NE(engine.report().find("image"), std::string::npos) << engine.report();
  EXPECT_NE(engine.report(HONE_REPORT_EXPLANATION).find("launched"), std::string::npos);
  EXPECT_EQ(engine.report(HONE_REPORT_JSON).front(), '{');
  EXPECT_EQ(hone_engine_report(engine.handle(), HONE_REPORT_PLAN, nullptr), HONE_USAGE);
  EXPECT_STREQ(hone_message(), "text is NULL");
}

TEST_F(HoneHpp, KernelsAreChosenForTheSizesThatAreStated) {
  const hone::Model model = hone::import(kDigits);
  const hone::Engine engine = hone::build(model, {.sizes = "n=3"});
  EXPECT_NE(engine.report(HONE_REPORT_PLAN).find("expects \"n\" 3"), std::string::npos)
      << engine.report(HONE_REPORT_PLAN);
  EXPECT_EQ(logits_of(engine, 5), logits_of(hone::build(model), 5));
  const auto refused = [&](const char* sizes) -> std::string {
    try {
      hone::build(model, {.sizes = sizes});
    } catch (const hone::Error& error) {
      return error.what();
    }
    return {};
  };
  EXPECT_EQ(refused("m=3"), "sizes: no input has a size \"m\"; open are n");
  EXPECT_EQ(refused("n=x"), "sizes: found \"n=x\", wanted a size such as n=1");
}

TEST_F(HoneHpp, AnyBatchSizeGivesWhatOnePictureGives) {
  const hone::Engine engine = hone::build(hone::import(kDigits), {.workers = 2});
  const std::vector<float> all = logits_of(engine, 9);
  ASSERT_EQ(all.size(), 90u);
  hone::Context context(engine);
  for (const int64_t count : {1, 9, 0, 4}) {
    const std::vector<float> pixels = pictures(count);
    const auto results = context.run({hone::Tensor::view("image", pixels, {count, 1, 8, 8})});
    ASSERT_EQ(results.at("logits").shape(), (std::vector<int64_t>{count, 10}));
    const auto logits = results.at("logits").data<float>();
    for (size_t i = 0; i < logits.size(); ++i) ASSERT_NEAR(logits[i], all[i], 1e-4) << count;
  }
  EXPECT_GT(context.arena_bytes(), 0);
}

TEST_F(HoneHpp, WritesInPlace) {
  const hone::Engine engine = hone::build(hone::import(kDigits));
  hone::Context context(engine);
  const std::vector<float> pixels = pictures(3);
  std::vector<float> logits(30, -1);
  const auto image = hone::Tensor::view("image", pixels, {3, 1, 8, 8});
  const auto results = context.run({image}, {hone::Tensor::view("logits", logits, {3, 10})});
  EXPECT_EQ(results.at("logits").raw(), logits.data());
  EXPECT_EQ(logits, logits_of(engine, 3));
}

TEST_F(HoneHpp, MisalignedMemoryIsReadAndWritten) {
  const hone::Engine engine = hone::build(hone::import(kDigits));
  hone::Context context(engine);
  const std::vector<float> pixels = pictures(2);
  std::vector<char> in(pixels.size() * 4 + 1), out(20 * 4 + 3);
  std::memcpy(in.data() + 1, pixels.data(), pixels.size() * 4);
  context.run({hone::Tensor("image", HONE_F32, {2, 1, 8, 8}, in.data() + 1, in.size() - 1)},
              {hone::Tensor("logits", HONE_F32, {2, 10}, out.data() + 3, out.size() - 3)});
  std::vector<float> logits(20);
  std::memcpy(logits.data(), out.data() + 3, 80);
  EXPECT_EQ(logits, logits_of(engine, 2));
}

TEST_F(HoneHpp, ResultsDoNotChangeWithTheInputs) {
  hone::Context context(hone::build(hone::import(kDigits)));
  std::vector<float> pixels = pictures(1);
  const auto results = context.run({hone::Tensor::view("image", pixels, {1, 1, 8, 8})});
  const std::vector<float> before = copy_of(results[0]);
  std::fill(pixels.begin(), pixels.end(), 0.0f);
  EXPECT_EQ(copy_of(results[0]), before);
}

TEST_F(HoneHpp, SavedAndLoadedRunsTheSameBits) {
  const hone::Engine engine = hone::build(hone::import(kDigits), {.workers = 2});
  engine.save(file("digits.hone"));
  const hone::Engine loaded = hone::Engine::load(file("digits.hone"), {.workers = 2});
  EXPECT_EQ(logits_of(engine, 7), logits_of(loaded, 7));
  EXPECT_EQ(loaded.inputs().front().names, engine.inputs().front().names);
  loaded.save(file("digits.hone"));  // over the file that it is mapped from
  EXPECT_EQ(logits_of(loaded, 7), logits_of(hone::Engine::load(file("digits.hone")), 7));
}

/// An ONNX file of y = x + w, f32[2] each, w of [1, 2] where it is not given.
constexpr std::string_view kSum =
    "08081207686f7374696c653a620a170a01780a01771201791a077468655f41646422034164641201"
    "672a110802100142017722080000803f000000405a0f0a0178120a0a08080112040a0208025a0f0a"
    "0177120a0a08080112040a020802620f0a0179120a0a08080112040a02080242021011";

std::string sum_bytes() {
  std::string bytes;
  const auto digit = [](char c) { return c >= 'a' ? c - 'a' + 10 : c - '0'; };
  for (size_t i = 0; i < kSum.size(); i += 2)
    bytes += static_cast<char>(digit(kSum[i]) * 16 + digit(kSum[i + 1]));
  return bytes;
}

TEST_F(HoneHpp, InputsWithAValueOfTheirOwn) {
  const hone::Engine engine = hone::build(hone::import(file("sum.onnx", sum_bytes())));
  ASSERT_EQ(engine.inputs().size(), 1u);
  ASSERT_EQ(engine.defaults().size(), 1u);
  EXPECT_EQ(engine.defaults()[0].name, "w");
  EXPECT_EQ(engine.defaults()[0].dims, std::vector<int64_t>{2});
  engine.save(file("sum.hone"));
  const std::vector<float> x{10, 20}, w{5, 6};
  for (const hone::Engine& each : {engine, hone::Engine::load(file("sum.hone"))}) {
    hone::Context context(each);
    const hone::Tensor given = hone::Tensor::view("x", x, {2});
    EXPECT_EQ(copy_of(context.run({given}).at("y")), (std::vector<float>{11, 22}));
    EXPECT_EQ(copy_of(context.run({given, hone::Tensor::view("w", w, {2})}).at("y")),
              (std::vector<float>{15, 26}));
  }
}

TEST_F(HoneHpp, ContextsInThreads) {
  const hone::Engine engine = hone::build(hone::import(kDigits), {.workers = 2});
  const std::vector<float> wanted = logits_of(engine, 5);
  std::array<int, 4> right{};
  std::vector<std::thread> threads;
  for (int& count : right)
    threads.emplace_back([&] {
      for (int i = 0; i < 10; ++i) count += logits_of(engine, 5) == wanted;
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(std::accumulate(right.begin(), right.end(), 0), 40);
}

TEST_F(HoneHpp, WrongArgumentsAreTold) {
  const hone::Engine engine = hone::build(hone::import(kDigits));
  hone::Context context(engine);
  std::vector<float> pixels = pictures(2);
  std::vector<int32_t> whole(128);
  const auto image = hone::Tensor::view("image", pixels, {2, 1, 8, 8});
  const auto refused = [&](std::vector<hone::Tensor> in, std::vector<hone::Tensor> out = {}) {
    const auto [code, message] = error_of([&] { context.run(in, out); });
    EXPECT_EQ(code, HONE_USAGE) << message;
    return message;
  };
  const auto has = [](const std::string& message, std::string_view part) {
    EXPECT_NE(message.find(part), std::string::npos) << message;
  };
  has(refused({}), "input \"image\"");
  has(refused({image, image}), "given twice");
  has(refused({hone::Tensor::view("picture", pixels, {2, 1, 8, 8})}), "no input \"picture\"");
  has(refused({hone::Tensor::view("image", whole, {2, 1, 8, 8})}), "wanted f32[n,1,8,8]");
  has(refused({hone::Tensor::view("image", pixels, {2, 1, 64})}), "wanted f32[n,1,8,8]");
  has(refused({hone::Tensor::view("image", pixels, {3, 1, 8, 8})}), "512 bytes");
  has(refused({hone::Tensor::view("image", pixels, {-2, 1, 8, 8})}), "has shape [-2,1,8,8]");
  has(refused({hone::Tensor::view("image", pixels, {INT64_MAX, 4, 8, 8})}), "");
  has(refused({image}, {hone::Tensor::view("classes", pixels, {2, 10})}), "no output \"classes\"");
  has(refused({image}, {hone::Tensor::view("logits", pixels, {4, 5})}), "the place given");
  EXPECT_EQ(context.run({image}).at("logits").shape(), (std::vector<int64_t>{2, 10}));
  EXPECT_EQ(error_of([&] { context.run({image}).at("classes"); }).first, HONE_USAGE);
  EXPECT_EQ(error_of([&] { context.run({image})[0].data<double>(); }).first, HONE_USAGE);
  EXPECT_EQ(error_of([&] { hone::build(hone::import(kDigits), {.workers = -1}); }).first,
            HONE_USAGE);
}

TEST_F(HoneHpp, EveryCodeOfAFile) {
  EXPECT_EQ(error_of([&] { hone::import(file("absent.onnx")); }).first, HONE_IO);
  EXPECT_EQ(error_of([&] { hone::Engine::load(file("absent.hone")); }).first, HONE_IO);
  const auto broken = error_of([&] { hone::import(file("broken.onnx", "no model")); });
  EXPECT_EQ(broken.first, HONE_INVALID_MODEL) << broken.second;
  const auto unknown = error_of([&] { hone::import(file("new.onnx", one_node("NoSuchOp"))); });
  EXPECT_EQ(unknown.first, HONE_UNSUPPORTED) << unknown.second;
  EXPECT_NE(unknown.second.find("NoSuchOp"), std::string::npos) << unknown.second;
  EXPECT_NO_THROW(hone::build(hone::import(file("relu.onnx", one_node("Relu")))));
  const auto foreign = error_of([&] { hone::Engine::load(kDigits); });
  EXPECT_EQ(foreign.first, HONE_INCOMPATIBLE_ENGINE) << foreign.second;
  const hone::Engine engine = hone::build(hone::import(kDigits));
  EXPECT_EQ(error_of([&] { engine.save(file("no folder/digits.hone")); }).first, HONE_IO);
}

TEST_F(HoneHpp, MoreMemoryThanThereIs) {
  hone::Context context(hone::build(hone::import(kDigits)));
  constexpr int64_t kMany = int64_t{1} << 40;  // the arena is asked for before any input is read
  std::vector<float> pixels = pictures(1);
  const auto [code, message] = error_of([&] {
    context.run({hone::Tensor("image", HONE_F32, {kMany, 1, 8, 8}, pixels.data(),
                              static_cast<size_t>(kMany) * 256)});
  });
  EXPECT_EQ(code, HONE_OUT_OF_MEMORY) << message;
  EXPECT_NO_THROW(context.run({hone::Tensor::view("image", pixels, {1, 1, 8, 8})}));
}

TEST_F(HoneH, NamesOfCodesAndTypes) {
  EXPECT_STREQ(hone_code_name(HONE_OK), "ok");
  EXPECT_STREQ(hone_code_name(HONE_INVALID_MODEL), "invalid_model");
  EXPECT_STREQ(hone_code_name(HONE_INTERNAL), "internal");
  EXPECT_STREQ(hone_dtype_name(HONE_F32), "f32");
  EXPECT_STREQ(hone_dtype_name(HONE_STRING), "str");
  EXPECT_EQ(hone_dtype_name(static_cast<hone_dtype>(HONE_STRING + 1)), nullptr);
  EXPECT_EQ(hone_dtype_bytes(HONE_I4, 3), 2u);
  EXPECT_EQ(hone_dtype_bytes(HONE_F64, 3), 24u);
  EXPECT_EQ(hone_dtype_bytes(HONE_F64, INT64_MAX), 0u);
  EXPECT_EQ(hone_dtype_bytes(HONE_F64, -1), 0u);
  EXPECT_EQ(hone_dtype_bytes(HONE_STRING, 1), 0u);
  EXPECT_STREQ(hone_version(), hone::version().c_str());
}

TEST_F(HoneH, NullIsToldOrFine) {
  hone_model* model = nullptr;
  hone_engine* engine = nullptr;
  hone_context* context = nullptr;
  EXPECT_EQ(hone_import(nullptr, nullptr, &model), HONE_USAGE);
  EXPECT_STREQ(hone_message(), "path is NULL");
  EXPECT_EQ(hone_import(kDigits.c_str(), nullptr, nullptr), HONE_USAGE);
  EXPECT_EQ(hone_build(nullptr, nullptr, &engine), HONE_USAGE);
  EXPECT_EQ(hone_engine_load(nullptr, nullptr, &engine), HONE_USAGE);
  EXPECT_EQ(hone_engine_save(nullptr, "x"), HONE_USAGE);
  EXPECT_EQ(hone_context_create(nullptr, &context), HONE_USAGE);
  EXPECT_EQ(hone_run(nullptr, nullptr, 0, nullptr, 0), HONE_USAGE);
  EXPECT_EQ(hone_engine_input(nullptr, 0, nullptr), HONE_USAGE);
  EXPECT_EQ(hone_engine_default(nullptr, 0, nullptr), HONE_USAGE);
  EXPECT_EQ(hone_engine_defaults(nullptr), 0u);
  EXPECT_EQ(hone_engine_inputs(nullptr), 0u);
  EXPECT_EQ(hone_engine_outputs(nullptr), 0u);
  EXPECT_EQ(hone_context_arena_bytes(nullptr), 0);
  hone_model_free(nullptr);
  hone_engine_free(nullptr);
  hone_context_free(nullptr);
}

TEST_F(HoneH, RunsAndFillsInWhatItMade) {
  hone_model* model = nullptr;
  hone_engine* engine = nullptr;
  hone_context* context = nullptr;
  ASSERT_EQ(hone_import(kDigits.c_str(), nullptr, &model), HONE_OK) << hone_message();
  hone_engine_options options{};
  options.size = sizeof options;
  options.workers = 1;
  ASSERT_EQ(hone_build(model, &options, &engine), HONE_OK) << hone_message();
  hone_model_free(model);  // the engine has what it needs
  ASSERT_EQ(hone_context_create(engine, &context), HONE_OK) << hone_message();
  hone_port port;
  EXPECT_EQ(hone_engine_output(engine, 1, &port), HONE_USAGE);
  EXPECT_EQ(hone_engine_output(engine, 0, nullptr), HONE_USAGE);
  ASSERT_EQ(hone_engine_output(engine, 0, &port), HONE_OK);
  EXPECT_STREQ(port.dim_names[0], "n");
  hone_engine_free(engine);  // the context too

  std::vector<float> pixels = pictures(2);
  const std::vector<int64_t> shape{2, 1, 8, 8};
  hone_tensor image = dense("image", shape, pixels);
  hone_tensor logits{};
  logits.name = "logits";
  ASSERT_EQ(hone_run(context, &image, 1, &logits, 1), HONE_OK) << hone_message();
  EXPECT_EQ(logits.dtype, HONE_F32);
  ASSERT_EQ(logits.rank, 2);
  EXPECT_EQ(logits.shape[0], 2);
  EXPECT_EQ(logits.shape[1], 10);
  EXPECT_EQ(logits.bytes, 80u);
  // What a run gave may be the next run's input, and stays as it is when that fails.
  hone_tensor again = logits;
  again.name = "image";
  EXPECT_EQ(hone_run(context, &again, 1, nullptr, 0), HONE_USAGE);
  EXPECT_EQ(static_cast<const float*>(logits.data)[0],
            logits_of(hone::build(hone::import(kDigits), {.workers = 1}), 2)[0]);
  image.dtype = HONE_STRING;
  EXPECT_EQ(hone_run(context, &image, 1, nullptr, 0), HONE_USAGE);
  image.dtype = HONE_F32;
  image.name = nullptr;
  EXPECT_EQ(hone_run(context, &image, 1, nullptr, 0), HONE_USAGE);
  EXPECT_EQ(hone_run(context, nullptr, 1, nullptr, 0), HONE_USAGE);
  hone_context_free(context);
}

/// A model of one SequenceInsert of an optional's or sequence's input, as ONNX writes it.
std::string sequence_model() {
  const std::string folder = HONE_TEST_DATA "/onnx_backend_tests/node/test_sequence_insert_at_back";
  return folder + "/model.onnx";
}

TEST_F(HoneH, SequencesGoInAndComeOut) {
  if (!std::filesystem::exists(sequence_model())) GTEST_SKIP() << "no " << sequence_model();
  const hone::Engine engine = hone::build(hone::import(sequence_model()), {.workers = 1});
  ASSERT_EQ(engine.inputs().size(), 2u);
  EXPECT_EQ(engine.inputs()[0].kind, HONE_SEQUENCE);
  EXPECT_EQ(engine.inputs()[0].dtype, HONE_I64);
  EXPECT_EQ(engine.inputs()[1].kind, HONE_TENSOR);
  std::vector<int64_t> first{1, 2}, second{3}, third{4, 5, 6};
  const auto view = [](std::vector<int64_t>& values) {
    return hone::Tensor::view("", values, {static_cast<int64_t>(values.size())});
  };
  const std::string list = engine.inputs()[0].name;
  hone::Context context(engine);
  const hone::Results results =
      context.run({hone::Tensor::sequence(list, HONE_I64, {view(first), view(second)}),
                   hone::Tensor::view(engine.inputs()[1].name, third, {3})});
  ASSERT_EQ(results.size(), 1u);
  EXPECT_EQ(results[0].kind(), HONE_SEQUENCE);
  ASSERT_EQ(results[0].elements().size(), 3u);
  EXPECT_EQ(results[0].elements()[2].data<int64_t>()[1], 5);
  EXPECT_EQ(results[0].elements()[0].shape(), (std::vector<int64_t>{2}));
  try {
    context.run({hone::Tensor::sequence(list, HONE_F32, {}),
                 hone::Tensor::view(engine.inputs()[1].name, third, {3})});
    ADD_FAILURE() << "a sequence of another type was taken";
  } catch (const hone::Error& error) {
    EXPECT_EQ(error.code(), HONE_USAGE);
    EXPECT_NE(std::string(error.what()).find("a sequence of 0 f32 tensors"), std::string::npos);
  }
}

}  // namespace hone_test
