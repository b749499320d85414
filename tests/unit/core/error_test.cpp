#include "core/error.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

namespace parley {
namespace {

TEST(ErrorTable, HasOneRowForEachCodeInTheirOrder) {
  ASSERT_EQ(all_errors().size(), static_cast<std::size_t>(Errc::kCount));
  for (std::size_t i = 0; i < all_errors().size(); ++i) {
    EXPECT_EQ(static_cast<std::size_t>(all_errors()[i].code), i);
    EXPECT_EQ(info(static_cast<Errc>(i)).name, all_errors()[i].name);
  }
}

TEST(ErrorTable, NamesAreUniqueSnakeCaseLabels) {
  std::set<std::string_view> names;
  for (const auto& row : all_errors()) {
    EXPECT_TRUE(names.insert(row.name).second) << row.name;
    EXPECT_EQ(row.name.find_first_not_of("abcdefghijklmnopqrstuvwxyz_"), std::string_view::npos) << row.name;
  }
}

TEST(ErrorTable, EachRowHelpsWhoMeetsIt) {
  for (const auto& row : all_errors()) {
    EXPECT_FALSE(row.sentence.empty()) << row.name;
    EXPECT_FALSE(row.remedy.empty()) << row.name;
    EXPECT_TRUE(row.http_status >= 400 && row.http_status <= 599) << row.name;
    // What stock clients do depends on the hundred: 40xx give up, 41xx back off, 42xx return, 43xx no close.
    EXPECT_TRUE(row.pusher_code == 0 || (row.pusher_code >= 4000 && row.pusher_code < 4400)) << row.name;
  }
}

TEST(MakeError, TakesTheTablesSentence) {
  EXPECT_EQ(make_error(Errc::unknown_app).message, info(Errc::unknown_app).sentence);
  EXPECT_EQ(make_error(Errc::unknown_app, "other").message, "other");
}

// docs/errors.md is what people find when they search for a code. UPDATE=1 writes it anew.
std::string reference() {
  std::string out = R"(# Errors

What a client, an API caller or an operator can meet. The name is stable: it is the label of metrics and the `error` of
acknowledgements. Pusher's clients act on the code's range: 4000 to 4099 they give up, 4100 to 4199 they come back after
a second, 4200 to 4299 at once, 4300 to 4399 the connection stays open. A dash: there is no code, `null` on the wire.

| Name | Pusher code | HTTP status | Meaning | What to do |
|---|---|---|---|---|
)";
  for (const auto& row : all_errors()) {
    const auto code = row.pusher_code == 0 ? std::string("–") : std::to_string(row.pusher_code);
    out += fmt::format("| `{}` | {} | {} | {} | {} |\n", row.name, code, row.http_status, row.sentence, row.remedy);
  }
  return out;
}

TEST(ErrorTable, IsWhatTheDocumentationSays) {
  const auto path = std::filesystem::path(__FILE__).parent_path() / "../../../docs/errors.md";
  if (std::getenv("UPDATE") != nullptr) std::ofstream(path) << reference();
  std::ifstream file(path);
  ASSERT_TRUE(file.is_open()) << path;
  std::ostringstream text;
  text << file.rdbuf();
  EXPECT_EQ(text.str(), reference()) << "UPDATE=1 unit_core writes it anew";
}

}  // namespace
}  // namespace parley
