#include "state/windows/page_store.h"

#include <algorithm>
#include <bit>
#include <deque>
#include <functional>
#include <utility>
#include <vector>

namespace weir::state {
namespace {

constexpr std::size_t kCacheLineBytes = 64;
/// 32 slots; a larger table is searched slot by slot.
constexpr std::size_t kSlotBytesAhead = 1'280;

std::uint64_t packed(PageId id) {
  return static_cast<std::uint64_t>(id.kind) << 48U | static_cast<std::uint64_t>(id.group) << 32U |
         id.number;
}

/// The pages of one entity: open addressing, linear probing, and the pages in the slots themselves.
/// With many entities nothing is in a cache, and every pointer on the way to a page costs more than
/// what is done there: so there is none but that to its bytes.
class PageTable {
 public:
  std::string* find(std::uint64_t id) {
    if (!slots_.empty()) {
      for (std::size_t at = home_of(id); slots_[at].id != kFree; at = (at + 1) & mask()) {
        if (slots_[at].id == id) return &slots_[at].bytes;
      }
    }
    const auto found = std::ranges::find(overflow_, id, &Slot::id);
    return found == overflow_.end() ? nullptr : &found->bytes;
  }

  /// A search waits for its slot before it knows whether to go on; so of a table that is not large
  /// all slots come at once.
  void prefetch_slots() const {
    const auto* bytes = reinterpret_cast<const char*>(slots_.data());
    const std::size_t end = std::min(slots_.size() * sizeof(Slot), kSlotBytesAhead);
    for (std::size_t at = 0; at < end; at += kCacheLineBytes) __builtin_prefetch(bytes + at);
  }

  /// The page must not be there yet. Moves no other: the table grows between operations.
  std::string& insert(std::uint64_t id) {
    if (used_ + 1 >= slots_.size()) return overflow_.emplace_back(Slot{id, {}}).bytes;
    std::size_t at = home_of(id);
    while (slots_[at].id < kGone) at = (at + 1) & mask();
    if (slots_[at].id == kFree) ++used_;
    slots_[at].id = id;
    return slots_[at].bytes;
  }

  void erase(std::uint64_t id) {
    std::string* bytes = find(id);
    if (bytes == nullptr) return;
    *bytes = {};
    const auto is_it = [&](const Slot& slot) { return &slot.bytes == bytes; };
    if (const auto found = std::ranges::find_if(overflow_, is_it); found != overflow_.end()) {
      found->id = kGone;  // its slot stays until the operation ends
      return;
    }
    std::size_t at = home_of(id);
    while (slots_[at].id != id) at = (at + 1) & mask();
    slots_[at].id = kGone;
  }

  /// Moves pages: between operations only.
  void make_room() {
    if (overflow_.empty() && used_ * 4 <= slots_.size() * 3) return;
    std::vector<Slot> old = std::exchange(slots_, {});
    std::deque<Slot> added = std::exchange(overflow_, {});
    const auto is_page = [](const Slot& slot) { return slot.id < kGone; };
    const auto pages = static_cast<std::size_t>(std::ranges::count_if(old, is_page) +
                                                std::ranges::count_if(added, is_page));
    slots_.resize(std::bit_ceil(pages * 2 + 6));
    used_ = 0;
    const auto take = [&](Slot& slot) {
      if (is_page(slot)) insert(slot.id) = std::move(slot.bytes);
    };
    std::ranges::for_each(old, take);
    std::ranges::for_each(added, take);
  }

  [[nodiscard]] std::size_t bytes() const {
    std::size_t bytes = 0;
    for (const Slot& slot : slots_) bytes += slot.bytes.size();
    for (const Slot& slot : overflow_) bytes += slot.bytes.size();
    return bytes;
  }

 private:
  // Above every page.
  static constexpr std::uint64_t kFree = ~std::uint64_t{0};
  static constexpr std::uint64_t kGone = kFree - 1;  // searches for others pass it
  struct Slot {
    std::uint64_t id = kFree;
    std::string bytes;
  };
  [[nodiscard]] std::size_t mask() const { return slots_.size() - 1; }
  [[nodiscard]] std::size_t home_of(std::uint64_t id) const {
    return static_cast<std::size_t>(id * 0x9e3779b97f4a7c15ULL >> 32U) & mask();
  }

  std::vector<Slot> slots_;  // a power of two, or none
  std::size_t used_ = 0;     // of them, those that are not free: with the ones gone
  std::deque<Slot> overflow_;
};

}  // namespace

struct MemoryPageStore::Impl {
  struct Entity {
    std::string name;
    PageTable pages;
  };
  struct Entry {
    std::size_t hash = 0;
    Entity* entity = nullptr;  // nullptr: free
  };
  std::deque<Entity> entities;  // in order of appearance; none ever leaves
  std::vector<Entry> entries = std::vector<Entry>(64);
  // The entity of the last call: operations ask for many pages of one.
  Entity* last = nullptr;

  Entry& entry_of(std::string_view name, std::size_t hash) {
    std::size_t at = hash & (entries.size() - 1);
    while (entries[at].entity != nullptr &&
           (entries[at].hash != hash || entries[at].entity->name != name)) {
      at = (at + 1) & (entries.size() - 1);
    }
    return entries[at];
  }
  Entity* find(std::string_view name) {
    if (last != nullptr && last->name == name) return last;
    Entity* found = entry_of(name, std::hash<std::string_view>{}(name)).entity;
    if (found != nullptr) {
      last = found;
      found->pages.prefetch_slots();
    }
    return found;
  }
  Entity& insert(std::string_view name) {
    if (entities.size() * 2 >= entries.size()) {
      std::vector<Entry> old(entries.size() * 2);
      old.swap(entries);
      for (const Entry& entry : old) {
        if (entry.entity != nullptr) entry_of(entry.entity->name, entry.hash) = entry;
      }
    }
    const std::size_t hash = std::hash<std::string_view>{}(name);
    last = &entities.emplace_back(Entity{std::string(name), {}});
    entry_of(name, hash) = {hash, last};
    return *last;
  }
};

MemoryPageStore::MemoryPageStore() : impl_(std::make_unique<Impl>()) {}
MemoryPageStore::~MemoryPageStore() = default;

Result<const std::string*> MemoryPageStore::read(std::string_view entity, PageId id) {
  auto* found = impl_->find(entity);
  return found == nullptr ? nullptr : found->pages.find(packed(id));
}

Result<std::string*> MemoryPageStore::write(std::string_view entity, PageId id) {
  auto* found = impl_->find(entity);
  if (found == nullptr) found = &impl_->insert(entity);
  std::string* page = found->pages.find(packed(id));
  return page == nullptr ? &found->pages.insert(packed(id)) : page;
}

Status MemoryPageStore::erase(std::string_view entity, PageId id) {
  if (auto* found = impl_->find(entity)) found->pages.erase(packed(id));
  return ok();
}

void MemoryPageStore::prefetch(std::string_view entity, PageId id, std::size_t offset,
                               std::size_t bytes) {
  auto* found = impl_->find(entity);
  if (found == nullptr) return;
  const std::string* page = found->pages.find(packed(id));
  if (page == nullptr) return;
  const std::size_t end = std::min(offset + bytes, page->size());
  for (std::size_t at = offset; at < end; at += kCacheLineBytes) {
    __builtin_prefetch(page->data() + at);
  }
  if (offset < end) __builtin_prefetch(page->data() + end - 1);
}

void MemoryPageStore::end_operation() {
  if (impl_->last != nullptr) impl_->last->pages.make_room();
}

std::size_t MemoryPageStore::bytes() const {
  std::size_t bytes = 0;
  for (const auto& entity : impl_->entities) bytes += entity.pages.bytes();
  return bytes;
}

}  // namespace weir::state
