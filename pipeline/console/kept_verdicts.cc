#include "pipeline/console/kept_verdicts.h"

#include <algorithm>
#include <array>

#include <nlohmann/json.hpp>

#include "pipeline/core/event_time.h"
#include "pipeline/core/money.h"

namespace weir::console {
namespace {

using Json = nlohmann::json;

constexpr std::size_t kRecentDispositions = 256;
constexpr std::size_t kPerVerdictMax = 32;  // opinions of one verdict that are kept
constexpr std::size_t kPrefixMin = 4;

/// No id has a line break, so two pairs never make one text.
std::string pair_key(const std::string& user_id, const std::string& transaction_id) {
  return user_id + '\n' + transaction_id;
}

KeptVerdict read_verdict(const Json& json) {
  KeptVerdict v;
  v.verdict_id = json.at("verdict_id");
  v.transaction_id = json.at("transaction_id");
  v.user_id = json.at("user_id");
  v.merchant_id = json.at("merchant_id");
  v.event_time = json.at("event_time");
  if (const auto time = parse_event_time(v.event_time)) v.event_ms = time->ms;
  v.amount_minor = json.at("amount_minor");
  v.currency = json.at("currency");
  if (const auto* currency = find_currency(std::string_view(v.currency))) {
    v.exponent = currency->exponent;
  }
  v.action = json.at("action");
  if (const auto& second = json.at("runner_up"); second.is_object()) {
    v.runner_up = second.value("action", "");
    v.cost_gap = second.value("cost_gap", 0.0);
  }
  if (const auto& p = json.at("risk").at("fraud").at("p"); p.is_number()) v.p = p.get<double>();
  const auto& costs = json.at("expected_cost");
  v.cost_approve = costs.value("approve", 0.0);
  v.cost_review = costs.value("review", 0.0);
  v.cost_decline = costs.value("decline", 0.0);
  if (const auto& reasons = json.at("reasons"); !reasons.empty()) {
    v.reason = reasons.at(0).value("text", "");
  }
  v.degraded = json.at("degraded").get<std::vector<std::string>>();
  v.duplicate = json.at("duplicate");
  v.late = json.at("late");
  const auto& input = json.at("input");
  v.input = {input.at("topic"), input.at("partition"), input.at("offset")};
  return v;
}

}  // namespace

std::optional<KeptVerdict> parse_verdict(std::string_view text, std::int64_t seen_ms) {
  try {
    KeptVerdict verdict = read_verdict(Json::parse(text));
    verdict.seen_ms = seen_ms;
    verdict.json = text;
    return verdict;
  } catch (const Json::exception&) {
    return std::nullopt;
  }
}

void KeptVerdicts::add(KeptVerdict verdict) {
  const std::scoped_lock lock(mutex_);
  if (by_id_.contains(verdict.verdict_id)) return;
  if (verdicts_.size() >= max_) forget_oldest();
  verdict.sequence = next_sequence_++;
  const auto kept = std::make_shared<const KeptVerdict>(std::move(verdict));
  verdicts_.push_back(kept);
  by_id_.emplace(kept->verdict_id, kept);
  by_user_[kept->user_id].push_back(kept);
  by_merchant_[kept->merchant_id].push_back(kept);
  by_payment_[kept->transaction_id].push_back(kept);
  by_spot_.emplace(kept->spot(), kept);
  size_.store(verdicts_.size(), std::memory_order_relaxed);
}

void KeptVerdicts::drop_oldest(Index& index, const std::string& id) {
  const auto found = index.find(id);
  if (found == index.end()) return;
  found->second.pop_front();  // all lists are in the order of the whole
  if (found->second.empty()) index.erase(found);
}

void KeptVerdicts::forget_oldest() {
  const Verdict oldest = verdicts_.front();
  verdicts_.pop_front();
  by_id_.erase(oldest->verdict_id);
  by_spot_.erase(oldest->spot());
  drop_oldest(by_user_, oldest->user_id);
  drop_oldest(by_merchant_, oldest->merchant_id);
  drop_oldest(by_payment_, oldest->transaction_id);
}

void KeptVerdicts::add(Disposition disposition) {
  const std::scoped_lock lock(mutex_);
  auto& all = dispositions_[disposition.verdict_id];
  const bool known = std::ranges::any_of(all, [&](const Disposition& d) {
    return d.revision == disposition.revision && d.analyst == disposition.analyst &&
           d.what == disposition.what;
  });
  if (known) return;
  if (all.empty()) disposition_order_.push_back(disposition.verdict_id);
  const auto place = std::ranges::find_if(
      all, [&](const Disposition& d) { return d.revision <= disposition.revision; });
  all.insert(place, disposition);
  if (all.size() > kPerVerdictMax) all.pop_back();
  recent_dispositions_.push_back(std::move(disposition));
  ++disposition_position_;
  if (recent_dispositions_.size() > kRecentDispositions) recent_dispositions_.pop_front();
  if (disposition_order_.size() > max_) {
    dispositions_.erase(disposition_order_.front());
    disposition_order_.pop_front();
  }
}

void KeptVerdicts::add(const std::string& user_id, const std::string& transaction_id,
                       KnownLabel label) {
  const auto key = pair_key(user_id, transaction_id);
  const std::scoped_lock lock(mutex_);
  auto& all = labels_[key];
  const auto same = std::ranges::find(all, label.label_id, &KnownLabel::label_id);
  if (same != all.end()) {
    if (label.revision >= same->revision) *same = std::move(label);
    return;
  }
  if (all.empty()) label_order_.push_back(key);
  if (all.size() < kPerVerdictMax) all.push_back(std::move(label));
  if (label_order_.size() > max_) {
    labels_.erase(label_order_.front());
    label_order_.pop_front();
  }
}

void KeptVerdicts::add_features(const std::string& verdict_id, Place place) {
  const std::scoped_lock lock(mutex_);
  if (features_.insert_or_assign(verdict_id, std::move(place)).second) {
    features_order_.push_back(verdict_id);
  }
  if (features_order_.size() > max_) {
    features_.erase(features_order_.front());
    features_order_.pop_front();
  }
}

Verdict KeptVerdicts::find(const std::string& verdict_id) const {
  const std::scoped_lock lock(mutex_);
  const auto found = by_id_.find(verdict_id);
  return found == by_id_.end() ? nullptr : found->second;
}

Said KeptVerdicts::said(const KeptVerdict& verdict) const {
  const std::scoped_lock lock(mutex_);
  Said said;
  if (const auto found = dispositions_.find(verdict.verdict_id); found != dispositions_.end()) {
    said.dispositions = found->second;
  }
  if (const auto found = labels_.find(pair_key(verdict.user_id, verdict.transaction_id));
      found != labels_.end()) {
    said.labels = found->second;
  }
  return said;
}

std::optional<Disposition> KeptVerdicts::disposition(const std::string& verdict_id) const {
  const std::scoped_lock lock(mutex_);
  const auto found = dispositions_.find(verdict_id);
  if (found == dispositions_.end() || found->second.empty()) return std::nullopt;
  return found->second.front();
}

std::optional<Place> KeptVerdicts::features(const std::string& verdict_id) const {
  const std::scoped_lock lock(mutex_);
  const auto found = features_.find(verdict_id);
  if (found == features_.end()) return std::nullopt;
  return found->second;
}

std::vector<Verdict> KeptVerdicts::newest_of(const Index& index, const std::string& id,
                                             std::size_t limit) const {
  const std::scoped_lock lock(mutex_);
  const auto found = index.find(id);
  if (found == index.end()) return {};
  const auto& all = found->second;
  const auto count = std::min(limit, all.size());
  return {all.rbegin(), all.rbegin() + static_cast<std::ptrdiff_t>(count)};
}

std::vector<Verdict> KeptVerdicts::of_user(const std::string& id, std::size_t limit) const {
  return newest_of(by_user_, id, limit);
}
std::vector<Verdict> KeptVerdicts::of_merchant(const std::string& id, std::size_t limit) const {
  return newest_of(by_merchant_, id, limit);
}
std::vector<Verdict> KeptVerdicts::of_payment(const std::string& id, std::size_t limit) const {
  return newest_of(by_payment_, id, limit);
}

Verdict KeptVerdicts::of_record(const Spot& spot) const {
  const std::scoped_lock lock(mutex_);
  const auto found = by_spot_.find(spot);
  return found == by_spot_.end() ? nullptr : found->second;
}

std::vector<Verdict> KeptVerdicts::search(std::string_view text, std::size_t limit) const {
  const bool prefix = text.size() >= kPrefixMin;
  const auto matches = [&](const std::string& id) {
    return id == text || (prefix && id.starts_with(text));
  };
  const std::scoped_lock lock(mutex_);
  std::vector<Verdict> found;
  for (auto it = verdicts_.rbegin(); it != verdicts_.rend() && found.size() < limit; ++it) {
    const KeptVerdict& v = **it;
    if (matches(v.user_id) || matches(v.transaction_id) || matches(v.merchant_id) ||
        matches(v.verdict_id)) {
      found.push_back(*it);
    }
  }
  return found;
}

std::vector<Verdict> KeptVerdicts::after(std::uint64_t sequence, std::size_t limit) const {
  const std::scoped_lock lock(mutex_);
  if (verdicts_.empty() || verdicts_.back()->sequence <= sequence) return {};
  const auto fresh = std::min<std::size_t>(verdicts_.back()->sequence - sequence, verdicts_.size());
  const auto count = std::min(fresh, limit);
  return {verdicts_.end() - static_cast<std::ptrdiff_t>(count), verdicts_.end()};
}

std::vector<Disposition> KeptVerdicts::dispositions_after(std::uint64_t& position,
                                                          std::size_t limit) const {
  const std::scoped_lock lock(mutex_);
  const std::uint64_t oldest = disposition_position_ - recent_dispositions_.size();
  const std::uint64_t first = std::clamp(position, oldest, disposition_position_);
  const auto count = std::min<std::size_t>(disposition_position_ - first, limit);
  position = first + count;
  const auto begin = recent_dispositions_.begin() + static_cast<std::ptrdiff_t>(first - oldest);
  return {begin, begin + static_cast<std::ptrdiff_t>(count)};
}

std::vector<Verdict> KeptVerdicts::open(
    const std::function<bool(const KeptVerdict&)>& wanted) const {
  const std::scoped_lock lock(mutex_);
  std::vector<Verdict> found;
  for (const Verdict& verdict : verdicts_) {
    if (wanted(*verdict) && !dispositions_.contains(verdict->verdict_id)) found.push_back(verdict);
  }
  return found;
}

std::uint64_t KeptVerdicts::newest_sequence() const {
  const std::scoped_lock lock(mutex_);
  return next_sequence_ - 1;
}

std::uint64_t KeptVerdicts::disposition_position() const {
  const std::scoped_lock lock(mutex_);
  return disposition_position_;
}

std::string KeptVerdicts::from() const {
  const std::scoped_lock lock(mutex_);
  return verdicts_.empty() ? std::string() : verdicts_.front()->event_time;
}

}  // namespace weir::console
