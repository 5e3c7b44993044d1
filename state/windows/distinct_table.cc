#include "state/windows/distinct_table.h"

#include <algorithm>
#include <utility>

namespace weir::state {
namespace {

constexpr std::uint32_t kEntriesPerBucket = 24;  // on average; about 480 bytes

/// Finaliser of MurmurHash3: values are hashes already, or small numbers that need spreading.
std::uint64_t spread(std::int64_t value) {
  auto hash = static_cast<std::uint64_t>(value);
  hash ^= hash >> 33U;
  hash *= 0xff51afd7ed558ccdULL;
  hash ^= hash >> 33U;
  hash *= 0xc4ceb9fe1a85ec53ULL;
  return hash ^ hash >> 33U;
}

}  // namespace

std::uint32_t DistinctTable::bucket_of(std::int64_t value) const {
  const auto hash = static_cast<std::uint32_t>(spread(value));
  const std::uint32_t bucket = hash & ((1U << head_.level) - 1);
  return bucket >= head_.split ? bucket : hash & ((2U << head_.level) - 1);
}

const DistinctTable::Entry* DistinctTable::find(std::int64_t value) {
  const auto entries = elements<Entry>(operation_.read(page(bucket_of(value))));
  const auto found =
      std::ranges::find_if(entries, [&](const Entry& e) { return e.value == value; });
  return found == entries.end() ? nullptr : &*found;
}

void DistinctTable::put(const Entry& entry) {
  std::string& bytes = operation_.write(page(bucket_of(entry.value)));
  const auto entries = elements<Entry>(&bytes);
  const auto found =
      std::ranges::find_if(entries, [&](const Entry& e) { return e.value == entry.value; });
  if (found != entries.end()) {
    const auto at = static_cast<std::size_t>(found - entries.begin());
    bytes.replace(at * sizeof(Entry), sizeof(Entry), reinterpret_cast<const char*>(&entry),
                  sizeof(Entry));
    return;
  }
  insert_element(bytes, entries.size(), entry);
  ++head_.entries;
  const std::uint32_t buckets = (1U << head_.level) + head_.split;
  if (head_.entries > buckets * kEntriesPerBucket) split_next();
}

void DistinctTable::erase(std::int64_t value) {
  std::string& bytes = operation_.write(page(bucket_of(value)));
  const auto entries = elements<Entry>(&bytes);
  for (std::size_t i = 0; i < entries.size(); ++i) {
    if (entries[i].value != value) continue;
    erase_elements<Entry>(bytes, i, i + 1);
    --head_.entries;
    return;
  }
}

void DistinctTable::split_next() {
  const std::uint32_t from = head_.split;
  const std::uint32_t to = (1U << head_.level) + head_.split;
  std::string stays;
  std::string moves;
  const std::uint32_t mask = (2U << head_.level) - 1;
  std::string& old = operation_.write(page(from));
  for (const Entry& entry : elements<Entry>(&old)) {
    std::string& target =
        (static_cast<std::uint32_t>(spread(entry.value)) & mask) == from ? stays : moves;
    target.append(reinterpret_cast<const char*>(&entry), sizeof(Entry));
  }
  old = std::move(stays);
  operation_.write(page(to)) = std::move(moves);
  if (++head_.split == 1U << head_.level) {
    ++head_.level;
    head_.split = 0;
  }
}

void DistinctTable::prefetch(std::int64_t value) {
  operation_.prefetch(page(bucket_of(value)), 0, kEntriesPerBucket * sizeof(Entry));
}

void DistinctTable::clear() {
  const std::uint32_t buckets = (1U << head_.level) + head_.split;
  for (std::uint32_t bucket = 0; bucket < buckets; ++bucket) operation_.erase(page(bucket));
  head_ = {};
}

}  // namespace weir::state
