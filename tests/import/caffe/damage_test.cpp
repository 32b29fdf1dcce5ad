// Files of Caffe that are cut short or have a byte changed: an error that names a file, or a graph.

#include <gtest/gtest.h>

#include "base/file.hpp"
#include "import/caffe/net_case.hpp"
#include "import/damage.hpp"
#include "ir/verify.hpp"

namespace hone::caffe_damage_test {

void expect_sound(const test::NetCase& net) {
  try {
    verify(*test::import_case(net).graph, "import");
  } catch (const Error& error) {
    EXPECT_TRUE(error.code() == Code::invalid_model || error.code() == Code::unsupported)
        << name(error.code()) << ": " << error.message();
    EXPECT_NE(error.message().find("net.prototxt"), std::string::npos) << error.message();
  }
}

TEST(CaffeDamage, EndsInAnErrorOrAGraph) {
  const std::string cases = read_text(HONE_SOURCE_DIR "/tests/import/caffe/layers.test");
  const auto all = test::given_of(cases);
  ASSERT_GT(all.size(), 60U);
  for (const std::string& given : all) {
    const test::NetCase whole = test::net_case(given);
    test::NetCase net = whole;
    test::each_damage(whole.text, 11, [&](std::string bytes) {
      net.text = std::move(bytes);
      expect_sound(net);
    });
    net.text = whole.text;
    test::each_damage(whole.weights, 5, [&](std::string bytes) {
      net.weights = std::move(bytes);
      expect_sound(net);
    });
  }
}

}  // namespace hone::caffe_damage_test
