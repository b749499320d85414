// Every transcript below this folder is a test of its own, named by its path.

#include "tests/scenarios/transcript.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>

namespace {

namespace fs = std::filesystem;

class TranscriptTest : public testing::Test {
 public:
  explicit TranscriptTest(fs::path path) : path_(std::move(path)) {}

  void TestBody() override {
    std::ifstream file(path_);
    const std::string recorded((std::istreambuf_iterator<char>(file)), {});
    const auto stage = parley::scenarios::make_pusher_stage();
    const auto played = parley::scenarios::replay(recorded, *stage);
    if (std::getenv("UPDATE") != nullptr) {
      if (played != recorded) std::ofstream(path_) << played;
      return;
    }
    if (played == recorded) return;
    std::istringstream was(recorded);
    std::istringstream is(played);
    std::string was_line;
    std::string is_line;
    for (int number = 1;; ++number) {
      const bool more_was = static_cast<bool>(std::getline(was, was_line));
      const bool more_is = static_cast<bool>(std::getline(is, is_line));
      if (!more_was && !more_is) break;
      if (more_was && more_is && was_line == is_line) continue;
      FAIL() << path_.string() << ":" << number << "\n  recorded: " << (more_was ? was_line : "(end)")
             << "\n  now:      " << (more_is ? is_line : "(end)") << "\nUPDATE=1 records it anew.";
    }
  }

 private:
  fs::path path_;
};

}  // namespace

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  const fs::path folder = fs::path(SCENARIOS_DIR) / "pusher";
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (entry.path().extension() != ".txt") continue;
    const auto name = entry.path().stem().string();
    testing::RegisterTest("Pusher", name.c_str(), nullptr, nullptr, __FILE__, __LINE__,
                          [path = entry.path()]() -> testing::Test* { return new TranscriptTest(path); });
  }
  if (testing::UnitTest::GetInstance()->total_test_count() == 0) return 1;
  return RUN_ALL_TESTS();
}
