// Packed weights that an engine file has: used where they are whole and of this machine, made anew
// else.

#include <algorithm>

#include "runtime/engine_bytes.hpp"
#include "runtime/graph_run.hpp"

namespace hone::test::packs_test {

std::unique_ptr<Graph> network() {
  auto graph = graph_of(
      "graph g(%x: f32[n,16,9,9]) -> (%y, %z)\n"
      "  %a = Conv(%x, @v) pads=[1,1,1,1]\n  %y = Relu(%a)\n  %r = ReduceMean(%y) axes=[2,3]\n"
      "  %f = Reshape(%r) shape=[n,32]\n  %z = MatMul(%f, @w)\n"
      "weights\n  @v : f32[32,16,3,3] random(1, 1)\n  @w : f32[32,40] random(2, 1)\n");
  for (Value* constant : graph->constants())
    if (!constant->is_literal()) constant->weight = Weight::of(constant->weight->tensor());
  return graph;
}

class PackedWeights : public testing::Test {
 protected:
  void SetUp() override {
    BuildOptions options;
    options.engine.workers = 2;
    engine_ = build(network(), options);
    save(*engine_, path_, {.packed = true});
    whole_ = read_text(path_);
    wanted_ = run(engine_);
  }
  void TearDown() override { std::filesystem::remove(path_); }

  static std::vector<double> run(const std::shared_ptr<const Engine>& engine) {
    std::vector<double> all;
    for (const auto& [name, tensor] : Context(engine).run({{"x", ramp({1, 16, 9, 9}, -600)}}))
      for (const double each : numbers(tensor)) all.push_back(each);
    return all;
  }
  std::vector<double> results_of(const std::vector<FileSection>& sections) const {
    AtomicFile file(path_);
    file.write(put_together(sections));
    file.commit();
    const auto loaded = load(path_, {.engine = {.workers = 2}});
    EXPECT_EQ(loaded->replanned(), "");
    return run(loaded);
  }
  static std::vector<std::string> lines_of(std::vector<FileSection>& sections) {
    std::vector<std::string> lines;
    for (const auto line : split(section_of(sections, Section::pack_index).body, '\n'))
      if (!line.empty()) lines.emplace_back(line);
    return lines;
  }
  static void set_lines(std::vector<FileSection>& sections, const std::vector<std::string>& lines) {
    section_of(sections, Section::pack_index).body = join(lines, "\n") + "\n";
  }

  const std::filesystem::path path_ =
      std::filesystem::temp_directory_path() / cat("hone-packs-", ::getpid(), ".hone");
  std::shared_ptr<const Engine> engine_;
  std::string whole_;
  std::vector<double> wanted_;
};

TEST_F(PackedWeights, AreInTheFileAndTheSameEachTime) {
  auto sections = take_apart(whole_);
  EXPECT_EQ(lines_of(sections).size(), 3u);  // who packs, a convolution, a product
  EXPECT_EQ(results_of(sections), wanted_);
  BuildOptions options;
  options.engine.workers = 2;
  save(*build(network(), options), path_, {.packed = true});
  EXPECT_TRUE(read_text(path_) == whole_);
  // What is loaded has them, too.
  save(*load(path_, {.engine = {.workers = 2}}), path_, {.packed = true});
  auto again = take_apart(read_text(path_));
  for (const Section kind : {Section::pack_index, Section::packed_weights})
    EXPECT_TRUE(section_of(again, kind).body == section_of(sections, kind).body) << name(kind);
}

TEST_F(PackedWeights, WhatIsDamagedIsPackedAnew) {
  auto sections = take_apart(whole_);
  std::string& bytes = section_of(sections, Section::packed_weights).body;
  for (size_t at = 2; at < bytes.size(); at += 64) bytes[at] = static_cast<char>(bytes[at] ^ 0x40);
  EXPECT_EQ(results_of(sections), wanted_);
  // With hashes that fit it would have been used.
  auto lines = lines_of(sections);
  for (size_t i = 1; i < lines.size(); ++i) {
    const auto words = split(lines[i], ' ');
    const auto offset = static_cast<size_t>(*parse_int(words[4]));
    const auto length = static_cast<size_t>(*parse_int(words[5]));
    lines[i].replace(
        33, 32,
        cat(hash_bytes(bytes_of(std::string_view(section_of(sections, Section::packed_weights).body)
                                    .substr(offset, length)))));
  }
  set_lines(sections, lines);
  EXPECT_NE(results_of(sections), wanted_);
}

TEST_F(PackedWeights, OfAnotherMachineArePackedAnew) {
  auto sections = take_apart(whole_);
  std::string& bytes = section_of(sections, Section::packed_weights).body;
  std::fill(bytes.begin(), bytes.end(), '\0');
  auto lines = lines_of(sections);
  lines[0] = cat("packer ", Hash{1, 2});
  set_lines(sections, lines);
  EXPECT_EQ(results_of(sections), wanted_);
}

/// A kernel would read behind the end of what is shorter than it packs itself.
TEST_F(PackedWeights, OfAnotherSizeArePackedAnew) {
  auto sections = take_apart(whole_);
  auto lines = lines_of(sections);
  lines.resize(2);
  const auto words = split(lines[1], ' ');
  const std::string_view bytes = section_of(sections, Section::packed_weights).body;
  const std::string_view first = bytes.substr(0, 64);
  lines[1] = cat(words[0], " ", hash_bytes(bytes_of(first)), " f32 [16] 0 64 ", words[6]);
  section_of(sections, Section::packed_weights).body = std::string(first);
  set_lines(sections, lines);
  EXPECT_EQ(results_of(sections), wanted_);
}

TEST_F(PackedWeights, AnIndexThatDoesNotFitIsRefused) {
  const auto refused = [&](const std::function<void(std::vector<std::string>&)>& change) {
    auto sections = take_apart(whole_);
    auto lines = lines_of(sections);
    change(lines);
    set_lines(sections, lines);
    return error_of(Code::incompatible_engine, [&] { (void)results_of(sections); });
  };
  const auto has = [](const std::string& message, std::string_view part) {
    EXPECT_NE(message.find(part), std::string::npos) << message;
  };
  has(refused([](auto& lines) { lines[0] = "packer"; }), "wanted packer HASH");
  has(refused([](auto& lines) { lines.pop_back(); }), "the index tells of");
  has(refused([](auto& lines) { lines.push_back(lines.back()); }), "wanted offset");
  has(refused([](auto& lines) { lines[1] = "x"; }), "wanted WEIGHT HASH DTYPE");
  auto sections = take_apart(whole_);
  std::erase_if(sections, [](const auto& each) { return each.kind == Section::pack_index; });
  has(error_of(Code::incompatible_engine, [&] { (void)results_of(sections); }),
      "part 1 has packed weights or their index alone");
}

}  // namespace hone::test::packs_test
