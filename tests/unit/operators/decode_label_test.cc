// DecodeLabels: what a label holds, and every way in which one can be bad.

#include "operators/decode_label.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace weir::operators {
namespace {

using nlohmann::ordered_json;
using telemetry::RejectReason;

constexpr std::int64_t kLabelTime = 1'529'280'000'000;  // 2018-06-18T00:00:00Z

ordered_json good() {
  return {{"label_id", "L1"},
          {"transaction_id", "t1"},
          {"user_id", "u1"},
          {"merchant_id", "m1"},
          {"is_fraud", true},
          {"event_time", "2018-06-11T00:00:00Z"},
          {"label_time", "2018-06-18T00:00:00Z"}};
}
ordered_json with(const char* name, const ordered_json& value) {
  auto label = good();
  label[name] = value;
  return label;
}
ordered_json without(const char* name) {
  auto label = good();
  label.erase(name);
  return label;
}

class DecodeLabelsTest : public testing::Test {
 protected:
  /// "" when it passes, else "reason: detail".
  std::string verdict_on_bytes(const std::string& value, const std::string& key = "u1",
                               std::int64_t timestamp_ms = -1) {
    value_ = value;  // labels_ points into it
    RawRecord record;
    record.key = key;
    record.value = value_;
    record.timestamp_ms = timestamp_ms;
    labels_.clear();
    std::vector<Rejection> rejected;
    DecodeLabels decode(settings_);
    tombstones_ = *decode.process({&record, 1}, labels_, rejected);
    if (rejected.empty()) return {};
    return std::string(
               telemetry::kRejectReasonNames[static_cast<std::size_t>(rejected[0].reason)]) +
           ": " + rejected[0].detail;
  }
  std::string verdict_on(const ordered_json& label, std::int64_t timestamp_ms = -1) {
    return verdict_on_bytes(label.dump(), "u1", timestamp_ms);
  }

  InputSettings settings_;
  std::string value_;
  std::vector<ValidLabel> labels_;
  std::size_t tombstones_ = 0;
};

TEST_F(DecodeLabelsTest, ReadsTheRequiredFieldsAndLeavesTheOthersEmpty) {
  DecodeLabels decode(settings_);
  const std::string line = good().dump();
  const auto label = decode.parse(line);
  ASSERT_TRUE(label) << label.error().message;
  EXPECT_EQ(label->label_id, "L1");
  EXPECT_EQ(label->transaction_id, "t1");
  EXPECT_EQ(label->user_id, "u1");
  EXPECT_EQ(label->merchant_id, "m1");
  EXPECT_TRUE(label->is_fraud);
  EXPECT_EQ(label->label_time.ms, kLabelTime);
  EXPECT_EQ(label->event_time.ms, kLabelTime - 7 * 86'400'000LL);
  EXPECT_EQ(label->revision, 0U);
  EXPECT_TRUE(label->type.empty() && label->source.empty() && label->device_id.empty());
}

TEST_F(DecodeLabelsTest, ReadsTheOptionalFields) {
  auto full = good();
  full.update({{"is_fraud", false},
               {"type", "representment_won"},
               {"source", "acquirer \u00e4"},
               {"amount", 12.5},
               {"revision", 4'294'967'295U},
               {"device_id", "d"},
               {"ip", "10.0.0.1"},
               {"card_token", "c"},
               {"something", {1, {{"else", nullptr}}}}});
  EXPECT_EQ(verdict_on(full), "");
  ASSERT_EQ(labels_.size(), 1U);
  const auto& label = labels_[0];
  EXPECT_FALSE(label.is_fraud);
  EXPECT_EQ(label.type, "representment_won");
  EXPECT_EQ(label.amount, "12.5");
  EXPECT_EQ(label.revision, 4'294'967'295U);
  EXPECT_EQ(label.device_id, "d");
  EXPECT_EQ(label.ip, "10.0.0.1");
  EXPECT_EQ(label.card_token, "c");
}

TEST_F(DecodeLabelsTest, NullIsAbsentAndEscapesAreSeenThrough) {
  EXPECT_EQ(verdict_on(with("type", nullptr)), "");
  DecodeLabels decode(settings_);
  const auto label = decode.parse(
      R"({"label_id":"a\"b","transaction_id":"t","user_id":"u","merchant_id":"m","is_fraud":false,)"
      R"("event_time":0,"label_time":"1"})");
  ASSERT_TRUE(label);
  EXPECT_EQ(label->label_id, "a\"b");
  EXPECT_EQ(label->label_time.ms, 1);
}

TEST_F(DecodeLabelsTest, ATombstoneIsCountedAndLeavesNothing) {
  EXPECT_EQ(verdict_on_bytes(std::string()), "");
  EXPECT_EQ(tombstones_, 1U);
  EXPECT_TRUE(labels_.empty());
}

TEST_F(DecodeLabelsTest, EveryRequiredFieldMustBeThere) {
  for (const char* name : {"label_id", "transaction_id", "user_id", "merchant_id", "is_fraud",
                           "event_time", "label_time"}) {
    EXPECT_EQ(verdict_on(without(name)), std::string("missing_field: ") + name + ": missing");
    EXPECT_EQ(verdict_on(with(name, nullptr)), std::string("missing_field: ") + name + ": missing");
  }
  for (const char* name : {"label_id", "transaction_id", "merchant_id", "event_time"}) {
    EXPECT_EQ(verdict_on(with(name, "")), std::string("missing_field: ") + name + ": empty");
  }
}

TEST_F(DecodeLabelsTest, WhatIsNotOneStrictJsonObjectIsRefused) {
  const std::string line = good().dump();
  const struct {
    std::string value, said;
  } cases[] = {
      {"{}{}", "decode: bytes behind the object"},
      {line + line, "decode: bytes behind the object"},
      {line.substr(0, line.size() - 1) + R"(,"is_fraud":false})", "decode: is_fraud: given twice"},
      {line.substr(0, line.size() - 1) + R"(,"x":tru})", "decode: a value that is not JSON"},
      {with("is_fraud", 1).dump(), "decode: is_fraud: true or false expected"},
      {with("is_fraud", "true").dump(), "decode: is_fraud: true or false expected"},
      {with("label_id", 7).dump(), "decode: label_id: string expected"},
      {with("label_time", true).dump(), "decode: label_time: not a number or string"},
      {with("revision", ordered_json::array()).dump(),
       "decode: revision: number or string expected"},
      {with("type", 7).dump(), "decode: type: string expected"},
  };
  for (const auto& [value, said] : cases) EXPECT_EQ(verdict_on_bytes(value), said) << value;
  for (const char* value : {"not json", "[]", "7", "{", "\"label\""}) {
    EXPECT_TRUE(verdict_on_bytes(std::string(value)).starts_with("decode: ")) << value;
  }
  EXPECT_EQ(verdict_on_bytes("{\"label_id\":\"\xff\"}"), "range: not valid UTF-8");
}

TEST_F(DecodeLabelsTest, ValuesOutOfRangeAreRefusedByName) {
  const std::string longest(128, 'x');
  for (const char* name :
       {"label_id", "transaction_id", "merchant_id", "device_id", "ip", "card_token"}) {
    EXPECT_EQ(verdict_on(with(name, longest)), "");
    EXPECT_EQ(verdict_on(with(name, longest + "x")), std::string("range: ") + name + ": too long");
    EXPECT_EQ(verdict_on(with(name, "a\nb")),
              std::string("range: ") + name + ": control character");
  }
  for (const char* name : {"type", "source"}) {
    EXPECT_EQ(verdict_on(with(name, std::string(32, 'x'))), "");
    EXPECT_EQ(verdict_on(with(name, std::string(33, 'x'))),
              std::string("range: ") + name + ": too long");
  }
  for (const ordered_json& bad : {ordered_json(-1), ordered_json(1.5), ordered_json("x"),
                                  ordered_json(""), ordered_json(4'294'967'296U)}) {
    EXPECT_EQ(verdict_on(with("revision", bad)), "range: revision: not a whole number of 32 bits");
  }
  for (const ordered_json& bad : {ordered_json(-1), ordered_json("NaN"), ordered_json("1,5")}) {
    EXPECT_EQ(verdict_on(with("amount", bad)), "range: amount: not an amount in any currency");
  }
  EXPECT_TRUE(verdict_on(with("label_time", "yesterday")).starts_with("range: label_time: "));
  EXPECT_TRUE(verdict_on(with("event_time", -1)).starts_with("range: event_time: "));
}

TEST_F(DecodeLabelsTest, TheRecordKeyMustBeTheUser) {
  EXPECT_EQ(verdict_on_bytes(good().dump(), "u1"), "");
  EXPECT_EQ(verdict_on_bytes(good().dump(), ""), "missing_field: record key: missing");
  EXPECT_EQ(verdict_on_bytes(good().dump(), "u2"),
            "key_mismatch: record key: differs from user_id");
}

TEST_F(DecodeLabelsTest, LargeRecordsAndCardNumbersAreNotEvenRead) {
  settings_.record_bytes_max = good().dump().size() + 2;  // the key counts
  EXPECT_EQ(verdict_on(good()), "");
  --settings_.record_bytes_max;
  EXPECT_EQ(verdict_on(good()), "oversize: larger than input.record_bytes_max");
  settings_ = {};
  EXPECT_EQ(verdict_on(with("note", "4111 1111 1111 1111")), "pan: holds a raw card number");
}

TEST_F(DecodeLabelsTest, TimesMayNotRunAheadOfTheRecordsOwn) {
  const auto border = kLabelTime - settings_.future_max.count();
  EXPECT_EQ(verdict_on(good(), border), "");
  EXPECT_EQ(verdict_on(good(), border - 1), "future: label_time: ahead of the record's timestamp");
  settings_.clamp_future = true;
  EXPECT_EQ(verdict_on(good(), border - 1), "");
  EXPECT_EQ(labels_[0].label_time.ms, border - 1);
  EXPECT_EQ(verdict_on(with("event_time", kLabelTime), border - 1),
            "future: event_time: ahead of the record's timestamp")
      << "the payment's place is never moved";
}

TEST_F(DecodeLabelsTest, ALineOfAFileNeedsNoKeyAndItsErrorIsWords) {
  DecodeLabels decode(settings_);
  const auto label = decode.parse(without("merchant_id").dump());
  ASSERT_FALSE(label);
  EXPECT_EQ(label.error().kind, ErrorKind::kRejectEvent);
  EXPECT_EQ(label.error().message, "merchant_id: missing");
}

TEST_F(DecodeLabelsTest, GoodAndBadLabelsOfABatchKeepTheirIndices) {
  const std::string lines[] = {good().dump(), "x", good().dump()};
  std::vector<RawRecord> records(3);
  for (std::size_t i = 0; i < 3; ++i) {
    records[i].key = "u1";
    records[i].value = lines[i];
  }
  std::vector<ValidLabel> labels;
  std::vector<Rejection> rejected;
  ASSERT_TRUE(DecodeLabels(settings_).process(records, labels, rejected));
  ASSERT_EQ(labels.size(), 2U);
  EXPECT_EQ(labels[0].record, 0U);
  EXPECT_EQ(labels[1].record, 2U);
  ASSERT_EQ(rejected.size(), 1U);
  EXPECT_EQ(rejected[0].record, 1U);
}

}  // namespace
}  // namespace weir::operators
