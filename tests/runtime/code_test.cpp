// Compiled code in engine files: offered to the device where this user signed it, or where the
// caller trusts the file.

#include <sys/stat.h>

#include <cstdlib>

#include "base/file.hpp"
#include "runtime/engine_code.hpp"
#include "runtime/graph_run.hpp"
#include "support/apart_device.hpp"
#include "support/refusal.hpp"

namespace hone::test::code_test {

namespace fs = std::filesystem;

constexpr std::string_view kNet =
    "graph g(%x: f32[n,8]) -> (%y)\n"
    "  %a = CumSum(%x, i64[]{1})\n  %b = MatMul(%a, @w)\n  %y = CumSum(%b, i64[]{0})\n"
    "weights\n  @w : f32[8,8] random(3, 0.5)\n";

class EngineCode : public testing::Test {
 protected:
  void SetUp() override { ::setenv("XDG_CONFIG_HOME", folder_.c_str(), 1); }
  void TearDown() override {
    ::unsetenv("XDG_CONFIG_HOME");
    fs::remove_all(folder_);
  }

  static std::shared_ptr<const Engine> engine(const std::shared_ptr<ApartDevice>& device,
                                              const DevicePart* part = nullptr,
                                              bool trust = false) {
    EngineOptions options;
    options.workers = 2;
    options.device = device;
    options.trust = trust;
    return Engine::make(make_portable(graph_of(kNet)), options, part);
  }
  static DevicePart made() { return engine(std::make_shared<ApartDevice>())->part(); }
  /// How much code a device is offered that loads the part.
  static size_t offered(const DevicePart& part, bool trust = false) {
    const auto device = std::make_shared<ApartDevice>();
    EXPECT_EQ(engine(device, &part, trust)->replanned(), "");
    for (size_t i = 0; i < device->offered().size(); ++i)
      EXPECT_EQ(device->offered()[i].image, part.code[i].image);
    return device->offered().size();
  }
  fs::path key() const { return folder_ / "hone/key"; }
  DevicePart read(const std::string& text) const {
    DevicePart part;
    write_sections(file_, {{Section::gpu_binaries, 1, text, {}}});
    read_code(SectionReader(MappedFile::open(file_)), 1, part);
    return part;
  }

  const fs::path folder_ = fs::temp_directory_path() / cat("hone-code-", ::getpid());
  const fs::path file_ = fs::temp_directory_path() / cat("hone-code-", ::getpid(), ".sections");
};

TEST_F(EngineCode, IsOfferedWhereThisUserSignedIt) {
  const DevicePart part = made();
  ASSERT_EQ(part.code.size(), 2u);  // the two sums are alike
  EXPECT_EQ(part.signature.size(), 64u);
  EXPECT_EQ(offered(part), 2u);
  EXPECT_EQ(made().signature, part.signature);
}

TEST_F(EngineCode, IsMadeAnewWhereAnotherSignedIt) {
  const DevicePart part = made();
  fs::remove(key());
  EXPECT_EQ(offered(part), 0u);
  EXPECT_NE(made().signature, part.signature);
  EXPECT_EQ(offered(part), 0u);
  EXPECT_EQ(offered(part, true), 2u);
}

TEST_F(EngineCode, EveryByteIsSigned) {
  const DevicePart part = made();
  DevicePart other = part;
  other.code[1].image.back() ^= 1;
  EXPECT_FALSE(is_signed(other));
  other = part;
  other.code[0].source.low ^= 1;
  EXPECT_FALSE(is_signed(other));
  other = part;
  other.target += " ";
  EXPECT_FALSE(is_signed(other));
  other = part;
  other.code.pop_back();
  EXPECT_FALSE(is_signed(other));
  other = part;
  other.signature.clear();
  EXPECT_FALSE(is_signed(other));
  EXPECT_TRUE(is_signed(part));
}

TEST_F(EngineCode, AKeyThatOthersReadSignsNothing) {
  const DevicePart part = made();
  EXPECT_EQ(fs::status(key()).permissions(), fs::perms::owner_read | fs::perms::owner_write);
  fs::permissions(key(), fs::perms::group_read, fs::perm_options::add);
  EXPECT_EQ(made().signature, "");
  EXPECT_EQ(offered(part), 0u);
}

TEST_F(EngineCode, IsReadAsItWasWritten) {
  const DevicePart part = made();
  std::vector<SectionBody> sections;
  add_code(sections, part, 1);
  ASSERT_EQ(sections.size(), 1u);
  const DevicePart same = read(sections[0].text);
  EXPECT_EQ(same.signature, part.signature);
  ASSERT_EQ(same.code.size(), part.code.size());
  for (size_t i = 0; i < part.code.size(); ++i) {
    EXPECT_EQ(same.code[i].source, part.code[i].source);
    EXPECT_EQ(same.code[i].image, part.code[i].image);
  }
}

TEST_F(EngineCode, WhatIsDamagedIsRefused) {
  const std::string one(31, '0'), text = cat("signature none\n", one, "1 2\n", one, "2 1\n\nabc");
  EXPECT_EQ(read(text).code.size(), 2u);
  const auto refused = [&](const std::string& wrong, std::string_view why) {
    try {
      (void)read(wrong);
      ADD_FAILURE() << wrong << " was read";
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), Code::incompatible_engine);
      EXPECT_NE(error.message().find(why), std::string::npos) << error.message();
    }
  };
  refused("", "wanted \"signature HEX\"");
  refused("signature abc\n\n", "a signature of 64 digits");
  refused(cat("signature none\n", one, "1 2\n"), "an empty line behind its index");
  refused(cat("signature none\n", one, "1\n\nab"), "SOURCE BYTES");
  refused(cat("signature none\n", one, "1 0\n\n"), "SOURCE BYTES");
  refused(cat("signature none\n", one, "1 1\n", one, "1 1\n\nab"), "sources in their order");
  refused(cat("signature none\n", one, "1 3\n\nab"), "it has 2");
  refused(cat("signature none\n", one, "1 1\n\nab"), "nothing behind the last one");
}

}  // namespace hone::test::code_test
