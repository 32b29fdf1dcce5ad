#pragma once
// A few tiny ops of every shape that the text form must carry.

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "ir/bodies/structural.hpp"
#include "ir/inference.hpp"
#include "ir/op_class.hpp"
#include "ops/common/registry.hpp"

namespace hone::test {

/// Elementwise, broadcasting; any dtype.
struct TestAdd {
  static constexpr std::string_view kName = "TestAdd";
  static constexpr Arity kInputs{2, 2};
  void infer(Inference& c) const {
    c.check(c.dtype(0) == c.dtype(1), "operands are ", c.tensor(0), " and ", c.tensor(1),
            ", wanted one dtype");
    auto dims = c.broadcast({&c.tensor(0), &c.tensor(1)});
    c.set(0, dims ? Type::tensor(c.dtype(0), *dims) : Type::unranked(c.dtype(0)));
  }
};

/// Up to three results like the operand; operand 1 is optional, 2 as well.
struct TestSplit {
  static constexpr std::string_view kName = "TestSplit";
  static constexpr Arity kInputs{1, 3};
  static constexpr Arity kOutputs{1, 3};
  int64_t axis = 0;
  void fields(FieldList& f) const { f("axis", axis); }
  void infer(Inference& c) const {
    for (int i = 0; i < c.outputs(); ++i) c.set(i, c.type(0));
  }
};

/// Its shape is a field or operand 1, exactly one of the two.
struct TestReshape {
  static constexpr std::string_view kName = "TestReshape";
  static constexpr Arity kInputs{1, 2};
  static constexpr Parameter kParameters[] = {{"shape", 1}};
  std::optional<Dims> shape;
  void fields(FieldList& f) const { f("shape", shape); }
  void infer(Inference& c) const {
    const Dims* dims = c.parameter(shape, 1);
    if (dims == nullptr) return c.set(0, Type::unranked(c.dtype(0)));
    c.set(0, c.dtype(0), *dims);
  }
};

/// The operand's sizes as an i64 tensor.
struct TestShape {
  static constexpr std::string_view kName = "TestShape";
  void infer(Inference& c) const {
    c.set(0, DType::i64, {static_cast<int64_t>(c.tensor(0).shape().size())});
  }
  void dims(Inference& c) const { c.set_known(0, c.tensor(0).shape()); }
};

/// A result whose size only running tells.
struct TestNonZero {
  static constexpr std::string_view kName = "TestNonZero";
  void infer(Inference& c) const {
    c.set(0, DType::i64, {static_cast<int64_t>(c.tensor(0).shape().size()), c.fresh(0, 1)});
  }
};

enum class TestMode : uint8_t {
  nearest,
  linear,
  cubic
};
inline constexpr std::string_view kTestModeNames[] = {"nearest", "linear", "cubic"};

/// Every type of field; takes anything, gives a scalar.
struct TestFields {
  static constexpr std::string_view kName = "TestFields";
  static constexpr Arity kInputs{0, Arity::kMany};
  int64_t count = 1;
  float scale = 1;
  bool flag = false;
  std::string text = "plain";
  DType dtype = DType::f32;
  TestMode mode = TestMode::nearest;
  Dim dim = 1;
  Tensor value;
  std::vector<int64_t> counts;
  std::vector<float> scales;
  std::vector<std::string> texts;
  std::optional<Dims> dims_field = Dims{1};
  std::optional<int64_t> limit = 7;
  Body body;
  void fields(FieldList& f) const {
    f("count", count)("scale", scale)("flag", flag)("text", text)("dtype", dtype);
    f("mode", mode, kTestModeNames)("dim", dim)("value", value)("counts", counts);
    f("scales", scales)("texts", texts)("dims", dims_field)("limit", limit)("body", body);
  }
  void infer(Inference& c) const { c.set(0, DType::f32, {}); }
};

/// The ops above beside all real ones.
inline const OpRegistry& test_registry() {
  static const OpRegistry kRegistry = [] {
    OpRegistry registry;
    for (const OpClass* op : all_ops().all()) registry.add(*op);
    registry.add<TestAdd>();
    registry.add<TestSplit>();
    registry.add<TestReshape>();
    registry.add<TestShape>();
    registry.add<TestNonZero>();
    registry.add<TestFields>();
    return registry;
  }();
  return kRegistry;
}

}  // namespace hone::test
