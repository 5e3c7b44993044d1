#pragma once
// The inside of UserStore, shared by its three parts: user_store.cc (reading, staging, commit),
// user_store_restore.cc (changelog to state) and user_store_backing.cc (state to backing store).

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "state/hot_set.h"
#include "state/restore_buffer.h"
#include "state/store_meta.h"
#include "state/user_edit.h"
#include "state/user_pages.h"
#include "state/user_store.h"

namespace weir::state {

/// One batch of a checkpoint or of making room: large enough to be cheap, small enough not to
/// stall.
inline constexpr std::size_t kWriteBackChunkBytes = std::size_t{4} << 20;

struct UserStore::Impl {
  struct Undo {
    HotUser* user;
    std::string committed;  // bytes before the transaction; empty: never seen
  };
  struct PageUndo {
    HotUser* user;
    std::uint64_t page;
    std::string committed;
    bool existed;
  };
  /// Where replay has to start as long as changes of commit `ordinal` are only in memory.
  struct OldPoint {
    std::uint64_t ordinal;
    CommitPoint before;
  };

  Impl(std::unique_ptr<KeyValueStore> store, const UserStoreOptions& opts, StoreMeta found,
       bool empty)
      : backing(std::move(store)),
        options(opts),
        hot(opts.hot_bytes),
        identity(std::move(found.identity)),
        lineages(std::move(found.lineages)),
        point(found.point),
        stored_point(found.point),
        backing_empty(empty),
        from_nothing(empty),
        waiting(found.point),
        pages(*this) {
    for (std::size_t kind = 0; kind < kEntityKinds; ++kind) {
      const auto& plan = options.windows.by_kind[kind];
      if (plan) windows[kind].emplace(*plan, pages, &pages);
    }
  }

  Result<HotUser*> load(std::string_view user_id);
  std::uint64_t stage_lineage(const Lineage& lineage);
  [[nodiscard]] std::string_view committed_state(const HotUser& user) const;

  void end_commit(const CommitPoint& next, bool any_dirty);
  [[nodiscard]] CommitPoint point_before(const HotUser* oldest_dirty);
  Result<std::size_t> write_dirty(std::size_t bytes_max, std::uint64_t min_age_commits);
  [[nodiscard]] std::string meta_at(const CommitPoint& at) const;

  void log(WindowChange change, WindowCause cause, std::int64_t input_offset);

  Status restore_entry(std::string_view key, std::string_view value, std::int64_t offset);
  Status restore_window(std::string_view key, std::string_view value, std::int64_t offset);
  Status hold_record(std::string_view key, std::string_view value,
                     const RestoreBuffer::Held& record, std::uint64_t commit_sequence,
                     std::int64_t offset);
  Status apply_entry(const RestoreBuffer::Held& record);
  Status apply_window(const RestoreBuffer::Held& record);
  Status apply_erasure(std::string_view user_id);
  Status restore_commit(const CommitRecord& record, std::int64_t offset);
  Status release_waiting(CommitPoint next, std::int64_t next_payment);
  Status make_room();

  std::unique_ptr<KeyValueStore> backing;
  const UserStoreOptions options;
  HotSet hot;
  StoreIdentity identity;
  std::map<std::uint64_t, Lineage> lineages;  // staged ones included

  // The running transaction.
  std::vector<Undo> undo;
  std::vector<PageUndo> page_undo;
  std::vector<KeyValue> changes;  // not yet taken
  std::vector<std::uint64_t> staged_lineages;
  std::optional<CommitRecord> pending;
  std::size_t staged_bytes = 0;
  std::uint32_t writes = 0;
  std::uint32_t label_writes = 0;
  std::uint64_t hash = 0;
  void forget_transaction();

  // What is committed, and how far the backing store has followed.
  CommitPoint point;
  std::uint64_t ordinal = 0;  // commits since open(), restored ones included
  std::deque<OldPoint> old_points;
  CommitPoint stored_point;
  std::uint64_t stored_ordinal = 0;
  bool backing_empty;
  const bool from_nothing;  // as it was opened

  RestoreBuffer waiting;

  UserPages pages;
  std::array<std::optional<EntityWindows>, kEntityKinds> windows;  // where features are declared
  EntityWindows* windows_of(std::string_view owner) {
    auto& found = windows[static_cast<std::size_t>(options.kind_of(owner))];
    return found ? &*found : nullptr;
  }

  const Lineage* lineage_last = nullptr;  // the one seen last is nearly always the next one, too
  std::uint64_t lineage_last_id = 0;
  std::string read_buffer;
  Lookups lookups;
};

}  // namespace weir::state
