// What only looking at operands tells, on a GPU: texts, and against the reference.

#include <gtest/gtest.h>

#include <cstring>

#include "base/size.hpp"
#include "device/cuda/compiler.hpp"
#include "device/cuda/finding.hpp"
#include "device/cuda/regions.hpp"

namespace hone::test::finding_test {

using namespace cuda;

/// Half of the elements of operands named "m" are 0; boxes overlap, and scores repeat.
const RegionCase kFound[] = {
    {"places of booleans",
     "graph g(%m: bool[3,n,5]) -> (%y)\n  %y = NonZero(%m)\n",
     {{{"n", 1}}, {{"n", 0}}, {{"n", 7}}, {{"n", 3000}}}},
    {"places of f32, a row",
     "graph g(%m: f32[n]) -> (%y)\n  %y = NonZero(%m)\n",
     {{{"n", 4096}}, {{"n", 4097}}, {{"n", 100003}}}},
    {"places of halves", "graph g(%m: bf16[2,3,2,n]) -> (%y)\n  %y = NonZero(%m)\n", {{{"n", 41}}}},
    {"places of i64", "graph g(%m: i64[n,4]) -> (%y)\n  %y = NonZero(%m)\n", {{{"n", 50}}}},
    {"rows that are kept",
     "graph g(%x: f32[n,7], %m: bool[n]) -> (%y)\n  %y = Compress(%x, %m) axis=0\n",
     {{{"n", 1}}, {{"n", 5000}}}},
    {"columns that are kept of halves",
     "graph g(%x: f16[4,n,3], %m: bool[5]) -> (%y)\n  %y = Compress(%x, %m) axis=-2\n",
     {{{"n", 5}}, {{"n", 9}}}},
    {"elements that are kept",
     "graph g(%x: i64[6,n], %m: bool[17]) -> (%y)\n  %y = Compress(%x, %m)\n",
     {{{"n", 3}}, {{"n", 70}}}},
    {"the best boxes",
     "graph g(%b: f32[2,n,4], %s: f32[2,3,n], %o: f32[1], %t: f32[1]) -> (%y)\n"
     "  %y = NonMaxSuppression(%b, %s, _, %o, %t) max_output_boxes_per_class=[20]\n",
     {{{"n", 1}}, {{"n", 300}}, {{"n", 2500}}}},
    {"all boxes of halves by their centers",
     "graph g(%b: f16[1,n,4], %s: f16[1,5,n], %o: f32[]) -> (%y)\n"
     "  %y = NonMaxSuppression(%b, %s, _, %o) max_output_boxes_per_class=[100000] "
     "center_point_box=true\n",
     {{{"n", 700}}, {{"n", 0}}}},
};

TEST(FindingTexts, Compile) {
  if (!compiler_state().why.empty()) GTEST_SKIP() << "NVRTC: " << compiler_state().why;
  for (const RegionCase& region : kFound) {
    const auto graph = graph_of(region);
    const FindingTexts texts = finding_texts_of(graph->nodes().front());
    ASSERT_EQ(texts.declined, "") << region.name;
    for (const int capability : {75, 80, 90, 100}) {
      EXPECT_GT(compile(texts.looking, architecture(capability))->image.size(), 100u);
      if (texts.writing.empty()) continue;
      EXPECT_GT(compile(texts.writing, architecture(capability))->image.size(), 100u);
    }
  }
}

TEST(FindingTexts, DeclineWhatTheyDoNotKnow) {
  const auto declined = [](std::string_view text) {
    const auto graph = parse(text, all_ops());
    infer(*graph);
    return finding_texts_of(graph->nodes().front()).declined;
  };
  EXPECT_EQ(declined("graph g(%x: f32[3]) -> (%y)\n  %y, _, _, _ = Unique(%x)\n"), "another op");
  EXPECT_EQ(declined("graph g(%b: f32[1,9,4], %s: f32[1,1,9], %k: i64[]) -> (%y)\n"
                     "  %y = NonMaxSuppression(%b, %s, %k)\n"),
            "how many boxes there are at most is an operand");
  EXPECT_EQ(declined("graph g(%x: u4[9]) -> (%y)\n  %y = NonZero(%x)\n"),
            "elements of less than a byte");
}

Tensor drawn_for(const Value& input, const Bindings& sizes, Rng& rng) {
  Tensor made = drawn(input.type, sizes, rng);
  for (int64_t i = 0; i < made.count(); ++i) {
    if (input.name == "m" && rng.percent(50)) {
      if (is_float(made.dtype())) made.set_number(i, rng.percent(50) ? 0.0 : -0.0);
      else made.set_integer(i, 0);
    } else if (input.name == "b") {
      made.set_number(i, static_cast<double>(rng.below(160)) / 16);
    } else if (input.name == "s") {
      made.set_number(i, static_cast<double>(rng.below(100)) / 64 - 0.5);
    } else if (input.name == "o" || input.name == "t") {
      made.set_number(i, 0.25);
    }
  }
  return made;
}

void expect_found(const RegionCase& region, const Bindings& sizes, hone::Device& device,
                  Finder& finder) {
  const auto graph = graph_of(region);
  const auto stream = device.stream({});
  Rng rng(17);
  std::vector<Tensor> inputs;
  std::vector<Buffer> buffers;
  std::vector<Operand> operands;
  const Node& node = graph->nodes().front();
  for (const Value* operand : node.inputs) {
    operands.emplace_back();
    if (operand == nullptr) continue;
    inputs.push_back(drawn_for(*operand, sizes, rng));
    const Tensor& given = inputs.back();
    const auto bytes = static_cast<int64_t>(given.bytes().size());
    buffers.push_back(device.allocate(bytes));
    device.copy(buffers.back(),
                {const_cast<std::byte*>(given.bytes().data()), bytes, true, nullptr}, *stream);
    operands.back() = {buffers.back().data, given.dtype(), given.shape()};
  }
  const Tensor wanted = evaluate(*graph, inputs)[0];
  const auto shapes = finder.look(operands, *stream);
  ASSERT_EQ(shapes.size(), 1u);
  ASSERT_EQ(shapes[0], wanted.shape());
  const auto bytes = static_cast<int64_t>(wanted.bytes().size());
  const Buffer place = device.allocate(bytes + 64);
  finder.write({place.data}, *stream);
  Tensor got(wanted.dtype(), wanted.shape());
  device.copy({got.mutable_bytes().data(), bytes, true, nullptr}, place, *stream);
  stream->synchronize();
  ASSERT_EQ(std::memcmp(got.bytes().data(), wanted.bytes().data(), wanted.bytes().size()), 0);
}

TEST(Gpu, FindsWhatOnlyLookingTells) {
  const auto device = gpu_count() > 0 ? open_device("cuda") : nullptr;
  if (device == nullptr) GTEST_SKIP() << "there is no GPU: " << driver_state().why;
  for (const RegionCase& region : kFound) {
    const auto graph = graph_of(region);
    const auto finding = dynamic_cast<FindingDevice&>(*device).finding(graph->nodes().front());
    ASSERT_NE(finding, nullptr) << region.name;
    const auto finder = finding->finder();
    for (const Bindings& sizes : region.sizes) {
      SCOPED_TRACE(cat(region.name, ", ", sizes.begin()->second));
      expect_found(region, sizes, *device, *finder);
    }
  }
}

}  // namespace hone::test::finding_test
