#pragma once
// What a stream of verdicts amounts to: counts, and how well the scores rank the frauds once labels
// are known. Reads verdicts as any consumer of the topic would: from their JSON.

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

namespace weir {

class VerdictSummary {
 public:
  VerdictSummary();
  ~VerdictSummary();

  /// One verdict's JSON. A line that is not one is counted in `unreadable`.
  void add_verdict(std::string_view json);
  /// The last one of a payment holds.
  void add_label(std::string_view transaction_id, bool is_fraud) {
    labels_.insert_or_assign(std::string(transaction_id), is_fraud);
  }

  struct Counts {
    std::uint64_t verdicts = 0;  // duplicates not counted
    std::uint64_t approve = 0, review = 0, decline = 0;
    std::uint64_t duplicates = 0, late = 0, degraded = 0, unreadable = 0;
  };
  [[nodiscard]] const Counts& counts() const { return counts_; }

  /// Over verdicts with a score and a label. Average precision is step-wise, ties taken as one step
  /// (as scikit-learn).
  struct Quality {
    std::uint64_t labelled = 0, frauds = 0;
    double average_precision = 0;
  };
  [[nodiscard]] std::optional<Quality> quality()
      const;  // nullopt without a single labelled fraud and genuine payment
  /// The highest score seen and its transaction: something worth looking at.
  [[nodiscard]] const std::string& riskiest() const { return riskiest_; }

 private:
  struct Parser;
  std::unique_ptr<Parser> parser_;
  Counts counts_;
  std::unordered_map<std::string, double> scores_;  // by transaction id
  std::unordered_map<std::string, bool> labels_;
  std::string riskiest_;
  double highest_ = -1;
};

}  // namespace weir
