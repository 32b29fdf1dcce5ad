// Engines on a device whose memory is not the host's.

#include "runtime/graph_run.hpp"
#include "support/apart_device.hpp"

namespace hone::test::apart_test {

std::shared_ptr<const Engine> engine_on(const std::shared_ptr<ApartDevice>& device,
                                        std::string_view text, bool fallback = true) {
  BuildOptions options;
  options.engine.workers = 2;
  options.engine.device = device;
  options.engine.fallback = fallback;
  return build(graph_of(text), options);
}

/// On devices that take all ops, and each a part of them.
void expect_on_all(std::string_view text, const std::vector<Tensor>& inputs) {
  for (size_t salt = 0; salt < 4; ++salt) {
    const auto device = std::make_shared<ApartDevice>(salt);
    Context context(engine_on(device, text));
    for (int run = 0; run < 4; ++run) expect_as_evaluated(context, text, inputs);
  }
}

constexpr std::string_view kMixed =
    "graph g(%x: f32[n,8]) -> (%y, %z)\n"
    "  %a = Softmax(%x)\n  %b = CumSum(%a, i64[]{1})\n  %c = MatMul(%b, @w)\n"
    "  %d = Reshape(%c) shape=[n,4,2]\n  %e = Exp(%d)\n  %f = Reshape(%e) shape=[n,8]\n"
    "  %y = CumSum(%f, i64[]{0})\n  %z = Concat(%a, %f) axis=0\n"
    "weights\n  @w : f32[8,8] random(3, 0.5)\n";

TEST(Apart, StepsRunOnBothSides) {
  expect_on_all(kMixed, {ramp({3, 8}, -10)});
  expect_on_all(kMixed, {ramp({1, 8}, -10)});
}

TEST(Apart, NewSizesAndWeightsOnce) {
  const auto device = std::make_shared<ApartDevice>();
  const auto engine = engine_on(device, kMixed);
  const int64_t weights = device->allocated_bytes();
  EXPECT_EQ(weights, 256);
  EXPECT_EQ(engine->packed_bytes(), 256);
  {
    Context context(engine), other(engine);
    for (const int64_t rows : {3, 5, 1, 0, 4}) {
      expect_as_evaluated(context, kMixed, {ramp({rows, 8}, -10)});
      expect_as_evaluated(other, kMixed, {ramp({rows, 8}, -9)});
    }
  }
  EXPECT_EQ(device->allocated_bytes(), weights);
}

TEST(Apart, OnlyWhatIsReadElsewhereIsCopied) {
  const auto device = std::make_shared<ApartDevice>();
  constexpr std::string_view kText =
      "graph g(%x: f32[16,8]) -> (%y)\n  %a = CumSum(%x, i64[]{1})\n  %y = CumSum(%a, i64[]{0})\n";
  Context context(engine_on(device, kText));
  const int64_t before = device->copied_bytes();
  expect_as_evaluated(context, kText, {ramp({16, 8})});
  EXPECT_EQ(device->copied_bytes() - before, 2 * 16 * 8 * 4);
}

TEST(Apart, SizesThatOnlyRunningTells) {
  expect_on_all(
      "graph g(%x: f32[4,6]) -> (%y)\n"
      "  %a = CumSum(%x, i64[]{1})\n  %i = NonZero(%a)\n  %j = Transpose(%i) perm=[1,0]\n"
      "  %y = GatherND(%a, %j)\n",
      {ramp({4, 6}, -5)});
}

/// They are found on the device, where the operands are; of a few integers on the host.
TEST(Apart, SizesAreFoundOnTheDevice) {
  constexpr std::string_view kText =
      "graph g(%x: f32[4,n], %s: f32[1,2,n], %b: f32[1,n,4]) -> (%y, %z, %k)\n"
      "  %a = CumSum(%x, i64[]{1})\n  %c = Greater(%a, f32[]{0.5})\n  %i = NonZero(%c)\n"
      "  %j = Transpose(%i) perm=[1,0]\n  %y = GatherND(%a, %j)\n"
      "  %f = Reshape(%c) shape=[4*n]\n  %z = Compress(%a, %f)\n"
      "  %k = NonMaxSuppression(%b, %s, i64[]{3}, f32[]{0.5}, f32[]{0.1})\n";
  for (size_t salt = 0; salt < 4; ++salt) {
    const auto device = std::make_shared<ApartDevice>(salt);
    Context context(engine_on(device, kText));
    for (const int64_t n : {30, 7, 0, 30})
      expect_as_evaluated(context, kText, {ramp({4, n}, -5), ramp({1, 2, n}, -1), ramp({1, n, 4})});
    if (salt == 0) {
      EXPECT_EQ(device->finders(), 3);
    }
  }
}

TEST(Apart, ControlFlow) {
  constexpr std::string_view kText =
      "graph g(%n: i64[], %c: bool[], %x: f32[4,8]) -> (%y, %z)\n"
      "  %s = Exp(%x)\n"
      "  %y, %z = Loop(%n, %c, %s, @w) states=1\n"
      "    body(%i: i64[], %k: bool[], %m: f32[4,8], %w: f32[8,8]) -> (%k, %t, %r)\n"
      "      %u = MatMul(%m, %w)\n      %t = Tanh(%u)\n      %r = CumSum(%t, i64[]{1})\n"
      "weights\n  @w : f32[8,8] random(4, 0.5)\n";
  for (const double turns : {0.0, 1.0, 3.0})
    expect_on_all(kText, {Tensor::scalar(DType::i64, turns), Tensor::scalar(DType::boolean, 1),
                          ramp({4, 8}, -30)});
}

/// Sizes that broadcast are taken to be equal; these are not.
TEST(Apart, SizesThatThePlanIsNotFor) {
  constexpr std::string_view kText =
      "graph g(%x: f32[n,4], %z: f32[m,4]) -> (%y)\n"
      "  %a = Exp(%x)\n  %b = Add(%a, %z)\n  %y = CumSum(%b, i64[]{0})\n";
  expect_on_all(kText, {ramp({3, 4}, -10), ramp({3, 4})});
  expect_on_all(kText, {ramp({1, 4}, -10), ramp({3, 4})});
}

TEST(Apart, PlacesThatAreGivenAndInputsThatAreOutputs) {
  const auto device = std::make_shared<ApartDevice>(1);
  Context context(engine_on(device, "graph g(%x: f32[2,8]) -> (%x, %y)\n  %y = Exp(%x)\n"));
  Tensor place(DType::f32, {2, 8});
  const NamedTensors results = context.run({{"x", ramp({2, 8}, -3)}}, {{"y", place}});
  EXPECT_EQ(results[1].second.bytes().data(), place.bytes().data());
  EXPECT_NEAR(place.number(3), 1, 1e-6);
  EXPECT_EQ(numbers(results[0].second), numbers(ramp({2, 8}, -3)));
}

TEST(Apart, WithoutFallbackTheHostRunsNothing) {
  const auto device = std::make_shared<ApartDevice>(1);
  std::string refused;
  for (const std::string_view op : {"CumSum(%x, i64[]{1})", "Exp(%x)", "Tanh(%x)", "Softmax(%x)"}) {
    const std::string text = cat("graph g(%x: f32[2,8]) -> (%y)\n  %y = ", op, "\n");
    const std::string why =
        error_of(Code::unsupported, [&] { (void)engine_on(device, text, false); });
    if (!why.empty()) refused = why;
    else EXPECT_EQ(engine_on(device, text)->plan().steps.at(0).kernel, "apart.reference");
  }
  EXPECT_NE(refused.find("cpu.reference: runs on the host, which is not allowed"),
            std::string::npos)
      << refused;
}

TEST(Apart, WhatRunsOnTheHostSaysSo) {
  const auto device = std::make_shared<ApartDevice>(1);
  const auto engine = engine_on(device, kMixed);
  int there = 0;
  for (const Step& step : engine->plan().steps) {
    const bool on_host = step.kernel.starts_with("cpu.");
    there += on_host ? 1 : 0;
    EXPECT_EQ(step.note.find("on the host: its operands are copied there") != std::string::npos,
              on_host)
        << step.kernel << ": " << step.note;
  }
  EXPECT_GT(there, 0);
}

/// Whichever allocation of a run fails: the error says so, and the context runs again.
TEST(Apart, OutOfMemoryAtEveryAllocationLeavesContextsUsable) {
  for (size_t salt = 0; salt < 3; ++salt) {
    const auto device = std::make_shared<ApartDevice>(salt);
    const auto engine = engine_on(device, kMixed);
    const int64_t weights = device->allocated_bytes();
    int failures = 0;
    for (int count = 0; count < 100; ++count) {
      Context context(engine);
      expect_as_evaluated(context, kMixed, {ramp({2, 8}, -10)});
      device->fail_allocation(count);
      for (const int64_t rows : {7, 7, 9}) {
        const std::string why = error_of(Code::out_of_memory, [&] {
          (void)context.run({{"x", ramp({rows, 8}, -9)}});
        });
        if (why.empty()) continue;
        EXPECT_NE(why.find("no memory, as was asked for"), std::string::npos) << why;
        ++failures;
        expect_as_evaluated(context, kMixed, {ramp({rows, 8}, -10)});
      }
      const bool had_all = !device->failed();  // there are no so many
      device->fail_allocation(-1);
      for (const int64_t rows : {7, 7, 2, 9})
        expect_as_evaluated(context, kMixed, {ramp({rows, 8}, -10)});
      if (had_all) break;
    }
    EXPECT_GE(failures, salt == 0 ? 1 : 2);
    EXPECT_EQ(device->allocated_bytes(), weights);
  }
}

TEST(Apart, OutOfMemoryWhileAnEngineIsMadeLeavesNothing) {
  const auto device = std::make_shared<ApartDevice>();
  int failures = 0;
  for (;; ++failures) {
    ASSERT_LT(failures, 100);
    device->fail_allocation(failures);
    if (error_of(Code::out_of_memory, [&] { (void)engine_on(device, kMixed); }).empty()) break;
    EXPECT_EQ(device->allocated_bytes(), 0);
  }
  device->fail_allocation(-1);
  EXPECT_GE(failures, 1);
  Context context(engine_on(device, kMixed));
  expect_as_evaluated(context, kMixed, {ramp({3, 8}, -10)});
}

/// Tensors in the device's memory are read and written where they are: nothing is copied.
TEST(Apart, TensorsOfTheDeviceAreNotCopied) {
  constexpr std::string_view kText =
      "graph g(%x: f32[n,8]) -> (%y, %z)\n"
      "  %a = Softmax(%x)\n  %y = CumSum(%a, i64[]{1})\n  %z = Add(%a, %x)\n";
  const auto device = std::make_shared<ApartDevice>();
  Context context(engine_on(device, kText));
  for (int run = 0; run < 5; ++run) {
    const Tensor x = ramp({3, 8}, -run);
    const auto bytes = static_cast<int64_t>(x.bytes().size());
    const Buffer in = device->allocate(bytes), y = device->allocate(bytes),
                 z = device->allocate(bytes);
    std::memcpy(device->bytes_at(in.data, bytes), x.bytes().data(), x.bytes().size());
    const auto there = [](const Buffer& buffer) {
      return Tensor::borrow_mutable(DType::f32, {3, 8}, bytes_of(buffer), nullptr);
    };
    const int64_t before = device->copied_bytes();
    const NamedTensors results =
        context.run({{"x", there(in)}}, {{"z", there(z)}, {"y", there(y)}}, {{true}, {true, true}});
    EXPECT_EQ(device->copied_bytes(), before);
    EXPECT_EQ(results.at(0).second.bytes().data(), y.data);
    const auto wanted = evaluate(*graph_of(kText), {x});
    for (int64_t i = 0; i < x.count(); ++i) {
      const auto element = [&](const Buffer& buffer) {
        float value = 0;
        std::memcpy(&value, device->bytes_at(buffer.data, bytes) + 4 * i, 4);
        return value;
      };
      ASSERT_NEAR(element(y), wanted[0].number(i), 1e-5);
      ASSERT_NEAR(element(z), wanted[1].number(i), 1e-5);
    }
  }
}

/// What a kernel may write over is the caller's on both sides: nothing is copied. What does not lie
/// where kernels take it is.
TEST(Apart, PlacesOnTheDeviceThatAreInputsToo) {
  constexpr std::string_view kText = "graph g(%x: f32[n,8]) -> (%y)\n  %y = CumSum(%x, i64[]{1})\n";
  const auto device = std::make_shared<ApartDevice>(0);
  Context context(engine_on(device, kText));
  const Buffer room = device->allocate(8 * 32 + 32);
  for (const int64_t offset : {0, 4, 0, 0, 16, 4}) {
    const Tensor x = ramp({8, 8}, -3 - double(offset));
    const auto bytes = static_cast<int64_t>(x.bytes().size());
    std::memcpy(device->bytes_at(room.data + offset, bytes), x.bytes().data(), x.bytes().size());
    const Tensor place =
        Tensor::borrow_mutable(DType::f32, {8, 8}, {room.data + offset, x.bytes().size()}, nullptr);
    const int64_t before = device->copied_bytes();
    (void)context.run({{"x", place}}, {{"y", place}}, {{true}, {true}});
    EXPECT_EQ(device->copied_bytes(), before + (offset % 16 == 0 ? 0 : 2 * bytes));
    const Tensor wanted = evaluate(*graph_of(kText), {x})[0];
    for (int64_t i = 0; i < x.count(); ++i) {
      float value = 0;
      std::memcpy(&value, device->bytes_at(room.data + offset, bytes) + 4 * i, 4);
      ASSERT_NEAR(value, wanted.number(i), 1e-4 * (1 + std::abs(wanted.number(i))));
    }
  }
}

/// Whatever reads or makes them: steps of the host, other programs, views, the caller's own input.
TEST(Apart, TensorsOfTheDeviceAndOfTheHostMayBeMixed) {
  constexpr std::string_view kText =
      "graph g(%x: f32[n,8], %s: f32[m,8]) -> (%x, %y, again = %y, %z, %b, %r, %k)\n"
      "  %a = Tanh(%x)\n  %y = CumSum(%a, i64[]{1})\n  %z = Add(%y, %s)\n"
      "  %b = Exp(%a)\n  %r = Reshape(%y) shape=[n,2,4]\n  %k = Add(f32[2]{1,2}, f32[2]{1,1})\n";
  for (size_t salt = 0; salt < 4; ++salt)
    for (const int64_t m : {3, 1}) {  // 1: another program runs it
      const auto device = std::make_shared<ApartDevice>(salt);
      Context context(engine_on(device, kText));
      for (size_t run = 0; run < 12; ++run) {
        const std::vector<Tensor> inputs{ramp({3, 8}, -10 + double(run)), ramp({m, 8}, 1)};
        const auto wanted = evaluate(*graph_of(kText), inputs);
        std::vector<Buffer> buffers;
        OnDevice sides;
        const auto placed = [&](const Tensor& like, std::vector<bool>& list) {
          const auto bytes = static_cast<int64_t>(like.bytes().size());
          list.push_back((run * 7 + buffers.size() * 3) % 4 < 2);
          buffers.push_back(device->allocate(bytes));
          if (!list.back()) return like.clone();
          std::memcpy(device->bytes_at(buffers.back().data, bytes), like.bytes().data(),
                      like.bytes().size());
          return Tensor::borrow_mutable(like.dtype(), like.shape(), bytes_of(buffers.back()),
                                        nullptr);
        };
        const NamedTensors given{{"x", placed(inputs[0], sides.inputs)},
                                 {"s", placed(inputs[1], sides.inputs)}};
        NamedTensors places;
        const std::vector<std::string> names{"x", "y", "again", "z", "b", "r", "k"};
        for (size_t i = 0; i < names.size(); ++i)
          places.emplace_back(names[i],
                              placed(Tensor(wanted[i].dtype(), wanted[i].shape()), sides.outputs));
        const NamedTensors results = context.run(given, places, sides);
        for (size_t i = 0; i < names.size(); ++i) {
          const Tensor& found = results[i].second;
          ASSERT_EQ(found.bytes().data(), places[i].second.bytes().data()) << names[i];
          const auto bytes = static_cast<int64_t>(found.bytes().size());
          const std::byte* data = sides.outputs[i] ? device->bytes_at(found.bytes().data(), bytes)
                                                   : found.bytes().data();
          for (int64_t j = 0; j < wanted[i].count(); ++j) {
            float value = 0;
            std::memcpy(&value, data + 4 * j, 4);
            ASSERT_NEAR(value, wanted[i].number(j), 1e-4 * (1 + std::abs(wanted[i].number(j))))
                << names[i] << " at " << j << ", run " << run << ", salt " << salt;
          }
        }
      }
    }
}

TEST(Apart, APlaceOnTheDeviceOfOtherSizesIsRefused) {
  const auto device = std::make_shared<ApartDevice>();
  Context context(engine_on(device, "graph g(%x: f32[2,8]) -> (%y)\n  %y = Exp(%x)\n"));
  const Buffer place = device->allocate(32);
  const std::string why = error_of(Code::usage, [&] {
    (void)context.run({{"x", ramp({2, 8})}},
                      {{"y", Tensor::borrow_mutable(DType::f32, {8}, bytes_of(place), nullptr)}},
                      {{false}, {true}});
  });
  EXPECT_NE(why.find("f32[2,8], the place given is f32[8]"), std::string::npos) << why;
}

/// Channels lie innermost where all that touches a value takes it so, and nowhere else: not in what
/// is a view, an operand of the host's or a result.
TEST(Apart, ChannelsLieInnermost) {
  constexpr std::string_view kText =
      "graph g(%x: f32[n,3,6,6]) -> (%y, %z)\n"
      "  %a = Conv(%x, @w) pads=[1,1,1,1]\n  %b = CumSum(%a, i64[]{1})\n"
      "  %c = MaxPool(%a) kernel_shape=[2,2] strides=[2,2]\n"
      "  %d = Conv(%c, @v) pads=[1,1,1,1]\n  %e = Reshape(%d) shape=[n,45]\n"
      "  %y = MatMul(%e, @u)\n  %f = GlobalAveragePool(%c)\n  %z = Add(%f, %b)\n"
      "weights\n  @w : f32[4,3,3,3] random(3, 0.5)\n  @v : f32[5,4,3,3] random(4, 0.5)\n"
      "  @u : f32[45,2] random(5, 0.5)\n";
  const auto device = std::make_shared<ApartDevice>(0);
  const auto engine = engine_on(device, kText);
  const AxisOrders& orders = engine->plan().orders;
  EXPECT_TRUE(orders.contains("c")) << print(engine->plan());
  for (const char* dense : {"d", "e", "x", "y", "z", "f"}) EXPECT_FALSE(orders.contains(dense));
  EXPECT_EQ(parse_plan(print(engine->plan())), engine->plan());
  expect_on_all(kText, {ramp({2, 3, 6, 6}, -10)});
  expect_on_all(kText, {ramp({1, 3, 6, 6}, -10)});
  const auto refusal = [&](const char* value, const std::vector<int>& order) {
    Plan plan = engine->plan();
    plan.orders[value] = order;
    return error_of(Code::incompatible_engine, [&] { check_plan(engine->graph(), plan, *device); });
  };
  EXPECT_NE(refusal("c", {0, 2, 2, 1}).find("%c has not the axes 0,2,2,1"), std::string::npos);
  EXPECT_NE(refusal("y", {1, 0}).find("%y is not made and used up within the graph"),
            std::string::npos);
  EXPECT_NE(refusal("nothing", {0}).find("%nothing is not made"), std::string::npos);
}

/// An error leaves nothing enqueued that would touch the caller's memory, and the context usable.
TEST(Apart, AContextRunsAgainAfterAnError) {
  const auto device = std::make_shared<ApartDevice>(0);
  constexpr std::string_view kText =
      "graph g(%x: f32[2,8], %i: i64[2]) -> (%y)\n  %a = Exp(%x)\n  %y = Gather(%a, %i) axis=1\n";
  Context context(engine_on(device, kText));
  const std::string why = error_of(Code::usage, [&] {
    (void)context.run({{"x", ramp({2, 8}, -3)}, {"i", Tensor::ints({0, 9})}});
  });
  EXPECT_NE(why.find("9"), std::string::npos) << why;
  expect_as_evaluated(context, kText, {ramp({2, 8}, -3), Tensor::ints({7, 0})});
}

}  // namespace hone::test::apart_test
