#include "state/user_layout.h"

#include <algorithm>

namespace weir::state {
namespace {

/// Writes sections one after the other into a string of the final size.
class Writer {
 public:
  explicit Writer(char* to) : to_(to) {}
  void copy(const char* from, std::size_t bytes) {
    if (bytes != 0) std::memcpy(to_, from, bytes);
    to_ += bytes;
  }
  template <class T>
  void put(const T& value) {
    store(to_, value);
    to_ += sizeof value;
  }

 private:
  char* to_;
};

/// One section of equally long elements through a cut.
void copy_cut(Writer& to, const Cut& cut, const char* section, std::size_t element_bytes,
              const char* inserted) {
  to.copy(section + cut.begin * element_bytes, (cut.at - cut.begin) * element_bytes);
  if (cut.insert) to.copy(inserted, element_bytes);
  to.copy(section + cut.resume * element_bytes, (cut.end - cut.resume) * element_bytes);
}

}  // namespace

std::size_t UserLayout::bodies_bytes(std::size_t count) const {
  std::size_t bytes = 0;
  const char* lengths = at(index_at() + offsetof(VerdictIndex, bytes));
  for (std::size_t i = 0; i < count; ++i) {
    bytes += load<std::uint16_t>(lengths + i * sizeof(VerdictIndex));
  }
  return bytes;
}

void Cut::drop_front(std::size_t drop) {
  const std::size_t before = std::min(drop, at - begin);
  begin += before;
  drop -= before;
  if (drop > 0 && insert) {
    insert = false;
    --drop;
  }
  resume += std::min(drop, end - resume);
}

std::string splice(const UserLayout& from, const Cut& rows, const Cut& verdicts,
                   const EntryView& entry, const UserHead& head) {
  // Lengths of the verdicts before each edge of the cut.
  const std::size_t bodies_begin = from.bodies_bytes(verdicts.begin);
  const std::size_t bodies_at = from.bodies_bytes(verdicts.at);
  const std::size_t bodies_resume =
      verdicts.resume == verdicts.at ? bodies_at : from.bodies_bytes(verdicts.resume);
  const std::size_t bodies_end =
      verdicts.end == verdicts.at ? bodies_at : from.bodies_bytes(verdicts.end);

  const std::size_t size = sizeof(UserHead) + rows.count() * (sizeof(HistoryRow) + 1) +
                           verdicts.count() * sizeof(VerdictIndex) + (bodies_at - bodies_begin) +
                           (verdicts.insert ? entry.verdict.size() : 0) +
                           (bodies_end - bodies_resume);
  std::string bytes(size, '\0');
  Writer to(bytes.data());

  UserHead new_head = head;
  new_head.rows = static_cast<std::uint8_t>(rows.count());
  new_head.verdicts = static_cast<std::uint8_t>(verdicts.count());
  to.put(new_head);

  const char slot = static_cast<char>(entry.slot);
  copy_cut(to, rows, from.at(from.rows_at()), sizeof(HistoryRow), entry.row.data());
  copy_cut(to, rows, from.at(from.slots_at()), 1, &slot);

  VerdictIndex index;
  if (verdicts.insert) {
    index = {transaction_hash(verdict_transaction_id(entry.verdict)), entry.seen_ms, entry.sequence,
             static_cast<std::uint16_t>(entry.verdict.size()),        entry.slot,    0};
  }
  copy_cut(to, verdicts, from.at(from.index_at()), sizeof(VerdictIndex),
           reinterpret_cast<const char*>(&index));
  const char* bodies = from.at(from.bodies_at());
  to.copy(bodies + bodies_begin, bodies_at - bodies_begin);
  if (verdicts.insert) to.copy(entry.verdict.data(), entry.verdict.size());
  to.copy(bodies + bodies_resume, bodies_end - bodies_resume);
  return bytes;
}

}  // namespace weir::state
