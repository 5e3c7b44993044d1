#pragma once
// The pages of users' windows inside a UserStore: the windows' PageStore and journal. A user's
// pages come and go with the user: one place in the order of write-back, one atomic batch, so that
// what the backing store has of a user is always of one moment.

#include <cstdint>
#include <string>
#include <vector>

#include "pipeline/core/key_value_store.h"
#include "state/hot_set.h"
#include "state/user_store.h"
#include "state/windows/entity_windows.h"
#include "state/windows/page_store.h"

namespace weir::state {

class UserPages final : public PageStore, public WindowJournal {
 public:
  static constexpr char kPrefix = 'w';  // of their keys in the backing store

  explicit UserPages(UserStore::Impl& store) : store_(store) {}

  Result<const std::string*> read(std::string_view user_id, PageId id) override;
  Result<std::string*> write(std::string_view user_id, PageId id) override;
  Status erase(std::string_view user_id, PageId id) override;
  void end_operation() override;

  void row_put(std::string_view user_id, const EventRow& row) override;
  void row_dropped(std::string_view user_id, std::uint32_t sequence) override;
  void label_waits(std::string_view user_id, const LabelOpinion& opinion) override;
  void label_taken(std::string_view user_id, std::uint64_t transaction) override;
  std::vector<WindowChange> take_changes();

  /// Between these two what is written is committed state of this commit: nothing is staged,
  /// nothing is logged.
  void begin_restore(std::uint64_t ordinal) { restored_ordinal_ = ordinal; }
  void end_restore() { restored_ordinal_ = 0; }

  /// Every page of the user is gone, those in the backing store as well. During a restore.
  Status forget(HotUser& user);
  /// Behind the last key of an owner's pages in the backing store.
  static std::string end_of_pages(std::string_view owner);

  /// Adds the committed bytes of the user's dirty pages to a batch; returns how many.
  std::size_t write_dirty(const HotUser& user, std::vector<KeyValueStore::Write>& batch) const;

 private:
  Result<HotPage*> load(std::string_view user_id, PageId id);
  Result<HotPage*> stage(std::string_view user_id, PageId id);

  UserStore::Impl& store_;
  HotUser* user_ = nullptr;  // of the running operation
  bool changed_ = false;
  std::uint64_t restored_ordinal_ = 0;  // 0: no restore
  std::vector<WindowChange> changes_;
};

}  // namespace weir::state
