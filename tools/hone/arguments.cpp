// The only file that includes CLI11: it is what makes a command line tool slow to compile.

#include <CLI/CLI.hpp>
#include <charconv>

#include "base/error.hpp"
#include "output.hpp"
#include "verb.hpp"

namespace hone::cli {
namespace {

/// Without a description, which the help would repeat.
CLI::Validator at_least_zero() {
  return CLI::Validator(
      [](const std::string& text) {
        const auto number = parse_int(text);
        const bool fits = number && *number >= 0 && *number <= INT32_MAX;
        return fits ? std::string() : cat("\"", text, "\" is no whole number from 0 up");
      },
      "");
}

/// CLI11 would take -1 for the largest number, and a larger one for another.
CLI::Validator counts() {
  return CLI::Validator(
      [](const std::string& text) {
        uint64_t number = 0;
        const char* end = text.data() + text.size();
        const auto [rest, error] = std::from_chars(text.data(), end, number);
        const bool fits = error == std::errc() && rest == end;
        return fits ? std::string() : cat("\"", text, "\" is no whole number from 0 to 2^64-1");
      },
      "");
}

/// A value, and none that other programs take for standard input or output.
CLI::Validator is_given(const std::string& value) {
  return CLI::Validator(
      [value](const std::string& text) {
        if (text.empty()) return cat("found nothing, wanted ", value);
        if (text != "-") return std::string();
        return cat(
            "\"-\" is no file: hone reads and writes files, not standard input and output; "
            "wanted ",
            value, " (./- is a file of that name)");
      },
      "");
}

}  // namespace

void Arguments::positional(const char* name, std::string& target, const char* help, bool required) {
  app_.add_option(name, target, help)->required(required)->type_name("")->check(is_given("a file"));
}

void Arguments::option(const char* names, std::string& target, const char* value, const char* help,
                       bool required) {
  app_.add_option(names, target, help)
      ->type_name(value)
      ->required(required)
      ->check(is_given(value));
}

void Arguments::option(const char* names, int& target, const char* value, const char* help) {
  app_.add_option(names, target, help)->type_name(value)->check(at_least_zero());
}

void Arguments::option(const char* names, double& target, const char* value, const char* help) {
  app_.add_option(names, target, help)->type_name(value);
}

void Arguments::option(const char* names, uint64_t& target, const char* value, const char* help) {
  app_.add_option(names, target, help)->type_name(value)->check(counts());
}

void Arguments::option(const char* names, std::optional<uint64_t>& target, const char* value,
                       const char* help) {
  const auto set = [&target](const uint64_t& given) { target = given; };
  app_.add_option_function<uint64_t>(names, set, help)->type_name(value)->check(counts());
}

void Arguments::option(const char* names, std::vector<std::string>& target, const char* value,
                       const char* help) {
  app_.add_option(names, target, help)->type_name(value)->allow_extra_args(false);
}

void Arguments::flag(const char* names, bool& target, const char* help) {
  app_.add_flag(names, target, help);
}

namespace {

/// CLI11 would only say that the argument was not expected.
void refuse_extras(const Verb& verb, const CLI::App& app) {
  const std::vector<std::string> extras = app.remaining();
  if (extras.empty()) return;
  const std::string word = extras.front().substr(0, extras.front().find('='));
  check(word.starts_with("-"), Code::usage, "hone ", verb.name, " does not expect \"", word, "\"");
  std::vector<std::string> names;
  for (const CLI::Option* option : app.get_options())
    for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
  const std::vector<std::string_view> known(names.begin(), names.end());
  const auto meant = closest(word, known);
  fail(Code::usage, "hone ", verb.name, " has no option ", word,
       meant ? cat("; did you mean ", *meant, "?") : cat("; see hone ", verb.name, " --help"));
}

}  // namespace

std::vector<Declared> declared(const Verb& verb) {
  CLI::App app;
  Arguments arguments(app);
  const std::function<void()> program = verb.declare(arguments);  // holds the targets
  std::vector<Declared> found;
  for (const CLI::Option* option : app.get_options()) {
    Declared each{{}, option->get_type_name(), option->get_description()};
    for (const std::string& name : option->get_snames()) each.names.push_back("-" + name);
    for (const std::string& name : option->get_lnames()) each.names.push_back("--" + name);
    if (each.names.empty()) each.value = option->get_name();
    found.push_back(std::move(each));
  }
  return found;
}

std::function<void()> read_arguments(const Verb& verb, std::vector<std::string> words) {
  CLI::App app{std::string(verb.summary), cat("hone ", verb.name)};
  app.footer(std::string(trim(verb.examples)) + "\n");
  app.get_formatter()->column_width(34);
  app.allow_extras();
  Arguments arguments(app);
  std::function<void()> program = verb.declare(arguments);
  std::reverse(words.begin(), words.end());  // as CLI11 takes them
  try {
    app.parse(words);
  } catch (const CLI::CallForHelp&) {
    print(app.help());
    return {};
  } catch (const CLI::ParseError& error) {
    refuse_extras(verb, app);
    fail(Code::usage, error.what(), " (see hone ", verb.name, " --help)");
  }
  refuse_extras(verb, app);
  return program;
}

}  // namespace hone::cli
