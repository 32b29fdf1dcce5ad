#include "report/report.hpp"

#include "ir/text/text.hpp"
#include "report/dot.hpp"
#include "report/inspection.hpp"
#include "report/regions.hpp"

namespace hone::report {

std::string report_of(const Engine& engine, Kind kind) {
  if (kind == Kind::graph) return hone::print(engine.graph());
  if (kind == Kind::dot) return dot_text(engine.graph());
  const Inspection found = inspect(engine);
  const Running running{*found.typed, found.plan, found.report};
  switch (kind) {
    case Kind::summary: return inspection_text(found);
    case Kind::steps: return regions_text(running, found.sizes);
    case Kind::explanation: return explained(running, found.sizes);
    case Kind::plan: return memory_text(found) + hone::print(found.plan);
    case Kind::json: return inspection_json(found, candidates_of(found));
    case Kind::arena: return arena_svg(found);
    default: fail(Code::usage, "there is no report ", static_cast<int>(kind));
  }
}

}  // namespace hone::report
