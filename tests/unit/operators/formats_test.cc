// Records in registered formats: bytes that stock writers made (tests/data/formats/make_cases.py),
// and the fields that come out. Then the frame around them, and where schemas come from.
#include <fstream>
#include <map>
#include <optional>
#include <set>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "operators/card_number.h"
#include "operators/dead_letter.h"
#include "operators/decode.h"
#include "operators/decode_label.h"
#include "operators/field_checks.h"
#include "operators/formats/record_reader.h"

namespace weir::operators {
namespace {

using nlohmann::json;

std::string from_hex(const std::string& hex) {
  std::string bytes;
  for (std::size_t i = 0; i < hex.size(); i += 2) {
    bytes += static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16));
  }
  return bytes;
}

/// A registry that somebody else filled.
class FakeSchemas final : public SchemaSource {
 public:
  Result<const RegisteredSchema*> find(const SchemaId& id) override {
    ++asked;
    if (away) return retry("the registry is away");
    const auto found = schemas.find(id);
    return found == schemas.end() ? nullptr : &found->second;
  }
  std::map<SchemaId, RegisteredSchema> schemas;
  bool away = false;
  int asked = 0;
};

RegisteredSchema schema_of(const json& c) {
  RegisteredSchema schema;
  schema.type = c["kind"] == "AVRO" ? SchemaType::kAvro : SchemaType::kProtobuf;
  schema.text = c["schema"];
  for (const auto& reference : c.value("references", json::array())) {
    schema.references.push_back({reference[0], reference[1]});
  }
  return schema;
}

std::vector<json> read_cases() {
  std::ifstream file(WEIR_SOURCE_DIR "/tests/data/formats/cases.jsonl");
  std::vector<json> cases;
  for (std::string line; std::getline(file, line);) cases.push_back(json::parse(line));
  return cases;
}

constexpr std::uint32_t kId = 0x0102'0304;
constexpr SchemaGuid kGuid = {0xab, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};

std::string by_id(const std::string& rest) {
  std::string bytes;
  append_frame(bytes, kId);
  return bytes + rest;
}
std::string guid_bytes() {
  std::string bytes(1, '\1');
  for (const auto byte : kGuid) bytes += static_cast<char>(byte);
  return bytes;
}

class FormatsTest : public testing::Test {
 protected:
  /// Everything that is there, by name.
  std::map<std::string, std::string> read(RecordReader& reader, const RawRecord& record) {
    std::vector<std::string_view> values(payment_fields().size());
    const auto flaw = reader.read(record, 65'536, values);
    flaw_ = flaw ? *flaw : RecordFlaw{RejectReason::kPoison, "", "an Error"};
    detail_ = flaw_ ? detail_of(*flaw_) : "";
    std::map<std::string, std::string> fields;
    for (std::size_t i = 0; i < values.size() && !flaw_; ++i) {
      if (values[i].data() != nullptr) fields[std::string(payment_fields()[i].name)] = values[i];
    }
    return fields;
  }

  void add(const RegisteredSchema& schema) {
    schemas_.schemas[kId] = schema;
    schemas_.schemas[kGuid] = schema;
  }

  FakeSchemas schemas_;
  std::optional<RecordFlaw> flaw_;
  std::string detail_;
};

// Method: each case in the four forms of the frame; all must give the same.
TEST_F(FormatsTest, StockWritersRecordsGiveTheFieldsTheyWrote) {
  const auto cases = read_cases();
  ASSERT_GT(cases.size(), 45U);
  for (const json& c : cases) {
    SCOPED_TRACE(c["name"].get<std::string>());
    add(schema_of(c));
    const RecordFormat format{InputFormat::kAuto, c.value("mapping", FieldMapping())};
    const std::string indexes = from_hex(c["indexes"]);
    const std::string payload = from_hex(c["payload"]);
    const std::string forms[] = {by_id(indexes + payload), guid_bytes() + indexes + payload};
    const std::string headers[] = {by_id(indexes), guid_bytes() + indexes};
    for (std::size_t form = 0; form < 4; ++form) {
      RecordReader reader(payment_fields(), format, &schemas_);
      RawRecord record;
      record.value = form < 2 ? forms[form] : payload;
      if (form >= 2) record.headers.push_back({kValueSchemaHeader, headers[form - 2]});
      const auto fields = read(reader, record);
      if (c.contains("expect")) {
        ASSERT_FALSE(flaw_) << detail_;
        EXPECT_EQ(json(fields), c["expect"]) << "form " << form;
        continue;
      }
      ASSERT_TRUE(flaw_) << json(fields);
      EXPECT_EQ(telemetry::kRejectReasonNames[static_cast<std::size_t>(flaw_->reason)],
                c["reason"].get<std::string>())
          << detail_;
      if (c["detail"].is_string()) {
        EXPECT_EQ(detail_, c["detail"]);
      }
    }
  }
}

// Whatever a record is cut to or one byte of it becomes, it is read or refused.
TEST_F(FormatsTest, NoCutAndNoFlippedByteStopsTheReader) {
  for (const json& c : read_cases()) {
    add(schema_of(c));
    RecordReader reader(payment_fields(), {InputFormat::kAuto, c.value("mapping", FieldMapping())},
                        &schemas_);
    std::string bytes = by_id(from_hex(c["indexes"]) + from_hex(c["payload"]));
    for (std::size_t i = 5; i < bytes.size(); ++i) {
      RawRecord record;
      const std::string exact = bytes.substr(0, i);
      record.value = exact;
      read(reader, record);
      bytes[i] = static_cast<char>(bytes[i] ^ 0x40);
      record.value = bytes;
      read(reader, record);
      bytes[i] = static_cast<char>(bytes[i] ^ 0x40);
    }
  }
}

TEST_F(FormatsTest, ATopicMayChangeItsFormatFromRecordToRecord) {
  const auto cases = read_cases();
  add(schema_of(cases.front()));
  RecordReader reader(payment_fields(), {InputFormat::kAuto, {}}, &schemas_);
  const std::string avro = by_id(from_hex(cases.front()["payload"]));
  const std::string plain = R"({"transaction_id":"t1","amount":12.5})";
  RawRecord record;
  for (const std::string& value : {avro, plain, avro}) {
    record.value = value;
    EXPECT_EQ(read(reader, record)["transaction_id"], "t1") << detail_;
  }
  EXPECT_EQ(schemas_.asked, 1);
}

TEST_F(FormatsTest, AJsonTopicTakesFramedJsonWithoutAskingAnybody) {
  RecordReader reader(payment_fields(), {InputFormat::kJson, {}}, nullptr);
  const std::string framed = by_id(R"({"transaction_id":"t1"})");
  RawRecord record;
  record.value = framed;
  EXPECT_EQ(read(reader, record)["transaction_id"], "t1");
}

TEST_F(FormatsTest, WhatTheTopicDoesNotPromiseIsRefused) {
  add(schema_of(read_cases().front()));
  RecordReader reader(payment_fields(), {InputFormat::kProtobuf, {}}, &schemas_);
  RawRecord record;
  const std::string framed = by_id("x");
  record.value = framed;
  read(reader, record);
  EXPECT_EQ(detail_, "a schema of another kind than the topic's format");
  record.value = "{}";
  read(reader, record);
  EXPECT_EQ(detail_, "no schema id in front");
  record.value = std::string_view("\0\0\0", 3);
  read(reader, record);
  EXPECT_EQ(detail_, "ends inside its schema id");
}

TEST_F(FormatsTest, AnUnknownIdIsRefusedAndAnAbsentRegistryIsAnError) {
  RecordReader reader(payment_fields(), {InputFormat::kAuto, {}}, &schemas_);
  std::vector<std::string_view> values(payment_fields().size());
  RawRecord record;
  const std::string framed = by_id("x");
  record.value = framed;
  read(reader, record);
  EXPECT_EQ(flaw_->reason, RejectReason::kSchema);
  EXPECT_EQ(detail_, "an id that nobody registered");
  schemas_.away = true;
  const auto failed = reader.read(record, 65'536, values);
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().kind, ErrorKind::kRetry);
}

TEST_F(FormatsTest, ABatchThatMeetsAnAbsentRegistryFailsAsAWhole) {
  schemas_.away = true;
  Decode decode({}, {InputFormat::kAuto, {}}, &schemas_);
  const std::string framed = by_id("x");
  RawRecord records[2];
  records[0].value = R"({"transaction_id":"t1"})";
  records[1].value = framed;
  std::vector<DecodedTransaction> decoded;
  std::vector<Rejection> rejected;
  EXPECT_FALSE(decode.process(records, decoded, rejected));
  EXPECT_TRUE(rejected.empty());
}

TEST_F(FormatsTest, JsonIsMappedFromNestedObjects) {
  const FieldMapping mapping = {{"transaction_id", {"Tx.Ref", "Tx.Id"}},
                                {"amount", {"Tx.Amt.Value"}},
                                {"user_id", {"Who"}},
                                {"card_token", {"Who"}},
                                {"channel", {"Tx.Via", "=pos"}}};
  RecordReader reader(payment_fields(), {InputFormat::kJson, mapping}, nullptr);
  RawRecord record;
  record.value =
      R"({"Tx":{"Id":"t1","Amt":{"Value":12.50,"Note":[{"x":1}]}},"Who":"u1","currency":"EUR"})";
  const std::map<std::string, std::string> wanted = {{"transaction_id", "t1"}, {"amount", "12.50"},
                                                     {"user_id", "u1"},        {"card_token", "u1"},
                                                     {"channel", "pos"},       {"currency", "EUR"}};
  EXPECT_EQ(read(reader, record), wanted) << detail_;
  record.value = R"({"Tx":{"Ref":"r1","Id":"t1"}})";
  EXPECT_EQ(read(reader, record)["transaction_id"], "r1");
  record.value = R"({"Tx":"nothing below"})";
  EXPECT_EQ(read(reader, record).count("transaction_id"), 0U);
  record.value = R"({"Tx":{"Id":"t1"},"Tx":{"Id":"t2"}})";
  read(reader, record);
  EXPECT_EQ(detail_, "Tx: given twice");
}

// What deploy/schemas promises to producers is what the code reads, field by field.
TEST(ShippedSchemas, NameEveryFieldThatIsReadAndNoOther) {
  const auto read_json = [](const std::string& name) {
    std::ifstream file(WEIR_SOURCE_DIR "/deploy/schemas/" + name);
    return json::parse(file);
  };
  const std::pair<std::string, std::span<const FieldSpec>> kinds[] = {
      {"transaction", payment_fields()}, {"label", label_fields()}};
  for (const auto& [name, fields] : kinds) {
    std::set<std::string> wanted;
    for (const FieldSpec& field : fields) wanted.emplace(field.name);
    std::set<std::string> avro;
    const json record = read_json(name + ".avsc");
    for (const auto& field : record["fields"]) avro.insert(field["name"]);
    EXPECT_EQ(avro, wanted) << name;
    std::set<std::string> properties;
    const json schema = read_json(name + ".schema.json");
    for (const auto& [key, value] : schema["properties"].items()) properties.insert(key);
    EXPECT_EQ(properties, wanted) << name;
  }
}

TEST(FieldMappingCheck, NamesWhatCannotBe) {
  const auto words = [](const FieldMapping& mapping) {
    std::string text;
    for (const auto& flaw : check_mapping(payment_fields(), mapping)) text += flaw.what + ";";
    return text;
  };
  EXPECT_EQ(words({{"transaction_id", {"A.B", "C", "=x"}}}), "");
  EXPECT_EQ(words({{"nothing", {"A"}}}), "cannot be mapped;");
  EXPECT_EQ(words({{"transaction_id", {"A..B"}}}), "'A..B' has an empty name;");
  EXPECT_EQ(words({{"transaction_id", {"=x", "A"}}}),
            "what follows a constant is never looked at;");
  EXPECT_EQ(words({{"is_card_present", {"=yes"}}}), "'=yes' is not =true or =false;");
  EXPECT_EQ(words({{"amount", {"A"}}, {"currency", {"A.Ccy"}}}),
            "'A.Ccy' passes through a value another field wants;");
  EXPECT_EQ(words({{"currency", {"A"}}, {"is_card_present", {"A"}}}),
            "'A' is wanted by a field of another kind, too;");
}

TEST(BinaryDeadLetter, MasksACardNumberWhateverStandsBesideIt) {
  // The length of the next text is a '4', that of the number itself a space.
  const std::string value = std::string("\0\0\0\0\7", 5) + " 4111111111111111" + "4" + "x";
  RawRecord record;
  record.value = value;
  const auto letter = make_dead_letter(record, RejectReason::kSchema, "", "transactions");
  EXPECT_EQ(letter.value.find("41111111"), std::string::npos);
  EXPECT_EQ(letter.value.size(), value.size());
  EXPECT_EQ(letter.headers[7], (std::pair<std::string, std::string>("weir-schema", "id 7")));
}

TEST(FramedKey, IsRefusedInWordsThatHelp) {
  EXPECT_EQ(check_key(std::string_view("\0\0\0\0\7\4u1", 8), "u1")->detail,
            "record key: carries a schema id; send user_id as plain UTF-8");
}

}  // namespace
}  // namespace weir::operators
