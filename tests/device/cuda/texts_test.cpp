// Regions as texts for a GPU: what their nests compute, and that NVRTC takes the texts for every
// architecture. Neither needs a GPU; tests/gpu/run compares what the texts compute on one.

#include <gtest/gtest.h>

#include "device/cuda/compiler.hpp"
#include "device/cuda/emit/cluster_text.hpp"
#include "device/cuda/emit/contract_text.hpp"
#include "device/cuda/emit/emit.hpp"
#include "device/cuda/emit/grouped_text.hpp"
#include "device/cuda/emit/resident_text.hpp"
#include "device/cuda/emit/schedule.hpp"
#include "device/cuda/emit/serial_text.hpp"
#include "device/cuda/emit/tensor_text.hpp"
#include "device/cuda/halves.hpp"
#include "device/cuda/small_regions.hpp"
#include "device/cuda/texts.hpp"
#include "ir/nest/evaluate.hpp"
#include "ir/nest/verify.hpp"

namespace hone::test::texts_test {

using namespace cuda;

class Texts : public testing::TestWithParam<RegionCase> {};

TEST_P(Texts, ComputeTheRegion) {
  const auto graph = graph_of(GetParam());
  const auto scheduled = emitter::schedule(*graph);
  ASSERT_EQ(scheduled.declined, "");
  verify(scheduled.nest);
  Rng rng(7);
  for (const Bindings& sizes : GetParam().sizes) {
    std::vector<Tensor> inputs, given;
    for (const Value* input : graph->inputs()) inputs.push_back(drawn(input->type, sizes, rng));
    for (const Value* operand : scheduled.operands) {
      if (operand->is_constant()) given.push_back(operand->weight->tensor());
      for (size_t i = 0; i < inputs.size(); ++i)
        if (graph->inputs()[i] == operand) given.push_back(inputs[i]);
    }
    const std::vector<Tensor> wanted = evaluate(*graph, inputs);
    const std::vector<Tensor> got = evaluate(scheduled.nest, sizes, given);
    ASSERT_EQ(got.size(), wanted.size());
    size_t next = 0;
    for (const Value* operand : scheduled.operands)
      for (size_t i = 0; i < wanted.size(); ++i)
        if (graph->outputs()[i].value == operand) expect_close(got[next++], wanted[i]);
    EXPECT_EQ(next, wanted.size());
  }
}

TEST_P(Texts, Compile) {
  if (!compiler_state().why.empty()) GTEST_SKIP() << "NVRTC: " << compiler_state().why;
  const auto graph = graph_of(GetParam());
  const auto scheduled = emitter::schedule(*graph);
  std::vector<Tensor> contents;
  for (const Value* operand : scheduled.operands)
    contents.push_back(operand->is_constant() ? operand->weight->tensor() : Tensor());
  const auto emitted = emitter::emit(scheduled.nest, contents, scheduled.lanes);
  ASSERT_EQ(emitted.declined, "");
  EXPECT_EQ(emitted.launches.size(), GetParam().functions);
  for (const int capability : {75, 80, 90, 100}) {
    const auto compiled = compile(emitted.text.narrow(), architecture(capability));
    EXPECT_GT(compiled->image.size(), 100u);
    EXPECT_EQ(compiled->log.find("error"), std::string::npos) << compiled->log;
  }
}

/// How many elements a thread takes at once: what lies side by side, as far as it fits.
TEST(NestTexts, TakeElementsSideBySide) {
  struct Wanted {
    std::string_view name, run;
  };
  for (const Wanted& wanted :
       {Wanted{"halves", "Run<unsigned short, 8>"}, Wanted{"gather", "Run<float, 2>"},
        Wanted{"root mean square", "Run<unsigned short, 8>"}, Wanted{"layer norm", "Run<float, 4>"},
        Wanted{"pointwise", ""}, Wanted{"transposed", ""}, Wanted{"slices", ""}})
    for (const RegionCase& region : kRegions) {
      if (region.name != wanted.name) continue;
      const auto graph = graph_of(region);
      const auto scheduled = emitter::schedule(*graph);
      const std::vector<Tensor> contents(scheduled.operands.size());
      const std::string text = emitter::emit(scheduled.nest, contents, 32).text.body;
      if (wanted.run.empty()) EXPECT_EQ(text.find("Run<"), std::string::npos) << text;
      else EXPECT_NE(text.find(wanted.run), std::string::npos) << wanted.name << text;
    }
}

/// Rows that lie apart, neighbours side by side: a block takes several, more where there are many.
TEST(NestTexts, TakeNeighbouringRowsTogether) {
  const auto text_of = [](const RegionCase& region) {
    const auto graph = graph_of(region);
    const auto problem = problem_of(*graph, false, true);
    const auto scheduled = emitter::schedule(*problem->region.body, emitter::strides_of(*problem));
    const std::vector<Tensor> contents(scheduled.operands.size());
    const auto emitted = emitter::emit(scheduled.nest, contents, scheduled.lanes);
    EXPECT_EQ(emitted.launches.front().threads, 512) << region.name;
    return emitted.text.body;
  };
  EXPECT_NE(text_of(kAcross[0]).find("lane = threadIdx.x / 4"), std::string::npos);
  EXPECT_NE(text_of(kAcross[1]).find("lane = threadIdx.x / 32"), std::string::npos);
  EXPECT_NE(text_of(kAcross[2]).find("lane = threadIdx.x / 8"), std::string::npos);
}

/// Products of all kinds, with every tile.
TEST(SerialTexts, Compile) {
  if (!compiler_state().why.empty()) GTEST_SKIP() << "NVRTC: " << compiler_state().why;
  for (const RegionCase& region : kSerial) {
    const auto graph = graph_of(region);
    const emitter::SerialText written = emitter::serial_text_of(graph->nodes().front());
    ASSERT_EQ(written.declined, "") << region.name;
    EXPECT_EQ(written.functions.size(), region.functions) << region.name;
    for (const std::string& text : {written.text.narrow(), written.text.wide()})
      EXPECT_GT(compile(text, architecture(90))->image.size(), 100u) << region.name;
  }
}

TEST(SerialTexts, DeclineWhatTheyDoNotKnow) {
  const auto declined = [](std::string_view text) {
    const auto graph = parse(text, all_ops());
    infer(*graph);
    return emitter::serial_text_of(graph->nodes().front()).declined;
  };
  EXPECT_EQ(declined("graph g(%x: f32[3]) -> (%y)\n  %y = Relu(%x)\n"), "another op");
  EXPECT_EQ(declined("graph g(%x: f32[3], %a: i64[]) -> (%y)\n  %y = CumSum(%x, %a)\n"),
            "its axis is an operand");
  EXPECT_EQ(declined("graph g(%x: bool[3], %i: i64[2], %u: bool[2]) -> (%y)\n"
                     "  %y = ScatterElements(%x, %i, %u) reduction=max\n"),
            "it computes with booleans");
}

TEST(ContractTexts, Compile) {
  if (!compiler_state().why.empty()) GTEST_SKIP() << "NVRTC: " << compiler_state().why;
  for (const RegionCase& product : kProducts) {
    const auto graph = graph_of(product);
    const emitter::Contraction made = emitter::contraction_of(*graph);
    ASSERT_EQ(made.declined, "") << product.name;
    const bool tensor = emitter::multiplies_halves(made);
    struct Way {
      int rows, split, capability;
    };
    for (const Way& way : {Way{64, 1, 75}, {64, 4, 80}, {128, 1, 90}, {128, 4, 100}}) {
      if (tensor && way.capability < 80) continue;
      const auto written =
          emitter::text_of(made, {way.rows, 64, tensor ? 32 : 16, way.split, tensor});
      ASSERT_EQ(written.declined, "") << product.name;
      const auto compiled = compile(written.text.narrow(), architecture(way.capability));
      EXPECT_GT(compiled->image.size(), 100u) << product.name;
    }
  }
}

/// Products of halves for tensor cores of warps and of warpgroups, dense and by channels.
TEST(TensorTexts, Compile) {
  if (!compiler_state().why.empty()) GTEST_SKIP() << "NVRTC: " << compiler_state().why;
  for (const RegionCase& product : kHalves) {
    const auto graph = graph_of(product);
    for (const bool constants : {false, true}) {
      const auto problem = problem_of(*graph, constants, constants);
      const auto made = emitter::half_product_of(*problem);
      ASSERT_EQ(made->declined, "") << product.name;
      struct Way {
        emitter::TensorTile tile;
        int capability;
      };
      for (const Way& way :
           {Way{{128, 64, 3, 1, false, false}, 80}, Way{{64, 32, 4, 4, false, false}, 100},
            Way{{128, 128, 4, 1, true, true}, 90}, Way{{64, 64, 6, 4, true, true}, 90}}) {
        const auto written = emitter::text_of(*made, way.tile);
        ASSERT_EQ(written.declined, "") << product.name;
        const auto compiled = compile(written.text.narrow(), architecture(way.capability));
        EXPECT_GT(compiled->image.size(), 100u) << product.name;
        EXPECT_EQ(compiled->log.find("(C75"), std::string::npos)
            << product.name << ", " << way.tile.rows << " rows: " << compiled->log;
      }
    }
  }
}

/// Of a pool's windows a thread takes one alone, unless there are few.
TEST(Texts, WindowsAreNotShared) {
  const auto threads_of = [](std::string_view size) {
    const auto graph =
        graph_of({"", cat("graph g(%x: f32[8,", size, ",20,20]) -> (%y)\n",
                          "  %y = MaxPool(%x) kernel_shape=[5,5] pads=[2,2,2,2]\n")});
    const auto scheduled = emitter::schedule(*graph);
    const std::vector<Tensor> none(scheduled.operands.size());
    const auto emitted = emitter::emit(scheduled.nest, none, scheduled.lanes);
    return emitted.launches.at(0).threads / emitted.launches.at(0).turns_a_block;
  };
  EXPECT_EQ(threads_of("64"), 1);
  EXPECT_GT(threads_of("4"), 1);
}

/// Groups of channels, channels innermost.
TEST(GroupedTexts, Compile) {
  if (!compiler_state().why.empty()) GTEST_SKIP() << "NVRTC: " << compiler_state().why;
  for (const RegionCase& region : kGrouped) {
    const auto graph = graph_of(region);
    EXPECT_EQ(emitter::grouped_of(*problem_of(*graph, true, false))->declined,
              "channels are not innermost");
    const auto problem = problem_of(*graph, true, true);
    const auto made = emitter::grouped_of(*problem);
    ASSERT_EQ(made->declined, "") << region.name;
    for (const emitter::GroupedTile& tile :
         {emitter::GroupedTile{1, 1}, {4, 1}, {1, static_cast<int>(made->down.taps)}})
      for (const int capability : {75, 90})
        EXPECT_GT(compile(emitter::text_of(*made, tile).text.narrow(), architecture(capability))
                      ->image.size(),
                  100u)
            << region.name;
  }
}

/// Functions of halves have as many digits as those keep.
TEST(TensorTexts, FunctionsOfHalvesAreShort) {
  for (const RegionCase& product : kHalves) {
    if (product.name != "rows of halves") continue;
    const auto problem = problem_of(*graph_of(product), true, false);
    const auto made = emitter::half_product_of(*problem);
    const std::string text = emitter::text_of(*made, {}).text.body;
    EXPECT_NE(text.find("gelu_of_half("), std::string::npos);
    EXPECT_EQ(text.find("erf_of_half("), std::string::npos);
    EXPECT_EQ(text.find("erff("), std::string::npos);
  }
}

/// What is computed of several operands is a step of its own: then it lies in memory.
TEST(TensorTexts, TakeNoFactorThatIsComputedOfSeveral) {
  const auto declined = [](std::string_view type) {
    const auto graph = parse(
        cat("graph g(%x: ", type, "[1,72,5,7], %w: ", type, "[16,72,1,1], %s: ", type,
            "[1,72,1,1]) -> (%y)\n  %h = Mul(%x, %s)\n", "  %a = Conv(%h, %w)\n  %y = Relu(%a)\n"),
        all_ops());
    infer(*graph);
    return emitter::contraction_of(*graph).declined;
  };
  EXPECT_EQ(declined("f16"), "a factor is computed of several operands");
  EXPECT_EQ(declined("f32"), "");
}

/// The same by blocks that stay.
TEST(ResidentTexts, Compile) {
  if (!compiler_state().why.empty()) GTEST_SKIP() << "NVRTC: " << compiler_state().why;
  for (const RegionCase& product : kHalves) {
    const auto graph = graph_of(product);
    for (const bool constants : {false, true}) {
      const auto problem = problem_of(*graph, constants, constants);
      const auto made = emitter::brought_product_of(*problem);
      if (!made.declined.empty()) continue;
      for (const emitter::ResidentTile& tile : {emitter::ResidentTile{3, 1, 192, 3, 2, false},
                                                emitter::ResidentTile{3, 1, 64, 4, 4, true},
                                                emitter::ResidentTile{2, 2, 128, 4, 2, true}}) {
        const auto written = emitter::text_of(made, tile);
        ASSERT_EQ(written.declined, "") << product.name;
        const auto compiled = compile(written.text.narrow(), architecture(90));
        EXPECT_GT(compiled->image.size(), 100u) << product.name;
        EXPECT_EQ(compiled->log.find("(C75"), std::string::npos)
            << product.name << ", " << tile.columns << " columns: " << compiled->log;
      }
    }
  }
}

/// The same by clusters.
TEST(ClusterTexts, Compile) {
  if (!compiler_state().why.empty()) GTEST_SKIP() << "NVRTC: " << compiler_state().why;
  for (const RegionCase& product : kHalves) {
    const auto graph = graph_of(product);
    for (const bool constants : {false, true}) {
      const auto problem = problem_of(*graph, constants, constants);
      const auto made = emitter::brought_product_of(*problem);
      if (!made.declined.empty()) continue;
      for (const emitter::ClusterTile& tile :
           {emitter::ClusterTile{64, 4, 1, 2}, emitter::ClusterTile{64, 6, 8, 1}}) {
        const auto written = emitter::text_of(made, tile);
        ASSERT_EQ(written.declined, "") << product.name;
        const auto compiled = compile(written.text.narrow(), architecture(90));
        EXPECT_GT(compiled->image.size(), 100u) << product.name;
        EXPECT_EQ(compiled->log.find("(C75"), std::string::npos)
            << product.name << ", " << tile.split << " parts: " << compiled->log;
      }
    }
  }
}

/// Which way operands come to blocks that stay.
TEST(ResidentTexts, TakeMatricesAndPictures) {
  using Kind = emitter::Brought::Kind;
  struct Way {
    std::string_view name;
    bool constants;
    Kind a, b;
    bool keeps, windows = false;
    int64_t part = 0;
  };
  for (const Way& way :
       {Way{"rows of halves", true, Kind::rows, Kind::packed, false},
        Way{"rows of halves in parts", true, Kind::rows, Kind::packed, false, false, 128},
        Way{"a large product of halves", false, Kind::rows, Kind::columns, true},
        Way{"bf16 of a long depth", false, Kind::rows, Kind::rows, false},
        Way{"a picture of halves", true, Kind::picture, Kind::packed, true},
        Way{"one picture of halves", true, Kind::picture, Kind::packed, false},
        Way{"one picture of few channels", true, Kind::picture, Kind::packed, false, true},
        Way{"a picture of few channels", true, Kind::picture, Kind::packed, false, true},
        Way{"a picture that is rounded first", true, Kind::picture, Kind::packed, false, true},
        Way{"a picture with odd channels", true, Kind::none, Kind::packed, false, false},
        Way{"points of a picture, halved", true, Kind::picture, Kind::packed, false}}) {
    for (const RegionCase& product : kHalves) {
      if (product.name != way.name) continue;
      const auto problem =
          problem_of(*graph_of(product), way.constants, way.constants && way.part == 0);
      const auto made = emitter::brought_product_of(*problem);
      EXPECT_EQ(made.declined.empty(), way.a != Kind::none) << way.name << made.declined;
      EXPECT_EQ(made.a.kind, way.a) << way.name;
      EXPECT_EQ(made.windows.has_value(), way.windows) << way.name;
      EXPECT_EQ(made.b.kind, way.b) << way.name;
      EXPECT_EQ(made.kept.kind != Kind::none, way.keeps) << way.name;
      EXPECT_EQ(made.result.part, way.part) << way.name;
    }
  }
}

/// Constants are packed; pictures whose channels lie side by side are copied 16 bytes at a time.
TEST(TensorTexts, TakeOperandsTheFastWay) {
  const auto ways = [](std::string_view name, bool constants, bool channels) {
    for (const RegionCase& product : kHalves)
      if (product.name == name) {
        const auto graph = graph_of(product);
        const auto made = emitter::half_product_of(*problem_of(*graph, constants, channels));
        return std::pair(made->a.way, made->b.way);
      }
    return std::pair(emitter::Way::gathered, emitter::Way::gathered);
  };
  using emitter::Way;
  EXPECT_EQ(ways("rows of halves", true, false), std::pair(Way::copied, Way::packed));
  EXPECT_EQ(ways("rows of halves", false, false), std::pair(Way::copied, Way::picked));
  EXPECT_EQ(ways("odd rows of halves", true, false), std::pair(Way::picked, Way::packed));
  EXPECT_EQ(ways("a picture of halves", true, true), std::pair(Way::copied, Way::packed));
  EXPECT_EQ(ways("a picture of halves", true, false), std::pair(Way::packed, Way::picked));
  EXPECT_EQ(ways("a picture of few channels", true, true), std::pair(Way::picked, Way::packed));
  EXPECT_EQ(ways("points of a picture, halved", true, true), std::pair(Way::copied, Way::packed));
  // A caller's tensor lies anywhere.
  const auto graph = graph_of(kHalves[0]);
  const auto problem = problem_of(*graph, true, false);
  problem->inputs[0].alignment = 2;
  EXPECT_EQ(emitter::half_product_of(*problem)->a.way, Way::picked);
  EXPECT_EQ(ways("a picture of any size", true, true), std::pair(Way::copied, Way::packed));
}

std::string name_of(const testing::TestParamInfo<RegionCase>& info) {
  std::string name(info.param.name);
  std::replace(name.begin(), name.end(), ' ', '_');
  return name;
}
INSTANTIATE_TEST_SUITE_P(Cuda, Texts, testing::ValuesIn(kRegions), name_of);
INSTANTIATE_TEST_SUITE_P(CudaSmall, Texts, testing::ValuesIn(kSmallRegions), name_of);

}  // namespace hone::test::texts_test
