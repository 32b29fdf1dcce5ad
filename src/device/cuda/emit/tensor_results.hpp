#pragma once
// What becomes of the sums of a product: text that computes results and stores them.

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/text.hpp"
#include "device/cuda/emit/contract_buffers.hpp"
#include "device/cuda/emit/integer_sums.hpp"
#include "device/cuda/emit/tensor_text.hpp"

namespace hone::cuda::emitter {

/// Writes for a text that has m_count, n_count, m0, n0, the variable z, `count` tiles of the depth,
/// `tiles` and `runs` in shared memory, and a thread's `sums` from `row` and `column` on.
class TensorResults {
 public:
  /// `sums`: of integers.
  TensorResults(const HalfProduct& product, const TensorTile& tile, ContractBuffers& buffers,
                DimText& dims, PackedSums sums = {})
      : product_(product),
        given_(product.contraction),
        tile_(tile),
        buffers_(buffers),
        dims_(dims) {
    if (product.integers()) integers_.emplace(product, buffers, std::move(sums));
  }

  /// What a function begins with.
  void declare(ExprText& text) const {
    if (integers_) integers_->declare(text);
  }
  /// Of integers: numbers of columns, kept in shared memory at `columns` by threads `thread` of
  /// `threads`.
  std::vector<IntegerSums::Word> words() const;
  void keep_words(std::string& out, int indent, const std::string& thread, int threads);
  void read_words(ExprText& text, int count) const;
  /// Of a result, behind its sum; `in_fours`: as put_four() computes it.
  double instructions(bool in_fours) const;
  /// Before results of row m are computed: what its products lacked.
  bool has_edges() const { return integers_ && integers_->has_edges(); }
  void find_outside(ExprText& text) const { integers_->find_outside(text); }
  void find_edges(ExprText& text, const std::string& outside, int count) const {
    integers_->find_edges(text, dims_, outside, count);
  }

  /// Before products begin: load_kept(slot) of the operand that is read for each result, where
  /// keeps() says that there is one.
  void begin(ExprText& text);
  bool keeps() const { return kept_.has_value(); }
  /// What is read for each column lies in shared memory when results are computed.
  void keep_columns(std::string& out, ExprText& text);
  /// Behind the products, when nothing is read from `tiles` any more.
  void write(std::string& out, ExprText& text);
  /// Body of the function that adds parts of the depth.
  std::string of_parts();
  Dim elements() const { return given_.batch_count() * given_.row_count() * given_.column_count(); }

  /// A load in the result's expression of which the columns that 16 bytes have lie side by side.
  struct Eight {
    Expr load;
    std::string name;   // of the array of its numbers
    std::string place;  // address of the first
    bool of_columns;    // the same for all rows
  };
  /// All of them in the result's expression, with places of the variables m and n_first.
  std::vector<Eight> eights(ExprText& text) const;
  /// The result at variables z, m, n of `sum`, and of what was read before as element e of arrays.
  std::string result(std::string& out, const std::vector<Eight>& read, int indent,
                     bool with_words = true,
                     ExprText::Rounding rounding = ExprText::Rounding::at_once);
  /// The same, of the type that it is computed in.
  std::string number(std::string& out, const std::vector<Eight>& read, int indent,
                     bool with_words = true,
                     ExprText::Rounding rounding = ExprText::Rounding::at_once);
  /// Whether f32 may not tell what a result is rounded to.
  bool rounds_nearly() const;
  /// A loop over a thread's `count` results, side by side from column n_first on: e. `sum` is the
  /// sum of it; what is computed goes to y[e].
  void compute_each(std::string& out, ExprText& text, const std::vector<Eight>& read, int count,
                    const std::string& sum, ExprText::Rounding rounding);
  /// Of integers: four results, side by side from column n_first on, as a word; element e of sums
  /// is `sum`. What was read are words, too: read_four().
  void put_four(std::string& out, int indent, const std::vector<Eight>& read,
                const std::string& sum, const std::string& word);
  static void read_four(ExprText& text, const Eight& each, const std::string& word);
  /// Two elements side by side: their bits.
  static void read_pair(ExprText& text, const Eight& each, const std::string& bits);
  std::string load_pair(const std::string& at) const {
    return cat(integers_ ? "load_short(" : "load_word(", at, ")");
  }
  /// Of 16 bytes at `place`.
  std::string pair_in_memory(const std::string& place) const {
    return cat(integers_ ? "*(const unsigned short*)(" : "*(const unsigned*)(", place, ")");
  }
  void store_pair(ExprText& text) const;  // y[2], to `at` in shared memory
  const char* result_type() const { return integers_ ? "unsigned char" : "unsigned short"; }
  const char* sum_type() const { return integers_ ? "int" : "float"; }
  /// The results of `eight` sums (of integers: 16) from column n_first on of row m. `raw`: what was
  /// read before of an operand, as a uint4; null: nothing was. `with_words`: those of columns are
  /// kept, from `at_column` on.
  void put_eight(std::string& out, bool with_words,
                 const std::function<std::string(const Eight&)>& raw = {});
  /// An array of them out of shared memory, parts added.
  void add_up(ExprText& text, int parts, int step) const;
  /// Whether results are computed of columns' numbers and what is `kept`, and nothing else is read.
  bool reads_alone(const std::vector<Eight>& read,
                   const std::function<bool(const Eight&)>& kept) const;

 private:
  bool lies_in_eights(const Dims& indices, const Place& place) const;
  bool lies_in_eights_itself() const;
  bool depends_on_rows(const Dim& dim) const;
  bool reads_kept_alone(const std::vector<Eight>& read) const;
  Expr in_text(const Expr& expr, const Indices& at) const;
  Expr whole(const std::vector<Eight>& read) const;
  Expr with_registers(const std::vector<Eight>& read, bool with_words, Places& places) const;
  bool integers_read_alone(const std::vector<Eight>& read) const;

  void write_eights(std::string& out, ExprText& text);

  bool is_direct() const { return tile_.split == 1 && lies_in_eights_itself(); }
  std::string chunk(const std::string& row, const std::string& number) const;
  std::string each_chunk() const;
  void begin_chunk(ExprText& text);
  void write_directly(std::string& out, ExprText& text);
  void read_columns(ExprText& text, const std::vector<Eight>& read) const;

  const HalfProduct& product_;
  const Contraction& given_;
  const TensorTile& tile_;
  const ContractBuffers& buffers_;
  DimText& dims_;
  std::optional<Expr> kept_;  // what load_kept() brings
  std::optional<IntegerSums> integers_;
};

/// Numbers of columns that results of integers are computed of.
int words_of(const HalfProduct& product);
/// Of a result, behind its sum.
double instructions_behind(const HalfProduct& product, bool in_fours = false);

}  // namespace hone::cuda::emitter
