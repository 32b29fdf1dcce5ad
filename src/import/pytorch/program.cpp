#include "import/pytorch/program.hpp"

#include "import/pytorch/item.hpp"
#include "import/report.hpp"

namespace hone::pytorch {
namespace {

/// The model's description: models/NAME.json, or of before 2.8 the one at the top.
std::string description_in(const Archive& archive, std::string& model) {
  if (archive.has("serialized_exported_program.json")) return "serialized_exported_program.json";
  std::string found;
  for (const auto& [name, entry] : archive.entries()) {
    if (!name.starts_with("models/") || !name.ends_with(".json")) continue;
    check(found.empty(), Code::unsupported, archive.file().name,
          " holds several programs: save one");
    found = name;
    model = name.substr(7, name.size() - 12);
  }
  return found;
}

int64_t plain(const Json& size) {
  const auto [kind, value] = size.only();
  check(kind == "as_int", Code::unsupported, "a stored tensor of open size");
  return value.integer();
}

}  // namespace

bool Program::is_one(const Archive& archive) {
  if (archive.has("serialized_exported_program.json")) return true;
  for (const auto& [name, entry] : archive.entries())
    if (name.starts_with("models/") && name.ends_with(".json"))
      return archive.has("archive_format");
  return false;
}

Program::Program(Archive archive, const Limits& limits)
    : archive_(std::move(archive)), limits_(limits) {
  std::string model;
  const std::string name = description_in(archive_, model);
  check(!name.empty(), Code::invalid_model, file().name, " holds no program");
  if (archive_.has("byteorder"))
    check(archive_.text("byteorder") == "little", Code::unsupported, file().name,
          " has its numbers in an order of bytes that is not this machine's");
  // Each nested graph takes a dozen levels.
  json_ = parse_json(archive_.text(name), file().name, 16 * limits.depth);
  const Json version = description()["schema_version"]["major"];
  check(version.integer() >= 5 && version.integer() <= 8, Code::unsupported, file().name,
        " is of schema ", schema_version(), " of torch.export, Hone reads 5 to 8");
  weights_ = find_tensors(model, "weights", "serialized_state_dict");
  constants_ = find_tensors(model, "constants", "serialized_constants");
}

std::string Program::schema_version() const {
  const Json version = description()["schema_version"];
  return cat(version["major"].integer(), ".", version["minor"].integer());
}

std::string Program::torch_version() const {
  const auto found = description().find("torch_version");
  return found ? found->text() : "";
}

Program::Tensors Program::find_tensors(const std::string& model, std::string_view kind,
                                       std::string_view old_name) {
  Tensors found;
  found.folder = cat("data/", kind, "/");
  const std::string config = cat(found.folder, model, "_", kind, "_config.json");
  if (archive_.has(config)) {
    found.config = parse_json(archive_.text(config), cat(config, " in ", file().name), 32);
    return found;
  }
  for (const std::string& name :
       {cat(found.folder, model, ".pt"), cat(old_name, ".pt"), cat(old_name, ".json")})
    if (archive_.has(name) && !archive_.bytes(name).empty()) {
      found.pickled = archive_.within(name);
      break;
    }
  return found;
}

std::shared_ptr<const Weight> Program::described(const Tensors& in, const Json& payload) {
  const std::string path = cat(in.folder, payload["path_name"].text());
  if (const auto pickled = payload.find("use_pickle"); pickled && pickled->flag()) {
    const Archive within = archive_.within(path);
    const Pickle pickle(within.bytes("data.pkl"), path);
    return StoredTensors(within, limits_).tensor(pickle.root());
  }
  const Json meta = payload["tensor_meta"];
  Layout layout;
  layout.dtype = exported_dtype(meta["dtype"].integer());
  for (const Json& size : meta["sizes"].list()) layout.sizes.push_back(plain(size));
  for (const Json& stride : meta["strides"].list()) layout.strides.push_back(plain(stride));
  layout.offset = plain(meta["storage_offset"]);
  return weight_of(archive_, archive_.bytes(path), layout, limits_);
}

std::shared_ptr<const Weight> Program::find(Tensors& in, const std::string& name) {
  if (in.config != nullptr) {
    const auto payload = Json(*in.config, file().name)["config"].find(name.c_str());
    check(payload.has_value(), Code::invalid_model, file().name, " stores no ", shown(name));
    return described(in, *payload);
  }
  if (!in.read && in.pickled) in.found = stored_by_name(*in.pickled, limits_);
  in.read = true;
  const auto found = in.found.find(name);
  check(found != in.found.end(), Code::invalid_model, file().name, " stores no ", shown(name));
  return found->second;
}

std::shared_ptr<const Weight> Program::weight(const std::string& name) {
  return find(weights_, name);
}

/// Buffers that are not persistent are stored among the constants.
std::shared_ptr<const Weight> Program::constant(const std::string& name) {
  return find(constants_, name);
}

int64_t c10_dtype(int64_t number) {
  constexpr int64_t kDense = 13;  // up to there one more than c10's, but for bfloat16
  if (number >= 1 && number < kDense) return number - 1;
  switch (number) {
    case 13: return 15;
    case 28: return 27;
    case 29: return 24;
    case 30: return 23;
    case 31: return 26;
    case 32: return 25;
    case 34: return 28;
    case 35: return 29;
    default: fail(Code::unsupported, "elements of type ", number, " of torch.export");
  }
}

DType exported_dtype(int64_t number) {
  const auto found = dtype_of_number(c10_dtype(number));
  check(found.has_value(), Code::unsupported, "elements of type ", number, " of torch.export");
  return *found;
}

}  // namespace hone::pytorch
