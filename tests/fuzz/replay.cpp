// Runs a fuzz target over the files of its corpus, and over damaged copies of each: cut short, a byte
// changed, doubled. No libFuzzer, any compiler; the same inputs each time.

#include "core/random.h"

#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size);

namespace {

void feed(const std::string& input) {
  LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(input.data()), input.size());
}

void feed_with_damage(const std::string& input) {
  feed(input);
  feed(input + input);
  parley::SeededRandom random(input.size());
  constexpr int kVariants = 300;
  for (int i = 0; i < kVariants && !input.empty(); ++i) {
    feed(input.substr(0, random.below(input.size())));
    auto changed = input;
    for (std::uint64_t n = 0; n <= random.below(4); ++n)
      changed[random.below(changed.size())] = static_cast<char>(random.next());
    feed(changed);
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  int files = 0;
  feed("");
  for (const auto& entry : std::filesystem::directory_iterator(argv[1])) {
    std::ifstream file(entry.path(), std::ios::binary);
    feed_with_damage({std::istreambuf_iterator<char>(file), {}});
    ++files;
  }
  std::printf("%d files of %s\n", files, argv[1]);
  return files > 0 ? 0 : 1;  // an empty corpus would test nothing
}
