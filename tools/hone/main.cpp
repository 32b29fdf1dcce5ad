// The command line tool: one verb a file, one list of them.

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <new>
#include <stdexcept>

#include "allocator.hpp"
#include "base/error.hpp"
#include "base/file.hpp"
#include "base/printable.hpp"
#include "output.hpp"
#include "verb.hpp"

namespace hone::cli {
namespace {

constexpr Verb kVerbs[] = {
    {"run", "Run a model or an engine on inputs.",
     R"(
Inputs: a .npy file; a .npz file (the array of the input's name, or its only one; without NAME=,
every array by its name); a .jpg or .png image; "random" (floats: normal; integers and booleans: 0
or 1) or "zeros". NAME= may be left out where the model has one input. Sizes that the model leaves
open come from --shape or from the other inputs; the first dimension is 1 otherwise.
Images become what the input wants: rows, columns and channels in its order, with a first dimension
of 1; each element is (pixel - mean) * scale of pixels from 0 to 255. Integer inputs get the pixels
as they are, unless --mean or --scale is given. Without --resize and --crop, an image is resized to
the size that the model wants. --layout says that an array is an image, too, and in which order.

Examples:
  hone run net.onnx --input image=cat.jpg --top 5 --labels labels.txt
  hone run net.onnx --input cat.jpg --resize 256 --crop 224x224 \
      --mean 123.675,116.28,103.53 --scale 1/58.395,1/57.12,1/57.375
  hone run bert.onnx --input ids=ids.npy --input mask=mask.npy --save out.npz
  hone run net.hone --input random --shape 8x3x224x224 --repeat 50
)",
     declare_run},
    {"build", "Make an engine: a model optimized for this machine, in one file.",
     R"(
Examples:
  hone build net.onnx -o net.hone
  hone build net.onnx -o net.hone --explain        each step: kernel, layers, notes
  hone build net.onnx -o net.hone --opt 2          kernels are timed on this machine
  hone build net.onnx -o net.hone --dump graphs    the graph after each pass that changed it
)",
     declare_build},
    {"bench", "Measure how fast a model or an engine runs on this machine.",
     R"(
Each choice of sizes is run for a while first, then measured. A percentile (p90, p95, p99) is the
time that so many hundredths of the runs did not exceed. Inputs are random numbers where --input
gives none. The first run is that of a new context. Without --workers, the cores that may be used
are shared among the contexts.

Examples:
  hone bench net.onnx
  hone bench net.hone --batch 1,8,32
  hone bench bert.onnx --shape ids=1x128,1x256 --shape mask=1x128,1x256 -o bert.md
  hone bench net.hone --contexts 4 --workers 4 -o json
  hone bench --kernels 'conv|matmul'
)",
     declare_bench},
    {"profile", "Tell where the time of a run goes, step by step.",
     R"(
Each step of the plan with its share of the time, its kernel, the bytes of its operands and results,
its arithmetic (that of matrix products and convolutions) and the layers of the model that it came
from. What a step takes is the median over the runs. A step of a loop's body counts all its turns
together. --trace writes every step of every run for chrome://tracing and ui.perfetto.dev.

Examples:
  hone profile net.onnx
  hone profile bert.onnx --shape ids=1x128 --shape mask=1x128 --top 20
  hone profile net.hone --iterations 5 --trace net.json
)",
     declare_profile},
    {"convert", "Write a model or an engine as ONNX, or as text.",
     R"(
The opset is the oldest from 18 on that has what the model uses. Names are kept, open sizes stay
open.

Examples:
  hone convert net.onnx -o plain.onnx
  hone convert net.onnx -o portable.onnx --portable      after the passes of a build
  hone convert net.onnx -o fused.onnx --optimized        after fusion: regions as functions
  hone convert net.hone -o net.onnx --external always    weights in net.onnx.data
  hone convert net.onnx -o net.graph
)",
     declare_convert},
    {"inspect", "Show what is in a model or an engine, and what keeps it from running.",
     R"(
Counts of multiplications and additions are those of matrix products and convolutions. Sizes that
the model leaves open stand as letters; --shape gives them values. Where a number is needed, what
an input has first is taken to be 1 and every other open size 64, or the next that the model allows;
the output says so. --graph, --plan, --ops and --regions print these parts alone; -o json has all
but the graph.

Examples:
  hone inspect net.onnx
  hone inspect net.onnx --shape image=8x3x224x224
  hone inspect net.onnx --graph > net.graph
  hone inspect net.hone --plan
  hone inspect net.onnx --dot | dot -Tsvg > net.svg
  hone inspect net.onnx -o json
)",
     declare_inspect},
    {"compare", "Tell whether two models are the same: their graphs, or what they compute.",
     R"(
Examples:
  hone compare net.onnx net_traced.onnx --structure
  hone compare net.onnx net.hone --data --input image=cat.jpg
  hone compare net.onnx net.onnx --data --disable-second recognize_norms
  hone compare net.onnx net.onnx --data --reference      are kernels right?

--data runs both graphs, as engines, on the same inputs (random ones when none are given), with
every value that both have as an output: values of one name and layer, or of one layer of the model.
Inputs and outputs belong together by their places. Exit code 9: an output differs.
)",
     declare_compare},
    {"tuning", "Show, merge or compare what builds have timed of kernels.",
     R"(
A tuned build times kernels and keeps what it found in a file of text: a line for each way to run a
problem, with the time. The next build of a model with the same problems on the same kind of machine
times nothing.

Examples:
  hone tuning
  hone tuning --file old.txt --diff new.txt
  hone tuning --file a.txt --merge b.txt -o both.txt
)",
     declare_tuning},
    {"completion", "Write a script that completes hone's verbs and options in a shell.",
     R"(
Examples:
  source <(hone completion bash)
  hone completion zsh > ~/.zfunc/_hone         with ~/.zfunc in fpath
  hone completion fish > ~/.config/fish/completions/hone.fish
)",
     declare_completion},
    {"doctor", "Show what Hone finds on this machine.",
     R"(
Example:
  hone doctor
)",
     declare_doctor},
    {"version", "Show the version.",
     R"(
Example:
  hone version
)",
     declare_version},
};

constexpr std::string_view kCodes = R"(
Exit codes:
  0  success                      6  out of memory
  2  wrong arguments or inputs    7  device error
  3  unsupported model            8  a file cannot be read or written
  4  invalid model                9  accuracy budget not met
  5  damaged or foreign engine   10  a bug of Hone's
Data goes to standard output, everything else to standard error. HONE_LOG=note shows more of it.
)";

void print_help() {
  print(
      "Hone optimizes trained networks for this machine and runs them.\n\n"
      "Usage: hone VERB [ARGUMENTS]    (hone VERB --help tells more)\n\nVerbs:\n");
  std::vector<std::vector<std::string>> rows;
  for (const Verb& verb : kVerbs)
    rows.push_back({"  " + std::string(verb.name), std::string(verb.summary)});
  print(table(rows));
  print(
      "\nExamples:\n"
      "  hone run net.onnx --input image=cat.jpg --top 5 --labels labels.txt\n"
      "  hone inspect net.onnx\n"
      "  hone build net.onnx -o net.hone\n");
  print(kCodes);
}

const Verb& find_verb(std::string_view name) {
  std::vector<std::string_view> names;
  for (const Verb& verb : kVerbs) {
    if (verb.name == name) return verb;
    names.push_back(verb.name);
  }
  const auto meant = closest(name, names);
  fail(Code::usage, "there is no verb \"", name, "\"",
       meant ? cat("; did you mean ", *meant, "?")
             : cat("; the verbs are ", join(names, ", "), " (see hone --help)"));
}

void run_words(std::vector<std::string> words) {
  if (words.size() >= 2 && words[0] == "help") words = {words[1], "--help"};
  check(!words.empty(), Code::usage, "no verb was given; see hone --help");
  if (words[0] == "--help" || words[0] == "-h" || words[0] == "help") return print_help();
  if (words[0] == "--version") words[0] = "version";
  const Verb& verb = find_verb(words[0]);
  words.erase(words.begin());
  if (const std::function<void()> program = read_arguments(verb, std::move(words))) program();
}

/// Without what a terminal would obey; a line that a name begins cannot pass for one of ours.
std::string harmless(std::string_view message) {
  std::string made;
  for (const std::string_view each : split(message, '\n')) {
    if (!made.empty()) made += each.starts_with(' ') ? "\n" : "\n  ";
    made += printable(each);
  }
  return made;
}

int failed(Code code, std::string_view message) {
  std::fflush(stdout);
  const std::string text = cat("error: ", harmless(message), "\n");
  std::fwrite(text.data(), 1, text.size(), stderr);
  return static_cast<int>(code);
}

/// A text that is there: to make one takes memory.
int failed_without_memory() {
  constexpr std::string_view kText = "error: out of memory\n";
  if (::write(STDERR_FILENO, kText.data(), kText.size()) < 0) {  // nobody to tell
  }
  return static_cast<int>(Code::out_of_memory);
}

/// Where there is no memory even for an exception, or none before main(); else a bug, which aborts.
[[noreturn]] void terminated() {
  const std::exception_ptr exception = std::current_exception();
  if (exception == nullptr) ::_exit(failed_without_memory());
  try {
    std::rethrow_exception(exception);
  } catch (const std::bad_alloc&) {
    ::_exit(failed_without_memory());
  } catch (...) {
    std::abort();
  }
}

/// Before all objects that stand in front of main().
[[gnu::constructor(101)]] void expect_no_memory() { std::set_terminate(terminated); }

int run_tool(int count, char** arguments) try {
  try {
    run_words({arguments + std::min(count, 1), arguments + count});
    flush_output();
    return 0;
  } catch (const Error& error) {
    return failed(error.code(), error.message());
  } catch (const std::bad_alloc&) {
    return failed_without_memory();
  } catch (const std::length_error&) {  // more than can be addressed
    return failed_without_memory();
  } catch (const std::exception& error) {
    return failed(Code::internal, error.what());
  }
} catch (...) {  // no memory for the message
  return failed_without_memory();
}

}  // namespace

std::span<const Verb> verbs() { return kVerbs; }

}  // namespace hone::cli

int main(int count, char** arguments) {
  hone::cli::cache_small_blocks();
  hone::remove_unfinished_files_on_signals();
  return hone::cli::run_tool(count, arguments);
}
