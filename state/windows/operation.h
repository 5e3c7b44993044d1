#pragma once
// One operation on one entity: its pages, looked up once. The first error sticks: readers see an
// empty page from then on, loops end, and the operation reports it; its caller rolls back.

#include <algorithm>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "state/windows/head_page.h"
#include "state/windows/page_store.h"

namespace weir::state {

/// For searches: by value, as a reference to a member of a packed element may be misaligned.
inline constexpr auto kTimeOf = [](const auto& element) -> std::int64_t { return element.time_ms; };

/// A page of fixed-size elements.
template <class T>
std::span<const T> elements(const std::string* page) {
  if (page == nullptr) return {};
  return {reinterpret_cast<const T*>(page->data()), page->size() / sizeof(T)};
}
template <class T>
void insert_element(std::string& page, std::size_t at, const T& element) {
  if (at * sizeof(T) > page.size()) return;  // of a failed operation
  page.insert(at * sizeof(T), reinterpret_cast<const char*>(&element), sizeof(T));
}
template <class T>
void erase_elements(std::string& page, std::size_t from, std::size_t to) {
  if (to * sizeof(T) > page.size()) return;  // of a failed operation
  page.erase(from * sizeof(T), (to - from) * sizeof(T));
}

class Operation {
 public:
  Operation(const WindowPlan& window_plan, PageStore& pages, std::string_view entity)
      : plan(window_plan), pages_(pages), entity_(entity) {}
  ~Operation() { pages_.end_operation(); }
  Operation(const Operation&) = delete;
  Operation& operator=(const Operation&) = delete;

  const std::string* read(PageId id) {
    if (!status_) return nullptr;
    auto page = pages_.read(entity_, id);
    if (page) return *page;
    status_ = page.error();
    return nullptr;
  }
  std::string& write(PageId id) {
    if (status_) {
      auto page = pages_.write(entity_, id);
      if (page) return **page;
      status_ = page.error();
    }
    // Each its own: the head of the operation may be one of them.
    return scratch_.emplace_back();
  }
  void erase(PageId id) {
    if (status_) status_ = pages_.erase(entity_, id);
    std::erase_if(row_pages_, [&](const RowPage& page) {
      return id.kind == PageKind::kRows && page.number == id.number;
    });
  }
  void prefetch(PageId id, std::size_t offset, std::size_t bytes) {
    if (status_) pages_.prefetch(entity_, id, offset, bytes);
  }
  void prefetch_row(Finger at) {
    prefetch({PageKind::kRows, 0, at.page}, at.index * sizeof(EventRow), sizeof(EventRow));
  }
  void fail(std::string message) {
    if (status_) status_ = fatal(std::move(message));
  }

  /// The rows of one page; pages are remembered for the length of the operation, in order of their
  /// numbers: a scan of a hot key meets thousands.
  std::span<const EventRow> rows(std::uint32_t number) {
    const auto at = place_of(number);
    if (at != row_pages_.end() && at->number == number) return elements<EventRow>(at->bytes);
    const std::string* bytes = read({PageKind::kRows, 0, number});
    row_pages_.insert(at, {number, bytes});
    return elements<EventRow>(bytes);
  }
  std::string& write_rows(std::uint32_t number) {
    std::string& bytes = write({PageKind::kRows, 0, number});
    const auto at = place_of(number);
    if (at != row_pages_.end() && at->number == number) {
      at->bytes = &bytes;
    } else {
      row_pages_.insert(at, {number, &bytes});
    }
    return bytes;
  }

  /// The first row behind the finger; moves the finger over page ends. nullptr: at the end.
  const EventRow* peek(Finger& finger) {
    const HeadFixed& fixed = head.fixed();
    while (fixed.rows > 0) {
      const auto page = rows(finger.page);
      if (finger.index < page.size()) return &page[finger.index];
      if (finger.page >= fixed.last_page) return nullptr;
      finger = {finger.page + 1, 0};
    }
    return nullptr;
  }

  [[nodiscard]] const Status& status() const { return status_; }

  /// Rows that left the pages; the labelled list may still hold them.
  std::vector<EventRow> dropped;

  const WindowPlan& plan;
  HeadPage head;

 private:
  struct RowPage {
    std::uint32_t number;
    const std::string* bytes;
  };
  std::vector<RowPage>::iterator place_of(std::uint32_t number) {
    return std::ranges::lower_bound(row_pages_, number, {}, &RowPage::number);
  }
  PageStore& pages_;
  std::string_view entity_;
  Status status_ = ok();
  std::vector<RowPage> row_pages_;
  std::deque<std::string> scratch_;  // empty pages in place of those that could not be had
};

}  // namespace weir::state
