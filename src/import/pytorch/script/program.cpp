#include "import/pytorch/script/program.hpp"

#include <algorithm>
#include <set>

#include "import/pytorch/script/interpreter.hpp"

namespace hone::pytorch {

bool ScriptProgram::is_one(const Archive& archive) {
  if (!archive.has("data.pkl") || !archive.has("constants.pkl")) return false;
  return std::any_of(archive.entries().begin(), archive.entries().end(),
                     [](const auto& entry) { return entry.first.starts_with("code/"); });
}

ScriptProgram::ScriptProgram(Archive archive)
    : archive_(std::move(archive)),
      data_(archive_.bytes("data.pkl"), cat("data.pkl in ", archive_.file().name)),
      constants_(archive_.bytes("constants.pkl"), cat("constants.pkl in ", archive_.file().name)) {
  if (archive_.has("byteorder"))
    check(archive_.text("byteorder") == "little", Code::unsupported, archive_.file().name,
          " has its numbers in an order of bytes that is not this machine's");
}

const SourceFile* ScriptProgram::find_file(std::string_view module) {
  const auto found = files_.find(module);
  if (found != files_.end()) return &found->second;
  std::string path(module);
  std::replace(path.begin(), path.end(), '.', '/');
  const std::string name = cat("code/", path, ".py");
  if (!archive_.has(name)) return nullptr;
  const std::string where = cat(name, " in ", archive_.file().name);
  return &files_.emplace(module, parse_source(archive_.text(name), where)).first->second;
}

const ClassDefinition* ScriptProgram::find_class(std::string_view name) {
  const size_t dot = name.rfind('.');
  if (dot == std::string_view::npos) return nullptr;
  const SourceFile* file = find_file(name.substr(0, dot));
  if (file == nullptr) return nullptr;
  const auto found = file->classes.find(name.substr(dot + 1));
  return found == file->classes.end() ? nullptr : &found->second;
}

const Definition* ScriptProgram::find_function(std::string_view name) {
  const size_t dot = name.rfind('.');
  if (dot == std::string_view::npos) return nullptr;
  const SourceFile* file = find_file(name.substr(0, dot));
  if (file == nullptr) return nullptr;
  const auto found = file->functions.find(name.substr(dot + 1));
  return found == file->functions.end() ? nullptr : &found->second;
}

const Definition* ScriptProgram::find_method(std::string_view type, std::string_view name) {
  const ClassDefinition* made = find_class(type);
  if (made == nullptr) return nullptr;
  const auto found = made->methods.find(name);
  return found == made->methods.end() ? nullptr : &found->second;
}

const Pickled* ScriptProgram::constant(std::string_view name) const {
  const auto place = name.starts_with("c") ? parse_int(name.substr(1)) : std::nullopt;
  const auto& items = constants_.root().items;
  if (!place || *place < 0 || static_cast<size_t>(*place) >= items.size()) return nullptr;
  return items[static_cast<size_t>(*place)];
}

namespace {

/// Operators that code calls.
class Calls {
 public:
  void collect(const Block& block) {
    for (const Statement& statement : block) {
      if (statement.value != nullptr) collect(*statement.value);
      collect(statement.first);
      collect(statement.second);
    }
  }
  const std::set<std::string>& names() const { return names_; }

 private:
  void collect(const Expression& expression) {
    if (expression.kind == Expression::Kind::call) {
      const Expression& callee = *expression.parts[0];
      if (callee.kind == Expression::Kind::attribute) {
        const Expression& base = *callee.parts[0];
        if (base.kind == Expression::Kind::name && base.text == "torch")
          names_.insert(cat("aten::", callee.text));
        const bool is_ops = base.kind == Expression::Kind::attribute &&
                            base.parts[0]->kind == Expression::Kind::name &&
                            base.parts[0]->text == "ops";
        if (is_ops) names_.insert(cat(base.text, "::", callee.text));
      }
    }
    for (const ExpressionRef& part : expression.parts)
      if (part != nullptr) collect(*part);
  }

  std::set<std::string> names_;
};

}  // namespace

std::vector<std::string> ScriptProgram::unknown(const Importers& importers) const {
  Calls calls;
  for (const auto& [module, file] : files_) {
    for (const auto& [name, function] : file.functions) calls.collect(function.body);
    for (const auto& [name, made] : file.classes)
      for (const auto& [method, definition] : made.methods) calls.collect(definition.body);
  }
  std::vector<std::string> names;
  for (const std::string& name : calls.names()) {
    const std::string_view short_name = std::string_view(name).substr(name.find("::") + 2);
    const std::string_view plain = out_of_place(name);
    if (importers.find(name) != nullptr || is_plain(short_name)) continue;
    if (!plain.empty() && importers.find(plain) != nullptr) continue;
    names.push_back(name.starts_with("aten::") ? cat("torch.", short_name) : name);
  }
  return names;
}

}  // namespace hone::pytorch
