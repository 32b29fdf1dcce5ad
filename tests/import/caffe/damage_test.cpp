// Files of Caffe that are cut short or have a byte changed: an error that names a file, or a graph.

#include <gtest/gtest.h>

#include "base/file.hpp"
#include "import/caffe/net_case.hpp"
#include "ir/verify.hpp"

namespace hone {
namespace {

/// What is given of each case of a file of cases.
std::vector<std::string> given_of(const std::string& cases) {
  std::vector<std::string> found;
  bool inside = false;
  for (const std::string_view line : split(cases, '\n')) {
    if (line == "given") found.emplace_back(), inside = true;
    else if (!line.starts_with("  ")) inside = false;
    else if (inside) found.back() += cat(line.substr(2), "\n");
  }
  return found;
}

void expect_sound(const test::NetCase& net) {
  try {
    verify(*test::import_case(net).graph, "import");
  } catch (const Error& error) {
    EXPECT_TRUE(error.code() == Code::invalid_model || error.code() == Code::unsupported)
        << name(error.code()) << ": " << error.message();
    EXPECT_NE(error.message().find("net.prototxt"), std::string::npos) << error.message();
  }
}

/// Calls f for the bytes cut at every `step`th place, and with a bit flipped there.
template <class F>
void each_damage(const std::string& bytes, size_t step, const F& f) {
  for (size_t at = 0; at < bytes.size(); at += step) {
    f(bytes.substr(0, at));
    std::string flipped = bytes;
    flipped[at] = static_cast<char>(flipped[at] ^ (1 << at % 8));
    f(flipped);
  }
}

TEST(CaffeDamage, EndsInAnErrorOrAGraph) {
  const std::string cases = read_text(HONE_SOURCE_DIR "/tests/import/caffe/layers.test");
  const auto all = given_of(cases);
  ASSERT_GT(all.size(), 60U);
  for (const std::string& given : all) {
    const test::NetCase whole = test::net_case(given);
    test::NetCase net = whole;
    each_damage(whole.text, 11, [&](std::string bytes) {
      net.text = std::move(bytes);
      expect_sound(net);
    });
    net.text = whole.text;
    each_damage(whole.weights, 5, [&](std::string bytes) {
      net.weights = std::move(bytes);
      expect_sound(net);
    });
  }
}

}  // namespace
}  // namespace hone
