#pragma once
// Users in memory, with an honest account of the bytes they cost.
//
// A user is in one of three places: `clean` (equal to the backing store: may be evicted any time),
// `dirty` (committed changes that are only in memory, in order of their first one), or neither
// (staged changes on a clean user: they belong to the running transaction and stay until it ends).
// Eviction is second chance over the clean ones: a hit sets one bit.

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

namespace weir::state {

/// A page of the user's windows (state/windows/page_store.h).
struct HotPage {
  std::string bytes;    // staged changes included
  bool exists = true;   // false: known not to exist
  bool dirty = false;   // committed changes are only in memory
  bool staged = false;  // changed by the running transaction
  bool referenced = true;
  std::uint32_t undo = 0;  // place in the transaction's list of pages, while staged
};

struct HotUser {
  std::string_view id;        // the key in the table
  std::string state;          // encoded, staged changes included; empty: never seen
  HotUser* before = nullptr;  // in `clean` or `dirty`
  HotUser* after = nullptr;
  std::uint64_t dirty_since = 0;  // ordinal of the first commit that is only in memory
  std::size_t charged_bytes = 0;
  std::map<std::uint64_t, HotPage> pages;  // those at hand, by packed id
  std::size_t pages_bytes = 0;             // what they cost
  std::uint32_t undo = 0;                  // place in the transaction's undo list
  bool state_staged = false;               // `undo` counts
  bool staged = false;                     // state or pages are
  bool dirty = false;
  bool erased = false;  // the backing store may hold a state that it is to forget
  bool referenced = false;
};

/// Doubly linked through the users themselves: no allocation, removal in place.
class UserList {
 public:
  void push_back(HotUser& user);
  void remove(HotUser& user);
  [[nodiscard]] HotUser* front() const { return front_; }
  [[nodiscard]] bool empty() const { return front_ == nullptr; }
  [[nodiscard]] std::size_t size() const { return size_; }

 private:
  HotUser* front_ = nullptr;
  HotUser* back_ = nullptr;
  std::size_t size_ = 0;
};

class HotSet {
 public:
  /// Buckets for what fits the budget are made at once: a table that grows stops the world for
  /// milliseconds.
  explicit HotSet(std::size_t budget_bytes);

  [[nodiscard]] HotUser* find(std::string_view id);
  /// A clean user; `id` must not be there yet.
  HotUser& insert(std::string_view id, std::string state);
  void erase(HotUser& user);
  /// To be called after every change of `state` or `dirty`.
  void recharge(HotUser& user);
  /// The same after changes of pages.
  void recharge_pages(HotUser& user);
  /// Lets go of clean pages that nobody asked for lately, where a user holds many.
  void trim_pages(HotUser& user);

  void make_dirty(HotUser& user, std::uint64_t since);  // no effect when it is already
  void make_clean(HotUser& user);  // of a dirty one; a staged one goes to neither place
  void pin(HotUser& user);         // staged from now on
  void unpin(HotUser& user);

  /// Evicts clean users other than `keep` until the budget holds or none is left.
  void evict_to_budget(const HotUser* keep);

  [[nodiscard]] const UserList& dirty() const { return dirty_; }
  [[nodiscard]] bool over_budget() const { return bytes_ > budget_bytes_; }
  /// Still over it when `bytes` more were gone.
  [[nodiscard]] bool over_budget_by(std::size_t bytes) const {
    return bytes_ > budget_bytes_ && bytes_ - budget_bytes_ > bytes;
  }
  [[nodiscard]] std::size_t bytes() const { return bytes_; }
  [[nodiscard]] std::size_t dirty_bytes() const { return dirty_bytes_; }
  [[nodiscard]] std::size_t size() const { return users_.size(); }
  void set_budget(std::size_t bytes) { budget_bytes_ = bytes; }

 private:
  struct Hash {
    using is_transparent = void;
    // Not noexcept on purpose: libstdc++ then keeps the hash in the node instead of computing it
    // again.
    std::size_t operator()(std::string_view id) const;
  };
  std::unordered_map<std::string, HotUser, Hash, std::equal_to<>> users_;
  UserList clean_;
  UserList dirty_;
  std::size_t budget_bytes_;
  std::size_t bytes_ = 0;
  std::size_t dirty_bytes_ = 0;
};

}  // namespace weir::state
