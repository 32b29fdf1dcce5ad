#include "import/pytorch/importers.hpp"

#include <algorithm>

#include "base/error.hpp"

namespace hone::pytorch {
namespace {

/// Reads "name.variant(T x, i y=1)".
class OverloadReader {
 public:
  explicit OverloadReader(std::string_view text) : text_(text), rest_(text) {}

  Overload read() {
    Overload made;
    const std::string_view name = up_to('(');
    const size_t dot = name.find('.');
    made.name = name.substr(0, dot);
    if (made.name.find("::") == std::string::npos) made.name = cat("aten::", made.name);
    if (dot != std::string_view::npos) made.variant = name.substr(dot + 1);
    want(!rest_.empty() && rest_.back() == ')', "no )");
    rest_.remove_suffix(1);
    while (!trim(rest_).empty()) made.parameters.push_back(parameter(trim(next())));
    return made;
  }

 private:
  std::string_view up_to(char end) {
    const size_t at = rest_.find(end);
    want(at != std::string_view::npos, "no ", end);
    const std::string_view part = rest_.substr(0, at);
    rest_.remove_prefix(at + 1);
    return part;
  }

  /// Up to a comma that stands in no list.
  std::string_view next() {
    int depth = 0;
    for (size_t i = 0; i < rest_.size(); ++i) {
      if (rest_[i] == '[') ++depth;
      if (rest_[i] == ']') --depth;
      if (rest_[i] != ',' || depth != 0) continue;
      const std::string_view part = rest_.substr(0, i);
      rest_.remove_prefix(i + 1);
      return part;
    }
    return std::exchange(rest_, {});
  }

  Parameter parameter(std::string_view text) {
    Parameter made;
    const size_t space = text.find(' '), equal = text.find('=');
    want(space != std::string_view::npos, "no name in ", text);
    std::string_view type = text.substr(0, space);
    made.kind = type.front();
    want(std::string_view("Tifsbta").find(made.kind) != std::string_view::npos, "type ", type);
    made.is_list = type.find('[') != std::string_view::npos;
    made.may_be_none = type.back() == '?';
    made.name = text.substr(space + 1, equal == std::string_view::npos ? equal : equal - space - 1);
    if (equal != std::string_view::npos) made.otherwise = value(text.substr(equal + 1));
    return made;
  }

  Item value(std::string_view text) {
    if (text == "None") return None{};
    if (text == "True" || text == "False") return text == "True";
    if (text.front() == '"') return std::string(text.substr(1, text.size() - 2));
    if (text.front() == '[') {
      std::vector<Item> items;
      for (const std::string_view part : split(text.substr(1, text.size() - 2), ','))
        if (!part.empty()) items.push_back(value(trim(part)));
      return list_of(std::move(items));
    }
    if (const auto whole = parse_int(text)) return *whole;
    const auto real = parse_double(text);
    want(real.has_value(), "default ", text);
    return *real;
  }

  template <class... Parts>
  void want(bool condition, const Parts&... parts) const {
    check(condition, Code::internal, "overload ", text_, ": ", parts...);
  }

  std::string_view text_, rest_;
};

}  // namespace

std::string Overload::full_name() const { return variant.empty() ? name : cat(name, ".", variant); }

Overload& Importers::insert(std::string_view text) {
  Overload made = OverloadReader(text).read();
  check(find(made.name, made.variant) == nullptr, Code::internal, "there are two importers of ",
        made.full_name());
  auto& list = overloads_[made.name];
  list.push_back(std::move(made));
  return list.back();
}

void Importers::add(std::string_view overload, Overload::Import import) {
  insert(overload).import = import;
}

void Importers::add_view(std::string_view overload, Overload::Import import,
                         Overload::WriteBack write_back) {
  Overload& made = insert(overload);
  made.import = import;
  made.is_view = true;
  made.write_back = write_back;
}

void Importers::add_quantizing(std::string_view overload, Overload::Import import) {
  Overload& made = insert(overload);
  made.import = import;
  made.quantizes = true;
}

void Importers::add_complex(std::string_view name, Overload::Import import) {
  check(complex_.emplace(cat("aten::", name), import).second, Code::internal,
        "there are two importers of complex ", name);
}

void Importers::add(std::initializer_list<std::string_view> overloads, Overload::Import import) {
  for (const std::string_view overload : overloads) add(overload, import);
}

const std::vector<Overload>* Importers::find(std::string_view name) const {
  const auto found = overloads_.find(name);
  return found == overloads_.end() ? nullptr : &found->second;
}

const Overload* Importers::find(std::string_view name, std::string_view variant) const {
  const auto* list = find(name);
  if (list == nullptr) return nullptr;
  const auto found = std::find_if(list->begin(), list->end(),
                                  [&](const Overload& each) { return each.variant == variant; });
  return found == list->end() ? nullptr : &*found;
}

Overload::Import Importers::find_complex(std::string_view name) const {
  const auto found = complex_.find(name);
  return found == complex_.end() ? nullptr : found->second;
}

std::vector<std::string_view> Importers::names() const {
  std::vector<std::string_view> names;
  for (const auto& [name, list] : overloads_) names.push_back(name);
  return names;
}

std::vector<std::string> Importers::overload_names() const {
  std::vector<std::string> names;
  for (const auto& [name, list] : overloads_)
    for (const Overload& each : list) names.push_back(each.full_name());
  std::sort(names.begin(), names.end());
  return names;
}

const Importers& all_importers() {
  static const Importers all = [] {
    Importers made;
    register_all_importers(made);
    return made;
  }();
  return all;
}

std::string_view out_of_place(std::string_view name) {
  if (!name.ends_with("_") || name.ends_with("__")) return {};
  return name.substr(0, name.size() - 1);
}

}  // namespace hone::pytorch
