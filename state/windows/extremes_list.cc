#include "state/windows/extremes_list.h"

#include <algorithm>
#include <tuple>

namespace weir::state {

void ExtremesList::add(const EventRow& row, std::int64_t horizon_ms) {
  const Candidate added{row.time_ms, row.sequence, value_of(row, plan_.field)};
  std::string& bytes = operation_.write(page());
  const auto place = [](const Candidate& c) {
    return std::tuple(std::int64_t{c.time_ms}, std::uint32_t{c.sequence});
  };
  auto list = elements<Candidate>(&bytes);

  std::size_t expired = 0;
  while (expired < list.size() && list[expired].time_ms <= horizon_ms) ++expired;
  if (expired > 0) {
    erase_elements<Candidate>(bytes, 0, expired);
    list = elements<Candidate>(&bytes);
  }
  std::size_t at = list.size();
  while (at > 0 && place(list[at - 1]) > place(added)) --at;
  if (at < list.size() && beats(list[at].value, added.value)) return;
  std::size_t from = at;
  while (from > 0 && beats(added.value, list[from - 1].value)) --from;
  erase_elements<Candidate>(bytes, from, at);
  insert_element(bytes, from, added);
}

std::optional<std::int64_t> ExtremesList::find(std::int64_t after_ms) {
  const auto list = elements<Candidate>(operation_.read(page()));
  const auto found = std::ranges::upper_bound(list, after_ms, {}, kTimeOf);
  if (found == list.end()) return std::nullopt;
  return std::int64_t{found->value};  // packed: no reference
}

}  // namespace weir::state
