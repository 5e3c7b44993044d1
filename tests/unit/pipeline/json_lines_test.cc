// read_lines: every line of a plain or gzip file once, with its number; a file that ends early is
// an error, not a shorter file.

#include "pipeline/json_lines.h"

#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>
#include <zlib.h>

#include "tests/unit/pipeline/temporary_directory.h"

namespace weir {
namespace {

using Lines = std::vector<std::pair<std::size_t, std::string>>;

class JsonLinesTest : public testing::Test {
 protected:
  /// The lines delivered before the end or the error, and the error's text.
  std::pair<Lines, std::string> read(const std::string& file) {
    Lines lines;
    const auto status = read_lines(file, [&](std::string_view line, std::size_t number) {
      lines.emplace_back(number, line);
      return ok();
    });
    return {lines, status ? "" : status.error().message};
  }
  static std::string gzip(std::string_view bytes, const std::string& file) {
    gzFile out = gzopen(file.c_str(), "wb");
    EXPECT_EQ(gzwrite(out, bytes.data(), static_cast<unsigned>(bytes.size())),
              static_cast<int>(bytes.size()));
    EXPECT_EQ(gzclose(out), Z_OK);
    return file;
  }

  TemporaryDirectory directory_;
};

TEST_F(JsonLinesTest, DeliversEveryLineWithItsNumber) {
  const auto [lines, error] = read(directory_.write("a.jsonl", "one\ntwo\n"));
  EXPECT_EQ(error, "");
  EXPECT_EQ(lines, (Lines{{1, "one"}, {2, "two"}}));
}

TEST_F(JsonLinesTest, TheLastLineNeedsNoEnd) {
  const auto [lines, error] = read(directory_.write("a.jsonl", "one\ntwo"));
  EXPECT_EQ(error, "");
  EXPECT_EQ(lines, (Lines{{1, "one"}, {2, "two"}}));
}

TEST_F(JsonLinesTest, EmptyLinesAreSkippedButCounted) {
  const auto [lines, error] = read(directory_.write("a.jsonl", "\none\r\n\r\n\ntwo\n\n"));
  EXPECT_EQ(error, "");
  EXPECT_EQ(lines, (Lines{{2, "one"}, {5, "two"}}));
}

TEST_F(JsonLinesTest, AnEmptyFileHasNoLines) {
  const auto [lines, error] = read(directory_.write("a.jsonl", ""));
  EXPECT_EQ(error, "");
  EXPECT_TRUE(lines.empty());
}

TEST_F(JsonLinesTest, LinesLongerThanAReadBlockStayWhole) {
  const std::string longer(200'000, 'x');
  const auto [lines, error] = read(directory_.write("a.jsonl", longer + "\n" + longer));
  EXPECT_EQ(error, "");
  EXPECT_EQ(lines, (Lines{{1, longer}, {2, longer}}));
}

TEST_F(JsonLinesTest, ReadsGzipByContentWhateverTheName) {
  const auto [lines, error] = read(gzip("one\ntwo\n", directory_.file("a.jsonl")));
  EXPECT_EQ(error, "");
  EXPECT_EQ(lines, (Lines{{1, "one"}, {2, "two"}}));
}

TEST_F(JsonLinesTest, AMissingFileIsNamed) {
  const auto [lines, error] = read(directory_.file("nowhere.jsonl"));
  EXPECT_NE(error.find("nowhere.jsonl"), std::string::npos) << error;
}

TEST_F(JsonLinesTest, ADirectoryIsAnError) {
  const auto [lines, error] = read(directory_.file(""));
  EXPECT_NE(error, "");
}

TEST_F(JsonLinesTest, AGzipFileThatEndsEarlyIsAnError) {
  std::string text;
  for (int i = 0; i < 20'000; ++i) text += "line " + std::to_string(i * 7919 % 10'007) + "\n";
  const auto file = gzip(text, directory_.file("a.jsonl.gz"));
  const auto size = std::filesystem::file_size(file);
  std::filesystem::resize_file(file, size / 2);
  const auto [lines, error] = read(file);
  EXPECT_NE(error.find("ends early"), std::string::npos) << error << ", lines: " << lines.size();

  gzip(text, file);
  std::filesystem::resize_file(file, size - 1);  // all the text is there, its checksum is not
  EXPECT_NE(read(file).second, "");
}

TEST_F(JsonLinesTest, ADamagedGzipFileIsAnError) {
  std::string text;
  for (int i = 0; i < 20'000; ++i) text += "line " + std::to_string(i * 7919 % 10'007) + "\n";
  const auto file = gzip(text, directory_.file("a.jsonl.gz"));
  std::fstream bytes(file, std::ios::in | std::ios::out | std::ios::binary);
  bytes.seekp(static_cast<std::streamoff>(std::filesystem::file_size(file) / 2));
  bytes << "damage";
  bytes.close();
  EXPECT_NE(read(file).second, "");
}

TEST_F(JsonLinesTest, AnErrorOfTheSinkEndsTheReading) {
  int lines = 0;
  const auto status = read_lines(directory_.write("a.jsonl", "1\n2\n3\n"),
                                 [&](std::string_view, std::size_t number) -> Status {
                                   ++lines;
                                   if (number == 2) return fatal("enough");
                                   return ok();
                                 });
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().message, "enough");
  EXPECT_EQ(lines, 2);
}

}  // namespace
}  // namespace weir
