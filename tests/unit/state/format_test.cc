// The bytes of the state formats: golden files, round trips, and that foreign bytes are refused
// with a reason. Method: one fixed value of every kind is encoded and compared with
// tests/data/state/*.hex, byte for byte.

#include <cstdlib>
#include <fstream>
#include <random>
#include <string>
#include <variant>

#include <gtest/gtest.h>

#include "state/changelog.h"
#include "state/entry_codec.h"
#include "state/store_meta.h"
#include "state/user_state.h"
#include "tests/unit/state/state_fixture.h"

namespace weir::state {
namespace {

std::string hex(std::string_view bytes) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    const auto byte = static_cast<unsigned char>(bytes[i]);
    text += kDigits[byte >> 4U];
    text += kDigits[byte & 15U];
    text += i % 32 == 31 ? '\n' : ' ';
  }
  if (!text.empty()) text.back() = '\n';
  return text;
}

/// Bytes of a golden file: hexadecimal digits; a line that begins with # is a comment.
std::string golden(const std::string& name) {
  std::ifstream file(std::string(WEIR_SOURCE_DIR) + "/tests/data/state/" + name);
  EXPECT_TRUE(file.good()) << "missing golden file " << name;
  std::string bytes;
  std::string line;
  while (std::getline(file, line)) {
    if (line.starts_with("#")) continue;
    std::string digits;
    for (const char c : line) {
      if (c != ' ') digits += c;
    }
    for (std::size_t i = 0; i + 1 < digits.size(); i += 2) {
      bytes += static_cast<char>(std::stoi(digits.substr(i, 2), nullptr, 16));
    }
  }
  return bytes;
}

constexpr const char* kHowToVersion =
    "\nThe bytes of a format that is out in the world have changed. If that is intended: raise its "
    "version number, keep a "
    "decoder for the old version (or have the store rebuilt from the changelog, which needs an "
    "old-version changelog "
    "decoder), add a new golden file beside the old one, and describe the change in "
    "state/format.md.";

HistoryRow golden_row(std::uint32_t sequence) {
  HistoryRow row;
  row.event_time_ms = kStart + sequence;
  row.amount_minor = 123'456;
  row.merchant = 0x1122334455667788;
  row.device = 0xA1A2A3A4;
  row.ip = 0xB1B2B3B4;
  row.card = 0xC1C2C3C4;
  row.currency = 978;
  row.mcc = 5411;
  row.country = 'D' * 256 + 'E';
  row.merchant_country = 'F' * 256 + 'R';
  row.channel = 0xD1D2;
  row.card_present = 2;
  row.currency_exponent = 2;
  row.sequence = sequence;
  return row;
}

Entry golden_entry() {
  Entry entry;
  entry.slot = 5;
  entry.seen_ms = kStart + 7;
  entry.row = golden_row(7);
  entry.verdict = verdict_of("tx-golden");
  return entry;
}

/// What stage decisions remembers of a payment whose entities came as profiles.
Entry golden_entry_with_profiles(std::uint8_t count = 2) {
  Entry entry = golden_entry();
  Decision& decision = entry.verdict->decision;
  decision.degraded = static_cast<std::uint8_t>(Degraded::kProfileStale);
  decision.profile_count = count;
  for (std::uint8_t i = 0; i < count; ++i) {
    decision.profiles[i] = {static_cast<std::uint8_t>(i + 1), kStart - i, 0x7172737475767778U + i};
  }
  return entry;
}

std::string golden_user() {
  std::string state;
  for (std::uint32_t i = 0; i < 3; ++i) {
    Entry entry;
    entry.seen_ms = kStart + i;
    entry.row = golden_row(i);
    entry.verdict = verdict_of("tx-" + std::to_string(i));
    state = add_entry(state, entry, {2, 2, 1000}).encoded;
  }
  return state;
}

StoreMeta golden_meta() {
  StoreMeta meta;
  meta.identity = {"cluster-a", "weir-state-decisions", 3};
  meta.point = {991, 12, CommitRecord{5000, 12, 3, 0x0102030405060708, 4000, 2}};
  meta.lineages[lineage_id(lineage_of(1))] = lineage_of(1);
  return meta;
}

EventRow golden_event_row() {
  EventRow row;
  row.time_ms = kStart + 9;
  row.sequence = 9;
  row.transaction = 0x0102030405060708;
  row.amount = 1'234'500;
  row.user = 0x1112131415161718;
  row.merchant = 0x2122232425262728;
  row.device = 0x3132333435363738;
  row.ip = 0x4142434445464748;
  row.card = 0x5152535455565758;
  row.ratio_milli = 1'500;
  row.currency = 978;
  row.mcc = 5411;
  row.country = 'D' * 256 + 'E';
  row.merchant_country = 'F' * 256 + 'R';
  row.channel = 0xD1D2;
  row.card_present = 2;
  row.label = Label::kFraud;
  row.label_time_ms = kStart + 1'000;
  row.label_id = 0x6162636465666768;
  row.label_revision = 3;
  return row;
}

LabelOpinion golden_opinion() {
  return {.transaction = 0x0102030405060708,
          .event_time_ms = kStart + 9,
          .fraud = true,
          .label_time_ms = kStart + 1'000,
          .label_id = 0x6162636465666768,
          .revision = 3};
}

void expect_golden(const std::string& name, const std::string& bytes) {
  // For a new version: WEIR_WRITE_GOLDEN=DIR writes what this program encodes beside the check.
  if (const char* directory = std::getenv("WEIR_WRITE_GOLDEN"); directory != nullptr) {
    std::ofstream(std::string(directory) + "/" + name) << hex(bytes);
  }
  EXPECT_EQ(hex(bytes), hex(golden(name))) << name << kHowToVersion;
}

TEST(StateFormat, EntryHasNotChanged) {
  expect_golden("entry-v1.hex", encode_entry(golden_entry()));
}

TEST(StateFormat, AnEntryWithProfilesHasNotChanged) {
  expect_golden("entry-profiles-v1.hex", encode_entry(golden_entry_with_profiles()));
}

TEST(StateFormat, ProfilesSeenComeBack) {
  for (std::uint8_t count = 0; count <= kSeenProfilesMax; ++count) {
    const Entry entry = golden_entry_with_profiles(count);
    const auto back = decode_entry(encode_entry(entry));
    ASSERT_TRUE(back) << error_of(back);
    const Decision& decision = back->verdict->decision;
    EXPECT_EQ(decision.profile_count, count);
    EXPECT_EQ(decision.profiles, entry.verdict->decision.profiles);
    EXPECT_EQ(back->verdict->transaction_id, "tx-golden");
    EXPECT_EQ(back->verdict->merchant_id, "merchant-17") << "they come behind it";
    EXPECT_EQ(encode_entry(*back), encode_entry(entry));
  }
}

TEST(StateFormat, DamagedProfilesAreRefused) {
  constexpr std::size_t kProfileBytes = 17;
  const std::string whole = encode_entry(golden_entry_with_profiles());
  const std::size_t first = whole.size() - 1 - 2 * kProfileBytes;
  const auto refused = [](const std::string& bytes) { return is_fatal(decode_entry(bytes)); };
  ASSERT_FALSE(refused(whole));
  for (const int count : {0, 1, 3, 4, 5, 255}) {
    std::string damaged = whole;
    damaged.back() = static_cast<char>(count);
    EXPECT_TRUE(refused(damaged)) << count;
  }
  std::string too_many(encode_entry(golden_entry_with_profiles(4)));
  too_many.insert(too_many.size() - 1, whole.substr(first, kProfileBytes));
  too_many.back() = 5;
  EXPECT_TRUE(refused(too_many)) << "as many bytes as it says, but more than there are kinds";
  std::string kind = whole;
  kind[first] = static_cast<char>(kEntityKinds);
  EXPECT_TRUE(refused(kind));
  kind[first] = static_cast<char>(kEntityKinds - 1);
  EXPECT_FALSE(refused(kind));
  EXPECT_TRUE(refused(whole.substr(0, first))) << "flagged, and none there";
  EXPECT_TRUE(refused(whole.substr(0, first) + '\0'));
  for (std::size_t size = first; size < whole.size(); ++size) {
    EXPECT_TRUE(refused(whole.substr(0, size))) << size;
  }
  EXPECT_TRUE(refused(whole + '\2'));
  const std::string none = encode_entry(golden_entry());
  EXPECT_TRUE(refused(none + whole.substr(first))) << "there, but not flagged";
}

TEST(StateFormat, UserHasNotChanged) {
  expect_golden("user-v1.hex", golden_user());
}

TEST(StateFormat, MetaHasNotChanged) {
  expect_golden("meta-v2.hex", encode_meta(golden_meta()));
}

TEST(StateFormat, MetaBehindAnErasureHasNotChanged) {
  StoreMeta meta = golden_meta();
  meta.point.last->erasures = 2;
  meta.point.erasures = {2, 990};
  expect_golden("meta-v3.hex", encode_meta(meta));
  const auto back = decode_meta(golden("meta-v3.hex"));
  ASSERT_TRUE(back) << error_of(back);
  EXPECT_EQ(back->point, meta.point);
}

TEST(StateFormat, AMarkOfErasureIsUnderNoSlotOfAnEntry) {
  const KeyValue mark = erasure_mark("user-1");
  expect_golden("changelog-erasure-key-v1.hex", mark.key);
  EXPECT_TRUE(mark.tombstone);
  EXPECT_EQ(erased_user(mark.key), "user-1");
  EXPECT_EQ(erased_user(encode(EntryRecord{"user-1", 4711, 12, golden_entry()}).key), std::nullopt);
  EXPECT_EQ(erased_user(row_dropped("user-1", 0xffffffff).key), std::nullopt);
}

TEST(StateFormat, ChangelogRecordsHaveNotChanged) {
  const KeyValue entry = encode(EntryRecord{"user-1", 4711, 12, golden_entry()});
  expect_golden("changelog-entry-key-v1.hex", entry.key);
  expect_golden("changelog-entry-v1.hex", entry.value);
  const KeyValue lineage = encode(LineageRecord{lineage_id(lineage_of(1)), lineage_of(1)});
  expect_golden("changelog-lineage-key-v1.hex", lineage.key);
  expect_golden("changelog-lineage-v1.hex", lineage.value);
  const KeyValue commit = encode(CommitRecord{5000, 12, 3, 0x0102030405060708, 4000, 2});
  expect_golden("changelog-commit-key-v1.hex", commit.key);
  expect_golden("changelog-commit-v2.hex", commit.value);
  const CommitRecord behind_erasures{5000, 12, 3, 0x0102030405060708, 4000, 2, 7};
  expect_golden("changelog-commit-v3.hex", encode(behind_erasures).value);
  const auto back = decode_changelog("c", golden("changelog-commit-v3.hex"));
  ASSERT_TRUE(back) << error_of(back);
  EXPECT_EQ(std::get<CommitRecord>(*back), behind_erasures);
}

TEST(StateFormat, WindowRecordsHaveNotChanged) {
  const KeyValue row =
      encode_window_record(row_put("user-1", golden_event_row()), WindowCause::kEntry, 4711, 12);
  expect_golden("changelog-window-row-key-v1.hex", row.key);
  expect_golden("changelog-window-row-v1.hex", row.value);
  const KeyValue label =
      encode_window_record(label_waits("user-1", golden_opinion()), WindowCause::kLabel, 4711, 12);
  expect_golden("changelog-waiting-label-key-v1.hex", label.key);
  expect_golden("changelog-waiting-label-v1.hex", label.value);
}

TEST(StateFormat, AWindowRecordComesBackAsItWasWritten) {
  const auto row = parse_window_record(golden("changelog-window-row-key-v1.hex"),
                                       golden("changelog-window-row-v1.hex"));
  ASSERT_TRUE(row) << error_of(row);
  EXPECT_TRUE(row->is_row);
  const std::string key = golden("changelog-waiting-label-key-v1.hex");
  const std::string value = golden("changelog-waiting-label-v1.hex");
  const auto label = parse_window_record(key, value);
  ASSERT_TRUE(label) << error_of(label);
  EXPECT_EQ(label->user_id, "user-1");
  EXPECT_EQ(label->input_offset, 4711);
  EXPECT_EQ(label->commit_sequence, 12U);
  EXPECT_FALSE(label->is_row);
  const LabelOpinion opinion = waiting_label_of(label->body);
  EXPECT_EQ(opinion.transaction, golden_opinion().transaction);
  EXPECT_EQ(opinion.label_time_ms, golden_opinion().label_time_ms);
  EXPECT_EQ(opinion.revision, 3U);
  EXPECT_TRUE(opinion.fraud);
}

TEST(StateFormat, ACommitRecordFromBeforeLabelsWereReadIsStillRead) {
  const auto record = decode_changelog("c", golden("changelog-commit-v1.hex"));
  ASSERT_TRUE(record) << error_of(record);
  EXPECT_EQ(std::get<CommitRecord>(*record),
            (CommitRecord{5000, 12, 3, 0x0102030405060708, -1, 0}));
}

TEST(StateFormat, ADropOfARowIsATombstoneUnderItsKey) {
  const KeyValue put =
      encode_window_record(row_put("user-1", golden_event_row()), WindowCause::kEntry, 4711, 12);
  const KeyValue dropped =
      encode_window_record(row_dropped("user-1", 9), WindowCause::kEntry, 5000, 13);
  EXPECT_EQ(dropped.key, put.key);
  EXPECT_TRUE(dropped.tombstone);
  EXPECT_TRUE(dropped.value.empty());
  const KeyValue waits =
      encode_window_record(label_waits("user-1", golden_opinion()), WindowCause::kLabel, 1, 1);
  const KeyValue taken = encode_window_record(label_taken("user-1", golden_opinion().transaction),
                                              WindowCause::kEntry, 2, 2);
  EXPECT_EQ(taken.key, waits.key);
}

TEST(StateFormat, RefusesDamagedWindowRecords) {
  const KeyValue whole =
      encode_window_record(row_put("user-1", golden_event_row()), WindowCause::kEntry, 4711, 12);
  for (std::size_t bytes = 0; bytes < whole.value.size(); ++bytes) {
    EXPECT_TRUE(is_fatal(parse_window_record(whole.key, whole.value.substr(0, bytes)))) << bytes;
  }
  for (std::size_t bytes = 0; bytes < whole.key.size(); ++bytes) {
    EXPECT_TRUE(is_fatal(parse_window_record(whole.key.substr(0, bytes), whole.value))) << bytes;
  }
  EXPECT_TRUE(is_fatal(parse_window_record(whole.key, whole.value + "x")));
  std::string other_row = whole.key;
  other_row.back() ^= 1;
  EXPECT_NE(error_of(parse_window_record(other_row, whole.value)).find("different rows"),
            std::string::npos);
}

TEST(StateFormat, HashesHaveNotChanged) {
  EXPECT_EQ(transaction_hash("tx-golden"), 0xdddd26ddc36d4a45ULL) << kHowToVersion;
  EXPECT_EQ(lineage_id(lineage_of(1)), 0x769fd4d09b70e1b7ULL) << kHowToVersion;
  EXPECT_EQ(chain_hash(chain_hash(0, "key", "value"), "k", "v"), 0xb608d112b375112ULL)
      << kHowToVersion;
}

TEST(StateFormat, GoldenFilesOfThisVersionAreRead) {
  const auto entry = decode_entry(golden("entry-v1.hex"));
  ASSERT_TRUE(entry) << error_of(entry);
  EXPECT_EQ(encode_entry(*entry), encode_entry(golden_entry()));
  EXPECT_EQ(entry->row, golden_row(7));
  EXPECT_EQ(entry->verdict->transaction_id, "tx-golden");
  EXPECT_EQ(entry->verdict->event_time_ms, 1'528'676'687'000);
  EXPECT_EQ(entry->verdict->amount_minor, 9'632);
  EXPECT_EQ(entry->verdict->currency, 978);
  const auto seen = decode_entry(golden("entry-profiles-v1.hex"));
  ASSERT_TRUE(seen) << error_of(seen);
  EXPECT_EQ(seen->verdict->decision.profile_count, 2);
  EXPECT_EQ(seen->verdict->decision.profiles[1], (SeenProfile{2, kStart - 1, 0x7172737475767779}));
  EXPECT_EQ(error_of(validate_user_state(golden("user-v1.hex"))), "");
  const std::string user_bytes = golden("user-v1.hex");
  EXPECT_EQ(UserView(user_bytes).history_row(1), golden_row(2));
  const auto meta = decode_meta(golden("meta-v2.hex"));
  ASSERT_TRUE(meta) << error_of(meta);
  EXPECT_EQ(meta->identity, golden_meta().identity);
  EXPECT_EQ(meta->point, golden_meta().point);
  EXPECT_EQ(meta->lineages, golden_meta().lineages);
}

TEST(StateFormat, ALateEntryCarriesNoRow) {
  Entry entry = golden_entry();
  entry.in_history = false;
  const auto decoded = decode_entry(encode_entry(entry));
  ASSERT_TRUE(decoded) << error_of(decoded);
  EXPECT_FALSE(decoded->in_history);
  EXPECT_EQ(decoded->row.sequence, 7U);
  EXPECT_EQ(decoded->row.merchant, 0U);
}

TEST(Changelog, EveryKindOfRecordComesBackAsItWas) {
  const KeyValue entry = encode(EntryRecord{"user-1", 4711, 12, golden_entry()});
  const auto entry_back = decode_changelog(entry.key, entry.value);
  ASSERT_TRUE(entry_back) << error_of(entry_back);
  const auto& record = std::get<EntryRecord>(*entry_back);
  EXPECT_EQ(record.user_id, "user-1");
  EXPECT_EQ(record.input_offset, 4711);
  EXPECT_EQ(record.commit_sequence, 12U);
  EXPECT_EQ(encode_entry(record.entry), encode_entry(golden_entry()));

  const KeyValue lineage = encode(LineageRecord{lineage_id(lineage_of(2)), lineage_of(2)});
  const auto lineage_back = decode_changelog(lineage.key, lineage.value);
  ASSERT_TRUE(lineage_back) << error_of(lineage_back);
  EXPECT_EQ(std::get<LineageRecord>(*lineage_back).lineage, lineage_of(2));

  const CommitRecord commit{5000, 12, 3, 99};
  const auto commit_back = decode_changelog(encode(commit).key, encode(commit).value);
  ASSERT_TRUE(commit_back) << error_of(commit_back);
  EXPECT_EQ(std::get<CommitRecord>(*commit_back), commit);
}

TEST(Changelog, KeysOfSlotsAndUsersNeverCollide) {
  Entry entry = golden_entry();
  const auto record = [&entry](std::string user, std::uint8_t slot) {
    entry.slot = slot;
    return encode(EntryRecord{std::move(user), 1, 1, entry});
  };
  EXPECT_NE(record("a", 0).key, record("a", 1).key);
  EXPECT_NE(record("a", 0).key, record("b", 0).key);
  const KeyValue last = record("a", 117);
  const auto back = decode_changelog(last.key, last.value);
  ASSERT_TRUE(back) << error_of(back);
  EXPECT_EQ(std::get<EntryRecord>(*back).user_id, "a");
}

TEST(Changelog, RefusesWhatItDoesNotKnowWithTheReason) {
  const KeyValue entry = encode(EntryRecord{"user-1", 4711, 12, golden_entry()});
  const auto refusal = [](std::string_view key, std::string_view value) {
    const auto record = decode_changelog(key, value);
    EXPECT_TRUE(is_fatal(record));
    return error_of(record);
  };
  EXPECT_NE(refusal("", entry.value).find("without a key"), std::string::npos);
  EXPECT_NE(refusal("x", entry.value).find("unknown kind"), std::string::npos);
  EXPECT_NE(refusal(entry.key, "").find("without a value"), std::string::npos);
  std::string newer = entry.value;
  newer[0] = 2;
  EXPECT_NE(refusal(entry.key, newer).find("format version 2, this program reads 1"),
            std::string::npos);
  std::string newer_entry = entry.value;
  newer_entry[17] = 9;
  EXPECT_NE(refusal(entry.key, newer_entry).find("entry has format version 9"), std::string::npos);
  std::string other_slot = entry.key;
  other_slot.back() = 6;
  EXPECT_NE(refusal(other_slot, entry.value).find("different slots"), std::string::npos);
  KeyValue lineage = encode(LineageRecord{lineage_id(lineage_of(1)), lineage_of(1)});
  lineage.key.back() = static_cast<char>(lineage.key.back() ^ 1);
  EXPECT_NE(refusal(lineage.key, lineage.value).find("does not match its key"), std::string::npos);
}

TEST(Changelog, DamagedRecordsNeverCrashAndCutOnesAreRefused) {
  const KeyValue records[] = {encode(EntryRecord{"user-1", 4711, 12, golden_entry()}),
                              encode(LineageRecord{lineage_id(lineage_of(1)), lineage_of(1)}),
                              encode(CommitRecord{5000, 12, 3, 99})};
  std::mt19937_64 random(7);
  for (const KeyValue& record : records) {
    for (std::size_t size = 0; size < record.value.size(); ++size) {
      EXPECT_FALSE(decode_changelog(record.key, record.value.substr(0, size))) << size;
    }
    EXPECT_FALSE(decode_changelog(record.key, record.value + '\0'));
    for (int i = 0; i < 20'000; ++i) {
      KeyValue damaged = record;
      std::string& part = random() % 4 == 0 ? damaged.key : damaged.value;
      part[random() % part.size()] ^= static_cast<char>(1U << (random() % 8));
      (void)decode_changelog(damaged.key, damaged.value);
    }
  }
}

TEST(StoreMeta, RefusesDamageAndOtherVersions) {
  const std::string bytes = encode_meta(golden_meta());
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    std::string damaged = bytes;
    damaged[i] ^= 1;
    EXPECT_TRUE(is_fatal(decode_meta(damaged))) << "byte " << i;
    EXPECT_TRUE(is_fatal(decode_meta(bytes.substr(0, i)))) << "cut to " << i;
  }
  std::string newer = bytes;
  newer[0] = 4;
  EXPECT_EQ(error_of(decode_meta(newer)),
            "state: store has format version 4, this program reads 3; the store is rebuilt from "
            "the changelog");
}

}  // namespace
}  // namespace weir::state
