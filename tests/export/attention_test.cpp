// Attention that ONNX's operator does not say, as the operators that it consists of.

#include <cmath>
#include <limits>

#include "export/round_trip.hpp"

namespace hone::test::attention_test {

constexpr double kInf = std::numeric_limits<double>::infinity();

Tensor floats(std::vector<int64_t> shape, const std::vector<double>& values) {
  Tensor tensor(DType::f32, std::move(shape));
  for (size_t i = 0; i < values.size(); ++i) tensor.set_number(static_cast<int64_t>(i), values[i]);
  return tensor;
}

/// The graph before and after gives nearly the same, NaN where it was NaN.
void expect_near_results(const std::string& text, const std::vector<Tensor>& inputs) {
  const auto graph = graph_of(text);
  const Imported imported = read(onnx_bytes(*graph));
  verify(*imported.graph, "import");
  const Tensor wanted = evaluate(*graph, inputs)[0], found = evaluate(*imported.graph, inputs)[0];
  ASSERT_EQ(found.shape(), wanted.shape());
  for (int64_t i = 0; i < wanted.count(); ++i) {
    const double a = wanted.number(i), b = found.number(i);
    EXPECT_TRUE(std::isnan(a) ? std::isnan(b) : std::fabs(a - b) <= 1e-5)
        << text << i << ": " << b << ", wanted " << a;
  }
}

TEST(ExportAttention, AttentionThatTheOperatorCannotSayIsWrittenInParts) {
  std::vector<double> values(48);
  for (size_t i = 0; i < values.size(); ++i) values[i] = static_cast<double>(i % 7) / 4 - 1;
  const Tensor x = floats({2, 4, 3, 2}, values), rows = floats({2, 3, 8}, values);
  values.resize(24);
  const Tensor few = floats({2, 3, 4}, values);
  const Tensor hidden = floats({3, 3}, {0, -kInf, -kInf, -kInf, -kInf, -kInf, 0, 1, 2});
  Tensor seen(DType::boolean, {2, 1, 1, 3});
  seen.set_integer(0, 1), seen.set_integer(2, 1);
  for (const char* field : {"", "zero_nan=true", "scale=0.5"})
    expect_near_results(cat("graph net(%x: f32[b,4,s,2], %m: f32[s,s]) -> (%y)\n",
                            "  %y = Attention(%x, %x, %x, %m) ", field, "\n"),
                        {x, hidden});
  for (const char* field : {"fill=-1e9", "fill=-1e9 zero_unseen=true", "zero_nan=true"})
    expect_near_results(
        cat("graph net(%q: f32[b,s,8], %k: f32[b,s,4], %m: bool[b,1,1,s]) -> (%y)\n",
            "  %y = Attention(%q, %k, %k, %m) q_num_heads=4 kv_num_heads=2 scale=1 ", field, "\n"),
        {rows, few, seen});
  // Where it makes no difference, and where it is what the operator says, it is the operator.
  for (const char* text : {"Attention(%x, %x, %x)", "Attention(%x, %x, %x, %m) zero_unseen=true"}) {
    const onnx::Model model = onnx::model_of(
        *graph_of(cat("graph net(%x: f32[2,4,3,2], %m: f32[3,3]) -> (%y)\n  %y = ", text, "\n")));
    EXPECT_EQ(model.graph.nodes.back().op_type, "Attention");
  }
  try {
    onnx_bytes(
        *graph_of("graph net(%x: f32[2,4,3,2], %m: f32[3,3]) -> (%y)\n"
                  "  %y = Attention(%x, %x, %x, %m) softcap=2  # /attention\n"));
    FAIL() << "written";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Code::unsupported);
    const std::string_view message = error.message();
    EXPECT_NE(message.find("NaN for a query that sees no key, beside softcap"), message.npos);
    EXPECT_NE(message.find("/attention"), message.npos) << message;
  }
}

TEST(ExportAttention, ASoftmaxThatGuardsIsWrittenInParts) {
  expect_same_results("graph net(%x: f32[n,2]) -> (%y)\n  %y = Softmax(%x) zero_nan=true\n",
                      {floats({2, 2}, {-kInf, -kInf, 0, 1})});
}

}  // namespace hone::test::attention_test
