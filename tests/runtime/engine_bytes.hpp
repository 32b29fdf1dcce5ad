#pragma once
// An engine file taken apart, changed, put together again with hashes that fit: a writer of its
// own.

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include "base/file.hpp"
#include "build/build.hpp"
#include "ir/inference.hpp"
#include "ir/text/text.hpp"
#include "ops/common/registry.hpp"
#include "runtime/context.hpp"
#include "runtime/engine_file.hpp"
#include "runtime/little_endian.hpp"

namespace hone::test {

constexpr size_t kTableAt = 40, kEntryBytes = 40;

/// `whole` cases under HONE_DEEP, as `make deep` sets it; a tenth of them else.
inline int cases(int whole) { return std::getenv("HONE_DEEP") != nullptr ? whole : whole / 10; }

inline std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

struct FileSection {
  Section kind;
  uint32_t part;
  uint64_t offset;
  std::string body;
};

inline std::vector<FileSection> take_apart(std::string_view file) {
  const auto bytes = bytes_of(file);
  std::vector<FileSection> sections;
  for (uint32_t i = 0; i < get<uint32_t>(bytes, 12); ++i) {
    const size_t at = kTableAt + kEntryBytes * i;
    const auto offset = get<uint64_t>(bytes, at + 8), length = get<uint64_t>(bytes, at + 16);
    sections.push_back({static_cast<Section>(get<uint32_t>(bytes, at)),
                        get<uint32_t>(bytes, at + 4), offset,
                        std::string(file.substr(offset, length))});
  }
  return sections;
}

/// The hash of header and table as it must be.
inline void rehash(std::string& file, size_t sections) {
  std::string covered = file.substr(0, 24);
  covered += file.substr(kTableAt, kEntryBytes * sections);
  std::string hash;
  put(hash, hash_bytes(bytes_of(covered)));
  file.replace(24, 16, hash);
}

inline std::string put_together(const std::vector<FileSection>& sections) {
  const auto pad = [](std::string& text) { text.resize((text.size() + 63) / 64 * 64); };
  std::string table, bodies(kTableAt + kEntryBytes * sections.size(), '\0');
  for (const FileSection& section : sections) {
    pad(bodies);
    put(table, static_cast<uint32_t>(section.kind));
    put(table, section.part);
    put(table, static_cast<uint64_t>(bodies.size()));
    put(table, static_cast<uint64_t>(section.body.size()));
    put(table, hash_bytes(bytes_of(section.body)));
    bodies += section.body;
  }
  std::string header("HONE\r\n\x1a\n", 8);
  put(header, kEngineVersion);
  put(header, static_cast<uint32_t>(sections.size()));
  put(header, static_cast<uint64_t>(bodies.size()));
  header.resize(kTableAt);
  bodies.replace(0, header.size() + table.size(), header + table);
  rehash(bodies, sections.size());
  return bodies;
}

inline FileSection& section_of(std::vector<FileSection>& sections, Section kind) {
  const auto found = std::find_if(sections.begin(), sections.end(),
                                  [&](const auto& each) { return each.kind == kind; });
  check(found != sections.end(), Code::internal, "no section ", name(kind));
  return *found;
}

/// The device section of the one part says the hashes that the other sections have.
inline void sign(std::vector<FileSection>& sections) {
  std::string& device = section_of(sections, Section::device).body;
  device = device.substr(0, device.find('\n') + 1);
  for (const Section kind : {Section::portable_graph, Section::typed_graph, Section::plan}) {
    device += cat(name(kind), " ");
    const auto found = std::find_if(sections.begin(), sections.end(),
                                    [&](const auto& each) { return each.kind == kind; });
    if (found == sections.end()) device += "none\n";
    else device += cat(hash_bytes(bytes_of(found->body)), "\n");
  }
}

/// A file is refused (why), or an engine runs.
struct Outcome {
  std::string refused, replanned, results;
};

class EngineBytes : public testing::Test {
 protected:
  void SetUp() override {
    const std::filesystem::path memory = "/dev/shm";  // thousands of files
    folder_ = (std::filesystem::exists(memory) ? memory : std::filesystem::temp_directory_path()) /
              cat("hone-damage-", ::getpid());
    std::filesystem::create_directory(folder_);
    save(*Engine::make(small(), {.workers = 2}), path());
    whole_ = read_text(path());
    save(*Engine::make(small(), {.workers = 2}), path(), {.drop_portable = true});
    dropped_ = read_text(path());
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::filesystem::path path() const { return folder_ / "engine.hone"; }

  /// Weights of numbers and of strings, a branch, an open size.
  static std::shared_ptr<const Graph> small() {
    auto graph = parse(
        "graph g(%x: f32[n,8], %c: bool[], %s: str[20]) -> (%y, %e)\n"
        "  %h = MatMul(%x, @a)\n"
        "  %i = If(%c, %h)\n"
        "    then_branch(%p: f32[n,8]) -> (%r)\n"
        "      %r = Relu(%p)\n"
        "    else_branch(%p: f32[n,8]) -> (%r)\n"
        "      %r = Neg(%p)\n"
        "  %y = MatMul(%i, @b)\n"
        "  %e = Equal(%s, @t)\n"
        "weights\n"
        "  @a : f32[8,8] 256 bytes\n"
        "  @b : f32[8,4] 128 bytes\n"
        "  @t : str[20]\n",
        all_ops(),
        [](std::string_view, DType dtype, const std::vector<int64_t>& shape, const Hash&) {
          return Weight::of(contents(dtype, shape));
        });
    infer(*graph);
    return make_portable(std::move(graph));
  }

  static Tensor contents(DType dtype, const std::vector<int64_t>& shape) {
    if (dtype == DType::string) {
      std::vector<std::string> words;
      for (int64_t i = 0; i < shape[0]; ++i) words.push_back(std::string(i % 5, 'a'));
      return Tensor::of_strings(shape, std::move(words));
    }
    Tensor tensor(dtype, shape);
    for (int64_t i = 0; i < tensor.count(); ++i)
      tensor.set_number(i, static_cast<double>(i * 7 % 17 - 8) / 4);
    return tensor;
  }

  /// Why `bytes` are refused as a file; "" when they are not, or not as they should be.
  std::string refusal(std::string_view bytes) const {
    std::ofstream(path(), std::ios::binary) << bytes;
    try {
      read_engine_file(path());
    } catch (const Error& error) {
      return error.code() == Code::incompatible_engine ? error.message() : std::string();
    }
    return {};
  }

  /// Loads and runs `bytes`. What is refused is refused as incompatible; a graph that was replaced
  /// may refuse these inputs.
  Outcome outcome(std::string_view bytes, bool verify_weights = true) const {
    std::ofstream(path(), std::ios::binary) << bytes;
    Outcome found;
    std::shared_ptr<const Engine> engine;
    try {
      engine = load(path(), {.engine = {.workers = 2}, .verify_weights = verify_weights});
    } catch (const Error& error) {
      EXPECT_EQ(name(error.code()), name(Code::incompatible_engine)) << error.message();
      found.refused = error.message();
      return found;
    }
    found.replanned = engine->replanned();
    try {
      static const std::shared_ptr<Stream> stream = engine->device().stream({2});
      Context context(engine, stream);
      for (const auto& [name, tensor] : context.run({{"x", contents(DType::f32, {3, 8})},
                                                     {"c", Tensor::scalar(DType::boolean, 1)},
                                                     {"s", contents(DType::string, {20})}}))
        for (int64_t i = 0; i < tensor.count(); ++i) found.results += cat(tensor.number(i), " ");
    } catch (const Error& error) {
      found.results = error.message();
    }
    return found;
  }

  std::filesystem::path folder_;
  std::string whole_, dropped_;  // with the portable graph and without
};

}  // namespace hone::test
