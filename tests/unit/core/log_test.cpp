#include "core/log.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace parley {
namespace {

// The log's only output is stderr: what a test wants to see is what an operator sees.
std::string logged(LogFormat format, std::string_view event, LogFields fields, LogLevel level = LogLevel::info) {
  configure_log(LogLevel::info, format);
  testing::internal::CaptureStderr();
  log(level, event, fields);
  return testing::internal::GetCapturedStderr();
}

TEST(Log, PlainValuesAreWrittenPlainly) {
  const auto line = logged(LogFormat::text, "listening", {{"address", "127.0.0.1"}, {"port", 6001}});
  EXPECT_NE(line.find("listening address=127.0.0.1 port=6001\n"), std::string::npos) << line;
}

TEST(Log, AClientCannotForgeASecondLine) {
  for (const auto format : {LogFormat::text, LogFormat::json}) {
    for (const char* origin : {"x\n2026-01-01T00:00:00 info  forged", "x\rforged", "\x1b[2J", "\x7f\x08"}) {
      const auto line = logged(format, "refused", {{"origin", origin}});
      EXPECT_EQ(line.find_first_of("\n\r\x1b\x7f\x08"), line.size() - 1) << line;  // terminal escapes neither
    }
  }
}

TEST(Log, AValueCannotPretendToBeAnotherField) {
  const auto line = logged(LogFormat::text, "refused", {{"origin", "x level=admin"}});
  EXPECT_NE(line.find("origin=\"x level=admin\""), std::string::npos) << line;
}

TEST(Log, JsonLinesAreJson) {
  const auto line = logged(LogFormat::json, "say \"hi\"", {{"path", "a\\b\t"}, {"count", 3}});
  EXPECT_EQ(line.front(), '{');
  EXPECT_NE(line.find(R"("event":"say \"hi\"","path":"a\\b\u0009","count":3})"), std::string::npos) << line;
}

TEST(Log, FormatSignsInValuesAreOnlyText) {
  const auto line = logged(LogFormat::text, "event", {{"name", "{}%s%n{0}"}});
  EXPECT_NE(line.find("name={}%s%n{0}"), std::string::npos) << line;
}

TEST(Log, LessImportantLevelsAreSilent) {
  configure_log(LogLevel::warn, LogFormat::text);
  EXPECT_FALSE(log_enabled(LogLevel::info));
  EXPECT_TRUE(log_enabled(LogLevel::error));
  testing::internal::CaptureStderr();
  log_info("quiet");
  log_warn("loud");
  const auto text = testing::internal::GetCapturedStderr();
  EXPECT_EQ(text.find("quiet"), std::string::npos);
  EXPECT_NE(text.find("loud"), std::string::npos);
  configure_log(LogLevel::info, LogFormat::text);
}

}  // namespace
}  // namespace parley
