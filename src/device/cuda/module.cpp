#include "device/cuda/module.hpp"

#include "device/cuda/compiler.hpp"

namespace hone::cuda {

Module::Module(std::shared_ptr<Gpu> gpu, const std::string& text) : gpu_(std::move(gpu)) {
  const auto compiled = compile(text, architecture(gpu_->capability()));
  gpu_->use();
  succeed(driver().ModuleLoadData(&handle_, compiled->image.data()), "loading a kernel");
}

Module::~Module() {
  try {
    gpu_->use();
    driver().ModuleUnload(handle_);
  } catch (const Error&) {  // nothing works any more
  }
}

FunctionHandle* Module::function(const std::string& name, int shared_bytes) const {
  constexpr int kAlways = 32 << 10;  // of 48 KiB, beside what it has itself
  FunctionHandle* found = nullptr;
  succeed(driver().ModuleGetFunction(&found, handle_, name.c_str()), "finding a kernel");
  if (shared_bytes > kAlways)
    succeed(driver().FuncSetAttribute(found, kMaxDynamicShared, shared_bytes),
            "shared memory for a kernel");
  return found;
}

namespace {

std::shared_ptr<const Module> module_of(const std::shared_ptr<Gpu>& gpu, const std::string& text) {
  static std::mutex mutex;
  static std::map<std::pair<const Gpu*, std::string>, std::weak_ptr<const Module>> all;
  const std::pair<const Gpu*, std::string> key(gpu.get(), text);
  {
    const std::lock_guard lock(mutex);
    if (const auto found = all.find(key); found != all.end())
      if (auto module = found->second.lock()) return module;
  }
  auto module = std::make_shared<const Module>(gpu, text);
  const std::lock_guard lock(mutex);
  std::erase_if(all, [](const auto& each) { return each.second.expired(); });
  all[key] = module;
  return module;
}

}  // namespace

LateModule::LateModule(std::shared_ptr<Gpu> gpu, std::string text)
    : gpu_(std::move(gpu)), text_(std::move(text)) {
  compile_later(text_, architecture(gpu_->capability()));
}

const Module& LateModule::get() const {
  const std::lock_guard lock(mutex_);
  if (module_ == nullptr) module_ = module_of(gpu_, text_);
  return *module_;
}

MachineCode LateModule::code() const {
  const std::string target = architecture(gpu_->capability());
  return {source_of(text_, target), compile(text_, target)->image};
}

Modules::Modules(std::shared_ptr<Gpu> gpu, emitter::Text text)
    : gpu_(std::move(gpu)), text_(std::move(text)), narrow_(gpu_, text_.narrow()) {}

const Module& Modules::at(const Bindings& symbols) const {
  if (text_.fits(symbols)) return narrow_.get();
  const std::lock_guard lock(mutex_);
  if (wide_ == nullptr) wide_ = std::make_unique<const LateModule>(gpu_, text_.wide());
  return wide_->get();
}

std::vector<MachineCode> Modules::code() const {
  std::vector<MachineCode> all{narrow_.code()};
  const std::lock_guard lock(mutex_);
  if (wide_ != nullptr) all.push_back(wide_->code());
  return all;
}

void Launching::enqueue(Stream& stream) {
  stream.launch({function_, grid_[0], grid_[1], grid_[2], static_cast<unsigned>(threads_), 1, 1,
                 static_cast<unsigned>(shared_bytes_), places_.data(), nullptr});
}

}  // namespace hone::cuda
