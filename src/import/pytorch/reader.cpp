#include "import/pytorch/reader.hpp"

#include "import/pytorch/graph_import.hpp"
#include "import/pytorch/script/reader.hpp"

namespace hone::pytorch {
namespace {

constexpr std::string_view kExport =
    "load it into its network and export that: torch.export.save(torch.export.export("
    "network.eval(), (example,)), \"network.pt2\")";

std::string_view text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

bool is_zip(std::string_view bytes) { return bytes.starts_with("PK\x03\x04"); }

/// Before 1.6 a file was pickles one after the other: first a magic number.
bool is_old_pickle(std::string_view bytes) {
  constexpr std::string_view kMagic = "\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19";
  return bytes.starts_with(kMagic);
}

/// The size of a header of JSON, then the header.
bool is_safetensors(std::string_view bytes) {
  if (bytes.size() < 10) return false;
  uint64_t size = 0;
  std::memcpy(&size, bytes.data(), sizeof size);
  return size >= 2 && size <= bytes.size() - 8 && bytes[8] == '{' &&
         bytes.substr(8, size).find("data_offsets") != std::string_view::npos;
}

Imported import_program(const Archive& archive, const ImportOptions& options) {
  const std::string& name = archive.file().name;
  Program program(archive, options.limits);
  Imported result;
  result.format = "pytorch";
  result.version = cat("torch.export schema ", program.schema_version());
  const std::string torch = program.torch_version();
  if (!torch.empty()) result.producer = cat("pytorch ", shown(torch));
  auto made = std::make_unique<Graph>("program");
  builder::ModelBuild build{options, program.file(),
                            options.limits.made_name_bytes + 4 * program.file().bytes.size()};
  builder::Frame frame(build, *made, nullptr);
  GraphImport(frame, program.description()["graph_module"]["graph"], all_importers())
      .import_main(program);
  if (!build.report.empty())
    throw build.report.error({name, result.version, result.producer, build.nodes});
  builder::drop_unused_constants(*made);
  result.graph = std::move(made);
  return result;
}

}  // namespace

bool looks_like_file(std::string_view bytes) {
  return is_zip(bytes) || is_old_pickle(bytes) || is_safetensors(bytes);
}

Imported import_model(builder::ModelFile file, const ImportOptions& options) try {
  const std::string_view bytes = text_of(file.bytes);
  check(!is_safetensors(bytes), Code::unsupported, file.name,
        " is a file of safetensors, which holds weights and no network; ", kExport);
  check(!is_old_pickle(bytes), Code::unsupported, file.name,
        " is a file of PyTorch before 1.6 that holds weights and no network; ", kExport);
  const Archive archive(file);
  if (Program::is_one(archive)) return import_program(archive, options);
  check(!archive.has("data.pkl") || archive.has("constants.pkl"), Code::unsupported, file.name,
        " holds weights and no network (a state dict); ", kExport);
  if (ScriptProgram::is_one(archive)) return import_script(archive, options);
  fail(Code::unsupported, file.name, " is a zip archive that holds no program of PyTorch");
} catch (const builder::BeyondLimit& limit) {
  throw Error(Code::invalid_model, cat(limit.message, " (", file.name, ")"));
} catch (const Error& error) {
  if (error.message().find(file.name) != std::string::npos) throw;
  throw Error(error.code(), cat(error.message(), " (", file.name, ")"));
}

}  // namespace hone::pytorch
