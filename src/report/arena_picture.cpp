// The arena over time: a rectangle for every buffer, steps from left to right, bytes upwards.

#include <algorithm>
#include <cmath>

#include "base/printable.hpp"
#include "report/inspection.hpp"
#include "report/text.hpp"

namespace hone::report {
namespace {

constexpr double kWidth = 1300, kHeight = 700;  // of the arena in the picture
constexpr double kLeft = 110, kTop = 80, kRight = 330, kBottom = 70;
constexpr double kLetter = 7.5;  // about the width of one

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : printable(text)) {
    switch (c) {
      case '&': out += "&amp;"; break;
      case '<': out += "&lt;"; break;
      case '>': out += "&gt;"; break;
      case '"': out += "&quot;"; break;
      default: out += c;
    }
  }
  return out;
}

/// To a hundredth.
std::string number(double value) { return cat(std::round(value * 100) / 100); }

double mebibytes(int64_t bytes) { return static_cast<double>(bytes) / (1 << 20); }

/// In MiB, as the axis is; what would be less than a hundredth in a smaller unit.
std::string size_text(int64_t bytes) {
  constexpr int64_t kLittle = (1 << 20) / 100;
  if (bytes < kLittle) return bytes_text(static_cast<uint64_t>(bytes));
  return cat(short_number(mebibytes(bytes), 3), " MiB");
}

/// The middle left out, where it is longer than this.
std::string shortened(const std::string& name, size_t most) {
  constexpr size_t kFront = 6;
  if (name.size() <= most) return name;
  return cat(name.substr(0, kFront), "..", name.substr(name.size() - (most - kFront - 2)));
}

std::string text_at(double x, double y, std::string_view text, std::string_view anchor = "start",
                    std::string_view more = "") {
  return cat("<text x=\"", number(x), "\" y=\"", number(y), "\" text-anchor=\"", anchor, "\"", more,
             ">", escaped(text), "</text>\n");
}

std::string line_at(double x1, double y1, double x2, double y2, std::string_view style) {
  return cat("<line x1=\"", number(x1), "\" y1=\"", number(y1), "\" x2=\"", number(x2), "\" y2=\"",
             number(y2), "\" ", style, "/>\n");
}

std::string box_at(double x, double y, double width, double height, std::string_view style) {
  return cat("<rect x=\"", number(x), "\" y=\"", number(y), "\" width=\"", number(width),
             "\" height=\"", number(height), "\" ", style);
}

/// 1, 2 or 5 times a power of ten: at most ten of them up to `most`.
double tick_of(double most) {
  const double power = std::pow(10, std::floor(std::log10(std::max(most, 1e-9) / 10)));
  for (const double times : {1.0, 2.0, 5.0})
    if (most / (times * power) <= 10) return times * power;
  return 10 * power;
}

enum class Kind {
  value,
  scratch,
  bodies
};
struct KindStyle {
  std::string_view words;
  int hue;
};
constexpr KindStyle kKinds[] = {
    {"values", 210}, {"working memory of kernels", 30}, {"rooms of bodies", 130}};

struct Box {
  std::string name;
  Kind kind;
  int buffer;  // which one in the demand: those of one buffer share bytes
  int64_t at, bytes;
  int first, last;
};

std::vector<Box> boxes_of(const Plan& plan, const Layout& layout, const Placement& placement) {
  std::vector<Box> boxes;
  for (size_t i = 0; i < plan.buffers.size(); ++i) {
    const PlannedBuffer& buffer = plan.buffers[i];
    const bool named = !buffer.value.empty();
    const size_t step = static_cast<size_t>(buffer.first);
    boxes.push_back({named ? cat("%", buffer.value) : cat("for %", plan.steps[step].node),
                     named ? Kind::value : Kind::scratch, layout.buffers[i],
                     layout.at(i, placement), layout.bytes[i], buffer.first, buffer.last});
  }
  for (size_t i = 0; i < layout.rooms.size(); ++i) {
    if (layout.rooms[i] < 0) continue;
    const auto room = static_cast<size_t>(layout.rooms[i]);
    boxes.push_back({cat("bodies of %", plan.steps[i].node), Kind::bodies, layout.rooms[i],
                     placement.offsets[room], layout.demand.buffers[room].bytes,
                     static_cast<int>(i), static_cast<int>(i)});
  }
  std::erase_if(boxes, [](const Box& box) { return box.bytes == 0; });
  return boxes;
}

class Drawing {
 public:
  Drawing(size_t steps, int64_t bytes)
      : steps_(std::max<size_t>(steps, 1)),
        bytes_(std::max<int64_t>(bytes, 1)),
        step_(kWidth / static_cast<double>(steps_)),
        byte_(kHeight / static_cast<double>(bytes_)) {}

  void axes() {
    out_ += box_at(kLeft, kTop, kWidth, kHeight, "fill=\"#f7f7f7\" stroke=\"#888\"/>\n");
    constexpr std::string_view kGrid = "stroke=\"#888\" stroke-opacity=\"0.35\"";
    const double most = mebibytes(bytes_), tick = tick_of(most);
    for (int i = 0; i * tick <= most; ++i) {
      const double y = height(i * tick * (1 << 20));
      out_ += line_at(kLeft - 6, y, kLeft + kWidth, y, kGrid);
      out_ += text_at(kLeft - 10, y + 5, short_number(i * tick), "end");
    }
    const auto each =
        std::max<size_t>(1, static_cast<size_t>(tick_of(static_cast<double>(steps_))));
    for (size_t i = 0; i < steps_; i += each) {
      const double x = kLeft + step_ * (static_cast<double>(i) + 0.5);
      out_ += line_at(x, kTop + kHeight, x, kTop + kHeight + 6, kGrid);
      out_ += text_at(x, kTop + kHeight + 22, cat(i), "middle");
    }
    out_ += text_at(kLeft + kWidth / 2, kTop + kHeight + 50, "step", "middle");
    const double middle = kTop + kHeight / 2;
    out_ += text_at(30, middle, "place in the arena, MiB", "middle",
                    cat(" transform=\"rotate(-90 30 ", number(middle), ")\""));
  }

  /// Values that follow one another in the same bytes differ in shade.
  void box(const Box& box) {
    const double tall = byte_ * static_cast<double>(box.bytes);
    const double wide = step_ * (box.last - box.first + 1);
    const double x = kLeft + step_ * box.first;
    const double y = height(static_cast<double>(box.at)) - tall;
    const int shade = 62 + box.buffer * 7 % 5 * 6;
    out_ += box_at(x, y, wide, tall,
                   cat("fill=\"hsl(", kKinds[static_cast<size_t>(box.kind)].hue, ",60%,", shade,
                       "%)\" stroke=\"#444\" stroke-width=\"0.5\"><title>", escaped(box.name), ": ",
                       size_text(box.bytes), " (", box.bytes, " bytes) at ", size_text(box.at),
                       ", steps ", box.first, " to ", box.last, "</title></rect>\n"));
    const auto letters = static_cast<size_t>(std::max(0.0, (wide - 6) / kLetter));
    if (tall < 16 || letters < 4) return;
    const bool whole = box.name.size() <= letters;
    out_ += text_at(x + 3, y + 13, whole ? box.name : box.name.substr(0, letters - 2) + "..",
                    "start", " pointer-events=\"none\" font-size=\"12\"");
  }

  void legend(const std::vector<Box>& boxes) {
    double y = kTop + 14;
    const double x = kLeft + kWidth + 24;
    for (size_t kind = 0; kind < std::size(kKinds); ++kind) {
      const auto is_kind = [&](const Box& box) { return static_cast<size_t>(box.kind) == kind; };
      const auto count = std::ranges::count_if(boxes, is_kind);
      if (count == 0) continue;
      out_ += box_at(x, y - 12, 16, 16,
                     cat("fill=\"hsl(", kKinds[kind].hue, ",60%,70%)\" stroke=\"#444\"/>\n"));
      out_ += text_at(x + 24, y, cat(kKinds[kind].words, ": ", count));
      y += 24;
    }
    out_ += text_at(x, y += 16, "the largest", "start", " font-weight=\"bold\"");
    std::vector<const Box*> order;
    for (const Box& box : boxes) order.push_back(&box);
    std::ranges::stable_sort(order, [](auto* a, auto* b) { return a->bytes > b->bytes; });
    constexpr size_t kShown = 12, kLetters = 40;
    order.resize(std::min(order.size(), kShown));
    for (const Box* each : order) {
      out_ += text_at(x, y += 24, shortened(each->name, kLetters), "start", " font-size=\"13\"");
      const std::string steps = each->first == each->last
                                    ? cat("step ", each->first)
                                    : cat("steps ", each->first, " to ", each->last);
      out_ += text_at(x + 12, y += 17, cat(size_text(each->bytes), ", ", steps), "start",
                      " font-size=\"13\" fill=\"#555\"");
    }
  }

  void title(const std::string& name, const std::string& words) {
    out_ += text_at(kLeft, 32, name, "start", " font-size=\"20\" font-weight=\"bold\"");
    out_ += text_at(kLeft, 58, words);
  }

  std::string take() const {
    const double width = kLeft + kWidth + kRight, height = kTop + kHeight + kBottom;
    return cat("<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 ", number(width), " ",
               number(height), "\" font-family=\"sans-serif\" font-size=\"15\">\n",
               box_at(0, 0, width, height, "fill=\"white\"/>\n"), out_, "</svg>\n");
  }

 private:
  /// Of a place in the arena.
  double height(double at) const { return kTop + kHeight - byte_ * at; }

  size_t steps_;
  int64_t bytes_;
  double step_, byte_;
  std::string out_;
};

}  // namespace

std::string arena_svg(const Inspection& found) {
  const Plan& plan = found.plan;
  const Symbols names = buffer_symbols(plan);
  const Layout layout = lay_out(*found.typed, plan, found.sizes.of(names));
  const Placement placement = solve(layout.demand);
  const std::vector<Box> boxes = boxes_of(plan, layout, placement);
  Drawing drawing(plan.steps.size(), placement.bytes);
  drawing.axes();
  for (const Box& box : boxes) drawing.box(box);
  drawing.legend(boxes);
  drawing.title(
      cat("Arena of ", found.file),
      cat(size_text(placement.bytes), ", ", plan.steps.size(), " steps", found.sizes.where(names),
          "; at least ", size_text(lower_bound(layout.demand)), " are in use at one step"));
  return drawing.take();
}

}  // namespace hone::report
