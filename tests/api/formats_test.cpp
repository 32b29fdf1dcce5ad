// What a caller says of a model's file that the file does not say itself.

#include <gtest/gtest.h>

#include "api/digits.hpp"
#include "support/zip_bytes.hpp"

namespace formats_test {

using namespace api_test;

std::string varint(uint64_t value) {
  std::string made;
  for (; value > 127; value >>= 7) made += static_cast<char>((value & 127) | 128);
  return made + static_cast<char>(value);
}

/// Fields of a protobuf message.
std::string field(unsigned number, std::string_view bytes) {
  return varint(number << 3 | 2) + varint(bytes.size()) + std::string(bytes);
}
std::string field(unsigned number, uint64_t value) { return varint(number << 3) + varint(value); }

constexpr uint64_t kFloat = 1;

/// A node of TensorFlow of one element type.
std::string node(std::string_view op, std::string_view name, std::string_view operand) {
  std::string made = field(1, name) + field(2, op);
  if (!operand.empty()) made += field(3, operand);
  const std::string type = field(6, kFloat);
  return made + field(5, field(1, operand.empty() ? "dtype" : "T") + field(2, type));
}

/// x of any shape, its negative, the magnitude of that.
std::string graph() {
  return field(1, node("Placeholder", "x", "")) + field(1, node("Neg", "n", "x")) +
         field(1, node("Abs", "a", "n")) + field(4, field(1, 1087));
}

std::string signature(std::string_view name, std::string_view result) {
  const auto tensor = [](std::string_view of) { return field(1, of) + field(2, kFloat); };
  const std::string body = field(1, field(1, "x") + field(2, tensor("x:0"))) +
                           field(2, field(1, "y") + field(2, tensor(result)));
  return field(5, field(1, name) + field(2, body));
}

/// The outputs' names and what each gives for -1, 2.
std::string told(const std::string& path, const hone::ImportOptions& options) {
  hone::Engine engine = hone::build(hone::import(path, options));
  hone::Context context(engine);
  const std::vector<float> numbers{-1, 2};
  std::string text;
  for (const hone::Tensor& result : context.run({hone::Tensor::view("x", numbers, {2})})) {
    text += result.name() + ":";
    for (const float number : result.data<float>())
      text += " " + std::to_string(number).substr(0, 4);
    text += "\n";
  }
  return text;
}

using Formats = Folder;

TEST_F(Formats, ResultsOfAGraphAreNamedAndSizesThatItDoesNotStateAreGiven) {
  const std::string path = file("net.pb", graph());
  EXPECT_EQ(told(path, {.shapes = {{"x", {2}}}}), "a: 1.00 2.00\n");
  EXPECT_EQ(told(path, {.results = {"n", "a:0"}, .shapes = {{"", {2}}}}),
            "n: 1.00 -2.0\na:0: 1.00 2.00\n");
  EXPECT_EQ(error_of([&] { hone::import(path, {.results = {"b"}}); }),
            std::pair(HONE_USAGE, std::string("there is no node \"b\" (net.pb)")));
}

TEST_F(Formats, SizesAreThoseOfAnInput) {
  const std::string path = file("net.pb", graph());
  const auto refused = [&](std::string name, std::vector<int64_t> sizes) {
    return error_of([&] {
      hone::import(path, {.shapes = {{"", {2}}, {std::move(name), std::move(sizes)}}});
    });
  };
  EXPECT_EQ(
      refused("y", {2}),
      std::pair(HONE_USAGE, std::string("shapes: there is no input \"y\", the inputs are x")));
  EXPECT_EQ(refused("x", {-2}),
            std::pair(HONE_USAGE, std::string("shapes: \"x\" has a size of -2")));
  EXPECT_EQ(
      refused("x", {INT64_MAX, 2}),
      std::pair(HONE_USAGE, std::string("shapes: \"x\" has more elements than can be counted")));
  EXPECT_EQ(
      error_of([] {
        hone::import(kDigits, {.shapes = {{"image", {1, 1, 9, 8}}}});
      }),
      std::pair(HONE_USAGE, std::string("shapes: input \"image\" is f32[n,1,8,8], not 1x1x9x8")));
}

TEST_F(Formats, ASignatureIsNamed) {
  const std::string meta = field(1, field(4, "serve")) + field(2, graph()) +
                           signature("first", "n:0") + signature("second", "a:0");
  const std::string path = file("saved_model.pb", field(1, 1) + field(2, meta));
  std::filesystem::create_directory(file("variables"));
  EXPECT_EQ(told(path, {.signature = "first", .shapes = {{"x", {2}}}}), "y: 1.00 -2.0\n");
  EXPECT_EQ(told(path, {.signature = "second", .shapes = {{"x", {2}}}}), "y: 1.00 2.00\n");
  EXPECT_EQ(error_of([&] { hone::import(path, {.signature = "third"}); }),
            std::pair(HONE_USAGE, std::string("there is no signature \"third\", only first, second "
                                              "(saved_model.pb)")));
}

TEST_F(Formats, NumbersOfAProgramAreGiven) {
  const std::string code =
      "class Net(Module):\n"
      "  def forward(self, x: Tensor, n: int, f: float) -> Tensor:\n"
      "    return torch.mul(torch.mul(x, n), f)\n";
  const std::string path = file("net.pt", hone::test::zip_of({{"net/data.pkl",
                                                               "\x80\x02"
                                                               "c__torch__\nNet\n)\x81}b."},
                                                              {"net/constants.pkl", "\x80\x02)."},
                                                              {"net/code/__torch__.py", code},
                                                              {"net/version", "3\n"}}));
  const auto with = [](std::map<std::string, double> numbers) {
    return hone::ImportOptions{.shapes = {{"x", {2}}}, .numbers = std::move(numbers)};
  };
  EXPECT_EQ(told(path, with({{"n", 3}, {"f", 0.5}})), "output: -1.5 3.00\n");
  const auto refused = [&](std::map<std::string, double> numbers) {
    return error_of([&] { hone::import(path, with(std::move(numbers))); });
  };
  EXPECT_EQ(
      refused({{"n", 3}, {"f", 1}, {"k", 2}}),
      std::pair(HONE_USAGE, std::string("there is no parameter \"k\" to take a number; it has "
                                        "x, n, f (net.pt)")));
  EXPECT_EQ(
      refused({{"n", 0.5}, {"f", 1}}),
      std::pair(HONE_USAGE, std::string("the input n is an int: 0.5 is no value of it (net.pt)")));
}

TEST(ImportOptionsOfC, ArraysAreThereWhereTheirCountsSaySo) {
  const auto refused = [](auto set) {
    hone_import_options options{};
    options.size = sizeof options;
    set(options);
    hone_model* model = nullptr;
    EXPECT_EQ(hone_import(kDigits.c_str(), &options, &model), HONE_USAGE);
    return std::string(hone_message());
  };
  EXPECT_EQ(refused([](hone_import_options& o) { o.result_count = 1; }),
            "results is NULL, its count is 1");
  EXPECT_EQ(refused([](hone_import_options& o) { o.number_count = 2; }),
            "numbers is NULL, its count is 2");
  static constexpr const char* kNone[] = {nullptr};
  EXPECT_EQ(refused([](hone_import_options& o) { o.results = kNone, o.result_count = 1; }),
            "a name in results is NULL");
  static constexpr hone_input_shape kShape = {"image", nullptr, 4};
  EXPECT_EQ(refused([](hone_import_options& o) { o.shapes = &kShape, o.shape_count = 1; }),
            "the sizes of a shape is NULL, its count is 4");
}

}  // namespace formats_test
