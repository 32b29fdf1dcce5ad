#include "ir/op.hpp"

namespace hone {

FieldList Op::fields() const {
  FieldList list;
  if (class_ != nullptr) class_->fields(data_.get(), list);
  return list;
}

bool operator==(const Op& a, const Op& b) {
  if (a.class_ != b.class_) return false;
  if (a.data_ == b.data_) return true;
  const FieldList left = a.fields(), right = b.fields();
  for (size_t i = 0; i < left.list().size(); ++i)
    if (!equal(left.list()[i].ref, right.list()[i].ref)) return false;
  return true;
}

Op Op::of(const OpClass& op_class, std::shared_ptr<const void> data) {
  Op op;
  op.class_ = &op_class;
  op.data_ = std::move(data);
  return op;
}

void OpRegistry::add(const OpClass& op_class) {
  const auto [place, added] = classes_.emplace(op_class.name, &op_class);
  check(added || place->second == &op_class, Code::internal, "two ops are called ", op_class.name);
}

const OpClass* OpRegistry::find(std::string_view name) const {
  const auto found = classes_.find(name);
  return found == classes_.end() ? nullptr : found->second;
}

std::vector<const OpClass*> OpRegistry::all() const {
  std::vector<const OpClass*> classes;
  for (const auto& [name, op_class] : classes_) classes.push_back(op_class);
  return classes;
}

}  // namespace hone
