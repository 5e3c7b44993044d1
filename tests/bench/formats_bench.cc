// What reading a payment costs in each format: the record of path_bench, from bytes to its fields
// as text. Figures per record.

#include <string>
#include <vector>

#include <benchmark/benchmark.h>
#include <fmt/core.h>

#include "operators/decode.h"
#include "operators/formats/wire_format.h"

namespace {

using namespace weir;
using namespace weir::operators;

constexpr std::uint32_t kId = 7;

constexpr const char* kAvro = R"({"type":"record","name":"Transaction","fields":[
 {"name":"transaction_id","type":"string"},{"name":"user_id","type":"string"},
 {"name":"event_time","type":{"type":"long","logicalType":"timestamp-millis"}},
 {"name":"amount","type":["null",{"type":"bytes","logicalType":"decimal","precision":19,"scale":4}]},
 {"name":"currency","type":"string"},{"name":"merchant_id","type":"string"},
 {"name":"mcc","type":["null","int"]},{"name":"country","type":["null","string"]},
 {"name":"merchant_country","type":["null","string"]},{"name":"channel","type":["null","string"]},
 {"name":"device_id","type":["null","string"]},{"name":"card_token","type":["null","string"]},
 {"name":"is_card_present","type":["null","boolean"]}]})";

constexpr const char* kProtobuf = R"(syntax = "proto3"; import "google/protobuf/timestamp.proto";
message Transaction { string transaction_id = 1; string user_id = 2;
 google.protobuf.Timestamp event_time = 3; optional string amount = 4; string currency = 6;
 string merchant_id = 7; optional int32 mcc = 8; optional string country = 9;
 optional string merchant_country = 10; optional string channel = 11; optional string device_id = 12;
 optional string card_token = 14; optional bool is_card_present = 15; })";

struct Values {
  std::string id = "tx-000000004711", user = "C04711", merchant = "T00042", device = "d-04711";
  std::string token = "tok_04711";
  std::int64_t time_ms = 1'528'676'687'000;
};

void varint(std::string& out, std::uint64_t value) {
  for (; value >= 0x80; value >>= 7U) out += static_cast<char>(value | 0x80U);
  out += static_cast<char>(value);
}

std::string json_record(const Values& v) {
  return fmt::format(
      R"({{"transaction_id":"{}","user_id":"{}","event_time":{},"amount":47.11,"currency":"EUR",)"
      R"("merchant_id":"{}","mcc":5411,"country":"FR","merchant_country":"FR","channel":"ecom",)"
      R"("device_id":"{}","card_token":"{}","is_card_present":false}})",
      v.id, v.user, v.time_ms, v.merchant, v.device, v.token);
}

std::string avro_record(const Values& v) {
  std::string out;
  append_frame(out, kId);
  const auto number = [&](std::uint64_t n) { varint(out, n << 1U); };
  const auto text = [&](std::string_view t) {
    number(t.size());
    out += t;
  };
  const auto optional = [&](std::string_view t) {
    number(1);
    text(t);
  };
  text(v.id);
  text(v.user);
  number(static_cast<std::uint64_t>(v.time_ms));
  optional(std::string_view("\x07\x30\x3c", 3));  // 471,100 of four decimals
  text("EUR");
  text(v.merchant);
  number(1);
  number(5411);
  for (const char* t : {"FR", "FR", "ecom"}) optional(t);
  optional(v.device);
  optional(v.token);
  number(1);
  out += '\0';
  return out;
}

std::string protobuf_record(const Values& v) {
  std::string out;
  append_frame(out, kId);
  out += '\0';
  const auto text = [&](std::uint64_t field, std::string_view t) {
    varint(out, field << 3U | 2U);
    varint(out, t.size());
    out += t;
  };
  const auto number = [](std::string& to, std::uint64_t field, std::uint64_t n) {
    varint(to, field << 3U);
    varint(to, n);
  };
  text(1, v.id);
  text(2, v.user);
  std::string time;
  number(time, 1, static_cast<std::uint64_t>(v.time_ms / 1'000));
  text(3, time);
  text(4, "47.11");
  text(6, "EUR");
  text(7, v.merchant);
  number(out, 8, 5411);
  text(9, "FR");
  text(10, "FR");
  text(11, "ecom");
  text(12, v.device);
  text(14, v.token);
  number(out, 15, 0);
  return out;
}

class OneSchema final : public SchemaSource {
 public:
  OneSchema(SchemaType type, const char* text) : schema_{type, text, {}} {}
  Result<const RegisteredSchema*> find(const SchemaId&) override { return &schema_; }

 private:
  RegisteredSchema schema_;
};

void decode(benchmark::State& state, InputFormat format, const std::string& value,
            SchemaSource* schemas) {
  constexpr std::size_t kBatch = 128;
  std::vector<RawRecord> records(kBatch);
  for (RawRecord& record : records) {
    record.key = "C04711";
    record.value = value;
  }
  Decode decode({}, {format, {}}, schemas);
  std::vector<DecodedTransaction> decoded;
  std::vector<Rejection> rejected;
  for (auto _ : state) {
    decoded.clear();
    if (!decode.process(records, decoded, rejected) || !rejected.empty()) std::abort();
    benchmark::DoNotOptimize(decoded.data());
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(kBatch));
  state.counters["bytes"] = static_cast<double>(value.size());
}

void json(benchmark::State& state) {
  decode(state, InputFormat::kJson, json_record({}), nullptr);
}
void avro(benchmark::State& state) {
  OneSchema schemas(SchemaType::kAvro, kAvro);
  decode(state, InputFormat::kAvro, avro_record({}), &schemas);
}
void protobuf(benchmark::State& state) {
  OneSchema schemas(SchemaType::kProtobuf, kProtobuf);
  decode(state, InputFormat::kProtobuf, protobuf_record({}), &schemas);
}
BENCHMARK(json);
BENCHMARK(avro);
BENCHMARK(protobuf);

}  // namespace

BENCHMARK_MAIN();
