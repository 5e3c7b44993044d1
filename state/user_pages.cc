#include "state/user_pages.h"

#include <utility>

#include "state/user_store_impl.h"

namespace weir::state {
namespace {

std::uint64_t packed(PageId id) {
  return static_cast<std::uint64_t>(id.kind) << 48U | static_cast<std::uint64_t>(id.group) << 32U |
         id.number;
}

std::string page_key(std::string_view user_id, std::uint64_t page) {
  std::string key;
  key.reserve(user_id.size() + 2 + sizeof page);
  key.push_back(UserPages::kPrefix);
  key.append(user_id);
  key.push_back('\0');
  for (int shift = 56; shift >= 0; shift -= 8) {
    key.push_back(static_cast<char>(page >> static_cast<unsigned>(shift) & 0xffU));
  }
  return key;
}

std::uint64_t page_of(std::string_view key) {
  std::uint64_t page = 0;
  for (const char byte : key.substr(key.size() - sizeof page)) {
    page = page << 8U | static_cast<unsigned char>(byte);
  }
  return page;
}

}  // namespace

Result<HotPage*> UserPages::load(std::string_view user_id, PageId id) {
  if (user_ == nullptr || user_->id != user_id) {
    auto user = store_.load(user_id);
    if (!user) return user.error();
    user_ = *user;
  }
  const std::uint64_t page_id = packed(id);
  const auto [place, is_new] = user_->pages.try_emplace(page_id);
  HotPage& page = place->second;
  page.referenced = true;
  if (!is_new) return &page;
  changed_ = true;
  page.exists = false;
  if (store_.backing_empty) return &page;
  auto found = store_.backing->get(page_key(user_id, page_id), page.bytes);
  if (!found) {
    user_->pages.erase(place);
    return found.error();
  }
  page.exists = *found;
  return &page;
}

Result<HotPage*> UserPages::stage(std::string_view user_id, PageId id) {
  auto loaded = load(user_id, id);
  if (!loaded) return loaded;
  HotPage& page = **loaded;
  changed_ = true;
  if (restored_ordinal_ != 0) {
    page.dirty = true;
    store_.hot.make_dirty(*user_, restored_ordinal_);
  } else if (!page.staged) {
    store_.hot.pin(*user_);
    page.staged = true;
    page.undo = static_cast<std::uint32_t>(store_.page_undo.size());
    store_.staged_bytes += page.bytes.size();
    // The transaction works on a copy: rollback gives back the very bytes, capacity included.
    std::string copy = page.bytes;
    store_.page_undo.push_back({user_, packed(id), std::move(page.bytes), page.exists});
    page.bytes = std::move(copy);
  }
  return &page;
}

Result<const std::string*> UserPages::read(std::string_view user_id, PageId id) {
  const auto page = load(user_id, id);
  if (!page) return page.error();
  return (*page)->exists ? &(*page)->bytes : nullptr;
}

Result<std::string*> UserPages::write(std::string_view user_id, PageId id) {
  const auto page = stage(user_id, id);
  if (!page) return page.error();
  (*page)->exists = true;
  return &(*page)->bytes;
}

Status UserPages::erase(std::string_view user_id, PageId id) {
  const auto known = load(user_id, id);
  if (!known) return known.error();
  if (!(*known)->exists) return ok();
  const auto page = stage(user_id, id);
  if (!page) return page.error();
  (*page)->exists = false;
  (*page)->bytes.clear();
  return ok();
}

std::string UserPages::end_of_pages(std::string_view owner) {
  std::string key(1, kPrefix);
  key.append(owner);
  key.push_back('\1');  // no id holds a byte 0
  return key;
}

Status UserPages::forget(HotUser& user) {
  if (!store_.backing_empty) {
    const std::string end = end_of_pages(user.id);
    const std::string first = page_key(user.id, 0);
    const Error done = retry("done");
    const Status scanned =
        store_.backing->scan(first, [&](std::string_view key, std::string_view) -> Status {
          if (key >= end) return done;
          user.pages.try_emplace(page_of(key));
          return ok();
        });
    if (!scanned && scanned.error().message != done.message) return scanned.error();
  }
  for (auto& [id, page] : user.pages) {
    page.bytes.clear();
    page.exists = false;
    page.dirty = true;
  }
  return ok();
}

void UserPages::end_operation() {
  if (user_ != nullptr && changed_) {
    if (restored_ordinal_ != 0) store_.hot.trim_pages(*user_);
    store_.hot.recharge_pages(*user_);
    if (store_.hot.over_budget()) store_.hot.evict_to_budget(user_);
  }
  user_ = nullptr;
  changed_ = false;
}

void UserPages::row_put(std::string_view user_id, const EventRow& row) {
  changes_.push_back(state::row_put(user_id, row));
}
void UserPages::row_dropped(std::string_view user_id, std::uint32_t sequence) {
  changes_.push_back(state::row_dropped(user_id, sequence));
}
void UserPages::label_waits(std::string_view user_id, const LabelOpinion& opinion) {
  changes_.push_back(state::label_waits(user_id, opinion));
}
void UserPages::label_taken(std::string_view user_id, std::uint64_t transaction) {
  changes_.push_back(state::label_taken(user_id, transaction));
}
std::vector<WindowChange> UserPages::take_changes() {
  return std::exchange(changes_, {});
}

std::size_t UserPages::write_dirty(const HotUser& user,
                                   std::vector<KeyValueStore::Write>& batch) const {
  std::size_t bytes = 0;
  for (const auto& [id, page] : user.pages) {
    if (!page.dirty) continue;
    const auto* undo = page.staged ? &store_.page_undo[page.undo] : nullptr;
    const bool exists = undo != nullptr ? undo->existed : page.exists;
    std::string key = page_key(user.id, id);
    bytes += key.size();
    if (exists) {
      const std::string& committed = undo != nullptr ? undo->committed : page.bytes;
      bytes += committed.size();
      batch.emplace_back(std::move(key), committed);
    } else {
      batch.emplace_back(std::move(key), std::nullopt);
    }
  }
  return bytes;
}

}  // namespace weir::state
