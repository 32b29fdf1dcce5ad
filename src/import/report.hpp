#pragma once
// All problems of one model, told at once.

#include <cstdint>
#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "base/error.hpp"

namespace hone {

/// One thing that keeps a model from running.
struct ModelProblem {
  std::string node;  // in the user's words: "/neck/Swizzle", or "initializer "w"" and the like
  std::string op;    // of a node, in the format's words: "acme::Swizzle v1"; "": it is no node
  std::string what;  // what is wrong
  std::string suggestion;  // what to do about it; may be empty
  Code code = Code::unsupported;
};

/// Problems that are alike in all but the node.
struct ProblemGroup {
  static constexpr size_t kNodes = 8;  // names kept; more are only counted

  ModelProblem first;
  int64_t count = 1;
  std::vector<std::string> nodes;  // the first ones
};

/// The error of a model that cannot be imported: its message tells the problems, here they are one
/// by one.
class ModelError : public Error {
 public:
  ModelError(Code code, std::string message, std::vector<ProblemGroup> groups)
      : Error(code, std::move(message)), groups_(std::move(groups)) {}
  const std::vector<ProblemGroup>& groups() const { return groups_; }

 private:
  std::vector<ProblemGroup> groups_;
};

/// Collects problems; equal ones of the same operator are counted, not repeated. Memory is bounded.
class Report {
 public:
  static constexpr size_t kGroups = 256;  // kept; more are only counted
  static constexpr size_t kShown = 20;    // lines of the message

  using Group = ProblemGroup;

  void add(ModelProblem problem);
  bool empty() const { return total_ == 0; }
  int64_t total() const { return total_; }
  const std::vector<Group>& groups() const { return groups_; }

  /// What the message says of the model.
  struct Model {
    std::string file;      // "exotic.onnx"
    std::string version;   // "opset 17"
    std::string producer;  // "acme-export 2.1"; may be empty
    int64_t nodes = 0;     // nodes looked at
  };
  /// One error of all problems: internal (a bug of ours) when any problem has that code, else
  /// invalid_model, io, out_of_memory, else unsupported. Call when not empty.
  ModelError error(const Model& model) const;

 private:
  std::vector<Group> groups_;
  using Key = std::tuple<std::string, std::string, std::string>;
  std::map<Key, size_t> index_;
  int64_t total_ = 0, nodes_ = 0;
  std::map<Code, int64_t> codes_;
};

/// A name out of a file as people may see it: control characters escaped, at most 120 characters.
std::string shown(std::string_view name);

}  // namespace hone
