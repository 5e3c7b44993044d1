#pragma once
// Metric cells: written by one thread alone with relaxed stores, read by whoever scrapes. A cell
// costs about a nanosecond, so that every step of every batch can be counted.

#include <array>
#include <atomic>
#include <cstddef>

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

/// Histogram with fixed upper bounds and one writer.
template <std::size_t N>
class HistogramCell {
 public:
  explicit constexpr HistogramCell(const std::array<double, N>& bounds) : bounds_(bounds) {}
  void observe(double value, double weight = 1) {
    std::size_t i = 0;
    while (i < N && value > bounds_[i]) ++i;
    buckets_[i].add(weight);
    sum_.add(value * weight);
  }
  [[nodiscard]] const std::array<double, N>& bounds() const { return bounds_; }
  [[nodiscard]] double bucket(std::size_t i) const {
    return buckets_[i].get();
  }  // i == N: above the last bound
  [[nodiscard]] double sum() const { return sum_.get(); }

 private:
  std::array<double, N> bounds_;
  std::array<Cell, N + 1> buckets_{};
  Cell sum_;
};

}  // namespace weir::telemetry
