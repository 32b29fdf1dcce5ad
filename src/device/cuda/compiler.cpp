#include "device/cuda/compiler.hpp"

#include <algorithm>
#include <cstdlib>
#include <map>
#include <mutex>
#include <semaphore>

#include "base/error.hpp"
#include "base/threads.hpp"
#include "device/cuda/code_cache.hpp"

namespace hone::cuda {
namespace {

struct ProgramHandle;
struct Compiler {
  int (*Version)(int* major, int* minor);
  const char* (*GetErrorString)(int result);
  int (*GetNumSupportedArchs)(int* count);
  int (*GetSupportedArchs)(int* archs);
  int (*CreateProgram)(ProgramHandle** program, const char* text, const char* name, int headers,
                       const char* const* header_texts, const char* const* header_names);
  int (*DestroyProgram)(ProgramHandle** program);
  int (*CompileProgram)(ProgramHandle* program, int count, const char* const* options);
  int (*GetProgramLogSize)(ProgramHandle* program, size_t* bytes);
  int (*GetProgramLog)(ProgramHandle* program, char* log);
  int (*GetCUBINSize)(ProgramHandle* program, size_t* bytes);
  int (*GetCUBIN)(ProgramHandle* program, char* image);
  int (*GetPTXSize)(ProgramHandle* program, size_t* bytes);
  int (*GetPTX)(ProgramHandle* program, char* image);
};

struct OpenedCompiler {
  Compiler functions{};
  LibraryState state;
  std::vector<int> architectures;  // compute capabilities, ascending
};

OpenedCompiler open_compiler() {
  OpenedCompiler opened;
  Compiler& rtc = opened.functions;
  const Symbol symbols[] = {
      {"nvrtcVersion", place(rtc.Version)},
      {"nvrtcGetErrorString", place(rtc.GetErrorString)},
      {"nvrtcGetNumSupportedArchs", place(rtc.GetNumSupportedArchs)},
      {"nvrtcGetSupportedArchs", place(rtc.GetSupportedArchs)},
      {"nvrtcCreateProgram", place(rtc.CreateProgram)},
      {"nvrtcDestroyProgram", place(rtc.DestroyProgram)},
      {"nvrtcCompileProgram", place(rtc.CompileProgram)},
      {"nvrtcGetProgramLogSize", place(rtc.GetProgramLogSize)},
      {"nvrtcGetProgramLog", place(rtc.GetProgramLog)},
      {"nvrtcGetCUBINSize", place(rtc.GetCUBINSize)},
      {"nvrtcGetCUBIN", place(rtc.GetCUBIN)},
      {"nvrtcGetPTXSize", place(rtc.GetPTXSize)},
      {"nvrtcGetPTX", place(rtc.GetPTX)},
  };
  const auto files = library_files("HONE_NVRTC", "libnvrtc.so", {"13", "12"});
  opened.state = open_library(files, symbols);
  if (!opened.state.why.empty()) return opened;
  int major = 0, minor = 0, count = 0;
  if (rtc.Version(&major, &minor) == 0) opened.state.version = cat(major, ".", minor);
  if (rtc.GetNumSupportedArchs(&count) != 0 || count <= 0) {
    opened.state.why = "it knows no architecture";
    return opened;
  }
  opened.architectures.resize(static_cast<size_t>(count));
  if (rtc.GetSupportedArchs(opened.architectures.data()) != 0) opened.architectures.clear();
  std::sort(opened.architectures.begin(), opened.architectures.end());
  return opened;
}

const OpenedCompiler& opened_compiler() {
  static const OpenedCompiler kOpened = open_compiler();
  return kOpened;
}

const Compiler& compiler() {
  check(opened_compiler().state.why.empty(), Code::device,
        "kernels for a GPU cannot be compiled: NVRTC, ", opened_compiler().state.why);
  return opened_compiler().functions;
}

void check_nvrtc(int result, const char* what) {
  check(result == 0, Code::device, "NVRTC, ", what, ": ",
        result == 0 ? "" : opened_compiler().functions.GetErrorString(result));
}

std::string read(ProgramHandle* program, int (*size)(ProgramHandle*, size_t*),
                 int (*get)(ProgramHandle*, char*), const char* what) {
  size_t bytes = 0;
  check_nvrtc(size(program, &bytes), what);
  std::string text(bytes, '\0');
  if (bytes > 0) check_nvrtc(get(program, text.data()), what);
  return text;
}

constexpr const char* kOptions[] = {"--std=c++17", "-default-device", "-w"};

Compilation compiled(const std::string& text, const std::string& architecture) {
  const Compiler& rtc = compiler();
  struct Program {
    ProgramHandle* handle = nullptr;
    ~Program() {
      if (handle != nullptr) opened_compiler().functions.DestroyProgram(&handle);
    }
  } program;
  check_nvrtc(rtc.CreateProgram(&program.handle, text.c_str(), "hone.cu", 0, nullptr, nullptr),
              "a program");
  const std::string target = cat("--gpu-architecture=", architecture);
  std::vector<const char*> options{target.c_str()};
  options.insert(options.end(), std::begin(kOptions), std::end(kOptions));
  const int result =
      rtc.CompileProgram(program.handle, static_cast<int>(options.size()), options.data());
  Compilation made;
  made.log = read(program.handle, rtc.GetProgramLogSize, rtc.GetProgramLog, "the log");
  check(result == 0, Code::internal, "a kernel's text is wrong: ", made.log, "\n", text);
  made.image = architecture.starts_with("compute_")
                   ? read(program.handle, rtc.GetPTXSize, rtc.GetPTX, "PTX")
                   : read(program.handle, rtc.GetCUBINSize, rtc.GetCUBIN, "machine code");
  return made;
}

struct Offered {
  std::mutex mutex;
  std::map<Hash, std::string> images;
};
Offered& offered() {
  static Offered all;
  return all;
}

/// Offered, kept on disk, or compiled now.
Compilation made(const std::string& text, const std::string& architecture) {
  const Hash source = source_of(text, architecture);
  {
    const std::lock_guard lock(offered().mutex);
    if (const auto found = offered().images.find(source); found != offered().images.end())
      return {found->second, {}};
  }
  const Hash kept_as = hash_text(cat(source, " ", opened_compiler().state.version));
  if (auto image = kept_code(kept_as)) return {*std::move(image), {}};
  // Each compilation takes some hundred megabytes while it lasts.
  static std::counting_semaphore<> places(std::clamp(usable_cores(), 1, 16));
  places.acquire();
  struct Leave {
    ~Leave() { places.release(); }
  } const leave;
  Compilation compilation = compiled(text, architecture);
  // What the compiler warns of is to be seen the next time, too.
  if (compilation.log.find_first_not_of('\0') == std::string::npos)
    keep_code(kept_as, compilation.image);
  return compilation;
}

}  // namespace

Hash source_of(const std::string& text, const std::string& architecture) {
  Hasher hasher;
  hasher.add(architecture);
  for (const char* option : kOptions) hasher.add(std::string_view(option));
  hasher.add(text);
  return hasher.digest();
}

void offer_code(std::vector<MachineCode> code) {
  const std::lock_guard lock(offered().mutex);
  for (MachineCode& each : code)
    offered().images.insert_or_assign(each.source, std::move(each.image));
}

const LibraryState& compiler_state() { return opened_compiler().state; }

std::string architecture(int capability) {
  const auto exactly = [&] { return cat("sm_", capability, capability >= 90 ? "a" : ""); };
  if (!opened_compiler().state.why.empty()) return exactly();
  const std::vector<int>& known = opened_compiler().architectures;
  if (std::find(known.begin(), known.end(), capability) != known.end()) return exactly();
  const auto above = std::upper_bound(known.begin(), known.end(), capability);
  check(above != known.begin(), Code::device, "NVRTC ", opened_compiler().state.version,
        " compiles for no GPU of compute capability ", capability / 10, ".", capability % 10);
  return cat("compute_", *(above - 1));
}

std::shared_future<std::shared_ptr<const Compilation>> compile_later(
    const std::string& text, const std::string& architecture) {
  using Later = std::shared_future<std::shared_ptr<const Compilation>>;
  static std::mutex mutex;
  static std::map<std::string, Later> begun;
  const std::lock_guard lock(mutex);
  Later& place = begun[architecture + "\n" + text];
  if (!place.valid())
    place = std::async(std::launch::async, [text, architecture] {
              return std::make_shared<const Compilation>(made(text, architecture));
            }).share();
  return place;
}

std::shared_ptr<const Compilation> compile(const std::string& text,
                                           const std::string& architecture) {
  return compile_later(text, architecture).get();
}

}  // namespace hone::cuda
