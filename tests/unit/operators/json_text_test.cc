// The bytes that are written: JSON pieces, verdicts and features records.
#include "operators/json_text.h"

#include <gmock/gmock.h>

#include "operators/digest.h"
#include "operators/score.h"
#include "tests/unit/operators/path_fixture.h"

namespace weir {
namespace {

using namespace operators;

std::string written(auto append, auto... values) {
  std::string out;
  append(out, values...);
  return out;
}

TEST(JsonText, EscapesWhatJsonRequires) {
  EXPECT_EQ(written(append_json_string, "plain"), R"("plain")");
  EXPECT_EQ(written(append_json_string, "a\"b\\c\n\r\t\x01\x1f"), R"("a\"b\\c\n\r\t\u0001\u001f")");
  EXPECT_EQ(written(append_json_string, "Bäckerei 店"), "\"Bäckerei 店\"");
  std::string every;
  for (int c = 0; c < 128; ++c) every += static_cast<char>(c);
  EXPECT_EQ(json::parse(written(append_json_string, every)), every);
}

TEST(JsonText, WritesNumbersInOneForm) {
  EXPECT_EQ(written(append_double, 0.1), "0.1");
  EXPECT_EQ(written(append_double, 1.0 / 3), "0.3333333333333333");
  EXPECT_EQ(written(append_double, -0.0), "0");
  EXPECT_EQ(written(append_double, 1e-7), "1e-07");
  EXPECT_EQ(written(append_float, 0.1F), "0.1");
  EXPECT_EQ(written(append_fixed, 1.0, 4), "1.0000");
  EXPECT_EQ(written(append_fixed, 0.00004, 4), "0.0000");
  EXPECT_EQ(written(append_fixed, -0.00004, 4), "0.0000");
  EXPECT_EQ(written(append_fixed, 0.00006, 4), "0.0001");
  EXPECT_EQ(written(append_fixed, -12.5, 2), "-12.50");
  EXPECT_EQ(written(append_fixed, 2.5, 0), "3");
  EXPECT_EQ(written(append_fixed, 1e13, 4), "10000000000000.0000");
  EXPECT_EQ(written(append_integer, std::numeric_limits<std::int64_t>::min()),
            "-9223372036854775808");
  EXPECT_EQ(written(append_hex32, 0x3f8a12cdU), "3f8a12cd");
}

TEST(JsonText, Base64IsReadBackAndAnythingElseRefused) {
  for (const std::string bytes : {"", "f", "fo", "foo", "\xff\x00\x80!"}) {
    EXPECT_EQ(decode_base64(written(append_base64, bytes)), bytes);
  }
  for (const char* bad : {"Zg", "Zg=", "Z===", "====", "Zg==Zg==", " Zg==", "Zg==\n", "Z-9v"}) {
    EXPECT_EQ(decode_base64(bad), std::nullopt) << bad;
  }
}

TEST(JsonText, WritesBase64WithPadding) {  // RFC 4648
  EXPECT_EQ(written(append_base64, ""), "");
  EXPECT_EQ(written(append_base64, "f"), "Zg==");
  EXPECT_EQ(written(append_base64, "fo"), "Zm8=");
  EXPECT_EQ(written(append_base64, "foo"), "Zm9v");
  EXPECT_EQ(written(append_base64, "foobar"), "Zm9vYmFy");
  EXPECT_EQ(written(append_base64, std::string_view("\0\xff\xfe", 3)), "AP/+");
}

TEST(VerdictId, TellsWhatItIsMadeFromApart) {
  const std::string id = verdict_id("u", "t", "m", "r");
  EXPECT_EQ(id.size(), 32U);
  EXPECT_EQ(id, verdict_id("u", "t", "m", "r"));
  for (const auto& other : {verdict_id("t", "u", "m", "r"), verdict_id("ut", "", "m", "r"),
                            verdict_id("u", "tm", "", "r"), verdict_id("u", "t", "", "mr")}) {
    EXPECT_NE(id, other);
  }
}

class VerdictBytesTest : public PathFixture {};

// The whole line, so that no byte of it changes unseen.
TEST_F(VerdictBytesTest, AreTheseWithoutAModel) {
  scorer_ = nullptr;
  auto p = payment("t\"1", "u1", kNoon + 7, "96.32");
  const auto out = pay({p});
  const std::string id = verdict_id("u1", "t\"1", "", rules_digest(settings_.decide));
  EXPECT_EQ(
      out[0].value,
      R"({"verdict_id":")" + id +
          R"(","transaction_id":"t\"1","user_id":"u1","merchant_id":"M1",)"
          R"("event_time":"2018-06-11T12:00:00.007Z","amount_minor":9632,"currency":"EUR",)"
          R"("action":"approve","runner_up":{"action":"review","cost_gap":2.0368},)"
          R"("risk":{"fraud":{"p":null}},)"
          R"("expected_cost":{"approve":0.9632,"review":3.0000,"decline":14.8500},)"
          R"("reasons":[{"code":"short_history","text":"little is known of this user: 0 earlier payments",)"
          R"("value":0,"typical_low":null,"typical_high":null}],)"
          R"("model":null,"rules":{"digest":")" +
          rules_digest(settings_.decide) +
          R"(","fired":[]},"duplicate":false,"late":false,"out_of_order":false,"degraded":["no_model"],)"
          R"("input":{"topic":"transactions","partition":0,"offset":100}})");
}

TEST_F(VerdictBytesTest, NameTheModel) {
  const auto verdict = verdicts(pay({payment("t1", "u1", kNoon)}))[0];
  EXPECT_EQ(verdict["model"]["name"], "fake");
  EXPECT_EQ(verdict["model"]["digest"], model_.info().digest);
  EXPECT_TRUE(verdict["risk"]["fraud"]["p"].is_number());
}

std::string from_base64(const std::string& text) {
  constexpr std::string_view kAlphabet =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string bytes;
  unsigned group = 0;
  int bits = 0;
  for (const char c : text) {
    const auto digit = kAlphabet.find(c);
    if (digit == std::string_view::npos) break;
    group = group << 6 | static_cast<unsigned>(digit);
    bits += 6;
    if (bits >= 8) bytes += static_cast<char>(group >> (bits -= 8) & 255);
  }
  return bytes;
}

// The promise of the features topic. Method: rebuild the model's inputs from the record alone and
// score them again.
TEST_F(VerdictBytesTest, OfAFeaturesRecordAreEnoughToScoreAgain) {
  std::vector<json> payments;
  for (int i = 0; i < 12; ++i) {
    payments.push_back(payment("t" + std::to_string(i), "u" + std::to_string(i % 2),
                               kNoon + (i % 5) * kMinute, std::to_string(i * 7 + 1)));
  }
  for (const json& record : features(pay(payments))) {
    const std::string history = from_base64(record["history"]);
    const std::string own = from_base64(record["payment"]);
    const auto rows = record["rows"].get<std::size_t>();
    ASSERT_EQ(history.size(), rows * sizeof(HistoryRow));
    WindowedTransaction again{};
    std::memcpy(&again.row, own.data(), sizeof again.row);
    std::vector<HistoryRow> past(rows);
    if (rows > 0) std::memcpy(past.data(), history.data(), history.size());
    again.history = past;
    Scoring scoring(&model_);
    std::vector<ScoredTransaction> scored;
    scoring.process({&again, 1}, scored);
    EXPECT_EQ(written(append_hex32, std::bit_cast<std::uint32_t>(scored[0].score->logit)),
              record["outputs"]["logit_bits"]);
    EXPECT_EQ(scored[0].score->p, record["outputs"]["p"].get<double>());
    EXPECT_EQ(record["current"].size(), 4U);
    EXPECT_EQ(record["current"][0].get<float>(), scored[0].current[0]);
  }
}

TEST(CheckModel, RefusesWhatItCannotFeed) {
  Settings settings;
  ModelInfo info = FakeScorer().info();
  EXPECT_TRUE(check_model(info, settings).has_value());
  info.history_rows = 17;
  EXPECT_FALSE(check_model(info, settings).has_value());
  settings.history.rows = 17;
  EXPECT_TRUE(check_model(info, settings).has_value());
}

std::string refusal(const ModelInfo& info, const Settings& settings) {
  const Status checked = check_model(info, settings);
  if (checked) return {};
  EXPECT_EQ(checked.error().kind, ErrorKind::kFatal);
  return checked.error().message;
}

TEST(CheckModel, RefusesMoreRowsOfMerchantsThanAreKeptAndFeaturesNobodyKnows) {
  Settings settings;
  ModelInfo info = FakeScorer().info();
  info.merchant_rows = 8;
  info.merchant_features = 2;
  info.merchant_feature_names = {"fraud", "log_age"};
  settings.history.merchant_rows = 7;
  EXPECT_EQ(refusal(info, settings),
            "the model reads 8 labelled payments of the merchant but history.merchant_rows keeps "
            "7; raise history.merchant_rows");
  settings.history.merchant_rows = 8;
  EXPECT_EQ(refusal(info, settings), "");
  info.merchant_features = 3;
  EXPECT_NE(refusal(info, settings), "");
  info.merchant_feature_names.emplace_back("mood");
  EXPECT_THAT(refusal(info, settings), testing::HasSubstr("mood"));
}

TEST(CheckModel, RefusesADeclaredFeatureThatIsNotThereOrMeansSomethingElse) {
  Settings settings;
  ModelInfo info = FakeScorer().info();
  info.declared = {{"share", "merchant mean fraud window=7d delay=7d default=0"}};
  EXPECT_EQ(refusal(info, settings),
            "the model reads the declared feature share, which the configuration lacks; add this "
            "line to features:\n  - {name: share, entity: merchant, function: mean, field: fraud, "
            "window: 7d, delay: 7d, default: 0}");
  state::FeatureDeclaration share;
  share.entity = state::EntityKind::kMerchant;
  share.function = state::Function::kMean;
  share.field = state::Field::kFraud;
  share.window_ms = share.delay_ms = 7 * kDay;
  settings.features.push_back({"share", share, {}});
  EXPECT_EQ(refusal(info, settings),
            "the model was trained on the declared feature share as 'merchant mean fraud window=7d "
            "delay=7d default=0' but the configuration declares 'merchant mean fraud window=7d "
            "delay=7d'; replace its line in features by\n  - {name: share, entity: merchant, "
            "function: mean, field: fraud, window: 7d, delay: 7d, default: 0}");
  std::get<state::FeatureDeclaration>(settings.features[0].source).default_value = 0;
  EXPECT_EQ(refusal(info, settings), "");
}

}  // namespace
}  // namespace weir
