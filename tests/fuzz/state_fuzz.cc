// Fuzz target: everything that reads state bytes it did not write itself. Nothing may crash; what
// passes the check must be readable and must survive the round through the encoder; adding to it
// must give a state that passes again. The first byte chooses the decoder.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

#include "pipeline/core/error.h"
#include "state/changelog.h"
#include "state/store_meta.h"
#include "state/user_state.h"

namespace {

using namespace weir;
using namespace weir::state;

void read_user(std::string_view bytes) {
  if (!validate_user_state(bytes)) return;
  const UserView user(bytes);
  for (std::size_t i = 0; i < user.history_size(); ++i) (void)user.history_row(i);
  for (const Entry& entry : user.entries()) {
    if (entry.verdict) WEIR_CHECK(user.find_verdict(entry.verdict->transaction_id).has_value());
  }
  const RetentionPolicy policy{16, 64, 86'400'000};
  WEIR_CHECK(validate_user_state(normalise(bytes, policy)));
  if (user.next_sequence() > kSequenceMax) return;  // after 4 billion payments
  Entry next;
  next.seen_ms = next.row.event_time_ms = user.newest_event_time_ms().value_or(0);
  next.row.sequence = user.next_sequence();
  WEIR_CHECK(validate_user_state(add_entry(bytes, next, policy).encoded));
}

void read_entry(std::string_view bytes) {
  const auto entry = decode_entry(bytes);
  if (!entry) return;
  WEIR_CHECK(encode_entry(*entry) == bytes);
  WEIR_CHECK(validate_user_state(put_entry({}, *entry)));
}

/// Of rows every byte comes back, of waiting labels all but "fraud", where any number but 0 is yes.
void read_window_record(std::string_view key, std::string_view value) {
  const auto record = parse_window_record(key, value);
  if (!record) return;
  const WindowChange change = record->is_row
                                  ? row_put(record->user_id, row_of(record->body))
                                  : label_waits(record->user_id, waiting_label_of(record->body));
  const KeyValue again =
      encode_window_record(change, record->cause, record->input_offset, record->commit_sequence);
  const std::size_t alike = value.size() - (record->is_row ? 0 : 1);
  WEIR_CHECK(again.key == key && again.value.size() == value.size());
  WEIR_CHECK(again.value.substr(0, alike) == value.substr(0, alike));
  const auto same = parse_window_record(again.key, again.value);
  WEIR_CHECK(same && same->cause == record->cause && same->is_row == record->is_row);
}

/// What a commit record of version 1 is written as now: labels were not read then.
std::string as_version_2(std::string_view value) {
  std::string bytes(value);
  bytes.front() = 2;
  bytes.append(8, '\xff');  // next label offset: -1
  bytes.append(4, '\0');    // no label writes
  return bytes;
}

void read_changelog(std::string_view bytes) {
  if (bytes.empty()) return;
  const std::size_t key_bytes = static_cast<unsigned char>(bytes.front());
  bytes.remove_prefix(1);
  if (key_bytes > bytes.size()) return;
  const std::string_view key = bytes.substr(0, key_bytes);
  const std::string_view value = bytes.substr(key_bytes);
  if (key.starts_with('w')) return read_window_record(key, value);  // as a restore does
  const auto record = decode_changelog(key, value);
  if (!record) return;
  const KeyValue again = std::visit([](const auto& known) { return encode(known); }, *record);
  const bool old_commit = std::holds_alternative<CommitRecord>(*record) && value.front() == 1;
  WEIR_CHECK(again.key == key);
  WEIR_CHECK(again.value == (old_commit ? as_version_2(value) : std::string(value)));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0] % 4) {
    case 0:
      read_user(bytes);
      break;
    case 1:
      read_entry(bytes);
      break;
    case 2:
      read_changelog(bytes);
      break;
    default:
      (void)decode_meta(bytes);
      break;
  }
  return 0;
}
