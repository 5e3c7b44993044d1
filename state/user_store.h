#pragma once
// The state of one input partition: hot users in memory under a byte budget, a KeyValueStore behind
// them, the changelog as write-ahead log.
//
// Transactions: writes are staged. get() sees staged writes; commit() makes them part of the
// committed state, rollback() forgets them as if they had never been. Only committed state ever
// reaches the backing store.
//
// Backing store: a fuzzy checkpoint. Users changed since they were last written stay in memory
// ("dirty") in order of their first change; write_back() writes some of the oldest in one atomic
// batch together with meta, whose `changelog_position` is the position before the oldest change
// that is still only in memory. The store may be ahead of that position for some users; entries are
// idempotent (user_state.h), so replaying the tail converges. A clean user can be evicted any time;
// a dirty one only after it was written.
//
// Threads: one worker thread owns a store and everything in it.

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pipeline/core/error.h"
#include "pipeline/core/key_value_store.h"
#include "state/changelog.h"
#include "state/user_state.h"

namespace weir::state {

struct StoreIdentity {     // a store that belongs to something else is refused
  std::string cluster_id;  // Kafka cluster
  std::string changelog_topic;
  std::int32_t partition = 0;
  friend bool operator==(const StoreIdentity&, const StoreIdentity&) = default;
};

/// Compiled features by the kind of entity they are over; null where there are none.
struct WindowPlans {
  WindowPlans() = default;
  /// Over users only.
  // NOLINTNEXTLINE(google-explicit-constructor): the plans of a store of users
  WindowPlans(std::shared_ptr<const WindowPlan> users) { of(EntityKind::kUser) = std::move(users); }
  std::shared_ptr<const WindowPlan>& of(EntityKind kind) {
    return by_kind[static_cast<std::size_t>(kind)];
  }
  std::array<std::shared_ptr<const WindowPlan>, kEntityKinds> by_kind;
};

struct UserStoreOptions {
  StoreIdentity identity;
  bool any_identity = false;  // tools that only look take a store as it is
  RetentionPolicy retention;
  std::size_t hot_bytes =
      128U << 20;  // budget of the hot set, dirty users included; keys and overhead counted
  WindowPlans windows;
  /// Of which kind the owner of this key is. A store of users holds nothing else.
  EntityKind (*kind_of)(std::string_view owner) = [](std::string_view) {
    return EntityKind::kUser;
  };
};

class UserStore {
 public:
  /// Reads meta. Error kFatal with a clear message when the store is damaged, of another format
  /// version, or foreign: the caller then wipes it and restores from the changelog.
  static Result<std::unique_ptr<UserStore>> open(std::unique_ptr<KeyValueStore> backing,
                                                 const UserStoreOptions& options);
  ~UserStore();

  // -- reading and staging (event path)
  /// The user's state, staged writes included. The view lives until the next call on this store.
  Result<UserView> get(std::string_view user_id);
  /// Adds what one payment leaves behind; remembers the changelog record for take_changes().
  /// `window_changes` are those of the same payment (take_window_changes()): they are logged behind
  /// it.
  Status add(std::string_view user_id, Entry entry, const Lineage& lineage,
             std::int64_t input_offset, std::vector<WindowChange> window_changes = {});
  /// The windows of this store's users (or entities of this kind), staged, committed and rolled
  /// back with everything else; nullptr where none are declared.
  EntityWindows* windows(EntityKind kind = EntityKind::kUser);
  /// What was changed through windows() since the last call: to be handed to add() or log().
  std::vector<WindowChange> take_window_changes();
  /// Logs changes of windows that no entry goes with. For `cause` and `input_offset` see
  /// WindowCause.
  void log(std::vector<WindowChange> changes, WindowCause cause, std::int64_t input_offset);
  /// The lineage of a remembered verdict; nullptr if unknown.
  [[nodiscard]] const Lineage* lineage(std::uint64_t id) const;

  // -- commit protocol (worker)
  /// Changelog records staged since the last call, in order: to be sent in the same transaction.
  std::vector<KeyValue> take_changes();
  /// The commit record that ends this transaction's changelog records.
  /// `next_label`: in topic labels; -1 where it is not read.
  KeyValue make_commit_record(std::int64_t next_offset, std::int64_t next_label = -1);
  [[nodiscard]] bool has_staged() const;
  [[nodiscard]] std::size_t staged_bytes() const;
  /// The transaction is durable: staged writes become committed state. `position` is the changelog
  /// position behind the commit record. Does no I/O.
  void commit(std::int64_t position);
  void rollback();

  // -- restore
  /// Where the changelog must be read from; 0 for an empty store.
  [[nodiscard]] std::int64_t restore_from() const;
  /// Applies one changelog record. Entry and window records wait until the commit record that
  /// covers their input offset; records no commit record covers are dropped at finish_restore()
  /// (at_least_once leaves such behind after a crash; a repeated record for the same input offset
  /// replaces the waiting one). Count and hash are verified where nothing of that commit was
  /// compacted away or replaced. What labels did: restore_buffer.h.
  Status restore(std::string_view key, std::string_view value, std::int64_t offset);
  /// The tail is read up to `position`. Normalises what was touched.
  Status finish_restore(std::int64_t position);
  /// The last commit record known; nullopt when there was none.
  [[nodiscard]] std::optional<CommitRecord> last_commit() const;

  // -- backing store
  /// Writes dirty users, oldest change first, up to `bytes_max` (at least one if any is due). A
  /// user is due when its first change is `min_age` commits old or more, or the hot set is over
  /// budget. Returns bytes written.
  Result<std::size_t> write_back(std::size_t bytes_max, std::uint64_t min_age_commits);
  /// Everything committed is in the backing store and flushed to disk: clean shutdown, revoke.
  Status checkpoint();
  /// Begins to make what was written back survive a crash and visible to other processes; does not
  /// wait.
  Status start_flush();

  // -- figures and tools
  [[nodiscard]] std::size_t hot_bytes() const;
  [[nodiscard]] std::size_t hot_users() const;
  [[nodiscard]] std::size_t dirty_bytes() const;
  [[nodiscard]] std::uint64_t disk_bytes() const;
  void set_hot_bytes(std::size_t budget);
  struct Lookups {
    std::uint64_t hits = 0;    // users at hand
    std::uint64_t misses = 0;  // looked for in the backing store
  };
  /// Since the last call: a counter that sums them up outlives the store.
  Lookups take_lookups();
  /// Owners of windows behind `after` in key order, at most `max` of them: those written to the
  /// backing store so far.
  Result<std::vector<std::string>> window_owners(std::string_view after, std::size_t max);
  /// Rows of a user's windows, oldest first; none without windows.
  Status window_rows(std::string_view user_id, const std::function<void(const EventRow&)>& sink);
  /// Every user in key order, committed state only: `weir state dump` and tests.
  Status scan(const std::function<Status(std::string_view user_id, UserView)>& sink);

 private:
  friend class UserPages;
  struct Impl;
  explicit UserStore(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

/// In-memory KeyValueStore with the same contract: tests and replay.
std::unique_ptr<KeyValueStore> make_memory_store();

/// RocksDB at `directory` (created when missing), WAL off. kFatal with a message when it cannot be
/// opened because it is damaged; kRetry when another process or worker holds it.
Result<std::unique_ptr<KeyValueStore>> open_rocksdb_store(const std::string& directory,
                                                          bool read_only = false);
/// Removes a store that must not be trusted.
Status wipe_store(const std::string& directory);

}  // namespace weir::state
