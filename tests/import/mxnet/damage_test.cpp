// Files of MXNet that are cut short or have a byte changed: an error that names a file, or a graph.

#include <gtest/gtest.h>

#include "base/file.hpp"
#include "import/damage.hpp"
#include "import/mxnet/network_case.hpp"
#include "ir/verify.hpp"

namespace hone::mxnet_damage_test {

void expect_sound(const test::NetworkCase& network) {
  try {
    verify(*test::import_case(network).graph, "import");
  } catch (const Error& error) {
    EXPECT_TRUE(error.code() == Code::invalid_model || error.code() == Code::unsupported)
        << name(error.code()) << ": " << error.message();
    EXPECT_NE(error.message().find("net-symbol.json"), std::string::npos) << error.message();
  }
}

TEST(MxnetDamage, EndsInAnErrorOrAGraph) {
  const std::string cases = read_text(HONE_SOURCE_DIR "/tests/import/mxnet/operators.test");
  const auto all = test::given_of(cases);
  ASSERT_GT(all.size(), 40U);
  for (const std::string& given : all) {
    const test::NetworkCase whole = test::network_case(given);
    test::NetworkCase network = whole;
    test::each_damage(whole.symbol, 7, [&](std::string bytes) {
      network.symbol = std::move(bytes);
      expect_sound(network);
    });
    network.symbol = whole.symbol;
    test::each_damage(whole.weights, 3, [&](std::string bytes) {
      network.weights = std::move(bytes);
      expect_sound(network);
    });
  }
}

}  // namespace hone::mxnet_damage_test
