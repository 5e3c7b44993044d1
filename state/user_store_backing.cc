#include <algorithm>
#include <utility>

#include "state/user_store_impl.h"

namespace weir::state {
std::string_view UserStore::Impl::committed_state(const HotUser& user) const {
  return user.state_staged ? undo[user.undo].committed : user.state;
}

CommitPoint UserStore::Impl::point_before(const HotUser* oldest_dirty) {
  if (oldest_dirty == nullptr) return point;
  const auto found = std::lower_bound(
      old_points.begin(), old_points.end(), oldest_dirty->dirty_since,
      [](const OldPoint& old, std::uint64_t since) { return old.ordinal < since; });
  WEIR_CHECK(found != old_points.end() && found->ordinal == oldest_dirty->dirty_since);
  return found->before;
}

std::string UserStore::Impl::meta_at(const CommitPoint& at) const {
  StoreMeta meta{identity, at, lineages};
  for (const std::uint64_t id : staged_lineages) meta.lineages.erase(id);
  return encode_meta(meta);
}

Result<std::size_t> UserStore::Impl::write_dirty(std::size_t bytes_max,
                                                 std::uint64_t min_age_commits) {
  std::vector<KeyValueStore::Write> batch;
  std::size_t bytes = 0;
  std::size_t evictable = 0;
  HotUser* user = hot.dirty().front();
  for (; user != nullptr && bytes < bytes_max; user = user->after) {
    const bool old = ordinal - user->dirty_since >= min_age_commits;
    if (!old && !hot.over_budget_by(evictable)) break;
    const std::string_view state = committed_state(*user);
    if (!state.empty()) {
      batch.emplace_back(user_key(user->id), std::string(state));
    } else if (user->erased) {
      batch.emplace_back(user_key(user->id), std::nullopt);
    }
    bytes += 1 + user->id.size() + state.size() + pages.write_dirty(*user, batch);
    if (!user->staged) evictable += user->charged_bytes;
  }
  const CommitPoint next = point_before(user);
  const bool meta_due = next != stored_point && ordinal - stored_ordinal >= min_age_commits;
  if (batch.empty() && !meta_due) return std::size_t{0};
  const bool users = !batch.empty();
  std::string meta = meta_at(next);
  bytes += kMetaKey.size() + meta.size();
  batch.emplace_back(kMetaKey, std::move(meta));
  WEIR_RETURN_IF_ERROR(backing->write(batch));

  while (hot.dirty().front() != user) {
    HotUser& written = *hot.dirty().front();
    for (auto& [id, page] : written.pages) page.dirty = false;
    written.erased = false;
    hot.make_clean(written);
  }
  const std::uint64_t oldest = user == nullptr ? UINT64_MAX : user->dirty_since;
  while (!old_points.empty() && old_points.front().ordinal < oldest) old_points.pop_front();
  stored_point = next;
  stored_ordinal = ordinal;
  if (users) backing_empty = false;
  hot.evict_to_budget(nullptr);
  return bytes;
}

Result<std::size_t> UserStore::write_back(std::size_t bytes_max, std::uint64_t min_age_commits) {
  return impl_->write_dirty(std::max<std::size_t>(bytes_max, 1), min_age_commits);
}

Status UserStore::checkpoint() {
  for (;;) {
    const auto written = impl_->write_dirty(kWriteBackChunkBytes, 0);
    if (!written) return written.error();
    if (*written == 0) break;
  }
  return impl_->backing->flush();
}

Status UserStore::start_flush() {
  return impl_->backing->start_flush();
}

Result<std::vector<std::string>> UserStore::window_owners(std::string_view after, std::size_t max) {
  std::vector<std::string> owners;
  const Error found_one = retry("found");
  std::string first =
      after.empty() ? std::string(1, UserPages::kPrefix) : UserPages::end_of_pages(after);
  while (owners.size() < max) {
    std::string owner;
    const Status scanned =
        impl_->backing->scan(first, [&](std::string_view key, std::string_view) -> Status {
          if (key.front() == UserPages::kPrefix) owner = key.substr(1, key.find('\0') - 1);
          return found_one;
        });
    if (owner.empty()) {
      if (!scanned && scanned.error().message != found_one.message) return scanned.error();
      break;
    }
    first = UserPages::end_of_pages(owner);
    owners.push_back(std::move(owner));
  }
  return owners;
}

Status UserStore::scan(const std::function<Status(std::string_view, UserView)>& sink) {
  Impl& store = *impl_;
  std::vector<const HotUser*> dirty;
  for (const HotUser* user = store.hot.dirty().front(); user != nullptr; user = user->after) {
    dirty.push_back(user);
  }
  std::sort(dirty.begin(), dirty.end(),
            [](const HotUser* a, const HotUser* b) { return a->id < b->id; });
  auto next = dirty.begin();
  const auto emit_dirty = [&]() {
    const HotUser& user = **next++;
    if (user.erased && store.committed_state(user).empty()) return ok();
    return sink(user.id, UserView(store.committed_state(user)));
  };
  const auto emit_stored = [&](std::string_view key, std::string_view value) -> Status {
    if (key.empty() || key.front() != kUserPrefix) return ok();
    const std::string_view id = key.substr(1);
    while (next != dirty.end() && (*next)->id < id) WEIR_RETURN_IF_ERROR(emit_dirty());
    if (next != dirty.end() && (*next)->id == id) return emit_dirty();
    WEIR_RETURN_IF_ERROR(validate_user_state(value));
    const std::string state = normalise(value, store.options.retention);
    return sink(id, UserView(state));
  };
  WEIR_RETURN_IF_ERROR(store.backing->scan({}, emit_stored));
  while (next != dirty.end()) WEIR_RETURN_IF_ERROR(emit_dirty());
  return ok();
}

}  // namespace weir::state
