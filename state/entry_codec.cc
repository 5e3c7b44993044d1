#include "state/entry_codec.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "state/bytes.h"
#include "state/windows/declaration.h"

namespace weir::state {
namespace {

constexpr std::uint8_t kInHistory = 1;
constexpr std::uint8_t kHasVerdict = 2;

constexpr std::uint8_t kHasProbability = 1;
constexpr std::uint8_t kLate = 2;
constexpr std::uint8_t kOutOfOrder = 4;
constexpr std::uint8_t kHasProfiles = 8;

constexpr std::size_t kIdBytesMax = 255;
constexpr std::uint8_t kCurrencyExponentMax = 4;  // ISO 4217 has no larger one

#pragma pack(push, 1)
struct EntryHead {
  std::uint8_t version;
  std::uint8_t slot;
  std::uint8_t flags;
  std::uint8_t zero;
  std::uint32_t sequence;
  std::int64_t seen_ms;
};
struct VerdictHead {
  std::uint8_t transaction_id_bytes;
  std::uint8_t merchant_id_bytes;
  std::uint8_t action;
  std::uint8_t degraded;
  std::uint8_t flags;
  std::uint8_t reasons;
  std::uint16_t currency;
  std::int64_t event_time_ms;
  std::int64_t amount_minor;
  std::int32_t partition;
  std::int64_t offset;
  std::uint64_t lineage;
  double cost_approve;
  double cost_review;
  double cost_decline;
  double p;  // all bits zero when absent
};
struct ReasonBytes {
  std::uint8_t code;
  double value;
  double typical_low;
  double typical_high;
};
struct ProfileBytes {
  std::uint8_t kind;
  std::int64_t as_of_ms;
  std::uint64_t sequence;
};
#pragma pack(pop)
static_assert(sizeof(EntryHead) == 16);
static_assert(sizeof(ProfileBytes) == 17);
static_assert(sizeof(VerdictHead) == 76);
static_assert(sizeof(ReasonBytes) == 25);

bool valid_time(std::int64_t ms) {
  return ms >= 0 && ms <= kEventTimeMax.ms;
}

bool valid_row(const HistoryRow& row) {
  return valid_time(row.event_time_ms) && row.currency_exponent <= kCurrencyExponentMax;
}

/// Without its profiles, which come last: those and their number.
std::size_t verdict_bytes(const VerdictHead& head) {
  return sizeof head + head.reasons * sizeof(ReasonBytes) + head.transaction_id_bytes +
         head.merchant_id_bytes;
}

bool check_profiles(std::string_view bytes) {
  if (bytes.empty()) return false;
  const auto count = static_cast<std::uint8_t>(bytes.back());
  if (count == 0 || count > kSeenProfilesMax) return false;
  if (bytes.size() != count * sizeof(ProfileBytes) + 1) return false;
  for (std::size_t i = 0; i < count; ++i) {
    const auto profile = load<ProfileBytes>(bytes.data() + i * sizeof(ProfileBytes));
    if (profile.kind >= kEntityKinds) return false;
  }
  return true;
}

void append_verdict(std::string& out, const RememberedVerdict& verdict) {
  const Decision& decision = verdict.decision;
  WEIR_CHECK(!verdict.transaction_id.empty() && verdict.transaction_id.size() <= kIdBytesMax);
  WEIR_CHECK(verdict.merchant_id.size() <= kIdBytesMax);
  WEIR_CHECK(decision.reason_count <= kReasonsMax);
  WEIR_CHECK(decision.profile_count <= kSeenProfilesMax);
  WEIR_CHECK(valid_time(verdict.event_time_ms));
  VerdictHead head{};
  head.transaction_id_bytes = static_cast<std::uint8_t>(verdict.transaction_id.size());
  head.merchant_id_bytes = static_cast<std::uint8_t>(verdict.merchant_id.size());
  head.action = static_cast<std::uint8_t>(decision.action);
  head.degraded = decision.degraded;
  head.flags = static_cast<std::uint8_t>(
      (decision.p ? kHasProbability : 0) | (decision.late ? kLate : 0) |
      (decision.out_of_order ? kOutOfOrder : 0) | (decision.profile_count > 0 ? kHasProfiles : 0));
  head.reasons = decision.reason_count;
  head.currency = verdict.currency;
  head.event_time_ms = verdict.event_time_ms;
  head.amount_minor = verdict.amount_minor;
  head.partition = verdict.origin.partition;
  head.offset = verdict.origin.offset;
  head.lineage = verdict.lineage;
  head.cost_approve = decision.costs.approve;
  head.cost_review = decision.costs.review;
  head.cost_decline = decision.costs.decline;
  head.p = decision.p.value_or(0.0);
  append(out, head);
  for (std::size_t i = 0; i < decision.reason_count; ++i) {
    const Reason& reason = decision.reasons[i];
    append(out, ReasonBytes{reason.code, reason.value, reason.typical_low, reason.typical_high});
  }
  out.append(verdict.transaction_id);
  out.append(verdict.merchant_id);
  for (std::size_t i = 0; i < decision.profile_count; ++i) {
    const SeenProfile& profile = decision.profiles[i];
    append(out, ProfileBytes{profile.kind, profile.as_of_ms, profile.sequence});
  }
  if (decision.profile_count > 0) append(out, decision.profile_count);
}

Error damaged(std::string_view what) {
  return fatal("state: damaged entry: " + std::string(what));
}

}  // namespace

void append_entry(std::string& out, const Entry& entry) {
  WEIR_CHECK(entry.slot < kSlots);
  WEIR_CHECK(valid_time(entry.seen_ms));
  WEIR_CHECK(entry.row.sequence <= kSequenceMax);
  EntryHead head{};
  head.version = kEntryVersion;
  head.slot = entry.slot;
  head.flags = static_cast<std::uint8_t>((entry.in_history ? kInHistory : 0) |
                                         (entry.verdict ? kHasVerdict : 0));
  head.sequence = entry.row.sequence;
  head.seen_ms = entry.seen_ms;
  append(out, head);
  if (entry.in_history) {
    WEIR_CHECK(valid_row(entry.row));
    append(out, entry.row);
  }
  if (entry.verdict) append_verdict(out, *entry.verdict);
}

Result<EntryView> parse_entry(std::string_view bytes) {
  ByteReader reader(bytes);
  const auto head = reader.number<EntryHead>();
  if (reader.failed()) return damaged("too short");
  if (head.version != kEntryVersion) {
    return fatal("state: entry has format version " + std::to_string(head.version) +
                 ", this program reads " + std::to_string(kEntryVersion));
  }
  if (head.slot >= kSlots) return damaged("slot out of range");
  if ((head.flags & ~(kInHistory | kHasVerdict)) != 0 || head.zero != 0) {
    return damaged("unknown flags");
  }
  if (!valid_time(head.seen_ms)) return damaged("seen time out of range");
  if (head.sequence > kSequenceMax) return damaged("sequence out of range");
  EntryView entry{head.slot, head.sequence, head.seen_ms, {}, {}};
  if ((head.flags & kInHistory) != 0) {
    entry.row = reader.bytes(sizeof(HistoryRow));
    if (reader.failed() || !check_row(entry.row)) return damaged("row");
    if (load<HistoryRow>(entry.row.data()).sequence != head.sequence) {
      return damaged("row and entry differ in sequence");
    }
  }
  if ((head.flags & kHasVerdict) != 0) {
    entry.verdict = reader.rest();
    if (!check_verdict(entry.verdict)) return damaged("verdict");
  } else if (!reader.complete()) {
    return damaged("bytes left over");
  }
  return entry;
}

bool check_row(std::string_view bytes) {
  return bytes.size() == sizeof(HistoryRow) && valid_row(load<HistoryRow>(bytes.data()));
}

bool check_verdict(std::string_view bytes) {
  if (bytes.size() < sizeof(VerdictHead)) return false;
  const auto head = load<VerdictHead>(bytes.data());
  if (head.transaction_id_bytes == 0 || head.reasons > kReasonsMax) return false;
  if (head.action > static_cast<std::uint8_t>(Action::kBlock)) return false;
  if (!valid_time(head.event_time_ms)) return false;
  if ((head.flags & ~(kHasProbability | kLate | kOutOfOrder | kHasProfiles)) != 0) return false;
  if (!valid_time(head.event_time_ms) || head.amount_minor < 0) return false;
  const double p = head.p;  // a copy, as below: packed bytes are not aligned for a reference
  if ((head.flags & kHasProbability) == 0 && std::bit_cast<std::uint64_t>(p) != 0) return false;
  const std::size_t size = verdict_bytes(head);
  if ((head.flags & kHasProfiles) == 0) return bytes.size() == size;
  return bytes.size() > size && check_profiles(bytes.substr(size));
}

std::string_view verdict_transaction_id(std::string_view bytes) {
  const auto head = load<VerdictHead>(bytes.data());
  return bytes.substr(sizeof head + head.reasons * sizeof(ReasonBytes), head.transaction_id_bytes);
}

RememberedVerdict decode_verdict(std::string_view bytes) {
  const auto head = load<VerdictHead>(bytes.data());
  RememberedVerdict verdict;
  verdict.transaction_id = verdict_transaction_id(bytes);
  verdict.merchant_id =
      bytes.substr(verdict_bytes(head) - head.merchant_id_bytes, head.merchant_id_bytes);
  verdict.currency = head.currency;
  verdict.event_time_ms = head.event_time_ms;
  verdict.amount_minor = head.amount_minor;
  verdict.origin = {head.partition, head.offset};
  verdict.lineage = head.lineage;
  Decision& decision = verdict.decision;
  decision.action = static_cast<Action>(head.action);
  const double p = head.p;
  if ((head.flags & kHasProbability) != 0) decision.p = p;
  decision.costs = {head.cost_approve, head.cost_review, head.cost_decline};
  decision.reason_count = head.reasons;
  for (std::size_t i = 0; i < head.reasons; ++i) {
    const auto reason =
        load<ReasonBytes>(bytes.data() + sizeof(VerdictHead) + i * sizeof(ReasonBytes));
    decision.reasons[i] = {reason.code, reason.value, reason.typical_low, reason.typical_high};
  }
  if ((head.flags & kHasProfiles) != 0) {
    decision.profile_count = static_cast<std::uint8_t>(bytes.back());
    for (std::size_t i = 0; i < decision.profile_count; ++i) {
      const auto profile =
          load<ProfileBytes>(bytes.data() + verdict_bytes(head) + i * sizeof(ProfileBytes));
      decision.profiles[i] = {profile.kind, profile.as_of_ms, profile.sequence};
    }
  }
  decision.degraded = head.degraded;
  decision.late = (head.flags & kLate) != 0;
  decision.out_of_order = (head.flags & kOutOfOrder) != 0;
  return verdict;
}

std::uint64_t transaction_hash(std::string_view transaction_id) {
  return XXH3_64bits(transaction_id.data(), transaction_id.size());
}

std::string encode_entry(const Entry& entry) {
  std::string bytes;
  append_entry(bytes, entry);
  return bytes;
}

Result<Entry> decode_entry(std::string_view bytes) {
  auto view = parse_entry(bytes);
  if (!view) return view.error();
  Entry entry;
  entry.slot = view->slot;
  entry.seen_ms = view->seen_ms;
  entry.in_history = !view->row.empty();
  if (entry.in_history) entry.row = load<HistoryRow>(view->row.data());
  entry.row.sequence = view->sequence;
  if (!view->verdict.empty()) entry.verdict = decode_verdict(view->verdict);
  return entry;
}

}  // namespace weir::state
