#include "ir/nest/site.hpp"

#include "base/error.hpp"
#include "ir/nest/verify.hpp"

namespace hone {
namespace {

bool find(Block& block, std::string_view variable, Site& site) {
  for (size_t i = 0; i < block.size(); ++i) {
    NestLoop* loop = block[i].as<NestLoop>();
    if (loop == nullptr) continue;
    if (loop->variable == variable) {
      site.block = &block;
      site.at = i;
      return true;
    }
    site.around.push_back({Dim::variable(loop->variable), loop->extent});
    site.loops.push_back(loop);
    if (find(loop->body, variable, site)) return true;
    site.around.pop_back();
    site.loops.pop_back();
  }
  return false;
}

}  // namespace

Around Site::within() const {
  Around loops_here = around;
  loops_here.push_back(axis());
  return loops_here;
}

std::optional<Site> find_loop(Nest& nest, std::string_view variable) {
  Site site;
  if (!find(nest.body, variable, site)) return std::nullopt;
  return site;
}

NestLoop* only_loop(NestLoop& loop) {
  return loop.body.size() == 1 ? loop.body[0].as<NestLoop>() : nullptr;
}

std::string no_loop(std::string_view variable) { return cat("there is no loop $", variable); }

std::string keep_if_proved(Nest& nest, const Nest& before) {
  try {
    verify(nest);
  } catch (const Error& error) {
    nest = before;
    return error.message();
  }
  return {};
}

}  // namespace hone
