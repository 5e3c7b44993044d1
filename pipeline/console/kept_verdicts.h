#pragma once
// The newest verdicts, and what people said of them, in memory: all that the console shows comes
// from here or from one record read back by its place.
//
// Threads: one reader of the topics writes, any thread asks; one lock, held for the time of one
// look. No worker ever takes it. Bounded: `verdicts_max` verdicts (about 3 KiB each, the verdict's
// text included), and as many labels, dispositions and places of features records; the oldest give
// way. Order of arrival of the topics does not matter: what speaks of a verdict may come first.

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace weir::console {

/// Where a record lies.
struct Place {
  std::string topic;
  std::int32_t partition = 0;
  std::int64_t offset = 0;
};

/// The record of a payment on the input topic: partition and offset.
using Spot = std::pair<std::int32_t, std::int64_t>;
struct SpotHash {
  std::size_t operator()(const Spot& spot) const {
    return std::hash<std::int64_t>{}(spot.second * 1'009 + spot.first);
  }
};

/// What an analyst said of a verdict.
struct Disposition {
  std::string verdict_id, transaction_id, user_id;
  std::string what;  // fraud, good, escalate
  std::string analyst, note, at, label_id;
  std::uint32_t revision = 0;  // 1 for the first opinion about a verdict, by whomever
};

struct KnownLabel {
  std::string label_id, type, label_time;
  bool is_fraud = false;
  std::uint32_t revision = 0;
};

/// One committed verdict; never changes.
struct KeptVerdict {
  std::uint64_t sequence = 0;  // order of reading, from 1
  std::string verdict_id, transaction_id, user_id, merchant_id, event_time;
  std::int64_t event_ms = 0;
  std::int64_t amount_minor = 0;
  std::string currency;
  int exponent = 2;
  std::string action, runner_up;  // runner_up may be empty
  double cost_gap = 0;
  double cost_approve = 0, cost_review = 0, cost_decline = 0;  // expected, major units
  std::optional<double> p;
  std::string reason;  // text of the first, or empty
  std::vector<std::string> degraded;
  bool duplicate = false, late = false;
  std::int64_t seen_ms = 0;  // wall clock
  Place input;               // the payment's own record
  std::string json;          // as committed
  [[nodiscard]] Spot spot() const { return {input.partition, input.offset}; }
};
using Verdict = std::shared_ptr<const KeptVerdict>;

/// What is said of one verdict.
struct Said {
  std::vector<Disposition> dispositions;  // newest first
  std::vector<KnownLabel> labels;
};

/// nullopt: the text is not a verdict of a version that this program knows.
std::optional<KeptVerdict> parse_verdict(std::string_view json, std::int64_t seen_ms);

class KeptVerdicts {
 public:
  explicit KeptVerdicts(std::size_t verdicts_max) : max_(verdicts_max) {}

  // The reader of the topics.

  /// A verdict that is there already, as a duplicate's answer is, changes nothing.
  void add(KeptVerdict verdict);
  void add(Disposition disposition);
  void add(const std::string& user_id, const std::string& transaction_id, KnownLabel label);
  void add_features(const std::string& verdict_id, Place place);

  // Anybody.

  [[nodiscard]] Verdict find(const std::string& verdict_id) const;
  [[nodiscard]] Said said(const KeptVerdict& verdict) const;
  [[nodiscard]] std::optional<Disposition> disposition(const std::string& verdict_id) const;
  [[nodiscard]] std::optional<Place> features(const std::string& verdict_id) const;
  /// Newest first, until `limit`.
  [[nodiscard]] std::vector<Verdict> of_user(const std::string& id, std::size_t limit) const;
  [[nodiscard]] std::vector<Verdict> of_merchant(const std::string& id, std::size_t limit) const;
  [[nodiscard]] std::vector<Verdict> of_payment(const std::string& id, std::size_t limit) const;
  /// The verdict of the payment whose record lies there; null: not kept.
  [[nodiscard]] Verdict of_record(const Spot& spot) const;
  /// Ids that are `text`, or begin with it where it has 4 characters and more; newest first.
  [[nodiscard]] std::vector<Verdict> search(std::string_view text, std::size_t limit) const;
  /// Those read after `sequence`, oldest first, at most `limit` of the newest.
  [[nodiscard]] std::vector<Verdict> after(std::uint64_t sequence, std::size_t limit) const;
  /// The oldest of those read after `position`, at most `limit`; `position` moves behind them.
  /// Only the newest 256 are kept for this.
  [[nodiscard]] std::vector<Disposition> dispositions_after(std::uint64_t& position,
                                                            std::size_t limit) const;
  /// Every kept verdict that `wanted` says yes to and that nobody has spoken of, oldest first.
  [[nodiscard]] std::vector<Verdict> open(
      const std::function<bool(const KeptVerdict&)>& wanted) const;

  /// Without the lock: /metrics asks, and must not wait for a search.
  [[nodiscard]] std::size_t size() const { return size_.load(std::memory_order_relaxed); }
  [[nodiscard]] std::uint64_t newest_sequence() const;
  [[nodiscard]] std::uint64_t disposition_position() const;
  /// Event time of the oldest kept, empty without any.
  [[nodiscard]] std::string from() const;

 private:
  using Index = std::unordered_map<std::string, std::deque<Verdict>>;
  static void drop_oldest(Index& index, const std::string& id);
  [[nodiscard]] std::vector<Verdict> newest_of(const Index& index, const std::string& id,
                                               std::size_t limit) const;
  void forget_oldest();

  const std::size_t max_;
  mutable std::mutex mutex_;
  std::deque<Verdict> verdicts_;  // by sequence
  std::unordered_map<std::string, Verdict> by_id_;
  Index by_user_, by_merchant_, by_payment_;
  std::unordered_map<Spot, Verdict, SpotHash> by_spot_;
  std::unordered_map<std::string, std::vector<Disposition>> dispositions_;  // newest first
  std::deque<std::string> disposition_order_;
  std::deque<Disposition> recent_dispositions_;                      // for feeds
  std::uint64_t disposition_position_ = 0;                           // of the newest of these
  std::unordered_map<std::string, std::vector<KnownLabel>> labels_;  // by user and payment
  std::deque<std::string> label_order_;
  std::unordered_map<std::string, Place> features_;
  std::deque<std::string> features_order_;
  std::uint64_t next_sequence_ = 1;
  std::atomic<std::size_t> size_{0};
};

}  // namespace weir::console
