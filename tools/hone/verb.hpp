#pragma once
// What a verb of the tool is, and how it says which arguments it takes.

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace CLI {
class App;
}

namespace hone::cli {

/// The arguments of one verb: a thin face of CLI11, which only arguments.cpp includes. Targets are
/// filled when the command line is read and must live as long as the verb's program.
class Arguments {
 public:
  explicit Arguments(CLI::App& app) : app_(app) {}
  /// An argument without a dash, in this order.
  void positional(const char* name, std::string& target, const char* help, bool required = true);
  /// `names`: "-o,--output". `value` stands for the value in the help: "FILE".
  void option(const char* names, std::string& target, const char* value, const char* help,
              bool required = false);
  void option(const char* names, int& target, const char* value, const char* help);
  void option(const char* names, double& target, const char* value, const char* help);
  void option(const char* names, uint64_t& target, const char* value, const char* help);
  void option(const char* names, std::optional<uint64_t>& target, const char* value,
              const char* help);
  /// May be given again and again, one value each time.
  void option(const char* names, std::vector<std::string>& target, const char* value,
              const char* help);
  void flag(const char* names, bool& target, const char* help);

 private:
  CLI::App& app_;
};

struct Verb {
  std::string_view name;
  std::string_view summary;   // one line
  std::string_view examples;  // shown below the options
  /// Declares the arguments; what comes back runs the verb once they are read.
  std::function<void()> (*declare)(Arguments& arguments);
};

/// Reads `words` as the arguments of `verb`. The program to run, or nothing when only help was
/// wanted (and printed). Error(usage).
std::function<void()> read_arguments(const Verb& verb, std::vector<std::string> words);

/// All of them, in the order of the help.
std::span<const Verb> verbs();

/// An argument that a verb declares, for whoever describes them all.
struct Declared {
  std::vector<std::string> names;  // "-o", "--output"; empty: a place without a name
  std::string value;               // "FILE"; of a place its name; empty: a flag
  std::string help;
};
std::vector<Declared> declared(const Verb& verb);

std::function<void()> declare_run(Arguments& arguments);
std::function<void()> declare_build(Arguments& arguments);
std::function<void()> declare_bench(Arguments& arguments);
std::function<void()> declare_profile(Arguments& arguments);
std::function<void()> declare_convert(Arguments& arguments);
std::function<void()> declare_inspect(Arguments& arguments);
std::function<void()> declare_compare(Arguments& arguments);
std::function<void()> declare_completion(Arguments& arguments);
std::function<void()> declare_tuning(Arguments& arguments);
std::function<void()> declare_doctor(Arguments& arguments);
std::function<void()> declare_version(Arguments& arguments);

}  // namespace hone::cli
