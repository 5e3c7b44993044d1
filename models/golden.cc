#include "models/golden.h"

#include <algorithm>
#include <bit>
#include <charconv>
#include <cmath>
#include <limits>
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

/// Also refuses where number and bits disagree: one of them was edited by hand.
std::uint32_t same_bits(const CheckedJson& number, const CheckedJson& hex) {
  const std::uint32_t bits = bits_of(hex);
  if (std::bit_cast<std::uint32_t>(float_of(number)) != bits) {
    number.refuse("and bits are not the same number");
  }
  return bits;
}

void append_declared(const CheckedJson& json, std::size_t count, std::vector<float>& out) {
  exactly(json, count);
  for (std::size_t i = 0; i < count; ++i) {
    const CheckedJson value = json.item(i);
    const bool missing = value.is_null();
    out.push_back(missing ? std::numeric_limits<float>::quiet_NaN() : float_of(value));
  }
}

GoldenCase case_of(const CheckedJson& json, const Manifest& manifest) {
  const ModelInfo& info = manifest.info;
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
    golden.bits.push_back(same_bits(logits.item(head), bits.item(head)));
  }
  // Format 1 knows no declared features.
  if (!info.declared.empty()) {
    append_declared(json.at("declared"), info.declared.size(), golden.declared);
  }
  if (manifest.trees) golden.margin_bits = same_bits(json.at("margin"), json.at("margin_bits"));
  return golden;
}

}  // namespace

Result<std::vector<GoldenCase>> parse_golden(std::string_view bytes, const Manifest& manifest) {
  std::vector<GoldenCase> cases;
  std::size_t number = 1;
  try {
    for (; !bytes.empty(); ++number) {
      const std::string_view line = bytes.substr(0, bytes.find('\n'));
      bytes.remove_prefix(std::min(bytes.size(), line.size() + 1));
      const std::string place = "golden cases, line " + std::to_string(number);
      const nlohmann::json document = parse_json(line, place);
      cases.push_back(case_of(CheckedJson(document, place), manifest));
    }
  } catch (const Refusal& refusal) {
    return fatal(refusal.what());
  }
  return cases;
}

void append_case(const GoldenCase& golden, const ModelInfo& info, ScoreBatch& batch) {
  WEIR_CHECK(golden.window <= info.history_rows);
  const auto add = [](std::vector<float>& to, const std::vector<float>& from, std::size_t count) {
    to.insert(to.end(), from.begin(), from.end());
    to.resize(to.size() + count - from.size());
  };
  add(batch.current, golden.current, golden.current.size());
  add(batch.history, golden.history, info.history_rows * info.features.size());
  add(batch.log_gap, golden.log_gap, info.history_rows);
  add(batch.mask, golden.mask, info.history_rows);
  add(batch.merchant, golden.merchant, golden.merchant.size());
  add(batch.merchant_mask, golden.merchant_mask, golden.merchant_mask.size());
  add(batch.declared, golden.declared, golden.declared.size());
  ++batch.rows;
}

}  // namespace weir
