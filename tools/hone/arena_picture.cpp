// The arena over time: a rectangle for every buffer, steps from left to right, bytes upwards.

#include <algorithm>
#include <cmath>

#include "inspection.hpp"

namespace hone::cli {
namespace {

constexpr double kWidth = 1600, kHeight = 800, kMargin = 60;

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&': out += "&amp;"; break;
      case '<': out += "&lt;"; break;
      case '>': out += "&gt;"; break;
      case '"': out += "&quot;"; break;
      default: out += static_cast<unsigned char>(c) < ' ' ? '?' : c;
    }
  }
  return out;
}

/// To a hundredth.
std::string number(double value) { return cat(std::round(value * 100) / 100); }

std::string text_at(double x, double y, const std::string& text) {
  return cat("<text x=\"", number(x), "\" y=\"", number(y), "\">", escaped(text), "</text>\n");
}

}  // namespace

std::string arena_svg(const Plan& plan, const Layout& layout, const Placement& placement) {
  const double step = kWidth / static_cast<double>(std::max<size_t>(plan.steps.size(), 1));
  const double byte = kHeight / static_cast<double>(std::max<int64_t>(placement.bytes, 1));
  std::string out =
      cat("<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 ", kWidth + 2 * kMargin, " ",
          kHeight + 2 * kMargin, "\" font-family=\"sans-serif\" font-size=\"14\">\n", "<rect x=\"",
          kMargin, "\" y=\"", kMargin, "\" width=\"", kWidth, "\" height=\"", kHeight,
          "\" fill=\"#f4f4f4\" stroke=\"#888\"/>\n",
          text_at(kMargin, kMargin - 12,
                  cat(placement.bytes, " bytes, at least ", lower_bound(layout.demand), "; ",
                      plan.steps.size(), " steps")));
  const auto draw = [&](const std::string& what, int buffer, int64_t at, int64_t bytes, int first,
                        int last) {
    if (bytes == 0) return;
    const double height = byte * static_cast<double>(bytes);
    out += cat("<rect x=\"", number(kMargin + step * first), "\" y=\"",
               number(kMargin + kHeight - byte * static_cast<double>(at) - height), "\" width=\"",
               number(step * (last - first + 1)), "\" height=\"", number(height), "\" fill=\"hsl(",
               buffer * 137 % 360, ",60%,70%)\" stroke=\"#444\" stroke-width=\"0.3\"><title>",
               escaped(what), ": ", bytes, " bytes at ", at, ", steps ", first, " to ", last,
               "</title></rect>\n");
  };
  for (size_t i = 0; i < plan.buffers.size(); ++i) {
    const PlannedBuffer& buffer = plan.buffers[i];
    draw(buffer.value.empty() ? std::string("scratch") : cat("%", buffer.value), layout.buffers[i],
         layout.at(i, placement), layout.bytes[i], buffer.first, buffer.last);
  }
  for (size_t i = 0; i < layout.rooms.size(); ++i) {
    if (layout.rooms[i] < 0) continue;
    const auto room = static_cast<size_t>(layout.rooms[i]);
    draw(cat("bodies of %", plan.steps[i].node), layout.rooms[i], placement.offsets[room],
         layout.demand.buffers[room].bytes, static_cast<int>(i), static_cast<int>(i));
  }
  return out + "</svg>\n";
}

}  // namespace hone::cli
