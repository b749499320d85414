// Every transcript below this folder is a test of its own, named by the folder and the file.

#include "tests/scenarios/transcript.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>

namespace {

namespace fs = std::filesystem;

using MakeStage = std::unique_ptr<parley::scenarios::Stage> (*)();

class TranscriptTest : public testing::Test {
 public:
  TranscriptTest(fs::path path, MakeStage make) : path_(std::move(path)), make_(make) {}

  void TestBody() override {
    std::ifstream file(path_);
    const std::string recorded((std::istreambuf_iterator<char>(file)), {});
    const auto stage = make_();
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
  MakeStage make_;
};

void register_folder(const char* folder, const char* suite, MakeStage make) {
  for (const auto& entry : fs::directory_iterator(fs::path(SCENARIOS_DIR) / folder)) {
    if (entry.path().extension() != ".txt") continue;
    const auto name = entry.path().stem().string();
    testing::RegisterTest(suite, name.c_str(), nullptr, nullptr, __FILE__, __LINE__,
                          [path = entry.path(), make]() -> testing::Test* { return new TranscriptTest(path, make); });
  }
}

}  // namespace

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  register_folder("pusher", "Pusher", parley::scenarios::make_pusher_stage);
  register_folder("socketio", "SocketIo", parley::scenarios::make_socketio_stage);
  if (testing::UnitTest::GetInstance()->total_test_count() == 0) return 1;
  return RUN_ALL_TESTS();
}
