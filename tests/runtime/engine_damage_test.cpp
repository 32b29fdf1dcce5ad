// A damaged engine file is refused with a reason, wherever the damage is. `make fuzz` runs this
// under AddressSanitizer and UndefinedBehaviorSanitizer as well.

#include <random>

#include "runtime/engine_bytes.hpp"

namespace hone::test::engine_damage_test {

class EngineDamage : public EngineBytes {
 protected:
  static std::string flipped(std::string bytes, size_t at, size_t bit) {
    bytes[at] = static_cast<char>(bytes[at] ^ (1 << bit));
    return bytes;
  }
};

TEST_F(EngineDamage, TheWholeFileIsFine) {
  const Outcome found = outcome(whole_), without = outcome(dropped_);
  EXPECT_EQ(found.refused + found.replanned + without.refused + without.replanned, "");
  EXPECT_EQ(found.results, without.results);
  EXPECT_EQ(put_together(take_apart(whole_)), whole_);
}

TEST_F(EngineDamage, TruncatedAtEverySectionEdge) {
  const auto sections = take_apart(whole_);
  ASSERT_EQ(sections.size(), 7u);
  std::vector<uint64_t> edges{0, 8, 24, kTableAt, kTableAt + kEntryBytes * sections.size()};
  for (const FileSection& section : sections) {
    edges.push_back(section.offset);
    edges.push_back(section.offset + section.body.size());
  }
  for (const uint64_t edge : edges)
    for (const uint64_t cut : {edge - 1, edge, edge + 1}) {
      if (cut >= whole_.size()) continue;
      EXPECT_NE(refusal(std::string_view(whole_).substr(0, cut)), "") << "cut at " << cut;
    }
}

TEST_F(EngineDamage, TruncatedAnywhere) {
  std::mt19937_64 random(1);
  for (int i = 0; i < cases(4096); ++i) {
    const uint64_t cut = random() % whole_.size();
    ASSERT_NE(refusal(std::string_view(whole_).substr(0, cut)), "") << "cut at " << cut;
  }
}

/// Each bit under HONE_DEEP, one bit of each byte else.
TEST_F(EngineDamage, EachByteOfHeaderAndTableFlipped) {
  const size_t end = kTableAt + kEntryBytes * take_apart(whole_).size();
  for (size_t at = 0; at < end; ++at)
    for (size_t bit = at % 8, last = bit + (cases(10) == 10 ? 8 : 1); bit < last; ++bit)
      ASSERT_NE(refusal(flipped(whole_, at, bit % 8)), "") << "byte " << at << ", bit " << bit;
}

/// Everything is under a hash, or a gap that must be zero.
TEST_F(EngineDamage, OneBitFlippedAnywhere) {
  std::mt19937_64 random(2);
  for (int i = 0; i < cases(20000); ++i) {
    const std::string& bytes = i % 2 == 0 ? whole_ : dropped_;
    const size_t at = random() % bytes.size();
    ASSERT_NE(refusal(flipped(bytes, at, random() % 8)), "") << "flipped at " << at;
  }
}

TEST_F(EngineDamage, SomethingAfterTheEnd) { EXPECT_NE(refusal(whole_ + '\0'), ""); }

/// What verify_weights = false promises: numbers change, nothing else does.
TEST_F(EngineDamage, WeightsThatAreNotVerified) {
  auto sections = take_apart(whole_);
  const FileSection& weights = section_of(sections, Section::weights);
  const std::string bytes = flipped(whole_, weights.offset + 2, 7);
  EXPECT_NE(outcome(bytes).refused, "");
  const Outcome found = outcome(bytes, false);
  EXPECT_EQ(found.refused + found.replanned, "");
  EXPECT_NE(found.results, outcome(whole_).results);
}

}  // namespace hone::test::engine_damage_test
