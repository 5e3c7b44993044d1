// FeatureCsv and TextOutput: a table that reads back to the same values.

#include "pipeline/feature_csv.h"

#include <fstream>
#include <sstream>

#include <fmt/core.h>
#include <gtest/gtest.h>

#include "pipeline/json_lines.h"
#include "pipeline/text_output.h"
#include "tests/unit/pipeline/temporary_directory.h"

namespace weir {
namespace {

std::string line_of(std::string_view transaction_json, std::string_view windows) {
  FeatureCsv csv({"a", "b"});
  std::string out;
  const auto status = csv.append(
      fmt::format(
          R"({{"transaction_id":{},"user_id":"u","event_time":"2018-06-11T00:00:00Z","windows":{}}})",
          transaction_json, windows),
      out);
  return status ? out : "error: " + status.error().message;
}

TEST(FeatureCsv, WritesNumbersThatReadBackToTheSameBits) {
  EXPECT_EQ(FeatureCsv({"a", "b"}).header(), "transaction_id,a,b\n");
  EXPECT_EQ(line_of(R"("t")", R"({"a":0.1,"b":15.166666666666666})"), "t,0.1,15.166666666666666\n");
  EXPECT_EQ(line_of(R"("t")", R"({"a":1e+300,"b":-3})"), "t,1e+300,-3\n");
}

TEST(FeatureCsv, AMissingValueIsEmpty) {
  EXPECT_EQ(line_of(R"("t")", R"({"a":null,"b":null})"), "t,,\n");
}

TEST(FeatureCsv, IdsThatNeedQuotesGetThem) {
  EXPECT_EQ(line_of(R"("a,b")", R"({"a":1,"b":2})"), "\"a,b\",1,2\n");
  EXPECT_EQ(line_of(R"("a\"b")", R"({"a":1,"b":2})"), "\"a\"\"b\",1,2\n");
}

TEST(FeatureCsv, ARecordOfOtherFeaturesIsRefused) {
  EXPECT_EQ(line_of(R"("t")", R"({"a":1})"),
            "error: a features record without the declared features");
}

TEST(TextOutput, PlainAndCompressedFilesHoldTheSameText) {
  TemporaryDirectory directory;
  for (const char* name : {"f.csv", "f.csv.gz"}) {
    TextOutput out;
    ASSERT_TRUE(out.open(directory.file(name)));
    out.write("a,b\n");
    out.write("");
    out.write("1,2\n");
    ASSERT_TRUE(out.close());
    std::string lines;
    ASSERT_TRUE(read_lines(directory.file(name), [&](std::string_view line, std::size_t) {
      lines += line;
      lines += '|';
      return ok();
    }));
    EXPECT_EQ(lines, "a,b|1,2|");
  }
  std::ifstream packed(directory.file("f.csv.gz"), std::ios::binary);
  EXPECT_EQ(packed.get(), 0x1f) << "gzip";
}

TEST(TextOutput, AFileThatCannotBeWrittenIsNamed) {
  TemporaryDirectory directory;
  for (const char* name : {"no/folder.csv", "no/folder.csv.gz"}) {
    TextOutput out;
    const auto status = out.open(directory.file(name));
    ASSERT_FALSE(status);
    EXPECT_NE(status.error().message.find(name), std::string::npos);
  }
  TextOutput full;
  ASSERT_TRUE(full.open("/dev/full"));
  full.write("text");
  EXPECT_FALSE(full.close());
}

}  // namespace
}  // namespace weir
