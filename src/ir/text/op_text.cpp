#include "base/text.hpp"
#include "ir/op.hpp"

namespace hone {

void append_changed_fields(std::string& out, const Op& op) {
  const FieldList fields = op.fields();
  if (fields.list().empty()) return;
  const std::shared_ptr<void> usual = op.op_class().copy(nullptr);
  FieldList theirs;
  op.op_class().fields(usual.get(), theirs);
  for (size_t i = 0; i < fields.list().size(); ++i) {
    const Field& field = fields.list()[i];
    if (std::holds_alternative<Body*>(field.ref) || equal(field.ref, theirs.list()[i].ref))
      continue;
    out += ' ';
    out += field.name;
    out += '=';
    append_field(out, field.ref);
  }
}

void append(std::string& out, const Op& op) {
  if (!op) return append(out, "(no op)");
  out += op.name();
  append_changed_fields(out, op);
}

}  // namespace hone
