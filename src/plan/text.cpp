// The text form of a plan.

#include "ir/fields.hpp"
#include "plan/plan.hpp"

namespace hone {
namespace {

constexpr std::string_view kKinds[] = {"run", "size", "control"};
constexpr std::string_view kSharings[] = {"view", "over", "part"};
constexpr int kMaxDepth = 64;

/// What it was made for.
void print_conditions(std::string& out, const Plan& plan, const std::string& indent) {
  for (const auto& [name, size] : plan.sizes) {
    out += cat(indent, " expects ");
    append_quoted(out, name);
    out += cat(" ", size, "\n");
  }
  for (const std::string& name : plan.takes) {
    out += cat(indent, " takes ");
    append_quoted(out, name);
    out += "\n";
  }
}

void print_refusals(std::string& out, const Plan& plan, const std::string& indent) {
  for (const Refusals& list : plan.refusals) {
    out += cat(indent, " refusals ", &list - plan.refusals.data(), "\n");
    for (const Refusal& refusal : list) {
      out += cat(indent, "  ", refusal.kernel, " ");
      append_quoted(out, refusal.why);
      out += "\n";
    }
    out += cat(indent, "  end\n");
  }
}

void print_plan(std::string& out, const Plan& plan, const std::string& indent) {
  out += cat(indent, "plan ", plan.device, " workers=", plan.workers, "\n");
  print_conditions(out, plan, indent);
  size_t segment = 0, body = 0;
  for (size_t i = 0; i < plan.steps.size(); ++i) {
    if (segment < plan.segments.size() && plan.segments[segment] == static_cast<int>(i))
      out += cat(indent, " segment ", segment++, "\n");
    const Step& step = plan.steps[i];
    out += cat(indent, "  ", kKinds[static_cast<size_t>(step.kind)], " ");
    append_quoted(out, step.node);
    if (step.kind == Step::Kind::run)
      out += cat(" ", step.kernel, "/", step.version, " {", tuning_text(step.tuning), "}");
    if (step.kind == Step::Kind::control) out += cat(" ", step.bodies);
    if (step.stream != 0) out += cat(" on ", step.stream);
    if (!step.waits.empty()) out += cat(" after ", join(step.waits, ","));
    if (step.refusals >= 0) out += cat(" refusals ", step.refusals);
    if (!step.note.empty()) {
      out += " ";
      append_quoted(out, step.note);
    }
    out += "\n";
    for (int each = 0; each < step.bodies; ++each)
      print_plan(out, plan.bodies[body++], indent + "    ");
  }
  for (const PlannedBuffer& buffer : plan.buffers) {
    out += cat(indent, " buffer ");
    append_quoted(out, buffer.value);
    out += cat(" ", buffer.first, "..", buffer.last);
    if (buffer.until >= 0) out += cat("..", buffer.until);
    out += cat(buffer.at_most ? " at_most " : " ", buffer.bytes, "\n");
  }
  for (const Sharing& sharing : plan.sharings) {
    out += cat(indent, " ", kSharings[static_cast<size_t>(sharing.kind)], " ");
    append_quoted(out, sharing.value);
    out += " of ";
    append_quoted(out, sharing.of);
    out += cat(" at ", sharing.offset, " rows ", sharing.rows, "\n");
  }
  for (const std::string& value : plan.pooled) {
    out += cat(indent, " pooled ");
    append_quoted(out, value);
    out += "\n";
  }
  for (const auto& [value, order] : plan.orders) {
    out += cat(indent, " order ");
    append_quoted(out, value);
    out += cat(" ", join(order, ","), "\n");
  }
  print_refusals(out, plan, indent);
  out += cat(indent, " end\n");
}

class PlanReader {
 public:
  explicit PlanReader(std::string_view text) : rest_(text) {}

  Plan read(int depth = 0) {
    wanted(depth < kMaxDepth, "less nesting");
    Plan plan;
    next_line();
    wanted(take("plan "), "\"plan DEVICE workers=N\"");
    plan.device = std::string(word());
    wanted(take("workers="), "\"workers=N\"");
    plan.workers = index();
    end_of_line();
    while (true) {
      next_line();
      if (line_ == "end") return plan;
      read_line(plan, depth);
    }
  }

  void finish() { wanted(trim(rest_).empty(), "the end of the text"); }

 private:
  void wanted(bool condition, std::string_view what) const {
    check(condition, Code::incompatible_engine, "plan line ", line_number_, ": found \"", line_,
          "\", wanted ", what);
  }
  void next_line() {
    wanted(!rest_.empty(), "another line");
    const size_t end = rest_.find('\n');
    line_ = trim(rest_.substr(0, end));
    rest_ = end == std::string_view::npos ? std::string_view() : rest_.substr(end + 1);
    at_ = line_;
    ++line_number_;
  }
  void end_of_line() const { wanted(trim(at_).empty(), "nothing more in the line"); }
  bool take(std::string_view token) {
    at_ = trim(at_);
    if (!at_.starts_with(trim(token))) return false;
    at_.remove_prefix(trim(token).size());
    return true;
  }
  std::string_view word() {
    at_ = trim(at_);
    const std::string_view found = at_.substr(0, at_.find(' '));
    at_.remove_prefix(found.size());
    wanted(!found.empty(), "a word");
    return found;
  }
  std::string quoted() {
    at_ = trim(at_);
    auto text = parse_quoted(at_);
    wanted(text.has_value(), "a quoted name");
    return *text;
  }
  int64_t number() {
    at_ = trim(at_);
    size_t digits = 0;
    while (digits < at_.size() &&
           (at_[digits] == '-' || (at_[digits] >= '0' && at_[digits] <= '9')))
      ++digits;
    const auto value = parse_int(at_.substr(0, digits));
    wanted(value.has_value(), "a number");
    at_.remove_prefix(digits);
    return *value;
  }
  int index() {
    const int64_t value = number();
    wanted(value >= 0 && value <= INT32_MAX, "a number from 0 to 2147483647");
    return static_cast<int>(value);
  }

  void read_line(Plan& plan, int depth) {
    if (take("segment ")) {
      wanted(static_cast<size_t>(number()) == plan.segments.size(), "segments in order");
      plan.segments.push_back(static_cast<int>(plan.steps.size()));
      end_of_line();
    } else if (take("buffer ")) {
      PlannedBuffer buffer;
      buffer.value = quoted();
      buffer.first = index();
      wanted(take(".."), "\"FIRST..LAST\"");
      buffer.last = index();
      if (take("..")) buffer.until = index();
      buffer.at_most = take("at_most ");
      buffer.bytes = size();
      plan.buffers.push_back(std::move(buffer));
      end_of_line();
    } else if (const auto kind = sharing_kind()) {
      read_sharing(plan, *kind);
    } else if (take("expects ")) {
      std::string name = quoted();
      wanted(plan.sizes.emplace(std::move(name), number()).second, "a size once");
      end_of_line();
    } else if (take("takes ")) {
      plan.takes.push_back(quoted());
      end_of_line();
    } else if (take("refusals ")) {
      read_refusals(plan);
    } else if (take("pooled ")) {
      plan.pooled.push_back(quoted());
      end_of_line();
    } else if (take("order ")) {
      read_order(plan);
    } else {
      read_step(plan, depth);
    }
  }

  void read_order(Plan& plan) {
    std::string name = quoted();
    std::vector<int> order;
    do order.push_back(index());
    while (take(","));
    wanted(plan.orders.emplace(std::move(name), std::move(order)).second, "a value's order once");
    end_of_line();
  }

  void read_refusals(Plan& plan) {
    wanted(static_cast<size_t>(number()) == plan.refusals.size(), "refusals in order");
    end_of_line();
    Refusals list;
    for (next_line(); line_ != "end"; next_line()) {
      Refusal refusal;
      refusal.kernel = std::string(word());
      refusal.why = quoted();
      list.push_back(std::move(refusal));
      end_of_line();
    }
    plan.refusals.push_back(std::move(list));
  }

  std::optional<Sharing::Kind> sharing_kind() {
    for (size_t i = 0; i < std::size(kSharings); ++i)
      if (take(cat(kSharings[i], " "))) return static_cast<Sharing::Kind>(i);
    return std::nullopt;
  }

  Dim size() {
    at_ = trim(at_);
    const auto found = parse_dim(at_);
    wanted(found.has_value(), "a size");
    return *found;
  }

  void read_sharing(Plan& plan, Sharing::Kind kind) {
    Sharing sharing;
    sharing.kind = kind;
    sharing.value = quoted();
    wanted(take("of "), "\"of\"");
    sharing.of = quoted();
    wanted(take("at "), "\"at OFFSET\"");
    sharing.offset = size();
    wanted(take("rows "), "\"rows SIZE\"");
    sharing.rows = size();
    plan.sharings.push_back(std::move(sharing));
    end_of_line();
  }

  void read_step(Plan& plan, int depth) {
    Step step;
    if (take("run ")) step.kind = Step::Kind::run;
    else if (take("size ")) step.kind = Step::Kind::size;
    else if (take("control ")) step.kind = Step::Kind::control;
    else
      wanted(false,
             "run, size, control, buffer, view, over, part, pooled, order, segment, "
             "refusals, expects, takes or end");
    step.node = quoted();
    if (step.kind == Step::Kind::run) {
      const std::string_view kernel = word();
      const size_t slash = kernel.find('/');
      wanted(slash != std::string_view::npos, "KERNEL/VERSION");
      step.kernel = std::string(kernel.substr(0, slash));
      const auto version = parse_int(kernel.substr(slash + 1));
      wanted(version && *version >= 0 && *version <= INT32_MAX, "KERNEL/VERSION");
      step.version = static_cast<int>(*version);
      wanted(take("{"), "{TUNING}");
      while (!take("}")) read_setting(step.tuning);
    }
    if (step.kind == Step::Kind::control) step.bodies = index();
    if (take("on ")) step.stream = index();
    if (take("after ")) {
      do step.waits.push_back(index());
      while (take(","));
    }
    if (take("refusals ")) step.refusals = index();
    if (!trim(at_).empty()) step.note = quoted();
    end_of_line();
    const int bodies = step.bodies;
    plan.steps.push_back(std::move(step));
    for (int each = 0; each < bodies; ++each) plan.bodies.push_back(read(depth + 1));
  }

  void read_setting(Tuning& tuning) {
    const size_t equals = at_.find('=');
    wanted(equals != std::string_view::npos, "NAME=NUMBER");
    std::string key(trim(at_.substr(0, equals)));
    at_.remove_prefix(equals + 1);
    tuning[std::move(key)] = number();
    take(",");
  }

  std::string_view rest_, line_, at_;
  int line_number_ = 0;
};

}  // namespace

std::string print(const Plan& plan) {
  std::string out;
  print_plan(out, plan, "");
  return out;
}

Plan parse_plan(std::string_view text) {
  PlanReader reader(text);
  Plan plan = reader.read();
  reader.finish();
  return plan;
}

}  // namespace hone
