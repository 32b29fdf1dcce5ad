#include "import/pytorch/json.hpp"

#include <cmath>

#include "import/report.hpp"

namespace hone::pytorch {

Json Json::operator[](const char* name) const {
  want(has(name), "there is no \"", name, "\" where one is wanted");
  return {value_->at(name), file_};
}

std::optional<Json> Json::find(const char* name) const {
  if (!has(name) || value_->at(name).is_null()) return std::nullopt;
  return Json(value_->at(name), file_);
}

std::string Json::text() const {
  want(value_->is_string(), "something is no text where one is wanted");
  const auto& text = value_->get_ref<const std::string&>();
  want(text.size() <= (size_t{2} << 20), "a text of ", uint64_t{text.size()}, " bytes");
  return text;
}

int64_t Json::integer() const {
  want(value_->is_number_integer(), "something is no whole number where one is wanted");
  const bool fits =
      !value_->is_number_unsigned() || value_->get<uint64_t>() <= static_cast<uint64_t>(INT64_MAX);
  want(fits, "a number is out of range");
  return value_->get<int64_t>();
}

double Json::real() const {
  if (value_->is_string()) {
    const std::string text = this->text();
    if (text == "Infinity" || text == "inf") return INFINITY;
    if (text == "-Infinity" || text == "-inf") return -INFINITY;
    want(text == "NaN" || text == "nan", "a number is ", shown(text));
    return NAN;
  }
  want(value_->is_number(), "something is no number where one is wanted");
  return value_->get<double>();
}

bool Json::flag() const {
  want(value_->is_boolean(), "something is no boolean where one is wanted");
  return value_->get<bool>();
}

std::vector<Json> Json::list() const {
  want(value_->is_array(), "something is no list where one is wanted");
  std::vector<Json> items;
  items.reserve(value_->size());
  for (const Value& item : *value_) items.emplace_back(item, file_);
  return items;
}

std::vector<std::pair<std::string, Json>> Json::entries() const {
  want(value_->is_object(), "something is no object where one is wanted");
  std::vector<std::pair<std::string, Json>> found;
  for (const auto& [name, value] : value_->items()) found.emplace_back(name, Json(value, file_));
  return found;
}

std::pair<std::string, Json> Json::only() const {
  const auto found = entries();
  want(found.size() == 1, "an object has ", uint64_t{found.size()}, " entries, wanted 1");
  return found.front();
}

std::shared_ptr<const nlohmann::json> parse_json(std::string_view text, const std::string& file,
                                                 int depth) {
  constexpr size_t kMostBytes = size_t{512} << 20;
  check(text.size() <= kMostBytes, Code::invalid_model, file, " has a description of ",
        uint64_t{text.size()}, " bytes, more than a program takes");
  bool drops = false;
  const auto keep = [&](int at, nlohmann::json::parse_event_t event, nlohmann::json& value) {
    check(at <= depth, Code::invalid_model, file, ": lists within lists, more than ", depth,
          " deep");
    if (event == nlohmann::json::parse_event_t::key)
      return !(drops = value.get_ref<const std::string&>() == "stack_trace");
    return true;
  };
  try {
    return std::make_shared<const nlohmann::json>(
        nlohmann::json::parse(text.begin(), text.end(), keep));
  } catch (const nlohmann::json::parse_error& error) {
    fail(Code::invalid_model, file, " is no JSON: it breaks at byte ", uint64_t{error.byte});
  } catch (const nlohmann::json::exception&) {
    fail(Code::invalid_model, file, " is no JSON: a number in it is out of range");
  }
}

}  // namespace hone::pytorch
