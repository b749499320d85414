#include "tests/scenarios/transcript.h"

namespace parley::scenarios {

std::string replay(std::string_view transcript, Stage& stage) {
  std::string out;
  while (!transcript.empty()) {
    const auto end = transcript.find('\n');
    const auto line = transcript.substr(0, end);
    transcript.remove_prefix(end == std::string_view::npos ? transcript.size() : end + 1);
    if (line.starts_with('<') || line.starts_with('=')) continue;  // written anew
    out.append(line).push_back('\n');
    if (!line.starts_with('@') && !line.starts_with('>')) continue;
    for (const auto& answer : stage.play(line)) out.append(answer).push_back('\n');
  }
  return out;
}

}  // namespace parley::scenarios
