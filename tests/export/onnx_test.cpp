#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <set>

#include "base/file.hpp"
#include "export/onnx/node_export.hpp"
#include "export/onnx/operators.hpp"
#include "export/round_trip.hpp"
#include "import/onnx/node_reader.hpp"
#include "ops/arithmetic.hpp"

namespace hone::test::onnx_test {

/// The graph as text after being written and read.
std::string again(std::string_view text) {
  const Imported imported = read(onnx_bytes(*graph_of(text)));
  verify(*imported.graph, "import");
  return print(*imported.graph, {.origins = false, .align = false});
}

int opset_of(std::string_view text) { return onnx::model_of(*graph_of(text)).opsets.at(""); }

std::string error_of(std::string_view text) {
  try {
    onnx_bytes(*graph_of(text));
  } catch (const Error& error) {
    EXPECT_EQ(name(error.code()), "unsupported");
    return error.message();
  }
  return "";
}

TEST(ExportOnnx, NamesTypesAndAttributesComeBack) {
  const std::string text = R"(graph net(%x: f32[n,3,8,8]) -> (%z)
  %y = Conv(%x, f32[1,3,1,1]{1,2,3}) pads=[1,0,1,0] : f32[n,1,10,8]
  %z = LeakyRelu(%y) alpha=0.5 : f32[n,1,10,8]
)";
  EXPECT_EQ(again(text), text);
}

TEST(ExportOnnx, RequiredAttributesAreWrittenThoughTheyAreOurDefaults) {
  const std::string text = R"(graph net(%x: f32[2,3]) -> (%y, %z)
  %y = Concat(%x, %x) : f32[4,3]
  %z = Cast(%x) : f32[2,3]
)";
  EXPECT_EQ(again(text), text);
}

TEST(ExportOnnx, ParametersBecomeOperands) {
  const std::string made = again(R"(graph net(%x: f32[2,3]) -> (%y)
  %y = Transpose(%x) perm=[1,0]
  %z = ReduceSum(%x) axes=[1]
  %w = Slice(%x) starts=[0] ends=[1] axes=[1]
)");
  EXPECT_NE(made.find("ReduceSum(%x, i64[1]{1})"), std::string::npos) << made;
  EXPECT_NE(made.find("Slice(%x, i64[1]{0}, i64[1]{1}, i64[1]{1})"), std::string::npos) << made;
}

TEST(ExportOnnx, SymbolicParametersAreComputedFromShapes) {
  expect_same_results(R"(graph net(%x: f32[n,m,4]) -> (%y, %z, %w)
  %y = Reshape(%x) shape=[2*n,floordiv(m*4,2)]
  %z = Expand(f32{1.5}) shape=[max(n,m),min(m+1,3),n]
  %w = Slice(%x) starts=[n-3] ends=[2*n-m] axes=[1]
)",
                      {ramp({2, 3, 4})});
  expect_same_results(R"(graph net(%x: f32[n,m]) -> (%y)
  %y = ConstantOfShape() shape=[floordiv(n-m,2)+3] value=i32{7}
)",
                      {ramp({2, 5})});  // floor(-3 / 2) + 3 is 1
  for (const auto& [n, m] : {std::pair(1, 4), std::pair(4, 1), std::pair(3, 3), std::pair(0, 1)})
    expect_same_results(R"(graph net(%x: f32[n], %y: f32[m]) -> (%z)
  %z = Expand(f32{2}) shape=[broadcast(n,m)]
)",
                        {ramp({n}), ramp({m})});
}

TEST(ExportOnnx, ASymbolMayBeThatOfANodesResult) {
  expect_same_results(R"(graph net(%x: f32[5]) -> (%y)
  %places = NonZero(%x) : i64[1,k]
  %y = Expand(f32{2}) shape=[k,2]
)",
                      {ramp({5})});
}

TEST(ExportOnnx, TheOpsetIsTheOldestThatHasWhatIsUsed) {
  EXPECT_EQ(opset_of("graph net(%x: f32[2]) -> (%y)\n  %y = Relu(%x)\n"), 18);
  EXPECT_EQ(opset_of("graph net(%x: f32[2]) -> (%y)\n  %y = Gelu(%x)\n"), 20);
  EXPECT_EQ(opset_of("graph net(%x: f32[2]) -> (%y)\n  %y = Cast(%x) to=f16\n"), 18);
  EXPECT_EQ(opset_of("graph net(%x: f32[2]) -> (%y)\n  %y = Cast(%x) to=f8e5m2 saturate=false\n"),
            19);
  EXPECT_EQ(opset_of("graph net(%x: f32[2]) -> (%y)\n  %y = Cast(%x) to=i4\n"), 21);
  EXPECT_EQ(opset_of("graph net(%x: bf16[2]) -> (%y)\n  %y = Sin(%x)\n"), 22);
  EXPECT_EQ(opset_of("graph net(%x: f32[2,2]) -> (%y)\n  %y = Pad(%x) pads=[1,1,1,1]\n"), 18);
}

TEST(ExportOnnx, NewerOpsetsForWhatOlderOnesMeanDifferently) {
  const auto pool = [](std::string_view op, std::string_view ceil) {
    return opset_of(cat("graph net(%x: f32[1,1,4,4]) -> (%y)\n  %y = ", op,
                        "(%x) kernel_shape=[3,3] strides=[3,3] ceil_mode=", ceil, "\n"));
  };
  for (const std::string_view op : {"MaxPool", "LpPool"}) EXPECT_EQ(pool(op, "false"), 18) << op;
  for (const std::string_view op : {"MaxPool", "LpPool", "AveragePool"})
    EXPECT_EQ(pool(op, "true"), 22) << op;
  const auto mod = [](std::string_view type, std::string_view fmod) {
    return opset_of(cat("graph net(%a: ", type, "[2], %b: ", type,
                        "[2]) -> (%y)\n  %y = Mod(%a, %b) fmod=", fmod, "\n"));
  };
  EXPECT_EQ(mod("i32", "false"), 18);
  EXPECT_EQ(mod("f32", "true"), 18);
  EXPECT_EQ(mod("f32", "false"), 28);
  const auto blocks = [](std::string_view mode) {
    return opset_of(cat("graph net(%x: f32[1,2,4,4]) -> (%y)\n  %y = SpaceToDepth(%x) ",
                        "blocksize=2 mode=", mode, "\n"));
  };
  EXPECT_EQ(blocks("DCR"), 18);
  EXPECT_EQ(blocks("CRD"), 28);
}

TEST(ExportOnnx, FloatModAndSpaceToDepthOfOpset28ComeBack) {
  expect_same_results("graph net(%a: f32[5]) -> (%y)\n  %y = Mod(%a, f32{-2})\n", {ramp({5})});
  expect_same_results(
      "graph net(%x: f32[1,2,4,4]) -> (%y)\n  %y = SpaceToDepth(%x) blocksize=2 mode=CRD\n",
      {ramp({1, 2, 4, 4})});
}

TEST(ExportOnnx, FloatsOfSixBitsComeBack) {
  for (const std::string_view type : {"f6e2m3", "f6e3m2"}) {
    const std::string cast = cat("graph net(%x: f32[7]) -> (%y)\n  %y = Cast(%x) to=", type, "\n");
    EXPECT_EQ(opset_of(cast), 28);
    expect_same_results(cast, {ramp({7})});
    expect_same_results(cat("graph net(%x: f32[7]) -> (%y)\n  %q = QuantizeLinear(%x, f32{0.5}) "
                            "output_dtype=",
                            type, "\n  %y = DequantizeLinear(%q, f32{0.5})\n"),
                        {ramp({7})});
  }
}

/// Numbers that the op knows are operands of the rank that the standard says.
TEST(ExportOnnx, ScalarOperandsAreOfRank0) {
  const auto model =
      onnx::model_of(*graph_of(R"(graph net(%x: f32[2,8,1], %n: f32[n]) -> (%a, %b, %c, %d)
  %a = DFT(%x) dft_length=[4] axis=[1]
  %b = CumProd(%n) axis=[0]
  %c = TopK(%n) k=[1]
  %d = HannWindow() size=[n]
)"));
  std::map<std::string, size_t> ranks;
  for (const auto& [name, weight] : model.graph.constants) ranks[name] = weight->tensor().rank();
  EXPECT_EQ(ranks.at("a.dft_length"), 0U);
  EXPECT_EQ(ranks.at("a.axis"), 0U);
  EXPECT_EQ(ranks.at("b.axis"), 0U);
  EXPECT_EQ(ranks.at("c.k"), 1U);  // a vector of one in the standard
  EXPECT_EQ(model.graph.nodes.back().op_type, "HannWindow");
  const onnx::NodeModel& before = *(model.graph.nodes.end() - 2);  // of a size in `n`
  EXPECT_EQ(before.op_type, "Reshape");
  EXPECT_EQ(before.outputs, model.graph.nodes.back().inputs);
}

TEST(ExportOnnx, OtherDomainsAreStated) {
  const auto model = onnx::model_of(*graph_of(R"(graph net(%a: u8[4], %b: u8[4]) -> (%y)
  %y = QLinearAdd(%a, f32{1}, u8{0}, %b, f32{1}, u8{0}, f32{2}, u8{0})
)"));
  EXPECT_EQ(model.opsets.at("com.microsoft"), 1);
  EXPECT_EQ(model.graph.nodes.front().domain, "com.microsoft");
}

TEST(ExportOnnx, OutputsThatAreInputsConstantsOrTwice) {
  const std::string text = R"(graph net(%x: f32[2]) -> (%x, a = %y, b = %y, c = %x, d = f32[2]{1,2})
  %y = Relu(%x)
)";
  const Imported imported = read(onnx_bytes(*graph_of(text)));
  std::vector<std::string> names;
  for (const GraphOutput& output : imported.graph->outputs()) names.push_back(output.name);
  EXPECT_EQ(names, (std::vector<std::string>{"x", "a", "b", "c", "d"}));
  expect_same_results(text, {ramp({2})});
}

constexpr std::string_view kBranches = R"(graph net(%c: bool[], %x: f32[n]) -> (%y, %z)
  %t = Add(%x, f32[1]{5})
  %y, %z = If(%c, %x, %t)
    then_branch(%x: f32[n], %t: f32[n]) -> (%r, %x)
      %r = Mul(%t, f32[1]{5})
    else_branch(%a: f32[n], %b: f32[n]) -> (%t, %b)
      %t = Neg(%a)
)";

TEST(ExportOnnx, BodiesReadFromTheGraphAround) {
  for (const double condition : {0.0, 1.0})
    expect_same_results(kBranches, {Tensor::scalar(DType::boolean, condition), ramp({3})});
  const onnx::Model model = onnx::model_of(*graph_of(kBranches));
  const onnx::NodeModel& node = model.graph.nodes.back();
  EXPECT_EQ(node.op_type, "If");
  EXPECT_EQ(node.inputs, std::vector<std::string>{"c"});
  const auto& taken =
      *std::get<std::shared_ptr<const onnx::GraphModel>>(node.attributes.front().data);
  EXPECT_TRUE(taken.inputs.empty());
  EXPECT_EQ(taken.nodes.front().inputs.front(), "t");
  EXPECT_TRUE(taken.constants.empty());  // its number stands around it too
  const auto& other =
      *std::get<std::shared_ptr<const onnx::GraphModel>>(node.attributes.back().data);
  EXPECT_NE(other.nodes.front().outputs.front(), "t");  // that is a value around
}

TEST(ExportOnnx, FlattenedSoftmaxIsSpelledOut) {
  expect_same_results(R"(graph net(%x: f32[2,3,n]) -> (%y)
  %y = Softmax(%x) axis=1 flatten=true
)",
                      {ramp({2, 3, 4})});
}

TEST(ExportOnnx, ResizeOfOpset10WhereAllScalesAreOnOneSide) {
  for (const std::string_view scales : {"{1,1,2,3}", "{1,1,0.5,0.25}"})
    expect_same_results(
        cat("graph net(%x: f32[1,1,4,4]) -> (%y)\n  %y = Resize(%x, _, f32[4]", scales,
            ") nearest_mode=simple coordinate_transformation_mode=asymmetric\n"),
        {ramp({1, 1, 4, 4})});
}

/// The rule that lets an op be written without a row.
TEST(ExportOnnx, FieldsOfOpsAreAttributesOrOperandsOfTheirOperators) {
  onnx::Exporters exporters;
  onnx::register_all_exporters(exporters);
  int checked = 0;
  for (const OpClass* op : all_ops().all()) {
    std::span<const onnx::OperatorVersion> versions;
    for (const std::string_view domain : {"", "ai.onnx.ml", "ai.onnx.preview", "com.microsoft"})
      if (versions.empty()) versions = onnx::versions_of(domain, op->name);
    if (versions.empty() || exporters.find(op->name) != nullptr) continue;
    ++checked;
    const std::shared_ptr<void> made = op->copy(nullptr);
    FieldList fields;
    op->fields(made.get(), fields);
    for (const Field& field : fields.list()) {
      const bool is_operand =
          std::any_of(op->parameters.begin(), op->parameters.end(),
                      [&](const Parameter& parameter) { return parameter.field == field.name; });
      if (field.name == "dilations" || field.name == "auto_pad") continue;  // every window's
      EXPECT_TRUE(is_operand || versions.back().attribute(field.name) != nullptr)
          << op->name << " has no attribute " << field.name
          << " in ONNX: it needs a row in export/onnx/families";
    }
  }
  EXPECT_GT(checked, 150);
}

TEST(ExportOnnx, WhatOnnxCannotSayIsNamedAllAtOnce) {
  const std::string message = error_of(R"(graph net(%x: f32[1,1,4,4], %q: f32[2]) -> (%a, %b, %c)
  %a = Resize(%x, _, f32[4]{1,1,0.5,2}) nearest_mode=simple  # /up
  %b = Fused(%x)  # /fused
    body(%x: f32[1,1,4,4]) -> (%s)
      %r = Relu(%x)
      %s = Resize(%r, _, f32[4]{1,1,0.5,2}) nearest_mode=simple  # /inner
  %c = Relu(%q)
)");
  EXPECT_NE(message.find("2 nodes cannot be written"), std::string::npos) << message;
  EXPECT_NE(message.find("Resize: nearest_mode=simple"), std::string::npos) << message;
  EXPECT_NE(message.find("(Resize /up, Resize /inner)"), std::string::npos) << message;
}

TEST(ExportOnnx, AMaskOfOneRowIsWrittenOutForEveryQuery) {
  constexpr std::string_view kText = R"(graph net(%q: f32[1,n,4], %m: f32[1,1,1,n]) -> (%y)
  %y = Attention(%q, %q, %q, %m) q_num_heads=2 kv_num_heads=2 zero_unseen=true
)";
  expect_same_results(kText, {ramp({1, 3, 4}), ramp({1, 1, 1, 3})});
  const onnx::Model model = onnx::model_of(*graph_of(kText));
  const onnx::NodeModel& node = model.graph.nodes.back();
  EXPECT_EQ(node.op_type, "Attention");
  EXPECT_EQ(node.inputs[3], "y.mask");
  EXPECT_EQ(std::prev(model.graph.nodes.end(), 2)->op_type, "Expand");
}

TEST(ExportOnnx, NodeNamesAreUnique) {
  const auto model = onnx::model_of(*graph_of(R"(graph net(%x: f32[2]) -> (%z)
  %y = Relu(%x)  # /act
  %z = Neg(%y)  # /act
)"));
  std::set<std::string> names;
  for (const onnx::NodeModel& node : model.graph.nodes) names.insert(node.name);
  EXPECT_EQ(names, (std::set<std::string>{"/act", "/act.1"}));
}

TEST(ExportOnnx, TheSameGraphGivesTheSameBytes) {
  EXPECT_EQ(onnx_bytes(*graph_of(kBranches)), onnx_bytes(*graph_of(kBranches)));
}

TEST(ExportOnnx, DataTypesAreThoseOfTheImport) {
  for (int i = 0; i < kDTypeCount; ++i) {
    const auto dtype = static_cast<DType>(i);
    EXPECT_EQ(onnx::dtype_of(onnx::data_type(dtype)), dtype) << name(dtype);
  }
}

TEST(ExportOnnx, EveryElementTypeComesBack) {
  for (int i = 0; i < kDTypeCount; ++i) {
    const auto dtype = static_cast<DType>(i);
    Tensor tensor(DType::f32, {});
    if (dtype == DType::string) {
      tensor = Tensor::of_strings({3}, {"a", "", "c"});
    } else {
      tensor = Tensor(dtype, {3});
      for (std::byte& byte : tensor.mutable_bytes()) byte = std::byte{1};
    }
    Graph graph("net");
    graph.add_output("y", graph.add_constant("y", Weight::of(tensor)));
    const Imported imported = read(onnx_bytes(graph));
    const Tensor& found = imported.graph->outputs().front().value->weight->tensor();
    if (dtype == DType::string) EXPECT_EQ(found.strings(), tensor.strings());
    else EXPECT_TRUE(same_bits(found, tensor)) << name(dtype);
  }
}

class ExportFile : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = std::filesystem::temp_directory_path() / cat("hone_export_", ::getpid());
    std::filesystem::create_directories(folder_);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::unique_ptr<Graph> weights(int64_t elements) {
    auto graph = std::make_unique<Graph>("net");
    const Type type = Type::tensor(DType::f32, {elements});
    Value* sum = graph->add_input("x", type);
    for (const char* name : {"a", "b"}) {
      Value* weight = graph->add_constant(name, Weight::of(ramp({elements})));
      sum = graph->add_node(Add{}, {sum, weight}, {cat("sum_", name)})->output();
    }
    graph->add_output("y", sum);
    infer(*graph);
    return graph;
  }
  std::filesystem::path folder_;
};

TEST_F(ExportFile, LargeWeightsGoIntoAFileOfTheirOwn) {
  const auto graph = weights(300);
  ExportOptions options;
  options.external = ExportOptions::External::always;
  const Exported made = export_onnx(*graph, folder_ / "net.onnx", options);
  EXPECT_EQ(made.data, folder_ / "net.onnx.data");
  EXPECT_EQ(made.data_bytes, 4096U + 1200U);  // each at the begin of a page
  EXPECT_EQ(std::filesystem::file_size(made.data), made.data_bytes);
  EXPECT_EQ(std::filesystem::file_size(folder_ / "net.onnx"), made.model_bytes);
  EXPECT_LT(made.model_bytes, 1000U);
  const Imported imported = import_file(folder_ / "net.onnx");
  EXPECT_TRUE(same_structure(*graph, *imported.graph));
}

TEST_F(ExportFile, AutomaticGoesBySize) {
  ExportOptions options;
  options.inline_bytes = 2400;
  EXPECT_EQ(export_onnx(*weights(300), folder_ / "fits.onnx", options).data_bytes, 0U);
  EXPECT_FALSE(std::filesystem::exists(folder_ / "fits.onnx.data"));
  EXPECT_GT(export_onnx(*weights(301), folder_ / "large.onnx", options).data_bytes, 0U);
  options.external = ExportOptions::External::never;
  EXPECT_EQ(export_onnx(*weights(301), folder_ / "never.onnx", options).data_bytes, 0U);
  EXPECT_EQ(read_text(folder_ / "never.onnx"), onnx_bytes(*weights(301)));
}

TEST_F(ExportFile, SmallWeightsStayInTheModel) {
  ExportOptions options;
  options.external = ExportOptions::External::always;
  const Exported made = export_onnx(*weights(100), folder_ / "small.onnx", options);
  EXPECT_EQ(made.data_bytes, 0U);
  EXPECT_TRUE(made.data.empty());
}

TEST_F(ExportFile, RandomWeightsAreWrittenAndAbsentOnesAreNot) {
  auto graph = weights(300);
  Value* random = graph->add_constant("random", Weight::random(DType::f32, {300}, 7, 1));
  graph->replace_uses(graph->find("a"), random);
  const Imported imported = read(onnx_bytes(*graph));
  EXPECT_TRUE(
      same_bits(imported.graph->find("random")->weight->tensor(), random->weight->tensor()));

  Value* absent =
      graph->add_constant("absent", Weight::absent(DType::f32, {300}, {}, "net.data+0x10"));
  graph->replace_uses(random, absent);
  try {
    export_onnx(*graph, folder_ / "absent.onnx");
    ADD_FAILURE() << "nothing was thrown";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Code::io);
    EXPECT_NE(error.message().find("net.data+0x10"), std::string::npos) << error.message();
  }
  EXPECT_TRUE(std::filesystem::is_empty(folder_));
}

}  // namespace hone::test::onnx_test
