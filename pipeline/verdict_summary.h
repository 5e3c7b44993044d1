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

#include "pipeline/core/error.h"

namespace weir {

/// The fields of a label that matter here. Full label handling belongs to the entities to come.
struct LabelLine {
  std::string transaction_id;
  bool is_fraud = false;
  std::int64_t label_time_ms = 0;
};
/// Error text is static: what is wrong with the line.
class LabelParser {
 public:
  LabelParser();
  ~LabelParser();
  Result<LabelLine> parse(std::string_view line);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

class VerdictSummary {
 public:
  VerdictSummary();
  ~VerdictSummary();

  /// One verdict's JSON. A line that is not one is counted in `unreadable`.
  void add_verdict(std::string_view json);
  void add_label(const LabelLine& label) { labels_[label.transaction_id] = label.is_fraud; }

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
