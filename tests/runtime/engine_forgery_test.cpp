// Engine files whose hashes fit and whose contents do not: refused with a reason, or planned again
// from the portable graph, or as harmless as another valid file.

#include <random>

#include "runtime/engine_bytes.hpp"

namespace hone::test::engine_forgery_test {

class EngineForgery : public EngineBytes {
 protected:
  /// The whole file with one section's text changed, all hashes as they must be.
  template <class Change>
  static std::string with(const std::string& file, Section kind, const Change& change) {
    auto sections = take_apart(file);
    change(section_of(sections, kind).body);
    sign(sections);
    return put_together(sections);
  }
  static std::string replaced(const std::string& file, Section kind, const std::string& text) {
    return with(file, kind, [&](std::string& body) { body = text; });
  }
  static std::string text_of(const std::string& file, Section kind) {
    auto sections = take_apart(file);
    return section_of(sections, kind).body;
  }

  /// What refused kernels said is told to people and nothing else.
  static void forget_refusals(Plan& plan) {
    plan.refusals.clear();
    for (Step& step : plan.steps) step.refusals = -1;
    for (Plan& body : plan.bodies) forget_refusals(body);
  }

  /// Reads as the same plan: "segment 00", buffers before steps.
  static bool same_plan(const std::string& a, const std::string& b) {
    try {
      Plan one = parse_plan(a), other = parse_plan(b);
      forget_refusals(one);
      forget_refusals(other);
      return one == other;
    } catch (const Error&) {
      return false;
    }
  }

  /// Little-endian field of the file, header and section hash made to fit where they can.
  static std::string with_field(std::string file, size_t at, size_t size, uint64_t value) {
    const size_t sections = take_apart(file).size();
    for (size_t i = 0; i < size; ++i) file[at + i] = static_cast<char>(value >> (8 * i));
    if (at >= kTableAt) {
      const size_t entry = kTableAt + (at - kTableAt) / kEntryBytes * kEntryBytes;
      const auto offset = get<uint64_t>(bytes_of(file), entry + 8);
      const auto length = get<uint64_t>(bytes_of(file), entry + 16);
      std::string hash;
      if (offset <= file.size())
        put(hash, hash_bytes(bytes_of(std::string_view(file).substr(
                      offset, std::min<uint64_t>(length, file.size())))));
      if (!hash.empty()) file.replace(entry + 24, 16, hash);
    }
    rehash(file, sections);
    return file;
  }

  static std::vector<uint64_t> odd_values(uint64_t value, uint64_t size) {
    return {0,
            1,
            value + 1,
            value - 1,
            value + 63,
            value + 64,
            value - 64,
            size,
            size - 1,
            size + 1,
            size - value,
            uint64_t{1} << 31,
            0xffffffff,
            uint64_t{1} << 32,
            uint64_t{1} << 63,
            ~uint64_t{0},
            ~uint64_t{0} - value,
            7,
            11,
            13};
  }
};

/// The text that says who made the file may say anything.
TEST_F(EngineForgery, EveryFieldOfTheTable) {
  const auto sections = take_apart(whole_);
  const std::string right = outcome(whole_).results;
  int tried = 0;
  for (size_t i = 0; i < sections.size(); ++i)
    for (const auto& [field, size] : {std::pair<size_t, size_t>{0, 4}, {4, 4}, {8, 8}, {16, 8}}) {
      const size_t at = kTableAt + kEntryBytes * i + field;
      const uint64_t now =
          size == 4 ? get<uint32_t>(bytes_of(whole_), at) : get<uint64_t>(bytes_of(whole_), at);
      for (const uint64_t value : odd_values(now, whole_.size())) {
        const std::string forged = with_field(whole_, at, size, value);
        if (forged == whole_) continue;
        ++tried;
        if (sections[i].kind == Section::about && outcome(forged).results == right) continue;
        ASSERT_NE(refusal(forged), "") << "section " << i << ", field " << field << ": " << value;
      }
    }
  EXPECT_GT(tried, 400);
}

TEST_F(EngineForgery, EveryFieldOfTheHeader) {
  for (const auto& [at, size] : {std::pair<size_t, size_t>{8, 4}, {12, 4}, {16, 8}}) {
    const uint64_t now =
        size == 4 ? get<uint32_t>(bytes_of(whole_), at) : get<uint64_t>(bytes_of(whole_), at);
    for (const uint64_t value : odd_values(now, whole_.size())) {
      std::string forged = whole_;
      for (size_t i = 0; i < size; ++i) forged[at + i] = static_cast<char>(value >> (8 * i));
      const auto count = get<uint32_t>(bytes_of(forged), 12);
      rehash(forged, std::min<size_t>(count, (forged.size() - kTableAt) / kEntryBytes));
      if (forged == whole_) continue;
      if (at == 8 && (value == 2 || value == 3)) {  // a file of that version has the same sections
        EXPECT_EQ(outcome(forged).replanned,
                  cat("the file's version is ", value, ", this Hone writes 4"));
        continue;
      }
      ASSERT_NE(refusal(forged), "") << "field " << at << ": " << value;
    }
  }
}

TEST_F(EngineForgery, SectionsLeftOutTwiceAndInAnotherOrder) {
  const auto sections = take_apart(whole_);
  for (size_t i = 0; i < sections.size(); ++i) {
    auto less = sections, more = sections;
    less.erase(less.begin() + static_cast<ptrdiff_t>(i));
    more.push_back(sections[i]);
    EXPECT_NE(refusal(put_together(less)), "") << name(sections[i].kind);
    EXPECT_NE(refusal(put_together(more)), "") << name(sections[i].kind);
    more.back().part = 2;
    EXPECT_NE(refusal(put_together(more)), "") << name(sections[i].kind);
  }
  auto moved = sections;
  std::swap(section_of(moved, Section::device), section_of(moved, Section::plan));
  EXPECT_NE(refusal(put_together(moved)), "");
}

TEST_F(EngineForgery, TwoSectionsAtOnePlace) {
  const auto sections = take_apart(whole_);
  for (size_t i = 0; i + 1 < sections.size(); ++i) {
    std::string forged = whole_;
    const size_t a = kTableAt + kEntryBytes * i, b = a + kEntryBytes;
    forged.replace(b + 8, 32, forged.substr(a + 8, 32));
    rehash(forged, sections.size());
    EXPECT_NE(refusal(forged), "") << i;
  }
}

TEST_F(EngineForgery, LimitsHold) {
  const auto with_graph = [&](const std::string& text) {
    return refusal(replaced(whole_, Section::portable_graph, text));
  };
  std::string ones = "1";
  for (int i = 0; i < 64; ++i) ones += ",1";
  EXPECT_NE(with_graph(cat("graph g(%x: f32[", ones, "]) -> (%x)\n"))
                .find("line 1: found a tensor of 65 dimensions, wanted at most 64"),
            std::string::npos);
  EXPECT_NE(with_graph("graph g(%x: f32[2]) -> (%y)\n"
                       "  %y = Mul(%x, @w) : f32[2]\n"
                       "weights\n"
                       "  @w : f32[250000000000] random(1, 1)\n")
                .find("made from seeds take 1000000000000 bytes, at most 16777216 are made"),
            std::string::npos);
}

TEST_F(EngineForgery, TheWeightIndex) {
  const std::string index = text_of(whole_, Section::weight_index);
  const auto lines = split(std::string_view(index).substr(0, index.size() - 1), '\n');
  ASSERT_EQ(lines.size(), 3u);
  const char* values[] = {"0",
                          "1",
                          "-1",
                          "64",
                          "63",
                          "65",
                          "128",
                          "4096",
                          "9223372036854775807",
                          "18446744073709551616",
                          "f32",
                          "f64",
                          "u8",
                          "str",
                          "i4",
                          "[8,8]",
                          "[0]",
                          "[-1]",
                          "[n]",
                          "[4611686018427387904,4]",
                          "[64]",
                          "",
                          "x",
                          "00000000000000000000000000000bad"};
  int tried = 0;
  for (size_t line = 0; line < lines.size(); ++line)
    for (size_t word = 0; word < 5; ++word)
      for (const char* value : values) {
        std::string text;
        for (size_t i = 0; i < lines.size(); ++i) {
          auto words = split(lines[i], ' ');
          if (i == line) words[word] = value;
          text += join(words, " ") + "\n";
        }
        if (text == index) continue;
        const std::string forged = replaced(whole_, Section::weight_index, text);
        ASSERT_NE(refusal(forged), "") << text;
        ASSERT_NE(outcome(forged, false).refused, "") << text;
        ++tried;
      }
  EXPECT_GT(tried, 300);
  for (size_t line = 0; line < lines.size(); ++line) {
    const std::string twice = cat(index, lines[line], "\n");
    EXPECT_NE(refusal(replaced(whole_, Section::weight_index, twice)), "") << twice;
  }
}

TEST_F(EngineForgery, TheLengthsOfStrings) {
  auto sections = take_apart(whole_);
  std::string& weights = section_of(sections, Section::weights).body;
  const std::string before = weights;
  const size_t at = before.size() - (20 * 8 + 40);  // 20 strings of 0 to 4 letters are the last
  for (const uint64_t length : {uint64_t{1}, uint64_t{200}, uint64_t{1} << 63, ~uint64_t{0}}) {
    weights = before;
    for (size_t i = 0; i < 8; ++i) weights[at + i] = static_cast<char>(length >> (8 * i));
    EXPECT_NE(outcome(put_together(sections), false).refused, "") << length;
  }
}

TEST_F(EngineForgery, AnotherValidGraph) {
  const std::string typed = text_of(whole_, Section::typed_graph);
  std::string other = typed;
  other.replace(other.find("Relu("), 5, "Abs(");
  const Outcome right = outcome(whole_);
  // The hashes of what it was made of are the older ones.
  for (const Section kind : {Section::typed_graph, Section::portable_graph}) {
    auto sections = take_apart(whole_);
    section_of(sections, kind).body = other;
    EXPECT_NE(refusal(put_together(sections)), "") << name(kind);
  }
  // Other inputs, other outputs.
  for (const auto& [from, to] : {std::pair<std::string, std::string>{"%c: bool[]", "%d: bool[]"},
                                 {"(%y, %e)", "(%e, %y)"},
                                 {"(%y, %e)", "(%y)"}}) {
    std::string ports = typed;
    ASSERT_NE(ports.find(from), std::string::npos) << typed;
    for (size_t at = 0; (at = ports.find(from, at)) != std::string::npos; at += to.size())
      ports.replace(at, from.size(), to);
    EXPECT_NE(refusal(replaced(whole_, Section::typed_graph, ports)), "") << to;
  }
  // Other nodes, so that the plan is of another graph.
  const std::string shorter =
      "graph g(%x: f32[n,8], %c: bool[], %s: str[20]) -> (%y, %e)\n"
      "  %y = Relu(%x) : f32[n,8]\n"
      "  %e = Equal(%s, %s) : bool[20]\n";
  const Outcome again = outcome(replaced(whole_, Section::typed_graph, shorter));
  EXPECT_NE(again.replanned, "");
  EXPECT_EQ(again.results, right.results);
  EXPECT_NE(outcome(replaced(dropped_, Section::typed_graph, shorter)).refused, "");
}

TEST_F(EngineForgery, EveryNumberOfThePlan) {
  const std::string plan = text_of(whole_, Section::plan);
  const Outcome right = outcome(whole_);
  int tried = 0;
  for (size_t at = 0; at < plan.size(); ++at) {
    if (std::isdigit(static_cast<unsigned char>(plan[at])) == 0) continue;
    const size_t digits = plan.find_first_not_of("0123456789", at) - at;
    const std::string number = plan.substr(at, digits);
    for (const std::string& value :
         {std::string("0"), std::string("1"), std::string("3"), number + "0", "-" + number,
          std::string("2147483647"), std::string("9223372036854775807"),
          std::string("99999999999999999999"), std::string("n"), std::string()}) {
      std::string text = plan;
      text.replace(at, digits, value);
      if (same_plan(text, plan)) continue;
      const Outcome found = outcome(replaced(whole_, Section::plan, text));
      ASSERT_NE(found.refused + found.replanned, "") << text;
      ASSERT_EQ(found.results, found.refused.empty() ? right.results : "") << text;
      ASSERT_NE(outcome(replaced(dropped_, Section::plan, text)).refused, "") << text;
      ++tried;
    }
    at += digits;
  }
  EXPECT_GT(tried, 100);
}

TEST_F(EngineForgery, LinesOfThePlanLeftOutTwiceAndSwapped) {
  const std::string plan = text_of(whole_, Section::plan);
  const auto lines = split(std::string_view(plan).substr(0, plan.size() - 1), '\n');
  const auto check_lines = [&](const std::vector<std::string_view>& forged) {
    const std::string text = join(forged, "\n") + "\n";
    if (same_plan(text, plan)) return;
    const Outcome found = outcome(replaced(whole_, Section::plan, text));
    EXPECT_NE(found.refused + found.replanned, "") << text;
  };
  for (size_t i = 0; i < lines.size(); ++i) {
    std::vector<std::string_view> less(lines.begin(), lines.end()), more = less;
    less.erase(less.begin() + static_cast<ptrdiff_t>(i));
    more.insert(more.begin() + static_cast<ptrdiff_t>(i), lines[i]);
    check_lines(less);
    check_lines(more);
    for (size_t j = i + 1; j < lines.size(); ++j) {
      std::vector<std::string_view> swapped(lines.begin(), lines.end());
      std::swap(swapped[i], swapped[j]);
      if (trim(swapped[i]) != trim(swapped[j])) check_lines(swapped);
    }
  }
}

/// Kernels that exist and are another node's, tunings that no kernel has.
TEST_F(EngineForgery, OtherKernelsAndTunings) {
  const std::string plan = text_of(whole_, Section::plan);
  for (const auto& [from, to] : {std::pair<std::string, std::string>{"cpu.matmul", "cpu.conv"},
                                 {"cpu.matmul", "cuda.matmul"},
                                 {"cpu.matmul/2", "cpu.matmul/3"},
                                 {"{}", "{mr=6}"},
                                 {"{}", "{mr=-1}"},
                                 {"plan cpu", "plan cuda"}}) {
    std::string text = plan;
    ASSERT_NE(text.find(from), std::string::npos) << plan;
    text.replace(text.find(from), from.size(), to);
    EXPECT_NE(outcome(replaced(whole_, Section::plan, text)).replanned, "") << to;
    EXPECT_NE(outcome(replaced(dropped_, Section::plan, text)).refused, "") << to;
  }
}

/// Every text with characters changed at random: whatever it says now, nothing breaks.
TEST_F(EngineForgery, TextsWithHashesThatFit) {
  std::mt19937_64 random(3);
  const Section kinds[] = {Section::portable_graph, Section::typed_graph, Section::plan,
                           Section::weight_index, Section::device};
  int refused = 0;
  for (int i = 0; i < cases(8000); ++i) {
    const Section kind = kinds[random() % std::size(kinds)];
    const std::string& file = i % 4 == 0 && kind != Section::portable_graph ? dropped_ : whole_;
    auto sections = take_apart(file);
    std::string& text = section_of(sections, kind).body;
    for (uint64_t edits = 1 + random() % 2; edits > 0; --edits) {
      const size_t at = random() % text.size(), from = random() % text.size();
      switch (random() % 4) {
        case 0: text[at] = static_cast<char>(random()); break;
        case 1: text[at] = text[from]; break;
        case 2: text.erase(at, 1 + random() % 8); break;
        default: text.insert(at, text.substr(from, 1 + random() % 16)); break;
      }
    }
    if (kind != Section::device) sign(sections);
    refused += outcome(put_together(sections)).refused.empty() ? 0 : 1;
  }
  EXPECT_GT(refused, cases(8000) / 2);
}

}  // namespace hone::test::engine_forgery_test
