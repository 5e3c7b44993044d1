#include "models/golden.h"

#include <algorithm>
#include <bit>
#include <charconv>
#include <cmath>
#include <string>

#include <nlohmann/json.hpp>

#include "models/checked_json.h"
#include "models/kernels.h"

namespace weir {
namespace {

std::size_t exactly(const CheckedJson& json, std::size_t count) {
  if (json.list(count) != count) json.refuse("must have " + std::to_string(count) + " items");
  return count;
}

/// Numbers in the file are float32 written in decimal, so rounding the double back is exact.
float float_of(const CheckedJson& json) {
  const auto value = static_cast<float>(json.finite());
  if (!std::isfinite(value)) json.refuse("does not fit a float32");
  return value;
}

void append_floats(const CheckedJson& json, std::size_t count, std::vector<float>& out) {
  exactly(json, count);
  for (std::size_t i = 0; i < count; ++i) out.push_back(float_of(json.item(i)));
}

void append_rows(const CheckedJson& json, std::size_t rows, std::size_t columns,
                 std::vector<float>& out) {
  exactly(json, rows);
  for (std::size_t i = 0; i < rows; ++i) append_floats(json.item(i), columns, out);
}

void append_mask(const CheckedJson& json, std::size_t count, std::vector<float>& out) {
  append_floats(json, count, out);
  const bool binary = std::all_of(out.begin(), out.end(), [](float m) { return m == 0 || m == 1; });
  if (!binary) json.refuse("must hold 0 and 1 only");
}

std::uint32_t bits_of(const CheckedJson& json) {
  const std::string hex = json.text();
  std::uint32_t bits = 0;
  const auto [end, failed] = std::from_chars(hex.data(), hex.data() + hex.size(), bits, 16);
  if (hex.size() != 8 || failed != std::errc{} || end != hex.data() + hex.size()) {
    json.refuse("must be 8 hexadecimal digits");
  }
  return bits;
}

GoldenCase case_of(const CheckedJson& json, const ModelInfo& info) {
  GoldenCase golden;
  const std::size_t features = info.features.size();
  golden.window = json.at("history").list(kernels::kWindowMax);
  append_floats(json.at("current"), features, golden.current);
  append_rows(json.at("history"), golden.window, features, golden.history);
  append_floats(json.at("log_gap"), golden.window, golden.log_gap);
  append_mask(json.at("mask"), golden.window, golden.mask);
  append_rows(json.at("merchant"), info.merchant_rows, info.merchant_features, golden.merchant);
  append_mask(json.at("merchant_mask"), info.merchant_rows, golden.merchant_mask);
  const CheckedJson bits = json.at("bits");
  const CheckedJson logits = json.at("logits");
  exactly(bits, info.heads.size());
  exactly(logits, info.heads.size());
  for (std::size_t head = 0; head < info.heads.size(); ++head) {
    golden.bits.push_back(bits_of(bits.item(head)));
    if (std::bit_cast<std::uint32_t>(float_of(logits.item(head))) != golden.bits.back()) {
      logits.item(head).refuse("and bits are not the same number");
    }
  }
  return golden;
}

}  // namespace

Result<std::vector<GoldenCase>> parse_golden(std::string_view bytes, const ModelInfo& info) {
  std::vector<GoldenCase> cases;
  std::size_t number = 1;
  try {
    for (; !bytes.empty(); ++number) {
      const std::string_view line = bytes.substr(0, bytes.find('\n'));
      bytes.remove_prefix(std::min(bytes.size(), line.size() + 1));
      const std::string place = "golden cases, line " + std::to_string(number);
      const nlohmann::json document = parse_json(line, place);
      cases.push_back(case_of(CheckedJson(document, place), info));
    }
  } catch (const Refusal& refusal) {
    return fatal(refusal.what());
  }
  return cases;
}

}  // namespace weir
