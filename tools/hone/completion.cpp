// Completion scripts for shells, made of what the verbs declare, so that none is ever out of date.

#include <algorithm>
#include <memory>

#include "base/error.hpp"
#include "base/file.hpp"
#include "output.hpp"
#include "verb.hpp"

namespace hone::cli {
namespace {

/// What may follow an option, or stand in a place.
struct Wanted {
  enum class Kind {
    nothing,  ///< a flag
    words,    ///< one of a few
    file,
    folder,
    other  ///< a number, a name: a shell has no idea
  };
  Kind kind = Kind::other;
  std::vector<std::string> words;
};

bool is_word(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) { return c >= 'a' && c <= 'z'; });
}

/// "text|json" are words; "FILE.npz", "[NAME=]SOURCE" files; "DIR" a folder; "model" a file.
Wanted wanted_by(const Declared& declared) {
  if (declared.value.empty()) return {Wanted::Kind::nothing, {}};
  const auto parts = split(declared.value, '|');
  if (parts.size() > 1 && std::ranges::all_of(parts, is_word))
    return {Wanted::Kind::words, {parts.begin(), parts.end()}};
  if (declared.value == "DIR") return {Wanted::Kind::folder, {}};
  const auto has = [&](std::string_view word) {
    return declared.value.find(word) != std::string::npos;
  };
  const bool is_file = declared.names.empty() || has("FILE") || has("SOURCE");
  return {is_file ? Wanted::Kind::file : Wanted::Kind::other, {}};
}

std::string joined_verbs() {
  std::vector<std::string_view> names;
  for (const Verb& verb : verbs()) names.push_back(verb.name);
  return join(names, " ");
}

std::string replaced(std::string_view text, std::string_view what, std::string_view by) {
  std::string made;
  for (const char c : text) {
    if (what.find(c) == std::string_view::npos) made += c;
    else made += by == "\\" ? cat("\\", std::string_view(&c, 1)) : std::string(by);
  }
  return made;
}

/// Files are what readline completes where the function finds nothing.
std::string bash() {
  std::string values, options;
  for (const Verb& verb : verbs()) {
    std::vector<std::string> names;
    for (const Declared& each : declared(verb)) {
      names.insert(names.end(), each.names.begin(), each.names.end());
      const Wanted wanted = wanted_by(each);
      if (wanted.kind != Wanted::Kind::words) continue;
      std::vector<std::string> places;  // behind an option; the first behind the verb
      for (const std::string& name : each.names) places.push_back(cat(verb.name, ":", name));
      if (places.empty()) places.push_back(cat(verb.name, ":", verb.name));
      values += cat("    ", join(places, "|"), ") words='", join(wanted.words, " "), "' ;;\n");
    }
    options += cat("      ", verb.name, ") words='", join(names, " "), "' ;;\n");
  }
  return cat("# Completion for bash, written by `hone completion bash`.\n", "_hone() {\n",
             "  local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]}\n",
             "  local verb=${COMP_WORDS[1]} words=\n", "  case $verb:$before in\n", values,
             "  esac\n", "  if ((COMP_CWORD == 1)); then\n", "    words='", joined_verbs(), "'\n",
             "  elif [[ $word == -* ]]; then\n", "    case $verb in\n", options, "    esac\n",
             "  fi\n", "  COMPREPLY=()\n",
             "  [[ -z $words ]] || mapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$word\")\n",
             "}\n", "complete -o default -F _hone hone\n");
}

/// Within single quotes, in a part of what _arguments takes.
std::string for_zsh(std::string_view text) {
  std::string made;
  for (const char c : replaced(text, "[]:\\", "\\"))
    made += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return made;
}

std::string zsh_action(const Declared& declared) {
  const Wanted wanted = wanted_by(declared);
  const std::string value = for_zsh(declared.value);
  switch (wanted.kind) {
    case Wanted::Kind::nothing: return {};
    case Wanted::Kind::words: return cat(":", value, ":(", join(wanted.words, " "), ")");
    case Wanted::Kind::file: return cat(":", value, ":_files");
    case Wanted::Kind::folder: return cat(":", value, ":_files -/");
    case Wanted::Kind::other: break;
  }
  return cat(":", value, ": ");
}

std::string zsh() {
  std::string summaries, cases;
  for (const Verb& verb : verbs()) {
    summaries += cat("    '", verb.name, ":", for_zsh(verb.summary), "'\n");
    std::vector<std::string> specs;
    for (const Declared& each : declared(verb)) {
      for (const std::string& name : each.names)
        specs.push_back(cat("'*", name, "[", for_zsh(each.help), "]", zsh_action(each), "'"));
      if (each.names.empty()) specs.push_back(cat("'", zsh_action(each), "'"));
    }
    cases += cat("    ", verb.name, ") _arguments ", join(specs, " \\\n      "), " ;;\n");
  }
  return cat("#compdef hone\n", "# Completion for zsh, written by `hone completion zsh`.\n",
             "_hone() {\n", "  local -a verbs=(\n", summaries, "  )\n",
             "  if ((CURRENT == 2)); then\n", "    _describe verb verbs\n", "    return\n",
             "  fi\n", "  shift words\n", "  ((CURRENT--))\n", "  case $words[1] in\n", cases,
             "  esac\n", "}\n",
             "if [[ $funcstack[1] == _hone ]]; then _hone \"$@\"; else compdef _hone hone; fi\n");
}

std::string for_fish(std::string_view text) { return cat("'", replaced(text, "'\\", "\\"), "'"); }

std::string fish_line(const Verb& verb, const Declared& declared) {
  const Wanted wanted = wanted_by(declared);
  std::string text = cat("complete -c hone -n '__fish_seen_subcommand_from ", verb.name, "'");
  for (const std::string& name : declared.names)
    text += name.starts_with("--") ? cat(" -l ", name.substr(2)) : cat(" -s ", name.substr(1));
  const bool is_option = !declared.names.empty();
  switch (wanted.kind) {
    case Wanted::Kind::nothing: break;
    case Wanted::Kind::words:
      text += cat(is_option ? " -x -a " : " -a ", for_fish(join(wanted.words, " ")));
      break;
    case Wanted::Kind::file: text += is_option ? " -r -F" : " -F"; break;
    case Wanted::Kind::folder: text += " -x -a '(__fish_complete_directories)'"; break;
    case Wanted::Kind::other: text += " -x"; break;
  }
  return cat(text, is_option ? cat(" -d ", for_fish(declared.help)) : std::string(), "\n");
}

std::string fish() {
  std::string text =
      "# Completion for fish, written by `hone completion fish`.\ncomplete -c hone -f\n";
  for (const Verb& verb : verbs())
    text += cat("complete -c hone -n __fish_use_subcommand -a ", verb.name, " -d ",
                for_fish(verb.summary), "\n");
  for (const Verb& verb : verbs())
    for (const Declared& each : declared(verb)) text += fish_line(verb, each);
  return text;
}

struct CompletionVerb {
  std::string shell, output;
};

void write_completion(const CompletionVerb& verb) {
  constexpr std::pair<std::string_view, std::string (*)()> kShells[] = {
      {"bash", bash}, {"zsh", zsh}, {"fish", fish}};
  const auto shell = std::ranges::find(kShells, std::string_view(verb.shell),
                                       [](const auto& each) { return each.first; });
  check(shell != std::end(kShells), Code::usage, "there is no completion for \"", verb.shell,
        "\"; wanted bash, zsh or fish");
  const std::string text = shell->second();
  if (verb.output.empty()) return print(text);
  AtomicFile file(verb.output);
  file.write(text);
  file.commit();
}

}  // namespace

std::function<void()> declare_completion(Arguments& arguments) {
  const auto verb = std::make_shared<CompletionVerb>();
  arguments.positional("bash|zsh|fish", verb->shell, "The shell");
  arguments.option("-o,--output", verb->output, "FILE", "Write the script there");
  return [verb] { write_completion(*verb); };
}

}  // namespace hone::cli
