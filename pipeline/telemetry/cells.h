#pragma once
// Metric cells: written by one thread alone with relaxed stores, read by whoever scrapes. A cell
// costs about a nanosecond, so that every step of every batch can be counted.

#include <array>
#include <atomic>
#include <cstddef>
#include <utility>

namespace weir::telemetry {

/// Counter or gauge with one writer.
class Cell {
 public:
  void add(double delta = 1) {
    value_.store(value_.load(std::memory_order_relaxed) + delta, std::memory_order_relaxed);
  }
  void set(double value) { value_.store(value, std::memory_order_relaxed); }
  [[nodiscard]] double get() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<double> value_{0};
};

/// Counter of what a transaction brings about. It counts aside until the transaction commits: one
/// that is given up, whose input runs again, was never seen by anybody and is never counted. Only
/// the writer calls anything but get() and committed().
class StagedCell {
 public:
  void add(double delta = 1) { staged_ += delta; }
  void commit() {
    if (staged_ != 0) committed_.add(std::exchange(staged_, 0.0));
  }
  void forget() { staged_ = 0; }
  /// What the open transaction would add.
  [[nodiscard]] double staged() const { return staged_; }
  [[nodiscard]] double get() const { return committed_.get(); }
  [[nodiscard]] const Cell& committed() const { return committed_; }

 private:
  Cell committed_;
  double staged_ = 0;
};

/// Histogram with fixed upper bounds and one writer, of Cells or StagedCells.
template <std::size_t N, class CellType = Cell>
class HistogramCell {
 public:
  explicit constexpr HistogramCell(const std::array<double, N>& bounds) : bounds_(bounds) {}
  void observe(double value, double weight = 1) {
    buckets_[bucket_of(value)].add(weight);
    sum_.add(value * weight);
  }
  [[nodiscard]] std::size_t bucket_of(double value) const {
    std::size_t i = 0;
    while (i < N && value > bounds_[i]) ++i;
    return i;
  }
  [[nodiscard]] const std::array<double, N>& bounds() const { return bounds_; }
  [[nodiscard]] double bucket(std::size_t i) const {
    return buckets_[i].get();
  }  // i == N: above the last bound
  [[nodiscard]] double sum() const { return sum_.get(); }
  /// Every cell, for the end of a transaction.
  template <class Visit>
  void each_cell(const Visit& visit) {
    for (CellType& bucket : buckets_) visit(bucket);
    visit(sum_);
  }

 private:
  std::array<double, N> bounds_;
  std::array<CellType, N + 1> buckets_{};
  CellType sum_;
};

}  // namespace weir::telemetry
