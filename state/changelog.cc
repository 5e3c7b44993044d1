#include "state/changelog.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "state/bytes.h"
#include "state/entry_codec.h"

namespace weir::state {
namespace {

constexpr std::uint8_t kChangelogVersion = 1;
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

Result<ByteReader> open_value(std::string_view value) {
  ByteReader reader(value);
  const auto version = reader.number<std::uint8_t>();
  if (reader.failed()) return refused("record without a value");
  if (version != kChangelogVersion) {
    return fatal("changelog: record has format version " + std::to_string(version) +
                 ", this program reads " + std::to_string(kChangelogVersion) +
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

Result<ChangelogRecord> decode_commit_record(std::string_view key, ByteReader value) {
  if (key.size() != 1) return refused("malformed commit key");
  CommitRecord record;
  record.next_offset = value.number<std::int64_t>();
  record.sequence = value.number<std::uint64_t>();
  record.writes = value.number<std::uint32_t>();
  record.hash = value.number<std::uint64_t>();
  if (!value.complete()) return refused("commit record of wrong length");
  if (record.next_offset < 0 || record.sequence == 0) return refused("commit record out of range");
  return ChangelogRecord(record);
}

}  // namespace

KeyValue encode_entry_record(std::string_view user_id, std::int64_t input_offset,
                             std::uint64_t commit_sequence, const Entry& entry) {
  KeyValue out;
  out.key.reserve(user_id.size() + 3);
  out.key.push_back('u');
  out.key.append(user_id);
  out.key.push_back('\0');
  out.key.push_back(static_cast<char>(entry.slot));
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
  append(out.value, kChangelogVersion);
  append(out.value, record.next_offset);
  append(out.value, record.sequence);
  append(out.value, record.writes);
  append(out.value, record.hash);
  return out;
}

Result<ChangelogRecord> decode_changelog(std::string_view key, std::string_view value) {
  if (key.empty()) return refused("record without a key");
  if (key.front() == 'u') return decode_entry_record(key, value);
  auto reader = open_value(value);
  if (!reader) return reader.error();
  switch (key.front()) {
    case 'l':
      return decode_lineage_record(key, *reader);
    case 'c':
      return decode_commit_record(key, *reader);
    default:
      return refused("record of an unknown kind");
  }
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
