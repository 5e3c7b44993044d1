#include "state/changelog.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "state/bytes.h"
#include "state/entry_codec.h"

namespace weir::state {
namespace {

constexpr std::uint8_t kChangelogVersion = 1;
constexpr std::uint8_t kCommitWithLabels = 2;    // 1: without the position in topic labels
constexpr std::uint8_t kCommitWithErasures = 3;  // only where there was one: a program that knows
                                                 // of none must not go on
constexpr char kErasureSlot = '\xff';            // slots end at 249
constexpr std::size_t kEntryValueBytesTypical =
    288;  // a row, a verdict with two reasons, ids of 36 bytes

Error refused(std::string_view what) {
  return fatal("changelog: refused: " + std::string(what) +
               "; is the configured changelog topic (topics.changelog) one that Weir wrote?");
}

std::string lineage_bytes(const Lineage& lineage) {
  std::string bytes;
  append_text(bytes, lineage.model_name);
  append_text(bytes, lineage.model_version);
  append_text(bytes, lineage.model_digest);
  append_text(bytes, lineage.rules_digest);
  return bytes;
}

Result<ByteReader> open_value(std::string_view value,
                              std::uint8_t newest_version = kChangelogVersion) {
  ByteReader reader(value);
  const auto version = reader.number<std::uint8_t>();
  if (reader.failed()) return refused("record without a value");
  if (version == 0 || version > newest_version) {
    return fatal("changelog: record has format version " + std::to_string(version) +
                 ", this program reads " + std::to_string(newest_version) +
                 "; run the version of Weir that wrote it, or a newer one");
  }
  return reader;
}

Result<ChangelogRecord> decode_entry_record(std::string_view key, std::string_view value) {
  auto view = parse_entry_record(key, value);
  if (!view) return view.error();
  auto entry = decode_entry(view->entry_bytes);
  if (!entry) return entry.error();
  return ChangelogRecord(EntryRecord{std::string(view->user_id), view->input_offset,
                                     view->commit_sequence, std::move(*entry)});
}

Result<ChangelogRecord> decode_lineage_record(std::string_view key, ByteReader value) {
  if (key.size() != 1 + sizeof(std::uint64_t)) return refused("malformed lineage key");
  LineageRecord record;
  record.id = load<std::uint64_t>(key.data() + 1);
  for (std::string* text : {&record.lineage.model_name, &record.lineage.model_version,
                            &record.lineage.model_digest, &record.lineage.rules_digest}) {
    *text = value.text();
  }
  if (!value.complete()) return refused("lineage record of wrong length");
  if (lineage_id(record.lineage) != record.id) return refused("lineage does not match its key");
  return ChangelogRecord(std::move(record));
}

Result<ChangelogRecord> decode_commit_record(std::string_view key, std::string_view bytes) {
  if (key.size() != 1) return refused("malformed commit key");
  auto opened = open_value(bytes, kCommitWithErasures);
  if (!opened) return opened.error();
  ByteReader& value = *opened;
  CommitRecord record;
  record.next_offset = value.number<std::int64_t>();
  record.sequence = value.number<std::uint64_t>();
  record.writes = value.number<std::uint32_t>();
  record.hash = value.number<std::uint64_t>();
  const auto version = static_cast<std::uint8_t>(bytes.front());
  if (version >= kCommitWithLabels) {
    record.next_label = value.number<std::int64_t>();
    record.label_writes = value.number<std::uint32_t>();
  }
  if (version >= kCommitWithErasures) record.erasures = value.number<std::uint32_t>();
  if (!value.complete()) return refused("commit record of wrong length");
  if (record.next_offset < 0 || record.sequence == 0 || record.next_label < -1) {
    return refused("commit record out of range");
  }
  return ChangelogRecord(record);
}

}  // namespace

namespace {

std::string entry_key(std::string_view user_id, char slot) {
  std::string key;
  key.reserve(user_id.size() + 3);
  key.push_back('u');
  key.append(user_id);
  key.push_back('\0');
  key.push_back(slot);
  return key;
}

constexpr char kRowKind = 'r';
constexpr char kWaitingKind = 'o';
constexpr std::size_t kWaitingBytes = 8 + 8 + 8 + 8 + 4 + 1;

std::string window_key(std::string_view user_id, char kind, auto number) {
  std::string key;
  key.reserve(user_id.size() + 3 + sizeof number);
  key.push_back('w');
  key.append(user_id);
  key.push_back('\0');
  key.push_back(kind);
  append(key, number);
  return key;
}

}  // namespace

WindowChange row_put(std::string_view user_id, const EventRow& row) {
  const std::uint32_t sequence = row.sequence;
  return {window_key(user_id, kRowKind, sequence),
          std::string(reinterpret_cast<const char*>(&row), sizeof row), false};
}

WindowChange row_dropped(std::string_view user_id, std::uint32_t sequence) {
  return {window_key(user_id, kRowKind, sequence), {}, true};
}

WindowChange label_waits(std::string_view user_id, const LabelOpinion& opinion) {
  WindowChange change{window_key(user_id, kWaitingKind, opinion.transaction), {}, false};
  append(change.body, opinion.transaction);
  append(change.body, opinion.event_time_ms);
  append(change.body, opinion.label_time_ms);
  append(change.body, opinion.label_id);
  append(change.body, opinion.revision);
  append(change.body, static_cast<std::uint8_t>(opinion.fraud));
  return change;
}

WindowChange label_taken(std::string_view user_id, std::uint64_t transaction) {
  return {window_key(user_id, kWaitingKind, transaction), {}, true};
}

KeyValue encode_window_record(WindowChange change, WindowCause cause, std::int64_t input_offset,
                              std::uint64_t commit_sequence) {
  KeyValue out{std::move(change.key), {}, change.tombstone};
  if (change.tombstone) return out;
  append(out.value, kChangelogVersion);
  append(out.value, static_cast<std::uint8_t>(cause));
  append(out.value, input_offset);
  append(out.value, commit_sequence);
  out.value.append(change.body);
  return out;
}

Result<WindowRecordView> parse_window_record(std::string_view key, std::string_view value) {
  auto reader = open_value(value);
  if (!reader) return reader.error();
  WindowRecordView record;
  // From the end: an id may hold any byte but 0.
  const auto end_of_id = key.find('\0');
  if (end_of_id == std::string_view::npos || end_of_id < 2 || end_of_id + 1 >= key.size()) {
    return refused("malformed window key");
  }
  record.user_id = key.substr(1, end_of_id - 1);
  const char kind = key[end_of_id + 1];
  const std::size_t number_bytes = key.size() - end_of_id - 2;
  record.is_row = kind == kRowKind;
  if ((kind != kRowKind && kind != kWaitingKind) ||
      number_bytes != (record.is_row ? sizeof(std::uint32_t) : sizeof(std::uint64_t))) {
    return refused("malformed window key");
  }
  const auto cause = reader->number<std::uint8_t>();
  record.cause = static_cast<WindowCause>(cause);
  record.input_offset = reader->number<std::int64_t>();
  record.commit_sequence = reader->number<std::uint64_t>();
  if (reader->failed()) return refused("window record cut short");
  if (cause > static_cast<std::uint8_t>(WindowCause::kLabel) || record.input_offset < 0 ||
      record.commit_sequence == 0) {
    return refused("window record out of range");
  }
  record.body = reader->rest();
  if (record.body.size() != (record.is_row ? sizeof(EventRow) : kWaitingBytes)) {
    return refused("window record of wrong length");
  }
  const char* number = key.data() + end_of_id + 2;
  const bool fits = record.is_row
                        ? load<std::uint32_t>(number) == row_of(record.body).sequence
                        : load<std::uint64_t>(number) == waiting_label_of(record.body).transaction;
  if (!fits) return refused("window key and value name different rows");
  return record;
}

EventRow row_of(std::string_view body) {
  return load<EventRow>(body.data());
}

LabelOpinion waiting_label_of(std::string_view body) {
  ByteReader reader(body);
  LabelOpinion opinion;
  opinion.transaction = reader.number<std::uint64_t>();
  opinion.event_time_ms = reader.number<std::int64_t>();
  opinion.label_time_ms = reader.number<std::int64_t>();
  opinion.label_id = reader.number<std::uint64_t>();
  opinion.revision = reader.number<std::uint32_t>();
  opinion.fraud = reader.number<std::uint8_t>() != 0;
  return opinion;
}

KeyValue erasure_mark(std::string_view user_id) {
  return {entry_key(user_id, kErasureSlot), {}, true};
}

std::optional<std::string_view> erased_user(std::string_view key) {
  if (key.empty() || key.front() != 'u' || key.back() != kErasureSlot) return std::nullopt;
  return owner_of_record(key);
}

std::optional<std::string_view> owner_of_record(std::string_view key) {
  if (key.empty() || (key.front() != 'u' && key.front() != 'w')) return std::nullopt;
  const auto end_of_id = key.find('\0');  // an id may hold any byte but 0
  if (end_of_id == std::string_view::npos || end_of_id < 2) return std::nullopt;
  return key.substr(1, end_of_id - 1);
}

KeyValue encode_entry_record(std::string_view user_id, std::int64_t input_offset,
                             std::uint64_t commit_sequence, const Entry& entry) {
  KeyValue out;
  out.key = entry_key(user_id, static_cast<char>(entry.slot));
  out.value.reserve(kEntryValueBytesTypical);
  append(out.value, kChangelogVersion);
  append(out.value, input_offset);
  append(out.value, commit_sequence);
  append_entry(out.value, entry);
  return out;
}

KeyValue encode(const EntryRecord& record) {
  return encode_entry_record(record.user_id, record.input_offset, record.commit_sequence,
                             record.entry);
}

KeyValue encode(const LineageRecord& record) {
  KeyValue out;
  out.key.push_back('l');
  append(out.key, record.id);
  append(out.value, kChangelogVersion);
  out.value.append(lineage_bytes(record.lineage));
  return out;
}

KeyValue encode(const CommitRecord& record) {
  KeyValue out;
  out.key = "c";
  append(out.value, record.erasures == 0 ? kCommitWithLabels : kCommitWithErasures);
  append(out.value, record.next_offset);
  append(out.value, record.sequence);
  append(out.value, record.writes);
  append(out.value, record.hash);
  append(out.value, record.next_label);
  append(out.value, record.label_writes);
  if (record.erasures != 0) append(out.value, record.erasures);
  return out;
}

Result<ChangelogRecord> decode_changelog(std::string_view key, std::string_view value) {
  if (key.empty()) return refused("record without a key");
  if (key.front() == 'u') return decode_entry_record(key, value);
  if (key.front() == 'c') return decode_commit_record(key, value);
  auto reader = open_value(value);
  if (!reader) return reader.error();
  if (key.front() == 'l') return decode_lineage_record(key, *reader);
  return refused("record of an unknown kind");
}

Result<EntryRecordView> parse_entry_record(std::string_view key, std::string_view value) {
  auto reader = open_value(value);
  if (!reader) return reader.error();
  if (key.size() < 4 || key[key.size() - 2] != '\0') return refused("malformed entry key");
  EntryRecordView record;
  record.user_id = key.substr(1, key.size() - 3);
  record.input_offset = reader->number<std::int64_t>();
  record.commit_sequence = reader->number<std::uint64_t>();
  if (reader->failed()) return refused("entry record cut short");
  if (record.input_offset < 0 || record.commit_sequence == 0) {
    return refused("entry record out of range");
  }
  record.entry_bytes = reader->rest();
  auto entry = parse_entry(record.entry_bytes);
  if (!entry) return entry.error();
  record.entry = *entry;
  if (static_cast<std::uint8_t>(key.back()) != record.entry.slot) {
    return refused("entry key and value name different slots");
  }
  return record;
}

std::uint64_t lineage_id(const Lineage& lineage) {
  const std::string bytes = lineage_bytes(lineage);
  return XXH3_64bits(bytes.data(), bytes.size());
}

std::uint64_t chain_hash(std::uint64_t hash, std::string_view key, std::string_view value) {
  hash = XXH3_64bits_withSeed(key.data(), key.size(), hash);
  return XXH3_64bits_withSeed(value.data(), value.size(), hash);
}

}  // namespace weir::state
