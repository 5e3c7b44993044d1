// What is drawn on a terminal.

#include <gtest/gtest.h>

#include "pipeline/terminal/progress.h"
#include "pipeline/terminal/style.h"

namespace weir::terminal {
namespace {

TEST(Terminal, ProgressShowsTheShareWhereTheEndIsKnown) {
  EXPECT_EQ(progress_line(500, 1'000, "payments"),
            "[############............]  50 %  500 of 1,000 payments");
  EXPECT_EQ(progress_line(0, 7, "payments"), "[........................]   0 %  0 of 7 payments");
  EXPECT_EQ(progress_line(8, 7, "payments"), "[########################] 100 %  7 of 7 payments");
  EXPECT_EQ(progress_line(1'234'567, 0, "records"), "1,234,567 records");
}

TEST(Terminal, ColourIsLeftOutWhereNobodyLooks) {
  EXPECT_EQ(toned("declined", Tone::kBad, false), "declined");
  EXPECT_EQ(toned("declined", Tone::kBad, true), "\x1b[31mdeclined\x1b[0m");
  std::FILE* file = std::tmpfile();
  EXPECT_FALSE(takes_colour(file));
  std::fclose(file);
}

}  // namespace
}  // namespace weir::terminal
