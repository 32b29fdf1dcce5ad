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
  for (size_t i = 0; i < plan.buffers.size(); ++i) {
    const PlannedBuffer& buffer = plan.buffers[i];
    if (layout.bytes[i] == 0) continue;
    const int64_t at = layout.at(i, placement);
    const double height = byte * static_cast<double>(layout.bytes[i]);
    const int hue = static_cast<int>(layout.buffers[i] * 137 % 360);
    out += cat("<rect x=\"", number(kMargin + step * buffer.first), "\" y=\"",
               number(kMargin + kHeight - byte * static_cast<double>(at) - height), "\" width=\"",
               number(step * (buffer.last - buffer.first + 1)), "\" height=\"", number(height),
               "\" fill=\"hsl(", hue, ",60%,70%)\" stroke=\"#444\" stroke-width=\"0.3\"><title>",
               buffer.value.empty() ? std::string("scratch") : escaped(cat("%", buffer.value)),
               ": ", layout.bytes[i], " bytes at ", at, ", steps ", buffer.first, " to ",
               buffer.last, "</title></rect>\n");
  }
  return out + "</svg>\n";
}

}  // namespace hone::cli
