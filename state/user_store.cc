#include "state/user_store.h"

#include <algorithm>
#include <utility>

#include "state/user_store_impl.h"

namespace weir::state {
namespace {

constexpr std::size_t kHistoryRowsMax = 128;
constexpr std::size_t kVerdictsMax = 120;
constexpr std::size_t kUndoKept = 4'096;

Status validate(const RetentionPolicy& policy) {
  const auto out_of_range = [](std::string_view what, auto value, std::string_view range) {
    return fatal("state: " + std::string(what) + " must be " + std::string(range) + ": " +
                 std::to_string(value));
  };
  if (policy.history_rows < 1 || policy.history_rows > kHistoryRowsMax) {
    return out_of_range("rows of history per user", policy.history_rows, "1..128");
  }
  if (policy.verdicts_max < 1 || policy.verdicts_max > kVerdictsMax) {
    return out_of_range("verdicts remembered per user", policy.verdicts_max, "1..120");
  }
  if (policy.verdict_horizon_ms < 1) {
    return out_of_range("dedupe horizon in ms", policy.verdict_horizon_ms, "positive");
  }
  return ok();
}

std::string describe(const StoreIdentity& identity) {
  return "cluster " + identity.cluster_id + ", changelog " + identity.changelog_topic +
         ", partition " + std::to_string(identity.partition);
}

bool belongs(const StoreIdentity& found, const StoreIdentity& wanted) {
  if (wanted.cluster_id.empty()) {  // a tool that has no broker to ask
    return found.changelog_topic == wanted.changelog_topic && found.partition == wanted.partition;
  }
  return found == wanted;
}

Result<bool> has_any_key(KeyValueStore& backing) {
  bool any = false;
  const Error stop = retry("stop");
  const Status scanned = backing.scan({}, [&](std::string_view, std::string_view) -> Status {
    any = true;
    return stop;
  });
  if (!scanned && !any) return scanned.error();
  return any;
}

}  // namespace

// -- opening

Result<std::unique_ptr<UserStore>> UserStore::open(std::unique_ptr<KeyValueStore> backing,
                                                   const UserStoreOptions& options) {
  WEIR_RETURN_IF_ERROR(validate(options.retention));
  std::string bytes;
  const auto found = backing->get(kMetaKey, bytes);
  if (!found) return found.error();
  StoreMeta meta;
  if (*found) {
    auto decoded = decode_meta(bytes);
    if (!decoded) return decoded.error();
    meta = std::move(*decoded);
    if (!options.any_identity && !belongs(meta.identity, options.identity)) {
      return fatal("state: store belongs to " + describe(meta.identity) + "; configured is " +
                   describe(options.identity) + "; the store is rebuilt from the changelog");
    }
  } else {
    const auto any = has_any_key(*backing);
    if (!any) return any.error();
    if (*any)
      return fatal("state: damaged store: no meta; the store is rebuilt from the changelog");
    meta.identity = options.identity;
  }
  const bool empty = !*found;
  return std::unique_ptr<UserStore>(
      new UserStore(std::make_unique<Impl>(std::move(backing), options, std::move(meta), empty)));
}

UserStore::UserStore(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
UserStore::~UserStore() = default;

// -- reading and staging

Result<HotUser*> UserStore::Impl::load(std::string_view user_id) {
  if (HotUser* user = hot.find(user_id)) return user;
  ++lookups.misses;
  std::string state;
  if (!backing_empty) {
    const auto found = backing->get(user_key(user_id), read_buffer);
    if (!found) return found.error();
    if (*found) {
      WEIR_RETURN_IF_ERROR(validate_user_state(read_buffer));
      state = normalise(read_buffer, options.retention);  // the policy may have been changed
    }
  }
  HotUser& user = hot.insert(user_id, std::move(state));
  hot.evict_to_budget(&user);
  return &user;
}

Result<UserView> UserStore::get(std::string_view user_id) {
  const std::uint64_t misses = impl_->lookups.misses;
  auto user = impl_->load(user_id);
  if (!user) return user.error();
  if (impl_->lookups.misses == misses)
    ++impl_->lookups.hits;  // add() of the same payment is no second hit
  return UserView((*user)->state);
}

Status UserStore::add(std::string_view user_id, Entry entry, const Lineage& lineage,
                      std::int64_t input_offset, std::vector<WindowChange> window_changes) {
  Impl& store = *impl_;
  auto loaded = store.load(user_id);
  if (!loaded) return loaded.error();
  HotUser& user = **loaded;

  if (entry.verdict) entry.verdict->lineage = store.stage_lineage(lineage);
  entry.slot = lowest_free_slot(user.state);
  KeyValue change = encode_entry_record(user_id, input_offset, store.point.sequence + 1, entry);
  const auto record = parse_entry_record(change.key, change.value);
  WEIR_CHECK(record);
  std::string state = insert_entry(user.state, record->entry, store.options.retention);

  if (!user.state_staged) {
    store.hot.pin(user);
    user.state_staged = true;
    user.undo = static_cast<std::uint32_t>(store.undo.size());
    store.staged_bytes += user.state.size();
    store.undo.push_back({&user, std::move(user.state)});
  }
  user.state = std::move(state);
  store.hot.recharge(user);
  if (store.hot.over_budget()) store.hot.evict_to_budget(&user);

  ++store.writes;
  store.hash = chain_hash(store.hash, change.key, change.value);
  store.staged_bytes += change.key.size() + change.value.size();
  store.changes.push_back(std::move(change));
  for (WindowChange& window_change : window_changes) {
    store.log(std::move(window_change), WindowCause::kEntry, input_offset);
  }
  return ok();
}

void UserStore::log(std::vector<WindowChange> changes, WindowCause cause,
                    std::int64_t input_offset) {
  for (WindowChange& change : changes) impl_->log(std::move(change), cause, input_offset);
}

void UserStore::Impl::log(WindowChange window_change, WindowCause cause,
                          std::int64_t input_offset) {
  KeyValue change =
      encode_window_record(std::move(window_change), cause, input_offset, point.sequence + 1);
  staged_bytes += change.key.size() + change.value.size();
  if (change.tombstone) {
    // says nothing that a restore could miss
  } else if (cause == WindowCause::kLabel) {
    ++label_writes;
  } else {
    ++writes;
    hash = chain_hash(hash, change.key, change.value);
  }
  changes.push_back(std::move(change));
}

EntityWindows* UserStore::windows(EntityKind kind) {
  auto& found = impl_->windows[static_cast<std::size_t>(kind)];
  return found ? &*found : nullptr;
}

Status UserStore::window_rows(std::string_view user_id,
                              const std::function<void(const EventRow&)>& sink) {
  EntityWindows* windows = impl_->windows_of(user_id);
  return windows != nullptr ? windows->rows(user_id, sink) : ok();
}

std::vector<WindowChange> UserStore::take_window_changes() {
  return impl_->pages.take_changes();
}

std::uint64_t UserStore::Impl::stage_lineage(const Lineage& lineage) {
  if (lineage_last != nullptr && *lineage_last == lineage) return lineage_last_id;
  const std::uint64_t id = lineage_id(lineage);
  const auto [place, is_new] = lineages.try_emplace(id, lineage);
  if (is_new) {
    staged_lineages.push_back(id);
    KeyValue change = encode(LineageRecord{id, lineage});
    staged_bytes += change.key.size() + change.value.size();
    changes.push_back(std::move(change));
  }
  lineage_last = &place->second;
  lineage_last_id = id;
  return id;
}

const Lineage* UserStore::lineage(std::uint64_t id) const {
  const auto found = impl_->lineages.find(id);
  return found == impl_->lineages.end() ? nullptr : &found->second;
}

// -- commit protocol

std::vector<KeyValue> UserStore::take_changes() {
  return std::exchange(impl_->changes, {});
}

KeyValue UserStore::make_commit_record(std::int64_t next_offset, std::int64_t next_label) {
  Impl& store = *impl_;
  store.pending = CommitRecord{
      next_offset,        store.point.sequence + 1,  store.writes, store.hash, next_label,
      store.label_writes, store.point.erasures.count};
  return encode(*store.pending);
}

bool UserStore::has_staged() const {
  return !impl_->undo.empty() || !impl_->page_undo.empty() || impl_->pending.has_value();
}

std::size_t UserStore::staged_bytes() const {
  return impl_->staged_bytes;
}

void UserStore::commit(std::int64_t position) {
  Impl& store = *impl_;
  WEIR_CHECK(store.pending.has_value());
  WEIR_CHECK(store.changes.empty());  // what was never sent cannot be durable
  WEIR_CHECK(position >= store.point.position);
  for (const Impl::Undo& undo : store.undo) {
    undo.user->state_staged = false;
    store.hot.make_dirty(*undo.user, store.ordinal + 1);
    store.hot.unpin(*undo.user);
  }
  for (const Impl::PageUndo& undo : store.page_undo) {
    HotPage& page = undo.user->pages.at(undo.page);
    page.staged = false;
    page.dirty = true;
    store.hot.make_dirty(*undo.user, store.ordinal + 1);
    if (undo.user->staged) store.hot.unpin(*undo.user);
  }
  for (const Impl::PageUndo& undo : store.page_undo) store.hot.trim_pages(*undo.user);
  const CommitPoint next{position, store.pending->sequence, store.pending, store.point.erasures};
  store.end_commit(next, !store.undo.empty() || !store.page_undo.empty());
  store.forget_transaction();
}

void UserStore::rollback() {
  Impl& store = *impl_;
  for (Impl::PageUndo& undo : store.page_undo) {
    HotPage& page = undo.user->pages.at(undo.page);
    page.bytes = std::move(undo.committed);
    page.exists = undo.existed;
    page.staged = false;
  }
  for (Impl::Undo& undo : store.undo) {
    undo.user->state = std::move(undo.committed);
    undo.user->state_staged = false;
  }
  const auto release = [&](HotUser& user) {
    if (!user.staged) return;  // has been
    store.hot.recharge_pages(user);
    store.hot.unpin(user);
  };
  for (const Impl::Undo& undo : store.undo) release(*undo.user);
  for (const Impl::PageUndo& undo : store.page_undo) release(*undo.user);
  // Users who are now as if never seen; each once, and only after the last look at it.
  std::vector<HotUser*> unseen;
  for (const Impl::Undo& undo : store.undo) unseen.push_back(undo.user);
  for (const Impl::PageUndo& undo : store.page_undo) unseen.push_back(undo.user);
  std::ranges::sort(unseen);
  unseen.erase(std::unique(unseen.begin(), unseen.end()), unseen.end());
  for (HotUser* user : unseen) {
    const bool any_page =
        std::ranges::any_of(user->pages, [](const auto& page) { return page.second.exists; });
    if (user->state.empty() && !any_page && !user->dirty) store.hot.erase(*user);
  }
  for (const std::uint64_t id : store.staged_lineages) store.lineages.erase(id);
  store.lineage_last = nullptr;
  (void)store.pages.take_changes();
  store.forget_transaction();
}

void UserStore::Impl::forget_transaction() {
  undo.clear();
  page_undo.clear();
  // The memory of one large transaction is not kept for ever.
  if (page_undo.capacity() > kUndoKept) page_undo.shrink_to_fit();
  if (undo.capacity() > kUndoKept) undo.shrink_to_fit();
  changes.clear();
  staged_lineages.clear();
  pending.reset();
  staged_bytes = 0;
  writes = 0;
  label_writes = 0;
  hash = 0;
}

void UserStore::Impl::end_commit(const CommitPoint& next, bool any_dirty) {
  ++ordinal;
  if (any_dirty) old_points.push_back({ordinal, point});
  point = next;
}

std::optional<CommitRecord> UserStore::last_commit() const {
  return impl_->point.last;
}

// -- figures and tools

std::size_t UserStore::hot_bytes() const {
  return impl_->hot.bytes();
}
std::size_t UserStore::hot_users() const {
  return impl_->hot.size();
}
std::size_t UserStore::dirty_bytes() const {
  return impl_->hot.dirty_bytes();
}
std::uint64_t UserStore::disk_bytes() const {
  return impl_->backing->disk_bytes();
}
UserStore::Lookups UserStore::take_lookups() {
  return std::exchange(impl_->lookups, {});
}

void UserStore::set_hot_bytes(std::size_t budget) {
  impl_->hot.set_budget(budget);
  impl_->hot.evict_to_budget(nullptr);
}

}  // namespace weir::state
