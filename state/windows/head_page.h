#pragma once
// The head page of an entity: everything the next event needs that is not a row. Fixed layout, made
// of arrays whose lengths the plan gives; its bytes are the state format.

#include <cstdint>
#include <span>
#include <string>

#include "state/windows/event_row.h"
#include "state/windows/window_plan.h"

namespace weir::state {

/// Sums are exact: no payment stream fills 128 bits.
__extension__ using Int128 = __int128;

inline constexpr std::uint8_t kHeadVersion = 2;
/// Before every time; far enough from the end of the type to be calculated with.
inline constexpr std::int64_t kNoTime = -(std::int64_t{1} << 60);

#pragma pack(push, 1)
/// Points at the first row that has not been passed.
struct Finger {
  std::uint32_t page = 0;
  std::uint32_t index = 0;
};

struct HeadFixed {
  std::uint8_t version = kHeadVersion;
  std::uint64_t plan_digest = 0;
  std::int64_t frontier_ms = kNoTime;  // newest time of any event or evaluation
  std::uint32_t next_sequence = 0;
  std::uint32_t first_page = 0;  // pages of rows: first_page..last_page, none when rows is 0
  std::uint32_t last_page = 0;
  std::uint32_t rows = 0;
  std::int64_t newest_row_ms = kNoTime;
  std::int64_t first_page_newest_ms = kNoTime;  // time of the last row of first_page
  std::uint32_t waiting_labels = 0;
  std::uint64_t first_user = 0;  // of the first row ever kept
  std::uint8_t linked = 0;       // 1: a row of another user was kept since
  std::uint8_t fraud = 0;        // 1: a row was labelled as fraud
  // What lies on pages of its own, so that other declarations can clear it away: the heads of the
  // tables come first behind this.
  std::uint16_t tables = 0;
  std::uint16_t extremes = 0;
};

struct LaneHead {
  Finger head;
  std::uint8_t has_last = 0;
  EventRow last;  // newest event of the lane; kept where the plan needs it
};

struct WindowHead {
  Finger tail;
  std::int64_t count = 0;
};

struct MeasureHead {
  Int128 sum = 0;
  Int128 squares = 0;
};

struct TableHead {  // linear hashing: buckets are 2^level + split
  std::uint32_t level = 0;
  std::uint32_t split = 0;
  std::uint32_t entries = 0;
};
#pragma pack(pop)

/// Typed view of a head page. Valid as long as the bytes stay where they are.
class HeadPage {
 public:
  HeadPage() = default;
  HeadPage(const WindowPlan& plan, char* bytes) {
    fixed_ = reinterpret_cast<HeadFixed*>(bytes);
    bytes += sizeof(HeadFixed);
    tables_ = take<TableHead>(bytes, plan.distincts.size());
    lanes_ = take<LaneHead>(bytes, plan.lanes.size());
    windows_ = take<WindowHead>(bytes, plan.windows.size());
    measures_ = take<MeasureHead>(bytes, plan.measures.size());
    distinct_counts_ = take<Count>(bytes, plan.distinct_counts.size());
  }
  [[nodiscard]] static std::size_t bytes(const WindowPlan& plan) {
    return sizeof(HeadFixed) + plan.lanes.size() * sizeof(LaneHead) +
           plan.windows.size() * sizeof(WindowHead) + plan.measures.size() * sizeof(MeasureHead) +
           plan.distincts.size() * sizeof(TableHead) + plan.distinct_counts.size() * sizeof(Count);
  }

#pragma pack(push, 1)
  struct Count {
    std::int64_t value = 0;
  };
#pragma pack(pop)

  HeadFixed& fixed() {
    return *fixed_;
  }
  LaneHead& lane(std::size_t i) {
    return lanes_[i];
  }
  WindowHead& window(std::size_t i) {
    return windows_[i];
  }
  MeasureHead& measure(std::size_t i) {
    return measures_[i];
  }
  TableHead& table(std::size_t i) {
    return tables_[i];
  }
  std::int64_t distinct_count(std::size_t i) const {
    return distinct_counts_[i].value;
  }
  void add_distinct(std::size_t i, std::int64_t change) {
    distinct_counts_[i].value += change;
  }

  /// All aggregates and fingers as for an entity without rows; what `fixed` says stays.
  void clear(const WindowPlan& plan) {
    fixed_->tables = static_cast<std::uint16_t>(plan.distincts.size());
    fixed_->extremes = static_cast<std::uint16_t>(plan.extremes.size());
    fill(lanes_, plan.lanes.size());
    fill(windows_, plan.windows.size());
    fill(measures_, plan.measures.size());
    fill(tables_, plan.distincts.size());
    fill(distinct_counts_, plan.distinct_counts.size());
  }

 private:
  template <class T>
  static T* take(char*& bytes, std::size_t count) {
    auto* at = reinterpret_cast<T*>(bytes);
    bytes += count * sizeof(T);
    return at;
  }
  template <class T>
  static void fill(T* at, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) at[i] = T{};
  }

  HeadFixed* fixed_ = nullptr;
  LaneHead* lanes_ = nullptr;
  WindowHead* windows_ = nullptr;
  MeasureHead* measures_ = nullptr;
  TableHead* tables_ = nullptr;
  Count* distinct_counts_ = nullptr;
};

}  // namespace weir::state
