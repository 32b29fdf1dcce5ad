#pragma once
// JSON as a file has it, read with every field checked.

#include <cstdint>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"

namespace hone::pytorch {

/// A value in a JSON text and where it stands, for messages. A view: the document outlives it.
class Json {
 public:
  using Value = nlohmann::json;
  Json(const Value& value, std::string_view file) : value_(&value), file_(file) {}

  bool has(const char* name) const { return value_->is_object() && value_->contains(name); }
  bool is_null() const { return value_->is_null(); }
  Json operator[](const char* name) const;           // Error(invalid_model): it is not there
  std::optional<Json> find(const char* name) const;  // nullopt: not there, or null
  std::string text() const;
  int64_t integer() const;
  double real() const;  // "Infinity", "-Infinity", "NaN" as texts, too
  bool flag() const;
  std::vector<Json> list() const;
  std::vector<std::pair<std::string, Json>> entries() const;
  /// Of an object with one entry, as unions are written.
  std::pair<std::string, Json> only() const;

 private:
  template <class... Parts>
  void want(bool condition, const Parts&... parts) const {
    if (!condition) [[unlikely]]
      fail(Code::invalid_model, file_, " describes no program: ", parts...);
  }
  const Value* value_;
  std::string_view file_;
};

/// Error(invalid_model) for what is no JSON, or nested deeper than `depth`. Texts called
/// "stack_trace", most of such a file, are left out.
std::shared_ptr<const nlohmann::json> parse_json(std::string_view text, const std::string& file,
                                                 int depth);

}  // namespace hone::pytorch
