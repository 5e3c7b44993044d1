#include "state/hot_set.h"

#define XXH_INLINE_ALL
#include <algorithm>
#include <iterator>
#include <utility>

#include <xxhash.h>

#include "pipeline/core/error.h"

namespace weir::state {
namespace {

/// Expected size of a user with a history of 16 rows and a few verdicts: only sizes the table.
constexpr std::size_t kUserBytesTypical = 1536;
constexpr std::size_t kBucketsMax = std::size_t{1} << 22;
/// A user with more than this in pages keeps only those in use: a busy one leaves a trail of them.
constexpr std::size_t kPagesBytesKept = std::size_t{32} << 10;
const std::size_t kInlineBytes = std::string().capacity();  // a text so short has no block

/// What malloc takes for a block: eight bytes of its own, rounded up to sixteen.
std::size_t block_bytes(std::size_t bytes) {
  return (bytes + 8 + 15) / 16 * 16;
}

std::size_t string_bytes(const std::string& text) {
  return text.capacity() <= kInlineBytes ? 0 : block_bytes(text.capacity() + 1);
}

/// Table node: next pointer, kept hash, key and user; and one bucket.
std::size_t node_bytes() {
  return block_bytes(2 * sizeof(void*) + sizeof(std::string) + sizeof(HotUser)) + sizeof(void*);
}

/// Tree node: colour and three pointers, id and page.
std::size_t page_node_bytes() {
  return block_bytes(4 * sizeof(void*) + sizeof(std::uint64_t) + sizeof(HotPage));
}

std::size_t id_bytes(std::string_view id) {
  return id.size() <= kInlineBytes ? 0 : block_bytes(id.size() + 1);
}

}  // namespace

void UserList::push_back(HotUser& user) {
  user.before = back_;
  user.after = nullptr;
  (back_ != nullptr ? back_->after : front_) = &user;
  back_ = &user;
  ++size_;
}

void UserList::remove(HotUser& user) {
  (user.before != nullptr ? user.before->after : front_) = user.after;
  (user.after != nullptr ? user.after->before : back_) = user.before;
  user.before = nullptr;
  user.after = nullptr;
  --size_;
}

std::size_t HotSet::Hash::operator()(std::string_view id) const {
  return XXH3_64bits(id.data(), id.size());
}

HotSet::HotSet(std::size_t budget_bytes) : budget_bytes_(budget_bytes) {
  users_.reserve(std::min(budget_bytes / kUserBytesTypical, kBucketsMax));
}

HotUser* HotSet::find(std::string_view id) {
  const auto found = users_.find(id);
  if (found == users_.end()) return nullptr;
  found->second.referenced = true;
  return &found->second;
}

HotUser& HotSet::insert(std::string_view id, std::string state) {
  const auto [place, inserted] = users_.try_emplace(std::string(id));
  WEIR_CHECK(inserted);
  HotUser& user = place->second;
  user.id = place->first;
  user.state = std::move(state);
  clean_.push_back(user);
  recharge(user);
  return user;
}

void HotSet::erase(HotUser& user) {
  WEIR_CHECK(!user.staged);
  bytes_ -= user.charged_bytes;
  if (user.dirty) {
    dirty_bytes_ -= user.charged_bytes;
    dirty_.remove(user);
  } else {
    clean_.remove(user);
  }
  users_.erase(users_.find(user.id));
}

void HotSet::recharge(HotUser& user) {
  const std::size_t now =
      node_bytes() + id_bytes(user.id) + string_bytes(user.state) + user.pages_bytes;
  bytes_ += now - user.charged_bytes;
  if (user.dirty) dirty_bytes_ += now - user.charged_bytes;
  user.charged_bytes = now;
}

void HotSet::recharge_pages(HotUser& user) {
  std::size_t now = 0;
  for (const auto& [id, page] : user.pages) now += page_node_bytes() + string_bytes(page.bytes);
  user.pages_bytes = now;
  recharge(user);
}

void HotSet::trim_pages(HotUser& user) {
  if (user.pages_bytes <= kPagesBytesKept) return;
  for (auto place = user.pages.begin(); place != user.pages.end();) {
    HotPage& page = place->second;
    const bool idle = !page.dirty && !page.staged && !page.referenced;
    page.referenced = false;
    place = idle ? user.pages.erase(place) : std::next(place);
  }
  recharge_pages(user);
}

void HotSet::make_dirty(HotUser& user, std::uint64_t since) {
  if (user.dirty) return;
  if (!user.staged) clean_.remove(user);
  user.dirty = true;
  user.dirty_since = since;
  dirty_.push_back(user);
  dirty_bytes_ += user.charged_bytes;
}

void HotSet::make_clean(HotUser& user) {
  WEIR_CHECK(user.dirty);
  dirty_.remove(user);
  dirty_bytes_ -= user.charged_bytes;
  user.dirty = false;
  if (!user.staged) clean_.push_back(user);
}

void HotSet::pin(HotUser& user) {
  if (user.staged) return;
  if (!user.dirty) clean_.remove(user);
  user.staged = true;
}

void HotSet::unpin(HotUser& user) {
  WEIR_CHECK(user.staged);
  user.staged = false;
  if (!user.dirty) clean_.push_back(user);
}

void HotSet::evict_to_budget(const HotUser* keep) {
  // Two rounds: the first takes second chances away, the second finds none.
  std::size_t looks = 2 * clean_.size();
  while (over_budget() && !clean_.empty() && looks-- > 0) {
    HotUser& user = *clean_.front();
    if (user.referenced || &user == keep) {
      user.referenced = false;
      clean_.remove(user);
      clean_.push_back(user);
      continue;
    }
    erase(user);
  }
}

}  // namespace weir::state
