#pragma once
// What becomes of the sums of a product of halves: text that computes results and stores them.

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "device/cuda/emit/contract_buffers.hpp"
#include "device/cuda/emit/tensor_text.hpp"

namespace hone::cuda::emitter {

/// Writes for a text that has m_count, n_count, m0, n0, the variable z, `count` tiles of the depth,
/// `tiles` and `runs` in shared memory, and a thread's `sums` from `row` and `column` on.
class TensorResults {
 public:
  TensorResults(const HalfProduct& product, const TensorTile& tile, const ContractBuffers& buffers,
                DimText& dims)
      : given_(product.contraction), tile_(tile), buffers_(buffers), dims_(dims) {}

  /// Before products begin: load_kept(slot) of the operand that is read for each result, where
  /// keeps() says that there is one.
  void begin(ExprText& text);
  bool keeps() const { return kept_.has_value(); }
  /// What is read for each column lies in shared memory when results are computed.
  void keep_columns(ExprText& text);
  /// Behind the products, when nothing is read from `tiles` any more.
  void write(std::string& out, ExprText& text);
  /// Body of the function that adds parts of the depth.
  std::string of_parts();
  Dim elements() const { return given_.batch_count() * given_.row_count() * given_.column_count(); }

  /// A load in the result's expression of which 8 columns lie in 16 bytes.
  struct Eight {
    Expr load;
    std::string name;   // of the array of its numbers
    std::string place;  // address of the first
    bool of_columns;    // the same for all rows
  };
  /// All of them in the result's expression, with places of the variables m and n_first.
  std::vector<Eight> eights(ExprText& text) const;
  /// The result at variables z, m, n of `sum`, and of what was read before as element e of arrays.
  std::string result(std::string& out, const std::vector<Eight>& read, int indent);
  static void read_pair(ExprText& text, const Eight& each, const std::string& word);
  /// The results of `eight` sums from column n_first on of row m. `raw`: what was read before of an
  /// operand, as a uint4; null: nothing was.
  void put_eight(std::string& out, const std::function<std::string(const Eight&)>& raw = {});
  /// Whether results are computed of columns' numbers and what is `kept`, and nothing else is read.
  bool reads_alone(const std::vector<Eight>& read,
                   const std::function<bool(const Eight&)>& kept) const;

 private:
  bool lies_in_eights(const Dims& indices, const Place& place) const;
  bool lies_in_eights_itself() const;
  bool depends_on_rows(const Dim& dim) const;
  bool reads_kept_alone(const std::vector<Eight>& read) const;
  Expr in_text(const Expr& expr, const Indices& at) const;

  void write_eights(std::string& out, ExprText& text);

  bool is_direct() const { return tile_.split == 1 && lies_in_eights_itself(); }
  std::string chunk(const std::string& row, const std::string& number) const;
  std::string each_chunk() const;
  void begin_chunk(ExprText& text);
  void write_directly(std::string& out, ExprText& text);
  void read_columns(ExprText& text, const std::vector<Eight>& read) const;

  const Contraction& given_;
  const TensorTile& tile_;
  const ContractBuffers& buffers_;
  DimText& dims_;
  std::optional<Expr> kept_;  // what load_kept() brings
};

}  // namespace hone::cuda::emitter
